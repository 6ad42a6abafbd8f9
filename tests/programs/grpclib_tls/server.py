import asyncio
import os
import ssl

from grpclib.const import Cardinality, Handler
from grpclib.encoding.base import CodecBase
from grpclib.server import Server


class Bytes(CodecBase):
    __content_subtype__ = "bytes"

    def encode(self, message, message_type):
        return message

    def decode(self, data, message_type):
        return data


class Shout:
    async def talk(self, stream):
        async for message in stream:
            await stream.send_message(message.upper())

    def __mapping__(self):
        return {"/Shout/Talk": Handler(self.talk, Cardinality.STREAM_STREAM, bytes, bytes)}


async def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.environ["TLS_CERT"], os.environ["TLS_KEY"])
    context.set_alpn_protocols(["h2"])
    server = Server([Shout()], codec=Bytes())
    await server.start("0.0.0.0", 443, ssl=context)
    await server.wait_closed()


asyncio.run(main())
