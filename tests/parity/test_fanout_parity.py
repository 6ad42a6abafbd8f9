"""Packet sockets that share frames (PACKET_FANOUT): one program on Linux and on ours."""

import socket
import sys
from typing import Any

import pytest
from parity_programs import on_both, outcome, privileged

pytestmark = [pytest.mark.skipif(sys.platform != "linux", reason="parity needs Linux"), privileged]

PACKET_FANOUT = 18
HASH, LB, CPU, ROLLOVER, RND, QM = range(6)
PORT = 40_404


def fanouts() -> list[Any]:
    seen: list[Any] = []
    made: list[socket.socket] = []
    turns: list[Any] = []

    def tap(protocol: int = 0x0800) -> socket.socket:
        s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        s.bind(("lo", protocol))
        s.setblocking(False)
        made.append(s)
        return s

    def join(s: socket.socket, word: int) -> None:
        seen.append(outcome(lambda: s.setsockopt(263, PACKET_FANOUT, word)))
        seen.append(s.getsockopt(263, PACKET_FANOUT))

    made.append(socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0))
    join(made[0], 1)
    a, b = tap(), tap()
    for word in (7 | 8 << 16, 7 | LB << 16, 7 | LB << 16):
        join(a, word)
    for word in (7 | HASH << 16, 7 | LB << 16 | 0x1000 << 16):
        join(b, word)
    join(tap(0x86DD), 7 | LB << 16)
    join(b, 7 | LB << 16)
    seen.append(outcome(lambda: b.bind(("lo", 0x0800))))
    a.close()
    b.close()
    join(tap(), 7 | HASH << 16)
    for s in made:
        s.close()
    made.clear()

    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind(("127.0.0.1", PORT))
    for kind in (HASH, LB, ROLLOVER, RND):
        taps = [tap() for _ in range(3)]
        for s in taps:
            join(s, 9 | kind << 16)
        senders = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(12)]
        for _ in range(2):
            for number, sender in enumerate(senders):
                sender.sendto(bytes([number]), ("127.0.0.1", PORT))
                receiver.recv(9)
        # Frames of others on this loopback do not count.
        port = PORT.to_bytes(2, "big")
        got: list[list[int]] = []
        for s in taps:
            got.append([])
            while not isinstance(frame := outcome(lambda s=s: s.recv(99)), str):
                if frame[22:24] == port:
                    got[-1].append(frame[-1])
        if kind == HASH:
            # Which member gets a flow is a secret; all of it does.
            seen.append(all(numbers.count(number) == 2 for numbers in got for number in numbers))
            seen.append(sum(1 for numbers in got if numbers) > 1)
        elif kind == ROLLOVER:
            seen.append(got)
        elif kind == LB:
            # Others' frames take turns, too.
            seen.append(all(got))
            turns.append([len(numbers) for numbers in got])
        seen.append(sum(len(numbers) for numbers in got))
        for s in (*taps, *senders):
            s.close()
    receiver.close()
    return [seen, turns]


def test_packet_sockets_share_frames() -> None:
    ours, linux = on_both(fanouts)
    assert ours[0] == linux[0]
    assert ours[1] == [[8, 8, 8]]
