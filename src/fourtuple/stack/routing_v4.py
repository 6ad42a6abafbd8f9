"""How a host finds the way to an IPv4 destination (``ip_route_output_key_hash_rcu``)."""

from __future__ import annotations

from ..wire.address import (
    MAC_BROADCAST,
    V4_ANY,
    V4_BROADCAST,
    V4_LOOPBACK,
    is_multicast,
)
from .interface import Interface
from .local import LocalAddresses
from .neighbour import NeighbourTable
from .path import BROADCAST, LOCAL, MULTICAST, UNICAST, Path, Routing
from .route import RouteTable


class Ipv4Routing(Routing):
    """The source of a packet matters only to a broadcast or a multicast, which leaves by the interface
    that has it."""

    def __init__(
        self,
        interfaces: list[Interface],
        local: LocalAddresses,
        routes: RouteTable,
        neighbours: NeighbourTable,
    ) -> None:
        self.interfaces = interfaces
        self.local = local
        self.routes = routes
        self.neighbours = neighbours

    def resolve(self, destination: int, source: int, device: int) -> Path | None:
        return self._resolve(destination, source, device, False)

    def resolve_on_link(self, destination: int, source: int, device: int) -> Path | None:
        return self._resolve(destination, source, device, True)

    def _resolve(self, destination: int, source: int, device: int, on_link: bool) -> Path | None:
        interface: Interface | None = None
        if device:
            interface = self._interface(device)
            if interface is None or not interface.up:
                return None
        group = destination == V4_BROADCAST or is_multicast(destination)
        if group:
            if interface is None and source != V4_ANY:
                interface = self.local.owner(source)
            if interface is not None:
                path = self._on_link(destination, interface, -1)
                path.shared = source == V4_ANY
                return path
        if destination == V4_ANY:
            destination = source if source != V4_ANY else V4_LOOPBACK
        owner = self.local.owner(destination)
        if owner is not None and (interface is None or interface is owner or interface.loopback):
            return self._to_self(destination)
        subnet = self.local.broadcasts.get(destination)
        if subnet is not None and subnet.up and (interface is None or interface is subnet):
            return self._on_link(destination, subnet, -1)
        route = self.routes.lookup(destination, device, on_link)
        if route is None:
            # With a device and no route Linux takes the destination to be on its link.
            return self._on_link(destination, interface, -1) if interface is not None else None
        if group or route.gateway < 0:
            path = self._on_link(destination, route.interface, route.source)
            path.shared = not group or source == V4_ANY
            if route.metrics is not None:
                path.follow(route.metrics)
            return path
        path = Path(self.neighbours, False, UNICAST, route.interface, route.gateway, route.source)
        if route.metrics is not None:
            path.follow(route.metrics)
        path.next_hop = route.gateway
        if route.source < 0:
            path.source = self._source(route.interface, route.gateway)
        return path

    def _interface(self, ifindex: int) -> Interface | None:
        for interface in self.interfaces:
            if interface.ifindex == ifindex:
                return interface
        return None

    def _to_self(self, destination: int) -> Path | None:
        loopback = self.local.loopback
        if loopback is None or not loopback.up:
            return None
        source = self.local.source_toward(destination)
        path = Path(self.neighbours, False, LOCAL, loopback, -1, source)
        path.neighbour = self.neighbours.fixed(loopback, 0)
        return path

    def _on_link(self, destination: int, interface: Interface, source: int) -> Path:
        if source < 0:
            source = self._source(interface, destination)
        if destination == V4_BROADCAST or self.local.is_broadcast(destination):
            path = Path(self.neighbours, False, BROADCAST, interface, -1, source)
            path.neighbour = self.neighbours.fixed(interface, 0 if interface.loopback else MAC_BROADCAST)
        elif is_multicast(destination):
            path = Path(self.neighbours, False, MULTICAST, interface, -1, source)
            path.neighbour = self.neighbours.fixed(interface, multicast_mac(destination))
        else:
            path = Path(self.neighbours, False, UNICAST, interface, -1, source)
            if interface.loopback:
                path.neighbour = self.neighbours.fixed(interface, 0)
            else:
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
