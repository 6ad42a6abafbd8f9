"""What a program sees by netlink on a host with lo and eth0, as text that is the same on Linux and ours.

Run on Linux inside a network namespace, prints one JSON list. Left out is what two hosts cannot share:
MAC addresses, counters, times, port numbers the kernel chose.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import struct
from collections.abc import Callable
from typing import Any

NETLINK_ROUTE = 0
# Bytes before the attributes, by type of message.
HEADERS = {16: 16, 20: 8, 21: 8, 24: 12, 25: 12, 28: 12, 29: 12, 32: 12}
# Of links: what kind of device it is, and what a device without offloads may have otherwise.
LINK_ONLY = {18, 37, 5}
# Attributes of links whose value is the device's own.
LINK_VALUES = {1, 7, 12, 23, 26, 31, 32, 35, 47, 48}
REQUEST, ACK, DUMP, CREATE_NEW = 1, 4, 0x300, 0x600


def attribute(kind: int, data: bytes) -> bytes:
    return struct.pack("HH", 4 + len(data), kind) + data + bytes(-len(data) % 4)


def attributes(data: bytes) -> list[tuple[int, bytes]]:
    found = []
    while len(data) >= 4:
        length, kind = struct.unpack_from("HH", data)
        found.append((kind & 0x3FFF, data[4:length]))
        data = data[(length + 3) & ~3 :]
    return found


def messages(data: bytes) -> list[tuple[int, int, int, bytes]]:
    found = []
    while len(data) >= 16:
        length, kind, flags, sequence, _ = struct.unpack_from("IHHII", data)
        found.append((kind, flags, sequence, data[16:length]))
        data = data[(length + 3) & ~3 :]
    return found


def request(kind: int, flags: int, body: bytes, sequence: int = 7) -> bytes:
    return struct.pack("IHHII", 16 + len(body), kind, flags, sequence, 0) + body


def link(ifindex: int, flags: int = 0, change: int = 0) -> bytes:
    return struct.pack("BBHiII", 0, 0, 0, ifindex, flags, change)


def shown(kind: int, flags: int, body: bytes) -> list[Any]:
    """A message as comparable values."""
    if kind == 2:
        code, _, request_kind = struct.unpack_from("iIH", body)
        return ["error", errno.errorcode.get(-code, code), request_kind, flags & 0x100, len(body)]
    if kind == 3:
        return ["done", errno.errorcode.get(-struct.unpack_from("i", body)[0], 0)]
    header = HEADERS[kind]
    values = []
    for name, value in attributes(body[header:]):
        if kind == 16:
            if name in LINK_ONLY:
                continue
            text = "" if name in LINK_VALUES else value.hex()
        elif name == 12 or (kind in (20, 21) and name == 6) or (kind in (28, 29) and name == 3):
            # Times: how long, of addresses.
            text = value[:8].hex() if kind in (20, 21) else str(len(value))
        else:
            text = value.hex()
        values.append((name, text))
    if any("fe80" in text and len(text) == 32 for _, text in values):
        values = [(name, text[:16] if "fe80" in text else text) for name, text in values]
    return [kind, flags, body[:header].hex(), values]


def wanted(row: list[Any]) -> bool:
    """Not the neighbours Linux makes of multicast groups and of lo, and not the rules of others."""
    if row[0] == 28:
        return bytes.fromhex(row[2])[8] != 0x40
    return row[0] != 32 or bytes.fromhex(row[2])[0] in (2, 10)


def dump(kind: int, body: bytes, strict: bool = False) -> list[Any]:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_ROUTE) as one:
        one.settimeout(2)
        if strict:
            one.setsockopt(270, 12, 1)
        one.send(request(kind, REQUEST | DUMP, body))
        rows: list[Any] = []
        while not rows or rows[-1][0] not in ("done", "error"):
            rows += [shown(kind, flags, body) for kind, flags, _, body in messages(one.recv(65536))]
        return sorted((row for row in rows if wanted(row)), key=str)


def outcome(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except TimeoutError:
        return "nothing"
    except OSError as error:
        return errno.errorcode[error.errno]


def dumps() -> list[Any]:
    seen: list[Any] = []
    for kind in (18, 22, 26, 30, 34):
        for family in (0, 2, 10):
            seen.append([kind, family, dump(kind, bytes([family]) + bytes(15))])
    seen.append(dump(22, bytes(4) + struct.pack("I", 2), strict=True))
    seen.append(dump(22, bytes([0, 24, 0, 0]) + bytes(4), strict=True))
    seen.append(dump(18, link(2), strict=True))
    seen.append(dump(18, b"\0", strict=True))
    table = bytes(12)
    seen.append(dump(26, table + attribute(15, struct.pack("I", 254)), strict=True))
    seen.append(dump(26, table + attribute(4, struct.pack("I", 1)), strict=True))
    return seen


def conversation() -> list[Any]:
    """Requests one after another, and all answers to each."""
    one = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_ROUTE)
    one.settimeout(0.05)

    def say(data: bytes) -> Any:
        one.send(data)
        rows: list[Any] = []
        while True:
            try:
                got = one.recv(65536)
            except TimeoutError:
                return rows
            rows += [shown(kind, flags, body) for kind, flags, _, body in messages(got)]

    def to(destination: str, *more: bytes) -> bytes:
        family = socket.AF_INET6 if ":" in destination else socket.AF_INET
        bits = 128 if ":" in destination else 32
        head = bytes([family, bits]) + bytes(10)
        return head + attribute(1, socket.inet_pton(family, destination)) + b"".join(more)

    def route(prefix: str, length: int, *more: bytes) -> bytes:
        head = bytes([2, length, 0, 0, 254, 3, 0, 1]) + bytes(4)
        return head + attribute(1, socket.inet_aton(prefix)) + b"".join(more)

    def via(gateway: str) -> bytes:
        return attribute(5, socket.inet_aton(gateway))

    def address(text: str, length: int, ifindex: int = 2) -> bytes:
        return (
            bytes([2, length, 0, 0])
            + struct.pack("I", ifindex)
            + attribute(2, socket.inet_aton(text))
            + attribute(1, socket.inet_aton(text))
        )

    def neighbour(text: str, *more: bytes, state: int = 0) -> bytes:
        head = bytes([2, 0, 0, 0]) + struct.pack("iHBB", 2, state, 0, 0)
        return head + attribute(1, socket.inet_aton(text)) + b"".join(more)

    hardware = attribute(2, b"\2\0\0\0\0\1")
    everybody = ["10.0.0.9", "127.0.0.1", "10.0.0.1", "8.8.8.8", "10.0.0.255", "255.255.255.255"]
    requests = [
        *[request(26, REQUEST, to(text)) for text in (*everybody, "fd00::9", "::1", "fd00::1", "2001::1")],
        request(26, REQUEST, to("8.8.8.8", attribute(4, struct.pack("I", 55)))),
        request(26, REQUEST, bytes([33]) + bytes(11)),
        request(18, REQUEST, link(99)),
        request(18, REQUEST | ACK, link(1)),
        request(18, REQUEST, link(0)),
        request(18, REQUEST, link(0) + attribute(3, b"eth0\0")),
        request(18, REQUEST, link(0) + attribute(3, b"nope\0")),
        request(18, REQUEST, bytes(8)),
        request(18, 0, bytes(16)),
        request(255, REQUEST, bytes(16)),
        request(1, REQUEST | ACK, b""),
        request(22, REQUEST, bytes(8)),
        request(34, REQUEST, b"\2" + bytes(11)),
        b"\x10\0\0",
        struct.pack("IHHII", 99, 18, 1, 7, 0) + bytes(16),
        request(18, REQUEST, link(99)) + request(18, REQUEST | ACK, link(98)),
        request(20, REQUEST | ACK | CREATE_NEW, address("10.7.0.1", 24, 55)),
        request(20, REQUEST | ACK | CREATE_NEW, bytes([2, 24, 0, 0]) + struct.pack("I", 2)),
        request(20, REQUEST | ACK | CREATE_NEW, address("10.7.0.1", 33)),
        request(20, REQUEST | ACK | CREATE_NEW, address("10.7.0.1", 24)),
        request(20, REQUEST | ACK | CREATE_NEW, address("10.7.0.1", 24)),
        request(21, REQUEST | ACK, address("10.7.0.1", 24)),
        request(21, REQUEST | ACK, address("10.7.0.1", 24)),
        request(24, REQUEST | ACK | CREATE_NEW, route("10.9.0.0", 16, via("99.9.9.9"))),
        request(24, REQUEST | ACK | CREATE_NEW, route("10.9.0.1", 16, via("10.0.0.2"))),
        request(24, REQUEST | ACK | CREATE_NEW, route("10.9.0.0", 16)),
        request(24, REQUEST | ACK | CREATE_NEW, route("10.9.0.0", 16, via("10.0.0.2"))),
        request(24, REQUEST | ACK | CREATE_NEW, route("10.9.0.0", 16, via("10.0.0.2"))),
        request(24, REQUEST | ACK | 0x500, route("10.9.0.0", 16, via("10.0.0.3"))),
        request(26, REQUEST, to("10.9.1.1")),
        request(24, REQUEST | ACK, route("10.10.0.0", 16, via("10.0.0.3"))),
        request(25, REQUEST | ACK, route("10.9.0.0", 16)),
        request(25, REQUEST | ACK, route("10.9.0.0", 16)),
        request(28, REQUEST | ACK | CREATE_NEW, neighbour("10.0.0.88", hardware, state=0x80)),
        request(28, REQUEST | ACK | CREATE_NEW, neighbour("10.0.0.88", hardware, state=0x80)),
        request(30, REQUEST, neighbour("10.0.0.88")),
        request(29, REQUEST | ACK, neighbour("10.0.0.88")),
        request(29, REQUEST | ACK, neighbour("10.0.0.99")),
        request(16, REQUEST | ACK, link(99)),
        request(16, REQUEST | ACK, link(2) + attribute(4, struct.pack("I", 20))),
        request(16, REQUEST | ACK, link(2) + attribute(4, struct.pack("I", 1400))),
        request(18, REQUEST, link(2)),
        request(16, REQUEST | ACK, link(2) + attribute(4, struct.pack("I", 1500))),
        request(16, REQUEST | ACK | CREATE_NEW, link(0) + attribute(18, attribute(1, b"nonsuch"))),
        request(17, REQUEST | ACK, link(1)),
        request(16, REQUEST | ACK, link(2) + attribute(3, b"net9\0")),
        request(16, REQUEST | ACK, link(2) + attribute(3, b"eth0\0")),
    ]
    seen: list[Any] = [say(data) for data in requests]
    one.setsockopt(270, 10, 1)
    seen.append(say(request(18, REQUEST | ACK, link(99))))
    one.close()
    return seen


def notifications() -> list[Any]:
    """What a listener to all groups hears of changes another socket makes."""
    listener = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_ROUTE)
    listener.bind((0, 1 | 0x10 | 0x40))
    listener.settimeout(0.05)
    actor = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_ROUTE)
    local = bytes([2, 24, 0, 0]) + struct.pack("I", 2)
    local += attribute(2, socket.inet_aton("10.5.0.1")) + attribute(4, socket.inet_aton("10.5.0.255"))
    route = bytes([2, 16, 0, 0, 254, 3, 0, 1]) + bytes(4)
    route += attribute(1, socket.inet_aton("10.9.0.0")) + attribute(5, socket.inet_aton("10.0.0.2"))
    seen: list[Any] = []
    for data in (
        request(20, REQUEST | CREATE_NEW, local, 11),
        request(24, REQUEST | CREATE_NEW, route, 12),
        request(25, REQUEST, route, 13),
        request(21, REQUEST, local, 14),
        request(16, REQUEST, link(2) + attribute(4, struct.pack("I", 1300)), 15),
        request(16, REQUEST, link(2) + attribute(4, struct.pack("I", 1500)), 16),
    ):
        actor.send(data)
        heard: list[Any] = []
        while True:
            try:
                got, sender = listener.recvfrom(65536)
            except TimeoutError:
                break
            heard += [
                [sender[1], sequence, *shown(k, flags, body)] for k, flags, sequence, body in messages(got)
            ]
        # Of one change Linux tells the routes in another order.
        seen.append(sorted(heard, key=str))
    listener.close()
    actor.close()
    return seen


def names() -> list[Any]:
    """Ports, groups and options."""
    seen: list[Any] = []
    for kind in (1, 2, 3, 4, 5):
        seen.append(outcome(lambda kind=kind: socket.socket(16, kind, 0).close()))
    seen += [outcome(lambda p=p: socket.socket(16, 3, p).close()) for p in (0, 2, 4, 1, 3, 22, 32, -1)]
    a, b, c = (socket.socket(16, 3, 0) for _ in range(3))
    pid = os.getpid()
    seen.append(a.getsockname())
    seen.append([outcome(lambda: a.bind((0, 0))), a.getsockname()[0] == pid])
    seen.append([outcome(lambda: a.bind((0, 1))), outcome(lambda: a.bind((5, 0)))])
    seen.append([outcome(lambda: a.bind((pid, 3))), a.getsockname()[1]])
    seen.append([outcome(lambda: b.bind((pid, 0))), outcome(lambda: b.bind((0, 0)))])
    seen.append([outcome(lambda: c.connect((0, 0))), c.getpeername(), c.getsockname()[0] > 1 << 31])
    seen.append([outcome(lambda: c.connect((pid, 0))), c.getpeername() == (pid, 0)])
    seen.append([outcome(lambda: c.send(b"x" * 20)), outcome(lambda: a.recv(100, 0x40).hex())])
    seen.append(outcome(lambda: b.sendto(b"x" * 20, (4_000_000, 0))))
    seen.append([outcome(lambda: b.sendto(b"", (0, 0))), outcome(lambda: b.send(b"x", 1))])
    seen.append(outcome(lambda: b.send(bytes(400_000))))
    seen += [outcome(b.getpeername), outcome(lambda: b.listen(1)), outcome(b.accept)]
    seen.append(outcome(lambda: b.shutdown(2)))
    for option in range(1, 14):
        seen.append(outcome(lambda option=option: b.setsockopt(270, option, 1)))
        seen.append(outcome(lambda option=option: b.getsockopt(270, option, 32).hex()))
    seen += [outcome(lambda: b.getsockopt(0, 1)), outcome(lambda: b.setsockopt(0, 1, 1))]
    d = socket.socket(16, 3, 0)
    d.settimeout(0.05)
    ask = request(22, REQUEST | DUMP, b"\2" + bytes(7))
    d.send(ask)
    seen.append([len(d.recv(65536, socket.MSG_PEEK)), d.recvmsg(20, 100, socket.MSG_TRUNC)[2:]])
    seen.append(len(d.recv(65536)))
    d.send(ask)
    d.send(ask)
    seen.append([len(d.recv(65536)), len(d.recv(65536)), len(d.recv(65536)), outcome(lambda: d.recv(9))])
    d.setsockopt(270, 3, 1)
    d.setsockopt(1, 16, 1)
    d.send(ask)
    seen.append([(level, kind, data.hex()) for level, kind, data in d.recvmsg(9999, 100)[1]])
    for one in (a, b, c, d):
        one.close()
    return seen


def everything() -> list[Any]:
    return json.loads(json.dumps([dumps(), conversation(), notifications(), names()]))  # type: ignore[no-any-return]


if __name__ == "__main__":
    print(json.dumps(everything()))
