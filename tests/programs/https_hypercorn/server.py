import asyncio
import os

from hypercorn.asyncio import serve
from hypercorn.config import Config
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


async def echo(request: Request):
    body = await request.body()
    return JSONResponse({"version": request.scope["http_version"], "length": len(body)})


config = Config()
config.bind = ["0.0.0.0:443"]
config.certfile, config.keyfile = os.environ["TLS_CERT"], os.environ["TLS_KEY"]
asyncio.run(serve(Starlette(routes=[Route("/", echo, methods=["GET", "POST"])]), config))
