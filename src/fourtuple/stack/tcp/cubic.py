"""CUBIC (RFC 9438): the window as a cubic function of the time since the last loss.

Slow start and how it ends without loss (RFC 9438 §4.10) is in :mod:`.hystart`. Where Linux's tcp_cubic.c
does otherwise than the RFC, this does as Linux, so that a window here is a window there:

- §4.2: W_cubic is looked at the least round trip ahead, not the smoothed one; before the first loss the
  window grows by a twentieth each round trip at least.
- §4.3: W_est grows by the same 8/15 for ever, not by 1 once it has reached cwnd_prior.
- §4.6: the decrease is of cwnd, not of the flight size; what limits a window that is not used is
  ``_validate_window`` in :mod:`.write` (RFC 7661), before the decrease. ECN-Echo reduces the window to two
  segments at least (the RFC: to one, and then slower still by the retransmission timer, a MUST).
- §4.9: an undone decrease gives back cwnd and ssthresh; W_max, K and the epoch are found anew from them.

Integers throughout, so that a run is the same everywhere: time in ns, windows in segments.
"""

from __future__ import annotations

from typing import Final

from . import hystart
from .congestion import additive_increase, in_slow_start, is_window_limited
from .state import CA_LOSS, MS, SECOND
from .tcb import CongestionControl, Tcb

_BETA_DENOMINATOR: Final = 1024
"""tcp_cubic.beta, 717, is in this unit: beta = 0.7 (RFC 9438 §4.6). C = 0.4 (§5.1) is written as 2/5."""

_UNIT: Final = 1 << 10
"""Time is counted in units of 1/1024 s: 10 bits after the point, as windows grow by its cube."""


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
        "slow_start",
    )

    def __init__(self) -> None:
        self._forget()
        self.slow_start = hystart.SlowStart()

    def _forget(self) -> None:
        self._delay_min: int = 0
        """Least round-trip time seen, us."""
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

    def name(self) -> str:
        return "cubic"

    def begin(self, tcb: Tcb) -> None:
        self.slow_start = hystart.choose(tcb)
        self.slow_start.restart(tcb)
        sysctl = tcb.layer.sysctl
        if sysctl.cubic_initial_ssthresh and sysctl.cubic_hystart == hystart.OFF:
            tcb.ssthresh = sysctl.cubic_initial_ssthresh

    def ssthresh(self, tcb: Tcb) -> int:
        """Multiplicative decrease and fast convergence (RFC 9438 §4.6, §4.7)."""
        self._epoch_at = -1
        cwnd = tcb.cwnd
        sysctl = tcb.layer.sysctl
        beta = sysctl.cubic_beta
        if cwnd < self._last_max and sysctl.cubic_fast_convergence:
            self._last_max = cwnd * (_BETA_DENOMINATOR + beta) // (2 * _BETA_DENOMINATOR)
        else:
            self._last_max = cwnd
        return max(cwnd * beta // _BETA_DENOMINATOR, 2)

    def avoid(self, tcb: Tcb, acked: int) -> None:
        if not is_window_limited(tcb):
            return
        if in_slow_start(tcb):
            acked = self.slow_start.grow(tcb, acked)
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
        if in_slow_start(tcb):
            self.slow_start.sampled(tcb, rtt, self._delay_min)

    def state_changed(self, tcb: Tcb, state: int) -> None:
        if state == CA_LOSS:
            self._forget()
            self.slow_start.restart(tcb)

    def restarted(self, tcb: Tcb) -> None:
        """After a pause the curve goes on where it stopped, not where the clock is (RFC 9438 §4.2)."""
        pause = tcb.clock.now - tcb.last_data_sent
        if self._epoch_at >= 0 and pause > 0:
            self._epoch_at = min(self._epoch_at + pause, tcb.clock.now)

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
            self._reno(tcb, cwnd)
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
        self._reno(tcb, cwnd)

    def _reno(self, tcb: Tcb, cwnd: int) -> None:
        """Not slower than Reno would be (RFC 9438 §4.3): W_est grows 3(1-b)/(1+b) = 8/15 a round trip."""
        if not tcb.layer.sysctl.cubic_tcp_friendliness:
            self._per = max(self._per, 2)
            return
        per = cwnd * 15 >> 3
        while per and self._acked > per:
            self._acked -= per
            self._reno_cwnd += 1
        if self._reno_cwnd > cwnd:
            self._per = min(self._per, cwnd // (self._reno_cwnd - cwnd))
        # At most half a segment for each one acknowledged.
        self._per = max(self._per, 2)
