import socketio
from aiohttp import web

io = socketio.AsyncServer(async_mode="aiohttp")
app = web.Application()
io.attach(app)


@io.event
async def connect(sid, environ):
    await io.emit("welcome", {"from": environ["REMOTE_ADDR"]}, to=sid)


@io.event
async def shout(sid, word):
    return word.upper()


web.run_app(app, port=5000, print=None)
