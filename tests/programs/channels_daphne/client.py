import asyncio
import json

import httpx
import websockets


async def main():
    async with httpx.AsyncClient(timeout=60) as client:
        print((await client.get("http://server:8000/hello/you")).json())
    async with (
        websockets.connect("ws://server:8000/chat/tea") as ann,
        websockets.connect("ws://server:8000/chat/tea") as ben,
    ):
        for n in range(3):
            await ann.send(json.dumps({"n": n}))
        print(
            [json.loads(await ben.recv()) for _ in range(3)], [json.loads(await ann.recv()) for _ in range(3)]
        )


asyncio.run(main())
