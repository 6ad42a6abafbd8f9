import asyncio
import sys

import httpx
from websockets.asyncio.client import connect

base = "server:" + (sys.argv[1] if sys.argv[1:] else "5000")


async def main():
    async with httpx.AsyncClient(base_url=f"http://{base}", timeout=60) as client:
        print((await client.post("/length", content=b"x" * 40_000)).json())
        async with client.stream("GET", "/count") as answer:
            print([line async for line in answer.aiter_lines()])
    async with connect(f"ws://{base}/ws") as socket:
        await socket.send("hello")
        print(await socket.recv())


asyncio.run(main())
