import io
import re
import socket
import threading

import paramiko
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

END = b"]]>]]>"
HELLO = b"""<?xml version="1.0" encoding="UTF-8"?>
<hello xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"><capabilities>
<capability>urn:ietf:params:netconf:base:1.0</capability></capabilities><session-id>4</session-id></hello>"""


class Door(paramiko.ServerInterface):
    def check_auth_password(self, name, password):
        return paramiko.AUTH_SUCCESSFUL if password == "secret" else paramiko.AUTH_FAILED

    def get_allowed_auths(self, name):
        return "password"

    def check_channel_request(self, kind, number):
        return paramiko.OPEN_SUCCEEDED

    def check_channel_subsystem_request(self, channel, name):
        if name != "netconf":
            return False
        threading.Thread(target=serve, args=(channel,), daemon=True).start()
        return True


def serve(channel):
    channel.sendall(HELLO + END)
    data = b""
    config = b"<name>box</name>"
    while True:
        more = channel.recv(65536)
        if not more:
            return
        data += more
        while END in data:
            message, _, data = data.partition(END)
            number = re.search(rb'message-id="([^"]+)"', message)
            if not number:
                continue
            if b"close-session" in message:
                body = b"<ok/>"
            elif b"get-config" in message:
                body = b"<data><system xmlns='urn:box'>" + config + b"</system></data>"
            elif b"edit-config" in message:
                config = re.search(rb"<name>.*?</name>", message)[0]
                body = b"<ok/>"
            else:
                body = (
                    b"<rpc-error><error-type>protocol</error-type>"
                    b"<error-tag>operation-not-supported</error-tag><error-severity>error</error-severity></rpc-error>"
                )
            channel.sendall(
                b'<rpc-reply xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" message-id="'
                + number[1]
                + b'">'
                + body
                + b"</rpc-reply>"
                + END
            )


key = ec.derive_private_key(12345678901234567890, ec.SECP256R1())
pem = key.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
)
host_key = paramiko.ECDSAKey.from_private_key(io.StringIO(pem.decode()))
listener = socket.create_server(("", 830))
while True:
    connection, _ = listener.accept()
    transport = paramiko.Transport(connection)
    transport.add_server_key(host_key)
    transport.start_server(server=Door())
