"""Every option number of every level on one socket of each kind: what setting and reading it gives."""

import errno
import socket
import struct
from typing import Any

KINDS: dict[str, tuple[int, int, int]] = {
    "tcp4": (socket.AF_INET, socket.SOCK_STREAM, 0),
    "tcp6": (socket.AF_INET6, socket.SOCK_STREAM, 0),
    "udp4": (socket.AF_INET, socket.SOCK_DGRAM, 0),
    "udp6": (socket.AF_INET6, socket.SOCK_DGRAM, 0),
    "raw4": (socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP),
    "raw6": (socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6),
    "raw4-raw": (socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW),
    "udplite": (socket.AF_INET, socket.SOCK_DGRAM, 136),
    "stream": (socket.AF_UNIX, socket.SOCK_STREAM, 0),
    "datagram": (socket.AF_UNIX, socket.SOCK_DGRAM, 0),
    "seqpacket": (socket.AF_UNIX, socket.SOCK_SEQPACKET, 0),
    "packet": (socket.AF_PACKET, socket.SOCK_RAW, 0),
    "netlink": (socket.AF_NETLINK, socket.SOCK_RAW, 0),
}
LEVELS: dict[int, range] = {
    socket.SOL_SOCKET: range(90),
    socket.IPPROTO_IP: range(60),
    socket.IPPROTO_IPV6: range(64 + 24),
    socket.IPPROTO_TCP: range(50),
    socket.IPPROTO_UDP: range(112),
    socket.IPPROTO_RAW: range(10),
    socket.IPPROTO_ICMPV6: range(4),
    136: range(14),
    263: range(28),
    270: range(16),
    999: range(2),
}
# Closing a packet socket takes Linux long; a family has no options at the levels of others.
OWN_LEVELS: dict[str, tuple[int, ...]] = {
    "stream": (),
    "datagram": (),
    "seqpacket": (),
    "packet": (263,),
    "netlink": (270,),
}
FOREIGN: range = range(2)
SHAPES: dict[str, bytes] = {
    "0": struct.pack("i", 0),
    "1": struct.pack("i", 1),
    "7": struct.pack("i", 7),
    "-1": struct.pack("i", -1),
    "large": struct.pack("i", 1 << 20),
    "nothing": b"",
    "byte": b"\1",
    "short": b"\1\0",
    "eight": struct.pack("ii", 1, 0),
    "long": bytes(300),
}
READS = (0, 1, 4, 8, 400)


def _read(s: socket.socket, level: int, name: int, size: int) -> Any:
    try:
        return s.getsockopt(level, name, size) if size else s.getsockopt(level, name)
    except OSError as error:
        return errno.errorcode[error.errno or 0]


def probe(kind: str, level: int, name: int) -> list[Any]:
    """What reading a new socket's option gives by length, then (errno, what is read) by shape set."""
    family, type_, protocol = KINDS[kind]
    with socket.socket(family, type_, protocol) as s:
        found: list[Any] = [_read(s, level, name, size) for size in READS]
    for value in SHAPES.values():
        with socket.socket(family, type_, protocol) as s:
            try:
                s.setsockopt(level, name, value)
                outcome = ""
            except OSError as error:
                outcome = errno.errorcode[error.errno or 0]
            found.append((outcome, _read(s, level, name, 4)))
    return found


def sweep(kinds: list[str]) -> dict[str, list[Any]]:
    return {
        f"{kind} {level} {name}": probe(kind, level, name)
        for kind in kinds
        for level, names in LEVELS.items()
        for name in (
            names if level == socket.SOL_SOCKET or level in OWN_LEVELS.get(kind, LEVELS) else FOREIGN
        )
    }
