"""MSG_ZEROCOPY: telling the sender when the buffers of a write may be used again (Linux
``Documentation/networking/msg_zerocopy.rst``).

Every such write has a number. When all its bytes are acknowledged, or will never be sent, the number comes
back through the error queue, in ranges. Nothing is saved here, as over Linux's loopback: data is copied all
the same, and the entry says so (SO_EE_CODE_ZEROCOPY_COPIED).
"""

from __future__ import annotations

from typing import Final

from .error_queue import ORIGIN_ZEROCOPY, ZEROCOPY_COPIED, queue_notice
from .records import QueuedError, Zerocopy, ZerocopyRange
from .state import MASK32
from .tcb import Tcb

_MOST_WRITES: Final = 65534
_MOST_BYTES: Final = 512 * 1024
"""Writes that wait to be sent share a range up to so much (``msg_zerocopy_realloc``)."""

MOST_RANGES: Final = 157
"""Ranges that may be under way: what net.core.optmem_max, 128 KiB, holds of Linux's notices. One more
is ENOBUFS."""


def joins(tcb: Tcb) -> bool:
    """Whether a write now would share the range of the one before: that is the end of what is unsent."""
    state = tcb.zerocopy
    if state is None or not state.ranges or not tcb.runs:
        return False
    before = state.ranges[-1]
    runs = tcb.runs
    start = tcb.snd_nxt if len(runs) == 1 else runs[-2] >> 2
    return before.last >= start and before.high - before.low < _MOST_WRITES - 1


def is_full(tcb: Tcb) -> bool:
    """No further range is possible until the peer acknowledges (ENOBUFS)."""
    state = tcb.zerocopy
    return state is not None and len(state.ranges) >= MOST_RANGES and not joins(tcb)


def wrote(tcb: Tcb, length: int, join: bool) -> None:
    """The last ``length`` bytes queued are a write with MSG_ZEROCOPY; ``join``: joins() before it."""
    state = tcb.zerocopy
    if state is None:
        state = Zerocopy()
        tcb.zerocopy = state
    number = state.following
    state.following = (number + 1) & MASK32
    last = tcb.write_seq - 1
    if join and state.ranges:
        before = state.ranges[-1]
        if before.size + length <= _MOST_BYTES:
            before.high = number
            before.last = last
            before.size += length
            return
    state.ranges.append(ZerocopyRange(number, tcb.write_seq - length, last))


def acked(tcb: Tcb, state: Zerocopy) -> None:
    """SND.UNA moved: tell of the writes that arrived whole."""
    ranges = state.ranges
    while ranges and ranges[0].last < tcb.snd_una:
        _tell(tcb, ranges[0], ZEROCOPY_COPIED)
        del ranges[0]


def abandon(tcb: Tcb, state: Zerocopy) -> None:
    """Nothing queued will be sent (again): its buffers are free. What never left was not copied."""
    ranges = state.ranges
    state.ranges = []
    for one in ranges:
        if one.first >= tcb.snd_nxt:
            _tell(tcb, one, 0)
    for one in ranges:
        if one.first < tcb.snd_nxt:
            _tell(tcb, one, ZEROCOPY_COPIED)


def _tell(tcb: Tcb, done: ZerocopyRange, code: int) -> None:
    entry = QueuedError(0, ORIGIN_ZEROCOPY)
    entry.code = code
    entry.info = done.low
    entry.key = done.high
    queue_notice(tcb, entry)
