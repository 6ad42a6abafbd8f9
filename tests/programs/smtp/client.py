import smtplib
from email.message import EmailMessage

message = EmailMessage()
message["From"], message["To"], message["Subject"] = "a@client", "b@example.com", "over the wire"
message.set_content("line\n" * 2000)

with smtplib.SMTP("server", 25, timeout=60) as smtp:
    print(smtp.ehlo()[0], "size" in smtp.esmtp_features)
    print(smtp.send_message(message))
    try:
        smtp.sendmail("a@client", ["c@elsewhere"], "Subject: no\n\nno")
    except smtplib.SMTPRecipientsRefused as error:
        print(error.recipients)
    print(smtp.noop())
