import asyncio

import telnetlib3


async def ask(name):
    reader, writer = await telnetlib3.open_connection("server", 23)
    await reader.readuntil(b"? ")
    writer.write(f"{name}\r\n")
    return (await reader.read()).split()[-2:]


async def main():
    print(await asyncio.gather(ask("anna"), ask("ben")))


asyncio.run(main())
