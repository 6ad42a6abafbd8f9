"""Received data: in order to the user's queue, out of order to wait for the gap to be filled (RFC 9293
§3.10.7.4 seventh and eighth check), and the SACK blocks that tell of the gap (RFC 2018, RFC 2883).

A segment that begins in the window may reach beyond it by its own length; memory is the bound.
"""

from __future__ import annotations

from typing import Final

from ...wire.tcp import PSH
from ..poll_bits import POLLIN, POLLRDNORM
from . import memory, window
from .output import add_quick_acks, enter_quick_ack, send_ack
from .records import OutOfOrder
from .state import (
    ACK_NO_MEMORY,
    ACK_NOW,
    ACK_PUSHED,
    ACK_PUSHED2,
    ACK_SCHEDULED,
    ATO_MIN,
    DEFAULT_MSS,
    DUPACK_THRESHOLD,
    MAX_QUICKACKS,
    MIN_MSS,
    OPT_SACK,
    RCV_SHUTDOWN,
    URG_HERE,
    URG_NONE,
)
from .tcb import Tcb

_MAX_BLOCKS: Final = 4

_JOIN_LIMIT: Final = 2048
_SHORT: Final = 256
"""Segments shorter than this are joined to one before that is not read yet."""


# Delayed acknowledgment bookkeeping -----------------------------------------------------------


def note_data(tcb: Tcb, length: int, flags: int, header: int, cost: int) -> None:
    """Data arrived: adapt the ACK timing to how the peer sends (``tcp_event_data_recv``)."""
    tcb.ack_pending |= ACK_SCHEDULED
    _measure_segment(tcb, length, flags, header)
    now = tcb.clock.now
    if tcb.ato == 0:
        # The first data: acknowledge at once while the peer is in slow start.
        add_quick_acks(tcb, MAX_QUICKACKS)
        tcb.ato = ATO_MIN
    else:
        gap = now - tcb.last_data_received
        if gap <= ATO_MIN >> 1:
            tcb.ato = (tcb.ato >> 1) + (ATO_MIN >> 1)
        elif gap < tcb.ato:
            tcb.ato = min((tcb.ato >> 1) + gap, tcb.rto)
        elif gap > tcb.rto:
            # After so long a pause the peer starts slowly again.
            add_quick_acks(tcb, MAX_QUICKACKS)
    tcb.last_data_received = now
    window.measure_rtt(tcb, length)
    if length >= 128:
        window.grow(tcb, length, cost)


def _measure_segment(tcb: Tcb, length: int, flags: int, header: int) -> None:
    """Guess the peer's segment size, to acknowledge every second full one (``tcp_measure_rcv_mss``)."""
    last = tcb.last_segment_size
    tcb.last_segment_size = 0
    total = length
    if tcb.layer.receive_unit and length > tcb.layer.receive_unit:
        length = tcb.layer.receive_unit
    if length >= tcb.rcv_mss:
        if length != tcb.rcv_mss:
            window.measure_scaling(tcb, total, header)
        tcb.rcv_mss = min(length, tcb.advmss)
        if length == tcb.rcv_mss and flags & PSH:
            # Exactly one segment and the end of a write: nothing else may follow.
            tcb.ack_pending |= ACK_PUSHED
        return
    whole = length + header
    if whole >= DEFAULT_MSS + 20 or (whole >= MIN_MSS + 20 and not flags & PSH):
        # Twice the same short length without PSH: the peer's segments are that short.
        whole -= 20 + tcb.header_extra
        tcb.last_segment_size = whole
        if whole == last:
            tcb.rcv_mss = whole
            return
    if tcb.ack_pending & ACK_PUSHED:
        tcb.ack_pending |= ACK_PUSHED2
    tcb.ack_pending |= ACK_PUSHED


# SACK to send ---------------------------------------------------------------------------------


def set_dsack(tcb: Tcb, start: int, end: int) -> None:
    """Report start..end as received twice (RFC 2883 §4)."""
    if not tcb.options_on & OPT_SACK or not tcb.layer.sysctl.tcp_dsack:
        return
    if start < tcb.rcv_nxt:
        tcb.layer.counters.dsack_old_sent += 1
    else:
        tcb.layer.counters.dsack_ofo_sent += 1
    tcb.dsack_start = start
    tcb.dsack_end = end


