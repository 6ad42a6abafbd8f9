"""Paths: where packets to a destination go, worked out once and kept (Linux's dst entries)."""

from __future__ import annotations

from typing import Final

from ..clock.clock import Clock
from ..wire.address import (
    MAC_BROADCAST,
    V4_ANY,
    V4_BROADCAST,
    V4_LOOPBACK,
    is_loopback,
    is_multicast,
)
from .interface import Interface
from .local import LocalAddresses
from .neighbour import FOREVER, Neighbour, NeighbourTable
from .route import RouteTable
from .sysctl import Sysctl

UNICAST: Final = 0
LOCAL: Final = 1
BROADCAST: Final = 2
MULTICAST: Final = 3

_MOST_KEPT: Final = 4096
"""Destinations remembered before all are forgotten, so that a scan of addresses takes bounded room."""


class Path:
    """The way to one destination."""

    __slots__ = (
        "expires",
        "gateway",
        "ident",
        "interface",
        "kind",
        "mtu",
        "mtu_locked",
        "neighbour",
        "next_hop",
        "source",
    )

    def __init__(self, kind: int, interface: Interface, gateway: int, source: int) -> None:
        self.kind = kind
        self.interface = interface
        """Output interface; the loopback for LOCAL."""
        self.gateway = gateway
        """-1 if the destination is on the link."""
        self.source = source
        """Preferred source address, V4_ANY if the interface has none."""
        self.mtu: int = interface.mtu
        self.mtu_locked: bool = False
        """The path MTU is below what this host believes; it sends without DF instead."""
        self.expires: int = FOREVER
        """When a learnt MTU is to be forgotten."""
        self.next_hop: int = -1
        self.neighbour: Neighbour | None = None
        self.ident: int = 0
        """Identification of the last packet sent here."""


class _LearntMtu:
    __slots__ = ("expires", "locked", "mtu")

    def __init__(self, mtu: int, locked: bool, expires: int) -> None:
        self.mtu = mtu
        self.locked = locked
        self.expires = expires


