"""BBR, version 1 (Cardwell et al. 2016, draft-cardwell-iccrg-bbr-congestion-control-00), as in Linux.

It models the path by two numbers, the largest rate at which it delivers and the shortest round trip, paces at
that rate, and keeps in flight what the two multiply to. Startup finds the rate, drain empties the queue that
startup made, then more and less than the rate is tried in turn, and every ten seconds the round trip. Where a
policer holds the rate down, which loses much and steadily, its rate is taken for the path's.

Integers throughout. Rates are segments per microsecond times 2**24, gains are in 1/256.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from . import ackstate
from .ackstate import AckState
from .minmax import MaxFilter
from .output import BURST_MAX
from .state import CA_LOSS, CA_OPEN, CA_RECOVERY, INFINITE_SSTHRESH, INITIAL_CWND, MS, SECOND
from .tcb import CongestionControl, Tcb

STARTUP: Final = 0
DRAIN: Final = 1
PROBE_BW: Final = 2
PROBE_RTT: Final = 3

_BW_SHIFT: Final = 24
_BW_UNIT: Final = 1 << _BW_SHIFT
_GAIN_SHIFT: Final = 8
_UNIT: Final = 1 << _GAIN_SHIFT

_HIGH_GAIN: Final = _UNIT * 2885 // 1000 + 1
"""2 / ln 2: the least that doubles the rate each round trip."""
_DRAIN_GAIN: Final = _UNIT * 1000 // 2885
_CWND_GAIN: Final = 2 * _UNIT
_CYCLE: Final = (_UNIT * 5 // 4, _UNIT * 3 // 4, _UNIT, _UNIT, _UNIT, _UNIT, _UNIT, _UNIT)
_CYCLE_RANDOM: Final = 7

_BW_ROUNDS: Final = 10
_RTT_WINDOW: Final = 10 * SECOND
_PROBE_RTT_TIME: Final = 200 * MS
_PROBE_RTT_CWND: Final = 4
_MARGIN_PERCENT: Final = 1
"""Paced a little below the rate, so that no queue builds."""
_SLOW_RATE: Final = 1_200_000 >> 3
"""Bytes per second below which a burst is one segment."""
_MOST_BURST: Final = 0x7F

_FULL_GROWTH: Final = _UNIT * 5 // 4
_FULL_ROUNDS: Final = 3
"""Startup ends when the rate grew by less than a quarter in each of three rounds."""

# Policers (long-term sampling).
_POLICED_LEAST_ROUNDS: Final = 4
_POLICED_LOSS: Final = 50
_POLICED_RATIO: Final = _UNIT // 8
_POLICED_DIFFERENCE: Final = 4000 // 8
_POLICED_MOST_ROUNDS: Final = 48

# ACK aggregation.
_EXTRA_ROUNDS: Final = 5
_EXTRA_MOST_US: Final = 100_000
_EPOCH_RESET: Final = 1 << 20

_INFO: Final = Struct("<5I")


class Bbr(CongestionControl):
    """The model of one connection's path."""

    def __init__(self) -> None:
        self.paces = True
        self.mode: int = STARTUP
        self.bw = MaxFilter()
        self.min_rtt: int = -1
        """us, -1 unknown; taken at ``_min_rtt_at``."""
        self._min_rtt_at: int = 0
        self._rounds: int = 0
        self._round_end: int = 0
        """``Tcb.delivered`` at which this round ends."""
        self._round_start: bool = False
        self._prior_cwnd: int = 0
        self._prior_state: int = CA_OPEN
        self._conserving: bool = False
        self._probe_rtt_until: int = -1
        self._probe_rtt_round: bool = False
        self._seen_rtt: bool = False
        self._restarting: bool = False
        self.full: bool = False
        """Startup filled the path."""
        self._full_bw: int = 0
        self._full_count: int = 0
        self._cycle_at: int = 0
        self._cycle: int = 0
        self.pacing_gain: int = _HIGH_GAIN
        self.cwnd_gain: int = _HIGH_GAIN
        # Policers.
        self.policed: bool = False
        self._policed_bw: int = 0
        self._sampling: bool = False
        self._sample_rounds: int = 0
        self._sample_at: int = 0
        self._sample_delivered: int = 0
        self._sample_lost: int = 0
        # ACK aggregation.
        self._epoch_at: int = 0
        self._epoch_acked: int = 0
        self._extra: list[int] = [0, 0]
        self._extra_index: int = 0
        self._extra_rounds: int = 0
        self._flight_before: int = 0

    def name(self) -> str:
        return "bbr"

    def begin(self, tcb: Tcb) -> None:
        tcb.ssthresh = INFINITE_SSTHRESH
        self._round_end = tcb.delivered
        self.min_rtt = tcb.min_rtt
        self._min_rtt_at = tcb.clock.now
        self._epoch_at = tcb.clock.now
        self._rate_from_rtt(tcb)
        self._reset_sample(tcb)

    def info(self, tcb: Tcb) -> bytes:
        bw = self._bw() * tcb.mss * 1_000_000 >> _BW_SHIFT
        rtt = self.min_rtt if self.min_rtt >= 0 else 0xFFFF_FFFF
        return _INFO.pack(bw & 0xFFFF_FFFF, bw >> 32, rtt, self.pacing_gain, self.cwnd_gain)

    # Rates ------------------------------------------------------------------------------------

    def _bw(self) -> int:
        return self._policed_bw if self.policed else self.bw.best()

    def _bytes_per_second(self, tcb: Tcb, bw: int, gain: int) -> int:
        rate = bw * tcb.mss * gain >> _GAIN_SHIFT
        return rate * (10_000 * (100 - _MARGIN_PERCENT)) >> _BW_SHIFT

    def _rate_from_rtt(self, tcb: Tcb) -> None:
        """Before any sample: the window each round trip, or each millisecond."""
        rtt = 1000
        if tcb.srtt:
            rtt = max(tcb.srtt >> 3, 1)
            self._seen_rtt = True
        tcb.pacing_rate = self._bytes_per_second(tcb, tcb.cwnd * _BW_UNIT // rtt, _HIGH_GAIN)

    def _set_rate(self, tcb: Tcb, bw: int, gain: int) -> None:
        rate = self._bytes_per_second(tcb, bw, gain)
        if not self._seen_rtt and tcb.srtt:
            self._rate_from_rtt(tcb)
        if self.full or rate > tcb.pacing_rate:
            tcb.pacing_rate = rate

    def least_burst(self, tcb: Tcb) -> int:
        return 1 if min(tcb.pacing_rate, tcb.max_pacing_rate) < _SLOW_RATE else 2

    def _burst(self, tcb: Tcb) -> int:
        length = min(min(tcb.pacing_rate, tcb.max_pacing_rate) >> 10, BURST_MAX - 1)
        return min(max(length // tcb.mss, self.least_burst(tcb)), _MOST_BURST)

    # Windows ----------------------------------------------------------------------------------

    def _bdp(self, bw: int, gain: int) -> int:
        """Bandwidth-delay product in segments, times the gain."""
        if self.min_rtt < 0:
            return INITIAL_CWND
        return ((bw * self.min_rtt * gain >> _GAIN_SHIFT) + _BW_UNIT - 1) // _BW_UNIT

    def _with_budget(self, tcb: Tcb, cwnd: int) -> int:
        """Room for what waits at both ends to make full bursts of it."""
        cwnd += 3 * self._burst(tcb)
        cwnd = (cwnd + 1) & ~1
        if self.mode == PROBE_BW and self._cycle == 0:
            cwnd += 2
        return cwnd

    def _inflight(self, tcb: Tcb, bw: int, gain: int) -> int:
        return self._with_budget(tcb, self._bdp(bw, gain))

    def _in_network(self, tcb: Tcb, flight: int) -> int:
        """What will be in flight when the next burst is due."""
        left = max(tcb.pace_at - tcb.clock.now, 0) // 1000
        delivered = self._bw() * left >> _BW_SHIFT
        if self.pacing_gain > _UNIT:
            flight += self._burst(tcb)
        return max(flight - delivered, 0)

    def _aggregation(self) -> int:
        if not self.full:
            return 0
        most = self._bw() * _EXTRA_MOST_US // _BW_UNIT
        return min(max(self._extra[0], self._extra[1]), most)

    def _set_cwnd(self, tcb: Tcb, ack: AckState, acked: int, bw: int, gain: int) -> None:
        cwnd = tcb.cwnd
        if acked:
            cwnd = self._recovery_window(tcb, ack, acked)
            if not self._conserving:
                target = self._with_budget(tcb, self._bdp(bw, gain) + self._aggregation())
                if self.full:
                    cwnd = min(cwnd + acked, target)
                elif cwnd < target or tcb.delivered < INITIAL_CWND:
                    cwnd += acked
                cwnd = max(cwnd, _PROBE_RTT_CWND)
        cwnd = min(cwnd, tcb.cwnd_clamp)
        if self.mode == PROBE_RTT:
            cwnd = min(cwnd, _PROBE_RTT_CWND)
        tcb.cwnd = cwnd

    def _recovery_window(self, tcb: Tcb, ack: AckState, acked: int) -> int:
        """Packet conservation in the first round of recovery; then the window is restored."""
        before = self._prior_state
        state = tcb.ca_state
        cwnd = tcb.cwnd
        losses = tcb.lost - ack.lost_before
        if losses > 0:
            cwnd = max(cwnd - losses, 1)
        if state == CA_RECOVERY and before != CA_RECOVERY:
            self._conserving = True
            self._round_end = tcb.delivered
            cwnd = tcb.in_flight() + acked
        elif before >= CA_RECOVERY and state < CA_RECOVERY:
            cwnd = max(cwnd, self._prior_cwnd)
            self._conserving = False
        self._prior_state = state
        if self._conserving:
            return max(cwnd, tcb.in_flight() + acked)
        return cwnd

    def _save_cwnd(self, tcb: Tcb) -> None:
        if self._prior_state < CA_RECOVERY and self.mode != PROBE_RTT:
            self._prior_cwnd = tcb.cwnd
        else:
            self._prior_cwnd = max(self._prior_cwnd, tcb.cwnd)

    # Phases -----------------------------------------------------------------------------------

    def _next_phase_due(self, tcb: Tcb, ack: AckState) -> bool:
        long = tcb.delivered_at - self._cycle_at > self.min_rtt * 1000
        gain = self.pacing_gain
        if gain == _UNIT:
            return long
        flight = self._in_network(tcb, self._flight_before)
        bw = self.bw.best()
        if gain > _UNIT:
            # Until a queue shows: loss, or as much in flight as the gain is to make.
            return long and (tcb.lost > ack.lost_before or flight >= self._inflight(tcb, bw, gain))
        return long or flight <= self._inflight(tcb, bw, _UNIT)

    def _advance_cycle(self, tcb: Tcb) -> None:
        self._cycle = (self._cycle + 1) % len(_CYCLE)
        self._cycle_at = tcb.delivered_at

    def _enter_probe_bw(self, tcb: Tcb) -> None:
        self.mode = PROBE_BW
        # Flows begin the cycle at different places, but never by draining.
        self._cycle = len(_CYCLE) - 1 - tcb.layer.ip.stream.below(_CYCLE_RANDOM)
        self._advance_cycle(tcb)

    def _leave_probe_rtt(self, tcb: Tcb) -> None:
        if self.full:
            self._enter_probe_bw(tcb)
        else:
            self.mode = STARTUP

    # Policers ---------------------------------------------------------------------------------

    def _begin_interval(self, tcb: Tcb) -> None:
        self._sample_at = tcb.delivered_at // MS
        self._sample_delivered = tcb.delivered
        self._sample_lost = tcb.lost
        self._sample_rounds = 0

    def _reset_sample(self, tcb: Tcb) -> None:
        self._policed_bw = 0
        self.policed = False
        self._sampling = False
        self._begin_interval(tcb)

    def _sample_policer(self, tcb: Tcb, lost_now: bool, app_limited: bool) -> None:
        if self.policed:
            if self.mode == PROBE_BW and self._round_start:
                self._sample_rounds += 1
                if self._sample_rounds >= _POLICED_MOST_ROUNDS:
                    self._reset_sample(tcb)
                    self._enter_probe_bw(tcb)
            return
        if not self._sampling:
            if not lost_now:
                return
            self._begin_interval(tcb)
            self._sampling = True
        if app_limited:
            self._reset_sample(tcb)
            return
        if self._round_start:
            self._sample_rounds += 1
        if self._sample_rounds < _POLICED_LEAST_ROUNDS:
            return
        if self._sample_rounds > 4 * _POLICED_LEAST_ROUNDS:
            self._reset_sample(tcb)
            return
        if not lost_now:
            return
        lost = tcb.lost - self._sample_lost
        delivered = tcb.delivered - self._sample_delivered
        if delivered == 0 or lost << _GAIN_SHIFT < _POLICED_LOSS * delivered:
            return
        elapsed = tcb.delivered_at // MS - self._sample_at
        if elapsed < 1:
            return
        self._end_interval(tcb, delivered * _BW_UNIT // (elapsed * 1000))

    def _end_interval(self, tcb: Tcb, bw: int) -> None:
        before = self._policed_bw
        if before:
            difference = abs(bw - before)
            if (
                difference * _UNIT <= _POLICED_RATIO * before
                or self._bytes_per_second(tcb, difference, _UNIT) <= _POLICED_DIFFERENCE
            ):
                # The same twice: it is a policer.
                self._policed_bw = (bw + before) >> 1
                self.policed = True
                self.pacing_gain = _UNIT
                self._sample_rounds = 0
                return
        self._policed_bw = bw
        self._begin_interval(tcb)

    # The model --------------------------------------------------------------------------------

    def _update_bw(self, tcb: Tcb, ack: AckState) -> None:
        self._round_start = False
        newest = ack.newest
        if newest is None or ack.delivered < 0 or ack.interval <= 0:
            return
        if newest.delivered >= self._round_end:
            self._round_end = tcb.delivered
            self._rounds += 1
            self._round_start = True
            self._conserving = False
        self._sample_policer(tcb, tcb.lost > ack.lost_before, newest.app_limited)
        bw = ack.delivered * _BW_UNIT // max(ack.interval // 1000, 1)
        if not newest.app_limited or bw >= self.bw.best():
            self.bw.take(_BW_ROUNDS, self._rounds, bw)

    def _update_aggregation(self, tcb: Tcb, ack: AckState, acked: int) -> None:
        if acked <= 0 or ack.delivered < 0 or ack.interval <= 0:
            return
        if self._round_start:
            self._extra_rounds = min(self._extra_rounds + 1, 31)
            if self._extra_rounds >= _EXTRA_ROUNDS:
                self._extra_rounds = 0
                self._extra_index = 1 - self._extra_index
                self._extra[self._extra_index] = 0
        expected = self._bw() * ((tcb.delivered_at - self._epoch_at) // 1000) // _BW_UNIT
        if self._epoch_acked <= expected or self._epoch_acked + acked >= _EPOCH_RESET:
            self._epoch_acked = 0
            self._epoch_at = tcb.delivered_at
            expected = 0
        self._epoch_acked += acked
        extra = min(self._epoch_acked - expected, tcb.cwnd)
        if extra > self._extra[self._extra_index]:
            self._extra[self._extra_index] = extra

    def _check_full(self, ack: AckState) -> None:
        if self.full or not self._round_start or (ack.newest is not None and ack.newest.app_limited):
            return
        best = self.bw.best()
        if best >= self._full_bw * _FULL_GROWTH >> _GAIN_SHIFT:
            self._full_bw = best
            self._full_count = 0
            return
        self._full_count += 1
        self.full = self._full_count >= _FULL_ROUNDS

    def _check_drain(self, tcb: Tcb) -> None:
        bw = self.bw.best()
        if self.mode == STARTUP and self.full:
            self.mode = DRAIN
            tcb.ssthresh = self._inflight(tcb, bw, _UNIT)
        if self.mode == DRAIN and self._in_network(tcb, tcb.in_flight()) <= self._inflight(tcb, bw, _UNIT):
            self._enter_probe_bw(tcb)

    def _check_probe_rtt_done(self, tcb: Tcb) -> None:
        if self._probe_rtt_until < 0 or tcb.clock.now <= self._probe_rtt_until:
            return
        self._min_rtt_at = tcb.clock.now
        tcb.cwnd = max(tcb.cwnd, self._prior_cwnd)
        self._leave_probe_rtt(tcb)

    def _update_min_rtt(self, tcb: Tcb, ack: AckState) -> None:
        now = tcb.clock.now
        expired = now > self._min_rtt_at + _RTT_WINDOW
        delayed = ack.flags & ackstate.MAYBE_DELAYED != 0
        if ack.rtt >= 0 and (self.min_rtt < 0 or ack.rtt < self.min_rtt or (expired and not delayed)):
            self.min_rtt = ack.rtt
            self._min_rtt_at = now
        if expired and not self._restarting and self.mode != PROBE_RTT:
            self.mode = PROBE_RTT
            self._save_cwnd(tcb)
            self._probe_rtt_until = -1
        if self.mode == PROBE_RTT:
            # So little in flight says nothing of the rate.
            tcb.app_limited = (tcb.delivered + tcb.in_flight()) or 1
            if self._probe_rtt_until < 0:
                if tcb.in_flight() <= _PROBE_RTT_CWND:
                    self._probe_rtt_until = now + _PROBE_RTT_TIME
                    self._probe_rtt_round = False
                    self._round_end = tcb.delivered
            else:
                if self._round_start:
                    self._probe_rtt_round = True
                if self._probe_rtt_round:
                    self._check_probe_rtt_done(tcb)
        if ack.delivered > 0:
            self._restarting = False

    def _update_gains(self) -> None:
        if self.mode == STARTUP:
            self.pacing_gain = _HIGH_GAIN
            self.cwnd_gain = _HIGH_GAIN
        elif self.mode == DRAIN:
            self.pacing_gain = _DRAIN_GAIN
            self.cwnd_gain = _HIGH_GAIN
        elif self.mode == PROBE_BW:
            self.pacing_gain = _UNIT if self.policed else _CYCLE[self._cycle]
            self.cwnd_gain = _CWND_GAIN
        else:
            self.pacing_gain = _UNIT
            self.cwnd_gain = _UNIT

    def control(self, tcb: Tcb, ack: AckState, delivered: int) -> None:
        self._flight_before = ack.flight_before
        self._update_bw(tcb, ack)
        self._update_aggregation(tcb, ack, delivered)
        if self.mode == PROBE_BW and self._next_phase_due(tcb, ack):
            self._advance_cycle(tcb)
        self._check_full(ack)
        self._check_drain(tcb)
        self._update_min_rtt(tcb, ack)
        self._update_gains()
        bw = self._bw()
        self._set_rate(tcb, bw, self.pacing_gain)
        self._set_cwnd(tcb, ack, delivered, bw, self.cwnd_gain)

    # What recovery tells it -------------------------------------------------------------------

    def ssthresh(self, tcb: Tcb) -> int:
        self._save_cwnd(tcb)
        return tcb.ssthresh

    def undo(self, tcb: Tcb) -> int:
        self._full_bw = 0
        self._full_count = 0
        self._reset_sample(tcb)
        return tcb.cwnd

    def state_changed(self, tcb: Tcb, state: int) -> None:
        if state == CA_LOSS:
            self._prior_state = CA_LOSS
            self._full_bw = 0
            self._round_start = True
            self._sample_policer(tcb, True, False)

    def restarted(self, tcb: Tcb) -> None:
        if not tcb.app_limited:
            return
        self._restarting = True
        self._epoch_at = tcb.clock.now
        self._epoch_acked = 0
        if self.mode == PROBE_BW:
            # At the rate known, no more: what was learnt of the queue is old.
            self._set_rate(tcb, self._bw(), _UNIT)
        elif self.mode == PROBE_RTT:
            self._check_probe_rtt_done(tcb)
