import asyncio
import os
import ssl

from websockets.asyncio.server import serve


async def echo(socket):
    async for message in socket:
        await socket.send(message[::-1])


async def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.environ["TLS_CERT"], os.environ["TLS_KEY"])
    async with serve(echo, "", 443, ssl=context, ping_interval=1):
        await asyncio.get_running_loop().create_future()


asyncio.run(main())
