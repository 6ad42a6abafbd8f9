"""BBR's stages over one bottleneck, in the order and at the rates its draft says (Linux's tcp_bbr.c)."""

from __future__ import annotations

import itertools

import pytest
from bulk_flow import MSS, Path

from fourtuple.clock.clock import MILLISECOND, SECOND
from fourtuple.stack.tcp.bbr import DRAIN, PROBE_BW, PROBE_RTT, STARTUP, Bbr

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

RTT = 40
BANDWIDTH = 5_000_000


class Moment:
    """What was seen at one time: ``time`` and ``rtt`` in ms, ``rate`` in bits per second."""

    def __init__(self, time: int, cc: Bbr, cwnd: int, flight: int, rate: int) -> None:
        self.time = time
        self.mode = cc.mode
        self.gain = cc.pacing_gain
        self.rtt = cc.min_rtt / 1000
        self.cwnd = cwnd
        self.flight = flight
        self.rate = rate


@pytest.fixture(scope="module")
def moments() -> list[Moment]:
    """Every 5 ms of 13 s."""
    path = Path(1, RTT * MILLISECOND, BANDWIDTH, 400)
    flow = path.open("bbr")
    sender = flow.sender
    assert isinstance(sender.cc, Bbr)
    seen = []
    while path.fabric.clock.now < 13 * SECOND:
        path.run(5 * MILLISECOND)
        rate = sender.info().delivery_rate * 8
        now = path.fabric.clock.now // MILLISECOND
        seen.append(Moment(now, sender.cc, sender.cwnd, sender.in_flight(), rate))
    return seen


def stages(moments: list[Moment]) -> list[tuple[int, list[Moment]]]:
    """(mode, its moments) in order."""
    found: list[tuple[int, list[Moment]]] = []
    for moment in moments:
        if not found or found[-1][0] != moment.mode:
            found.append((moment.mode, []))
        found[-1][1].append(moment)
    return found


def test_stages_follow_each_other(moments: list[Moment]) -> None:
    assert [mode for mode, _ in stages(moments)] == [STARTUP, DRAIN, PROBE_BW, PROBE_RTT, PROBE_BW]


def test_startup_doubles_the_rate_each_round_trip_until_it_is_full(moments: list[Moment]) -> None:
    _, startup = stages(moments)[0]
    assert {moment.gain for moment in startup} == {739}
    # 10 segments a round trip are 2.9 Mbit/s: one doubling, and three rounds to be sure of it, whose round
    # trips the queue makes longer.
    assert startup[-1].time < 20 * RTT
    assert startup[-1].rate == pytest.approx(BANDWIDTH * MSS / (MSS + 66), rel=0.05)


def test_drain_ends_when_the_queue_is_gone(moments: list[Moment]) -> None:
    _, drain = stages(moments)[1]
    assert {moment.gain for moment in drain} == {88}
    bdp = BANDWIDTH / 8 * RTT / 1000 / (MSS + 66)
    assert drain[0].flight > 2 * bdp
    _, probing = stages(moments)[2]
    # The product, three bursts of two segments, and what will have arrived when the next burst is due.
    assert probing[0].flight <= bdp * 1.1 + 12


def test_bandwidth_is_probed_by_a_cycle_of_eight_phases(moments: list[Moment]) -> None:
    _, probing = stages(moments)[2]
    phases: list[tuple[int, int]] = []
    for moment in probing:
        if not phases or phases[-1][0] != moment.gain:
            phases.append((moment.gain, moment.time))
    gains = [gain for gain, _ in phases]
    first = gains.index(320)
    # 5/4, 3/4, and six round trips at the rate itself.
    assert first <= 2
    expected = [320, 192, 256] * (len(gains) // 3)
    assert gains[first:] == expected[: len(gains) - first]
    cycles = [time for gain, time in phases if gain == 320]
    lengths = [after - before for before, after in itertools.pairwise(cycles)]
    assert sum(lengths) / len(lengths) == pytest.approx(8 * RTT, rel=0.2)
    # The window is twice the product and a budget for bursts, not what the queue would take.
    assert max(moment.cwnd for moment in probing[100:]) < 2.6 * BANDWIDTH / 8 * RTT / 1000 / (MSS + 66) + 8


def test_round_trip_is_probed_with_four_segments_after_ten_seconds(moments: list[Moment]) -> None:
    _, probing = stages(moments)[3]
    assert 10_000 <= probing[0].time <= 10_500
    assert {moment.gain for moment in probing} == {256}
    assert min(moment.cwnd for moment in probing) == 4
    # 200 ms and a round trip, once no more than four are in flight.
    assert 200 <= probing[-1].time - probing[0].time <= 200 + 4 * RTT
    _, after = stages(moments)[4]
    assert after[10].rtt <= RTT * 1.15
    assert after[10].cwnd > 20
