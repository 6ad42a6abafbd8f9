"""Loss recovery: fast retransmit, NewReno, SACK, RACK, PRR, F-RTO, undo."""

from builders_tcp import MS, SECOND, Host, established, sack_established

from fourtuple.stack.tcp.state import CA_CWR, CA_DISORDER, CA_LOSS, CA_OPEN, CA_RECOVERY
from fourtuple.wire.tcp_options import TcpOptions


def flight(host: Host, segments: int) -> Host:
    """``segments`` full segments in flight."""
    # The first segment after the handshake always counts as a window update.
    host.inject(".", 1, 1)
    host.tcb.sndbuf = 1_000_000
    host.tcb.cwnd = max(segments, 10)
    host.tcb.send(b"x" * 1000 * segments, 0)
    assert len(host.sent()) == segments
    return host


def sack(host: Host, *blocks: tuple[int, int], ack: int = 1) -> None:
    host.inject(".", 1, ack, options=TcpOptions(), sack=list(blocks))


# Without SACK: RFC 5681, RFC 6582 -----------------------------------------------------------------


def test_open_three_duplicates_retransmit() -> None:
    """RFC 5681 §3.2."""
    host = flight(established(), 10)
    host.tcb.cwnd_clamp = 10
    host.inject(".", 1, 1)
    host.inject(".", 1, 1)
    assert host.sent() == []
    assert host.tcb.ca_state == CA_DISORDER
    host.inject(".", 1, 1)
    assert host.sent() == [". 1:1001(1000) ack 1"]
    assert host.tcb.ca_state == CA_RECOVERY
    assert host.tcb.ssthresh == 7


def test_disorder_limited_transmit() -> None:
    """RFC 3042: each of the first two duplicates lets a new segment go."""
    host = established()
    host.inject(".", 1, 1)
    host.tcb.sndbuf = 1_000_000
    host.tcb.send(b"x" * 20_000, 0)
    assert len(host.sent()) == 10
    host.inject(".", 1, 1)
    assert host.sent() == [". 10001:11001(1000) ack 1"]
    host.inject(".", 1, 1)
    assert host.sent() == [". 11001:12001(1000) ack 1"]


def test_recovery_partial_ack_retransmits_next_hole() -> None:
    """RFC 6582 §3.2 step 3: one lost segment a round trip."""
    host = flight(established(), 10)
    for _ in range(3):
        host.inject(".", 1, 1)
    host.packets()
    host.inject(".", 1, 4001)
    assert host.sent()[0] == ". 4001:5001(1000) ack 1"
    assert host.tcb.ca_state == CA_RECOVERY
    host.inject(".", 1, 10_001)
    host.tcb.send(b"y" * 1000, 0)
    host.inject(".", 1, 11_001)
    assert host.tcb.ca_state == CA_OPEN
    assert host.tcb.cwnd <= 8


def test_recovery_window_is_ssthresh_at_its_end() -> None:
    """RFC 6582 §3.2 step 3, RFC 6937: the window comes out at ssthresh, not above."""
    host = flight(sack_established(), 10)
    for end in range(2, 11):
        sack(host, (1001, 1000 * end + 1))
    host.packets()
    host.inject(".", 1, 10_001)
    assert host.tcb.ca_state == CA_OPEN
    assert host.tcb.cwnd == 7


def test_window_update_is_no_duplicate() -> None:
    """RFC 5681 §2: a duplicate ACK offers the same window."""
    host = Host().connect(win=30_000, delay=100 * MS)
    host.inject(".", 1, 1, win=30_000)
    host.tcb.send(b"x" * 10_000, 0)
    for window in (60_000, 61_000, 62_000, 63_000):
        host.inject(".", 1, 1, win=window)
    host.inject(".", 1, 1, win=64_000)
    assert host.tcb.ca_state == CA_OPEN


def test_data_is_no_duplicate() -> None:
    """RFC 5681 §2: a duplicate ACK carries no data."""
    host = flight(established(), 10)
    for number in range(5):
        host.inject("P.", 1 + number, 1, b"z")
    assert host.tcb.ca_state == CA_OPEN


# With SACK: RFC 6675, RFC 8985 --------------------------------------------------------------------


def test_open_sacked_segments_show_holes() -> None:
    """All holes below are retransmitted without a round trip each, as far as PRR allows."""
    host = flight(sack_established(), 10)
    for end in (5001, 6001, 7001, 8001, 9001, 10_001):
        sack(host, (4001, end))
    sent = host.sent()
    assert sent[:3] == [". 1:1001(1000) ack 1", ". 1001:2001(1000) ack 1", ". 2001:3001(1000) ack 1"]
    assert host.tcb.lost_out >= 3
    assert host.tcb.sacked_out == 6


