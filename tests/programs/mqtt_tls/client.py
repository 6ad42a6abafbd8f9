import asyncio
import ssl

import aiomqtt


async def sealed():
    context = ssl.create_default_context()
    async with aiomqtt.Client("server", 8883, tls_context=context, identifier="listener") as listener:
        await listener.subscribe("house/#", qos=1)
        async with aiomqtt.Client("server", 8883, tls_context=context, identifier="speaker") as speaker:
            for qos in (0, 1, 2):
                await speaker.publish(f"house/{qos}", f"qos {qos}", qos=max(qos, 1))
        got = []
        async for message in listener.messages:
            got.append((message.topic.value, message.payload))
            if len(got) == 3:
                break
        print(sorted(got))
    async with aiomqtt.Client("server", 8080, transport="websockets", identifier="browser") as client:
        await client.publish("house/x", "by websocket", qos=1)
        print("published by websocket")


asyncio.run(sealed())
