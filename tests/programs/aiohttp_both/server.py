import asyncio

from aiohttp import WSMsgType, web


async def index(request):
    return web.json_response({"name": request.match_info.get("name", "nobody")})


async def upload(request):
    data = await request.post()
    return web.Response(text=f"{data['title']} {len(data['file'].file.read())}")


async def chat(request):
    socket = web.WebSocketResponse(heartbeat=5)
    await socket.prepare(request)
    async for message in socket:
        if message.type == WSMsgType.TEXT:
            if message.data == "close":
                await socket.close()
            else:
                await socket.send_str(message.data.upper())
    return socket


async def events(request):
    answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await answer.prepare(request)
    for number in range(3):
        await answer.write(f"data: {number}\n\n".encode())
        await asyncio.sleep(0.2)
    return answer


app = web.Application()
app.add_routes(
    [
        web.get("/hello/{name}", index),
        web.post("/upload", upload),
        web.get("/chat", chat),
        web.get("/events", events),
    ]
)
web.run_app(app, port=8080, print=None)
