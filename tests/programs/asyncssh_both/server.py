import asyncio

import asyncssh


class Server(asyncssh.SSHServer):
    def password_auth_supported(self):
        return True

    def validate_password(self, username, password):
        return password == "foo"


async def handle(process):
    process.stdout.write(f"ran {process.command}\n")
    async for line in process.stdin:
        process.stdout.write(line.upper())
    process.exit(4)


async def main():
    key = asyncssh.generate_private_key("ssh-ed25519")
    await asyncssh.create_server(Server, "", 8022, server_host_keys=[key], process_factory=handle)
    await asyncio.get_running_loop().create_future()


asyncio.run(main())
