"""Paths: where packets to a destination go, worked out once and kept (Linux's dst entries)."""

from __future__ import annotations

from typing import Final

from ..clock.clock import Clock
from ..wire.address import V4_ANY, V6_ANY, is_v4
from .base import NEVER, IpLayer
from .interface import Interface
from .neighbour import FOREVER, Neighbour, NeighbourTable
from .route_metrics import RouteMetrics
from .sysctl import SettingsListener, Sysctl

UNICAST: Final = 0
LOCAL: Final = 1
BROADCAST: Final = 2
MULTICAST: Final = 3

IPV6_LEAST_MTU: Final = 1280
"""RFC 8200 §5: every link of IPv6 carries this."""

_MOST_KEPT: Final = 4096
"""Destinations remembered before all are forgotten, so that a scan of addresses takes bounded room."""


class Path:
    """The way to one destination."""

    __slots__ = (
        "expires",
        "gateway",
        "ident",
        "interface",
        "is_v6",
        "kind",
        "metrics",
        "mtu",
        "mtu_locked",
        "neighbour",
        "next_hop",
        "shared",
        "source",
        "table",
    )

    def __init__(
        self, table: NeighbourTable, is_v6: bool, kind: int, interface: Interface, gateway: int, source: int
    ) -> None:
        self.table = table
        self.is_v6 = is_v6
        self.kind = kind
        self.interface = interface
        """Output interface; the loopback for LOCAL."""
        self.gateway = gateway
        """-1 if the destination is on the link."""
        self.source = source
        """Preferred source address, the wildcard if the host has none."""
        self.mtu: int = interface.mtu
        self.mtu_locked: bool = False
        """The path MTU is below what this host believes; it sends without DF instead."""
        self.expires: int = FOREVER
        """When a learnt MTU or a route is to be forgotten."""
        self.next_hop: int = -1
        self.neighbour: Neighbour | None = None
        self.shared: bool = True
        """It does not depend on the source it was asked for."""
        self.metrics: RouteMetrics | None = None
        self.ident: int = 0
        """Identification of the last packet sent here."""

    def follow(self, metrics: RouteMetrics) -> None:
        """Take what the route says of its connections."""
        self.metrics = metrics
        if metrics.mtu:
            self.mtu = metrics.mtu
            self.mtu_locked = metrics.mtu_locked

    def resolve(self) -> Neighbour | None:
        """The next hop's neighbour entry; None if the neighbour table is full."""
        found = self.neighbour
        if found is None or found.dead:
            found = self.table.obtain(self.interface, self.next_hop)
            self.neighbour = found
        return found


class Routing:
    """How one address family finds a path."""

    def resolve(self, destination: int, source: int, device: int) -> Path | None:
        """The path to ``destination``, None if there is none.

        ``source`` is the address the packet will have, the wildcard if that is still open;
        ``device`` an ifindex or 0.
        """
        raise NotImplementedError

    def resolve_on_link(self, destination: int, source: int, device: int) -> Path | None:
        """As :meth:`resolve` where routes with a gateway do not count."""
        return self.resolve(destination, source, device)


class _LearntMtu:
    __slots__ = ("expires", "locked", "mtu")

    def __init__(self, mtu: int, locked: bool, expires: int) -> None:
        self.mtu = mtu
        self.locked = locked
        self.expires = expires


class _Redirect:
    __slots__ = ("expires", "gateway", "instead_of")

    def __init__(self, gateway: int, instead_of: int, expires: int) -> None:
        self.gateway = gateway
        """-1: the destination is on the link."""
        self.instead_of = instead_of
        """The gateway that said so; another route is not concerned."""
        self.expires = expires