def _extend_dsack(tcb: Tcb, start: int, end: int) -> None:
    if tcb.dsack_start < 0:
        set_dsack(tcb, start, end)
    elif start <= tcb.dsack_end and end >= tcb.dsack_start:
        tcb.dsack_start = min(tcb.dsack_start, start)
        tcb.dsack_end = max(tcb.dsack_end, end)


def _add_block(tcb: Tcb, start: int, end: int) -> None:
    """start..end was received out of order: its block comes first (RFC 2018 §4)."""
    if not tcb.options_on & OPT_SACK:
        return
    kept: list[tuple[int, int]] = []
    for left, right in tcb.sack_blocks:
        if left <= end and start <= right:
            start = min(start, left)
            end = max(end, right)
        else:
            kept.append((left, right))
    # Growing may have made it touch one it did not touch before.
    blocks = [(start, end)]
    for left, right in kept:
        if left <= end and start <= right:
            start = min(start, left)
            end = max(end, right)
            blocks[0] = (start, end)
        else:
            blocks.append((left, right))
    tcb.sack_blocks = blocks[:_MAX_BLOCKS]


def _trim_blocks(tcb: Tcb) -> None:
    """RCV.NXT moved: what it passed needs no block any more."""
    if not tcb.sack_blocks:
        return
    if not tcb.ooo:
        tcb.sack_blocks = []
        return
    nxt = tcb.rcv_nxt
    tcb.sack_blocks = [block for block in tcb.sack_blocks if block[0] > nxt]


# The queues -----------------------------------------------------------------------------------


def append(tcb: Tcb, data: bytes, cost: int, room: int) -> None:
    """``data`` continues the stream at RCV.NXT, in a buffer of ``cost`` bytes with ``room`` bytes left."""
    length = len(data)
    received = tcb.received
    if length < _SHORT and received and len(received[-1]) < _JOIN_LIMIT:
        # A peer that sends byte by byte must not cost a hundred times what it sends.
        received[-1] += data
    else:
        received.append(data)
    tcb.received_bytes += length
    tcb.rcv_nxt += length
    tcb.bytes_received += length
    memory.charge(tcb, tcb.rcv_nxt, length, cost, room)
    if tcb.keep_arrivals:
        tcb.arrivals.append((tcb.rcv_nxt, tcb.clock.now))


def drain_out_of_order(tcb: Tcb) -> bool:
    """A gap was filled: move what follows it to the user's queue. True if that reached a FIN."""
    ooo = tcb.ooo
    count = 0
    fin = False
    while count < len(ooo) and ooo[count].seq <= tcb.rcv_nxt:
        piece = ooo[count]
        count += 1
        tcb.ooo_bytes -= len(piece.data)
        tcb.rmem -= piece.cost
        if piece.end > tcb.rcv_nxt:
            skip = tcb.rcv_nxt - piece.seq
            if skip:
                _extend_dsack(tcb, piece.seq, tcb.rcv_nxt)
            append(tcb, piece.data[skip:] if skip else piece.data, piece.cost, piece.room)
        elif piece.data:
            _extend_dsack(tcb, piece.seq, piece.end)
        if piece.fin and piece.end == tcb.rcv_nxt:
            fin = True
            break
    if count:
        del ooo[:count]
    return fin


def _covers(piece: OutOfOrder, end: int, fin: bool) -> bool:
    return piece.end > end or (piece.end == end and (piece.fin or not fin))


def _place(ooo: list[OutOfOrder], seq: int) -> int:
    """How many pieces begin at or before ``seq``. Most come in order, so at the end."""
    high = len(ooo)
    if high == 0 or ooo[high - 1].seq <= seq:
        return high
    low = 0
    while low < high:
        middle = (low + high) >> 1
        if ooo[middle].seq <= seq:
            low = middle + 1
        else:
            high = middle
    return low


