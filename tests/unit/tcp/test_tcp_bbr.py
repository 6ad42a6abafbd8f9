"""BBR, delivery rate samples and pacing."""

from __future__ import annotations

import socket
import struct
import time

import pytest
from tests.unit.tcp.builders_tcp import MS, SECOND, Host

from fourtuple import Network
from fourtuple.clock.streams import Stream
from fourtuple.stack.tcp.ackstate import AckState
from fourtuple.stack.tcp.minmax import MaxFilter, MinFilter
from fourtuple.stack.tcp.output import current_rate
from fourtuple.stack.tcp.rate import note_delivered, take_sample
from fourtuple.stack.tcp.records import SentSegment

TCP_CONGESTION, TCP_INFO, TCP_CC_INFO, SO_MAX_PACING_RATE = 13, 11, 26, 47


# Delivery rate ----------------------------------------------------------------------------------


def test_rate_is_what_a_round_trip_delivered() -> None:
    host = Host().connect(delay=100 * MS)
    host.tcb.send(bytes(10_000), 0)
    host.run(100 * MS)
    host.inject(".", 1, 10_001)
    info = host.tcb.info()
    # 10 segments of 1000 bytes in 100 ms.
    assert info.delivery_rate == 100_000
    # When it was written less than a window was in flight: the network might have taken more.
    assert info.delivery_rate_app_limited == 1
    host.tcb.send(bytes(1000), 0)
    host.run(100 * MS)
    host.inject(".", 1, 11_001)
    # A slower sample of a user that is slow does not replace it.
    assert host.tcb.info().delivery_rate == 100_000


def test_acks_in_a_burst_do_not_look_fast() -> None:
    host = Host().connect(sack=True, delay=100 * MS)
    for _ in range(5):
        host.tcb.send(bytes(1000), 0)
        host.run(40 * MS)
    for number in range(1, 6):
        host.inject(".", 1, 1 + 1000 * number)
    # 5 segments took 160 ms to be sent, and 200 until the last ACK.
    assert host.tcb.info().delivery_rate <= 5000 * 1000 // 160


def test_faster_than_the_shortest_round_trip_is_no_sample() -> None:
    host = Host().connect(delay=100 * MS)
    host.tcb.send(bytes(1000), 0)
    host.run(1 * MS)
    host.tcb.min_rtt = 100_000
    before = host.tcb.rate_delivered
    state_rtt = host.tcb.min_rtt
    host.inject(".", 1, 1001)
    # The ACK is its own shortest round trip, so it counts: 1000 bytes in 1 ms.
    assert host.tcb.min_rtt < state_rtt
    assert host.tcb.rate_delivered >= before


def test_of_one_moment_the_sample_is_of_what_was_transmitted_last() -> None:
    """A retransmission that followed new data in the same nanosecond, though its sequence number is lower."""
    new, again = SentSegment(5000, 6000, b"", 0, 7), SentSegment(1000, 2000, b"", 0, 7)
    new.serial, new.delivered = 4, 10
    again.serial, again.delivered = 5, 20
    for order in ((new, again), (again, new)):
        state = AckState(0, 0, 0, 0, 0)
        for sent in order:
            note_delivered(sent, state)
        assert state.newest is again


def test_parts_of_one_segment_are_in_order_of_sequence() -> None:
    low, high = SentSegment(1000, 2000, b"", 0, 7), SentSegment(2000, 3000, b"", 0, 7)
    low.serial = high.serial = 4
    state = AckState(0, 0, 0, 0, 0)
    for sent in (high, low):
        note_delivered(sent, state)
    assert state.newest_end == 3000


def test_no_sample_before_a_round_trip_is_known() -> None:
    """``tcp_min_rtt`` is infinite then, so that any interval is shorter."""
    tcb = Host().connect(delay=100 * MS).tcb
    tcb.min_rtt = -1
    state = AckState(0, 0, 0, 0, 0)
    sent = SentSegment(1, 1001, b"", 0, tcb.clock.now)
    sent.serial = 1
    note_delivered(sent, state)
    before = tcb.rate_delivered
    take_sample(tcb, state, 1, False)
    assert (state.interval, tcb.rate_delivered) == (-1, before)


# The filter -------------------------------------------------------------------------------------


def test_filter_gives_the_largest_of_the_window() -> None:
    stream = Stream(1, "bbr")
    found = MaxFilter()
    values: list[int] = []
    for moment in range(2000):
        values.append(stream.below(1000) + (500 if moment % 300 < 20 else 0))
        found.take(10, moment, values[-1])
        # Three candidates are an estimate: never above the window's largest, and near it.
        assert found.best() <= max(values[-11:])
        assert found.best() >= sorted(values[-11:])[-8 if len(values) > 10 else 0]


def test_filter_forgets_what_is_older_than_the_window() -> None:
    found = MaxFilter()
    found.take(10, 0, 100)
    for moment in range(1, 12):
        found.take(10, moment, 10)
    assert found.best() == 10


