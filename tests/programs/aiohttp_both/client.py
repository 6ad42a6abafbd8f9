import asyncio
import io

import aiohttp


async def main():
    async with aiohttp.ClientSession("http://server:8080") as session:

        async def hello(name):
            async with session.get(f"/hello/{name}") as answer:
                return (await answer.json())["name"]

        print(await asyncio.gather(*(hello(name) for name in ("anna", "ben", "cleo"))))
        form = aiohttp.FormData({"title": "picture"})
        form.add_field("file", io.BytesIO(b"x" * 40_000), filename="x.bin")
        async with session.post("/upload", data=form) as answer:
            print(await answer.text())
        async with session.ws_connect("/chat") as socket:
            for word in ("one", "two"):
                await socket.send_str(word)
                print((await socket.receive()).data)
            await socket.send_str("close")
            print((await socket.receive()).type.name)
        async with session.get("/events") as answer:
            print([line.decode().strip() async for line in answer.content if line.strip()])
        try:
            async with session.get("/hello/x", timeout=aiohttp.ClientTimeout(total=0.001)):
                print("no timeout")
        except TimeoutError as error:
            print(type(error).__name__)


asyncio.run(main())
