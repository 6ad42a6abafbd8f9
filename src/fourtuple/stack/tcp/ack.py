"""Processing SEG.ACK: what was delivered, how long it took, what may be sent now (RFC 9293 §3.10.7.4)."""

from __future__ import annotations

from typing import Final

from ...wire.tcp import SYN, TcpSegment
from . import ackstate, chrono, mtu_probe, rack, rate, rtt, zerocopy
from .ackstate import AckState
from .congestion import in_reduction, set_state
from .output import rearm_rto, schedule_loss_probe, sync_mss, until_user_timeout
from .records import MARK_EVER_RETRANSMITTED, MARK_SACKED
from .recovery import end_reduction, react, reduce_window, try_keep_open
from .reduction import start_reduction
from .retransmit import forget_acked_head, retransmit_lost
from .scoreboard import (
    check_reordering,
    highest_sacked,
    note_delivered,
    remove_duplicates,
    take_sack,
    uses_sack,
)
from .stamps import report_acked
from .state import (
    CA_CWR,
    CA_OPEN,
    MASK32,
    MS,
    NAGLE_OFF,
    OPT_TIMESTAMPS,
    SYN_SENT,
    TIMER_PROBE,
)
from .tcb import Tcb
from .write import check_idle, has_unsent, push_pending

# What process() finds of SEG.ACK.
ACK_OLD: Final = 0
ACK_GOOD: Final = 1
ACK_TOO_OLD: Final = -1
ACK_TOO_NEW: Final = -2


def process(tcb: Tcb, seq: int, end: int, ack: int, segment: TcpSegment, ece: bool) -> int:
    """Take SEG.ACK = ``ack`` of a segment (all unwrapped); returns one of the ACK_* above.

    ``ece``: the segment echoes congestion, RFC 3168.
    """
    una = tcb.snd_una
    if ack < una:
        # RFC 5961 §5.2, and as in Linux since 6.8 not even in that range if it is of bytes never sent: with a
        # large window the range alone lets a blind guess through.
        if ack < una - min(tcb.max_window, tcb.bytes_acked):
            return ACK_TOO_OLD
        options = segment.options
        if options is not None and options.sack and uses_sack(tcb):
            _take_old(tcb, ack, options.sack)
        return ACK_OLD
    if ack > tcb.snd_nxt:
        return ACK_TOO_NEW
    now = tcb.clock.now
    flags = 0
    if ack > una:
        flags = ackstate.ADVANCED
        tcb.retransmits = 0
        tcb.layer.ip.confirm(tcb.endpoint.peer)
    if end > seq:
        flags |= ackstate.DATA
    if _update_window(tcb, seq, ack, segment):
        flags |= ackstate.WINDOW_UPDATE
    outstanding = tcb.packets_out
    reneging = tcb.sack_reneging
    options = segment.options
    sacks = options is not None and len(options.sack) > 0 and uses_sack(tcb)
    tcb.soft_error = 0
    tcb.probes_out = 0
    tcb.last_ack_received = now
    if outstanding == 0 and not sacks and not ece:
        tcb.snd_una = ack
        _check_probe(tcb)
        return ACK_GOOD
    state = AckState(una, tcb.snd_nxt, highest_sacked(tcb), tcb.delivered, tcb.lost)
    if tcb.cc.paces:
        state.flight_before = tcb.in_flight()
    tcb.snd_una = ack
    tcb.bytes_acked += ack - una
    if sacks and options is not None:
        state.flags = flags
        take_sack(tcb, ack, options.sack, state, now)
        flags = state.flags
    if ece:
        flags |= ackstate.ECE_SEEN
    state.flags = flags
    if outstanding == 0:
        if state.flags & ackstate.DSACK:
            react(tcb, state)
        _check_probe(tcb)
        if tcb.tlp_high_seq >= 0:
            _check_loss_probe(tcb, ack, state)
        return ACK_GOOD
    _clean_queue(tcb, state, now)
    if tcb.zerocopy is not None:
        zerocopy.acked(tcb, tcb.zerocopy)
    rack.adapt_window(tcb, state)
    if tcb.tlp_high_seq >= 0:
        _check_loss_probe(tcb, ack, state)
    flags = state.flags
    if not flags & ackstate.NOT_DUPLICATE or flags & ackstate.ALERT or tcb.ca_state != CA_OPEN:
        if not flags & (ackstate.ADVANCED | ackstate.NOT_DUPLICATE | ackstate.DSACK):
            state.duplicates = 1
        react(tcb, state)
    if state.flags & ackstate.SET_TIMER and not schedule_loss_probe(tcb):
        rearm_rto(tcb)
    _control_window(tcb, state, reneging)
    _send_recovery(tcb, state)
    return ACK_GOOD


