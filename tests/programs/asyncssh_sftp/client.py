import asyncio

import asyncssh
import paramiko
import requests


async def main():
    async with asyncssh.connect(
        "server", 8022, username="anna", password="foo", known_hosts=None, client_keys=None, config=None
    ) as connection:
        async with connection.start_sftp_client() as sftp:
            async with sftp.open("a.bin", "wb") as file:
                await file.write(b"x" * 100_000)
            print(
                await sftp.getsize("a.bin"), sorted(name for name in await sftp.listdir() if name[0] != ".")
            )
        async with connection.forward_local_port("", 8080, "127.0.0.1", 80):
            answer = await asyncio.to_thread(requests.get, "http://localhost:8080/", timeout=60)
            print(answer.text)
        async with connection.forward_socks("", 1080):
            proxies = {"http": "socks5h://localhost:1080"}
            answer = await asyncio.to_thread(requests.get, "http://server/", proxies=proxies, timeout=60)
            print(answer.text)


asyncio.run(main())
client = paramiko.SSHClient()
client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
client.connect("server", 8022, "anna", "foo", look_for_keys=False, allow_agent=False, timeout=60)
with client.open_sftp() as sftp, sftp.open("a.bin") as file:
    file.prefetch()
    print(len(file.read()))
client.close()
