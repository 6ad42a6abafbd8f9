"""What the user of a connection set: its socket options, and whether anybody still holds it.

It outlives a connection: a socket that is connected again keeps it.
"""

from __future__ import annotations

from mypy_extensions import mypyc_attr

from ...clock.clock import Clock
from ...clock.timers import Timer
from ..flow_label import LABEL_DEFAULT
from ..sysctl import Sysctl
from .records import QueuedError
from .state import DELACK_MAX, UNLIMITED_RATE


@mypyc_attr(allow_interpreted_subclasses=True)
class UserSettings(Timer):
    """The user's side of a :class:`~.tcb.Tcb`. It is the timer all deadlines of a connection share."""

    __slots__ = (
        "ack_ttl",
        "bind_no_port",
        "congestion_name",
        "defer_accept",
        "delack_max",
        "destroyed",
        "error_queue",
        "error_queue_bytes",
        "fastopen_connect",
        "fastopen_keys",
        "fastopen_limit",
        "fastopen_no_cookie",
        "flow_label",
        "keep_arrivals",
        "keepalive_on",
        "keepcnt",
        "keepidle",
        "keepintvl",
        "linger",
        "linger2",
        "max_pacing_rate",
        "min_hop_limit",
        "min_ttl",
        "nagle",
        "notsent_lowat",
        "orphan",
        "paced",
        "pmtu_discovery",
        "rcvbuf_bytes",
        "rcvbuf_locked",
        "rcvlowat",
        "recverr",
        "recverr6",
        "save_syn",
        "saved_syn",
        "sndbuf_bytes",
        "sndbuf_locked",
        "stamp_base",
        "syncnt",
        "thin",
        "timestamping",
        "tos",
        "ttl",
        "txrehash",
        "urg_inline",
        "user_mss",
        "user_rto_max",
        "user_rto_min",
        "user_timeout",
    )

    def __init__(self, clock: Clock, sysctl: Sysctl) -> None:
        super().__init__(clock)
        self.congestion_name: str = ""
        """TCP_CONGESTION as the user set it, empty: the sysctl."""
        self.orphan: bool = False
        self.destroyed: bool = False
        self.sndbuf_bytes: int = sysctl.tcp_wmem[1]
        self.rcvbuf_bytes: int = sysctl.tcp_rmem[1]
        self.sndbuf_locked: bool = False
        self.rcvbuf_locked: bool = False
        self.rcvlowat: int = 1
        self.notsent_lowat: int = -1
        """TCP_NOTSENT_LOWAT, -1: the sysctl."""
        self.nagle: int = 0
        self.linger: int = -1
        """SO_LINGER in ns, -1 off."""
        self.linger2: int = 0
        """TCP_LINGER2 in ns; 0: the sysctl, negative: no FIN_WAIT_2 after close."""
        self.keepalive_on: bool = False
        self.keepidle: int = 0
        """ns, 0: the sysctl; so are keepintvl and keepcnt."""
        self.keepintvl: int = 0
        self.keepcnt: int = 0
        self.user_timeout: int = 0
        """ns, 0 none."""
        self.syncnt: int = 0
        """TCP_SYNCNT, 0: the sysctl."""
        self.defer_accept: int = 0
        """TCP_DEFER_ACCEPT as the number of SYN-ACK retransmissions, 0 off."""
        self.fastopen_connect: bool = False
        """TCP_FASTOPEN_CONNECT."""
        self.fastopen_no_cookie: bool = False
        """TCP_FASTOPEN_NO_COOKIE."""
        self.fastopen_limit: int = 0
        """TCP_FASTOPEN of a listener: connections that may be unfinished, 0: no Fast Open."""
        self.fastopen_keys: list[bytes] = []
        """TCP_FASTOPEN_KEY, the key in use first; none: the host's."""
        self.error_queue: list[QueuedError] = []
        """MSG_ERRQUEUE, oldest first, and the bytes of the receive buffer it is charged with."""
        self.error_queue_bytes: int = 0
        self.timestamping: int = 0
        """SO_TIMESTAMPING, see error_queue.py."""
        self.ack_ttl: int = 0
        """TTL of the packet that came last, while a write is watched on its way."""
        self.stamp_base: int = 0
        """Sequence number its keys count from."""
        self.keep_arrivals: bool = False
        """Somebody wants to know when data arrived."""
        self.user_rto_min: int = 0
        """TCP_RTO_MIN_US, 0: the sysctl; so TCP_RTO_MAX_MS, here in ns."""
        self.user_rto_max: int = 0
        self.delack_max: int = DELACK_MAX
        """TCP_DELACK_MAX_US, in ns."""
        self.thin: bool = False
        """TCP_THIN_LINEAR_TIMEOUTS."""
        self.save_syn: int = 0
        """TCP_SAVE_SYN of a listener: 1 keep the headers of SYNs, 2 with those of the link."""
        self.saved_syn: bytes = b""
        """TCP_SAVED_SYN, until it is read."""
        self.max_pacing_rate: int = UNLIMITED_RATE
        """SO_MAX_PACING_RATE, bytes per second."""
        self.paced: bool = False
        """Bursts are spread over time: SO_MAX_PACING_RATE was set, or the congestion control wants it."""
        self.tos: int = 0
        self.ttl: int = 0
        """0: the host's default."""
        self.flow_label: int = LABEL_DEFAULT
        """The label of its IPv6 packets, or what IPV6_AUTOFLOWLABEL says of it."""
        self.txrehash: bool = True
        """SO_TXREHASH: after a timeout its packets have another automatic label."""
        self.min_ttl: int = 0
        """IP_MINTTL: packets with less left are dropped (RFC 5082); IPV6_MINHOPCOUNT likewise."""
        self.min_hop_limit: int = 0
        self.bind_no_port: bool = False
        self.pmtu_discovery: int = 1
        """IP_MTU_DISCOVER: 1 and 2 set DF; 0, 4 and 5 ignore what routers report."""
        self.recverr: bool = False
        self.recverr6: bool = False
        """IP_RECVERR: ICMP errors are fatal at once."""
        self.urg_inline: bool = False
        """SO_OOBINLINE."""
        self.user_mss: int = 0
        """TCP_MAXSEG, 0 none."""
