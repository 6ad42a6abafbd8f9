import os
import select
import socket
import ssl
import urllib.request

import urllib3
from OpenSSL import SSL
from urllib3.contrib.pyopenssl import PyOpenSSLContext

with urllib.request.urlopen("https://server/10000") as answer:
    print(answer.status, len(answer.read()))

context = PyOpenSSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.verify_mode = ssl.CERT_REQUIRED
context.load_verify_locations(os.environ["SSL_CERT_FILE"])
with urllib3.PoolManager(ssl_context=context, timeout=60) as pool:
    print(pool.request("GET", "https://server/20000").data == b"0123456789" * 20_000)


def connect(trusting):
    context = SSL.Context(SSL.TLS_METHOD)
    if trusting:
        context.load_verify_locations(os.environ["SSL_CERT_FILE"])
    context.set_verify(SSL.VERIFY_PEER)
    connection = SSL.Connection(context, socket.socket())
    connection.set_tlsext_host_name(b"server")
    connection.connect(("server", 443))
    return connection


connection = connect(True)
connection.sendall(b"GET /3 HTTP/1.1\r\n\r\n")
answer = b""
try:
    while part := connection.recv(1000):
        answer += part
except SSL.ZeroReturnError:
    print(answer.splitlines(), connection.shutdown())
connection.close()

# The same without blocking.
connection = connect(True)
connection.setblocking(False)
waited = set()


def until(call, *arguments):
    while True:
        try:
            return call(*arguments)
        except SSL.WantReadError:
            waited.add("read")
            select.select([connection], [], [], 30)
        except SSL.WantWriteError:
            waited.add("write")
            select.select([], [connection], [], 30)


until(connection.do_handshake)
until(connection.send, b"GET /5000 HTTP/1.1\r\n\r\n")
size = 0
try:
    while part := until(connection.recv, 65536):
        size += len(part)
except SSL.ZeroReturnError:
    print(size, sorted(waited), connection.get_protocol_version_name())
connection.close()

connection = connect(False)
try:
    connection.do_handshake()
except SSL.Error as error:
    print(error.args[0][0][2])
connection.close()
