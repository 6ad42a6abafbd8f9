"""Deadlines: the retransmission timeout (RFC 6298), keep-alive, user timeout, retries."""

from builders_tcp import MS, SECOND, Host, established, sack_established

from fourtuple.ports.endpoint import CLOSE, ESTABLISHED
from fourtuple.stack.tcp import rtt
from fourtuple.stack.tcp.state import EHOSTUNREACH, ETIMEDOUT


def times_of_sending(host: Host, duration: int, step: int = MS) -> list[int]:
    """Milliseconds from now at which anything was sent."""
    start = host.clock.now
    times = []
    while host.clock.now - start < duration:
        host.run(step)
        times += [(host.clock.now - start) // MS] * len(host.packets())
    return times


def test_established_rto_is_srtt_plus_at_least_200_ms() -> None:
    """RFC 6298 §2, with Linux's minimum on the variance."""
    host = established()
    assert host.tcb.srtt >> 3 == 100_000
    assert host.tcb.rto == 300 * MS


def test_rtt_estimator_follows_samples() -> None:
    """RFC 6298 §2.3: gain 1/8; a jump raises the variance at once, and it falls slowly."""
    tcb = established().tcb
    for _ in range(100):
        tcb.snd_una += 1
        tcb.snd_nxt += 1
        rtt.sample(tcb, 50_000)
    assert abs((tcb.srtt >> 3) - 50_000) < 1000
    low = tcb.rto
    rtt.sample(tcb, 500_000)
    assert tcb.rto > low + 300 * MS


def test_established_retransmits_with_exponential_backoff() -> None:
    """RFC 6298 §5.4 to §5.6."""
    host = established()
    host.tcb.send(b"x" * 100, 0)
    host.packets()
    assert times_of_sending(host, 10 * SECOND) == [300, 900, 2100, 4500, 9300]


def test_established_backoff_ends_with_the_next_sample() -> None:
    """Karn: the ACK of a retransmission is no sample; that of new data is."""
    host = established()
    host.tcb.send(b"x" * 100, 0)
    host.run(SECOND)
    backed_off = host.tcb.rto
    assert backed_off == 1200 * MS
    host.inject(".", 1, 101)
    assert host.tcb.rto == backed_off
    host.tcb.send(b"y" * 100, 0)
    host.run(100 * MS)
    host.inject(".", 1, 201)
    assert host.tcb.rto < 400 * MS


def test_established_gives_up_after_retries2() -> None:
    """RFC 9293 §3.8.3 R2: by time, 924.6 s for 15 retries."""
    host = established()
    host.tcb.send(b"x" * 100, 0)
    host.run(900 * SECOND)
    assert host.tcb.endpoint.state == ESTABLISHED
    host.run(150 * SECOND)
    assert host.tcb.take_error() == ETIMEDOUT
    assert host.tcb.endpoint.state == CLOSE


def test_established_timeout_reports_the_soft_error() -> None:
    """RFC 5927 §5.2: an ICMP error is remembered, and is the reason if the connection dies."""
    host = Host(tcp_retries2=3).connect(delay=100 * MS)
    host.tcb.send(b"x" * 100, 0)
    host.icmp(3, 1, 1)
    assert host.tcb.endpoint.state == ESTABLISHED
    host.run(60 * SECOND)
    assert host.tcb.take_error() == EHOSTUNREACH


def test_established_user_timeout() -> None:
    """RFC 9293 §3.8.3 (TCP_USER_TIMEOUT): from the first retransmission."""
    host = established()
    host.tcb.user_timeout = 5 * SECOND
    host.tcb.send(b"x" * 100, 0)
    host.run(4 * SECOND)
    assert host.tcb.endpoint.state == ESTABLISHED
    host.run(2 * SECOND)
    assert host.tcb.take_error() == ETIMEDOUT


def test_established_keepalive_probes_then_resets() -> None:
    """RFC 9293 §3.8.4."""
    host = established()
    host.tcb.keepidle = 10 * SECOND
    host.tcb.keepintvl = SECOND
    host.tcb.keepcnt = 3
    host.tcb.keepalive = True
    times = times_of_sending(host, 20 * SECOND, 100 * MS)
    assert times == [10_000, 11_000, 12_000, 13_000]
    assert host.tcb.take_error() == ETIMEDOUT


def test_established_keepalive_probe_is_below_the_window() -> None:
    host = established()
    host.tcb.keepidle = 10 * SECOND
    host.tcb.keepintvl = SECOND
    host.tcb.keepalive = True
    host.run(10 * SECOND)
    assert host.sent() == [". 0:0(0) ack 1"]
    host.inject(".", 1, 1)
    host.run(9 * SECOND)
    assert host.sent() == []
    host.run(SECOND)
    assert host.sent() == [". 0:0(0) ack 1"]


def test_established_keepalive_probe_is_answered() -> None:
    host = established()
    host.inject(".", 0, 1)
    assert host.sent() == [". 1:1(0) ack 1"]


def test_established_idle_costs_no_event() -> None:
    """The heap entries a quiet connection leaves behind run out."""
    host = established()
    host.tcb.send(b"x" * 100, 0)
    host.inject(".", 1, 101)
    host.inject("P.", 1, 101, b"y" * 100)
    host.tcb.recv(1000, False)
    host.run(10 * SECOND)
    assert host.clock.pending() == 0


def test_established_tail_loss_probe() -> None:
    """RFC 8985 §7.2: two round trips after the last of a flight, that segment again."""
    host = sack_established()
    host.tcb.send(b"x" * 4000, 0)
    host.packets()
    host.run(201 * MS)
    assert host.sent() == []
    host.run(5 * MS)
    assert host.sent() == ["P. 3001:4001(1000) ack 1"]


def test_established_tail_loss_probe_waits_for_delayed_ack_of_a_single_segment() -> None:
    host = sack_established()
    host.tcb.send(b"x" * 1000, 0)
    host.packets()
    host.run(299 * MS)
    assert host.sent() == []
    host.run(2 * MS)
    assert host.sent() == ["P. 1:1001(1000) ack 1"]


def test_established_tail_loss_probe_prefers_new_data() -> None:
    """RFC 8985 §7.3."""
    host = Host().connect(sack=True, delay=100 * MS, win=65535)
    host.tcb.sndbuf = 100_000
    host.tcb.send(b"x" * 12_000, 0)
    assert len(host.sent()) == 10
    host.run(210 * MS)
    assert host.sent() == [". 10001:11001(1000) ack 1"]


def test_established_tail_loss_probe_found_a_loss() -> None:
    """RFC 8985 §7.4: the probe repaired it, but it was congestion."""
    host = sack_established()
    host.tcb.send(b"x" * 4000, 0)
    host.run(210 * MS)
    host.inject(".", 1, 4001)
    assert host.tcb.cwnd == 10
    host.tcb.send(b"x" * 1000, 0)
    host.inject(".", 1, 5001)
    assert host.tcp.counters.loss_probe_recovery == 1
    assert host.tcb.ssthresh == 7


def test_established_tail_loss_probe_found_no_loss() -> None:
    """A DSACK of the probe shows that the original had arrived too."""
    host = sack_established()
    host.tcb.send(b"x" * 4000, 0)
    host.run(210 * MS)
    host.inject(".", 1, 4001)
    host.inject(".", 1, 4001, options=host.syn_options(-1, -1, False, False), sack=[(3001, 4001)])
    host.tcb.send(b"x" * 1000, 0)
    host.inject(".", 1, 5001)
    assert host.tcp.counters.loss_probe_recovery == 0
    assert host.tcb.ssthresh > 1000


def test_established_revoked_window_probes_without_end() -> None:
    """The peer takes its window back over data in flight, but answers: that is no reason to give up."""
    host = Host(tcp_retries2=3).connect(delay=100 * MS)
    host.tcb.send(b"x" * 3000, 0)
    host.inject(".", 1, 1001, win=0)
    for _ in range(120):
        host.run(SECOND)
        if host.sent():
            host.inject(".", 1, 1001, win=0)
    assert host.tcb.endpoint.state == ESTABLISHED
