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
        "data",
        "delivered",
        "end",
        "flags",
        "marks",
        "newer",
        "older",
        "sent_at",
        "seq",
    )

    def __init__(self, seq: int, end: int, data: bytes, flags: int, sent_at: int) -> None:
        self.seq = seq
        self.end = end
        """Sequence number after its last; SYN and FIN count."""
        self.data = data
        self.flags = flags
        self.sent_at = sent_at
        """Time of the last transmission in ns."""
        self.marks: int = 0
        self.delivered: int = 0
        """``Tcb.delivered`` when it was sent."""
        self.older: SentSegment | None = None
        self.newer: SentSegment | None = None


class OutOfOrder:
    """Bytes received beyond a gap."""

    __slots__ = ("data", "end", "fin", "seq")

    def __init__(self, seq: int, end: int, data: bytes, fin: bool) -> None:
        self.seq = seq
        self.end = end
        """Sequence number after the last byte, FIN not counted."""
        self.data = data
        self.fin = fin
