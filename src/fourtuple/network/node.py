"""A node: one host with its stack, its kernel and its interfaces."""

from __future__ import annotations

from typing import Final

from ..clock.clock import Clock
from ..clock.streams import Stream
from ..kernel.kernel import Kernel
from ..stack.interface import Interface
from ..stack.stack import Stack
from ..wire.address import V4_BASE, format_ip, is_link_local, is_v4
from .addressing import address_bits
from .link import DEFAULT_MTU

LOCAL_MAC: Final = 0x0200_0000_0000
"""First of the locally administered MAC addresses interfaces get: 02:00:NN:NN:NN:II, node and interface."""

MAX_INTERFACES: Final = 256

_GROUPS: Final = V4_BASE | 0xE0000000


class Node:
    """One host. ``names`` is the network's table of host names, ``index`` its number from 1.

    Interfaces eth0, eth1 … are made for the addresses it is given, and later for links; one that no
    link is plugged into is up, but what it sends gets lost.
    """

    __slots__ = ("_free", "_groups_reached", "index", "interfaces", "kernel", "name", "stack")

    def __init__(
        self, name: str, index: int, clock: Clock, stream: Stream, names: dict[str, list[int]]
    ) -> None:
        self.name = name
        self.index = index
        self.stack: Stack = Stack(name, clock, stream)
        self.kernel: Kernel = Kernel(self.stack, names)
        self.interfaces: list[Interface] = []
        """Those a link can be plugged into: all but lo."""
        self._free: list[Interface] = []
        self._groups_reached: bool = False

    def add_interface(self, addresses: list[tuple[int, int]]) -> Interface:
        """A new interface with these (address, prefix length).

        An address in a subnet another interface is on is added without its subnet: of two routes to
        one subnet the second would never be used. Raises ValueError if the host has too many.
        """
        number = len(self.interfaces)
        if number >= MAX_INTERFACES:
            raise ValueError(f"host {self.name} has its {MAX_INTERFACES} interfaces already")
        mac = LOCAL_MAC | self.index << 8 | number
        interface = self.stack.add_interface(f"eth{number}", mac, DEFAULT_MTU, None)
        for address, length in addresses:
            if self._subnet_taken(address):
                length = address_bits(address)
            self.stack.add_address(interface, address, length)
        self.interfaces.append(interface)
        self._free.append(interface)
        return interface

    def plug(self, addresses: list[tuple[int, int]]) -> Interface:
        """The interface for the next link.

        With ``addresses`` a new one. Without, the first that no link is plugged into; and if all are
        taken, a new one that shares the addresses of the first. Raises ValueError if the host has no
        address at all.
        """
        if not addresses:
            if self._free:
                interface = self._free.pop(0)
                self._reach_groups(interface)
                return interface
            if not self.interfaces:
                raise ValueError(f"host {self.name} has no address, so no link can be plugged in")
            addresses = [(own, address_bits(own)) for own in given_addresses(self.interfaces[0])]
        interface = self.add_interface(addresses)
        self._free.remove(interface)
        self._reach_groups(interface)
        return interface

    def _reach_groups(self, interface: Interface) -> None:
        """IPv4 groups are reached by the first interface with a link: there is no default route, by which
        other hosts reach them. (IPv6 has such a route for each interface.)"""
        if self._groups_reached:
            return
        for own in given_addresses(interface):
            if is_v4(own):
                self.stack.add_route(_GROUPS, 4, -1, interface, 0, own)
                self._groups_reached = True
                return

    def reach(self, address: int, interface: Interface) -> None:
        """See to it that ``address``, at the other end of the link at ``interface``, is reached there."""
        entry = self.stack.routes.lookup(address, 0)
        if entry is not None and entry.interface is interface:
            return
        for own in given_addresses(interface):
            if is_v4(own) == is_v4(address):
                self.stack.add_route(address, address_bits(address), -1, interface, 0, own)
                return

    def addresses(self) -> list[int]:
        """The addresses it was given, each once, in the order of its interfaces."""
        found: list[int] = []
        for interface in self.interfaces:
            for address in given_addresses(interface):
                if address not in found:
                    found.append(address)
        return found

    def _subnet_taken(self, address: int) -> bool:
        for interface in self.interfaces:
            for own, length in interface.addresses:
                shift = address_bits(own) - length
                if is_v4(own) == is_v4(address) and own >> shift == address >> shift:
                    return True
        return False

    def __repr__(self) -> str:
        return f"Node({self.name}, {', '.join(format_ip(address) for address in self.addresses())})"


def given_addresses(interface: Interface) -> list[int]:
    """Its addresses without the IPv6 link-local ones, which it made itself."""
    return [own for own, _ in interface.addresses if is_v4(own) or not is_link_local(own)]
