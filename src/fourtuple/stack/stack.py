"""The network stack of one host: its interfaces, routes and protocols put together."""

from __future__ import annotations

from typing import Final

from ..clock.clock import Clock
from ..clock.streams import Stream
from ..ports.tables import PortTables
from ..wire.address import V4_LOOPBACK, format_ip, is_v4, prefix_mask
from ..wire.icmp import ICMP_UNREACHABLE
from ..wire.ip import PROTOCOL_ICMP, PROTOCOL_TCP, PROTOCOL_UDP
from ..wire.ipv4 import Ipv4Packet
from .arp import ArpInput
from .base import Device, Transport
from .icmp import Icmp
from .interface import Interface
from .ip_input import IpInput
from .ip_output import IpOutput
from .loopback import Loopback
from .reassembly import Reassembly
from .route import RouteEntry
from .source_check import SourceCheck
from .sysctl import Sysctl
from .tcp.protocol import TcpProtocol
from .udp import UdpProtocol

LOOPBACK_MTU: Final = 65536


class Stack(IpOutput):
    """One host's stack. It begins with the loopback interface, ifindex 1, which has 127.0.0.1/8."""

    def __init__(self, name: str, clock: Clock, stream: Stream) -> None:
        secret = stream.octets(16)
        super().__init__(clock, PortTables(secret, stream), Sysctl(), secret, stream)
        self.name = name
        self.sysctl.attach(self.tables)
        self.transports: list[Transport | None] = [None] * 256
        self.icmp = Icmp(self, self.transports)
        self.reassembly = Reassembly(self, self.icmp)
        self.sources = SourceCheck(self.local, self.routes, self.sysctl)
        self.ip_input = IpInput(self, self.icmp, self.reassembly, self.sources, self.transports)
        self.input = self.ip_input
        self.arp = ArpInput(self.neighbours, self.local, self.sources)
        self.udp = UdpProtocol(self)
        self.tcp = TcpProtocol(self)
        self.register(PROTOCOL_ICMP, self.icmp)
        self.register(PROTOCOL_UDP, self.udp)
        self.register(PROTOCOL_TCP, self.tcp)
        self.loopback = Loopback(clock)
        lo = self.add_interface("lo", 0, LOOPBACK_MTU, self.loopback)
        lo.loopback = True
        self.loopback.sink = lo
        self.add_address(lo, V4_LOOPBACK, 8)

    def register(self, protocol: int, transport: Transport) -> None:
        """Let ``transport`` take the packets of IP protocol number ``protocol``."""
        self.transports[protocol] = transport

    def send_unreachable(self, packet: Ipv4Packet, code: int) -> None:
        self.icmp.send_error(packet, ICMP_UNREACHABLE, code, 0)

    # --- interfaces ---------------------------------------------------------------------------

    def add_interface(self, name: str, mac: int, mtu: int, device: Device | None) -> Interface:
        """Add an interface that is up; its ifindex is the next number. Raises ValueError if the name
        is taken. Without a ``device``, to be set later, it drops what it should send."""
        for other in self.interfaces:
            if other.name == name:
                raise ValueError(f"host {self.name} has an interface {name} already")
        interface = Interface(name, len(self.interfaces) + 1, mac, mtu, self.ip_input, self.arp)
        interface.device = device
        self.interfaces.append(interface)
        return interface

    def interface(self, ifindex: int) -> Interface | None:
        """The interface of this number, None if there is none."""
        return self.paths.interface(ifindex)

    def interface_named(self, name: str) -> Interface | None:
        for interface in self.interfaces:
            if interface.name == name:
                return interface
        return None

    def set_up(self, interface: Interface, up: bool) -> None:
        """Bring an interface up or down. Down, its routes are not used and its neighbours forgotten;
        its addresses stay this host's (``fib_sync_down_dev``)."""
        interface.up = up
        if not up:
            self.neighbours.forget_interface(interface)
        self.paths.flush()

    def set_mtu(self, interface: Interface, mtu: int) -> None:
        """Raises ValueError if ``mtu`` is below 68, the least IPv4 can use (RFC 791)."""
        if mtu < 68:
            raise ValueError(f"{interface.name}: an MTU of {mtu} is below 68")
        interface.mtu = mtu
        self.paths.flush()

    # --- addresses and routes -----------------------------------------------------------------

    def add_address(self, interface: Interface, address: int, length: int) -> None:
        """Give ``interface`` an address; its subnet becomes reachable on the link.

        Raises ValueError if it has the address already or ``length`` is no prefix length.
        """
        bits = 32 if is_v4(address) else 128
        if not 0 <= length <= bits:
            raise ValueError(f"{format_ip(address)}/{length}: a prefix has 0 to {bits} bits")
        if interface.owns(address):
            raise ValueError(f"{interface.name} has {format_ip(address)} already")
        interface.addresses.append((address, length))
        self.local.rebuild(self.interfaces)
        if not interface.loopback and length < bits:
            prefix = address & prefix_mask(address, length)
            if not self._has_connected(interface, prefix, length):
                entry = RouteEntry(prefix, length, -1, interface, 0, address)
                entry.connected = True
                self.routes.add(entry)
        self.paths.flush()

    def remove_address(self, interface: Interface, address: int) -> None:
        """Take an address away, with its subnet's route unless another address is on that subnet.

        Raises ValueError if the interface has no such address.
        """
        if not interface.owns(address):
            raise ValueError(f"{interface.name} does not have {format_ip(address)}")
        interface.addresses = [pair for pair in interface.addresses if pair[0] != address]
        for entry in self.routes.entries():
            if entry.connected and entry.interface is interface and entry.source == address:
                self.routes.remove(entry)
                self._reconnect(interface, entry)
        self.local.rebuild(self.interfaces)
        self.paths.flush()

    def add_route(
        self, prefix: int, length: int, gateway: int, interface: Interface | None, metric: int, source: int
    ) -> RouteEntry:
        """Add a route; ``gateway`` -1 for none, ``source`` -1 for the interface's choice.

        Without an ``interface`` it is the one the gateway is on. Raises ValueError if the gateway is
        not on a link of this host, or there is a route of this prefix and metric already.
        """
        if interface is None:
            toward = self.routes.lookup(gateway, 0) if gateway >= 0 else None
            if toward is None or toward.gateway >= 0:
                raise ValueError(f"no link of {self.name} leads to gateway {format_ip(gateway)}")
            interface = toward.interface
        entry = RouteEntry(prefix, length, gateway, interface, metric, source)
        self.routes.add(entry)
        self.paths.flush()
        return entry

    def remove_route(self, entry: RouteEntry) -> None:
        """Raises ValueError if the route is not there."""
        self.routes.remove(entry)
        self.paths.flush()

    def _has_connected(self, interface: Interface, prefix: int, length: int) -> bool:
        for entry in self.routes.entries():
            if (
                entry.connected
                and entry.interface is interface
                and entry.prefix == prefix
                and entry.length == length
            ):
                return True
        return False

    def _reconnect(self, interface: Interface, gone: RouteEntry) -> None:
        """Let the next address on the subnet of a removed one keep its route (``promote_secondaries``)."""
        for own, length in interface.addresses:
            if length == gone.length and own >> gone.shift == gone.value:
                entry = RouteEntry(gone.prefix, length, -1, interface, gone.metric, own)
                entry.connected = True
                self.routes.add(entry)
                return
