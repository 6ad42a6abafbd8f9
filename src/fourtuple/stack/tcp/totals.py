"""What a connection counts of itself, for TCP_INFO."""

from __future__ import annotations

from mypy_extensions import mypyc_attr

from ...clock.clock import Clock
from ..sysctl import Sysctl
from .user import UserSettings


@mypyc_attr(allow_interpreted_subclasses=True)
class Totals(UserSettings):
    """Counts that only grow, and the stopwatches of :mod:`.chrono`."""

    __slots__ = (
        "bytes_acked",
        "bytes_received",
        "bytes_retrans",
        "bytes_sent",
        "chrono_at",
        "chrono_busy",
        "chrono_kind",
        "chrono_rwnd",
        "chrono_sndbuf",
        "data_segs_in",
        "data_segs_out",
        "received_ce",
        "received_ce_bytes",
        "received_e0_bytes",
        "received_e1_bytes",
        "rto_stamp",
        "segs_in",
        "segs_out",
        "timeout_rehash",
        "total_retrans",
        "total_rto",
        "total_rto_recoveries",
        "total_rto_time",
    )

    def __init__(self, clock: Clock, sysctl: Sysctl) -> None:
        super().__init__(clock, sysctl)
        self.total_retrans: int = 0
        self.bytes_acked: int = 0
        self.bytes_received: int = 0
        """FIN counts as a byte, as in Linux."""
        self.bytes_sent: int = 0
        self.bytes_retrans: int = 0
        self.segs_in: int = 0
        self.segs_out: int = 0
        self.data_segs_in: int = 0
        self.data_segs_out: int = 0
        self.received_ce: int = 0
        """Segments that arrived marked CE …"""
        self.received_ce_bytes: int = 0
        """… and their bytes; then those marked ECT(0) and ECT(1)."""
        self.received_e0_bytes: int = 0
        self.received_e1_bytes: int = 0
        self.timeout_rehash: int = 0
        self.total_rto: int = 0
        self.total_rto_recoveries: int = 0
        self.total_rto_time: int = 0
        """ms of recoveries that ended; the present one began at ``rto_stamp`` (ns, -1 none)."""
        self.rto_stamp: int = -1
        self.chrono_at: int = -1
        self.chrono_kind: int = 0
        self.chrono_busy: int = 0
        self.chrono_rwnd: int = 0
        self.chrono_sndbuf: int = 0
