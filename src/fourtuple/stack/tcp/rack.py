"""RACK: a segment is lost if one sent later was delivered long enough ago (RFC 8985 §6).

Times, not counts of duplicates, decide, so reordering within a fraction of the round trip and
lost retransmissions are told apart from loss. Needs SACK. Which segment was delivered last
(steps 1 and 2) is noted by :func:`.scoreboard.note_delivered`.
"""

from __future__ import annotations

from typing import Final

from .ackstate import AckState
from .records import MARK_LOST, MARK_RETRANSMITTED, SentSegment
from .scoreboard import mark_lost
from .sentlist import unlink
from .state import CA_RECOVERY, TIMEOUT_MIN, TIMER_REORDER
from .tcb import Tcb

_PERSIST: Final = 16
"""Recoveries a widened window lasts (RFC 8985 §6.2 step 4)."""

_STATIC_WINDOW: Final = 2
_NO_DUPLICATE_THRESHOLD: Final = 4


def enabled(tcb: Tcb) -> bool:
    return tcb.layer.sysctl.tcp_recovery & 1 != 0


def reordering_window(tcb: Tcb) -> int:
    """How much later than the newest one delivered a segment may arrive, in ns (RFC 8985 §6.2 step 4)."""
    if not tcb.reord_seen:
        if tcb.ca_state >= CA_RECOVERY:
            return 0
        if tcb.sacked_out >= tcb.reordering and not (tcb.layer.sysctl.tcp_recovery & _NO_DUPLICATE_THRESHOLD):
            return 0
    least = tcb.min_rtt if tcb.min_rtt > 0 else 0
    return min((least >> 2) * tcb.rack_reo_steps, tcb.srtt >> 3) * 1000


def detect_loss(tcb: Tcb) -> int:
    """Mark what is lost (RFC 8985 §6.2 step 5); returns ns until the next could be, 0 if none."""
    wait = 0
    now = tcb.clock.now
    window = reordering_window(tcb)
    sent = tcb.oldest_sent
    while sent is not None:
        following = sent.newer
        if sent.marks & MARK_LOST and not sent.marks & MARK_RETRANSMITTED:
            sent = following
            continue
        if sent.serial > tcb.rack_serial or (sent.serial == tcb.rack_serial and sent.end >= tcb.rack_end):
            break
        left = tcb.rack_rtt + window - (now - sent.sent_at)
        if left <= 0:
            mark_lost(tcb, sent)
            unlink(tcb, sent)
        elif left > wait:
            wait = left
        sent = following
    return wait


def timed_out(tcb: Tcb, sent: SentSegment) -> bool:
    """At a retransmission timeout: was this sent so long ago that it is lost too (RFC 8985 §6.3)?

    Without the reordering window, as Linux's tcp_timeout_mark_lost.
    """
    return tcb.rack_rtt - (tcb.clock.now - sent.sent_at) <= 0


def mark(tcb: Tcb) -> bool:
    """After an ACK: mark losses; True if a reordering timer was set to look again."""
    if not tcb.rack_advanced:
        return False
    tcb.rack_advanced = False
    wait = detect_loss(tcb)
    if wait == 0:
        return False
    tcb.set_retransmit(TIMER_REORDER, min(wait + TIMEOUT_MIN, tcb.rto))
    return True


def adapt_window(tcb: Tcb, ack: AckState) -> None:
    """Widen the reordering window when duplicates show it is too small (RFC 8985 §6.2 step 4).

    A round, of whose DSACKs only the first counts, is told by what was delivered (tcp_rack_update_reo_wnd).
    """
    if tcb.layer.sysctl.tcp_recovery & _STATIC_WINDOW or ack.newest is None:
        return
    if ack.newest.delivered < tcb.rack_last_delivered:
        # Less than a round trip since the last change: duplicates of then.
        tcb.rack_dsack_seen = False
    if tcb.rack_dsack_seen:
        tcb.rack_reo_steps = min(255, tcb.rack_reo_steps + 1)
        tcb.rack_dsack_seen = False
        tcb.rack_last_delivered = tcb.delivered
        tcb.rack_reo_persist = _PERSIST
    elif tcb.rack_reo_persist == 0:
        tcb.rack_reo_steps = 1
