import asyncio
import os

from aioquic.asyncio import QuicConnectionProtocol, serve
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration


class Http(QuicConnectionProtocol):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.http = H3Connection(self._quic)
        self.received = {}

    def quic_event_received(self, event):
        for item in self.http.handle_event(event):
            if isinstance(item, (HeadersReceived, DataReceived)):
                self.received[item.stream_id] = self.received.get(item.stream_id, b"") + getattr(
                    item, "data", b""
                )
                if item.stream_ended:
                    body = self.received.pop(item.stream_id)[::-1]
                    self.http.send_headers(item.stream_id, [(b":status", b"200")])
                    self.http.send_data(item.stream_id, body, end_stream=True)
                    self.transmit()


async def main():
    configuration = QuicConfiguration(alpn_protocols=H3_ALPN, is_client=False)
    configuration.load_cert_chain(os.environ["TLS_CERT"], os.environ["TLS_KEY"])
    await serve("::", 443, configuration=configuration, create_protocol=Http)
    await asyncio.Event().wait()


asyncio.run(main())
