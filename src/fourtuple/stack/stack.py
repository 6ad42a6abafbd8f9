"""The network stack of one host: its interfaces, routes and protocols put together."""

from __future__ import annotations

from typing import Final

from ..clock.clock import Clock
from ..clock.streams import Stream
from ..ports.tables import PortTables
from ..wire.address import V4_LOOPBACK, V6_LOOPBACK
from ..wire.icmp import ICMP_UNREACHABLE
from ..wire.ip import (
    PROTOCOL_ICMP,
    PROTOCOL_ICMPV6,
    PROTOCOL_IGMP,
    PROTOCOL_TCP,
    PROTOCOL_UDP,
    PROTOCOL_UDPLITE,
    IpPacket,
)
from ..wire.ipv4 import Ipv4Packet
from ..wire.ipv6 import Ipv6Packet
from .addressing import Addressing
from .advertise import Advertiser
from .arp import ArpInput
from .autoconf import Autoconf
from .base import Device, Transport
from .changes import ChangeListener
from .fanout import FanoutGroups
from .frame_tap import FrameTaps
from .icmp import Icmp
from .icmp6 import Icmp6
from .igmp import GroupReports, Igmp, IgmpReporter
from .interface import Interface
from .ip6_input import Ip6Input
from .ip_input import IpInput
from .ip_output import IpOutput
from .link_state import LinkState
from .loopback import Loopback
from .mld import MldReporter
from .ndp_input import NdpInput
from .ping import PingTable
from .raw import RawTable
from .reassembly4 import Reassembly
from .reassembly6 import Reassembly6
from .route import RouteEntry
from .route_metrics import RouteMetrics
from .source_check import SourceCheck
from .sysctl import Sysctl
from .tcp.protocol import TcpProtocol
from .udp import UdpProtocol

LOOPBACK_MTU: Final = 65536


