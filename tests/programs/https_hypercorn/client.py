import asyncio
import ssl
import urllib.request

import aiohttp
import httpx
import requests

with urllib.request.urlopen("https://server/", timeout=60) as answer:
    print(answer.read())
with requests.Session() as session:
    print(session.post("https://server/", data=b"x" * 30_000, timeout=60).json())
    print(session.get("https://server/", timeout=60).json())
try:
    requests.get("https://10.0.0.1/", timeout=60)
except requests.exceptions.SSLError as error:
    print("IP address mismatch" in str(error))


async def main():
    async with httpx.AsyncClient(
        http2=True, base_url="https://server", timeout=60, verify=ssl.create_default_context()
    ) as client:
        answers = await asyncio.gather(*(client.post("/", content=b"y" * 5000 * n) for n in range(5)))
        print(
            [answer.json()["length"] for answer in answers],
            answers[0].json()["version"],
            answers[0].http_version,
        )
    async with aiohttp.ClientSession() as session, session.get("https://server/") as answer:
        print(await answer.json())


asyncio.run(main())