def _take_old(tcb: Tcb, ack: int, sack: list[tuple[int, int]]) -> None:
    """An ACK below SND.UNA, out of order: its SACK blocks are still news."""
    state = AckState(tcb.snd_una, tcb.snd_nxt, highest_sacked(tcb), tcb.delivered, tcb.lost)
    take_sack(tcb, ack, sack, state, tcb.clock.now)
    rate.begin_next(tcb, state)
    react(tcb, state)
    if state.flags & ackstate.SET_TIMER:
        rearm_rto(tcb)
    _send_recovery(tcb, state)


def _update_window(tcb: Tcb, seq: int, ack: int, segment: TcpSegment) -> bool:
    """SND.WND := SEG.WND if the segment is newer than the last that set it (RFC 9293 §3.10.7.4).

    As in Linux an ACK of new data is newer by itself, and with equal SEG.SEQ only a larger window counts, or
    none at all, so that reordered ACKs do not shrink it.
    """
    offered = segment.window
    if not segment.flags & SYN:
        offered <<= tcb.snd_wscale
    if ack <= tcb.snd_una and seq <= tcb.snd_wl1 and (seq < tcb.snd_wl1 or 0 < offered <= tcb.snd_wnd):
        return False
    tcb.snd_wl1 = seq
    if tcb.snd_wnd != offered:
        tcb.snd_wnd = offered
        if has_unsent(tcb):
            check_idle(tcb)
        if offered > tcb.max_window:
            tcb.max_window = offered
            sync_mss(tcb, tcb.path_mtu)
    return True


def _check_probe(tcb: Tcb) -> None:
    """Nothing is in flight: does the window let the next segment go (``tcp_ack_probe``)?"""
    if not has_unsent(tcb):
        return
    length = min(tcb.unsent, tcb.mss)
    if tcb.snd_nxt + max(length, 1) <= tcb.window_end():
        tcb.backoff = 0
        tcb.probes_at = -1
        if tcb.pending == TIMER_PROBE:
            tcb.clear_retransmit()
    else:
        delay = rtt.backed_off(tcb, rtt.probe_base(tcb))
        tcb.set_retransmit(TIMER_PROBE, until_user_timeout(tcb, delay, tcb.probes_at))


