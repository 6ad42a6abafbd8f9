import asyncio

from codec import BytesCodec
from grpclib.const import Cardinality, Handler, Status
from grpclib.exceptions import GRPCError
from grpclib.server import Server


class Shout:
    async def once(self, stream):
        message = await stream.recv_message()
        if message == b"bad":
            raise GRPCError(Status.INVALID_ARGUMENT, "not that word")
        await stream.send_message(message.upper())

    async def count(self, stream):
        for number in range(int(await stream.recv_message())):
            await stream.send_message(str(number).encode())
            await asyncio.sleep(0.05)

    def __mapping__(self):
        return {
            "/Shout/Once": Handler(self.once, Cardinality.UNARY_UNARY, bytes, bytes),
            "/Shout/Count": Handler(self.count, Cardinality.UNARY_STREAM, bytes, bytes),
        }


async def main():
    server = Server([Shout()], codec=BytesCodec())
    await server.start("0.0.0.0", 50051)
    await server.wait_closed()


asyncio.run(main())
