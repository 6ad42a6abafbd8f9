"""A switch's command line over SSH: a prompt, commands, a configuration mode."""

import io
import socket
import threading

import paramiko
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec


class Door(paramiko.ServerInterface):
    def check_auth_password(self, name, password):
        return paramiko.AUTH_SUCCESSFUL if password == "secret" else paramiko.AUTH_FAILED

    def get_allowed_auths(self, name):
        return "password"

    def check_channel_request(self, kind, number):
        return paramiko.OPEN_SUCCEEDED

    def check_channel_pty_request(self, channel, *args):
        return True

    def check_channel_shell_request(self, channel):
        threading.Thread(target=serve, args=(channel,), daemon=True).start()
        return True


def serve(channel):
    try:
        shell(channel)
    except OSError:
        channel.close()


def shell(channel):
    name = "switch"
    mode = ""
    channel.sendall(b"\r\nWelcome\r\n" + name.encode() + b"#")
    typed = b""
    while True:
        data = channel.recv(1024)
        if not data:
            return
        channel.sendall(data.replace(b"\n", b"\r\n"))
        typed += data
        while b"\n" in typed:
            line, _, typed = typed.partition(b"\n")
            line = line.strip().decode()
            out = ""
            if line == "configure terminal":
                mode = "(config)"
            elif line in ("end", "exit") and mode:
                mode = ""
            elif line == "exit":
                channel.close()
                return
            elif mode and line.startswith("hostname "):
                name = line.split()[1]
            elif line == "show version":
                out = "Box Software, version 1.2\r\n" + "".join(f"line {n}\r\n" for n in range(300))
            elif line.startswith("terminal") or not line:
                pass
            else:
                out = "% Invalid input\r\n"
            channel.sendall(f"{out}{name}{mode}#".encode())


key = ec.derive_private_key(12345678901234567890, ec.SECP256R1())
pem = key.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
)
host_key = paramiko.ECDSAKey.from_private_key(io.StringIO(pem.decode()))
listener = socket.create_server(("", 22))
while True:
    connection, _ = listener.accept()
    transport = paramiko.Transport(connection)
    transport.add_server_key(host_key)
    transport.start_server(server=Door())