def test_open_sacked_data_is_not_retransmitted() -> None:
    host = flight(sack_established(), 10)
    sack(host, (1001, 2001), (3001, 4001), (5001, 10_001))
    host.run(30 * MS)
    host.inject(".", 1, 2001, options=TcpOptions(), sack=[(3001, 4001), (5001, 10_001)])
    host.run(60 * MS)
    starts = {text.split(":")[0].split()[-1] for text in host.sent()}
    assert starts <= {"1", "2001", "4001"}


def test_rack_waits_a_quarter_round_trip_for_reordering() -> None:
    """RFC 8985 §6.2 step 4: with fewer than three sacked a late segment gets some time."""
    host = flight(sack_established(), 4)
    host.run(100 * MS)
    sack(host, (3001, 4001))
    assert host.sent() == []
    host.run(20 * MS)
    assert host.sent() == []
    host.run(10 * MS)
    assert host.sent()[0] == ". 1:1001(1000) ack 1"


def test_rack_reordering_is_no_loss() -> None:
    host = flight(sack_established(), 4)
    host.run(100 * MS)
    sack(host, (1001, 2001))
    host.run(10 * MS)
    host.inject(".", 1, 4001)
    host.run(50 * MS)
    assert host.sent() == []
    assert host.tcb.ca_state == CA_OPEN
    assert host.tcb.cwnd == 10
    assert host.tcb.reord_seen == 1


def test_rack_finds_a_lost_retransmission() -> None:
    """RFC 8985 §6.2: a segment sent after the retransmission was delivered, it was not."""
    host = flight(sack_established(), 10)
    host.run(100 * MS)
    for end in range(2, 11):
        sack(host, (1001, 1000 * end + 1))
    assert host.sent()[0] == ". 1:1001(1000) ack 1"
    host.tcb.send(b"y" * 2000, 0)
    host.packets()
    host.run(110 * MS)
    sack(host, (1001, 12_001))
    assert host.tcp.counters.lost_retransmit == 1
    assert ". 1:1001(1000) ack 1" in host.sent()


def test_old_rules_without_rack() -> None:
    """tcp_recovery 0: RFC 6675's count of three."""
    host = flight(sack_established(tcp_recovery=0), 10)
    sack(host, (1001, 2001))
    sack(host, (1001, 3001))
    assert host.tcb.ca_state == CA_DISORDER
    sack(host, (1001, 4001))
    assert host.tcb.ca_state == CA_RECOVERY
    assert host.sent() == [". 1:1001(1000) ack 1"]


def test_sack_of_nothing_sent_is_ignored() -> None:
    host = flight(sack_established(), 4)
    sack(host, (50_001, 60_001))
    assert host.tcb.sacked_out == 0
    assert host.tcp.counters.sack_discard == 1


def test_sack_of_part_of_a_segment_does_not_count() -> None:
    host = flight(sack_established(), 4)
    sack(host, (3500, 4001))
    assert host.tcb.sacked_out == 0


def test_reneging_times_out_and_forgets_sacks() -> None:
    """RFC 2018 §8."""
    host = flight(sack_established(), 6)
    host.run(100 * MS)
    sack(host, (1001, 6001))
    host.packets()
    host.inject(".", 1, 1001)
    host.run(60 * MS)
    assert host.tcp.counters.sack_reneging == 1
    assert host.tcb.sacked_out == 0
    assert ". 1001:2001(1000) ack 1" in host.sent()


def test_recovery_reduces_in_proportion() -> None:
    """RFC 6937: about one segment out for every ssthresh/cwnd delivered."""
    host = flight(sack_established(), 20)
    host.tcb.send(b"y" * 40_000, 0)
    host.run(100 * MS)
    total = 0
    for end in range(2, 21):
        sack(host, (1001, 1000 * end + 1))
        total += len(host.sent())
    assert 11 <= total <= 15


# After a timeout: RFC 5681 §3.1, RFC 5682 -----------------------------------------------------------


def test_timeout_starts_slowly_with_one_segment() -> None:
    host = flight(established(), 10)
    host.run(310 * MS)
    assert host.sent() == [". 1:1001(1000) ack 1"]
    assert host.tcb.ca_state == CA_LOSS
    assert host.tcb.cwnd == 1
    assert host.tcb.ssthresh == 7
    host.inject(".", 1, 1001)
    assert len(host.sent()) == 2


def test_timeout_second_does_not_halve_again() -> None:
    """RFC 5681 §3.1: ssthresh is computed from the flight of the first timeout."""
    host = flight(established(), 10)
    host.run(3 * SECOND)
    assert host.tcb.retransmits >= 2
    assert host.tcb.ssthresh == 7


def test_spurious_timeout_is_undone_by_timestamps() -> None:
    """RFC 3522 (Eifel): the ACK echoes the time of the first transmission."""
    host = Host().connect(ts=True, delay=100 * MS)
    host.tcb.sndbuf = 1_000_000
    host.tcb.send(b"x" * 10_000, 0)
    first = host.segments()[0].options
    assert first is not None
    stamp = first.ts_val
    host.run(310 * MS)
    assert host.tcb.ca_state == CA_LOSS
    host.inject(".", 1, 1001, ts=(90_000, stamp))
    host.inject(".", 1, 10_001, ts=(90_001, stamp))
    assert host.tcb.ssthresh > 1000
    assert host.tcb.cwnd >= 10


