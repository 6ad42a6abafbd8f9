"""What one hostile segment may cost: answers, queue entries and heap events are counted."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.tcp.builders_tcp import MS, SECOND, Host, sack_established

from fourtuple.wire.icmp import ICMP_UNREACHABLE


def test_a_window_that_opens_by_one_byte_is_not_filled_by_one_byte() -> None:
    """Sender's silly window avoidance: what goes out is probes, not a segment for each ACK."""
    host = sack_established()
    host.tcb.send(b"x" * 50_000, 0)
    host.inject(".", 1, 1, win=0)
    host.packets()
    sent = 0
    for number in range(400):
        host.inject(".", 1, 1, win=number & 1)
        host.run(5 * MS)
        sent += len(host.packets())
    # Two seconds: the retransmission timer and nothing else.
    assert sent <= 8
    assert len(host.tcb.rtx) - host.tcb.rtx_head <= 50


def test_acks_out_of_the_window_are_answered_twice_a_second() -> None:
    """Or two ends whose numbers disagree would answer each other's answers for ever."""
    host = sack_established()
    answers = 0
    for _ in range(1000):
        host.inject(".", 3_000_000, 1)
        host.inject(".", 1, 3_000_000)
        host.run(10 * MS)
        answers += len(host.packets())
    assert answers <= 21


def test_an_icmp_storm_schedules_nothing() -> None:
    host = sack_established()
    host.tcb.send(b"x" * 5000, 0)
    host.packets()
    before = host.clock.pending()
    for number in range(2000):
        host.icmp(ICMP_UNREACHABLE, number % 16, 1 + number % 7000, 68 + number % 1400)
    assert host.clock.pending() <= before + 5
    # Smaller segments may have to go again, each byte once for each lowering at most.
    assert sum(len(segment.payload) for segment in host.segments()) <= 3 * 5000
    assert host.tcb.mss >= 48


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(-3000, 90_000),
            st.integers(0, 3000),
            st.sampled_from((".", "P.", "F.", "U.", "S.", "S")),
        ),
        max_size=60,
    )
)
def test_each_segment_gets_one_answer_and_one_place_at_most(segments: list[tuple[int, int, str]]) -> None:
    host = sack_established()
    host.tcb.rcvbuf = 32_768
    tcb = host.tcb
    for seq, length, flags in segments:
        pieces = len(tcb.ooo)
        host.inject(flags, seq, 1, b"z" * length)
        assert len(host.packets()) <= 1
        assert len(tcb.ooo) <= pieces + 1
        assert tcb.rmem <= tcb.rcvbuf_bytes + 8192
        assert len(tcb.sack_blocks) <= 4
    host.run(SECOND)
    assert len(host.packets()) <= 2


def test_reversed_crumbs_cost_no_more_than_those_in_order() -> None:
    """Each finds its place by halving: 5000 in reverse, and every other one of them twice."""
    host = Host(tcp_rmem=(4096, 131072, 33_554_432)).connect(sack=True, wscale=10, delay=10 * MS)
    host.tcb.rcvbuf = 33_554_432
    host.tcb.rcv_wnd = 60_000
    for number in range(5000, 0, -1):
        host.inject(".", 3 * number, 1, b"x")
        if number & 1:
            host.inject(".", 3 * number, 1, b"x")
        host.ip.sent.clear()
    assert len(host.tcb.ooo) == 5000
    assert [piece.seq for piece in host.tcb.ooo] == sorted(piece.seq for piece in host.tcb.ooo)
