"""The receiving side: ACK timing, windows, the out-of-order queue (RFC 9293 §3.8.6, RFC 5681 §4.2)."""

from builders_tcp import MS, SECOND, Host, Pair, established, sack_established

from fourtuple.stack.tcp.state import EAGAIN


def slow(host: Host) -> Host:
    """Past the quick ACKs of the beginning."""
    position = 1
    for _ in range(40):
        host.inject("P.", position, 1, b"x" * 1000)
        host.tcb.recv(10_000, False)
        position += 1000
        host.run(50 * MS)
    host.packets()
    host.tcb.pingpong = False
    host.tcb.quick_acks = 0
    return host


def test_established_first_segments_are_acknowledged_at_once() -> None:
    host = established()
    for number in range(5):
        host.inject(".", 1 + 1000 * number, 1, b"x" * 1000)
        assert host.sent() == [f". 1:1(0) ack {1001 + 1000 * number}"]


def test_established_single_segment_is_acknowledged_after_40_ms() -> None:
    host = slow(established())
    host.tcb.ato = 40 * MS
    host.tcb.last_data_received = host.clock.now
    host.inject(".", 40_001, 1, b"x" * 1000)
    assert host.sent() == []
    host.run(39 * MS)
    assert host.sent() == []
    host.run(2 * MS)
    assert host.sent() == [". 1:1(0) ack 41001"]


def test_established_every_second_full_segment_is_acknowledged() -> None:
    """RFC 5681 §4.2. The user has not read yet, but there is room enough to keep the window."""
    host = slow(established())
    host.inject(".", 40_001, 1, b"x" * 1460)
    host.tcb.recv(2000, False)
    host.run(60 * MS)
    host.packets()
    host.tcb.quick_acks = 0
    # While the window grows every segment is acknowledged.
    host.tcb.rcv_ssthresh = 60_000
    host.tcb.window_clamp = 60_000
    host.inject(".", 41_461, 1, b"x" * 1460)
    assert host.sent() == []
    host.inject(".", 42_921, 1, b"x" * 1460)
    assert host.sent() == [". 1:1(0) ack 44381"]


def test_established_ack_rides_on_the_answer() -> None:
    host = slow(established())
    host.inject("P.", 40_001, 1, b"request")
    host.tcb.recv(100, False)
    host.packets()
    host.tcb.send(b"answer", 0)
    assert host.sent() == ["P. 1:7(6) ack 40008"]
    host.run(SECOND)
    assert all("(6)" in text for text in host.sent())


def test_established_filling_a_gap_is_acknowledged_at_once() -> None:
    """RFC 5681 §4.2."""
    host = slow(sack_established())
    host.inject(".", 41_001, 1, b"x" * 1000)
    host.packets()
    host.inject(".", 40_001, 1, b"x" * 1000)
    assert host.sent() == [". 1:1(0) ack 42001"]


def test_established_quickack_option_answers_what_is_pending() -> None:
    host = slow(established())
    host.inject("P.", 40_001, 1, b"x" * 10)
    host.packets()
    host.inject("P.", 40_011, 1, b"x" * 10)
    assert host.sent() == []
    host.tcb.recv(5, False)
    host.tcb.quickack = True
    host.tcb.recv(100, False)
    assert host.sent() == [". 1:1(0) ack 40021"]


def test_established_unread_data_closes_the_window() -> None:
    host = established()
    position = 1
    for _ in range(80):
        host.inject(".", position, 1, b"x" * 1000)
        position = host.tcb.rcv_nxt - host.tcb.irs
    host.run(SECOND)
    assert host.tcb.receive_window() < 1000
    assert host.tcb.received_bytes <= 65536
    assert host.tcb.received_bytes > 50_000
    assert host.segments()[-1].window < 1000


def test_established_reading_opens_the_window_in_large_steps() -> None:
    """RFC 9293 §3.8.6.2.2: no update for a small step."""
    host = established()
    position = 1
    while host.tcb.receive_window() >= 1000:
        host.inject(".", position, 1, b"x" * 1000)
        position += 1000
    host.run(SECOND)
    host.packets()
    host.tcb.recv(1000, False)
    assert host.sent() == []
    host.tcb.recv(60_000, False)
    (update,) = host.segments()
    assert update.window > 20_000


def test_established_window_never_shrinks() -> None:
    """RFC 9293 §3.8.6: the right edge does not move to the left."""
    host = established()
    edge = 0
    position = 1
    for _ in range(70):
        host.inject(".", position, 1, b"x" * 700)
        position = host.tcb.rcv_nxt - host.tcb.irs
        for segment in host.segments():
            now = ((segment.ack - host.peer_isn) & 0xFFFFFFFF) + segment.window
            assert now >= edge
            edge = now


