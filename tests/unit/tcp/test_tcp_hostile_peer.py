"""Hostile peers and hosts off the path: an established connection goes on, and what is kept stays bounded."""

from __future__ import annotations

import random
import sys
import tracemalloc

import pytest
from builders_tcp import MASK, MS, PORT, REMOTE, SECOND, Host, Pair, listening, sack_established

from fourtuple.stack.tcp.state import ESTABLISHED
from fourtuple.wire.address import parse_ip
from fourtuple.wire.icmp import (
    ICMP_PARAMETER_PROBLEM,
    ICMP_TIME_EXCEEDED,
    ICMP_UNREACHABLE,
    UNREACHABLE_FRAGMENTATION_NEEDED,
)
from fourtuple.wire.ipv4 import Ipv4Packet
from fourtuple.wire.tcp import ACK, RST, SYN, TcpSegment

STRANGER = parse_ip("198.51.100.0")


def works(host: Host, at: int = 1) -> None:
    """The peer's next byte arrives, and what we send is acknowledged."""
    tcb = host.tcb
    assert tcb.endpoint.state == ESTABLISHED
    while tcb.received_bytes:
        tcb.recv(1 << 20, False)
    nxt = (tcb.rcv_nxt - host.peer_isn) & MASK
    host.inject("P.", nxt, at, b"!")
    assert tcb.recv(10, False)[:1] == b"!"
    host.packets()


def syn(source: int, port: int, number: int) -> Ipv4Packet:
    return Ipv4Packet(
        source, parse_ip("192.168.0.1"), 6, TcpSegment(port, PORT, number, 0, SYN, 1024, b"", None)
    )


# SYN floods (RFC 4987) -------------------------------------------------------------------------


@pytest.mark.parametrize("cookies", [0, 1], ids=["without cookies", "with cookies"])
def test_syn_flood_leaves_connections_and_memory(cookies: int) -> None:
    host = Host(tcp_syncookies=cookies).accept_one()
    listener = host.listener
    assert listener is not None
    listener.listen(64)
    queues = listener.listening
    assert queues is not None

    def flood(count: int) -> None:
        for number in range(count):
            host.tcp.input(syn(STRANGER + number % 251, 1024 + number % 60_000, number), 1)
            if number % 100 == 0:
                host.packets()

    flood(300)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    flood(800)
    host.packets()
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert len(queues.requests) <= 64
    assert grown < 50_000, f"{grown} bytes for 800 SYNs"
    works(host)
    # A real peer gets in with cookies; without, when the queue has emptied itself.
    if not cookies:
        host.run(70 * SECOND)
        host.packets()
        assert not queues.requests
    number = 5_000_000
    host.tcp.input(syn(REMOTE, 45_000, number), 1)
    answer = host.segments()[-1]
    assert answer.flags == SYN | ACK
    last = TcpSegment(45_000, PORT, number + 1, (answer.seq + 1) & MASK, ACK, 1024, b"", None)
    host.tcp.input(Ipv4Packet(REMOTE, parse_ip("192.168.0.1"), 6, last), 1)
    assert listener.accept() is not None


def test_acks_that_guess_cookies_make_no_connection() -> None:
    host = listening(tcp_syncookies=2)
    host.inject("S", 0)
    chance = random.Random(5)
    for _ in range(5000):
        segment = TcpSegment(
            chance.randrange(1, 65_536),
            PORT,
            chance.getrandbits(32),
            chance.getrandbits(32),
            ACK,
            9,
            b"",
            None,
        )
        host.tcp.input(Ipv4Packet(REMOTE, parse_ip("192.168.0.1"), 6, segment), 1)
        host.ip.sent.clear()
    assert host.listener is not None
    assert host.listener.accept() is None
    assert host.listener.listening is not None
    assert not host.listener.listening.requests


# Blind injection (RFC 5961) --------------------------------------------------------------------


def test_blind_resets_end_nothing_and_challenges_are_few() -> None:
    """A reset in the window but not at RCV.NXT is challenged, at most once in tcp_invalid_ratelimit."""
    host = sack_established()
    chance = random.Random(1)
    for _ in range(2000):
        host.inject("R", 2 + chance.randrange(60_000))
        host.inject("R", chance.getrandbits(32) | 1 << 31)
    assert len(host.sent()) <= 2
    host.run(SECOND)
    works(host)


def test_blind_syns_end_nothing() -> None:
    host = sack_established()
    for number in range(3000):
        host.inject("S", number * 997 & MASK)
    assert len(host.sent()) <= 2
    works(host)


def test_challenges_of_a_host_are_limited() -> None:
    """RFC 5961 §7: so is what a flood at many connections draws from the host."""
    host = Host(tcp_challenge_ack_limit=10).connect(sack=True)
    host.ip.sysctl.tcp_invalid_ratelimit = 0
    for number in range(1000):
        host.inject("R", 2 + number)
    assert len(host.sent()) <= 20
    works(host)


