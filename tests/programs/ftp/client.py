import ftplib
import io

with ftplib.FTP("server", timeout=60) as ftp:
    print(ftp.login("user", "12345"))
    got = io.BytesIO()
    print(ftp.retrbinary("RETR hello.txt", got.write))
    print(len(got.getvalue()), got.getvalue()[:22])
    print(ftp.storbinary("STOR up.bin", io.BytesIO(bytes(50_000))))
    print(sorted(ftp.nlst()))
    ftp.voidcmd("TYPE I")
    print(ftp.size("up.bin"))
    ftp.set_pasv(False)
    lines = []
    ftp.retrlines("MLSD", lines.append)
    print(len(lines))
    ftp.delete("up.bin")
    ftp.voidcmd("TYPE I")
    try:
        ftp.size("up.bin")
    except ftplib.error_perm as error:
        print(error)
    print(ftp.quit())
