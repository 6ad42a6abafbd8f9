import asyncio

from codec import BytesCodec
from grpclib.client import Channel, UnaryStreamMethod, UnaryUnaryMethod
from grpclib.exceptions import GRPCError


async def main():
    async with Channel("server", 50051, codec=BytesCodec()) as channel:
        once = UnaryUnaryMethod(channel, "/Shout/Once", bytes, bytes)
        print(await asyncio.gather(*(once(word) for word in (b"one", b"two", b"x" * 3))))
        count = UnaryStreamMethod(channel, "/Shout/Count", bytes, bytes)
        print(await count(b"5"))
        try:
            await once(b"bad")
        except GRPCError as error:
            print(error.status.name, error.message)
        try:
            await once(b"late", timeout=0.001)
        except TimeoutError:
            print("deadline")


asyncio.run(main())
