import signal
from email import message_from_bytes

from aiosmtpd.controller import Controller


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if not address.endswith("@example.com"):
            return "550 not relaying to that domain"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        message = message_from_bytes(envelope.content)
        print(envelope.mail_from, envelope.rcpt_tos, message["Subject"], len(message.get_payload()))
        return "250 Message accepted for delivery"


controller = Controller(Handler(), hostname="", port=25)
controller.start()
signal.pause()
