import asyncio

from quart import Quart, request, websocket

app = Quart(__name__)


@app.post("/length")
async def length():
    return {"length": len(await request.get_data())}


@app.get("/count")
async def count():
    async def rows():
        for number in range(3):
            yield f"{number}\n"
            await asyncio.sleep(0.1)

    return rows(), 200, {"Content-Type": "text/plain"}


@app.websocket("/ws")
async def ws():
    while True:
        await websocket.send((await websocket.receive()).upper())


if __name__ == "__main__":
    app.run(host="0.0.0.0", port=5000)
