import asyncio
import smtplib
import ssl
from email.message import EmailMessage

import aiosmtplib

message = EmailMessage()
message["From"], message["To"], message["Subject"] = "a@client", "b@server", "sealed"
message.set_content("line\n" * 3000)
context = ssl.create_default_context()

with smtplib.SMTP("server", timeout=60) as smtp:
    smtp.ehlo()
    try:
        smtp.sendmail("a@client", ["b@server"], "too early")
    except smtplib.SMTPSenderRefused as error:
        print(error.smtp_code)
    print(smtp.starttls(context=context)[0], smtp.send_message(message))
with smtplib.SMTP_SSL("server", context=context, timeout=60) as smtp:
    print(smtp.send_message(message), smtp.sock.version())


async def main():
    for arguments in ({"port": 25, "start_tls": True}, {"port": 465, "use_tls": True}):
        errors, answer = await aiosmtplib.send(message, hostname="server", tls_context=context, **arguments)
        print(errors, answer)


asyncio.run(main())