class Stack(IpOutput):
    """One host's stack. It begins with the loopback interface, ifindex 1: 127.0.0.1/8 and ::1/128.

    An interface speaks IPv6 once it has an IPv6 address, or is told to autoconfigure.
    """

    def __init__(self, name: str, clock: Clock, stream: Stream) -> None:
        secret = stream.octets(16)
        super().__init__(clock, PortTables(secret, stream), Sysctl(), secret, stream)
        self.name = name
        self.listener: ChangeListener = ChangeListener()
        """Who is told of changes; set by :meth:`listen`."""
        self.sysctl.attach(self.tables, self.paths)
        self.frame_taps = FrameTaps()
        self.fanout = FanoutGroups(self.frame_taps)
        self.raw = RawTable()
        self.pings = PingTable()
        self.transports: list[Transport | None] = [None] * 256
        self.sources = SourceCheck(self.local, self.routes, self.sysctl)
        self.arp = ArpInput(self.neighbours, self.local, self.sources)
        self.icmp = Icmp(self, self.transports, self.raw, self.pings)
        self.reassembly = Reassembly(self, self.icmp)
        self.ip_input = IpInput(self, self.icmp, self.reassembly, self.sources, self.transports, self.raw)
        self.input = self.ip_input
        self.addressing = Addressing(self, name)
        self.autoconf = Autoconf(self, self.addressing)
        self.link_state = LinkState(self, self.addressing, self.autoconf)
        self.advertiser = Advertiser(self)
        self.ndp = NdpInput(self, self.autoconf, self.advertiser)
        self.mld = MldReporter(self)
        self.igmp = IgmpReporter(self)
        self.groups.listener = GroupReports(self.igmp, self.mld)
        self.icmp6 = Icmp6(self, self.transports, self.ndp, self.mld, self.raw, self.pings)
        self.reassembly_v6 = Reassembly6(self, self.icmp6)
        self.ip6_input = Ip6Input(self, self.icmp6, self.reassembly_v6, self.transports, self.raw)
        self.v6.input = self.ip6_input
        self.udp = UdpProtocol(self, PROTOCOL_UDP)
        self.udplite = UdpProtocol(self, PROTOCOL_UDPLITE)
        self.tcp = TcpProtocol(self)
        self.register(PROTOCOL_ICMP, self.icmp)
        self.register(PROTOCOL_IGMP, Igmp(self, self.igmp))
        self.register(PROTOCOL_ICMPV6, self.icmp6)
        self.register(PROTOCOL_UDP, self.udp)
        self.register(PROTOCOL_UDPLITE, self.udplite)
        self.register(PROTOCOL_TCP, self.tcp)
        self.loopback = Loopback(clock)
        lo = self.add_interface("lo", 0, LOOPBACK_MTU, self.loopback)
        lo.loopback = True
        self.loopback.sink = lo
        self.add_address(lo, V4_LOOPBACK, 8)
        self.add_address(lo, V6_LOOPBACK, 128)

    def register(self, protocol: int, transport: Transport) -> None:
        """Let ``transport`` take the packets of IP protocol number ``protocol``."""
        self.transports[protocol] = transport

    def send_unreachable(self, packet: IpPacket, code: int) -> None:
        if isinstance(packet, Ipv4Packet):
            self.icmp.send_error(packet, ICMP_UNREACHABLE, code, 0)
        elif isinstance(packet, Ipv6Packet):
            self.icmp6.send_unreachable(packet, code)

    # --- interfaces ---------------------------------------------------------------------------

    def add_interface(self, name: str, mac: int, mtu: int, device: Device | None) -> Interface:
        """Add an interface that is up; its ifindex is the next number. Raises ValueError if the name
        is taken. Without a ``device``, to be set later, it drops what it should send."""
        for other in self.interfaces:
            if other.name == name:
                raise ValueError(f"host {self.name} has an interface {name} already")
        interface = Interface(
            name,
            len(self.interfaces) + 1,
            mac,
            mtu,
            self.ip_input,
            self.ip6_input,
            self.arp,
            self.clock,
            self.frame_taps,
        )
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

    def listen(self, listener: ChangeListener) -> None:
        """Have ``listener``, and no other any more, told of changes."""
        self.listener = listener
        self.addressing.listener = listener
        self.routes.listener = listener
        self.neighbours.listener = listener
        self.neighbours_v6.listener = listener

    def rename(self, interface: Interface, name: str) -> None:
        """Raises ValueError if an interface has the name already."""
        if self.interface_named(name) is not None:
            raise ValueError(f"host {self.name} has an interface {name} already")
        interface.name = name
        self.listener.link_changed(interface, False)

    def set_mac(self, interface: Interface, mac: int) -> None:
        """Give an interface another MAC address; its IPv6 addresses stay as they are."""
        interface.mac = mac
        self.paths.flush()
        self.listener.link_changed(interface, False)

    def set_up(self, interface: Interface, up: bool) -> None:
        """Bring an interface up or down. Down, its routes, its neighbours and its IPv6 addresses are
        forgotten, its IPv4 addresses stay this host's; see :class:`LinkState`."""
        changed = interface.up != up
        interface.up = up
        if not up:
            self.neighbours.forget_interface(interface)
            self.neighbours_v6.forget_interface(interface)
            self.frame_taps.interface_down(interface.ifindex)
        self.paths.flush()
        self.listener.link_changed(interface, True)
        if changed and up:
            self.link_state.came_up(interface)
        elif changed:
            self.link_state.went_down(interface)
        self.paths.flush()

    def set_mtu(self, interface: Interface, mtu: int) -> None:
        """Raises ValueError if ``mtu`` is below 68, the least IPv4 can use (RFC 791)."""
        if mtu < 68:
            raise ValueError(f"{interface.name}: an MTU of {mtu} is below 68")
        interface.mtu = mtu
        self.paths.flush()
        self.listener.link_changed(interface, False)

    # --- addresses and routes -----------------------------------------------------------------

    def add_address(self, interface: Interface, address: int, length: int) -> None:
        """Give ``interface`` an address; its subnet becomes reachable on the link.

        With its first IPv6 address it gets a link-local one. Nobody is asked whether an address is
        free: that is :meth:`autoconfigure`'s way. Raises ValueError if the interface has the address
        already or ``length`` is no prefix length.
        """
        self.addressing.add_address(interface, address, length, True)

    def remove_address(self, interface: Interface, address: int) -> None:
        """Take an address away, with its subnet's route unless another address is on that subnet.

        Raises ValueError if the interface has no such address.
        """
        self.addressing.remove_address(interface, address)

    def autoconfigure(self, interface: Interface) -> None:
        """Let ``interface`` find its IPv6 addresses and routers itself (RFC 4862)."""
        self.autoconf.start(interface)

    def add_route(
        self, prefix: int, length: int, gateway: int, interface: Interface | None, metric: int, source: int
    ) -> RouteEntry:
        """Add a route; ``gateway`` -1 for none, ``source`` -1 for the interface's choice.

        Without an ``interface`` it is the one the gateway is on. Raises ValueError if the gateway is
        not on a link of this host, or there is a route of this prefix and metric already.
        """
        return self.addressing.add_route(prefix, length, gateway, interface, metric, source)

    def set_metrics(self, entry: RouteEntry, metrics: RouteMetrics | None) -> None:
        """Let a route say what holds of the connections over it, None for nothing."""
        self.addressing.set_metrics(entry, metrics)

    def remove_route(self, entry: RouteEntry) -> None:
        """Raises ValueError if the route is not there."""
        self.addressing.remove_route(entry)
