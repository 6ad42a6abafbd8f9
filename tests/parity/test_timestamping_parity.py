"""SO_TIMESTAMPING beyond IP: unix and packet sockets, and what errors say of their time. One program on
Linux and on ours."""

import socket
import struct
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
from parity_programs import on_both, outcome, privileged

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="parity needs Linux")

SO_TIMESTAMP, SO_TIMESTAMPNS, SO_TIMESTAMPING = 29, 35, 37
SO_TIMESTAMP_NEW, SO_TIMESTAMPNS_NEW, SO_TIMESTAMPING_NEW = 63, 64, 65
TX_SOFTWARE, RX_SOFTWARE, SOFTWARE, OPT_ID, TX_SCHED, OPT_TSONLY = 2, 8, 16, 128, 256, 2048
MSG_ERRQUEUE = 0x2000
SOL_PACKET, PACKET_TX_TIMESTAMP = 263, 16
ETHERTYPE = 0x88B5


def tried(call: Callable[..., Any], *arguments: Any) -> Any:
    return outcome(lambda: call(*arguments))


def told(received: Any) -> Any:
    """A message, of times only which are there."""
    if isinstance(received, str):
        return received
    data, control, flags, _ = received
    found = []
    for level, kind, value in control:
        if kind in (SO_TIMESTAMPING, SO_TIMESTAMPING_NEW) and level == 1:
            found.append((level, kind, [word != 0 for word in struct.unpack("6q", value)][::2]))
        elif level == 1 and kind in (SO_TIMESTAMP, SO_TIMESTAMPNS, SO_TIMESTAMP_NEW, SO_TIMESTAMPNS_NEW):
            found.append((level, kind, len(value)))
        else:
            found.append((level, kind, value))
    return data, found, flags


def unix_stamps() -> list[Any]:
    seen: list[Any] = []
    for kind in (socket.SOCK_DGRAM, socket.SOCK_SEQPACKET, socket.SOCK_STREAM):
        for option in (SO_TIMESTAMPING, SO_TIMESTAMPING_NEW):
            for plain in (0, SO_TIMESTAMP, SO_TIMESTAMPNS, SO_TIMESTAMP_NEW, SO_TIMESTAMPNS_NEW):
                for bits in (RX_SOFTWARE, RX_SOFTWARE | SOFTWARE, SOFTWARE, TX_SOFTWARE | SOFTWARE):
                    a, b = socket.socketpair(socket.AF_UNIX, kind)
                    for s in (a, b):
                        s.settimeout(1)
                        seen.append(tried(s.setsockopt, 1, option, bits))
                        if plain:
                            s.setsockopt(1, plain, 1)
                    seen += [b.getsockopt(1, SO_TIMESTAMPING), b.getsockopt(1, SO_TIMESTAMPING_NEW)]
                    a.send(b"x")
                    seen.append(told(b.recvmsg(9, 300)))
                    a.close()
                    b.close()
    return seen


def unix_stamp_moments() -> list[Any]:
    """A datagram is stamped when it is sent to a socket with SO_TIMESTAMP, else when it is first read."""
    seen: list[Any] = []
    a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    b.setsockopt(1, SO_TIMESTAMPING, SOFTWARE)
    for asked_before in (False, True):
        b.setsockopt(1, SO_TIMESTAMPNS, asked_before)
        a.send(b"x")
        sent = time.time()
        time.sleep(0.3)
        b.setsockopt(1, SO_TIMESTAMPNS, 1)
        for flags in (socket.MSG_PEEK, 0):
            control = b.recvmsg(9, 300, flags)[1]
            seconds, nanoseconds = struct.unpack("2q", control[0][2])
            seen.append((len(control), round(seconds + nanoseconds / 1e9 - sent, 1)))
            time.sleep(0.2)
    b.setsockopt(1, SO_TIMESTAMPNS, 1)
    a.send(b"y")
    b.setsockopt(1, SO_TIMESTAMPNS, 0)
    seen.append(told(b.recvmsg(9, 300)))
    a.close()
    b.close()
    return seen


def test_unix_sockets() -> None:
    ours, linux = on_both(unix_stamps)
    assert ours == linux