def queue_out_of_order(
    tcb: Tcb, seq: int, data: bytes, fin: bool, flags: int, header: int, cost: int
) -> None:
    """Keep data beyond a gap, and tell the peer of it at once (RFC 5681 §4.2)."""
    counters = tcb.layer.counters
    if not memory.try_schedule(tcb, seq, cost):
        counters.ofo_drop += 1
        tcb.notify(POLLIN | POLLRDNORM)
        return
    if data:
        _measure_segment(tcb, len(data), flags, header)
    length = len(data)
    _insert(tcb, seq, data, fin, cost, memory.room_of(tcb, length, header))
    if tcb.options_on & OPT_SACK:
        # Without SACK the window stays: it must not change in duplicate ACKs.
        window.grow(tcb, length, cost)
    if tcb.events is not None:
        window.grow_buffer(tcb, tcb.rcv_space)


def _insert(tcb: Tcb, seq: int, data: bytes, fin: bool, cost: int, room: int) -> None:
    counters = tcb.layer.counters
    tcb.ack_pending |= ACK_SCHEDULED
    tcb.ooo_packets += 1
    end = seq + len(data)
    sack_start = seq
    sack_end = end + 1 if fin else end
    ooo = tcb.ooo
    index = _place(ooo, seq)
    if index:
        before = ooo[index - 1]
        if _covers(before, end, fin):
            counters.ofo_merge += 1
            set_dsack(tcb, seq, sack_end)
            _add_block(tcb, sack_start, sack_end)
            return
        if before.end > seq:
            set_dsack(tcb, seq, before.end)
            data = data[before.end - seq :]
            seq = before.end
    while index < len(ooo) and ooo[index].seq < end:
        after = ooo[index]
        if _covers(after, end, fin) and after.seq > seq:
            _extend_dsack(tcb, after.seq, sack_end)
            data = data[: after.seq - seq]
            end = after.seq
            fin = False
            break
        if after.seq == seq and _covers(after, end, fin):
            counters.ofo_merge += 1
            set_dsack(tcb, seq, sack_end)
            return
        _extend_dsack(tcb, after.seq, after.end)
        counters.ofo_merge += 1
        tcb.ooo_bytes -= len(after.data)
        tcb.rmem -= after.cost
        del ooo[index]
    counters.ofo_queue += 1
    tcb.ooo_bytes += len(data)
    last = ooo[index - 1] if index else None
    if last is not None and last.end == seq and not last.fin and len(data) <= last.room:
        last.data += data
        last.end = end
        last.fin = fin
        last.room -= len(data)
        counters.rcv_coalesce += 1
    else:
        tcb.rmem += cost
        ooo.insert(index, OutOfOrder(seq, end, data, fin, cost, room))
    _add_block(tcb, sack_start, sack_end)


def drop_out_of_order(tcb: Tcb) -> None:
    for piece in tcb.ooo:
        tcb.rmem -= piece.cost
    tcb.ooo = []
    tcb.ooo_bytes = 0
    tcb.sack_blocks = []
    tcb.dsack_start = -1


def out_of_window(tcb: Tcb) -> None:
    """Data nobody has room for, a window probe: tell the peer at once where we are."""
    enter_quick_ack(tcb, MAX_QUICKACKS)
    tcb.ack_pending |= ACK_SCHEDULED


