"""Sending IPv4 packets: choosing the way, fragmenting, handing over to the next hop."""

from __future__ import annotations

from errno import EINVAL, EMSGSIZE, ENETUNREACH, ENOBUFS, ENODEV

from ..clock.clock import Clock, Event
from ..clock.streams import Stream
from ..ports.tables import PortTables
from ..wire.address import V4_ANY, is_any, is_v4
from ..wire.ethernet import ETHERTYPE_IPV4, EthernetFrame
from ..wire.ipv4 import Ipv4Packet
from ..wire.packet import Payload, RawPayload
from .arp import ArpTable
from .base import IpLayer, Route
from .flow_label import LABEL_DEFAULT, FlowLabels
from .groups import GroupTable
from .handover import hand_over
from .interface import Interface, Ipv4Handler
from .ip6_output import Ip6Output
from .local import LocalAddresses
from .loopback import LOOPBACK_DELAY
from .mib import Counters
from .ndp import NdpTable
from .path import BROADCAST, LOCAL, MULTICAST, Path, PathTable
from .route import RouteTable
from .routing_v4 import Ipv4Routing
from .routing_v6 import Ipv6Routing
from .sysctl import Sysctl


class IpOutput(IpLayer):
    """The sending half of a host's IP layer, and the tables it decides by.

    ``input`` takes the host's own copies of what it sends to groups.
    """

    def __init__(
        self, clock: Clock, tables: PortTables, sysctl: Sysctl, secret: bytes, stream: Stream
    ) -> None:
        super().__init__(clock, tables, sysctl, secret, stream)
        self.counters = Counters()
        self.mib = self.counters.ip
        self.interfaces: list[Interface] = []
        self.local = LocalAddresses()
        self.routes = RouteTable(clock)
        self.groups = GroupTable()
        self.neighbours = ArpTable(self, self.local)
        self.v6 = Ip6Output(clock, sysctl, self.groups, self.counters.ip6, FlowLabels(sysctl, secret))
        self.neighbours_v6 = NdpTable(self, self.local, self.counters.ip6, self.counters.icmp6)
        self.paths = PathTable(
            clock,
            sysctl,
            self.interfaces,
            Ipv4Routing(self.interfaces, self.local, self.routes, self.neighbours),
            Ipv6Routing(clock, self.interfaces, self.local, self.routes, self.neighbours_v6),
            stream.bits(16),
        )
        self.paths.user = self
        self.input: Ipv4Handler | None = None

    def route(self, destination: int, source: int, device: int) -> Route | None:
        path = self.paths.find(destination, source, device)
        if path is None:
            return None
        chosen = path.source if is_any(source) else source
        return Route(path.interface.ifindex, path.gateway, chosen, path.mtu, path.metrics)

    def no_route(self, destination: int, device: int) -> int:
        if device and is_v4(destination) and self.paths.interface(device) is None:
            return ENODEV
        return ENETUNREACH

    def forget_expired(self) -> None:
        self.paths.forget_expired()

    def is_local(self, address: int) -> bool:
        return self.local.owner(address) is not None

    def is_broadcast(self, address: int) -> bool:
        return self.local.is_broadcast(address)

    def confirm(self, destination: int) -> None:
        path = self.paths.known.get(destination)
        if path is not None and path.neighbour is not None:
            path.neighbour.confirm()

    def send(
        self,
        source: int,
        destination: int,
        protocol: int,
        payload: Payload,
        tos: int,
        ttl: int,
        dont_fragment: bool,
        device: int,
    ) -> int:
        path = self.paths.known.get(destination) if device == 0 else None
        now = self.clock.now
        if path is None or now >= path.expires:
            path = self.paths.find(destination, source, device)
            if path is None:
                self.flow_label = LABEL_DEFAULT
                self._note_no_route(destination)
                return ENETUNREACH
        if path.is_v6:
            label, self.flow_label = self.flow_label, LABEL_DEFAULT
            salt, self.flow_salt = self.flow_salt, 0
            return self.v6.send(
                source, destination, protocol, payload, tos, ttl, dont_fragment, path, label, salt
            )
        self.mib.out_requests += 1
        packet = Ipv4Packet(path.source if source == V4_ANY else source, destination, protocol, payload)
        packet.tos = tos
        packet.ttl = ttl if ttl else self.sysctl.ip_default_ttl
        packet.dont_fragment = dont_fragment and not path.mtu_locked
        path.ident = (path.ident + 1) & 0xFFFF
        packet.ident = path.ident
        if path.kind <= LOCAL and packet.wire_length() <= path.mtu:
            neighbour = path.neighbour
            if neighbour is not None and now < neighbour.usable_until:
                interface = path.interface
                interface.transmit(EthernetFrame(neighbour.mac, interface.mac, ETHERTYPE_IPV4, packet))
                return 0
        return self.transmit(packet, path, path.mtu, True)

    def _note_no_route(self, destination: int) -> None:
        if is_v4(destination):
            self.mib.out_no_routes += 1
        else:
            self.counters.ip6.out_no_routes += 1

    def send_on(self, packet: Ipv4Packet, path: Path, mtu: int, loop: bool) -> int:
        """Send a packet of this host's own along ``path`` in pieces of ``mtu`` bytes; 0 or an errno.

        With ``loop`` the host's own members of a multicast group get a copy.
        """
        self.mib.out_requests += 1
        path.ident = (path.ident + 1) & 0xFFFF
        packet.ident = path.ident
        return self.transmit(packet, path, mtu, loop)

    def transmit(self, packet: Ipv4Packet, path: Path, mtu: int, loop: bool) -> int:
        """Put ``packet`` on its way in pieces of at most ``mtu`` bytes; 0 or an errno."""
        if path.kind >= BROADCAST:
            self._loop_back(packet, path, loop)
            if packet.ttl == 0 and path.kind == MULTICAST:
                # RFC 1112 §6.1: such a datagram does not leave the host.
                return 0
        if packet.wire_length() <= mtu:
            return self._hand_over(packet, path)
        if packet.dont_fragment:
            self.mib.frag_fails += 1
            return EMSGSIZE
        return self._fragment(packet, path, mtu)

    def _hand_over(self, packet: Ipv4Packet, path: Path) -> int:
        if hand_over(packet, path, self.clock.now):
            return 0
        self.mib.out_discards += 1
        return ENOBUFS

    def _fragment(self, packet: Ipv4Packet, path: Path, mtu: int) -> int:
        """RFC 791 §3.2, ``ip_do_fragment``. A fragment of a fragment keeps its place in the whole."""
        room = mtu - packet.header_length()
        if room < 8:
            self.mib.frag_fails += 1
            return EINVAL
        data = packet.payload.serialize(packet.source, packet.destination)
        at = 0
        size = len(data)
        while at < size:
            count = size - at
            if count > room:
                count = room & ~7
            piece = RawPayload(data[at : at + count])
            piece.origin = packet.payload.origin
            fragment = Ipv4Packet(packet.source, packet.destination, packet.protocol, piece)
            fragment.ttl = packet.ttl
            fragment.tos = packet.tos
            fragment.ident = packet.ident
            fragment.options = packet.options if at == 0 else copied_options(packet.options)
            fragment.fragment_offset = packet.fragment_offset + at
            at += count
            fragment.more_fragments = packet.more_fragments or at < size
            code = self._hand_over(fragment, path)
            if code != 0:
                self.mib.frag_fails += 1
                return code
            self.mib.frag_creates += 1
        self.mib.frag_oks += 1
        return 0

    def _loop_back(self, packet: Ipv4Packet, path: Path, loop: bool) -> None:
        """Deliver a copy to this host itself if it takes part in the group (``ip_mc_output``)."""
        interface = path.interface
        if path.kind == MULTICAST:
            self.mib.out_mcast_pkts += 1
            if not loop or not self.groups.accepts(packet.destination, interface.ifindex, packet.source):
                return
        else:
            self.mib.out_bcast_pkts += 1
        if self.input is not None and not interface.loopback:
            self.clock.after(LOOPBACK_DELAY, _OwnCopy(self.input, packet, interface))


class _OwnCopy(Event):
    """A host's own copy of what it sent to a group, on its way."""

    __slots__ = ("handler", "interface", "packet")

    def __init__(self, handler: Ipv4Handler, packet: Ipv4Packet, interface: Interface) -> None:
        self.handler = handler
        self.packet = packet
        self.interface = interface

    def fire(self) -> None:
        self.handler.looped(self.packet, self.interface)


def copied_options(options: bytes) -> bytes:
    """The options that every fragment repeats: those with the copied flag (RFC 791 §3.1)."""
    kept = b""
    at = 0
    while at < len(options) and options[at] != 0:
        kind = options[at]
        length = 1 if kind == 1 else options[at + 1]
        if kind & 0x80:
            kept += options[at : at + length]
        at += length
    return kept + bytes(-len(kept) % 4)
