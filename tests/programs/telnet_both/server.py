import asyncio

import telnetlib3


async def shell(reader, writer):
    writer.write("name? ")
    name = await reader.readline()
    writer.write(f"hello {name.strip()}\r\n")
    await writer.drain()
    writer.close()


async def main():
    server = await telnetlib3.create_server(host="0.0.0.0", port=23, shell=shell)
    await server.wait_closed()


asyncio.run(main())
