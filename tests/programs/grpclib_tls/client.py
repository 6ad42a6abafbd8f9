import asyncio
import ssl

from grpclib.client import Channel, StreamStreamMethod
from grpclib.encoding.base import CodecBase


class Bytes(CodecBase):
    __content_subtype__ = "bytes"

    def encode(self, message, message_type):
        return message

    def decode(self, data, message_type):
        return data


async def main():
    context = ssl.create_default_context()
    context.set_alpn_protocols(["h2"])
    async with Channel("server", 443, codec=Bytes(), ssl=context) as channel:
        async with StreamStreamMethod(channel, "/Shout/Talk", bytes, bytes).open() as stream:
            for word in (b"one", b"two" * 20_000):
                await stream.send_message(word)
                print((await stream.recv_message())[:6])
            await stream.end()
            print(await stream.recv_message())


asyncio.run(main())
