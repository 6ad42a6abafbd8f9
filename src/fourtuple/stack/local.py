"""Which addresses are this host's own: Linux's routing table ``local``."""

from __future__ import annotations

from ..wire.address import V4_BASE, V4_BROADCAST, is_v4, prefix_mask
from .interface import Interface


class LocalAddresses:
    """The unicast addresses of all interfaces and the broadcast addresses of their subnets.

    A host takes packets to any of its addresses on any interface (the weak end system model of RFC
    1122 §3.3.4.2, as Linux does); only a link-local address is bound to its link.
    """

    def __init__(self) -> None:
        self.owners: dict[int, Interface] = {}
        """Address to the interface that has it, the first if several do."""
        self.broadcasts: dict[int, Interface] = {}
        """Directed broadcast address to the interface on that subnet."""
        self.deprecated_at: dict[int, int] = {}
        """When an autoconfigured address ceases to be preferred, in ns (RFC 4862 §5.5.4)."""
        self.loopback: Interface | None = None
        self.sources: dict[int, int] = {}
        """Secondary IPv4 address to the first one of its subnet, which is the source of what goes there."""
        self._networks: list[tuple[int, int, int]] = []
        """(mask, prefix, address) of the loopback's IPv4 subnets, local as a whole as 127/8 is."""

    def rebuild(self, interfaces: list[Interface]) -> None:
        """Read the interfaces' addresses anew."""
        self.owners.clear()
        self.broadcasts.clear()
        self.sources.clear()
        self._networks.clear()
        for interface in interfaces:
            if interface.loopback:
                self.loopback = interface
            for address, length in interface.addresses:
                self.owners.setdefault(address, interface)
                if not is_v4(address):
                    continue
                first = interface.first_of_subnet(address, length)
                if first != address:
                    self.sources.setdefault(address, first)
                    continue
                # RFC 3021: a /31 has no broadcast.
                if length < 31:
                    self.broadcasts.setdefault(address | ((1 << (32 - length)) - 1), interface)
                if length < 32 and interface.loopback:
                    mask = prefix_mask(address, length)
                    self._networks.append((mask, address & mask, address))

    def owner(self, address: int) -> Interface | None:
        """The interface ``address`` belongs to; None if it is not one of this host."""
        found = self.owners.get(address)
        if found is None and address not in self.broadcasts:
            for mask, prefix, _own in self._networks:
                if address & mask == prefix:
                    return self.loopback
        return found

    def source_toward(self, address: int) -> int:
        """The source of what this host sends to ``address`` of its own (``fib_prefsrc``)."""
        if address not in self.owners:
            for mask, prefix, own in self._networks:
                if address & mask == prefix:
                    return own
        return self.sources.get(address, address)

    def is_broadcast(self, address: int) -> bool:
        """255.255.255.255 or the broadcast address of a subnet this host is on."""
        return address == V4_BROADCAST or address in self.broadcasts


def is_zero_net(address: int) -> bool:
    """0.0.0.0/8."""
    return (address >> 24) == V4_BASE >> 24
