"""Sending IPv6 packets: fragmenting at the source, handing over to the next hop (``ip6_output``)."""

from __future__ import annotations

from errno import EINVAL, EMSGSIZE, ENOBUFS

from ..clock.clock import Clock, Event
from ..wire.address import is_any
from ..wire.extension import ExtensionHeader
from ..wire.ip import PROTOCOL_HOP_BY_HOP, PROTOCOL_ROUTING
from ..wire.ipv6 import FRAGMENT_HEADER_LENGTH, Ipv6Packet
from ..wire.packet import Payload, RawPayload
from .flow_label import FlowLabels
from .groups import GroupTable
from .handover import hand_over
from .interface import Interface, Ipv6Handler
from .loopback import LOOPBACK_DELAY
from .mib import Ip6Counters
from .path import MULTICAST, Path
from .sysctl import Sysctl


class Ip6Output:
    """The sending half of IPv6. ``input`` takes the host's own copies of what it sends to groups."""

    def __init__(
        self, clock: Clock, sysctl: Sysctl, groups: GroupTable, mib: Ip6Counters, labels: FlowLabels
    ) -> None:
        self.clock = clock
        self.sysctl = sysctl
        self.groups = groups
        self.mib = mib
        self.labels = labels
        self.input: Ipv6Handler | None = None

    def send(
        self,
        source: int,
        destination: int,
        protocol: int,
        payload: Payload,
        tos: int,
        ttl: int,
        dont_fragment: bool,
        path: Path,
        label: int,
        salt: int,
    ) -> int:
        """:meth:`IpLayer.send` with the path found; ``label`` and ``salt`` as for FlowLabels."""
        packet = Ipv6Packet(path.source if is_any(source) else source, destination, protocol, payload)
        packet.tos = tos
        packet.ttl = ttl if ttl else self.hop_limit(path)
        packet.flow_label = self.labels.label_for(packet, label, salt)
        return self.send_on(packet, path, path.mtu, 0, True, dont_fragment)

    def hop_limit(self, path: Path) -> int:
        """For packets along ``path`` that do not ask for another: 1 to a group, else what a router
        advertised or the host's setting."""
        if path.kind == MULTICAST:
            return 1
        return path.interface.hop_limit or self.sysctl.ipv6_hop_limit

    def send_on(
        self, packet: Ipv6Packet, path: Path, mtu: int, cut_at: int, loop: bool, dont_fragment: bool
    ) -> int:
        """Send a packet of this host's own along ``path``; 0 or an errno.

        What exceeds ``mtu`` is cut to fragments of at most ``cut_at`` bytes (0: ``mtu``). With ``loop`` the
        host's own members of a group get a copy.
        """
        self.mib.out_requests += 1
        if path.kind == MULTICAST:
            self._loop_back(packet, path, loop)
            if packet.ttl == 0:
                return 0
        if packet.wire_length() <= mtu:
            return self.hand_over(packet, path)
        if dont_fragment:
            self.mib.frag_fails += 1
            return EMSGSIZE
        return self._fragment(packet, path, min(mtu, cut_at) if cut_at else mtu)

    def hand_over(self, packet: Ipv6Packet, path: Path) -> int:
        if hand_over(packet, path, self.clock.now):
            return 0
        self.mib.out_discards += 1
        return ENOBUFS

    def _fragment(self, packet: Ipv6Packet, path: Path, mtu: int) -> int:
        """RFC 8200 §4.5: headers that routers look at are repeated, the rest is cut."""
        repeated, carried = _split_headers(packet.extensions)
        shape = Ipv6Packet(packet.source, packet.destination, packet.protocol, packet.payload)
        shape.extensions = repeated
        room = (mtu - shape.header_length() - FRAGMENT_HEADER_LENGTH) & ~7
        if room < 8:
            self.mib.frag_fails += 1
            return EINVAL
        data = packet.payload.serialize(packet.source, packet.final_destination())
        first_header = packet.protocol
        for extension in reversed(carried):
            data = extension.serialize(first_header) + data
            first_header = extension.kind
        path.ident = (path.ident + 1) & 0xFFFF_FFFF
        size = len(data)
        at = 0
        while at < size:
            # The last may use the odd bytes of the MTU.
            count = size - at
            if shape.header_length() + FRAGMENT_HEADER_LENGTH + count > mtu:
                count = room
            piece = RawPayload(data[at : at + count])
            piece.origin = packet.payload.origin
            fragment = Ipv6Packet(packet.source, packet.destination, first_header, piece)
            fragment.ttl = packet.ttl
            fragment.tos = packet.tos
            fragment.flow_label = packet.flow_label
            fragment.extensions = repeated
            fragment.ident = path.ident
            fragment.fragment_offset = at
            at += count
            fragment.more_fragments = at < size
            code = self.hand_over(fragment, path)
            if code != 0:
                self.mib.frag_fails += 1
                return code
            self.mib.frag_creates += 1
        self.mib.frag_oks += 1
        return 0

    def _loop_back(self, packet: Ipv6Packet, path: Path, loop: bool) -> None:
        """Deliver a copy to this host itself if it takes part in the group (``ip6_finish_output2``)."""
        self.mib.out_mcast_pkts += 1
        interface = path.interface
        wanted = self.groups.accepts(packet.destination, interface.ifindex, packet.source)
        if not loop or interface.loopback or not wanted:
            return
        if self.input is not None:
            self.clock.after(LOOPBACK_DELAY, _OwnCopy(self.input, packet, interface))


class _OwnCopy(Event):
    """A host's own copy of what it sent to a group, on its way."""

    __slots__ = ("handler", "interface", "packet")

    def __init__(self, handler: Ipv6Handler, packet: Ipv6Packet, interface: Interface) -> None:
        self.handler = handler
        self.packet = packet
        self.interface = interface

    def fire(self) -> None:
        self.handler.looped(self.packet, self.interface)


def _split_headers(
    extensions: list[ExtensionHeader],
) -> tuple[list[ExtensionHeader], list[ExtensionHeader]]:
    """Headers each fragment repeats (all up to a routing header), and those that are cut with the data."""
    last = -1
    for index, extension in enumerate(extensions):
        if extension.kind == PROTOCOL_HOP_BY_HOP or extension.kind == PROTOCOL_ROUTING:
            last = index
    return extensions[: last + 1], extensions[last + 1 :]
