import ftplib
import io
import ssl

with ftplib.FTP("server", timeout=60) as ftp:
    try:
        ftp.login("user", "12345")
    except ftplib.error_perm as error:
        print(error)

context = ssl.create_default_context()
with ftplib.FTP_TLS("server", context=context, timeout=60) as ftp:
    print(ftp.login("user", "12345"))
    print(ftp.sock.version())
    try:
        ftp.nlst()
    except ftplib.error_perm as error:
        print(error)
    print(ftp.prot_p())
    got = io.BytesIO()
    print(ftp.retrbinary("RETR hello.txt", got.write))
    print(len(got.getvalue()), got.getvalue()[:22])
    print(ftp.storbinary("STOR up.bin", io.BytesIO(bytes(range(250)) * 400)))
    print(sorted(ftp.nlst()))
    ftp.voidcmd("TYPE I")
    print(ftp.size("up.bin"))
    ftp.set_pasv(False)
    lines = []
    ftp.retrlines("MLSD", lines.append)
    print(len(lines))
    got = io.BytesIO()
    ftp.retrbinary("RETR up.bin", got.write)
    print(got.getvalue() == bytes(range(250)) * 400)
    ftp.delete("up.bin")
    print(ftp.quit())
