import asyncio
import tempfile

import asyncssh

home = tempfile.mkdtemp()


class Server(asyncssh.SSHServer):
    def password_auth_supported(self):
        return True

    def validate_password(self, username, password):
        return password == "foo"

    def connection_requested(self, host, port, original_host, original_port):
        return True


async def web(reader, writer):
    while (await reader.readline()).strip():
        pass
    peer = writer.get_extra_info("peername")[0]
    writer.write(b"HTTP/1.0 200 OK\r\n\r\nthrough the tunnel, from " + peer.encode())
    await writer.drain()
    writer.close()


async def main():
    await asyncio.start_server(web, "0.0.0.0", 80)
    await asyncssh.create_server(
        Server,
        "",
        8022,
        server_host_keys=[asyncssh.generate_private_key("ssh-ed25519")],
        sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=home),
    )
    await asyncio.get_running_loop().create_future()


asyncio.run(main())
