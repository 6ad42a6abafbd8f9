"""What one acknowledgment was found to do, gathered while it is processed."""

from __future__ import annotations

from typing import Final

from .records import SentSegment

ADVANCED: Final = 0x001
"""SND.UNA moved."""
DATA: Final = 0x002
"""The segment carried data, so it is no duplicate ACK."""
WINDOW_UPDATE: Final = 0x004
DATA_ACKED: Final = 0x008
SYN_ACKED: Final = 0x010
RETRANSMITTED_ACKED: Final = 0x020
"""Some of what was acknowledged had been retransmitted."""
SACKED: Final = 0x040
"""New data was selectively acknowledged."""
ORIGINAL_ARRIVED: Final = 0x080
"""Data sent before the recovery and never retransmitted was delivered."""
ECE_SEEN: Final = 0x100
DSACK: Final = 0x200
"""The peer reported a duplicate."""
RENEGING: Final = 0x400
"""The oldest segment left had been sacked, and was not acknowledged."""
SET_TIMER: Final = 0x800
LOST_RETRANSMISSION: Final = 0x1000
DSACK_PROBE: Final = 0x2000
"""The duplicate reported is the tail loss probe."""
MAYBE_DELAYED: Final = 0x4000
"""It acknowledges one short segment that was alone on its way: the peer may have waited for more."""

ACKED: Final = DATA_ACKED | SYN_ACKED
NOT_DUPLICATE: Final = DATA | WINDOW_UPDATE | ACKED
ALERT: Final = SACKED | ECE_SEEN | DSACK
PROGRESS: Final = ACKED | SACKED

# What to send once the window was computed.
REXMIT_NONE: Final = 0
REXMIT_LOST: Final = 1
REXMIT_NEW: Final = 2


class AckState:
    """The findings. ``flags`` are the bits above."""

    __slots__ = (
        "delivered",
        "delivered_before",
        "duplicates",
        "first_sacked_at",
        "flags",
        "flight_before",
        "high_before",
        "interval",
        "last_sacked_at",
        "lost_before",
        "newest",
        "newest_end",
        "newest_serial",
        "reordered",
        "rexmit",
        "rtt",
        "una_before",
    )

    def __init__(self, una: int, nxt: int, high: int, delivered: int, lost: int) -> None:
        self.flags: int = 0
        self.una_before = una
        self.high_before = high
        """Highest sequence number sacked before, for reordering."""
        self.delivered_before = delivered
        self.flight_before: int = 0
        """Segments in flight before."""
        self.lost_before = lost
        self.reordered: int = nxt
        """Lowest sequence number that was delivered after a higher one without retransmission."""
        self.first_sacked_at: int = -1
        self.last_sacked_at: int = -1
        self.duplicates: int = 0
        self.newest: SentSegment | None = None
        """Of the segments this ACK delivers the one sent last …"""
        self.newest_serial: int = -1
        """… and its ``serial``, -1 none, and end."""
        self.newest_end: int = 0
        self.delivered: int = -1
        """Segments delivered since, -1 no sample …"""
        self.interval: int = -1
        """… in this time (ns)."""
        self.rtt: int = -1
        """Round trip of the newest segment measured, us."""
        self.rexmit: int = REXMIT_NONE
