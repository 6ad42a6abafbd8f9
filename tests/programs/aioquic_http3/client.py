import asyncio
import os

from aioquic.asyncio import QuicConnectionProtocol, connect
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration


class Http(QuicConnectionProtocol):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.http = H3Connection(self._quic)
        self.answers = {}

    async def post(self, path, body):
        stream = self._quic.get_next_available_stream_id()
        head = [(b":method", b"POST"), (b":scheme", b"https"), (b":authority", b"server"), (b":path", path)]
        self.http.send_headers(stream, head)
        self.http.send_data(stream, body, end_stream=True)
        self.answers[stream] = [b"", asyncio.get_running_loop().create_future()]
        self.transmit()
        return await self.answers[stream][1]

    def quic_event_received(self, event):
        for item in self.http.handle_event(event):
            if isinstance(item, (HeadersReceived, DataReceived)):
                answer = self.answers[item.stream_id]
                answer[0] += getattr(item, "data", b"")
                if item.stream_ended:
                    answer[1].set_result(answer[0])


async def main():
    configuration = QuicConfiguration(alpn_protocols=H3_ALPN)
    configuration.load_verify_locations(os.environ["SSL_CERT_FILE"])
    async with connect("server", 443, configuration=configuration, create_protocol=Http) as client:
        print(await client.post(b"/", b"abc"))
        bodies = [bytes([n]) * 20_000 + b"end" for n in range(4)]
        answers = await asyncio.gather(*(client.post(b"/up", body) for body in bodies))
        print([answer == body[::-1] for answer, body in zip(answers, bodies)])
    try:
        async with connect("10.0.0.1", 443, configuration=configuration, create_protocol=Http):
            print("connected")
    except ConnectionError as error:
        print(type(error).__name__)


asyncio.run(main())
