"""The routing table: longest prefix, then lowest metric (RFC 1812 §5.2.4.3, ``fib_table_lookup``)."""

from __future__ import annotations

from typing import Final

from ..clock.clock import Clock
from ..wire.address import format_ip, is_v4
from .changes import ChangeListener
from .interface import Interface
from .neighbour import FOREVER
from .route_metrics import RouteMetrics

PROTOCOL_BOOT: Final = 3
"""RTPROT_BOOT: a route set by hand."""


class RouteEntry:
    """One route.

    ``gateway`` is -1 if the prefix is on the link; ``source`` -1 if the interface's address is to be
    chosen by its subnets. ``connected`` routes come and go with an address; ``automatic`` ones are the
    stack's own, and several may have one prefix and metric.
    """

    __slots__ = (
        "automatic",
        "connected",
        "expires",
        "gateway",
        "interface",
        "length",
        "metric",
        "metrics",
        "prefix",
        "protocol",
        "shift",
        "source",
        "value",
    )

    def __init__(
        self, prefix: int, length: int, gateway: int, interface: Interface, metric: int, source: int
    ) -> None:
        bits = 32 if is_v4(prefix) else 128
        if not 0 <= length <= bits:
            raise ValueError(f"{format_ip(prefix)}/{length}: a prefix has 0 to {bits} bits")
        self.shift = bits - length
        self.value = prefix >> self.shift
        if self.value << self.shift != prefix:
            raise ValueError(f"{format_ip(prefix)}/{length}: bits are set behind the prefix")
        self.prefix = prefix
        self.length = length
        self.gateway = gateway
        self.interface = interface
        self.metric = metric
        self.source = source
        self.metrics: RouteMetrics | None = None
        """Set through the stack, which forgets what it cached."""
        self.connected: bool = False
        self.automatic: bool = False
        self.protocol: int = PROTOCOL_BOOT
        """Who made it, as RTPROT_*; of those neither connected nor automatic."""
        self.expires: int = FOREVER
        """When it ceases to hold, in ns: a router's advertisement has a lifetime."""

    def __repr__(self) -> str:
        via = f" via {format_ip(self.gateway)}" if self.gateway >= 0 else ""
        text = f"{format_ip(self.prefix)}/{self.length}{via} dev {self.interface.name}"
        return f"{text} metric {self.metric}" if self.metric else text


class RouteTable:
    """The routes of one host, both families, best first."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.listener: ChangeListener = ChangeListener()
        self._v4: list[RouteEntry] = []
        self._v6: list[RouteEntry] = []

    def add(self, entry: RouteEntry) -> None:
        """Add a route. Raises ValueError if one of this prefix and metric is there already.

        Automatic ones may double, when two interfaces are on one subnet or two routers on one link;
        the first is used.
        """
        table = self._table(entry.prefix)
        at = len(table)
        for index, other in enumerate(table):
            same = other.prefix == entry.prefix and other.length == entry.length
            if same and other.metric == entry.metric and not entry.automatic:
                raise ValueError(f"there is a route already: {other!r}")
            if at == len(table) and _before(entry, other):
                at = index
        table.insert(at, entry)
        self.listener.route_added(entry)

    def remove(self, entry: RouteEntry) -> None:
        """Remove a route. Raises ValueError if it is not in the table."""
        self._table(entry.prefix).remove(entry)
        self.listener.route_removed(entry)

    def forget(self, entry: RouteEntry) -> None:
        """Remove a route and tell nobody. Raises ValueError if it is not in the table."""
        self._table(entry.prefix).remove(entry)

    def find(self, prefix: int, length: int, metric: int) -> RouteEntry | None:
        """The route of exactly this prefix and metric."""
        for entry in self._table(prefix):
            if entry.prefix == prefix and entry.length == length and entry.metric == metric:
                return entry
        return None

    def lookup(self, destination: int, ifindex: int, on_link: bool = False) -> RouteEntry | None:
        """The best route whose interface is up and, unless ``ifindex`` is 0, is that one.

        With ``on_link`` one without a gateway.
        """
        for entry in self._table(destination):
            if destination >> entry.shift != entry.value:
                continue
            interface = entry.interface
            if (
                interface.up
                and (ifindex == 0 or interface.ifindex == ifindex)
                and not (on_link and entry.gateway >= 0)
                and self.clock.now < entry.expires
            ):
                return entry
        return None

    def entries(self) -> list[RouteEntry]:
        """All routes, IPv4 first, best first in each family."""
        return self._v4 + self._v6

    def _table(self, address: int) -> list[RouteEntry]:
        return self._v4 if is_v4(address) else self._v6


def _before(entry: RouteEntry, other: RouteEntry) -> bool:
    if entry.length != other.length:
        return entry.length > other.length
    return entry.metric < other.metric
