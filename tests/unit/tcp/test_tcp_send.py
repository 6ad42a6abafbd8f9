"""What the sender does with data: sizes, PSH, Nagle, cork, windows (RFC 9293 §3.7, §3.8.6)."""

from itertools import pairwise

from builders_tcp import MS, SECOND, Host, established

from fourtuple.stack.poll_bits import POLLOUT
from fourtuple.stack.tcp.state import EAGAIN, EPIPE, MSG_EOR, MSG_MORE


def lengths(sent: list[str]) -> list[int]:
    return [int(text.split("(")[1].split(")")[0]) for text in sent]


def test_established_write_is_cut_at_mss_and_pushed_at_its_end() -> None:
    host = established()
    host.tcb.send(b"x" * 2500, 0)
    sent = host.sent()
    assert lengths(sent) == [1000, 1000, 500]
    assert sent[-1].startswith("P. ")


def test_established_initial_window_is_ten_segments() -> None:
    """RFC 6928."""
    host = established()
    host.tcb.sndbuf = 200_000
    host.tcb.send(b"x" * 50_000, 0)
    assert len(host.sent()) == 10
    host.inject(".", 1, 5_001)
    host.inject(".", 1, 10_001)
    assert len(host.sent()) == 20


def test_established_nagle_holds_second_short_segment() -> None:
    """RFC 9293 §3.7.4."""
    host = established()
    host.tcb.send(b"a" * 10, 0)
    host.tcb.send(b"b" * 10, 0)
    host.tcb.send(b"c" * 10, 0)
    assert host.sent() == ["P. 1:11(10) ack 1"]
    host.inject(".", 1, 11)
    assert host.sent() == ["P. 11:31(20) ack 1"]


def test_established_nodelay_sends_at_once() -> None:
    host = established()
    host.tcb.nodelay = True
    host.tcb.send(b"a" * 10, 0)
    host.tcb.send(b"b" * 10, 0)
    assert host.sent() == ["P. 1:11(10) ack 1", "P. 11:21(10) ack 1"]


def test_established_nodelay_releases_what_nagle_held() -> None:
    host = established()
    host.tcb.send(b"a" * 10, 0)
    host.tcb.send(b"b" * 10, 0)
    host.packets()
    host.tcb.nodelay = True
    assert host.sent() == ["P. 11:21(10) ack 1"]


def test_established_cork_sends_full_segments_only() -> None:
    host = established()
    host.tcb.cork = True
    host.tcb.send(b"a" * 1500, 0)
    assert lengths(host.sent()) == [1000]
    host.tcb.cork = False
    assert host.sent() == ["P. 1001:1501(500) ack 1"]


def test_established_cork_gives_in_after_a_while() -> None:
    """tcp(7): no more than about 200 ms; here it is the probe timer, at the RTO."""
    host = established()
    host.tcb.cork = True
    host.tcb.send(b"a" * 100, 0)
    assert host.sent() == []
    host.run(400 * MS)
    assert host.sent() == ["P. 1:101(100) ack 1"]


def test_established_msg_more_waits_for_the_rest() -> None:
    host = established()
    host.tcb.send(b"head", MSG_MORE)
    assert host.sent() == []
    host.tcb.send(b"body", 0)
    assert host.sent() == ["P. 1:9(8) ack 1"]


def test_established_msg_eor_keeps_records_apart() -> None:
    host = Host().connect(win=65535)
    host.tcb.nodelay = True
    host.tcb.cwnd = 1
    host.tcb.send(b"a" * 100, 0)
    host.tcb.send(b"b" * 100, MSG_EOR)
    host.tcb.send(b"c" * 100, 0)
    host.packets()
    host.inject(".", 1, 101)
    assert lengths(host.sent()) == [100, 100]


def test_established_small_writes_fill_one_segment_while_waiting() -> None:
    host = established()
    host.tcb.send(b"x", 0)
    for _ in range(50):
        host.tcb.send(b"y" * 30, 0)
    sent = host.sent()
    assert sent[0] == "P. 1:2(1) ack 1"
    assert lengths(sent[1:]) == [1000]
    # Minshall: the short segment that held them back is acknowledged, the full one does not count.
    host.inject(".", 1, 2)
    assert lengths(host.sent()) == [500]


