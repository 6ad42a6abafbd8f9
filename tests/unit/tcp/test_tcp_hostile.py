"""What a hostile peer or a stranger can cost: memory, work and answers are bounded."""

from __future__ import annotations

import sys

from tests.unit.tcp.builders_tcp import MS, SECOND, Host, established

from fourtuple.clock.streams import Stream
from fourtuple.stack.tcp.isn import initial_sequence_number
from fourtuple.stack.tcp.state import ESTABLISHED


def test_bytes_sent_one_by_one_cost_little_more_than_they_are() -> None:
    host = Host(tcp_rmem=(4096, 262144, 262144)).connect(delay=10 * MS)
    for number in range(5000):
        host.inject(".", 1 + number, 1, b"x")
        host.packets()
    assert host.tcb.received_bytes == 5000
    assert len(host.tcb.received) <= 4
    assert sum(sys.getsizeof(chunk) for chunk in host.tcb.received) < 10_000
    assert host.tcb.recv(5000, False) == b"x" * 5000


def test_single_bytes_beyond_gaps_are_pruned() -> None:
    host = established()
    host.tcb.rcvbuf = 65536
    for number in range(2000):
        host.inject(".", 3 + 2 * number, 1, b"x")
        host.packets()
    assert len(host.tcb.ooo) * 512 <= 65536
    assert host.tcp.counters.ofo_drop > 0
    # The connection is none the worse.
    host.inject(".", 1, 1, b"ab")
    assert host.tcb.recv(10, False).startswith(b"ab")


def test_overlapping_data_is_kept_once() -> None:
    host = established()
    stream = Stream(7, "overlap")
    text = bytes(stream.below(256) for _ in range(3000))
    for _ in range(600):
        start = 1 + stream.below(2900)
        host.inject(".", 1 + start, 1, text[start : start + 1 + stream.below(100)])
        host.packets()
        kept = sum(len(piece.data) for piece in host.tcb.ooo)
        assert kept == host.tcb.ooo_bytes <= 3000
        assert len(host.tcb.ooo) <= 100
    for start in range(0, 3000, 100):
        host.inject(".", 1 + start, 1, text[start : start + 100])
    assert host.tcb.recv(3000, False) == text


def test_sack_of_nonsense_marks_nothing() -> None:
    host = Host().connect(sack=True, delay=10 * MS)
    host.tcb.send(bytes(10_000), 0)
    host.packets()
    stream = Stream(3, "sack")
    for _ in range(500):
        blocks = []
        for _ in range(4):
            left = stream.below(1 << 32)
            blocks.append((left, left + stream.below(1 << 31)))
        host.inject(".", 1, 1, sack=blocks)
    tcb = host.tcb
    assert 0 <= tcb.sacked_out <= tcb.packets_out == 10
    assert tcb.in_flight() >= 0
    assert tcb.endpoint.state == ESTABLISHED
    host.inject(".", 1, 10_001)
    assert tcb.packets_out == 0


def test_challenges_are_limited_for_the_host_and_the_connection() -> None:
    host = established(tcp_challenge_ack_limit=10, tcp_invalid_ratelimit=0)
    host.packets()
    for _ in range(200):
        host.inject("R", 100)
    # Between half the limit and one and a half, at random (CVE-2016-5696).
    assert 5 <= len(host.packets()) <= 15
    host.run(1 * SECOND)
    host.inject("R", 100)
    assert len(host.packets()) == 1
    quiet = established()
    quiet.packets()
    for _ in range(200):
        quiet.inject("R", 100)
    assert len(quiet.packets()) == 1


def test_window_shrunk_to_nothing_and_back_loses_nothing() -> None:
    host = established()
    host.tcb.send(bytes(5000), 0)
    host.packets()
    host.inject(".", 1, 1, win=0)
    host.run(1 * SECOND)
    assert all(len(segment.payload) <= 1000 for segment in host.segments())
    host.inject(".", 1, 1001, win=100)
    host.inject(".", 1, 1001, win=65535)
    host.run(5 * SECOND)
    host.inject(".", 1, 5001)
    assert host.tcb.packets_out == 0
    assert host.tcb.snd_una == host.tcb.snd_nxt


def test_initial_sequence_numbers_are_rfc_6528s() -> None:
    secret = bytes(16)
    first = initial_sequence_number(secret, 0, 1, 2, 3, 4)
    # A clock of 64 ns for one four-tuple …
    assert initial_sequence_number(secret, 64_000, 1, 2, 3, 4) == (first + 1000) & 0xFFFF_FFFF
    # … and for another, or another host, nothing follows from it.
    others = {initial_sequence_number(secret, 0, 1, 2, 3, port) for port in range(100)}
    assert len(others) == 100
    assert initial_sequence_number(b"x" * 16, 0, 1, 2, 3, 4) != first