def test_blind_data_with_a_wrong_ack_is_not_taken() -> None:
    """RFC 5961 §5: the ACK has to be of the last window, or the data is a stranger's."""
    host = sack_established()
    chance = random.Random(2)
    for _ in range(5000):
        ack = chance.getrandbits(32)
        if (ack - 1) & MASK == 0 or (1 - ack) & MASK <= host.tcb.max_window:
            continue
        host.inject("P.", 1, ack, b"evil")
    assert host.tcb.received_bytes == 0
    assert host.tcb.rcv_nxt == host.peer_isn + 1
    host.packets()
    works(host)


# Lies about what arrived -----------------------------------------------------------------------


def in_flight(segments: int) -> Host:
    host = sack_established()
    host.tcb.sndbuf = 10_000_000
    host.tcb.cwnd = segments
    host.tcb.send(b"x" * 1000 * segments, 0)
    host.packets()
    return host


def test_sack_bombs_cost_little_and_break_nothing() -> None:
    """Blocks of senseless numbers, of all of the window, of single bytes."""
    host = in_flight(500)
    tcb = host.tcb
    chance = random.Random(3)
    for _ in range(700):
        blocks = []
        for _ in range(4):
            left = chance.choice(
                (chance.getrandbits(32), 1 + chance.randrange(60_000), 1 + 2 * chance.randrange(30_000))
            )
            blocks.append((left & MASK, (left + chance.choice((1, 2, 1000, 400_000, 1 << 31))) & MASK))
        host.inject(".", 1, 1, sack=blocks)
        host.ip.sent.clear()
        assert tcb.packets_out == len(tcb.rtx) - tcb.rtx_head
        assert 0 <= tcb.sacked_out + tcb.lost_out <= tcb.packets_out
    assert len(tcb.rtx) <= 1100
    assert tcb.endpoint.state == ESTABLISHED
    # The peer comes to its senses.
    for _ in range(20):
        host.inject(".", 1, (tcb.snd_nxt - tcb.iss) & MASK)
    assert tcb.packets_out == tcb.unacked_bytes() == 0
    works(host, (tcb.snd_nxt - tcb.iss) & MASK)


def test_ack_division_does_not_open_the_window_faster() -> None:
    """Savage et al. 1999: a thousand ACKs of one byte each count as the one segment they acknowledge."""
    host = in_flight(10)
    before = host.tcb.cwnd
    for number in range(1, 1001):
        host.inject(".", 1, 1 + number)
    assert host.tcb.cwnd <= before + 1


def test_optimistic_acks_of_the_unsent_are_refused() -> None:
    host = in_flight(10)
    before = host.tcb.cwnd
    for number in range(100):
        host.inject(".", 1, 10_002 + number * 1000)
    assert host.tcb.cwnd == before
    assert host.tcb.snd_una == host.tcb.iss + 1


def test_duplicate_ack_spoofing_does_not_inflate_the_window() -> None:
    """With SACK a duplicate that reports nothing new sends nothing new (RFC 6675)."""
    host = in_flight(10)
    host.tcb.send(b"y" * 2_000_000, 0)
    host.packets()
    sent = 0
    for _ in range(500):
        host.inject(".", 1, 1)
        sent += len(host.sent())
    assert sent <= 10


# Floods of the receive queues ------------------------------------------------------------------


def kept(host: Host) -> int:
    """Bytes the connection holds for its peer, as the interpreter counts them."""
    tcb = host.tcb
    return sum(len(piece.data) + 200 for piece in tcb.ooo) + sum(len(data) + 60 for data in tcb.received)


@pytest.mark.parametrize("size", [1, 7, 100])
def test_crumbs_beyond_a_gap_stay_in_the_buffer(size: int) -> None:
    """Every second piece of the window, again and again, in random order."""
    host = sack_established()
    chance = random.Random(4)
    offsets = list(range(2, 60_000, 2 * size))
    chance.shuffle(offsets)
    for offset in offsets[:1500]:
        host.inject(".", offset, 1, b"z" * size)
        host.ip.sent.clear()
    tcb = host.tcb
    assert len(tcb.ooo) * 512 + tcb.ooo_bytes <= tcb.rcvbuf_bytes
    assert kept(host) <= 2 * tcb.rcvbuf_bytes
    works(host)


def test_tiny_segments_in_order_stay_in_the_buffer() -> None:
    """One byte each: Linux charges a whole buffer for each, we join them; the window bounds both."""
    host = sack_established()
    host.tcb.rcvbuf = 8192
    for number in range(9000):
        host.inject("P.", 1 + number, 1, b"t")
        host.ip.sent.clear()
    received = host.tcb.received
    used = sys.getsizeof(received) + sum(sys.getsizeof(data) for data in received)
    assert host.tcb.received_bytes <= 65_535
    assert used < 100 * 65_535
    host.tcb.recv(1 << 20, False)
    works(host)