def test_smallest_filter_gives_the_smallest_of_the_window() -> None:
    stream = Stream(1, "rtt")
    values = [500 + stream.below(1000)]
    found = MinFilter(0, values[0])
    for moment in range(1, 2000):
        values.append(500 + stream.below(1000) - (300 if moment % 300 < 20 else 0))
        found.take(100, moment, values[-1])
        recent = values[-101:]
        # Three candidates are an estimate: never below the window's smallest, and near it.
        assert min(recent) <= found.best() <= sorted(recent)[len(recent) // 3]


def test_smallest_filter_does_not_take_a_late_value_for_the_least() -> None:
    """When the least is too old the next best of the window follows, not what was measured last."""
    found = MinFilter(0, 100)
    for moment in range(1, 130):
        found.take(100, moment, 900 if moment % 10 else 200)
    assert found.best() == 200


def test_least_round_trip_is_of_the_newest_segment() -> None:
    """One ACK of two segments sent 30 ms apart: the timeout takes the older, the path's least the newer."""
    host = Host().connect(sack=True, delay=100 * MS)
    host.tcb.send(bytes(1000), 0)
    host.run(30 * MS)
    host.tcb.send(bytes(1000), 0)
    host.run(50 * MS)
    host.inject(".", 1, 2001)
    assert host.tcb.info().min_rtt == 50_000
    assert host.tcb.info().rtt == 100_000 - (100_000 - 80_000) // 8


def test_ack_that_may_have_waited_does_not_become_the_least() -> None:
    """A lone short segment's, once the least round trip is out of date (``FLAG_ACK_MAYBE_DELAYED``)."""
    host = Host().connect(sack=True, delay=100 * MS)
    host.run(400 * SECOND)
    for length, expected in ((10, 100_000), (1000, 140_000)):
        host.tcb.send(bytes(length), 0)
        host.run(140 * MS)
        host.inject(".", 1, host.tcb.snd_nxt - host.tcb.iss)
        assert host.tcb.info().min_rtt == expected


# Pacing -----------------------------------------------------------------------------------------


def test_largest_rate_spreads_what_the_window_allows() -> None:
    host = Host().connect(delay=100 * MS)
    host.tcb.max_pacing_rate = 100_000
    host.tcb.paced = True
    host.tcb.cwnd = 100
    host.tcb.send(bytes(60_000), 0)
    at_once = len(host.packets())
    # The first ten segments are not paced.
    assert 10 <= at_once <= 60
    host.run(100 * MS)
    later = sum(len(segment.payload) for segment in host.segments())
    assert 8000 <= later <= 12_000
    assert host.tcb.info().max_pacing_rate == 100_000
    assert current_rate(host.tcb) <= 100_000


# BBR --------------------------------------------------------------------------------------------


def serve() -> None:
    with socket.create_server(("", 80)) as server:
        while True:
            peer, _ = server.accept()
            with peer:
                while peer.recv(1 << 16):
                    pass


def transfer(name: str, size: int, limit: int = 0) -> tuple[float, int, bytes]:
    """(seconds, smoothed round trip in us, TCP_CC_INFO)"""
    with socket.socket() as sock:
        sock.setsockopt(socket.IPPROTO_TCP, TCP_CONGESTION, name.encode())
        if limit:
            sock.setsockopt(socket.SOL_SOCKET, SO_MAX_PACING_RATE, limit)
        sock.connect(("server", 80))
        began = time.monotonic()
        sock.sendall(bytes(size))
        sock.shutdown(socket.SHUT_WR)
        sock.recv(1)
        took = time.monotonic() - began
        info = sock.getsockopt(socket.IPPROTO_TCP, TCP_INFO, 300)
        return took, struct.unpack_from("<I", info, 68)[0], sock.getsockopt(6, TCP_CC_INFO, 100)


def over(name: str, size: int, loss: float = 0.0, limit: int = 0) -> tuple[float, int, bytes]:
    """A transfer over 20 Mbit/s with 40 ms of round trip and a deep queue."""
    with Network(seed=3) as network:
        server, client = network.host("server"), network.host("client")
        network.link(server, client, latency="20ms", bandwidth="20mbit", queue=400, loss=loss)
        server.spawn(serve, daemon=True)
        process = client.spawn(transfer, name, size, limit, start="1ms")
        assert network.run()
        result: tuple[float, int, bytes] = process.result
        return result


def test_bbr_fills_the_path_and_not_the_queue() -> None:
    took, rtt, info = over("bbr", 2_000_000)
    assert 2_000_000 * 8 / took > 14e6
    assert rtt < 70_000
    low, high, least, _, window = struct.unpack("<5I", info)
    # 20 Mbit/s less headers, to 10 %.
    assert 2_100_000 < (high << 32 | low) < 2_600_000
    assert 40_000 < least < 42_000
    assert window == 512


def test_bbr_does_not_mind_a_little_loss() -> None:
    took, _, _ = over("bbr", 700_000, loss=0.01)
    slow, _, _ = over("reno", 700_000, loss=0.01)
    assert took * 2 < slow


def test_pacing_rate_limits_cubic_too() -> None:
    took, rtt, info = over("cubic", 500_000, limit=250_000)
    assert 1.7 < took < 2.6
    assert rtt < 60_000
    assert info == b""


@pytest.mark.slow
def test_bbr_probes_the_round_trip_every_ten_seconds() -> None:
    took, rtt, _ = over("bbr", 40_000_000)
    assert 40_000_000 * 8 / took > 18e6
    assert rtt < 70_000
