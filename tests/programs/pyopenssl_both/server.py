import os
import socketserver

from OpenSSL import SSL

context = SSL.Context(SSL.TLS_METHOD)
context.use_certificate_chain_file(os.environ["TLS_CERT"])
context.use_privatekey_file(os.environ["TLS_KEY"])


class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        connection = SSL.Connection(context, self.request)
        connection.set_accept_state()
        request = b""
        try:
            while not request.endswith(b"\r\n\r\n"):
                request += connection.recv(4096)
        except SSL.Error as error:
            print(type(error).__name__)
            return
        path = request.split()[1].decode()
        body = b"0123456789" * int(path[1:])
        connection.sendall(
            b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body
        )
        try:
            while not connection.shutdown():
                pass
        except SSL.SysCallError as error:
            # The client did not wait for the end.
            print(error)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


Server(("", 443), Handler).serve_forever()
