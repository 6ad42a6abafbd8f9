import asyncio

import nats


async def main():
    async with await nats.connect("nats://server:4222") as connection:

        async def answer(message):
            await connection.publish(message.reply, message.data[::-1])

        await connection.subscribe("reverse", cb=answer)
        updates = await connection.subscribe("updates.a")
        for number in range(3):
            await connection.publish("updates.a", str(number).encode())
        print([(await updates.next_msg(timeout=30)).data for _ in range(3)])
        print((await connection.request("reverse", b"abc", timeout=30)).data)


asyncio.run(main())
