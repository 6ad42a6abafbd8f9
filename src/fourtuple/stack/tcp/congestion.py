"""Slow start and congestion avoidance (RFC 5681), and NewReno's way to do the latter.

A congestion control decides three things: how the window grows, where it falls to after a loss, and
what it goes back to if the loss was none. Everything else, which segments are lost and what may be
sent in recovery, is the same for all and is in :mod:`.recovery`.
"""

from __future__ import annotations

from typing import Final

from .state import CA_CWR, CA_RECOVERY
from .tcb import CongestionControl, Tcb


def in_slow_start(tcb: Tcb) -> bool:
    return tcb.cwnd < tcb.ssthresh


def in_reduction(tcb: Tcb) -> bool:
    """The window is just being reduced, by proportional rate reduction."""
    return tcb.ca_state == CA_CWR or tcb.ca_state == CA_RECOVERY


def is_window_limited(tcb: Tcb) -> bool:
    """Whether the congestion window, not the sender or the peer's window, holds data back.

    A window not used is not tested by the network and must not grow (RFC 7661). In slow start half of it
    used is enough.
    """
    if tcb.cwnd_limited:
        return True
    if in_slow_start(tcb):
        return tcb.cwnd < 2 * tcb.max_packets_out
    return False


def slow_start(tcb: Tcb, acked: int) -> int:
    """RFC 5681 §3.1 with a segment for every one acknowledged; returns those left at ssthresh."""
    cwnd = min(tcb.cwnd + acked, tcb.ssthresh)
    left = acked - (cwnd - tcb.cwnd)
    tcb.cwnd = min(cwnd, tcb.cwnd_clamp)
    return left


def additive_increase(tcb: Tcb, per: int, acked: int) -> None:
    """One segment more for every ``per`` acknowledged."""
    if tcb.cwnd_count >= per:
        tcb.cwnd_count = 0
        tcb.cwnd += 1
    tcb.cwnd_count += acked
    if tcb.cwnd_count >= per:
        more = tcb.cwnd_count // per
        tcb.cwnd_count -= more * per
        tcb.cwnd += more
    tcb.cwnd = min(tcb.cwnd, tcb.cwnd_clamp)


def current_ssthresh(tcb: Tcb) -> int:
    """What ssthresh would be worth now: at least three quarters of the window."""
    if in_reduction(tcb):
        return tcb.ssthresh
    return max(tcb.ssthresh, (tcb.cwnd >> 1) + (tcb.cwnd >> 2))


def set_state(tcb: Tcb, state: int) -> None:
    """Enter a CA_* state."""
    tcb.cc.state_changed(tcb, state)
    tcb.ca_state = state


class Reno(CongestionControl):
    """RFC 5681 §3.1: half the window after a loss, a segment more each round trip."""

    def name(self) -> str:
        return "reno"

    def ssthresh(self, tcb: Tcb) -> int:
        return max(tcb.cwnd >> 1, 2)

    def avoid(self, tcb: Tcb, acked: int) -> None:
        if not is_window_limited(tcb):
            return
        if in_slow_start(tcb):
            acked = slow_start(tcb, acked)
            if acked == 0:
                return
        additive_increase(tcb, tcb.cwnd, acked)

    def undo(self, tcb: Tcb) -> int:
        return max(tcb.cwnd, tcb.prior_cwnd)


RENO: Final = Reno()
"""NewReno keeps nothing of its own, so all connections share it."""
