"""Send every message back in upper case, over TCP, with asyncio.

Usage: python server_async.py [PORT]
"""

import asyncio
import sys


async def handle(reader, writer):
    host = writer.get_extra_info("peername")[0]
    while data := await reader.read(1024):
        message = data.strip()
        print(f"{host} sent: {message.decode()}", flush=True)
        writer.write(message.upper())
        await writer.drain()
    writer.close()
    await writer.wait_closed()


async def main(port):
    server = await asyncio.start_server(handle, "0.0.0.0", port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 9999))
