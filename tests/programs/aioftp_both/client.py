import asyncio

import aioftp


async def main():
    async with aioftp.Client.context("server", 21, "user", "12345") as client:
        async with client.upload_stream("up.bin") as stream:
            await stream.write(b"x" * 30_000)
        print([(str(path), info["size"]) async for path, info in client.list()])
        async with client.download_stream("up.bin") as stream:
            print(len(await stream.read()))
        await client.remove("up.bin")
        print(await client.exists("up.bin"))


asyncio.run(main())
