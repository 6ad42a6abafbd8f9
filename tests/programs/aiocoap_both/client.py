import asyncio

import aiocoap
import aiocoap.error


async def main():
    context = await aiocoap.Context.create_client_context(transports=["udp6"])

    async def ask(code, path, payload=b"", host="server"):
        message = aiocoap.Message(code=code, uri=f"coap://{host}/{path}", payload=payload)
        answer = await context.request(message).response
        return str(answer.code), answer.payload

    print(await ask(aiocoap.GET, "block"))
    print(await ask(aiocoap.PUT, "block", b"x" * 5000))
    print(len((await ask(aiocoap.GET, "block"))[1]))
    print((await ask(aiocoap.GET, "nothing"))[0])
    try:
        await ask(aiocoap.GET, "block", host="server:5")
    except aiocoap.error.NetworkError as error:
        print(type(error).__name__)
    await context.shutdown()


asyncio.run(main())
