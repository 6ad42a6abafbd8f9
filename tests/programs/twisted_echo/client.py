import socket

with socket.create_connection(("server", 8000), timeout=60) as connection:
    lines = connection.makefile("rwb")
    print(lines.readline())
    for word in (b"one\r\n", b"two\r\n"):
        lines.write(word)
        lines.flush()
        print(lines.readline())
    lines.write(b"quit\r\n")
    lines.flush()
    print(lines.read())
