"""What received data costs: SO_RCVBUF bounds the memory of packets, not the bytes in them.

Every segment kept is charged with its packet's whole size (``skb->truesize``), so a peer that sends bytes one
by one closes the window long before it has sent a bufferful. When the buffer is over its limit the queues are
copied together, and then the furthest data out of order is given up, as in Linux's ``tcp_prune_queue``. All
connections of a host share the pages of net.ipv4.tcp_mem.
"""

from __future__ import annotations

from typing import Final

from ..truesize import SMALL_BUFFER, linear_room, linear_truesize, received_truesize, room_left
from .records import OutOfOrder
from .state import ESTABLISHED, OPT_SACK, URG_NONE
from .tcb import Tcb, TcpLayer

_PAGE: Final = 4096
_MOST_COLLAPSED: Final = _PAGE - 320
"""Payload of one of the buffers that others are copied together in (SKB_MAX_ORDER(0, 0))."""

_LOOPBACK_MTU: Final = 65535
_LEAST_SNDBUF: Final = 4608
"""SOCK_MIN_SNDBUF."""


# One connection's buffer ------------------------------------------------------------------------


def allocated(tcb: Tcb) -> int:
    """Bytes of the receive buffer in use (``sk_rmem_alloc``)."""
    return tcb.rmem + tcb.error_queue_bytes


def cost_of(tcb: Tcb, length: int, header: int) -> int:
    """What a segment of ``length`` bytes of payload behind ``header`` bytes of TCP header costs.

    Over the loopback the sender's own buffer arrives, its payload in pages charged as they are.
    """
    if tcb.path_mtu >= _LOOPBACK_MTU:
        return SMALL_BUFFER + length
    return received_truesize(tcb.ip_header + header + length)


def room_of(tcb: Tcb, length: int, header: int) -> int:
    """Bytes that short segments after such a segment find room for in its buffer."""
    return room_left(tcb.ip_header + header + length)


def win_from_space(tcb: Tcb, space: int) -> int:
    """Payload bytes that ``space`` bytes of the buffer hold (``tcp_win_from_space``)."""
    return space * tcb.rcv_scaling >> 8


def charge(tcb: Tcb, end: int, length: int, cost: int, room: int) -> None:
    """``length`` bytes that end at ``end`` joined the receive queue, in a buffer that costs ``cost`` and has
    ``room`` bytes left, or in what the last one had left (``tcp_try_coalesce``)."""
    held = tcb.held.marks
    if tcb.held.index == len(held):
        tcb.held.start = end - length
    elif tcb.path_mtu >= _LOOPBACK_MTU:
        # The pages of both hang on one buffer.
        tcb.rmem += length
        held[-2] = end
        held[-1] += length
        tcb.layer.counters.rcv_coalesce += 1
        return
    elif length <= tcb.held.room:
        tcb.held.room -= length
        held[-2] = end
        tcb.layer.counters.rcv_coalesce += 1
        return
    tcb.rmem += cost
    tcb.held.room = room
    held.append(end)
    held.append(cost)


def release(tcb: Tcb) -> None:
    """The user read: buffers all of which were read are free."""
    held = tcb.held.marks
    index = tcb.held.index
    read = tcb.copied_seq
    while index < len(held) and held[index] <= read:
        tcb.rmem -= held[index + 1]
        tcb.held.start = held[index]
        index += 2
    if index == len(held):
        held.clear()
        index = 0
    elif index >= 64 and index * 2 >= len(held):
        del held[:index]
        index = 0
    tcb.held.index = index


def release_all(tcb: Tcb) -> None:
    """The receive queue was dropped."""
    held = tcb.held.marks
    for index in range(tcb.held.index + 1, len(held), 2):
        tcb.rmem -= held[index]
    held.clear()
    tcb.held.index = 0


def is_pressed(tcb: Tcb) -> bool:
    """Seven eighths of the buffer are used: readers are woken whatever SO_RCVLOWAT says
    (``tcp_rmem_pressure``)."""
    size = tcb.rcvbuf_bytes
    return tcb.layer.memory_pressure or allocated(tcb) > size - (size >> 3)


def is_ahead(tcb: Tcb, cost: int) -> bool:
    """Whether the pages taken already hold ``cost`` bytes more: such data is not even compared with the
    limit, if nothing else is the matter with it (the fast path of ``tcp_rcv_established``)."""
    return (
        cost <= tcb.pages * _PAGE - tcb.rmem - _queued(tcb)
        and not tcb.ooo
        and tcb.urg_state == URG_NONE
        and tcb.endpoint.state == ESTABLISHED
    )


def try_schedule(tcb: Tcb, seq: int, cost: int) -> bool:
    """Make room for a segment at ``seq`` that costs ``cost`` (``tcp_try_rmem_schedule``); False: drop it."""
    if allocated(tcb) > tcb.rcvbuf_bytes or not reserve(tcb, cost, False):
        if not _prune(tcb, seq):
            return False
        while not reserve(tcb, cost, False):
            if not _prune_out_of_order(tcb, seq):
                return False
    return True


