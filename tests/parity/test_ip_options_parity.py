"""IP options that change what is sent, dropped or told: one program on Linux and on ours."""

import errno
import socket
import struct
import sys
from collections.abc import Callable
from typing import Any

import pytest
from parity_programs import on_both, outcome

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="parity needs Linux")

IP_MINTTL, IPV6_MINHOPCOUNT = 21, 73
IPV6_FLOWINFO, IPV6_FLOWINFO_SEND, IPV6_AUTOFLOWLABEL = 11, 33, 70
IP_UNICAST_IF, IPV6_UNICAST_IF = 50, 76
IPV6_RECVERR, IPV6_RECVPATHMTU, IPV6_PATHMTU, IPV6_DONTFRAG = 25, 60, 61, 62
SO_TIMESTAMP, SO_TIMESTAMPNS, SO_TIMESTAMPING = 29, 35, 37
SO_TIMESTAMP_NEW, SO_TIMESTAMPNS_NEW, SO_TIMESTAMPING_NEW = 63, 64, 65
SO_RCVTIMEO, SO_SNDTIMEO, SO_RCVTIMEO_NEW, SO_SNDTIMEO_NEW = 20, 21, 66, 67


def tried(call: Callable[..., Any], *arguments: Any) -> Any:
    return outcome(lambda: call(*arguments))


FAMILIES = [
    (socket.AF_INET, "127.0.0.1", 0, IP_MINTTL, socket.IP_TTL),
    (socket.AF_INET6, "::1", 41, IPV6_MINHOPCOUNT, socket.IPV6_UNICAST_HOPS),
]


def least_ttl() -> list[Any]:
    seen: list[Any] = []
    for family, host, level, least, ttl in FAMILIES:
        listener = socket.socket(family)
        listener.bind((host, 0))
        listener.listen()
        for value in (-1, 0, 256, b"", b"\5", 200):
            seen.append(tried(listener.setsockopt, level, least, value))
            seen.append(listener.getsockopt(level, least))
        listener.settimeout(5)
        far, near = (socket.socket(family) for _ in range(2))
        for client in (far, near):
            client.settimeout(0.2)
        near.settimeout(5)
        near.setsockopt(level, ttl, 255)
        seen.append(tried(far.connect, listener.getsockname()))
        seen.append(tried(near.connect, listener.getsockname()))
        child, _ = listener.accept()
        child.settimeout(0.2)
        seen.append(child.getsockopt(level, least))
        near.setsockopt(level, ttl, 199)
        near.send(b"far")
        seen.append(tried(child.recv, 9))
        child.setsockopt(level, least, 0)
        child.settimeout(5)
        seen.append(tried(child.recv, 9))
        datagrams = socket.socket(family, socket.SOCK_DGRAM)
        datagrams.bind((host, 0))
        datagrams.setsockopt(level, least, 255)
        datagrams.sendto(b"UDP takes no notice", datagrams.getsockname())
        seen.append(datagrams.recv(99))
        for made in (listener, far, near, child, datagrams):
            made.close()
    return seen


def test_segments_from_far_away_are_dropped() -> None:
    ours, linux = on_both(least_ttl)
    assert ours == linux
    assert "timeout" in ours


def datagrams_not_to_cut() -> list[Any]:
    seen: list[Any] = []
    there = ("::1", 9)
    for kind, protocol in ((socket.SOCK_DGRAM, 0), (socket.SOCK_STREAM, 0)):
        with socket.socket(socket.AF_INET6, kind, protocol) as s:
            for value in (1, 5, -1, 0, b"\1"):
                seen.append(tried(s.setsockopt, 41, IPV6_DONTFRAG, value))
                seen.append(s.getsockopt(41, IPV6_DONTFRAG))
            seen.append(tried(s.setsockopt, 41, IPV6_PATHMTU, 1))
            seen.append(tried(s.getsockopt, 41, IPV6_PATHMTU, 32))
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    s.setblocking(False)
    on, off = struct.pack("i", 1), struct.pack("i", 0)

    def send(size: int, *control: Any) -> Any:
        return outcome(
            lambda: s.sendmsg([bytes(size)], [(41, IPV6_DONTFRAG, value) for value in control], 0, there)
        )

    def told() -> Any:
        return tried(s.recvmsg, 100, 300)

    # What the loopback takes, and more.
    for size in (65488, 65489):
        seen += [send(size), send(size, on), told()]
        s.setsockopt(41, IPV6_RECVPATHMTU, 1)
        s.setsockopt(41, IPV6_DONTFRAG, 1)
        seen += [send(size), told(), told(), send(size, off)]
        s.setsockopt(41, IPV6_RECVPATHMTU, 0)
        seen += [send(size), told(), s.setsockopt(41, IPV6_RECVPATHMTU, 1), told()]
        s.setsockopt(41, IPV6_DONTFRAG, 0)
        s.setsockopt(41, IPV6_RECVPATHMTU, 0)
    seen += [send(9, struct.pack("i", 2)), send(9, b"1")]
    seen += [send(65489, on), s.setsockopt(41, IPV6_RECVPATHMTU, 1), send(65489, on)]
    seen += [s.sendto(b"later", ("::1", s.getsockname()[1])), tried(s.recv, 0), s.recv(9)]
    s.setsockopt(41, IPV6_RECVERR, 1)
    seen += [send(65489, on), tried(s.recvmsg, 9, 300, 0x2000), told()]
    s.connect(there)
    seen += [s.getsockopt(41, IPV6_PATHMTU, 40), tried(s.getsockopt, 41, IPV6_PATHMTU, 31)]
    s.close()
    return seen


