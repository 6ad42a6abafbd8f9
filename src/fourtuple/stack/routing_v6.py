"""How a host finds the way to an IPv6 destination (``ip6_route_output``)."""

from __future__ import annotations

from ..clock.clock import Clock
from ..wire.address import V6_ANY, V6_LOOPBACK, is_any, is_link_local, is_multicast
from .interface import Interface
from .local import LocalAddresses
from .multicast_v6 import multicast_mac_v6
from .neighbour import NeighbourTable
from .path import LOCAL, MULTICAST, UNICAST, Path, Routing
from .route import RouteTable
from .source_v6 import choose_source


class Ipv6Routing(Routing):
    """A multicast without a device leaves by the interface that has its source, else by the first that
    is up."""

    def __init__(
        self,
        clock: Clock,
        interfaces: list[Interface],
        local: LocalAddresses,
        routes: RouteTable,
        neighbours: NeighbourTable,
    ) -> None:
        self.clock = clock
        self.interfaces = interfaces
        self.local = local
        self.routes = routes
        self.neighbours = neighbours

    def resolve(self, destination: int, source: int, device: int) -> Path | None:
        interface: Interface | None = None
        if device:
            interface = self._interface(device)
            if interface is None or not interface.up:
                return None
        if is_multicast(destination):
            return self._to_group(destination, source, interface)
        if destination == V6_ANY:
            destination = V6_LOOPBACK
        owner = self.local.owner(destination)
        if owner is not None and (interface is None or interface is owner or interface.loopback):
            return self._to_self(destination)
        link_local = is_link_local(destination)
        if link_local and device == 0 and is_link_local(source):
            # The source says which link is meant.
            mine = self.local.owner(source)
            device = mine.ifindex if mine is not None else 0
        route = self.routes.lookup(destination, device)
        if route is None:
            return None
        path = Path(self.neighbours, True, UNICAST, route.interface, route.gateway, route.source)
        path.mtu = route.interface.mtu_v6()
        if route.metrics is not None:
            path.follow(route.metrics)
        path.expires = route.expires
        path.shared = not link_local
        path.next_hop = destination if route.gateway < 0 else route.gateway
        if route.source < 0 or route.connected:
            path.source = self._source(destination, route.interface)
        if route.interface.loopback:
            path.neighbour = self.neighbours.fixed(route.interface, 0)
        return path

    def _interface(self, ifindex: int) -> Interface | None:
        for interface in self.interfaces:
            if interface.ifindex == ifindex:
                return interface
        return None

    def _to_group(self, destination: int, source: int, interface: Interface | None) -> Path | None:
        shared = is_any(source)
        if interface is None and not shared:
            interface = self.local.owner(source)
            if interface is not None and interface.loopback:
                interface = None
        if interface is None:
            interface = self._first_link()
        if interface is None or interface.loopback:
            # Linux's loopback interface is not one of groups (no IFF_MULTICAST), and has no route for them.
            return None
        path = Path(self.neighbours, True, MULTICAST, interface, -1, self._source(destination, interface))
        path.mtu = interface.mtu_v6()
        path.neighbour = self.neighbours.fixed(interface, multicast_mac_v6(destination))
        path.shared = shared
        return path

    def _first_link(self) -> Interface | None:
        for interface in self.interfaces:
            if interface.up and not interface.loopback and interface.link_local() >= 0:
                return interface
        return None

    def _to_self(self, destination: int) -> Path | None:
        loopback = self.local.loopback
        if loopback is None or not loopback.up:
            return None
        path = Path(self.neighbours, True, LOCAL, loopback, -1, destination)
        path.neighbour = self.neighbours.fixed(loopback, 0)
        return path

    def _source(self, destination: int, interface: Interface) -> int:
        return choose_source(destination, interface, self.interfaces, self.local, self.clock.now)
