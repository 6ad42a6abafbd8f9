import asyncio

from websockets.asyncio.server import serve


async def echo(socket):
    async for message in socket:
        await socket.send(message[::-1])


async def main():
    async with serve(echo, "", 8765, ping_interval=1, ping_timeout=20):
        await asyncio.get_running_loop().create_future()


asyncio.run(main())
