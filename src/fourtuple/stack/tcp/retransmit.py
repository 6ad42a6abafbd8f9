"""Sending again what was lost."""

from __future__ import annotations

from typing import Final

from ...wire.tcp import CWR, ECE, FIN, PSH, SYN
from . import pacing
from .congestion import in_reduction
from .output import burst_limit, current_mss, transmit
from .rate import note_sent
from .records import (
    MARK_EOR,
    MARK_EVER_RETRANSMITTED,
    MARK_JOINED,
    MARK_LOST,
    MARK_RETRANSMITTED,
    MARK_SACKED,
    SentSegment,
)
from .sentlist import drop_head, link_newest, part, split_sent, unlink
from .state import CA_LOSS, EAGAIN, TIMER_REORDER, TIMER_RETRANSMIT
from .tcb import Tcb


def retransmit(tcb: Tcb, index: int, flags: int) -> int:
    """Send the segment at ``index`` of rtx again, and count it as in flight; 0 or an errno.

    ``flags`` go out with it beside its own.
    """
    sent = tcb.rtx[index]
    error = resend(tcb, index, flags)
    if error == 0 and not sent.marks & MARK_RETRANSMITTED:
        sent.marks |= MARK_RETRANSMITTED
        tcb.retrans_out += 1
    if tcb.retrans_stamp < 0:
        tcb.retrans_stamp = tcb.clock.now
    if tcb.undo_retrans < 0:
        tcb.undo_retrans = 0
    tcb.undo_retrans += 1
    return error


def resend(tcb: Tcb, index: int, extra: int) -> int:
    """Send the segment at ``index`` of rtx again, as a tail loss probe does; 0 or an errno.

    What the peer's window no longer takes is not sent, except the oldest segment, which then serves
    as a window probe.
    """
    sent = tcb.rtx[index]
    if sent.seq < tcb.snd_una:
        acked = tcb.snd_una - sent.seq
        sent.data = sent.data[acked:]
        sent.seq = tcb.snd_una
    search = tcb.mtu_search
    if search is not None:
        # Whatever was to be learnt of a probe under way cannot be told now.
        search.probe_size = 0
    mss = current_mss(tcb)
    usable = tcb.window_end() - sent.seq
    if usable <= 0:
        if sent.seq != tcb.snd_una:
            return EAGAIN
        usable = mss
    length = len(sent.data)
    most = min(mss, usable)
    if length > most:
        split_sent(tcb, index, most)
        length = most
    elif length < most and tcb.layer.sysctl.tcp_retrans_collapse:
        _collapse(tcb, index, most)
        length = len(sent.data)
    flags = sent.flags
    if flags & SYN and flags & (ECE | CWR) == ECE | CWR and tcb.layer.sysctl.tcp_ecn_fallback:
        # RFC 3168 §6.1.1.1: a network that drops ECN SYNs must not keep us from connecting.
        flags &= ~(ECE | CWR)
        sent.flags = flags
    counters = tcb.layer.counters
    counters.retrans_segs += 1
    if flags & SYN:
        counters.syn_retrans += 1
    tcb.total_retrans += 1
    tcb.bytes_retrans += length
    now = tcb.clock.now
    error = transmit(tcb, sent.seq, flags | extra, sent.data)
    sent.marks |= MARK_EVER_RETRANSMITTED
    sent.sent_at = now
    note_sent(tcb, sent)
    unlink(tcb, sent)
    link_newest(tcb, sent)
    return error


def _collapse(tcb: Tcb, index: int, most: int) -> None:
    """Join following short segments to the one at ``index``, up to ``most`` bytes (RFC 9293 §3.8.1).

    Sequence numbers are what is retransmitted, not segments (``tcp_retrans_try_collapse``).
    """
    first = tcb.rtx[index]
    if first.flags & (SYN | FIN) or first.marks & (MARK_SACKED | MARK_EOR):
        return
    rtx = tcb.rtx
    limit = tcb.window_end()
    while index + 1 < len(rtx):
        following = rtx[index + 1]
        if (
            not following.data
            or following.flags & SYN
            or following.marks & MARK_SACKED
            or len(first.data) + len(following.data) > most
            or following.end > limit
        ):
            return
        _absorb(tcb, first, following)
        del rtx[index + 1]
        if first.marks & MARK_EOR:
            return


