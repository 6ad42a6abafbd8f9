"""What is known of each segment in flight: sacked, lost, retransmitted (RFC 6675 §3, RFC 2018, RFC 2883).

Without SACK every duplicate ACK stands for one segment delivered, so ``sacked_out`` counts duplicates
(NewReno, RFC 6582) and the rest of recovery need not know the difference.
"""

from __future__ import annotations

from ...wire.seqnum import seq_diff
from . import ackstate
from .ackstate import AckState
from .records import MARK_EVER_RETRANSMITTED, MARK_LOST, MARK_RETRANSMITTED, MARK_SACKED, SentSegment
from .sentlist import unlink
from .state import CA_LOSS, CA_RECOVERY, OPT_SACK
from .tcb import Tcb


def uses_sack(tcb: Tcb) -> bool:
    return tcb.options_on & OPT_SACK != 0


def left_out(tcb: Tcb) -> int:
    """Segments that left the network: sacked or lost."""
    return tcb.sacked_out + tcb.lost_out


def highest_sacked(tcb: Tcb) -> int:
    """Sequence number after the highest one sacked; SND.UNA if none is."""
    return tcb.high_sacked if tcb.sacked_out and uses_sack(tcb) else tcb.snd_una


def mark_lost(tcb: Tcb, sent: SentSegment) -> None:
    """Count ``sent`` as lost; if it was retransmitted, its retransmission is."""
    marks = sent.marks
    if marks & MARK_SACKED:
        return
    if marks & MARK_LOST:
        if marks & MARK_RETRANSMITTED:
            sent.marks = marks & ~MARK_RETRANSMITTED
            tcb.retrans_out -= 1
            tcb.layer.counters.lost_retransmit += 1
            tcb.lost += 1
        return
    sent.marks = marks | MARK_LOST
    tcb.lost_out += 1
    tcb.lost += 1


def mark_head_lost(tcb: Tcb, sacked_above: int, only_head: bool) -> None:
    """Mark as lost what has more than the reordering threshold sacked above it (RFC 6675 IsLost)."""
    count = 0
    rtx = tcb.rtx
    for index in range(tcb.rtx_head, len(rtx)):
        sent = rtx[index]
        if sent.end > tcb.high_seq:
            break
        if sent.marks & MARK_SACKED:
            count += 1
            if count > sacked_above:
                break
            continue
        if count > sacked_above:
            break
        if not sent.marks & MARK_LOST:
            mark_lost(tcb, sent)
        if only_head:
            break


# Without SACK ---------------------------------------------------------------------------------


def limit_duplicates(tcb: Tcb) -> bool:
    """Not more duplicates than segments beyond the hole; True if there were."""
    holes = min(max(tcb.lost_out, 1), tcb.packets_out)
    if tcb.sacked_out + holes > tcb.packets_out:
        tcb.sacked_out = tcb.packets_out - holes
        return True
    return False


def _check_duplicate_reordering(tcb: Tcb, more: int) -> None:
    if not limit_duplicates(tcb):
        return
    tcb.reordering = min(tcb.packets_out + more, tcb.layer.sysctl.tcp_max_reordering)
    tcb.reord_seen += 1
    tcb.layer.counters.reno_reorder += 1


def add_duplicates(tcb: Tcb, count: int) -> None:
    """``count`` duplicate ACKs: as many segments were delivered beyond the hole."""
    if count == 0:
        return
    before = tcb.sacked_out
    tcb.sacked_out += count
    _check_duplicate_reordering(tcb, 0)
    if tcb.sacked_out > before:
        tcb.delivered += tcb.sacked_out - before


def remove_duplicates(tcb: Tcb, acked: int) -> None:
    """``acked`` segments were acknowledged: one filled the hole, the others had been counted."""
    if acked > 0:
        tcb.delivered += max(acked - tcb.sacked_out, 1)
        tcb.sacked_out = max(tcb.sacked_out - (acked - 1), 0)
    _check_duplicate_reordering(tcb, acked)


