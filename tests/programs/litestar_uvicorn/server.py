import asyncio

import uvicorn
from litestar import Litestar, get, post
from litestar.response import ServerSentEvent


@get("/hello/{name:str}")
async def hello(name: str) -> dict[str, str]:
    return {"hello": name}


@post("/sum")
async def total(data: list[int]) -> int:
    return sum(data)


@get("/ticks")
async def ticks() -> ServerSentEvent:
    async def each():
        for n in range(5):
            await asyncio.sleep(1)
            yield {"data": str(n)}

    return ServerSentEvent(each())


app = Litestar([hello, total, ticks])
if __name__ == "__main__":
    uvicorn.run(app, host="0.0.0.0", port=8000)
