"""How long a connection was busy, and what it waited for, as TCP_INFO tells it.

One thing at a time is charged: with several reasons to wait the last in this order, as in Linux.
"""

from __future__ import annotations

from typing import Final

from .tcb import Tcb

IDLE: Final = 0
BUSY: Final = 1
WINDOW_LIMITED: Final = 2
"""The peer's window is full."""
BUFFER_LIMITED: Final = 3
"""The user waits for room in the send buffer, and nothing is left to send."""


def _charge(tcb: Tcb, kind: int) -> None:
    now = tcb.clock.now
    before = tcb.chrono_kind
    if before == BUSY:
        tcb.chrono_busy += now - tcb.chrono_at
    elif before == WINDOW_LIMITED:
        tcb.chrono_rwnd += now - tcb.chrono_at
    elif before == BUFFER_LIMITED:
        tcb.chrono_sndbuf += now - tcb.chrono_at
    tcb.chrono_at = now
    tcb.chrono_kind = kind


def start(tcb: Tcb, kind: int) -> None:
    """From now on it is ``kind``, unless something of more weight is charged."""
    if kind > tcb.chrono_kind:
        _charge(tcb, kind)


def stop(tcb: Tcb, kind: int) -> None:
    """It is ``kind`` no more: merely busy, or nothing if nothing is queued."""
    if tcb.packets_out == 0 and tcb.unsent == 0:
        if tcb.chrono_kind != IDLE:
            _charge(tcb, IDLE)
    elif kind == tcb.chrono_kind:
        _charge(tcb, BUSY)


def times(tcb: Tcb) -> tuple[int, int, int]:
    """Nanoseconds (busy in all, limited by the peer's window, limited by the send buffer) so far."""
    _charge(tcb, tcb.chrono_kind)
    total = tcb.chrono_busy + tcb.chrono_rwnd + tcb.chrono_sndbuf
    return total, tcb.chrono_rwnd, tcb.chrono_sndbuf
