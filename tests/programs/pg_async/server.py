"""As much of PostgreSQL's wire protocol as a client needs to log in and ask: answers of made-up tables."""

import hashlib
import os
import socketserver
import ssl
import struct

CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
CONTEXT.load_cert_chain(os.environ["TLS_CERT"], os.environ["TLS_KEY"])


class Session(socketserver.StreamRequestHandler):
    def handle(self):
        if not self.start():
            return
        while message := self.read_message():
            kind, body = message
            if kind == b"X":
                return
            self.answer(kind, body)

    def start(self):
        while True:
            (length,) = struct.unpack("!i", self.rfile.read(4))
            body = self.rfile.read(length - 4)
            (version,) = struct.unpack("!i", body[:4])
            if version != 80877103:  # SSLRequest
                break
            self.wfile.write(b"S")
            self.connection = self.request = CONTEXT.wrap_socket(self.request, server_side=True)
            self.rfile, self.wfile = (
                self.connection.makefile("rb"),
                self.connection.makefile("wb", buffering=0),
            )
        words = body[4:].split(b"\0")
        user = words[words.index(b"user") + 1]
        self.send(b"R", struct.pack("!i4s", 5, b"salt"))
        _, given = self.read_message()
        inner = hashlib.md5(b"secret" + user).hexdigest().encode()
        if given.rstrip(b"\0") != b"md5" + hashlib.md5(inner + b"salt").hexdigest().encode():
            self.error("28P01", "password authentication failed")
            return False
        self.send(b"R", struct.pack("!i", 0))
        self.send(b"S", b"client_encoding\0UTF8\0")
        self.send(b"S", b"server_version\x0016.0\0")
        self.send(b"K", struct.pack("!ii", 1, 2))
        self.send(b"Z", b"I")
        return True

    def read_message(self):
        kind = self.rfile.read(1)
        if not kind:
            return None
        (length,) = struct.unpack("!i", self.rfile.read(4))
        return kind, self.rfile.read(length - 4)

    def send(self, kind, body):
        self.wfile.write(kind + struct.pack("!i", len(body) + 4) + body)

    def error(self, code, text):
        self.send(b"E", b"SERROR\0C" + code.encode() + b"\0M" + text.encode() + b"\0\0")

    def answer(self, kind, body):
        if kind == b"Q":
            self.binary = False
            self.query(body.rstrip(b"\0").decode())
            self.send(b"Z", b"I")
        elif kind == b"P":
            self.statement = body.split(b"\0")[1].decode()
            self.send(b"1", b"")
        elif kind == b"D":
            if body[:1] == b"S":
                self.send(b"t", struct.pack("!h", self.statement.count("$")))
            self.describe(self.statement)
        elif kind == b"B":
            self.binary = body.endswith(b"\0\1")
            self.send(b"2", b"")
        elif kind == b"E":
            self.rows(self.statement)
        elif kind == b"C":
            self.send(b"3", b"")
        elif kind == b"S":
            self.send(b"Z", b"I")

    def query(self, text):
        self.describe(text)
        self.rows(text)

    def describe(self, text):
        if not text.lower().startswith("select"):
            self.send(b"n", b"")
            return
        fields = b"".join(
            name + b"\0" + struct.pack("!ihihih", 0, 0, oid, -1, -1, 0)
            for name, oid in ((b"id", 23), (b"name", 25))
        )
        self.send(b"T", struct.pack("!h", 2) + fields)

    def rows(self, text):
        if "missing" in text:
            self.error("42P01", 'relation "missing" does not exist')
            return
        count = 0
        if text.lower().startswith("select"):
            for count in range(1, 201):
                number = struct.pack("!i", count) if self.binary else str(count).encode()
                values = (number, b"name %d" % count)
                row = b"".join(struct.pack("!i", len(value)) + value for value in values)
                self.send(b"D", struct.pack("!h", 2) + row)
        self.send(b"C", f"{text.split()[0].upper()} {count}\0".encode())


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


Server(("", 5432), Session).serve_forever()
