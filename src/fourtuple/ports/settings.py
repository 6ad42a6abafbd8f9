"""What the rules depend on besides the sockets: sysctls, the host's secret, its random stream."""

from __future__ import annotations

from ..clock.clock import SECOND
from ..clock.streams import Stream


class Rules:
    """Single rules that can be switched off.

    All on is Linux 6.18. Some came with a version, named with the rule; switching off any shows
    what it decides, and lets a test prove that a model without it would be caught.
    """

    __slots__ = (
        "bucket_cache",
        "connect_shares_again",
        "reuseport_at_once",
        "udp_exact_table",
        "udp_first_decides",
        "udp_two_chains",
    )

    def __init__(self) -> None:
        self.bucket_cache: bool = True
        """A port remembers its last SO_REUSEPORT binder and waves its equals through."""
        self.reuseport_at_once: bool = True
        """The first listener of a rising score that is in a group ends the search."""
        self.udp_first_decides: bool = True
        """The first UDP socket in the way decides a bind; the rest are not looked at."""
        self.udp_two_chains: bool = True
        """With more than ten sockets on a slot, exact and wildcard addresses are judged apart."""
        self.udp_exact_table: bool = True
        """Connected UDP sockets are found by their four-tuple first (Linux 6.13)."""
        self.connect_shares_again: bool = True
        """A port left by its last bind() owner can again be shared by connect() (Linux 6.18)."""


class PortSettings:
    """Settings of one host's port tables; a sysctl sets the attribute.

    ``secret`` keys the hashes that choose among group members and ephemeral ports.
    """

    def __init__(self, secret: bytes, stream: Stream) -> None:
        self.secret = secret
        self.stream = stream
        self.rules = Rules()
        self.local_port_low: int = 32768
        """First of ``net.ipv4.ip_local_port_range``."""
        self.local_port_high: int = 60999
        """Last of ``net.ipv4.ip_local_port_range``, inclusive."""
        self.reserved_ports: frozenset[int] = frozenset()
        """``net.ipv4.ip_local_reserved_ports``: never chosen, may be asked for."""
        self.unprivileged_start: int = 1024
        """``net.ipv4.ip_unprivileged_port_start``; the kernel above checks it."""
        self.autobind_reuse: bool = False
        """``net.ipv4.ip_autobind_reuse``."""
        self.tw_reuse: int = 2
        """``net.ipv4.tcp_tw_reuse``: 0 never, 1 always, 2 loopback only."""
        self.tw_reuse_delay: int = SECOND
        """``net.ipv4.tcp_tw_reuse_delay`` in ns."""
        self.udp_slots: int = 4096
        """Slots of the UDP port hash, a power of two (Linux sizes it by memory)."""
        self.cpu: int = 0
        """The CPU packets are received on, for SO_INCOMING_CPU."""
        self.loopback_ifindex: int = 1
        self.choosers: int = 0
        """How many programs have been attached to SO_REUSEPORT groups: 0 lets lookups go without the
        packet's bytes."""
        self.perturb: dict[int, int] = {}
        """``table_perturb``: slot -> offset, filled from the stream on first use."""
