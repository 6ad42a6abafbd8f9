"""IPv6 extension headers a program sends and is told of: one program on Linux and on ours."""

import socket
import sys
from typing import Any

import pytest
from parity_programs import on_both, outcome, privileged

pytestmark = [pytest.mark.skipif(sys.platform != "linux", reason="parity needs Linux"), privileged]

IPV6_RECVHOPOPTS, IPV6_HOPOPTS, IPV6_RTHDRDSTOPTS, IPV6_RECVRTHDR = 53, 54, 55, 56
IPV6_RTHDR, IPV6_RECVDSTOPTS, IPV6_DSTOPTS = 57, 58, 59
IPV6_RECVPATHMTU, IPV6_DONTFRAG, IPV6_RECVERR = 60, 62, 25

PADDED = bytes([0, 0, 1, 4, 0, 0, 0, 0])
TOO_MUCH_PADDING = bytes([0, 1, 1, 12]) + bytes(12)
PADDING_THAT_SAYS_SOMETHING = bytes([0, 0, 1, 4, 0, 0, 0, 1])
LONG = bytes([0, 1, 0x1E, 12]) + bytes(12)


def setting() -> list[Any]:
    seen: list[Any] = []
    values = (PADDED, TOO_MUCH_PADDING, b"", PADDED + b"1", LONG[:8], PADDED + bytes(8), bytes(2048), PADDED)
    for option in (IPV6_HOPOPTS, IPV6_RTHDRDSTOPTS, IPV6_RTHDR, IPV6_DSTOPTS):
        s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        seen.append(s.getsockopt(41, option, 64))
        for value in values:
            seen.append(outcome(lambda s=s, option=option, value=value: s.setsockopt(41, option, value)))
            seen.append(s.getsockopt(41, option, 64))
        seen.append(s.getsockopt(41, option, 4))
        s.close()
    for option in (IPV6_RECVHOPOPTS, IPV6_RECVRTHDR, IPV6_RECVDSTOPTS):
        for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
            with socket.socket(socket.AF_INET6, kind) as s:
                seen += [s.getsockopt(41, option), s.setsockopt(41, option, 1), s.getsockopt(41, option)]
    return seen


def test_headers_set_and_read() -> None:
    ours, linux = on_both(setting)
    assert ours == linux


def sending() -> list[Any]:
    seen: list[Any] = []
    receiver, sender = (socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) for _ in range(2))
    receiver.bind(("::1", 0))
    receiver.settimeout(0.1)
    there = receiver.getsockname()
    for option in (IPV6_RECVHOPOPTS, IPV6_RECVRTHDR, IPV6_RECVDSTOPTS, 49, 51, 66):
        receiver.setsockopt(41, option, 1)

    def send(*control: tuple[int, bytes]) -> None:
        messages = [(41, kind, data) for kind, data in control]
        seen.append(outcome(lambda: sender.sendmsg([b"q"], messages, 0, there)))
        if seen[-1] == 1:
            seen.append(outcome(lambda: receiver.recvmsg(9, 1000)[:2]))

    hop, before, after = IPV6_HOPOPTS, IPV6_RTHDRDSTOPTS, IPV6_DSTOPTS
    send()
    for kind in (hop, before, after):
        send((kind, PADDED))
        send((kind, LONG))
        send((kind, TOO_MUCH_PADDING))
        send((kind, PADDING_THAT_SAYS_SOMETHING))
        for data in (b"", LONG[:8], b"1"):
            send((kind, data))
    send((after, LONG), (hop, PADDED))
    send((before, PADDED), (after, PADDED))
    send((hop, PADDED), (hop, PADDED))
    send((IPV6_RTHDR, bytes(8)))
    for action in (0x5E, 0x9E, 0xDE):
        send((after, bytes([0, 0, action, 4, 0, 0, 0, 0])))
        send((hop, bytes([0, 0, action, 4, 0, 0, 0, 0])))
    sender.setsockopt(41, hop, LONG)
    send()
    send((hop, PADDED))
    send((after, PADDED))
    sender.setsockopt(41, after, PADDED)
    send()
    sender.setsockopt(41, before, PADDED)
    send()
    sender.setsockopt(41, hop, b"")
    send()
    # What there is room for, in one packet and in pieces.
    for size in (65527, 65520, 65519, 65480, 65481):
        seen.append(outcome(lambda size=size: sender.sendto(bytes(size), there)))
        data = outcome(lambda: receiver.recvmsg(70000, 1000)[:2])
        seen.append((len(data[0]), data[1]))
    sender.setsockopt(41, IPV6_DONTFRAG, 1)
    sender.setsockopt(41, IPV6_RECVPATHMTU, 1)
    sender.setsockopt(41, IPV6_RECVERR, 1)
    sender.setblocking(False)
    for size in (65480, 65481):
        seen.append(outcome(lambda size=size: sender.sendto(bytes(size), there)))
        for flags in (socket.MSG_ERRQUEUE, 0):
            seen.append(outcome(lambda flags=flags: sender.recvmsg(9, 300, flags)[1]))
    receiver.close()
    sender.close()
    with (
        socket.socket(socket.AF_INET6, socket.SOCK_RAW, 253) as raw,
        socket.socket(socket.AF_INET6, socket.SOCK_RAW, 253) as other,
    ):
        raw.setsockopt(41, after, PADDED)
        other.setsockopt(41, IPV6_RECVDSTOPTS, 1)
        raw.sendto(b"raw", ("::1", 0))
        seen.append(other.recvmsg(9, 300)[:2])
    return seen


def test_headers_sent_and_told_of() -> None:
    ours, linux = on_both(sending)
    assert ours == linux
    assert "timeout" in ours
