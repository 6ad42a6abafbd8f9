"""What the queues of a connection hold: segments in flight, and bytes received beyond a gap."""

from __future__ import annotations

from typing import Final

# Bits of SentSegment.marks: what the scoreboard knows of it (RFC 6675 §3).
MARK_SACKED: Final = 1
MARK_RETRANSMITTED: Final = 2
MARK_LOST: Final = 4
MARK_EVER_RETRANSMITTED: Final = 8
MARK_EOR: Final = 16
"""MSG_EOR: what follows is not joined to it."""
MARK_JOINED: Final = 32
"""It left in one burst with the segment before it, and is retransmitted with it."""


class SentSegment:
    """A segment sent and not yet acknowledged, on the retransmission queue.

    ``newer`` and ``older`` link the segments in flight by the time of their last transmission, for RACK.
    """

    __slots__ = (
        "app_limited",
        "data",
        "delivered",
        "delivered_at",
        "end",
        "first_sent_at",
        "flags",
        "marks",
        "newer",
        "older",
        "sent_at",
        "seq",
        "serial",
    )

    def __init__(self, seq: int, end: int, data: bytes, flags: int, sent_at: int) -> None:
        self.seq = seq
        self.end = end
        """Sequence number after its last; SYN and FIN count."""
        self.data = data
        self.flags = flags
        self.sent_at = sent_at
        """Time of the last transmission in ns."""
        self.serial: int = 0
        """Number of its last transmission, which orders those of one moment."""
        self.marks: int = 0
        self.delivered: int = 0
        """``Tcb.delivered`` when it was sent; so the next three."""
        self.delivered_at: int = 0
        self.first_sent_at: int = 0
        self.app_limited: bool = False
        self.older: SentSegment | None = None
        self.newer: SentSegment | None = None


class OutOfOrder:
    """Bytes received beyond a gap."""

    __slots__ = ("cost", "data", "end", "fin", "room", "seq")

    def __init__(self, seq: int, end: int, data: bytes, fin: bool, cost: int, room: int) -> None:
        self.seq = seq
        self.end = end
        """Sequence number after the last byte, FIN not counted."""
        self.data = data
        self.fin = fin
        self.cost = cost
        """Bytes of the receive buffer it takes …"""
        self.room = room
        """… and has left for what follows."""


class HeldBuffers:
    """The buffers of data in order that was not read, see memory.py."""

    __slots__ = ("index", "marks", "room", "start")

    def __init__(self) -> None:
        self.marks: list[int] = []
        """For each the sequence number after it, and its cost in bytes."""
        self.index: int = 0
        """Where in ``marks`` the oldest is that was not read whole."""
        self.start: int = 0
        """Sequence number of the first byte of that one."""
        self.room: int = 0
        """Bytes left in the newest."""


class QueuedError:
    """An entry of the error queue (struct sock_extended_err)."""

    __slots__ = (
        "code",
        "data",
        "destination",
        "errno",
        "has_stats",
        "info",
        "key",
        "origin",
        "port",
        "reporter",
        "time",
        "type",
    )

    def __init__(self, errno: int, origin: int) -> None:
        self.errno = errno
        self.origin = origin
        self.type: int = 0
        self.code: int = 0
        self.info: int = 0
        self.key: int = 0
        """ee_data: for a timestamp, which byte it is about."""
        self.data: bytes = b""
        self.has_stats: bool = False
        """``data`` are the connection's statistics, see stamp_stats.py."""
        self.time: int = -1
        """The timestamp, in ns; -1 none."""
        self.reporter: int = 0
        """Who sent the ICMP error, about a segment to ``destination`` and ``port``."""
        self.destination: int = 0
        self.port: int = 0


class ZerocopyRange:
    """Writes with MSG_ZEROCOPY numbered ``low`` to ``high``, with sequence numbers ``first`` to ``last``."""

    __slots__ = ("first", "high", "last", "low", "size")

    def __init__(self, number: int, first: int, last: int) -> None:
        self.low = number
        self.high = number
        self.first = first
        self.last = last
        self.size: int = last + 1 - first


class Zerocopy:
    """Of a connection that writes with MSG_ZEROCOPY."""

    __slots__ = ("following", "ranges")

    def __init__(self) -> None:
        self.following: int = 0
        """Number of the next write."""
        self.ranges: list[ZerocopyRange] = []
        """Not yet acknowledged, the oldest first."""


class WriteStamp:
    """A write whose last byte, with sequence number ``last``, is watched on its way."""

    __slots__ = ("bits", "data", "last", "sent", "sent_at")

    def __init__(self, last: int, bits: int) -> None:
        self.last = last
        self.bits = bits
        """Bits of SO_TIMESTAMPING."""
        self.sent: bool = False
        self.sent_at: int = 0
        """When, in ns."""
        self.data: bytes = b""
        """Payload of the segment it left in."""
