"""What a connection tells of itself through its error queue: when data left and was acknowledged
(SO_TIMESTAMPING), and ICMP errors (IP_RECVERR)."""

from __future__ import annotations

from typing import Final

from ..poll_bits import POLLERR
from .records import QueuedError
from .state import MASK32
from .tcb import Tcb

# Bits of SO_TIMESTAMPING (include/uapi/linux/net_tstamp.h) that do something here.
TX_SOFTWARE: Final = 1 << 1
RX_SOFTWARE: Final = 1 << 3
SOFTWARE: Final = 1 << 4
OPT_ID: Final = 1 << 7
TX_SCHED: Final = 1 << 8
TX_ACK: Final = 1 << 9
OPT_TSONLY: Final = 1 << 11
OPT_STATS: Final = 1 << 12
OPT_ID_TCP: Final = 1 << 16
ALL_BITS: Final = (1 << 19) - 1

TX_RECORD: Final = TX_SCHED | TX_SOFTWARE | TX_ACK

# Origins and kinds of an entry (include/uapi/linux/errqueue.h).
ORIGIN_ICMP: Final = 2
ORIGIN_ICMP6: Final = 3
ORIGIN_TIMESTAMPING: Final = 4
ORIGIN_ZEROCOPY: Final = 5
ZEROCOPY_COPIED: Final = 1
STAMP_SND: Final = 0
STAMP_SCHED: Final = 1
STAMP_ACK: Final = 2

ENOMSG: Final = 42

_ENTRY_COST: Final = 768
"""Bytes of the receive buffer an entry is charged with beside its data."""


def queue_error(tcb: Tcb, entry: QueuedError) -> None:
    """Put an entry on the queue, unless it holds as much as the receive buffer may."""
    queue = tcb.error_queue
    size = _ENTRY_COST + len(entry.data)
    if tcb.error_queue_bytes + size >= tcb.rcvbuf_bytes:
        return
    tcb.error_queue_bytes += size
    queue.append(entry)
    tcb.notify(POLLERR)


def queue_notice(tcb: Tcb, entry: QueuedError) -> None:
    """Put a notice of finished zero-copy writes on the queue, which always has room for it. One that goes on
    from the last is joined to it (``skb_zerocopy_notify_extend``)."""
    queue = tcb.error_queue
    if queue:
        last = queue[-1]
        if (
            last.origin == ORIGIN_ZEROCOPY
            and last.code == entry.code
            and (last.key + 1) & MASK32 == entry.info
        ):
            last.key = entry.key
            tcb.notify(POLLERR)
            return
    tcb.error_queue_bytes += _ENTRY_COST
    queue.append(entry)
    tcb.notify(POLLERR)


def take_error_entry(tcb: Tcb) -> QueuedError | None:
    """The oldest entry (MSG_ERRQUEUE), None if there is none."""
    if not tcb.error_queue:
        return None
    entry = tcb.error_queue.pop(0)
    tcb.error_queue_bytes -= _ENTRY_COST + len(entry.data)
    return entry


# Arrivals -----------------------------------------------------------------------------------------


def arrival_of(tcb: Tcb, last: int) -> int:
    """When the byte with sequence number ``last`` arrived, in ns; -1 unknown. What was read is forgotten."""
    found = -1
    arrivals = tcb.arrivals
    for end, time in arrivals:
        if last < end:
            found = time
            break
    count = 0
    while count < len(arrivals) and arrivals[count][0] <= tcb.copied_seq:
        count += 1
    del arrivals[:count]
    return found
