import socket
import threading

import paramiko

KEY = paramiko.RSAKey.generate(1024)


class Server(paramiko.ServerInterface):
    def __init__(self):
        self.command = threading.Event()

    def check_channel_request(self, kind, chanid):
        return (
            paramiko.OPEN_SUCCEEDED if kind == "session" else paramiko.OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED
        )

    def check_auth_password(self, username, password):
        return paramiko.AUTH_SUCCESSFUL if password == "foo" else paramiko.AUTH_FAILED

    def check_channel_exec_request(self, channel, command):
        self.text = command.decode()
        self.command.set()
        return True


def serve(connection):
    transport = paramiko.Transport(connection)
    transport.add_server_key(KEY)
    server = Server()
    transport.start_server(server=server)
    channel = transport.accept(60)
    if channel is None:
        return
    server.command.wait(60)
    channel.sendall(f"ran {server.text}\n".encode())
    channel.sendall(b"x" * 20_000)
    channel.send_exit_status(3)
    channel.close()


listener = socket.create_server(("", 2200))
while True:
    connection, _ = listener.accept()
    threading.Thread(target=serve, args=(connection,), daemon=True).start()