def _absorb(tcb: Tcb, first: SentSegment, following: SentSegment) -> None:
    unlink(tcb, following)
    first.data += following.data
    first.end = following.end
    first.flags |= following.flags
    tcb.packets_out -= 1
    if not following.marks & MARK_JOINED:
        tcb.bursts_out -= 1
    if following.marks & MARK_RETRANSMITTED:
        tcb.retrans_out -= 1
    if following.marks & MARK_LOST:
        tcb.lost_out -= 1
    first.marks |= following.marks & (MARK_EVER_RETRANSMITTED | MARK_EOR)
    if tcb.sacked_out and not tcb.options_on & 2:
        tcb.sacked_out -= 1


_WAITING: Final = MARK_LOST | MARK_SACKED | MARK_RETRANSMITTED


def _burst_end(tcb: Tcb, index: int, quota: int) -> int:
    """Index after the last segment that goes out again in one burst with that at ``index``.

    Those that left together and are lost together do, ``quota`` at most.
    """
    rtx = tcb.rtx
    end = index + 1
    mss = tcb.mss
    if len(rtx[index].data) != mss:
        return end
    while (
        end < len(rtx)
        and end - index < quota
        and rtx[end].marks & MARK_JOINED
        and rtx[end].marks & _WAITING == MARK_LOST
        and len(rtx[end].data) <= mss
    ):
        end += 1
    if end < len(rtx):
        # What stays behind is a burst of its own from now on.
        part(tcb, rtx[end])
    return end


def retransmit_lost(tcb: Tcb) -> None:
    """Send again what is marked lost, as far as the congestion window allows (RFC 6675 §5)."""
    if tcb.packets_out == 0:
        return
    rearm = False
    counters = tcb.layer.counters
    index = tcb.rtx_head
    largest = 0
    rtx = tcb.rtx
    # Most of a long queue is neither lost nor to be looked at again, so the cheap question comes first.
    while index < len(rtx) and tcb.retrans_out < tcb.lost_out:
        if rtx[index].marks & _WAITING != MARK_LOST:
            index += 1
            continue
        quota = tcb.cwnd - tcb.in_flight()
        if quota <= 0:
            break
        if tcb.paced and pacing.must_wait(tcb):
            break
        if largest == 0:
            largest = burst_limit(tcb, tcb.mss)
        end = _burst_end(tcb, index, min(quota, largest))
        first = index
        while index < end:
            if retransmit(tcb, index, PSH if index == end - 1 and index > first else 0) != 0:
                # What could not leave is no burst: the next attempt is the timeout's, not the pace's.
                if tcb.paced and index > first:
                    pacing.note_burst(tcb, tcb.mss * (index - first))
                return
            if tcb.ca_state == CA_LOSS:
                counters.slow_start_retrans += 1
            else:
                counters.fast_retrans += 1
            if in_reduction(tcb):
                tcb.prr_out += 1
            if index == tcb.rtx_head and tcb.pending != TIMER_REORDER:
                rearm = True
            index += 1
        if tcb.paced:
            pacing.note_burst(tcb, tcb.mss * (end - first))
    if rearm:
        tcb.set_retransmit(TIMER_RETRANSMIT, tcb.rto)


def forget_acked_head(tcb: Tcb) -> None:
    """Drop the oldest segment, which was acknowledged, with what was counted for it."""
    sent = tcb.rtx[tcb.rtx_head]
    marks = sent.marks
    tcb.packets_out -= 1
    if marks & MARK_RETRANSMITTED:
        tcb.retrans_out -= 1
    if marks & MARK_SACKED:
        tcb.sacked_out -= 1
    if marks & MARK_LOST:
        tcb.lost_out -= 1
    drop_head(tcb)