def queue_data(tcb: Tcb, seq: int, data: bytes, fin: bool, flags: int, header: int) -> bool:
    """Take the text and FIN of an acceptable segment; returns True if FIN is now in order.

    ``header`` is the length of the segment's header in bytes.
    """
    length = len(data)
    end = seq + length + (1 if fin else 0)
    tcb.dsack_start = -1
    room = tcb.receive_window()
    nxt = tcb.rcv_nxt
    if end <= nxt:
        # A retransmission of what is here: our ACK was lost, so hurry.
        tcb.layer.counters.delayed_ack_lost += 1
        set_dsack(tcb, seq, end)
        out_of_window(tcb)
        return False
    if seq >= nxt + room and not (seq == nxt and not data):
        if seq == nxt:
            tcb.layer.counters.zero_window_drop += 1
            if tcb.ooo and tcb.received_bytes == 0:
                # All room is taken by what lies beyond the gap this would fill (the window was shrunk):
                # give it up, or neither end could ever go on. RFC 2018 §8 allows that.
                tcb.layer.counters.ofo_drop += len(tcb.ooo)
                drop_out_of_order(tcb)
        out_of_window(tcb)
        return False
    if seq > nxt:
        # The sequence check let it pass: what reaches beyond the window is kept as by Linux, not trimmed as
        # RFC 9293 §3.10.7.4 would, if memory allows.
        queue_out_of_order(tcb, seq, data, fin, flags, header, memory.cost_of(tcb, length, header))
        return False
    if seq < nxt:
        set_dsack(tcb, seq, nxt)
        if room == 0:
            tcb.layer.counters.zero_window_drop += 1
            out_of_window(tcb)
            return False
        data = data[nxt - seq :]
    if data:
        cost = memory.cost_of(tcb, length, header)
        if not (memory.is_ahead(tcb, cost) and seq == nxt and not fin) and not memory.try_schedule(
            tcb, seq, cost
        ):
            tcb.ack_pending |= ACK_NO_MEMORY | ACK_NOW | ACK_SCHEDULED
            tcb.notify(POLLIN | POLLRDNORM)
            if tcb.received_bytes:
                tcb.layer.counters.rcvq_drop += 1
                return False
            memory.force(tcb, cost)
        append(tcb, data, cost, memory.room_of(tcb, length, header))
        note_data(tcb, len(data), flags, header, cost)
    elif room == 0:
        # Some stacks send FIN into a closed window: take it, and say so, or they never stop.
        tcb.ack_pending |= ACK_NOW
    if not fin and tcb.ooo:
        fin = drain_out_of_order(tcb)
        if not tcb.ooo:
            # RFC 5681 §4.2: the gap is filled, say so at once.
            tcb.ack_pending |= ACK_NOW
    _trim_blocks(tcb)
    if data and not tcb.orphan and has_enough(tcb, min(tcb.rcvlowat, tcb.rcvbuf_bytes >> 1)):
        tcb.notify(POLLIN | POLLRDNORM)
    return fin


def has_enough(tcb: Tcb, target: int) -> bool:
    """Whether a reader who waits for ``target`` bytes is to be woken (``tcp_epollin_ready``): also when no
    more can come before it reads."""
    available = tcb.rcv_nxt - tcb.copied_seq
    return available > 0 and (
        available >= target or memory.is_pressed(tcb) or tcb.receive_window() <= tcb.rcv_mss
    )


# Reading --------------------------------------------------------------------------------------


def readable(tcb: Tcb) -> int:
    """Bytes recv() can give, the urgent byte not counted unless it is in line."""
    count = tcb.received_bytes
    if (
        count
        and tcb.urg_state != URG_NONE
        and not tcb.urg_inline
        and tcb.copied_seq <= tcb.rcv_up < tcb.rcv_nxt
    ):
        count -= 1
    return count


def _gather(tcb: Tcb, count: int, consume: bool) -> bytes:
    """The first ``count`` bytes received, all of which are there."""
    chunks = tcb.received
    index = tcb.received_index
    offset = tcb.received_offset
    chunk = chunks[index]
    left = count
    if len(chunk) - offset > left:
        data = chunk[offset : offset + left]
        offset += left
    else:
        data = chunk[offset:] if offset else chunk
        left -= len(data)
        index += 1
        offset = 0
        if left:
            parts = [data]
            while left:
                chunk = chunks[index]
                if len(chunk) > left:
                    parts.append(chunk[:left])
                    offset = left
                    break
                parts.append(chunk)
                left -= len(chunk)
                index += 1
            data = b"".join(parts)
    if consume:
        if index == len(chunks):
            chunks.clear()
            index = 0
        elif index >= 64 and index * 2 >= len(chunks):
            del chunks[:index]
            index = 0
        tcb.received_index = index
        tcb.received_offset = offset
        tcb.received_bytes -= count
        tcb.copied_seq += count
        memory.release(tcb)
    return data