class PathTable:
    """The IPv4 paths of one host.

    ``known`` holds those to destinations sent to without a device; anything that may change one
    (addresses, routes, an interface's state or MTU) must be followed by :meth:`flush`.
    """

    def __init__(
        self,
        clock: Clock,
        sysctl: Sysctl,
        interfaces: list[Interface],
        local: LocalAddresses,
        routes: RouteTable,
        neighbours: NeighbourTable,
        ident: int,
    ) -> None:
        self.clock = clock
        self.sysctl = sysctl
        self.interfaces = interfaces
        self.local = local
        self.routes = routes
        self.neighbours = neighbours
        self.known: dict[int, Path] = {}
        self._learnt: dict[int, _LearntMtu] = {}
        self._ident: int = ident

    def flush(self) -> None:
        """Forget all paths; learnt MTUs stay."""
        self.known.clear()
        for interface in self.interfaces:
            interface.sources.clear()

    def find(self, destination: int, source: int, device: int) -> Path | None:
        """The path to ``destination``, None if there is none (``ip_route_output_key_hash_rcu``).

        ``source`` is the address the packet will have, V4_ANY if that is still open; it matters
        only to a broadcast or a multicast, which leaves by the interface that has it.
        """
        if device == 0:
            path = self.known.get(destination)
            if path is not None and self.clock.now < path.expires:
                return path
        group = destination == V4_BROADCAST or is_multicast(destination)
        path = self._resolve(destination, source, device, group)
        if path is None:
            return None
        self._apply_learnt(path, destination)
        self._ident = (self._ident + 0x3D09) & 0xFFFF
        path.ident = self._ident
        if device == 0 and not (group and source != V4_ANY):
            if len(self.known) >= _MOST_KEPT:
                self.known.clear()
            self.known[destination] = path
        return path

    def neighbour_of(self, path: Path) -> Neighbour | None:
        """The next hop's neighbour entry; None if the neighbour table is full."""
        found = path.neighbour
        if found is None or found.dead:
            found = self.neighbours.obtain(path.interface, path.next_hop)
            path.neighbour = found
        return found

    def update_mtu(self, destination: int, mtu: int) -> bool:
        """A router reported ``mtu`` for the way to ``destination``; True if it is smaller than before.

        ``__ip_rt_update_pmtu``: an MTU only goes down, and below ``min_pmtu`` it stays there and DF
        is no longer set.
        """
        path = self.find(destination, V4_ANY, 0)
        if path is None or path.kind != UNICAST or path.mtu < mtu:
            return False
        before = path.mtu
        locked = path.mtu_locked
        if mtu < self.sysctl.route_min_pmtu:
            locked = True
            mtu = min(path.mtu, self.sysctl.route_min_pmtu)
        if len(self._learnt) >= _MOST_KEPT:
            self._learnt.clear()
            self.known.clear()
        self._learnt[destination] = _LearntMtu(mtu, locked, self.clock.now + self.sysctl.route_mtu_expires)
        self._apply_learnt(path, destination)
        return path.mtu < before

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
            del self._learnt[destination]
            return
        if path.kind == UNICAST and learnt.mtu <= path.mtu:
            path.mtu = learnt.mtu
            path.mtu_locked = learnt.locked
            path.expires = learnt.expires

    def _resolve(self, destination: int, source: int, device: int, group: bool) -> Path | None:
        interface: Interface | None = None
        if device:
            interface = self.interface(device)
            if interface is None or not interface.up:
                return None
        if group:
            if interface is None and source != V4_ANY:
                interface = self.local.owner(source)
            if interface is not None:
                return self._on_link(destination, interface, -1)
        if destination == V4_ANY:
            destination = source if source != V4_ANY else V4_LOOPBACK
        owner = self.local.owner(destination)
        if owner is not None and (interface is None or interface is owner or interface.loopback):
            return self._to_self(destination)
        subnet = self.local.broadcasts.get(destination)
        if subnet is not None and subnet.up and (interface is None or interface is subnet):
            return self._on_link(destination, subnet, -1)
        route = self.routes.lookup(destination, device)
        if route is None:
            # With a device and no route Linux takes the destination to be on its link.
            return self._on_link(destination, interface, -1) if interface is not None else None
        if group or route.gateway < 0:
            return self._on_link(destination, route.interface, route.source)
        path = Path(UNICAST, route.interface, route.gateway, route.source)
        path.next_hop = route.gateway
        if route.source < 0:
            path.source = self._source(route.interface, route.gateway)
        return path

    def _to_self(self, destination: int) -> Path | None:
        loopback = self.local.loopback
        if loopback is None or not loopback.up:
            return None
        path = Path(LOCAL, loopback, -1, V4_LOOPBACK if is_loopback(destination) else destination)
        path.neighbour = self.neighbours.fixed(loopback, 0)
        return path

    def _on_link(self, destination: int, interface: Interface, source: int) -> Path:
        if source < 0:
            source = self._source(interface, destination)
        if destination == V4_BROADCAST or self.local.is_broadcast(destination):
            path = Path(BROADCAST, interface, -1, source)
            path.neighbour = self.neighbours.fixed(interface, MAC_BROADCAST)
        elif is_multicast(destination):
            path = Path(MULTICAST, interface, -1, source)
            path.neighbour = self.neighbours.fixed(interface, multicast_mac(destination))
        elif interface.loopback:
            path = Path(UNICAST, interface, -1, source)
            path.neighbour = self.neighbours.fixed(interface, 0)
        else:
            path = Path(UNICAST, interface, -1, source)
            path.next_hop = destination
        return path

    def _source(self, interface: Interface, toward: int) -> int:
        """``inet_select_addr``: an address of this interface, else of another but the loopback."""
        source = interface.primary(toward)
        if source >= 0:
            return source
        for other in self.interfaces:
            if not other.loopback:
                source = other.primary(toward)
                if source >= 0:
                    return source
        return V4_ANY


def multicast_mac(group: int) -> int:
    """The MAC address of an IPv4 group (RFC 1112 §6.4)."""
    return 0x0100_5E00_0000 | (group & 0x7F_FFFF)
