"""Tells a server over TLS, and tells it again after what fails, with backoff and jitter."""

import json
import random
import socket
import ssl
import time


class Teller:
    def __init__(self, host, port, timeout=4.0):
        self.address = (host, port)
        self.timeout = timeout
        self.context = ssl.create_default_context()
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.connection = None
        self.lines = None
        self.failures = []

    def connect(self):
        plain = socket.create_connection(self.address, timeout=self.timeout)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self.connection = self.context.wrap_socket(plain, server_hostname=self.address[0])
        except BaseException:
            plain.close()
            raise
        self.lines = self.connection.makefile("rb")

    def close(self):
        if self.connection is not None:
            self.lines.close()
            self.connection.close()
            self.connection = None

    def tell(self, message):
        delay = 0.25
        for _ in range(30):
            try:
                if self.connection is None:
                    self.connect()
                self.connection.sendall(json.dumps(message).encode() + b"\n")
                line = self.lines.readline()
                if not line:
                    raise ConnectionResetError("the server closed")
                return json.loads(line)
            except (OSError, ValueError) as error:
                self.failures.append(type(error).__name__)
                self.close()
                time.sleep(delay + random.uniform(0, delay))
                delay = min(delay * 2, 8)
        raise TimeoutError(f"gave up telling {message['id']}")


teller = Teller("server", 8443)
for number in range(60):
    answer = teller.tell({"id": number, "text": "x" * 3000})
    assert answer["id"] == number, answer
    time.sleep(1)
teller.close()
print("kept", answer["kept"])
print("failures", " ".join(sorted(set(teller.failures))) or "none")
