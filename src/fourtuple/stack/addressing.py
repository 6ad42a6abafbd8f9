"""The addresses and routes of one host: adding, removing, and what follows from either."""

from __future__ import annotations

from typing import Final

from ..wire.address import format_ip, is_link_local, is_v4, prefix_mask
from .changes import ChangeListener
from .interface import Interface
from .ip_output import IpOutput
from .multicast_v6 import solicited_node
from .route import RouteEntry
from .route_metrics import RouteMetrics

IPV6_METRIC: Final = 256
"""Of the routes an IPv6 address brings with it (IP6_RT_PRIO_ADDRCONF)."""


class Addressing:
    """Changes of addresses and routes; every one ends with the paths forgotten."""

    def __init__(self, ip: IpOutput, name: str) -> None:
        self.ip = ip
        self.name = name
        self.listener: ChangeListener = ChangeListener()

    def add_address(self, interface: Interface, address: int, length: int, with_link_local: bool) -> None:
        """See :meth:`Stack.add_address`; without ``with_link_local`` it brings no link-local address."""
        bits = 32 if is_v4(address) else 128
        if not 0 <= length <= bits:
            raise ValueError(f"{format_ip(address)}/{length}: a prefix has 0 to {bits} bits")
        if interface.owns(address):
            raise ValueError(f"{interface.name} has {format_ip(address)} already")
        if not is_v4(address) and not interface.loopback:
            if with_link_local and not is_link_local(address) and interface.link_local() < 0:
                self.add_address(interface, self.link_local_of(interface), 64, False)
            # To hear the questions for it.
            self.ip.groups.join(solicited_node(address), interface.ifindex)
        interface.addresses.append((address, length))
        self._changed()
        if is_v4(address):
            self.listener.address_added(interface, address, length)
        if not interface.loopback and length < bits:
            self.connect(interface, address & prefix_mask(address, length), length, address)
        if not is_v4(address):
            # In the order of Linux, which begins with the prefix.
            self.listener.address_added(interface, address, length)

    def remove_address(self, interface: Interface, address: int) -> None:
        """See :meth:`Stack.remove_address`."""
        if not interface.owns(address):
            raise ValueError(f"{interface.name} does not have {format_ip(address)}")
        length = next(prefix for own, prefix in interface.addresses if own == address)
        interface.addresses = [pair for pair in interface.addresses if pair[0] != address]
        self.ip.local.deprecated_at.pop(address, None)
        if not is_v4(address) and not interface.loopback:
            self.ip.groups.leave(solicited_node(address), interface.ifindex)
        self.listener.address_removed(interface, address, length)
        routes = self.ip.routes
        for entry in routes.entries():
            if entry.connected and entry.interface is interface and entry.source == address:
                routes.remove(entry)
                self._reconnect(interface, entry)
        self._changed()

    def add_route(
        self, prefix: int, length: int, gateway: int, interface: Interface | None, metric: int, source: int
    ) -> RouteEntry:
        """See :meth:`Stack.add_route`."""
        routes = self.ip.routes
        if interface is None:
            toward = routes.lookup(gateway, 0) if gateway >= 0 else None
            if toward is None or toward.gateway >= 0:
                raise ValueError(f"no link of {self.name} leads to gateway {format_ip(gateway)}")
            interface = toward.interface
        entry = RouteEntry(prefix, length, gateway, interface, metric, source)
        self.insert_route(entry)
        return entry

    def insert_route(self, entry: RouteEntry) -> None:
        """Add a route that was made elsewhere. Raises ValueError as :meth:`add_route`."""
        self.ip.routes.add(entry)
        self.ip.paths.flush()

    def set_metrics(self, entry: RouteEntry, metrics: RouteMetrics | None) -> None:
        """See :meth:`Stack.set_metrics`."""
        entry.metrics = metrics
        self.ip.paths.flush()

    def remove_route(self, entry: RouteEntry) -> None:
        """See :meth:`Stack.remove_route`."""
        self.ip.routes.remove(entry)
        self.ip.paths.flush()

    def connect(self, interface: Interface, prefix: int, length: int, source: int) -> RouteEntry:
        """The route of a prefix on the link, made if there is none; -1 for a ``source`` of no address."""
        for entry in self.ip.routes.entries():
            if (
                entry.connected
                and entry.interface is interface
                and entry.prefix == prefix
                and entry.length == length
            ):
                return entry
        entry = RouteEntry(prefix, length, -1, interface, 0 if is_v4(prefix) else IPV6_METRIC, source)
        entry.connected = True
        entry.automatic = True
        self.ip.routes.add(entry)
        self.ip.paths.flush()
        return entry

    def link_local_of(self, interface: Interface) -> int:
        """The link-local address made of its MAC (RFC 4291 §2.5.6, appendix A)."""
        return 0xFE80 << 112 | interface_identifier(interface.mac)

    def _reconnect(self, interface: Interface, gone: RouteEntry) -> None:
        """Let the next address on the subnet of a removed one keep its route (``promote_secondaries``)."""
        for own, length in interface.addresses:
            if length == gone.length and is_v4(own) == is_v4(gone.prefix) and own >> gone.shift == gone.value:
                self.connect(interface, gone.prefix, length, own)
                return

    def _changed(self) -> None:
        self.ip.local.rebuild(self.ip.interfaces)
        self.ip.paths.flush()


def interface_identifier(mac: int) -> int:
    """The lower half of an autoconfigured address (modified EUI-64)."""
    return (mac >> 24 ^ 0x02_0000) << 40 | 0xFF_FE00_0000 | mac & 0xFF_FFFF
