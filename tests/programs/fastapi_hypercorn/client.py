import asyncio

import httpx
from websockets.asyncio.client import connect


async def main():
    async with httpx.AsyncClient(base_url="http://server:8000", timeout=60) as client:
        print((await client.post("/orders", json={"item": "tea", "count": 4})).json())
        answer = await client.post("/orders", json={"count": "x"})
        print(answer.status_code, len(answer.json()["detail"]))
        print((await client.get("/slow")).json())
        async with client.stream("GET", "/stream") as stream:
            print([line async for line in stream.aiter_lines() if line])
    async with connect("ws://server:8000/ws") as socket:
        await socket.send("ab")
        print(await socket.recv())


asyncio.run(main())
