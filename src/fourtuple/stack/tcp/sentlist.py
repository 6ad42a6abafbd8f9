"""The retransmission queue: segments in flight, in sequence order and in order of transmission."""

from __future__ import annotations

from .records import MARK_JOINED, SentSegment
from .tcb import Tcb
from .zerocopy import abandon


def append_sent(tcb: Tcb, sent: SentSegment) -> None:
    """A new segment was sent: it goes to the end of both orders."""
    # As rate.note_sent(), which is too slow to call for each segment.
    if tcb.packets_out == 0:
        tcb.first_sent_at = sent.sent_at
        tcb.delivered_at = sent.sent_at
    sent.first_sent_at = tcb.first_sent_at
    sent.delivered_at = tcb.delivered_at
    sent.delivered = tcb.delivered
    if tcb.app_limited:
        sent.app_limited = True
    tcb.rtx.append(sent)
    tcb.packets_out += 1
    if not sent.marks & MARK_JOINED:
        tcb.bursts_out += 1
    link_newest(tcb, sent)


def part(tcb: Tcb, sent: SentSegment) -> None:
    """``sent`` begins a burst of its own from now on."""
    if sent.marks & MARK_JOINED:
        sent.marks &= ~MARK_JOINED
        tcb.bursts_out += 1


def link_newest(tcb: Tcb, sent: SentSegment) -> None:
    """``sent`` was transmitted last."""
    tcb.send_serial += 1
    sent.serial = tcb.send_serial
    newest = tcb.newest_sent
    sent.older = newest
    sent.newer = None
    if newest is None:
        tcb.oldest_sent = sent
    else:
        newest.newer = sent
    tcb.newest_sent = sent


def unlink(tcb: Tcb, sent: SentSegment) -> None:
    """Take ``sent`` out of the order of transmission; harmless if it is not in it."""
    older = sent.older
    newer = sent.newer
    if older is not None:
        older.newer = newer
    elif tcb.oldest_sent is sent:
        tcb.oldest_sent = newer
    if newer is not None:
        newer.older = older
    elif tcb.newest_sent is sent:
        tcb.newest_sent = older
    sent.older = None
    sent.newer = None


def is_linked(tcb: Tcb, sent: SentSegment) -> bool:
    return sent.older is not None or tcb.oldest_sent is sent


def drop_head(tcb: Tcb) -> None:
    """The oldest segment is acknowledged: forget it."""
    head = tcb.rtx_head
    unlink(tcb, tcb.rtx[head])
    head += 1
    rtx = tcb.rtx
    if head == len(rtx):
        rtx.clear()
        head = 0
        tcb.bursts_out = 0
    else:
        if not rtx[head].marks & MARK_JOINED:
            tcb.bursts_out -= 1
        if head >= 64 and head * 2 >= len(rtx):
            del rtx[:head]
            head = 0
    tcb.rtx_head = head


def split_sent(tcb: Tcb, index: int, length: int) -> None:
    """Cut the segment at ``index`` of rtx after ``length`` bytes; the rest becomes a segment behind it.

    Its marks count for both parts.
    """
    whole = tcb.rtx[index]
    rest = SentSegment(whole.seq + length, whole.end, whole.data[length:], whole.flags, whole.sent_at)
    rest.marks = whole.marks
    rest.serial = whole.serial
    rest.delivered = whole.delivered
    rest.delivered_at = whole.delivered_at
    rest.first_sent_at = whole.first_sent_at
    rest.app_limited = whole.app_limited
    whole.data = whole.data[:length]
    whole.end = rest.seq
    # FIN and PSH (1 and 8) belong to the last byte.
    whole.flags &= ~9
    tcb.rtx.insert(index + 1, rest)
    if is_linked(tcb, whole):
        newer = whole.newer
        rest.older = whole
        rest.newer = newer
        whole.newer = rest
        if newer is None:
            tcb.newest_sent = rest
        else:
            newer.older = rest
    tcb.packets_out += 1
    marks = whole.marks
    if not marks & MARK_JOINED:
        tcb.bursts_out += 1
    if marks & 1:
        tcb.sacked_out += 1
    if marks & 2:
        tcb.retrans_out += 1
    if marks & 4:
        tcb.lost_out += 1


def purge(tcb: Tcb) -> None:
    """Forget all that was queued to send: the connection is gone."""
    if tcb.zerocopy is not None:
        abandon(tcb, tcb.zerocopy)
    tcb.rtx.clear()
    tcb.rtx_head = 0
    tcb.oldest_sent = None
    tcb.newest_sent = None
    tcb.packets_out = 0
    tcb.bursts_out = 0
    tcb.sacked_out = 0
    tcb.lost_out = 0
    tcb.retrans_out = 0
    tcb.chunks.clear()
    tcb.chunk_index = 0
    tcb.chunk_offset = 0
    tcb.unsent = 0
    tcb.runs.clear()