def test_overlaps_with_other_data_keep_what_came_first() -> None:
    """RFC 9293 leaves it open which copy counts; it must be one of them for each byte, and stay it."""
    host = sack_established()
    host.inject(".", 11, 1, b"A" * 10)
    host.inject(".", 6, 1, b"B" * 20)
    host.inject(".", 11, 1, b"C" * 10)
    host.inject(".", 1, 1, b"D" * 30)
    data = host.tcb.recv(100, False)
    assert len(data) == 30
    assert set(data) <= set(b"ABD")
    host.inject(".", 1, 1, b"E" * 30)
    assert host.tcb.received_bytes == 0


# Windows -----------------------------------------------------------------------------------------


def test_window_shrunk_to_nothing_and_silly_windows() -> None:
    """The peer takes back its window, then offers crumbs: nothing is lost, and no crumbs are sent."""
    host = in_flight(10)
    for window in (0, 1, 3, 0, 2, 0):
        host.inject(".", 1, 1, win=window)
        host.run(10 * MS)
    host.inject(".", 1, 10_001, win=3)
    host.packets()
    host.tcb.send(b"q" * 5000, 0)
    for window in (1, 2, 3, 4) * 20:
        host.inject(".", 1, 10_001, win=window)
        assert not [text for text in host.sent() if "(0)" not in text], "a silly segment"
    assert host.tcb.endpoint.state == ESTABLISHED
    host.inject(".", 1, 10_001, win=65_535)
    assert sum(len(segment.payload) for segment in host.segments()) == 5000


def test_zero_window_for_ever_holds_only_the_send_buffer() -> None:
    host = sack_established()
    host.inject(".", 1, 1, win=0)
    total = 0
    while (count := host.tcb.send(b"w" * 50_000, 0)) > 0:
        total += count
    assert total <= host.tcb.sndbuf_bytes + 70_000
    for _ in range(200):
        host.run(10 * SECOND)
        host.inject(".", 1, 1, win=0)
    assert host.tcb.endpoint.state == ESTABLISHED


# Forged ICMP (RFC 5927) --------------------------------------------------------------------------


def test_forged_icmp_errors_end_nothing() -> None:
    """Hard errors are soft on a connection; those about what is not in flight are not even that."""
    host = in_flight(10)
    chance = random.Random(6)
    for _ in range(2000):
        seq = chance.choice((1, 5001, chance.getrandbits(32)))
        kind = chance.choice((ICMP_UNREACHABLE, ICMP_TIME_EXCEEDED, ICMP_PARAMETER_PROBLEM))
        code = chance.randrange(16)
        if kind == ICMP_UNREACHABLE and code == UNREACHABLE_FRAGMENTATION_NEEDED:
            code = 3
        host.icmp(kind, code, seq)
    assert host.tcb.endpoint.state == ESTABLISHED
    assert host.tcb.error == 0
    host.inject(".", 1, 10_001)
    works(host, 10_001)


def test_forged_path_mtu_is_bounded_below_and_by_the_window() -> None:
    host = in_flight(10)
    before = host.tcb.mss
    host.icmp(ICMP_UNREACHABLE, UNREACHABLE_FRAGMENTATION_NEEDED, 900_000, 100)
    assert host.tcb.mss == before, "an error about what is not in flight was believed"
    for mtu in (68, 0, 1, 300):
        host.icmp(ICMP_UNREACHABLE, UNREACHABLE_FRAGMENTATION_NEEDED, 1, mtu)
    # net.ipv4.route.min_pmtu.
    assert host.tcb.path_mtu >= 552
    host.inject(".", 1, 10_001)
    works(host, 10_001)


# Two real ends and a third -----------------------------------------------------------------------


def test_a_transfer_under_a_blind_attacker_arrives_whole() -> None:
    """Off the path, but it knows addresses and ports: resets, SYNs, data and ACKs of random numbers."""
    pair = Pair(3).open()
    assert pair.server is not None
    chance = random.Random(7)
    data = bytes(number * 7 % 251 for number in range(300_000))
    sent, got = 0, bytearray()
    ports = pair.client.endpoint.local_port, 80
    ends = pair.client_ip.address, pair.server_ip.address
    while len(got) < len(data):
        if sent < len(data):
            count = pair.client.send(data[sent : sent + 20_000], 0)
            sent += max(count, 0)
        for to_server in (True, False) * 10:
            flags = chance.choice((RST, RST | ACK, SYN, ACK))
            payload = b"evil" * 50 if flags == ACK else b""
            source, target = ends if to_server else ends[::-1]
            source_port, port = ports if to_server else ports[::-1]
            forged = TcpSegment(
                source_port, port, chance.getrandbits(32), chance.getrandbits(32), flags, 0, payload, None
            )
            packet = Ipv4Packet(source, target, 6, forged)
            (pair.server_tcp if to_server else pair.client_tcp).input(packet, 1)
        while pair.server.recv_check() == 0:
            got += pair.server.recv(1 << 20, False)
        pair.run(5 * MS)
        assert pair.clock.now < 300 * SECOND
    assert bytes(got) == data
