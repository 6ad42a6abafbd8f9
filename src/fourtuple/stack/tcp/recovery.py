"""Loss recovery: the states between open and timeout, and the way out of each.

Open: all is well. Disorder: duplicates or SACKs, no loss yet; new data may clock out (limited transmit,
RFC 3042). CWR: the window is reduced for another reason (ECN, a tail loss probe). Recovery: fast
retransmit (RFC 5681 §3.2, RFC 6582, RFC 6675), the window reduced in proportion to what arrives (PRR, RFC
6937). Loss: after a timeout (RFC 5681 §3.1), with F-RTO (RFC 5682) to find out whether it was spurious. A
reduction found wrong by timestamps (Eifel, RFC 3522, RFC 4015) or DSACK (RFC 3708) is undone.
"""

from __future__ import annotations

from . import ackstate, mtu_probe, rack
from .ackstate import AckState
from .congestion import current_ssthresh, in_reduction, set_state
from .records import MARK_EVER_RETRANSMITTED, MARK_LOST, MARK_SACKED
from .reduction import enter_reduction, queue_cwr, start_reduction
from .retransmit import retransmit_lost
from .scoreboard import (
    add_duplicates,
    check_reordering,
    left_out,
    limit_duplicates,
    mark_head_lost,
    mark_lost,
    mark_newreno,
    uses_sack,
)
from .state import (
    CA_CWR,
    CA_DISORDER,
    CA_LOSS,
    CA_OPEN,
    CA_RECOVERY,
    INFINITE_SSTHRESH,
    MS,
    OPT_TIMESTAMPS,
    SYN_SENT,
    TIMER_RETRANSMIT,
)
from .tcb import Tcb
from .write import has_unsent

_RACK_PERSIST = 16


# Entering -------------------------------------------------------------------------------------


def _start_undo(tcb: Tcb) -> None:
    tcb.undo_marker = tcb.snd_una
    # Retransmissions of now are of data the new episode covers; -1: none, so a DSACK proves nothing.
    count = tcb.retrans_out
    if tcb.tlp_high_seq >= 0 and tcb.tlp_retransmitted:
        # A DSACK of the tail loss probe must not pass for one of a retransmission of this episode.
        count += 1
    tcb.undo_retrans = count or -1


def enter_recovery(tcb: Tcb, by_ecn: bool) -> None:
    """Fast retransmit (RFC 5681 §3.2 step 2)."""
    if not any_retransmission_left(tcb):
        # What is undone by timestamps counts from the first retransmission of this episode.
        tcb.retrans_stamp = -1
    if uses_sack(tcb):
        tcb.layer.counters.sack_recovery += 1
    else:
        tcb.layer.counters.reno_recovery += 1
    tcb.prior_ssthresh = 0
    _start_undo(tcb)
    if not in_reduction(tcb):
        if not by_ecn:
            tcb.prior_ssthresh = current_ssthresh(tcb)
        start_reduction(tcb)
    set_state(tcb, CA_RECOVERY)


def enter_loss(tcb: Tcb) -> None:
    """The retransmission timer fired: all outstanding is lost, begin with one segment (RFC 5681 §3.1)."""
    sysctl = tcb.layer.sysctl
    fresh = tcb.ca_state < CA_RECOVERY
    _mark_all_lost(tcb)
    if (
        tcb.ca_state <= CA_DISORDER
        or tcb.high_seq <= tcb.snd_una
        or (tcb.ca_state == CA_LOSS and tcb.retransmits == 0)
    ):
        tcb.prior_ssthresh = current_ssthresh(tcb)
        tcb.prior_cwnd = tcb.cwnd
        tcb.ssthresh = tcb.cc.ssthresh(tcb)
        _start_undo(tcb)
    tcb.cwnd = tcb.in_flight() + 1
    tcb.cwnd_count = 0
    tcb.cwnd_stamp = tcb.clock.now
    if tcb.ca_state <= CA_DISORDER and tcb.sacked_out >= sysctl.tcp_reordering:
        # A timeout in spite of many duplicates: reordering was overestimated.
        tcb.reordering = min(tcb.reordering, sysctl.tcp_reordering)
    set_state(tcb, CA_LOSS)
    tcb.high_seq = tcb.snd_nxt
    tcb.tlp_high_seq = -1
    queue_cwr(tcb)
    search = tcb.mtu_search
    probing = search is not None and search.probe_size != 0
    tcb.frto = sysctl.tcp_frto != 0 and (fresh or tcb.retransmits > 0) and not probing


