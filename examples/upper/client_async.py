"""Send one message to the upper-case server over TCP, with asyncio, and print the answer.

Usage: python client_async.py HOST PORT
"""

import asyncio
import sys


async def main(host, port):
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(b"Hello socket!\n")
    await writer.drain()
    answer = await reader.read(1024)
    print(f"Received: {answer.decode()}")
    writer.close()
    await writer.wait_closed()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