def test_established_zero_window_is_probed_with_backoff() -> None:
    """RFC 9293 §3.8.6.1: at the RTO, then doubling; no end as long as the peer answers."""
    host = established()
    host.tcb.send(b"x" * 1000, 0)
    host.inject(".", 1, 1001, win=0)
    host.tcb.send(b"y" * 1000, 0)
    host.packets()
    times = []
    start = host.clock.now
    while host.clock.now - start < 20 * SECOND:
        host.run(10 * MS)
        for text in host.sent():
            assert text == ". 1000:1000(0) ack 1"
            times.append((host.clock.now - start) // (10 * MS))
            host.inject(".", 1, 1001, win=0)
    gaps = [b - a for a, b in pairwise(times)]
    assert all(later >= 2 * earlier - 2 for earlier, later in pairwise(gaps))
    assert len(times) >= 5
    host.run(3600 * SECOND)
    assert host.tcb.error == 0 or host.tcb.probes_out > 0


def test_established_window_opens_after_probe() -> None:
    host = established()
    host.tcb.send(b"x" * 1000, 0)
    host.inject(".", 1, 1001, win=0)
    host.tcb.send(b"y" * 1000, 0)
    host.packets()
    host.run(SECOND)
    host.packets()
    host.inject(".", 1, 1001, win=5000)
    assert host.sent() == ["P. 1001:2001(1000) ack 1"]


def test_established_silent_zero_window_gives_up() -> None:
    """No answer to tcp_retries2 probes: ETIMEDOUT."""
    host = Host(tcp_retries2=3).connect(delay=100 * MS)
    host.tcb.send(b"x" * 1000, 0)
    host.inject(".", 1, 1001, win=0)
    host.tcb.send(b"y" * 1000, 0)
    host.run(60 * SECOND)
    assert host.tcb.take_error() == 110


def test_established_small_window_is_not_filled_with_crumbs() -> None:
    """RFC 9293 §3.8.6.2.1: no segment of less than the MSS just because the window is that small."""
    host = Host().connect(win=60_000)
    host.tcb.sndbuf = 200_000
    host.tcb.send(b"x" * 30_000, 0)
    host.packets()
    host.inject(".", 1, 10_001, win=400)
    assert host.sent() == []


def test_established_segments_fit_half_the_largest_window() -> None:
    """A peer with a tiny window gets segments of half of it, so that one can be in flight."""
    host = Host().connect(win=900)
    host.tcb.nodelay = True
    host.tcb.send(b"x" * 900, 0)
    assert lengths(host.sent()) == [450, 450]


def test_established_full_buffer_refuses_and_reports_room() -> None:
    host = established()
    host.tcb.sndbuf = 20_000
    assert host.tcb.send(b"x" * 100_000, 0) >= 20_000
    assert host.tcb.send(b"x", 0) == -EAGAIN
    assert not host.tcb.poll() & POLLOUT
    host.events.take()
    acked = 1
    while not host.tcb.poll() & POLLOUT:
        acked += 1000
        host.inject(".", 1, acked)
    assert host.events.take() & POLLOUT


def test_established_notsent_lowat_limits_what_waits() -> None:
    host = established()
    host.tcb.notsent_lowat = 5000
    taken = 0
    while host.tcb.poll() & POLLOUT:
        taken += host.tcb.send(b"x" * 1000, 0)
    assert taken == 13_000


def test_syn_sent_send_waits() -> None:
    host = Host()
    host.start_connect()
    assert host.tcb.send(b"x", 0) == -EAGAIN


def test_closed_send_is_epipe() -> None:
    assert Host().tcb.send(b"x", 0) == -EPIPE


def test_established_loopback_sizes() -> None:
    """The loopback's MTU gives the MSS and send buffer every Linux shows on it."""
    host = Host()
    host.ip.mtu = 65536
    host.start_connect()
    host.inject("S.", 0, 1, options=host.syn_options(65495, 7, True, True), win=65483)
    assert host.tcb.mss == 32741
    assert host.tcb.advmss == 65483
    assert host.tcb.sndbuf == 2626560


def test_established_ethernet_send_buffer() -> None:
    assert Host().connect(mss=1460).tcb.sndbuf == 87040


def test_established_idle_restarts_slowly() -> None:
    """RFC 5681 §4.1: after an RTO of silence no more than the initial window."""
    host = established()
    host.tcb.cwnd = 80
    host.run(60 * SECOND)
    host.tcb.sndbuf = 400_000
    host.tcb.send(b"x" * 60_000, 0)
    assert len(host.sent()) == 10


def test_established_idle_keeps_window_if_told() -> None:
    host = established(tcp_slow_start_after_idle=0)
    host.tcb.cwnd = 40
    host.run(60 * SECOND)
    host.tcb.sndbuf = 400_000
    host.tcb.send(b"x" * 60_000, 0)
    assert len(host.sent()) == 40


def test_established_window_not_used_does_not_grow() -> None:
    """RFC 7661: an application that sends little learns nothing about the path."""
    host = established()
    for number in range(50):
        host.tcb.send(b"x" * 100, 0)
        host.run(50 * MS)
        host.inject(".", 1, 1 + 100 * (number + 1))
    assert host.tcb.cwnd == 10


def test_send_buffer_is_charged_for_each_burst_and_run() -> None:
    host = established()
    tcb = host.tcb
    tcb.cork = True
    tcb.send(bytes(100), 0)
    # As SO_MEMINFO shows it on Linux 6.18: 832 bytes and the data.
    assert tcb.send_memory() == 932
    tcb.send(bytes(900), 0)
    assert tcb.send_memory() == 1832
    tcb.cork = False
    host.packets()
    tcb.cwnd = 20
    tcb.send(bytes(8000), 0)
    bursts = sum(1 for segment in host.segments() if segment.flags & 8)
    assert tcb.bursts_out == bursts + 1
    host.inject(".", 1, 9001)
    assert tcb.send_memory() == 0
    assert tcb.bursts_out == 0


def test_small_buffer_takes_few_small_segments() -> None:
    host = established()
    host.tcb.sndbuf = 4608
    host.tcb.max_window = 1000
    host.tcb.cork = True
    taken = host.tcb.send(bytes(10_000), 0)
    # Runs of half the peer's window: three of them with their 832 bytes reach 4608.
    assert taken == 3 * 1000