def test_when_a_unix_datagram_is_stamped() -> None:
    ours, linux = on_both(unix_stamp_moments)
    assert ours == linux


def asked(bits: int) -> int:
    """What a socket that is shown times must ask for itself: Linux stamps what it receives while anybody of
    the machine asks, and a test that runs beside this one may."""
    return RX_SOFTWARE if bits & SOFTWARE else 0


def frames() -> list[Any]:
    seen: list[Any] = []
    frame = bytes(12) + ETHERTYPE.to_bytes(2, "big") + b"hello"
    control_bits = [(1, SO_TIMESTAMPING, struct.pack("I", TX_SOFTWARE))]
    for kind in (socket.SOCK_RAW, socket.SOCK_DGRAM):
        for bits in (
            RX_SOFTWARE,
            RX_SOFTWARE | SOFTWARE,
            TX_SOFTWARE | 1 | RX_SOFTWARE | SOFTWARE,
            TX_SOFTWARE,
            TX_SOFTWARE | TX_SCHED | SOFTWARE | OPT_ID,
            TX_SOFTWARE | SOFTWARE | OPT_TSONLY | OPT_ID,
        ):
            for plain in (0, SO_TIMESTAMPNS):
                a = socket.socket(socket.AF_PACKET, kind, 0)
                b = socket.socket(socket.AF_PACKET, kind, socket.htons(ETHERTYPE))
                for s in (a, b):
                    s.bind(("lo", ETHERTYPE))
                    seen.append(tried(s.setsockopt, 1, SO_TIMESTAMPING, bits | asked(bits)))
                    if plain:
                        s.setsockopt(1, plain, 1)
                seen.append(a.getsockopt(1, SO_TIMESTAMPING))
                # Linux switches its stamping on a moment later.
                time.sleep(0.05)
                there = ("lo", ETHERTYPE, 0, 0, bytes(6))
                for _ in range(2):
                    a.sendto(frame if kind == socket.SOCK_RAW else b"hello", there)
                seen += [told(b.recvmsg(99, 300)), told(b.recvmsg(3, 300, socket.MSG_TRUNC))]
                seen.append(a.getsockopt(1, socket.SO_ERROR))
                while not isinstance(got := tried(a.recvmsg, 99, 300, MSG_ERRQUEUE), str):
                    seen.append(told(got))
                seen.append(got)
                a.sendmsg([frame if kind == socket.SOCK_RAW else b"hello"], control_bits, 0, there)
                got = tried(a.recvmsg, 7, 300, MSG_ERRQUEUE)
                seen += [told(got), tried(a.recvmsg, 7, 300, MSG_ERRQUEUE)]
                for wrong in ([(1, SO_TIMESTAMPING, struct.pack("I", 8))], [(1, 99, bytes(4))]):
                    seen.append(tried(a.sendmsg, [b"hello" + bytes(60)], wrong, 0, there))
                a.close()
                b.close()
    return seen


@privileged
@pytest.mark.slow
def test_packet_sockets() -> None:
    ours, linux = on_both(frames)
    assert ours == linux


def errors_with_times() -> list[Any]:
    """SO_TIMESTAMP and SO_TIMESTAMPING stamp what the error queue tells of ICMP errors too."""
    seen: list[Any] = []
    for bits in (0, SOFTWARE, SOFTWARE | TX_SOFTWARE):
        for plain in (0, SO_TIMESTAMP, SO_TIMESTAMPNS_NEW):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                s.setsockopt(0, 11, 1)
                s.setsockopt(1, SO_TIMESTAMPING, bits | asked(bits))
                if plain:
                    s.setsockopt(1, plain, 1)
                time.sleep(0.05)
                s.connect(("127.0.0.1", 9))
                s.send(b"x")
                time.sleep(0.05)
                while not isinstance(got := outcome(lambda: s.recvmsg(99, 300, MSG_ERRQUEUE)), str):
                    data, found, flags = told(got)
                    seen.append((data[-1:], found, flags))
    return seen


def test_entries_of_the_error_queue() -> None:
    ours, linux = on_both(errors_with_times)
    assert ours == linux
