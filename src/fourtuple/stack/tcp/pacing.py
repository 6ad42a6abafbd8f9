"""Spreading bursts over time at the pacing rate (Linux's internal pacing, ``tcp_pacing_check``).

As in Linux without the fq queueing discipline only those connections are paced whose congestion control
asks for it (BBR) or whose user set SO_MAX_PACING_RATE; CUBIC and Reno send what the window allows at once.
"""

from __future__ import annotations

from typing import Final

from . import output
from .state import SECOND, UNLIMITED_RATE
from .tcb import Tcb

_UNPACED_SEGMENTS: Final = 10
"""The first window is not paced."""


def must_wait(tcb: Tcb) -> bool:
    """Whether the next burst is not due yet; then a deadline is set to go on."""
    if tcb.pace_at <= tcb.clock.now:
        return False
    if tcb.pacing_at < 0:
        tcb.set_pacing_deadline(tcb.pace_at)
    return True


def note_burst(tcb: Tcb, length: int) -> None:
    """A burst of ``length`` bytes left: when may the next (``tcp_update_skb_after_send``)?"""
    now = tcb.clock.now
    before = tcb.pace_at
    at = max(before, now)
    rate = output.current_rate(tcb)
    if 0 < rate < UNLIMITED_RATE and tcb.data_segs_out >= _UNPACED_SEGMENTS:
        gap = length * SECOND // rate
        # What was late before may be caught up with, by half at most.
        gap -= min(gap >> 1, at - before)
        at += gap
    tcb.pace_at = at
