import asyncio

import httpx


async def main():
    async with httpx.AsyncClient(base_url="http://server:8000", timeout=60) as client:
        answers = await asyncio.gather(*(client.get(f"/item/{number}") for number in range(6)))
        for answer in answers:
            print(answer.status_code, answer.http_version, answer.text)
        print((await client.post("/up", content=b"x" * 30_000)).text)


with httpx.Client(timeout=60) as client:
    print(client.put("http://server:8000/sync", json={"a": 1}).text)
asyncio.run(main())
try:
    httpx.get("http://server:9/", timeout=30)
except httpx.ConnectError as error:
    print(error)
