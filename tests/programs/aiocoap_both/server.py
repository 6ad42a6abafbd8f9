import asyncio

import aiocoap
import aiocoap.resource as resource


class Block(resource.Resource):
    def __init__(self):
        super().__init__()
        self.content = b"nothing yet"

    async def render_get(self, request):
        return aiocoap.Message(payload=self.content)

    async def render_put(self, request):
        self.content = request.payload
        return aiocoap.Message(code=aiocoap.CHANGED, payload=str(len(self.content)).encode())


async def main():
    site = resource.Site()
    site.add_resource(["block"], Block())
    await aiocoap.Context.create_server_context(site, transports=["udp6"])
    await asyncio.get_running_loop().create_future()


asyncio.run(main())
