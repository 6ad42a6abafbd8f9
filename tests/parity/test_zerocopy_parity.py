"""MSG_ZEROCOPY: which writes have numbers, and how they come back through the error queue."""

import socket
import struct
import time
from typing import Any

from parity_programs import on_both, outcome

SO_ZEROCOPY = 60
MSG_ZEROCOPY = 0x4000000


def notices(one: socket.socket) -> list[Any]:
    """(level, type, errno, origin, code, first number, last number) of all there are."""
    time.sleep(0.05)
    found: list[Any] = []
    while True:
        try:
            _, control, flags, address = one.recvmsg(0, 512, socket.MSG_ERRQUEUE)
        except BlockingIOError:
            return found
        for level, kind, data in control:
            errno, origin, _, code, _, low, high = struct.unpack("=IBBBBII", data[:16])
            found.append((level, kind, len(data), errno, origin, code, low, high))
        found.append((flags, address))


def kinds() -> list[Any]:
    found: list[Any] = []
    for family, kind, protocol in ((2, 1, 0), (2, 2, 0), (2, 2, 136), (10, 1, 0), (10, 2, 0), (1, 1, 0)):
        with socket.socket(family, kind, protocol) as one:
            for value in (1, 2, -1, 0):
                setting = outcome(lambda one=one, value=value: one.setsockopt(1, SO_ZEROCOPY, value))
                found.append((setting, one.getsockopt(1, SO_ZEROCOPY)))
    return found


def stream() -> list[Any]:
    found: list[Any] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(1, SO_ZEROCOPY, 1)
        client = socket.create_connection(listener.getsockname())
        server = listener.accept()[0]
    with client, server:
        found.append(server.getsockopt(1, SO_ZEROCOPY))
        found.append((client.send(b"no effect", MSG_ZEROCOPY), notices(client)))
        client.setsockopt(1, SO_ZEROCOPY, 1)
        for _ in range(3):
            client.send(b"x" * 1000, MSG_ZEROCOPY)
        found.append(notices(client))
        client.send(b"", MSG_ZEROCOPY)
        client.send(b"plain")
        found.append(notices(client))
        client.send(b"y", MSG_ZEROCOPY)
        found.append(notices(client))
        found.append(len(server.recv(10000)))
    return found


def datagrams() -> list[Any]:
    found: list[Any] = []
    with socket.socket(2, 2) as sender, socket.socket(2, 2) as receiver, socket.socket(10, 2) as v6:
        receiver.bind(("127.0.0.1", 0))
        sender.setsockopt(1, SO_ZEROCOPY, 1)
        sender.connect(receiver.getsockname())
        for data in (b"abc", b"", b"d"):
            sender.send(data, MSG_ZEROCOPY)
        found.append(notices(sender))
        sender.send(b"plain")
        sender.send(b"corked", MSG_ZEROCOPY | socket.MSG_MORE)
        sender.send(b"together", MSG_ZEROCOPY)
        found.append(notices(sender))
        v6.setsockopt(1, SO_ZEROCOPY, 1)
        v6.sendto(b"x", MSG_ZEROCOPY, ("::ffff:127.0.0.1", receiver.getsockname()[1]))
        found.append(notices(v6))
        found.append([receiver.recv(100) for _ in range(6)])
    return found


def test_who_may_have_it() -> None:
    ours, linux = on_both(kinds)
    assert ours == linux


def test_notices_of_a_stream() -> None:
    ours, linux = on_both(stream)
    assert ours == linux


def test_notices_of_datagrams() -> None:
    ours, linux = on_both(datagrams)
    assert ours == linux