def test_a_datagram_that_is_not_to_be_cut() -> None:
    ours, linux = on_both(datagrams_not_to_cut)
    assert ours == linux
    assert "EMSGSIZE" in ours


def interface_of_unicasts() -> list[Any]:
    seen: list[Any] = []
    lo = struct.pack(">I", 1)
    for family, level, option in ((socket.AF_INET, 0, IP_UNICAST_IF), (socket.AF_INET6, 41, IPV6_UNICAST_IF)):
        for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
            with socket.socket(family, kind) as s:
                for value in (lo, 1, b"\0", b"", struct.pack(">I", 999), bytes(4), lo):
                    seen.append(tried(s.setsockopt, level, option, value))
                    seen.append(s.getsockopt(level, option, 4))
                seen.append(tried(s.getsockopt, level, option, 2))
                if kind == socket.SOCK_DGRAM:
                    # No such address is on the loopback.
                    far = "2001:db8::9" if family == socket.AF_INET6 else "192.0.2.9"
                    seen.append(tried(s.connect, (far, 9)))
                s.setsockopt(1, socket.SO_BINDTODEVICE, b"lo")
                seen.append(tried(s.setsockopt, level, option, lo))
    return seen


def test_the_interface_of_unicasts() -> None:
    ours, linux = on_both(interface_of_unicasts)
    assert ours == linux


ALL_STAMPS = (
    SO_TIMESTAMP,
    SO_TIMESTAMPNS,
    SO_TIMESTAMPING,
    SO_TIMESTAMP_NEW,
    SO_TIMESTAMPNS_NEW,
    SO_TIMESTAMPING_NEW,
)


def stamps_old_and_new() -> list[Any]:
    seen: list[Any] = []
    for first in ALL_STAMPS:
        for second in ALL_STAMPS:
            for value in (0, 24):
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                    s.bind(("127.0.0.1", 0))
                    s.setsockopt(1, first, 24)
                    s.setsockopt(1, second, value)
                    s.sendto(b"x", s.getsockname())
                    control = s.recvmsg(9, 300)[1]
                    seen.append((first, second, value, [s.getsockopt(1, option) for option in ALL_STAMPS]))
                    seen.append([(kind, len(data)) for _, kind, data in control])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect(("127.0.0.1", 9))
        s.setsockopt(1, SO_TIMESTAMPING_NEW, 2 | 16)
        s.send(b"q")
        seen.append([(kind, len(data)) for _, kind, data in s.recvmsg(100, 300, 0x2000)[1]])
        for option in (SO_TIMESTAMP_NEW, SO_TIMESTAMPNS_NEW, SO_TIMESTAMPING_NEW):
            seen.append(tried(s.setsockopt, 1, option, b"\1"))
    return seen


def test_time_stamps_by_old_and_new_options() -> None:
    # Linux switches its stamping on a moment after the first socket asks for it.
    keeper = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    keeper.setsockopt(1, SO_TIMESTAMP, 1)
    ours, linux = on_both(stamps_old_and_new)
    keeper.close()
    assert ours == linux


