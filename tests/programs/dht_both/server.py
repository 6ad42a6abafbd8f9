import asyncio

from kademlia.network import Server


async def main():
    nodes = []
    for n in range(8):
        node = Server()
        await node.listen(8468 + n, interface="10.0.0.1")
        if nodes:
            await node.bootstrap([("10.0.0.1", 8468)])
        nodes.append(node)
    await asyncio.Event().wait()


asyncio.run(main())