def _prune(tcb: Tcb, seq: int) -> bool:
    """``tcp_prune_queue``. True if the buffer is within its limit again."""
    used = allocated(tcb)
    if used == 0:
        return False
    counters = tcb.layer.counters
    counters.prune_called += 1
    if used > tcb.rcvbuf_bytes:
        _clamp_window(tcb)
    elif tcb.layer.memory_pressure:
        limit_window(tcb)
    if allocated(tcb) <= tcb.rcvbuf_bytes:
        return True
    _collapse_out_of_order(tcb)
    _collapse_received(tcb)
    # One large buffer may take more than the few small ones before it.
    force(tcb, 0)
    if allocated(tcb) <= tcb.rcvbuf_bytes:
        return True
    _prune_out_of_order(tcb, seq)
    if allocated(tcb) <= tcb.rcvbuf_bytes:
        return True
    counters.rcv_pruned += 1
    return False


def _clamp_window(tcb: Tcb) -> None:
    """Over the limit: a buffer of automatic size grows, else the window has to shrink
    (``tcp_clamp_window``)."""
    layer = tcb.layer
    tcb.quick_acks = 0
    most = layer.sysctl.tcp_rmem[2]
    if (
        tcb.rcvbuf_bytes < most
        and not tcb.rcvbuf_locked
        and not layer.memory_pressure
        and layer.memory_pages < layer.sysctl.tcp_mem[0]
    ):
        tcb.rcvbuf_bytes = min(allocated(tcb), most)
    if allocated(tcb) > tcb.rcvbuf_bytes:
        tcb.rcv_ssthresh = min(tcb.window_clamp, 2 * tcb.advmss)


def limit_window(tcb: Tcb) -> None:
    """The host is short of memory: offer four segments at most (``tcp_adjust_rcv_ssthresh``)."""
    tcb.rcv_ssthresh = min(tcb.rcv_ssthresh, 4 * tcb.advmss)


# Copying together -------------------------------------------------------------------------------


def _collapse_received(tcb: Tcb) -> None:
    """Copy the receive queue into full buffers, from the first that wastes room (``tcp_collapse``)."""
    held = tcb.held.marks
    index = tcb.held.index
    start = tcb.held.start
    while index < len(held):
        end = held[index]
        if win_from_space(tcb, held[index + 1]) > end - start or start < tcb.copied_seq:
            break
        start = end
        index += 2
    if index >= len(held):
        return
    last = held[-2]
    for number in range(index + 1, len(held), 2):
        tcb.rmem -= held[number]
    tcb.layer.counters.rcv_collapsed += (len(held) - index) >> 1
    del held[index:]
    start = max(start, tcb.copied_seq)
    if not held:
        tcb.held.start = start
    while start < last:
        size = min(_MOST_COLLAPSED, last - start)
        start += size
        cost = linear_truesize(size)
        held.append(start)
        held.append(cost)
        tcb.held.room = linear_room(size)
        tcb.rmem += cost


def _collapse_out_of_order(tcb: Tcb) -> None:
    """The same for each run of neighbours out of order (``tcp_collapse_ofo_queue``)."""
    ooo = tcb.ooo
    kept: list[OutOfOrder] = []
    tiny = 0
    index = 0
    while index < len(ooo):
        stop = index + 1
        cost = ooo[index].cost
        while stop < len(ooo) and ooo[stop].seq == ooo[stop - 1].end:
            cost += ooo[stop].cost
            stop += 1
        if stop - index > 1 or ooo[stop - 1].end - ooo[index].seq >= _MOST_COLLAPSED:
            _collapse_run(tcb, index, stop, kept)
        else:
            kept.append(ooo[index])
            # Many single ones: nothing is to be won, and looking at all of them is work.
            tiny += cost
            if tiny > tcb.rcvbuf_bytes >> 3:
                kept.extend(ooo[stop:])
                break
        index = stop
    tcb.ooo = kept


def _collapse_run(tcb: Tcb, index: int, stop: int, kept: list[OutOfOrder]) -> None:
    ooo = tcb.ooo
    while index < stop and (
        ooo[index].fin or win_from_space(tcb, ooo[index].cost) <= ooo[index].end - ooo[index].seq
    ):
        kept.append(ooo[index])
        index += 1
    after = stop
    if index < stop and ooo[stop - 1].fin:
        after -= 1
    if index < after:
        start = ooo[index].seq
        data = b"".join([piece.data for piece in ooo[index:after]])
        for piece in ooo[index:after]:
            tcb.rmem -= piece.cost
        tcb.layer.counters.rcv_collapsed += after - index
        for offset in range(0, len(data), _MOST_COLLAPSED):
            part = data[offset : offset + _MOST_COLLAPSED]
            cost = linear_truesize(len(part))
            tcb.rmem += cost
            end = start + offset + len(part)
            kept.append(OutOfOrder(start + offset, end, part, False, cost, linear_room(len(part))))
    if index < stop:
        kept.extend(ooo[after:stop])


