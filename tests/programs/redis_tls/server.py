"""fakeredis' TCP server behind a TLS front in threads."""

import os
import socket
import ssl
import threading

from fakeredis import TcpFakeServer

redis = TcpFakeServer(("127.0.0.1", 6379), server_type="redis")
threading.Thread(target=redis.serve_forever, daemon=True).start()
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(os.environ["TLS_CERT"], os.environ["TLS_KEY"])


def pump(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


with socket.create_server(("", 6380)) as listener:
    while True:
        connection, _ = listener.accept()
        outside = context.wrap_socket(connection, server_side=True)
        inside = socket.create_connection(("127.0.0.1", 6379))
        threading.Thread(target=pump, args=(outside, inside), daemon=True).start()
        threading.Thread(target=pump, args=(inside, outside), daemon=True).start()