def _clean_queue(tcb: Tcb, state: AckState, now: int) -> None:
    """Forget what is acknowledged, and measure the round trip on it (RFC 6298 §3, Karn's algorithm)."""
    una = tcb.snd_una
    rtx = tcb.rtx
    sack = uses_sack(tcb)
    flags = state.flags
    first_sent = -1
    last_sent = -1
    reordered = state.reordered
    acked = 0
    sacked_before = tcb.sacked_out
    while tcb.rtx_head < len(rtx):
        sent = rtx[tcb.rtx_head]
        if sent.end > una:
            break
        marks = sent.marks
        if marks & MARK_EVER_RETRANSMITTED:
            flags |= ackstate.RETRANSMITTED_ACKED
        elif not marks & MARK_SACKED:
            last_sent = sent.sent_at
            if first_sent < 0:
                first_sent = last_sent
            if sent.seq < reordered:
                reordered = sent.seq
            if sent.end <= tcb.high_seq:
                flags |= ackstate.ORIGINAL_ARRIVED
        if sack and not marks & MARK_SACKED:
            tcb.delivered += 1
            note_delivered(tcb, sent, state, now)
        elif not sack:
            rate.note_delivered(sent, state)
        if sent.flags & SYN:
            flags |= ackstate.SYN_ACKED
            tcb.retrans_stamp = -1
        else:
            flags |= ackstate.DATA_ACKED
        acked += 1
        if tcb.write_stamps:
            report_acked(tcb, sent.end)
        forget_acked_head(tcb)
    if tcb.write_stamps:
        report_acked(tcb, una)
    if state.una_before <= tcb.snd_up <= una:
        tcb.snd_up = una
    search = tcb.mtu_search
    if search is not None and search.probe_size and search.probe_end <= una:
        mtu_probe.succeeded(tcb, search)
    head = tcb.rtx_head
    if head == len(rtx):
        chrono.stop(tcb, chrono.BUSY)
    elif rtx[head].marks & MARK_SACKED:
        flags |= ackstate.RENEGING
    sample = -1
    newest = state.last_sacked_at
    if first_sent >= 0 and not flags & ackstate.RETRANSMITTED_ACKED:
        sample = now - first_sent
        if newest < 0:
            newest = last_sent
        if (
            acked == 1
            and sacked_before == 0
            and una - state.una_before < tcb.mss
            and state.newest is not None
            and state.newest.delivered + 1 == tcb.delivered
            and not flags & (ackstate.ALERT | ackstate.SYN_ACKED)
        ):
            flags |= ackstate.MAYBE_DELAYED
    sacked_sample = now - state.first_sacked_at if state.first_sacked_at >= 0 else -1
    if newest >= 0:
        state.rtt = max((now - newest) // 1000, 1)
    measured = _measure(tcb, state, flags, sample, sacked_sample)
    if flags & ackstate.ACKED:
        flags |= ackstate.SET_TIMER
        if not sack:
            remove_duplicates(tcb, acked)
            if flags & ackstate.RETRANSMITTED_ACKED:
                flags &= ~ackstate.ORIGINAL_ARRIVED
        elif reordered < state.high_before:
            check_reordering(tcb, reordered, False)
    elif head < len(rtx) and measured and sacked_sample > now - rtx[head].sent_at:
        # Progress on data sent before the head was: the timeout may run anew.
        flags |= ackstate.SET_TIMER
    if state.rtt >= 0:
        tcb.cc.sampled(tcb, state.rtt)
    state.flags = flags


def _measure(tcb: Tcb, state: AckState, flags: int, sample: int, sacked: int) -> bool:
    """Feed the estimator with the better of the samples (ns, -1 none), or the echoed timestamp.

    They are of the oldest segment measured, as the timeout needs them; ``state.rtt`` is of the newest,
    which is nearer to the path's.
    """
    if sample < 0:
        sample = sacked
    if sample >= 0:
        microseconds = max(sample // 1000, 1)
    elif flags & ackstate.ACKED and tcb.ts_seen and tcb.ts_ecr and tcb.options_on & OPT_TIMESTAMPS:
        # RFC 7323 §4.1: with timestamps even retransmitted data gives a sample.
        elapsed = ((tcb.clock.now // MS + tcb.ts_offset) - tcb.ts_ecr) & MASK32
        if elapsed >= 0x8000_0000:
            return False
        # A tick of the timestamps' clock at least.
        microseconds = max(elapsed, 1) * 1000
        state.rtt = microseconds
    else:
        return False
    rtt.note_min(tcb, state.rtt, flags & ackstate.MAYBE_DELAYED != 0)
    rtt.sample(tcb, microseconds)
    return True


def _check_loss_probe(tcb: Tcb, ack: int, state: AckState) -> None:
    """Did the tail loss probe repair a loss (RFC 8985 §7.4)?"""
    if ack < tcb.tlp_high_seq:
        return
    flags = state.flags
    if not tcb.tlp_retransmitted or flags & ackstate.DSACK_PROBE:
        tcb.tlp_high_seq = -1
    elif ack > tcb.tlp_high_seq:
        start_reduction(tcb)
        set_state(tcb, CA_CWR)
        end_reduction(tcb)
        try_keep_open(tcb)
        tcb.layer.counters.loss_probe_recovery += 1
    elif not flags & (ackstate.ADVANCED | ackstate.NOT_DUPLICATE | ackstate.SACKED):
        tcb.tlp_high_seq = -1


def _control_window(tcb: Tcb, state: AckState, reneging: bool) -> None:
    delivered = tcb.delivered - state.delivered_before
    if state.flags & ackstate.ECE_SEEN:
        tcb.delivered_ce += delivered
    rate.take_sample(tcb, state, delivered, reneging)
    cc = tcb.cc
    if cc.paces:
        cc.control(tcb, state, delivered)
        return
    if in_reduction(tcb):
        reduce_window(tcb, delivered, tcb.lost - state.lost_before, state.flags)
        return
    # RFC 5681 grows the window on in-order delivery only; where reordering is known, on any.
    wanted = ackstate.DATA_ACKED
    if tcb.reordering > tcb.layer.sysctl.tcp_reordering:
        wanted = ackstate.PROGRESS
    if state.flags & wanted:
        tcb.cc.avoid(tcb, delivered)
        tcb.cwnd_stamp = tcb.clock.now


def _send_recovery(tcb: Tcb, state: AckState) -> None:
    if state.rexmit == ackstate.REXMIT_NONE or tcb.endpoint.state == SYN_SENT:
        return
    if state.rexmit == ackstate.REXMIT_NEW:
        push_pending(tcb, NAGLE_OFF)
        if tcb.snd_nxt > tcb.high_seq:
            return
        tcb.frto = False
    retransmit_lost(tcb)
