from socketserver import ThreadingMixIn
from xmlrpc.server import SimpleXMLRPCServer


class Server(ThreadingMixIn, SimpleXMLRPCServer):
    daemon_threads = True


def divide(a, b):
    return a / b


with Server(("0.0.0.0", 8000), allow_none=True, logRequests=False) as server:
    server.register_introspection_functions()
    server.register_function(pow)
    server.register_function(divide)
    server.register_multicall_functions()
    server.serve_forever()
