import os
import signal
import ssl

from aiosmtpd.controller import Controller


class Handler:
    async def handle_DATA(self, server, session, envelope):
        print(envelope.rcpt_tos, len(envelope.content), session.ssl is not None)
        return "250 taken"


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(os.environ["TLS_CERT"], os.environ["TLS_KEY"])
Controller(Handler(), hostname="", port=25, tls_context=context, require_starttls=True).start()
Controller(Handler(), hostname="", port=465, ssl_context=context, server_hostname="server").start()
signal.pause()
