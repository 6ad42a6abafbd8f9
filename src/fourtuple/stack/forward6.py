"""Forwarding IPv6 packets (``ip6_forward``, RFC 8200 §3)."""

from __future__ import annotations

from ..wire.address import V6_ANY, is_link_local, is_loopback, is_multicast
from ..wire.icmpv6 import (
    ICMPV6_PACKET_TOO_BIG,
    ICMPV6_TIME_EXCEEDED,
    ICMPV6_UNREACHABLE,
    TIME_EXCEEDED_HOP_LIMIT,
    UNREACHABLE_BEYOND_SCOPE,
    UNREACHABLE_NO_ROUTE,
)
from ..wire.ipv6 import Ipv6Packet
from .icmp6 import Icmp6
from .interface import Interface
from .ip_output import IpOutput
from .path import UNICAST
from .redirect import RedirectLimit, better_hop


class Forwarder6:
    """Passes packets on to their next hop."""

    def __init__(self, ip: IpOutput, icmp: Icmp6) -> None:
        self.ip = ip
        self.icmp = icmp
        self.limit = RedirectLimit(ip.clock)
        self.mib = ip.counters.ip6

    def forward(self, packet: Ipv6Packet, arrival: Interface) -> None:
        """Send ``packet`` on, one hop older, or tell its source why not."""
        if packet.ttl <= 1:
            self.mib.in_hdr_errors += 1
            self.icmp.send_error(packet, ICMPV6_TIME_EXCEEDED, TIME_EXCEEDED_HOP_LIMIT, 0)
            return
        path = self.ip.paths.find(packet.destination, V6_ANY, 0)
        if path is None:
            self.mib.in_no_routes += 1
            self.icmp.send_error(packet, ICMPV6_UNREACHABLE, UNREACHABLE_NO_ROUTE, 0)
            return
        source = packet.source
        if path.kind != UNICAST or source == V6_ANY or is_multicast(source) or is_loopback(source):
            self.mib.in_addr_errors += 1
            return
        if is_link_local(source):
            self.mib.in_addr_errors += 1
            self.icmp.send_error(packet, ICMPV6_UNREACHABLE, UNREACHABLE_BEYOND_SCOPE, 0)
            return
        mtu = path.interface.mtu_v6()
        if packet.wire_length() > mtu:
            self.mib.in_too_big_errors += 1
            self.mib.frag_fails += 1
            self.icmp.send_error(packet, ICMPV6_PACKET_TOO_BIG, 0, mtu)
            return
        better = better_hop(self.ip, source, packet.destination, path, arrival)
        if better >= 0 and self.limit.may_tell(source):
            self.icmp.send_redirect(packet, better, path)
        self.mib.out_forw_datagrams += 1
        # Another object: the sender, a tap or a duplicate may still hold this one.
        onward = Ipv6Packet(source, packet.destination, packet.protocol, packet.payload)
        onward.ttl = packet.ttl - 1
        onward.tos = packet.tos
        onward.flow_label = packet.flow_label
        onward.ident = packet.ident
        onward.fragment_header = packet.fragment_header
        onward.fragment_offset = packet.fragment_offset
        onward.more_fragments = packet.more_fragments
        onward.extensions = packet.extensions
        self.ip.v6.hand_over(onward, path)
