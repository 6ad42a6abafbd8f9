"""Forwarding: what a router does with packets that are not for itself (``ip_forward``, RFC 1812 §5)."""

from __future__ import annotations

from ..wire.address import V4_ANY
from ..wire.icmp import (
    ICMP_REDIRECT,
    ICMP_TIME_EXCEEDED,
    ICMP_UNREACHABLE,
    REDIRECT_HOST,
    TIME_EXCEEDED_TTL,
    UNREACHABLE_FRAGMENTATION_NEEDED,
    UNREACHABLE_NET,
)
from ..wire.ipv4 import Ipv4Packet
from .icmp import Icmp
from .interface import Interface
from .ip_output import IpOutput
from .path import UNICAST
from .redirect import RedirectLimit, better_hop


class Forwarder:
    """Passes packets on to their next hop."""

    def __init__(self, ip: IpOutput, icmp: Icmp) -> None:
        self.ip = ip
        self.icmp = icmp
        self.limit = RedirectLimit(ip.clock)
        self.mib = ip.counters.ip

    def forward(self, packet: Ipv4Packet, arrival: Interface) -> None:
        """Send ``packet`` on, one hop older, or tell its source why not.

        The interface's MTU counts, not a path MTU learnt by this host: the source will learn it
        itself (``ip_forward_use_pmtu`` is 0).
        """
        path = self.ip.paths.find(packet.destination, V4_ANY, 0)
        if path is None:
            self.mib.in_no_routes += 1
            self.icmp.send_error(packet, ICMP_UNREACHABLE, UNREACHABLE_NET, 0)
            return
        if path.kind != UNICAST:
            # Broadcasts stay on their link (RFC 2644).
            self.mib.in_addr_errors += 1
            return
        if packet.ttl <= 1:
            self.mib.in_hdr_errors += 1
            self.icmp.send_error(packet, ICMP_TIME_EXCEEDED, TIME_EXCEEDED_TTL, 0)
            return
        mtu = path.interface.mtu
        if packet.dont_fragment and packet.wire_length() > mtu:
            self.mib.frag_fails += 1
            self.icmp.send_error(packet, ICMP_UNREACHABLE, UNREACHABLE_FRAGMENTATION_NEEDED, mtu)
            return
        better = better_hop(self.ip, packet.source, packet.destination, path, arrival)
        if better >= 0 and self.limit.may_tell(packet.source):
            self.icmp.send_error(packet, ICMP_REDIRECT, REDIRECT_HOST, better & 0xFFFF_FFFF)
        self.mib.forw_datagrams += 1
        # Another object: the sender, a tap or a duplicate may still hold this one.
        onward = Ipv4Packet(packet.source, packet.destination, packet.protocol, packet.payload)
        onward.ttl = packet.ttl - 1
        onward.tos = packet.tos
        onward.ident = packet.ident
        onward.dont_fragment = packet.dont_fragment
        onward.more_fragments = packet.more_fragments
        onward.fragment_offset = packet.fragment_offset
        onward.options = packet.options
        self.ip.transmit(onward, path, mtu, False)
