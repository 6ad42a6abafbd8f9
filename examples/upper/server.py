"""Send every message back in upper case, over TCP.

Usage: python server.py [PORT]
"""

import socketserver
import sys


class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        while data := self.request.recv(1024):
            message = data.strip()
            print(f"{self.client_address[0]} sent: {message.decode()}", flush=True)
            self.request.sendall(message.upper())


class Server(socketserver.TCPServer):
    allow_reuse_address = True


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 9999
    with Server(("", port), Handler) as server:
        server.serve_forever()