def skip_urgent(tcb: Tcb) -> None:
    """Pass over the urgent byte, which is next."""
    _gather(tcb, 1, True)


def read(tcb: Tcb, count: int, peek: bool) -> bytes:
    """At most ``count`` bytes of the stream."""
    if count <= 0 or tcb.received_bytes == 0:
        return b""
    available = tcb.received_bytes
    start = tcb.copied_seq
    if tcb.urg_state != URG_NONE and not tcb.urg_inline:
        ahead = tcb.rcv_up - tcb.copied_seq
        if ahead == 0:
            # The urgent byte is not part of the stream.
            if available == 1:
                if not peek:
                    skip_urgent(tcb)
                return b""
            if peek:
                return _gather(tcb, min(count + 1, available), False)[1:]
            skip_urgent(tcb)
            available -= 1
        elif 0 < ahead < available:
            # A read stops before the mark.
            available = ahead
    elif tcb.urg_state != URG_NONE and 0 < tcb.rcv_up - tcb.copied_seq < available:
        available = tcb.rcv_up - tcb.copied_seq
    data = _gather(tcb, min(count, available), not peek)
    if not peek:
        if tcb.urg_state != URG_NONE and tcb.copied_seq > tcb.rcv_up:
            tcb.urg_state = URG_NONE
        memory.settle(tcb)
        window.adapt_buffer(tcb)
        acknowledge_reading(tcb, tcb.copied_seq - start)
    return data


def acknowledge_reading(tcb: Tcb, copied: int) -> None:
    """The user read: acknowledge if that was awaited, or the window opened enough (``tcp_cleanup_rbuf``)."""
    now = False
    pending = tcb.ack_pending
    if pending & ACK_SCHEDULED and (
        tcb.rcv_nxt - tcb.rcv_wup > tcb.rcv_mss
        or (
            copied > 0
            and (pending & ACK_PUSHED2 or (pending & ACK_PUSHED and not tcb.pingpong))
            and tcb.received_bytes == 0
        )
    ):
        now = True
    if copied > 0 and not now and not tcb.shut & RCV_SHUTDOWN:
        offered = tcb.receive_window()
        if 2 * offered <= tcb.window_clamp:
            better = window.best_window(tcb)
            # RFC 9293 §3.8.6.2.2: no update for a small step.
            if better and better >= 2 * offered:
                now = True
    if now:
        send_ack(tcb)


def urgent_in(tcb: Tcb, seq: int, data: bytes) -> None:
    """Take the urgent byte from a segment that holds it."""
    at = tcb.rcv_up - seq
    if 0 <= at < len(data):
        tcb.urg_byte = data[at]
        tcb.urg_state = URG_HERE
        tcb.notify(POLLIN | POLLRDNORM | 2)


def ack_out_of_order(tcb: Tcb) -> None:
    """Acknowledge data beyond a gap: at once (RFC 5681 §4.2), but not each of a long burst.

    With SACK one ACK says as much as many; after the three a sender waits for, they are held back for a
    twentieth of the round trip, 1 ms at most (tcp_comp_sack_delay_ns).
    """
    sysctl = tcb.layer.sysctl
    if not tcb.options_on & OPT_SACK or tcb.compressed_acks >= sysctl.tcp_comp_sack_nr:
        send_ack(tcb)
        return
    if tcb.dup_acks_at != tcb.rcv_nxt:
        tcb.dup_acks_at = tcb.rcv_nxt
        tcb.dup_acks_sent = 0
    if tcb.dup_acks_sent < DUPACK_THRESHOLD:
        tcb.dup_acks_sent += 1
        send_ack(tcb)
        return
    tcb.compressed_acks += 1
    if tcb.sack_at >= 0:
        return
    round_trip = tcb.rcv_rtt
    if tcb.srtt and (tcb.srtt < round_trip or round_trip == 0):
        round_trip = tcb.srtt
    delay = min(sysctl.tcp_comp_sack_delay_ns, (round_trip >> 3) * 1000 // 20)
    tcb.set_sack_deadline(tcb.clock.now + delay)
