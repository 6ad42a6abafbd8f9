import asyncio

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect as connect_sync


async def talk(word):
    async with connect("ws://server:8765") as socket:
        await socket.send(word)
        return await socket.recv()


async def main():
    print(await asyncio.gather(talk("abc"), talk("x" * 20_000 + "y")) == ["cba", "y" + "x" * 20_000])
    async with connect("ws://server:8765") as socket:
        await asyncio.sleep(5)
        await (await socket.ping())
        print(socket.latency > 0.039)


asyncio.run(main())
with connect_sync("ws://server:8765") as socket:
    socket.send(b"\x01\x02")
    print(socket.recv())
try:
    socket.send("late")
except ConnectionClosed as closed:
    print(closed.rcvd.code)