def time_outs_by_either_number() -> list[Any]:
    seen: list[Any] = []
    for old, new in ((SO_RCVTIMEO, SO_RCVTIMEO_NEW), (SO_SNDTIMEO, SO_SNDTIMEO_NEW)):
        with socket.socket() as s:
            for value in (struct.pack("qq", 1, 500_000), struct.pack("qq", 1, 1_500_000), bytes(8)):
                seen.append(tried(s.setsockopt, 1, new, value))
                seen += [s.getsockopt(1, option, 16) for option in (old, new)]
    a, b = socket.socketpair()
    b.setsockopt(1, SO_RCVTIMEO_NEW, struct.pack("qq", 0, 20_000))
    try:
        b.recv(1)
    except OSError as error:
        seen.append(errno.errorcode[error.errno or 0])
    a.close()
    b.close()
    return seen


def test_time_outs_by_either_number() -> None:
    ours, linux = on_both(time_outs_by_either_number)
    assert ours == linux
    assert ours[-1] == "EAGAIN"


def flow_labels() -> list[Any]:
    seen: list[Any] = []
    receiver = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    receiver.bind(("::1", 0))
    receiver.setsockopt(41, IPV6_FLOWINFO, 1)
    there = receiver.getsockname()
    senders = [socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) for _ in range(8)]
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET6, kind) as s:
            for option in (IPV6_FLOWINFO, IPV6_FLOWINFO_SEND, IPV6_AUTOFLOWLABEL):
                seen.append(s.getsockopt(41, option))
                for value in (1, 0, 5, b"\1"):
                    seen.append(tried(s.setsockopt, 41, option, value))
                    seen.append(s.getsockopt(41, option))

    def label(sender: socket.socket, *address: Any) -> bytes:
        sender.sendto(b"q", address or there)
        control = receiver.recvmsg(9, 100)[1]
        return control[0][2] if control else b""

    # Automatic ones: one for each flow, and mostly not the same.
    seen.append([label(sender) == label(sender) != b"" for sender in senders])
    seen.append(len({label(sender) for sender in senders}) > 4)
    s = senders[0]
    s.setsockopt(41, socket.IPV6_TCLASS, 0x28)
    seen.append(label(s)[:2].hex()[:3])
    s.setsockopt(41, IPV6_AUTOFLOWLABEL, 0)
    seen.append(label(s))
    s.setsockopt(41, socket.IPV6_TCLASS, 0)
    seen.append(label(s))
    s.setsockopt(41, IPV6_FLOWINFO_SEND, 1)
    seen += [label(s, *there[:2], 0x12345, 0), label(s)]
    seen += [
        s.connect((*there[:2], 0x54321, 0)),
        s.getpeername()[2],
        s.send(b"q"),
        receiver.recvmsg(9, 100)[1],
    ]
    s.setsockopt(41, IPV6_FLOWINFO_SEND, 0)
    seen += [s.getpeername()[2], s.send(b"q"), receiver.recvmsg(9, 100)[1]]
    s = senders[1]
    seen += [s.connect((*there[:2], 0x54321, 0)), s.getpeername()[2]]
    for made in (receiver, *senders):
        made.close()
    return seen


def test_flow_labels() -> None:
    ours, linux = on_both(flow_labels)
    assert ours == linux
    assert [True] * 8 in ours


def traffic_classes() -> list[Any]:
    seen: list[Any] = []
    for family, host, level, option in (
        (socket.AF_INET, "127.0.0.1", 0, socket.IP_TOS),
        (socket.AF_INET6, "::1", 41, socket.IPV6_TCLASS),
    ):
        listener = socket.socket(family)
        listener.bind((host, 0))
        listener.setsockopt(level, option, 0x28)
        listener.setsockopt(1, socket.SO_PRIORITY, 5)
        listener.listen()
        client = socket.socket(family)
        client.setsockopt(level, option, 0x48)
        client.connect(listener.getsockname())
        child, _ = listener.accept()
        datagrams = socket.socket(family, socket.SOCK_DGRAM)
        for s in (listener, client, child, datagrams):
            seen.append((s.getsockopt(level, option), s.getsockopt(1, socket.SO_PRIORITY)))
        for s in (client, datagrams):
            for value in (0, 1, 2, 3, 0xFF, 0x1C, 256, -1, 300, 0x10, 0x10):
                seen.append(tried(s.setsockopt, level, option, value))
                seen.append((s.getsockopt(level, option), s.getsockopt(1, socket.SO_PRIORITY)))
            s.setsockopt(1, socket.SO_PRIORITY, 3)
            for value in (0x10, 0x10, 0x11, 0x08):
                s.setsockopt(level, option, value)
                seen.append(s.getsockopt(1, socket.SO_PRIORITY))
        for s in (listener, client, child, datagrams):
            s.close()
    return seen


def test_traffic_classes_and_priorities() -> None:
    ours, linux = on_both(traffic_classes)
    assert ours == linux