def _mark_all_lost(tcb: Tcb) -> None:
    rtx = tcb.rtx
    head = tcb.rtx_head
    if head == len(rtx):
        return
    reneging = rtx[head].marks & MARK_SACKED != 0
    if reneging:
        # RFC 2018 §8: the peer may have dropped what it sacked; after a timeout nothing is believed.
        tcb.layer.counters.sack_reneging += 1
        tcb.sacked_out = 0
        tcb.sack_reneging = True
    elif not uses_sack(tcb):
        tcb.sacked_out = 0
    spare_recent = uses_sack(tcb) and rack.enabled(tcb)
    for index in range(head, len(rtx)):
        sent = rtx[index]
        if reneging:
            sent.marks &= ~MARK_SACKED
        elif spare_recent and index != head and not rack.timed_out(tcb, sent):
            continue
        mark_lost(tcb, sent)


def lower_mss_lost(tcb: Tcb) -> None:
    """The path takes only smaller segments: what was sent larger is lost, but not by congestion."""
    # A SYN with data is two records, of which the first holds none: both are lost.
    fast = tcb.fast
    largest = -1 if fast is not None and fast.syn_data and tcb.endpoint.state == SYN_SENT else tcb.mss
    for index in range(tcb.rtx_head, len(tcb.rtx)):
        sent = tcb.rtx[index]
        if len(sent.data) > largest:
            mark_lost(tcb, sent)
    if tcb.lost_out == 0:
        return
    if not uses_sack(tcb):
        limit_duplicates(tcb)
    retransmit_without_congestion(tcb)


def retransmit_without_congestion(tcb: Tcb) -> None:
    """Send again what is marked lost, though not by congestion: the window stays as it is."""
    if tcb.ca_state != CA_LOSS:
        tcb.high_seq = tcb.snd_nxt
        tcb.ssthresh = current_ssthresh(tcb)
        tcb.prior_ssthresh = 0
        tcb.undo_marker = -1
        set_state(tcb, CA_LOSS)
    retransmit_lost(tcb)


# Reducing -------------------------------------------------------------------------------------


def reduce_window(tcb: Tcb, delivered: int, lost: int, flags: int) -> None:
    """Proportional rate reduction (RFC 6937 §3), as Linux's tcp_cwnd_reduction.

    RecoverFS is the window, not the data in flight. Below ssthresh the bound is the conservative one, and
    slow start's only for an ACK that advances and shows no further loss.
    """
    if delivered <= 0 or tcb.prior_cwnd == 0:
        return
    tcb.prr_delivered += delivered
    room = tcb.ssthresh - tcb.in_flight()
    if room < 0:
        allowed = (tcb.ssthresh * tcb.prr_delivered + tcb.prior_cwnd - 1) // tcb.prior_cwnd - tcb.prr_out
    else:
        allowed = max(tcb.prr_delivered - tcb.prr_out, delivered)
        if flags & ackstate.ADVANCED and lost == 0:
            allowed += 1
        allowed = min(room, allowed)
    # The first retransmission is sent whatever the window.
    allowed = max(allowed, 0 if tcb.prr_out else 1)
    tcb.cwnd = tcb.in_flight() + allowed


def end_reduction(tcb: Tcb) -> None:
    """Recovery is over: the window is the threshold (RFC 6582 §3.2 step 3, RFC 6937)."""
    if tcb.ssthresh < INFINITE_SSTHRESH and (tcb.ca_state == CA_CWR or tcb.undo_marker >= 0):
        tcb.cwnd = tcb.ssthresh
        tcb.cwnd_stamp = tcb.clock.now


# Undoing --------------------------------------------------------------------------------------


def any_retransmission_left(tcb: Tcb) -> bool:
    """Whether a segment in flight was retransmitted, so that an ACK of it is ambiguous."""
    if tcb.retrans_out:
        return True
    head = tcb.rtx_head
    return head < len(tcb.rtx) and tcb.rtx[head].marks & MARK_EVER_RETRANSMITTED != 0


