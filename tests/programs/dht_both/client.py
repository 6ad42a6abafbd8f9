import asyncio

from kademlia.network import Server


async def main():
    first, second = Server(), Server()
    await first.listen(9000, interface="10.0.0.2")
    await second.listen(9001, interface="10.0.0.2")
    await asyncio.sleep(5)
    while not await first.bootstrap([("10.0.0.1", 8468)]) or not await second.bootstrap([("10.0.0.1", 8471)]):
        await asyncio.sleep(1)
    print(await first.set("tea", "green"))
    print(await second.get("tea"), await second.get("ale"))
    first.stop()
    second.stop()


asyncio.run(main())
