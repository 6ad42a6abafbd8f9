import asyncio
import ssl

import aiorpcx


async def main():
    async with aiorpcx.connect_rs("server", 8888, ssl=ssl.create_default_context()) as session:
        print(await session.send_request("echo", ["howdy"]))
        async with session.send_batch() as batch:
            for number in range(5):
                batch.add_request("echo", [number])
        print(batch.results)
        try:
            await session.send_request("nothing")
        except aiorpcx.RPCError as error:
            print(error.message)
        try:
            async with aiorpcx.timeout_after(1):
                await session.send_request("slow")
        except aiorpcx.TaskTimeout as error:
            print(error)


asyncio.run(main())