def mark_newreno(tcb: Tcb, advanced: bool) -> None:
    """RFC 6582 §3.2: three duplicates, or a partial ACK in recovery, mean the oldest is lost."""
    in_recovery = tcb.ca_state == CA_RECOVERY
    if (tcb.ca_state < CA_RECOVERY and tcb.sacked_out >= tcb.reordering) or (in_recovery and advanced):
        sent = tcb.rtx[tcb.rtx_head]
        if not sent.marks & MARK_LOST:
            mark_lost(tcb, sent)


# With SACK ------------------------------------------------------------------------------------


def check_reordering(tcb: Tcb, low: int, by_timestamp: bool) -> None:
    """A segment at ``low`` arrived after higher ones: learn how much the path reorders."""
    high = highest_sacked(tcb)
    if low >= high:
        return
    mss = tcb.mss
    if high - low > tcb.reordering * mss:
        tcb.reordering = min((high - low + mss - 1) // mss, tcb.layer.sysctl.tcp_max_reordering)
    tcb.reord_seen += 1
    if by_timestamp:
        tcb.layer.counters.ts_reorder += 1
    else:
        tcb.layer.counters.sack_reorder += 1


def _unwrap(tcb: Tcb, number: int) -> int:
    return tcb.snd_una + seq_diff(number, tcb.snd_una)


def _is_valid(tcb: Tcb, duplicate: bool, start: int, end: int) -> bool:
    """Whether a block can be about data of this connection (``tcp_is_sackblock_valid``)."""
    if end > tcb.snd_nxt or start >= end:
        return False
    if start > tcb.snd_una:
        return True
    if not duplicate or tcb.undo_marker < 0:
        return False
    if end > tcb.snd_una:
        return False
    if start >= tcb.undo_marker:
        return True
    # A duplicate below the episode in hand, but not older than a window.
    if end <= tcb.undo_marker:
        return False
    return start >= end - tcb.max_window


def _is_duplicate_report(tcb: Tcb, ack: int, blocks: list[tuple[int, int]]) -> bool:
    """RFC 2883 §4: the first block is below the ACK, or inside the second."""
    start, end = blocks[0]
    if start < ack:
        return True
    return len(blocks) > 1 and start >= blocks[1][0] and end <= blocks[1][1]


def _count_duplicate(tcb: Tcb, start: int, end: int, state: AckState) -> int:
    """A DSACK for start..end; returns the segments it stands for, 0 if it is not to be believed."""
    if end - start > tcb.max_window:
        return 0
    counters = tcb.layer.counters
    count = 1
    if end - start > tcb.mss:
        count = (end - start + tcb.mss - 1) // tcb.mss
    if tcb.tlp_high_seq >= 0 and tcb.tlp_retransmitted and end == tcb.tlp_high_seq:
        state.flags |= ackstate.DSACK_PROBE
    tcb.dsack_dups += count
    if tcb.dsack_dups > tcb.total_retrans:
        # More duplicates than we made: the network duplicates, or the peer lies.
        return 0
    counters.dsack_recv += 1
    if tcb.reord_seen and not state.flags & ackstate.DSACK_PROBE:
        tcb.rack_dsack_seen = True
    state.flags |= ackstate.DSACK
    return count


def take_sack(tcb: Tcb, ack: int, raw: list[tuple[int, int]], state: AckState, now: int) -> None:
    """Mark what the SACK option ``raw`` of an ACK reports (RFC 6675 §4 Update)."""
    blocks: list[tuple[int, int]] = []
    for left, right in raw[:4]:
        blocks.append((_unwrap(tcb, left), _unwrap(tcb, right)))
    una_before = state.una_before
    duplicate = _is_duplicate_report(tcb, ack, blocks)
    if duplicate:
        start, end = blocks[0]
        count = _count_duplicate(tcb, start, end, state)
        # A duplicate of data that was acknowledged before: it undoes one retransmission.
        if count and tcb.undo_marker >= 0 and end <= una_before and end > tcb.undo_marker:
            tcb.undo_retrans = max(0, tcb.undo_retrans - count)
        if not _is_valid(tcb, True, start, end):
            tcb.layer.counters.dsack_ignored_old += 1
            del blocks[0]
            duplicate = False
    # An ACK from before the last window says nothing of now.
    if ack < una_before - tcb.max_window or tcb.packets_out == 0:
        return
    first = 0
    if duplicate:
        start, end = blocks[0]
        _mark_range(tcb, start, end, True, state, now)
        first = 1
    for position in range(first, len(blocks)):
        start, end = blocks[position]
        if not _is_valid(tcb, False, start, end):
            if end > tcb.snd_una:
                tcb.layer.counters.sack_discard += 1
            continue
        _mark_range(tcb, start, end, False, state, now)
    if tcb.ca_state != CA_LOSS or tcb.undo_marker >= 0:
        check_reordering(tcb, state.reordered, False)


def _first_at(tcb: Tcb, seq: int) -> int:
    """Index in rtx of the first segment that begins at or after ``seq``."""
    rtx = tcb.rtx
    low = tcb.rtx_head
    high = len(rtx)
    while low < high:
        middle = (low + high) >> 1
        if rtx[middle].seq < seq:
            low = middle + 1
        else:
            high = middle
    return low


def _mark_range(tcb: Tcb, start: int, end: int, duplicate: bool, state: AckState, now: int) -> None:
    rtx = tcb.rtx
    for index in range(_first_at(tcb, start), len(rtx)):
        sent = rtx[index]
        if sent.end > end:
            break
        if not duplicate and sent.marks & MARK_SACKED:
            # Reported before, as most of a block is.
            continue
        _mark_sacked(tcb, sent, duplicate, state, now)


def _mark_sacked(tcb: Tcb, sent: SentSegment, duplicate: bool, state: AckState, now: int) -> None:
    marks = sent.marks
    if duplicate and marks & MARK_EVER_RETRANSMITTED:
        if tcb.undo_marker >= 0 and tcb.undo_retrans > 0 and sent.end > tcb.undo_marker:
            tcb.undo_retrans -= 1
        if marks & MARK_SACKED and sent.seq < state.reordered:
            state.reordered = sent.seq
    if sent.end <= tcb.snd_una:
        return
    if not marks & MARK_SACKED:
        note_delivered(tcb, sent, state, now)
        if marks & MARK_RETRANSMITTED:
            # Not marked lost: then the retransmission is believed to be still on its way.
            if marks & MARK_LOST:
                marks &= ~(MARK_LOST | MARK_RETRANSMITTED)
                tcb.lost_out -= 1
                tcb.retrans_out -= 1
        else:
            if not marks & MARK_EVER_RETRANSMITTED:
                if sent.seq < highest_sacked(tcb) and sent.seq < state.reordered:
                    state.reordered = sent.seq
                if sent.end <= tcb.high_seq:
                    state.flags |= ackstate.ORIGINAL_ARRIVED
                if state.first_sacked_at < 0:
                    state.first_sacked_at = sent.sent_at
                state.last_sacked_at = sent.sent_at
            if marks & MARK_LOST:
                marks &= ~MARK_LOST
                tcb.lost_out -= 1
        marks |= MARK_SACKED
        state.flags |= ackstate.SACKED
        if tcb.sacked_out == 0 or sent.end > tcb.high_sacked:
            tcb.high_sacked = sent.end
        tcb.sacked_out += 1
        tcb.delivered += 1
        unlink(tcb, sent)
    if duplicate and marks & MARK_RETRANSMITTED:
        marks &= ~MARK_RETRANSMITTED
        tcb.retrans_out -= 1
    sent.marks = marks


def note_delivered(tcb: Tcb, sent: SentSegment, state: AckState, now: int) -> None:
    """``sent`` has arrived: tell RACK, and remember the newest delivered by this ACK."""
    serial = sent.serial
    if serial > state.newest_serial or (serial == state.newest_serial and sent.end > state.newest_end):
        state.newest = sent
        state.newest_serial = serial
        state.newest_end = sent.end
    # RFC 8985 §6.2 steps 1 and 2.
    rtt = now - sent.sent_at
    if sent.marks & MARK_EVER_RETRANSMITTED and rtt < tcb.min_rtt * 1000:
        # The ACK may be for the original: this says nothing about the retransmission. The other test of
        # step 2, by the timestamp echoed, is not made (Linux, tcp_rack_advance).
        return
    tcb.rack_advanced = True
    tcb.rack_rtt = rtt
    if serial > tcb.rack_serial or (serial == tcb.rack_serial and sent.end > tcb.rack_end):
        tcb.rack_serial = serial
        tcb.rack_end = sent.end
