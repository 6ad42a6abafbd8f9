"""How CUBIC leaves slow start before it loses: HyStart++ (RFC 9406), or Linux's HyStart (Ha and Rhee 2011).

Both find a path full when round trips grow. HyStart++ then slows down for some rounds, and goes on as before
if they shrink again: a moment's delay does not end slow start for good. Linux's ends it at once, and also
when the ACKs of one flight come as a train longer than half the round trip.

The host's setting ``tcp_cubic.hystart`` chooses when a connection begins.
"""

from __future__ import annotations

from typing import Final

from .congestion import slow_start
from .state import INFINITE_SSTHRESH
from .tcb import Tcb

OFF: Final = 0
LINUX: Final = 1
PLUS_PLUS: Final = 2
"""Values of tcp_cubic.hystart."""

# Bounds in us of the growth of the round trip that tells a full path, an eighth of it between them: RFC 9406
# §4.3 MIN_RTT_THRESH, MAX_RTT_THRESH and MIN_RTT_DIVISOR, the same in Linux.
_LEAST_GROWTH: Final = 4000
_MOST_GROWTH: Final = 16000
_SAMPLES: Final = 8
"""N_RTT_SAMPLE, Linux's HYSTART_MIN_SAMPLES."""

_GROWTH_DIVISOR: Final = 4
"""CSS_GROWTH_DIVISOR."""
_ROUNDS: Final = 5
"""CSS_ROUNDS."""
_LIMIT: Final = 8
"""L: segments of one ACK that count, unless the connection is paced."""

# Bits of tcp_cubic.hystart_detect.
_BY_TRAIN: Final = 1
_BY_DELAY: Final = 2


def _growth(rtt: int) -> int:
    return min(max(rtt >> 3, _LEAST_GROWTH), _MOST_GROWTH)


class SlowStart:
    """Slow start that ends by loss alone (RFC 5681 §3.1)."""

    def restart(self, tcb: Tcb) -> None:
        """A connection begins, or starts anew after a timeout."""

    def sampled(self, tcb: Tcb, rtt: int, least: int) -> None:
        """In slow start a round trip of ``rtt`` us was measured; the least so far is ``least``."""

    def grow(self, tcb: Tcb, acked: int) -> int:
        """In slow start ``acked`` segments were delivered: grow the window; returns those left over."""
        return slow_start(tcb, acked)


class HyStartPlusPlus(SlowStart):
    """RFC 9406 §4.2. Only the first slow start is watched (§4.3): a later one has a threshold from before.

    An ACK first lets the window grow and then may end the phase, as §4.2 has it; measuring comes before
    growing here, so what an ACK changes waits until it has grown the window.
    """

    __slots__ = (
        "_baseline",
        "_count",
        "_last_least",
        "_least",
        "_left",
        "_measured_una",
        "_over",
        "_rounds",
        "_was_conservative",
        "_window_end",
    )

    def __init__(self) -> None:
        self._window_end: int = -1
        """windowEnd, the sequence number whose ACK ends the present round; -1: nothing was in flight when the
        last one ended, so it is what was sent when the next ACK comes."""
        self._last_least: int = 0
        """lastRoundMinRTT in us, 0 for infinity; so the next."""
        self._least: int = 0
        """currentRoundMinRTT."""
        self._count: int = 0
        """rttSampleCount."""
        self._baseline: int = 0
        """cssBaselineMinRtt in us; not 0: this is conservative slow start."""
        self._rounds: int = 0
        """Rounds of it that ended."""
        self._left: int = 0
        """Segments acknowledged that did not yet let the window grow."""
        self._measured_una: int = -1
        """SND.UNA at the last measurement: growth for the same ACK is still that of the phase before it."""
        self._was_conservative: bool = False
        """That phase."""
        self._over: bool = False
        """All rounds of conservative slow start ended: congestion avoidance begins at the window of now."""

    def restart(self, tcb: Tcb) -> None:
        self._last_least = 0
        self._least = 0
        self._baseline = 0
        self._over = False
        self._begin_round(tcb)

    def sampled(self, tcb: Tcb, rtt: int, least: int) -> None:
        if tcb.ssthresh < INFINITE_SSTHRESH or self._over:
            return
        una = tcb.snd_una
        self._measured_una = una
        self._was_conservative = self._baseline != 0
        if self._window_end < 0:
            self._window_end = tcb.snd_nxt
        if self._least == 0 or rtt < self._least:
            self._least = rtt
        self._count += 1
        if self._count >= _SAMPLES:
            self._judge(tcb)
        if una >= self._window_end:
            self._end_round(tcb)

    def grow(self, tcb: Tcb, acked: int) -> int:
        if tcb.ssthresh < INFINITE_SSTHRESH:
            return slow_start(tcb, acked)
        measured = self._measured_una == tcb.snd_una
        if self._over and not measured:
            # The ACK that ended it found the window not used, and did not let it grow.
            return self._avoid_congestion(tcb, acked)
        if not tcb.paced and acked > _LIMIT:
            acked = _LIMIT
        if self._was_conservative if measured else self._baseline != 0:
            acked += self._left
            self._left = acked % _GROWTH_DIVISOR
            acked //= _GROWTH_DIVISOR
        left = slow_start(tcb, acked)
        return self._avoid_congestion(tcb, left) if self._over else left

    def _avoid_congestion(self, tcb: Tcb, left: int) -> int:
        self._over = False
        tcb.ssthresh = tcb.cwnd
        return left

    def _judge(self, tcb: Tcb) -> None:
        """Enough was measured in this round: did round trips grow, or shrink again?"""
        if self._baseline:
            if self._least < self._baseline:
                self._baseline = 0
        elif self._last_least and self._least >= self._last_least + _growth(self._last_least):
            self._baseline = self._least
            self._rounds = 0
            self._left = 0
            counters = tcb.layer.counters
            counters.hystart_delay_detect += 1
            counters.hystart_delay_cwnd += tcb.cwnd

    def _end_round(self, tcb: Tcb) -> None:
        if self._baseline:
            # The round in which it was entered counts, though it was only part of one.
            self._rounds += 1
            if self._rounds >= _ROUNDS:
                self._baseline = 0
                self._over = True
        self._last_least = self._least
        self._least = 0
        self._begin_round(tcb)

    def _begin_round(self, tcb: Tcb) -> None:
        self._window_end = tcb.snd_nxt if tcb.snd_nxt > tcb.snd_una else -1
        self._count = 0


