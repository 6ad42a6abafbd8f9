"""CUBIC (RFC 9438): the window as a cubic function of the time since the last loss.

Slow start ends by loss, or earlier by HyStart (Ha and Rhee 2011, RFC 9438 §4.10): when the ACKs of one
flight come as a train longer than half the round trip, or the round trip grows, the path is full.

Integers throughout, so that a run is the same everywhere: time in ns, windows in segments.
"""

from __future__ import annotations

from typing import Final

from .congestion import additive_increase, in_slow_start, is_window_limited, slow_start
from .state import CA_LOSS, MS, SECOND
from .tcb import CongestionControl, Tcb

# beta = 0.7 and C = 0.4 (RFC 9438 §4.6, §5.1), as fractions.
_BETA_NUMERATOR: Final = 717
_BETA_DENOMINATOR: Final = 1024

_UNIT: Final = 1 << 10
"""Time is counted in units of 1/1024 s: 10 bits after the point, as windows grow by its cube."""

_HYSTART_WINDOW: Final = 16
"""Segments of the congestion window below which slow start goes on whatever happens."""
_HYSTART_GAP: Final = 2000
"""ACKs closer than this, in us, belong to one train."""
_HYSTART_SAMPLES: Final = 8
_HYSTART_LEAST: Final = 4000
_HYSTART_MOST: Final = 16000
"""Bounds in us of the growth of the round trip that ends slow start, an eighth of it between them."""


