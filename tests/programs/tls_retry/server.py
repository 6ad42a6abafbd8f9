"""Keeps what it is told, each message once, however often it comes."""

import json
import os
import socketserver
import ssl


class Keeper(socketserver.StreamRequestHandler):
    timeout = 20

    def handle(self):
        for line in self.rfile:
            message = json.loads(line)
            self.server.kept.setdefault(message["id"], message["text"])
            self.wfile.write(
                json.dumps({"id": message["id"], "kept": len(self.server.kept)}).encode() + b"\n"
            )


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 20

    def __init__(self, address):
        super().__init__(address, Keeper)
        self.kept = {}
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.context.load_cert_chain(os.environ["TLS_CERT"])

    def get_request(self):
        connection, address = super().get_request()
        connection.settimeout(20)
        return self.context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address

    def handle_error(self, request, address):
        pass


with Server(("0.0.0.0", 8443)) as server:
    server.serve_forever()