class LinuxHyStart(SlowStart):
    """``hystart_update`` of Linux's tcp_cubic.c."""

    __slots__ = (
        "_found",
        "_round_end",
        "_round_rtt",
        "_round_samples",
        "_round_start",
        "_train_at",
    )

    def __init__(self) -> None:
        self._found: bool = False
        """Slow start was ended, and is not again before a timeout."""
        self._round_end: int = -1
        """Sequence number whose ACK ends the present round."""
        self._round_start: int = 0
        self._train_at: int = 0
        """Time of the last ACK of the train."""
        self._round_rtt: int = -1
        self._round_samples: int = 0

    def restart(self, tcb: Tcb) -> None:
        self._found = False
        self._begin_round(tcb)

    def sampled(self, tcb: Tcb, rtt: int, least: int) -> None:
        if self._found:
            return
        if tcb.snd_una > self._round_end:
            self._begin_round(tcb)
        sysctl = tcb.layer.sysctl
        if tcb.cwnd < sysctl.cubic_hystart_low_window:
            return
        detect = sysctl.cubic_hystart_detect
        counters = tcb.layer.counters
        now = tcb.clock.now
        if detect & _BY_TRAIN and now - self._train_at <= sysctl.cubic_hystart_ack_delta_us * 1000:
            self._train_at = now
            # The receiver, or a device on the way, may hold ACKs back for some bursts' time.
            slack = min(1000, 4 * 65215 * tcb.srtt * 1000 // (8 * 2000 * tcb.mss * tcb.cwnd))
            # Paced, a window takes up to half a round trip longer.
            unit = 1000 if tcb.paced else 500
            if now - self._round_start > (least + slack) * unit:
                counters.hystart_train_detect += 1
                counters.hystart_train_cwnd += tcb.cwnd
                self._end(tcb)
        if not detect & _BY_DELAY:
            return
        if self._round_rtt < 0 or rtt < self._round_rtt:
            self._round_rtt = rtt
        if self._round_samples < _SAMPLES:
            self._round_samples += 1
        elif self._round_rtt > least + _growth(least):
            counters.hystart_delay_detect += 1
            counters.hystart_delay_cwnd += tcb.cwnd
            self._end(tcb)

    def _begin_round(self, tcb: Tcb) -> None:
        self._round_start = tcb.clock.now
        self._train_at = tcb.clock.now
        self._round_end = tcb.snd_nxt
        self._round_rtt = -1
        self._round_samples = 0

    def _end(self, tcb: Tcb) -> None:
        self._found = True
        tcb.ssthresh = tcb.cwnd


def choose(tcb: Tcb) -> SlowStart:
    """What the host's setting says."""
    setting = tcb.layer.sysctl.cubic_hystart
    if setting == PLUS_PLUS:
        return HyStartPlusPlus()
    return LinuxHyStart() if setting == LINUX else SlowStart()