class PathTable(SettingsListener):
    """The paths of one host, and the path MTUs it has learnt.

    ``known`` holds those to destinations sent to without a device; anything that may change one
    (addresses, routes, an interface's state or MTU) must be followed by :meth:`flush`.
    """

    def __init__(
        self,
        clock: Clock,
        sysctl: Sysctl,
        interfaces: list[Interface],
        v4: Routing,
        v6: Routing,
        ident: int,
    ) -> None:
        self.clock = clock
        self.sysctl = sysctl
        self.interfaces = interfaces
        self.known: dict[int, Path] = {}
        self._v4 = v4
        self._v6 = v6
        self._learnt: dict[int, _LearntMtu] = {}
        self._redirects: dict[int, _Redirect] = {}
        self._ident: int = ident
        self.user: IpLayer | None = None
        """Who counts the changes."""

    def flush(self) -> None:
        """Forget all paths; learnt MTUs stay."""
        self.known.clear()
        self._changed()
        for interface in self.interfaces:
            interface.sources.clear()

    def setting_changed(self) -> None:
        # What is remembered may rest on the old value (``rp_filter``, a hop limit).
        self.flush()

    def find(self, destination: int, source: int, device: int) -> Path | None:
        """The path to ``destination``, None if there is none; arguments as for :class:`Routing`."""
        if device == 0:
            path = self.known.get(destination)
            if path is not None and self.clock.now < path.expires:
                return path
        routing = self._v4 if is_v4(destination) else self._v6
        path = routing.resolve(destination, source, device)
        if path is None:
            return None
        if self._redirects:
            self._apply_redirect(path, destination)
        self._apply_learnt(path, destination)
        self._ident = (self._ident + 0x3D09) & 0xFFFF
        path.ident = self._ident
        if device == 0 and path.shared:
            if len(self.known) >= _MOST_KEPT:
                self.known.clear()
            self.known[destination] = path
        return path

    def find_on_link(self, destination: int, source: int, device: int) -> Path | None:
        """As :meth:`find`, over routes without a gateway only (RT_SCOPE_LINK, of IPv4)."""
        path = self.find(destination, source, device)
        if path is None or path.gateway < 0:
            return path
        path = self._v4.resolve_on_link(destination, source, device)
        if path is not None:
            self._apply_learnt(path, destination)
        return path

    def redirect(self, destination: int, gateway: int, instead_of: int, lifetime: int) -> None:
        """Send to ``destination`` by ``gateway`` (-1: it is on the link) instead of ``instead_of`` for
        ``lifetime`` ns."""
        if len(self._redirects) >= _MOST_KEPT:
            self._redirects.clear()
        self._redirects[destination] = _Redirect(gateway, instead_of, self.clock.now + lifetime)
        self.known.pop(destination, None)
        self._changed()

    def _apply_redirect(self, path: Path, destination: int) -> None:
        found = self._redirects.get(destination)
        if found is None:
            return
        if self.clock.now >= found.expires:
            del self._redirects[destination]
        elif path.kind == UNICAST and path.gateway == found.instead_of:
            path.gateway = found.gateway
            path.next_hop = destination if found.gateway < 0 else found.gateway
            path.neighbour = None
            path.expires = min(path.expires, found.expires)

    def update_mtu(self, destination: int, mtu: int) -> bool:
        """A router reported ``mtu`` for the way to ``destination``; True if it is smaller than before.

        An MTU only goes down. Below ``min_pmtu`` IPv4's stays there and DF is no longer set
        (``__ip_rt_update_pmtu``). Less than 1280 is no report of IPv6's (RFC 8201 §4,
        ``__ip6_rt_update_pmtu``).
        """
        v4 = is_v4(destination)
        if not v4 and mtu < IPV6_LEAST_MTU:
            return False
        path = self.find(destination, V4_ANY if v4 else V6_ANY, 0)
        if path is None or path.kind != UNICAST or path.mtu < mtu:
            return False
        if path.metrics is not None and path.metrics.mtu_locked:
            return False
        before = path.mtu
        locked = path.mtu_locked
        if v4 and mtu < self.sysctl.route_min_pmtu:
            locked = True
            mtu = min(path.mtu, self.sysctl.route_min_pmtu)
        if len(self._learnt) >= _MOST_KEPT:
            self._learnt.clear()
            self.known.clear()
        lifetime = self.sysctl.route_mtu_expires if v4 else self.sysctl.ipv6_route_mtu_expires
        self._learnt[destination] = _LearntMtu(mtu, locked, self.clock.now + lifetime)
        if self.user is not None:
            self.user.path_expires = min(self.user.path_expires, self.clock.now + lifetime)
        self._apply_learnt(path, destination)
        self._changed()
        return path.mtu < before

    def _changed(self) -> None:
        if self.user is not None:
            self.user.path_generation += 1

    def forget_expired(self) -> None:
        """Forget the path MTUs learnt too long ago: larger packets may pass again (RFC 1191 §6.3)."""
        now = self.clock.now
        following = NEVER
        for destination, learnt in list(self._learnt.items()):
            if now >= learnt.expires:
                del self._learnt[destination]
                self.known.pop(destination, None)
            elif learnt.expires < following:
                following = learnt.expires
        if self.user is not None:
            self.user.path_expires = following
        self._changed()

    def interface(self, ifindex: int) -> Interface | None:
        for interface in self.interfaces:
            if interface.ifindex == ifindex:
                return interface
        return None

    def _apply_learnt(self, path: Path, destination: int) -> None:
        learnt = self._learnt.get(destination)
        if learnt is None:
            return
        if self.clock.now >= learnt.expires:
            self.forget_expired()
            return
        if path.kind == UNICAST and learnt.mtu <= path.mtu:
            path.mtu = learnt.mtu
            path.mtu_locked = learnt.locked
            path.expires = min(path.expires, learnt.expires)
