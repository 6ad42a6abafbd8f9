import asyncio
import os
import ssl

import aiorpcx


class Session(aiorpcx.RPCSession):
    async def handle_request(self, request):
        async def echo(message):
            return message

        async def slow():
            await asyncio.sleep(5)

        return await aiorpcx.handler_invocation({"echo": echo, "slow": slow}.get(request.method), request)()


async def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.environ["TLS_CERT"], os.environ["TLS_KEY"])
    await aiorpcx.serve_rs(Session, "0.0.0.0", 8888, ssl=context)
    await asyncio.get_running_loop().create_future()


asyncio.run(main())