def test_established_past_the_edge_is_taken_only_by_an_empty_queue() -> None:
    """As Linux since 6.17: one overshooting segment, if nothing is waiting to be read."""
    host = Host()
    host.tcb.rcvbuf = 20_000
    host.connect()
    host.inject("P.", 1, 1, b"x" * 4000)
    host.packets()
    host.inject("P.", 4001, 1, b"y" * 30_000)
    assert host.sent() == [". 1:1(0) ack 4001"]
    assert host.tcp.counters.beyond_window == 1
    host.tcb.recv(4000, False)
    host.inject("P.", 4001, 1, b"y" * 30_000)
    assert host.tcb.recv(50_000, False) == b"y" * 30_000


def test_established_fin_in_closed_window_is_taken() -> None:
    host = Host()
    host.tcb.rcvbuf = 20_000
    host.connect()
    host.inject("P.", 1, 1, b"x" * 30_000)
    host.run(SECOND)
    host.packets()
    host.inject("F.", 30_001, 1)
    assert host.sent(full=True) == [". 1:1(0) ack 30002 win 0"]


def test_established_many_crumbs_out_of_order_are_bounded() -> None:
    """One byte with a gap each: the pieces' own cost counts, and the furthest are dropped."""
    host = sack_established()
    host.tcb.rcvbuf = 131_072
    for number in range(3000):
        host.inject(".", 3 + 2 * number, 1, b"x")
    assert len(host.tcb.ooo) * 832 <= host.tcb.rcvbuf + 832
    assert host.tcp.counters.ofo_drop > 0


def test_established_out_of_order_overlaps_are_resolved() -> None:
    host = sack_established()
    text = bytes(range(100))
    for start, end in ((50, 60), (20, 30), (25, 55), (58, 70), (10, 15), (69, 100), (12, 22)):
        host.inject(".", 1 + start, 1, text[start:end])
    host.inject(".", 1, 1, text[:11])
    assert host.tcb.recv(200, False) == text
    assert host.tcb.ooo == []
    assert host.tcb.ooo_bytes == 0


def test_established_sack_has_three_blocks_with_timestamps() -> None:
    host = Host().connect(sack=True, ts=True, delay=10 * MS)
    for start in (11, 31, 51, 71):
        host.inject(".", start, 1, b"x" * 5)
    last = host.segments()[-1]
    assert last.options is not None
    assert len(last.options.sack) == 3


def test_established_burst_out_of_order_compresses_acks() -> None:
    """After three duplicates one ACK stands for what comes within a millisecond."""
    host = sack_established()
    for number in range(20):
        host.inject(".", 1001 + 1000 * number, 1, b"x" * 1000)
    assert len(host.sent()) == 3
    host.run(2 * MS)
    assert host.sent() == [". 1:1(0) ack 1 sack 1001:21001"]


def test_established_peek_leaves_data() -> None:
    host = established()
    host.inject("P.", 1, 1, b"hello")
    assert host.tcb.recv(3, True) == b"hel"
    assert host.tcb.recv(10, True) == b"hello"
    assert host.tcb.recv(10, False) == b"hello"
    assert host.tcb.recv_check() == EAGAIN


def test_established_reads_cross_segments() -> None:
    host = established()
    for number in range(200):
        host.inject(".", 1 + 10 * number, 1, bytes([number]) * 10)
    whole = b"".join(bytes([number]) * 10 for number in range(200))
    got = b""
    while len(got) < 2000:
        got += host.tcb.recv(7, False)
    assert got == whole


def test_established_window_grows_for_a_fast_reader() -> None:
    """Dynamic right-sizing: a reader that keeps up gets a larger buffer, up to tcp_rmem's maximum."""
    pair = Pair()
    pair.wire.delay = 20 * MS
    pair.wire.keep_log = False
    pair.open()
    server = pair.server
    assert server is not None
    pair.client.sndbuf = 4_000_000
    before = server.rcvbuf
    for _ in range(300):
        pair.client.send(b"x" * 200_000, 0)
        pair.run(5 * MS)
        server.recv(4_000_000, False)
    assert server.rcvbuf > 4 * before
    assert server.rcvbuf <= 6291456


def test_established_window_of_a_fixed_buffer_stays() -> None:
    pair = Pair()
    pair.listener.rcvbuf = 40_000
    pair.wire.keep_log = False
    pair.open()
    server = pair.server
    assert server is not None
    for _ in range(100):
        pair.client.send(b"x" * 20_000, 0)
        pair.run(5 * MS)
        server.recv(100_000, False)
    assert server.rcvbuf == 40_000