def _was_delayed(tcb: Tcb) -> bool:
    """RFC 3522: the ACK echoes a timestamp from before the first retransmission."""
    if tcb.retrans_stamp < 0:
        # Nothing was sent again, so all that arrives is original; but the stamp is also cleared by
        # _must_stay() and by the ACK of a SYN.
        if not uses_sack(tcb) and tcb.snd_una >= tcb.high_seq:
            return False
        return tcb.endpoint.state != SYN_SENT
    if not tcb.options_on & OPT_TIMESTAMPS or not tcb.ts_seen or tcb.ts_ecr == 0:
        return False
    first = (tcb.retrans_stamp // MS + tcb.ts_offset) & 0xFFFF_FFFF
    return ((tcb.ts_ecr - first) & 0xFFFF_FFFF) >= 0x8000_0000


def _may_undo(tcb: Tcb) -> bool:
    return tcb.undo_marker >= 0 and (tcb.undo_retrans == 0 or _was_delayed(tcb))


def _undo_reduction(tcb: Tcb, unmark: bool) -> None:
    if unmark:
        for index in range(tcb.rtx_head, len(tcb.rtx)):
            sent = tcb.rtx[index]
            if sent.marks & MARK_LOST:
                sent.marks &= ~MARK_LOST
        tcb.lost_out = 0
    if tcb.prior_ssthresh:
        tcb.cwnd = tcb.cc.undo(tcb)
        if tcb.prior_ssthresh > tcb.ssthresh:
            tcb.ssthresh = tcb.prior_ssthresh
            tcb.ecn_queue_cwr = False
    tcb.cwnd_stamp = tcb.clock.now
    tcb.undo_marker = -1
    tcb.rack_advanced = True


def _must_stay(tcb: Tcb) -> bool:
    """Without SACK, hold the state until more than high_seq is acknowledged.

    RFC 6582 §4.1: late duplicates must not start another recovery.
    """
    if tcb.snd_una == tcb.high_seq and not uses_sack(tcb):
        if not any_retransmission_left(tcb):
            tcb.retrans_stamp = -1
        return True
    return False


def undo_if_spurious(tcb: Tcb) -> bool:
    """All of the episode is acknowledged; True if the state has to be kept for now."""
    counters = tcb.layer.counters
    if _may_undo(tcb):
        if tcb.ca_state == CA_LOSS:
            counters.loss_undo += 1
        else:
            counters.full_undo += 1
        _undo_reduction(tcb, False)
    elif tcb.rack_reo_persist:
        tcb.rack_reo_persist -= 1
    if _must_stay(tcb):
        return True
    set_state(tcb, CA_OPEN)
    tcb.sack_reneging = False
    return False


def _try_undo_dsack(tcb: Tcb) -> bool:
    """RFC 3708: every retransmission was reported a duplicate, so none was needed."""
    if tcb.undo_marker >= 0 and tcb.undo_retrans == 0:
        tcb.rack_reo_persist = min(_RACK_PERSIST, tcb.rack_reo_persist + 1)
        _undo_reduction(tcb, False)
        tcb.layer.counters.dsack_undo += 1
        return True
    return False


def _try_undo_loss(tcb: Tcb, spurious: bool) -> bool:
    """The timeout was wrong: the original arrived."""
    if not spurious and not _may_undo(tcb):
        return False
    _undo_reduction(tcb, True)
    tcb.layer.counters.loss_undo += 1
    if spurious:
        tcb.layer.counters.spurious_rtos += 1
    tcb.retransmits = 0
    if _must_stay(tcb):
        return True
    if spurious or uses_sack(tcb):
        set_state(tcb, CA_OPEN)
        tcb.sack_reneging = False
    return True


def _try_undo_partial(tcb: Tcb, state: AckState) -> bool:
    """A hole was filled by a late original; True if nothing more is to be done for this ACK."""
    if tcb.undo_marker < 0 or not _was_delayed(tcb):
        return False
    check_reordering(tcb, state.una_before, True)
    if tcb.retrans_out:
        return True
    if not any_retransmission_left(tcb):
        tcb.retrans_stamp = -1
    tcb.layer.counters.partial_undo += 1
    _undo_reduction(tcb, True)
    try_keep_open(tcb)
    return False


# Between the states ---------------------------------------------------------------------------


def try_keep_open(tcb: Tcb) -> None:
    state = CA_OPEN
    if left_out(tcb) or any_retransmission_left(tcb):
        state = CA_DISORDER
    if tcb.ca_state != state:
        set_state(tcb, state)
        tcb.high_seq = tcb.snd_nxt


def _try_to_open(tcb: Tcb, flags: int) -> None:
    if not any_retransmission_left(tcb):
        tcb.retrans_stamp = -1
    if flags & ackstate.ECE_SEEN:
        enter_reduction(tcb)
    if tcb.ca_state != CA_CWR:
        try_keep_open(tcb)


def _identify_loss(tcb: Tcb, state: AckState) -> None:
    """Find what this ACK shows to be lost."""
    if tcb.rtx_head == len(tcb.rtx):
        return
    if not uses_sack(tcb):
        mark_newreno(tcb, state.flags & ackstate.ADVANCED != 0)
    elif rack.enabled(tcb):
        before = tcb.retrans_out
        if rack.mark(tcb):
            state.flags &= ~ackstate.SET_TIMER
        if before > tcb.retrans_out:
            state.flags |= ackstate.LOST_RETRANSMISSION


def _time_to_recover(tcb: Tcb) -> bool:
    if tcb.lost_out:
        return True
    if uses_sack(tcb) and not rack.enabled(tcb):
        return tcb.sacked_out + 1 > tcb.reordering
    return False


def _check_reneging(tcb: Tcb, state: AckState) -> bool:
    """The peer acknowledged up to data it had sacked: it dropped that; time out soon (RFC 2018 §8)."""
    if state.flags & ackstate.RENEGING and state.flags & ackstate.ADVANCED:
        delay = max((tcb.srtt >> 4) * 1000, 10 * MS)
        tcb.set_retransmit(TIMER_RETRANSMIT, delay)
        state.flags &= ~ackstate.SET_TIMER
        return True
    return False


def react(tcb: Tcb, state: AckState) -> None:
    """An ACK that is more than plain progress arrived: move between the states.

    Sets ``state.rexmit`` to what may be sent once the window was computed.
    """
    flags = state.flags
    counting = state.duplicates > 0
    if tcb.packets_out == 0:
        tcb.sacked_out = 0
    if flags & ackstate.ECE_SEEN:
        tcb.prior_ssthresh = 0
    if _check_reneging(tcb, state):
        return
    if tcb.ca_state == CA_OPEN:
        tcb.retrans_stamp = -1
    elif tcb.snd_una >= tcb.high_seq:
        if tcb.ca_state == CA_CWR:
            # CWR lasts until the peer has seen the flag, on data beyond high_seq.
            if tcb.snd_una != tcb.high_seq:
                end_reduction(tcb)
                set_state(tcb, CA_OPEN)
        elif tcb.ca_state == CA_RECOVERY:
            if not uses_sack(tcb):
                tcb.sacked_out = 0
            if undo_if_spurious(tcb):
                return
            end_reduction(tcb)
    entered = False
    if tcb.ca_state == CA_RECOVERY:
        if not flags & ackstate.ADVANCED:
            if not uses_sack(tcb):
                add_duplicates(tcb, state.duplicates)
        elif _try_undo_partial(tcb, state):
            return
        else:
            counting = True
        if _try_undo_dsack(tcb):
            _try_to_open(tcb, flags)
        _identify_loss(tcb, state)
        if tcb.ca_state != CA_RECOVERY:
            if not _time_to_recover(tcb):
                return
            enter_recovery(tcb, flags & ackstate.ECE_SEEN != 0)
    else:
        if tcb.ca_state == CA_LOSS:
            _in_loss(tcb, state)
            if tcb.ca_state != CA_LOSS and tcb.rto_stamp >= 0:
                tcb.total_rto_time += (tcb.clock.now - tcb.rto_stamp) // MS
                tcb.rto_stamp = -1
            _identify_loss(tcb, state)
            if tcb.ca_state != CA_OPEN and not state.flags & ackstate.LOST_RETRANSMISSION:
                return
        if not uses_sack(tcb):
            if flags & ackstate.ADVANCED:
                tcb.sacked_out = 0
            add_duplicates(tcb, state.duplicates)
        if tcb.ca_state <= CA_DISORDER:
            _try_undo_dsack(tcb)
        _identify_loss(tcb, state)
        if not _time_to_recover(tcb):
            _try_to_open(tcb, flags)
            return
        search = tcb.mtu_search
        if search is not None and tcb.ca_state < CA_CWR and mtu_probe.failed(tcb, search):
            lower_mss_lost(tcb)
            return
        enter_recovery(tcb, flags & ackstate.ECE_SEEN != 0)
        entered = True
    if uses_sack(tcb) and not rack.enabled(tcb) and counting:
        above = tcb.sacked_out - tcb.reordering
        if above >= 0:
            mark_head_lost(tcb, above, False)
        elif entered:
            mark_head_lost(tcb, 1, True)
    state.rexmit = ackstate.REXMIT_LOST


def _in_loss(tcb: Tcb, state: AckState) -> None:
    """An ACK after a timeout (RFC 5682 §2.1, §3.1)."""
    flags = state.flags
    recovered = tcb.snd_una >= tcb.high_seq
    if flags & ackstate.ADVANCED and _try_undo_loss(tcb, False):
        return
    if tcb.frto:
        if flags & ackstate.ORIGINAL_ARRIVED and _try_undo_loss(tcb, True):
            # Step 3.b: data sent before the timeout and not again was delivered.
            return
        if tcb.snd_nxt > tcb.high_seq:
            if flags & ackstate.SACKED or state.duplicates:
                tcb.frto = False
        elif flags & ackstate.ADVANCED and not recovered:
            # Step 2.b: try new data; its ACK will tell.
            tcb.high_seq = tcb.snd_nxt
            if has_unsent(tcb) and tcb.window_end() > tcb.snd_nxt:
                state.rexmit = ackstate.REXMIT_NEW
                return
            tcb.frto = False
    if recovered:
        undo_if_spurious(tcb)
        return
    if not uses_sack(tcb):
        if tcb.snd_nxt > tcb.high_seq and state.duplicates:
            add_duplicates(tcb, state.duplicates)
        elif flags & ackstate.ADVANCED:
            tcb.sacked_out = 0
    state.rexmit = ackstate.REXMIT_LOST
