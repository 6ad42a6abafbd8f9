"""When a datagram arrived or left, as control messages (SO_TIMESTAMP, SO_TIMESTAMPNS, SO_TIMESTAMPING)."""

from __future__ import annotations

from typing import Final

from .layout import pack_timeval
from .socket import ControlMessage, Socket
from .sockopt import (
    SO_TIMESTAMP,
    SO_TIMESTAMP_NEW,
    SO_TIMESTAMPING,
    SO_TIMESTAMPING_NEW,
    SO_TIMESTAMPNS,
    SO_TIMESTAMPNS_NEW,
    SOL_SOCKET,
)

# SOF_TIMESTAMPING_*: what SO_TIMESTAMPING asks for (linux/net_tstamp.h).
SOF_RX_SOFTWARE: Final = 1 << 3
SOF_SOFTWARE: Final = 1 << 4
SOF_TX_RECORDS: Final = 1 << 0 | 1 << 1 | 1 << 8 | 1 << 9 | 1 << 18
"""Those a control message may ask for."""


def timestamp_controls(socket: Socket, time: int) -> list[ControlMessage]:
    """What a socket is told of a datagram that arrived at ``time`` (virtual ns): nothing unless it asked for
    stamps to be made."""
    if socket.timestamps or socket.stamping & SOF_RX_SOFTWARE:
        return stamp_controls(socket, time)
    return []


def stamp_controls(socket: Socket, time: int) -> list[ControlMessage]:
    """The forms in which a socket wants a stamp that was made at ``time`` (virtual ns)."""
    found: list[ControlMessage] = []
    if socket.timestamps:
        found.append(timestamp_control(socket, time))
    if socket.stamping & SOF_SOFTWARE:
        found.append(timestamping_control(socket, time))
    return found


def timestamp_control(socket: Socket, time: int) -> ControlMessage:
    """``time`` is virtual (ns); the message holds the host's wall clock."""
    wall = socket.kernel.epoch_ns + time
    fraction = wall % 1_000_000_000
    if socket.timestamps == SO_TIMESTAMPNS:
        kind = SO_TIMESTAMPNS_NEW if socket.stamps_new else SO_TIMESTAMPNS
    else:
        kind = SO_TIMESTAMP_NEW if socket.stamps_new else SO_TIMESTAMP
        fraction //= 1000
    data = pack_timeval(wall // 1_000_000_000, fraction)
    return ControlMessage(SOL_SOCKET, kind, data, None)


def timestamping_control(socket: Socket, time: int) -> ControlMessage:
    """SCM_TIMESTAMPING: three struct timespec, the first of software, the others of hardware there is not."""
    wall = socket.kernel.epoch_ns + time
    data = pack_timeval(wall // 1_000_000_000, wall % 1_000_000_000) + bytes(32)
    kind = SO_TIMESTAMPING_NEW if socket.stamps_new else SO_TIMESTAMPING
    return ControlMessage(SOL_SOCKET, kind, data, None)
