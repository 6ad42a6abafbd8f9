"""When a datagram arrived, as a control message (SO_TIMESTAMP, SO_TIMESTAMPNS)."""

from __future__ import annotations

from .layout import pack_timeval
from .socket import ControlMessage, Socket
from .sockopt import SO_TIMESTAMPNS, SOL_SOCKET


def timestamp_control(socket: Socket, time: int) -> ControlMessage:
    """``time`` is virtual (ns); the message holds the host's wall clock."""
    wall = socket.kernel.epoch_ns + time
    fraction = wall % 1_000_000_000
    if socket.timestamps != SO_TIMESTAMPNS:
        fraction //= 1000
    data = pack_timeval(wall // 1_000_000_000, fraction)
    return ControlMessage(SOL_SOCKET, socket.timestamps, data, None)