def _prune_out_of_order(tcb: Tcb, seq: int) -> bool:
    """Give up the data furthest away, an eighth of the buffer at a time, but none before ``seq``
    (``tcp_prune_ofo_queue``, RFC 2018 §8). True if there was some."""
    ooo = tcb.ooo
    goal = tcb.rcvbuf_bytes >> 3
    pruned = False
    while ooo:
        piece = ooo[-1]
        if seq > piece.seq:
            break
        pruned = True
        del ooo[-1]
        tcb.ooo_bytes -= len(piece.data)
        tcb.rmem -= piece.cost
        goal -= piece.cost
        if not ooo or goal <= 0:
            if allocated(tcb) <= tcb.rcvbuf_bytes and not tcb.layer.memory_pressure:
                break
            goal = tcb.rcvbuf_bytes >> 3
    if pruned:
        tcb.layer.counters.ofo_pruned += 1
        if tcb.options_on & OPT_SACK:
            tcb.sack_blocks = []
            tcb.dsack_start = -1
        settle(tcb)
    return pruned


# All connections of the host ----------------------------------------------------------------------


def _queued(tcb: Tcb) -> int:
    """Memory of what is not acknowledged (``sk_wmem_queued``)."""
    return tcb.send_memory() if tcb.unsent or tcb.packets_out else 0


def reserve(tcb: Tcb, size: int, sending: bool) -> bool:
    """Take pages for ``size`` more bytes from the host's (``__sk_mem_raise_allocated``); False: none is left.

    Above tcp_mem's second number the host is under pressure until it is below the first; above the third
    a connection gets no more than its share, or what the least buffer holds.
    """
    layer = tcb.layer
    used = tcb.rmem + _queued(tcb)
    more = (used + size + _PAGE - 1) // _PAGE - tcb.pages
    if more <= 0:
        return True
    sysctl = layer.sysctl
    total = layer.memory_pages + more
    low, pressure, most = sysctl.tcp_mem
    if total > low:
        if total > pressure:
            _enter_pressure(layer)
        if total > most and not _is_entitled(tcb, size, sending, used + size):
            return False
    if tcb.pages == 0:
        layer.memory_users += 1
    tcb.pages += more
    layer.memory_pages = total
    if total <= low:
        layer.memory_pressure = False
    return True


def _is_entitled(tcb: Tcb, size: int, sending: bool, wanted: int) -> bool:
    layer = tcb.layer
    sysctl = layer.sysctl
    queued = _queued(tcb)
    if sending:
        if queued < sysctl.tcp_wmem[0]:
            return True
    elif tcb.rmem < sysctl.tcp_rmem[0]:
        return True
    if sysctl.tcp_mem[2] > layer.memory_users * ((wanted + _PAGE - 1) // _PAGE):
        return True
    if sending:
        moderate_sndbuf(tcb)
        # Beyond its own limit the connection waits for its own room, not for the host's.
        return queued + size >= tcb.sndbuf_bytes
    return False


def moderate_sndbuf(tcb: Tcb) -> None:
    """Halve a send buffer of automatic size (``sk_stream_moderate_sndbuf``)."""
    if not tcb.sndbuf_locked:
        tcb.sndbuf_bytes = max(min(tcb.sndbuf_bytes, _queued(tcb) >> 1), _LEAST_SNDBUF)


def _enter_pressure(layer: TcpLayer) -> None:
    if not layer.memory_pressure:
        layer.memory_pressure = True
        layer.counters.memory_pressures += 1


def force(tcb: Tcb, size: int) -> None:
    """Take the pages, there or not: the connection would stall for ever (``sk_forced_mem_schedule``)."""
    used = tcb.rmem + _queued(tcb)
    more = (used + size + _PAGE - 1) // _PAGE - tcb.pages
    if more > 0:
        if tcb.pages == 0:
            tcb.layer.memory_users += 1
        tcb.pages += more
        tcb.layer.memory_pages += more


def settle(tcb: Tcb) -> None:
    """Give back the pages not needed any more (``__sk_mem_reduce_allocated``)."""
    spare = tcb.pages - (tcb.rmem + _queued(tcb) + _PAGE - 1) // _PAGE
    if spare > 0:
        layer = tcb.layer
        tcb.pages -= spare
        layer.memory_pages -= spare
        if tcb.pages == 0:
            layer.memory_users -= 1
        if layer.memory_pressure and layer.memory_pages < layer.sysctl.tcp_mem[0]:
            layer.memory_pressure = False


def is_out_of_memory(tcb: Tcb) -> bool:
    """The host has no page left and this connection holds more than the least (``tcp_out_of_memory``)."""
    layer = tcb.layer
    return _queued(tcb) > _LEAST_SNDBUF and layer.memory_pages > layer.sysctl.tcp_mem[2]


def report(tcb: Tcb) -> list[int]:
    """The numbers of SO_MEMINFO, all bytes but the last: received, its limit, given to the device, the limit
    of what is sent, taken of tcp_mem and not used, not acknowledged, of options, in the backlog; dropped."""
    received = allocated(tcb)
    queued = _queued(tcb)
    ahead = max(tcb.pages * _PAGE - tcb.rmem - queued, 0)
    return [received, tcb.rcvbuf_bytes, 0, tcb.sndbuf_bytes, ahead, queued, 0, 0, 0]
