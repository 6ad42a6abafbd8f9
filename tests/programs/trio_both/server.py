import trio


async def echo(stream):
    async for data in stream:
        await stream.send_all(data.upper())


trio.run(trio.serve_tcp, echo, 7000)