def test_spurious_timeout_is_found_by_frto() -> None:
    """RFC 5682 §2.1: new data instead of the next retransmission, and its ACK decides."""
    host = sack_established(tcp_early_retrans=0)
    host.tcb.sndbuf = 1_000_000
    host.tcb.send(b"x" * 20_000, 0)
    host.packets()
    host.run(310 * MS)
    assert host.sent() == [". 1:1001(1000) ack 1"]
    host.inject(".", 1, 1001)
    assert host.sent()[0].startswith(". 10001:11001") or host.tcb.ca_state == CA_OPEN
    host.inject(".", 1, 2001)
    assert host.tcb.ca_state == CA_OPEN
    assert host.tcp.counters.spurious_rtos == 1
    assert host.tcb.ssthresh > 1000


def test_duplicate_report_undoes_recovery() -> None:
    """RFC 3708: all that was retransmitted was reported received twice."""
    host = flight(sack_established(), 10)
    for end in range(2, 6):
        sack(host, (1001, 1000 * end + 1))
    assert host.tcb.ca_state == CA_RECOVERY
    retransmitted = [text for text in host.sent() if text.startswith(". 1:1001")]
    assert len(retransmitted) == 1
    host.inject(".", 1, 10_001)
    host.inject(".", 1, 10_001, options=TcpOptions(), sack=[(1, 1001)])
    assert host.tcp.counters.dsack_undo == 1
    assert host.tcb.ssthresh > 1000
    assert host.tcb.cwnd >= 10


def test_retransmission_joins_short_segments() -> None:
    """RFC 9293 §3.8.1: sequence numbers are retransmitted, not segments."""
    host = established()
    host.tcb.nodelay = True
    for _ in range(5):
        host.tcb.send(b"x" * 100, 0)
    assert len(host.sent()) == 5
    host.run(310 * MS)
    assert host.sent() == ["P. 1:501(500) ack 1"]


def test_retransmission_stays_within_a_shrunken_window() -> None:
    host = flight(established(), 6)
    host.inject(".", 1, 1001, win=500)
    host.run(310 * MS)
    assert host.sent()[0] == ". 1001:1501(500) ack 1"


# ECN: RFC 3168 ------------------------------------------------------------------------------------


def ecn_host() -> Host:
    host = Host(tcp_ecn=1)
    syn = host.start_connect()
    assert host.text(syn).startswith("SEW ")
    host.inject("SE.", 0, 1, options=host.syn_options(1000, -1, False, False))
    host.packets()
    return host


def test_ecn_data_is_marked_capable_and_acks_are_not() -> None:
    """RFC 3168 §6.1.4, §6.1.5."""
    host = ecn_host()
    host.tcb.send(b"x" * 1000, 0)
    (data,) = host.packets()
    assert data.tos & 3 == 2
    host.inject("P.", 1, 1001, b"y")
    (ack,) = host.packets()
    assert ack.tos & 3 == 0


def test_ecn_echo_reduces_once_and_is_confirmed() -> None:
    """RFC 3168 §6.1.2."""
    host = ecn_host()
    host.tcb.sndbuf = 1_000_000
    host.tcb.send(b"x" * 30_000, 0)
    host.packets()
    host.inject("E.", 1, 1001)
    assert host.tcb.ca_state == CA_CWR
    assert host.tcb.ssthresh == 7
    for number in range(2, 8):
        host.inject("E.", 1, 1000 * number + 1)
    flags = [text.split()[0] for text in host.sent()]
    assert any("W" in one for one in flags)
    assert sum("W" in one for one in flags) == 1
    assert host.tcb.ssthresh == 7


def test_ecn_congestion_experienced_is_echoed_until_confirmed() -> None:
    """RFC 3168 §6.1.3."""
    host = ecn_host()
    host.inject("P.", 1, 1, b"a", tos=3)
    assert host.sent()[-1].startswith("E. ")
    host.inject("P.", 2, 1, b"b", tos=2)
    host.run(SECOND)
    assert host.sent()[-1].startswith("E. ")
    host.inject("PW.", 3, 1, b"c", tos=2)
    assert host.sent()[-1].startswith(". ")


def test_ecn_server_accepts_but_does_not_ask() -> None:
    """tcp_ecn 2, the default."""
    host = Host()
    assert host.text(host.start_connect()).startswith("S ")
    server = Host().listen()
    server.inject("SEW", 0, None)
    (answer,) = server.segments()
    assert answer.flags == 0x52


def test_ecn_syn_lost_falls_back() -> None:
    """RFC 3168 §6.1.1.1."""
    host = Host(tcp_ecn=1)
    host.start_connect()
    host.run(1100 * MS)
    assert host.sent() == ["S 0:0(0)"]