def cube_root(number: int) -> int:
    """The largest int whose cube is at most ``number``, by Newton's method."""
    if number <= 0:
        return 0
    guess = 1 << ((number.bit_length() + 2) // 3)
    while True:
        better = (2 * guess + number // (guess * guess)) // 3
        if better >= guess:
            return guess
        guess = better


class Cubic(CongestionControl):
    """RFC 9438's state of one connection."""

    __slots__ = (
        "_acked",
        "_delay_min",
        "_epoch_at",
        "_k",
        "_last_at",
        "_last_cwnd",
        "_last_max",
        "_origin",
        "_per",
        "_reno_cwnd",
        "_round_end",
        "_round_rtt",
        "_round_samples",
        "_round_start",
        "_slow_start_over",
        "_train_at",
    )

    def __init__(self) -> None:
        self._forget()
        self._delay_min: int = 0
        """Least round-trip time seen, us."""
        self._round_end: int = -1
        """Sequence number whose ACK ends the present round."""
        self._round_start: int = 0
        self._train_at: int = 0
        """Time of the last ACK of the train."""
        self._round_rtt: int = -1
        self._round_samples: int = 0

    def _forget(self) -> None:
        self._per: int = 0
        """Segments to be acknowledged for the window to grow by one."""
        self._last_max: int = 0
        """W_max: the window before the last reduction."""
        self._last_cwnd: int = 0
        self._last_at: int = -1
        """Millisecond of the last computation."""
        self._epoch_at: int = -1
        """When this epoch of congestion avoidance began (ns), -1: with the next ACK."""
        self._origin: int = 0
        self._k: int = 0
        """K: time from the epoch's start to the origin, in units."""
        self._acked: int = 0
        self._reno_cwnd: int = 0
        """W_est: the window Reno would have (RFC 9438 §4.3)."""
        self._slow_start_over: bool = False

    def name(self) -> str:
        return "cubic"

    def ssthresh(self, tcb: Tcb) -> int:
        """Multiplicative decrease and fast convergence (RFC 9438 §4.6, §4.7)."""
        self._epoch_at = -1
        cwnd = tcb.cwnd
        if cwnd < self._last_max:
            self._last_max = cwnd * (_BETA_DENOMINATOR + _BETA_NUMERATOR) // (2 * _BETA_DENOMINATOR)
        else:
            self._last_max = cwnd
        return max(cwnd * _BETA_NUMERATOR // _BETA_DENOMINATOR, 2)

    def avoid(self, tcb: Tcb, acked: int) -> None:
        if not is_window_limited(tcb):
            return
        if in_slow_start(tcb):
            acked = slow_start(tcb, acked)
            if acked == 0:
                return
        self._update(tcb, acked)
        additive_increase(tcb, self._per, acked)

    def undo(self, tcb: Tcb) -> int:
        return max(tcb.cwnd, tcb.prior_cwnd)

    def sampled(self, tcb: Tcb, rtt: int) -> None:
        if self._epoch_at >= 0 and tcb.clock.now - self._epoch_at < SECOND:
            # Right after a reduction the queue is full: such samples say nothing of the path.
            return
        if self._delay_min == 0 or rtt < self._delay_min:
            self._delay_min = rtt
        if not self._slow_start_over and in_slow_start(tcb):
            self._watch_slow_start(tcb, rtt)

    def state_changed(self, tcb: Tcb, state: int) -> None:
        if state == CA_LOSS:
            self._forget()
            self._begin_round(tcb)

    def restarted(self, tcb: Tcb) -> None:
        """After a pause the curve goes on where it stopped, not where the clock is (RFC 9438 §4.2)."""
        pause = tcb.clock.now - tcb.last_data_sent
        if self._epoch_at >= 0 and pause > 0:
            self._epoch_at = min(self._epoch_at + pause, tcb.clock.now)

    # HyStart ------------------------------------------------------------------------------------

    def _begin_round(self, tcb: Tcb) -> None:
        self._round_start = tcb.clock.now
        self._train_at = tcb.clock.now
        self._round_end = tcb.snd_nxt
        self._round_rtt = -1
        self._round_samples = 0

    def _watch_slow_start(self, tcb: Tcb, rtt: int) -> None:
        if tcb.snd_una > self._round_end:
            self._begin_round(tcb)
        if tcb.cwnd < _HYSTART_WINDOW:
            return
        now = tcb.clock.now
        if now - self._train_at <= _HYSTART_GAP * 1000:
            self._train_at = now
            # The receiver, or a device on the way, may hold ACKs back for some bursts' time.
            slack = min(1000, 4 * 65215 * tcb.srtt * 1000 // (8 * 2000 * tcb.mss * tcb.cwnd))
            # Paced, a window takes up to half a round trip longer.
            unit = 1000 if tcb.paced else 500
            if now - self._round_start > (self._delay_min + slack) * unit:
                self._end_slow_start(tcb)
        if self._round_rtt < 0 or rtt < self._round_rtt:
            self._round_rtt = rtt
        if self._round_samples < _HYSTART_SAMPLES:
            self._round_samples += 1
        else:
            margin = min(max(self._delay_min >> 3, _HYSTART_LEAST), _HYSTART_MOST)
            if self._round_rtt > self._delay_min + margin:
                self._end_slow_start(tcb)

    def _end_slow_start(self, tcb: Tcb) -> None:
        self._slow_start_over = True
        tcb.ssthresh = tcb.cwnd

    # Congestion avoidance -----------------------------------------------------------------------

    def _update(self, tcb: Tcb, acked: int) -> None:
        """Find how many ACKs make one segment more (RFC 9438 §4.1 to §4.5)."""
        cwnd = tcb.cwnd
        now = tcb.clock.now
        tick = now // MS
        self._acked += acked
        if self._last_cwnd == cwnd and self._last_at >= 0 and tick - self._last_at <= 31:
            return
        fresh = self._epoch_at < 0
        if not fresh and self._last_at == tick:
            self._reno(cwnd)
            return
        self._last_cwnd = cwnd
        self._last_at = tick
        if fresh:
            self._epoch_at = now
            self._acked = acked
            self._reno_cwnd = cwnd
            if self._last_max <= cwnd:
                self._k = 0
                self._origin = cwnd
            else:
                # K = cubic_root((W_max - cwnd) / C), in 1/1024 s.
                self._k = cube_root((self._last_max - cwnd) * 5 * _UNIT**3 // 2)
                self._origin = self._last_max
        # Look one round trip ahead (RFC 9438 §4.2: W_cubic(t + RTT)).
        ahead = (now - self._epoch_at) * _UNIT // SECOND + self._delay_min * _UNIT // 1_000_000
        offset = ahead - self._k
        # C * offset**3 with C = 2/5.
        delta = abs(offset) ** 3 * 2 // (5 * _UNIT**3)
        target = self._origin + delta if offset >= 0 else self._origin - delta
        if target > cwnd:
            self._per = cwnd // (target - cwnd)
        else:
            self._per = 100 * cwnd
        if self._last_max == 0 and self._per > 20:
            # No loss yet: probe at 5 % each round trip at least.
            self._per = 20
        self._reno(cwnd)

    def _reno(self, cwnd: int) -> None:
        """Not slower than Reno would be (RFC 9438 §4.3): W_est grows 3(1-b)/(1+b) = 8/15 a round trip."""
        per = cwnd * 15 >> 3
        while per and self._acked > per:
            self._acked -= per
            self._reno_cwnd += 1
        if self._reno_cwnd > cwnd:
            self._per = min(self._per, cwnd // (self._reno_cwnd - cwnd))
        # At most half a segment for each one acknowledged.
        self._per = max(self._per, 2)
