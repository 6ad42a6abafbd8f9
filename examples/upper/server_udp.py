"""Send every message back in upper case, over UDP.

Usage: python server_udp.py [PORT]
"""

import socketserver
import sys


class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        data, sock = self.request
        message = data.strip()
        print(f"{self.client_address[0]} sent: {message.decode()}", flush=True)
        sock.sendto(message.upper(), self.client_address)


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 9999
    with socketserver.UDPServer(("", port), Handler) as server:
        server.serve_forever()
