import asyncio

from fastapi import FastAPI, WebSocket
from fastapi.responses import StreamingResponse
from hypercorn.asyncio import serve
from hypercorn.config import Config
from pydantic import BaseModel

app = FastAPI()


class Order(BaseModel):
    item: str
    count: int = 1


@app.post("/orders")
async def order(order: Order):
    return {"item": order.item, "total": order.count * 3}


@app.get("/slow")
def slow():
    import time

    time.sleep(0.3)
    return {"thread": "pool"}


@app.get("/stream")
async def stream():
    async def rows():
        for number in range(3):
            yield f"data: {number}\n\n"
            await asyncio.sleep(0.1)

    return StreamingResponse(rows(), media_type="text/event-stream")


@app.websocket("/ws")
async def echo(socket: WebSocket):
    await socket.accept()
    await socket.send_text((await socket.receive_text()) * 2)
    await socket.close()


config = Config()
config.bind = ["0.0.0.0:8000"]
asyncio.run(serve(app, config))
