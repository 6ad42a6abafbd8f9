import asyncio

from tornado.httpclient import AsyncHTTPClient, HTTPClientError
from tornado.websocket import websocket_connect


async def main():
    client = AsyncHTTPClient()
    answers = await asyncio.gather(*(client.fetch(f"http://server:8888/{n}") for n in range(3)))
    print([answer.body.decode() for answer in answers])
    socket = await websocket_connect("ws://server:8888/echo")
    await socket.write_message("hello")
    print(await socket.read_message())
    socket.close()
    print(await socket.read_message())
    try:
        await client.fetch("http://server:8888/slow", request_timeout=0.05)
    except HTTPClientError as error:
        print(error)


asyncio.run(main())
