"""Neighbour discovery messages received (RFC 4861; net/ipv6/ndisc.c)."""

from __future__ import annotations

from ..wire.address import V6_ANY, is_link_local, is_multicast
from ..wire.icmpv6_base import Icmpv6Payload
from ..wire.ipv6 import Ipv6Packet
from ..wire.ndp import (
    NeighbourAdvertisement,
    NeighbourSolicitation,
    Redirect,
    RouterAdvertisement,
    RouterSolicitation,
)
from .advertise import Advertiser
from .autoconf import Autoconf
from .interface import GROUP_BIT, Interface
from .ip_output import IpOutput
from .neighbour import FAILED, REACHABLE, STALE
from .redirect import follow


class NdpInput:
    """Takes neighbour discovery messages from ICMPv6, which has checked that they are well formed."""

    def __init__(self, ip: IpOutput, autoconf: Autoconf, advertiser: Advertiser) -> None:
        self.ip = ip
        self.table = ip.neighbours_v6
        self.autoconf = autoconf
        self.advertiser = advertiser
        self.mib = ip.counters.icmp6

    def receive(self, packet: Ipv6Packet, message: Icmpv6Payload, interface: Interface) -> None:
        """Take a message; one that may have come through a router is ignored (RFC 4861 §11.2)."""
        if packet.ttl != 255 or message.code != 0 or interface.loopback:
            self.mib.in_errors += 1
            return
        if isinstance(message, NeighbourSolicitation):
            self.mib.in_neighbor_solicits += 1
            self._solicitation(packet, message, interface)
        elif isinstance(message, NeighbourAdvertisement):
            self.mib.in_neighbor_advertisements += 1
            self._advertisement(packet, message, interface)
        elif isinstance(message, RouterSolicitation):
            self.mib.in_router_solicits += 1
            self._router_solicitation(packet, message, interface)
        elif isinstance(message, RouterAdvertisement):
            self.mib.in_router_advertisements += 1
            if is_link_local(packet.source):
                self.autoconf.advertised(interface, packet.source, message)
        elif isinstance(message, Redirect):
            self.mib.in_redirects += 1
            self._redirect(packet, message, interface)

    def _solicitation(self, packet: Ipv6Packet, message: NeighbourSolicitation, interface: Interface) -> None:
        """``ndisc_recv_ns``."""
        source = packet.source
        to_group = is_multicast(packet.destination)
        link = message.options.source_link
        checking = source == V6_ANY
        if checking and (not to_group or link >= 0):
            self.mib.in_errors += 1
            return
        if link >= 0 and link & GROUP_BIT:
            return
        target = message.target
        if self.autoconf.is_tentative(interface, target):
            # Two hosts check one address at the same time: neither gets it.
            if checking:
                self.autoconf.conflict(interface, target)
            return
        if not interface.owns(target):
            return
        router = self.ip.sysctl.ipv6_forwarding != 0
        if checking:
            self.table.send_advertisement(interface, target, V6_ANY, 0, True, router)
            return
        if self.ip.local.owner(source) is not None:
            return
        neighbour = self.table.obtain(interface, source) if link >= 0 else self.table.find(interface, source)
        if neighbour is None:
            return
        neighbour.update(link, STALE, True)
        if neighbour.state != FAILED and neighbour.mac:
            self.table.send_advertisement(interface, target, source, neighbour.mac, to_group, router)

    def _advertisement(
        self, packet: Ipv6Packet, message: NeighbourAdvertisement, interface: Interface
    ) -> None:
        """``ndisc_recv_na``; RFC 4861 §7.2.5."""
        if message.solicited and is_multicast(packet.destination):
            self.mib.in_errors += 1
            return
        target = message.target
        if self.autoconf.is_tentative(interface, target):
            self.autoconf.conflict(interface, target)
            return
        link = message.options.target_link
        if interface.owns(target) or (link >= 0 and link & GROUP_BIT):
            return
        neighbour = self.table.find(interface, target)
        if neighbour is None or neighbour.state == FAILED:
            return
        if link >= 0 and link != neighbour.mac and not message.override:
            neighbour.doubt()
        neighbour.update(link, REACHABLE if message.solicited else STALE, message.override)

    def _router_solicitation(
        self, packet: Ipv6Packet, message: RouterSolicitation, interface: Interface
    ) -> None:
        """``ndisc_recv_rs``: only routers care."""
        link = message.options.source_link
        if packet.source == V6_ANY:
            if link >= 0:
                self.mib.in_errors += 1
                return
        elif link >= 0 and not link & GROUP_BIT and self.ip.sysctl.ipv6_forwarding:
            neighbour = self.table.obtain(interface, packet.source)
            if neighbour is not None:
                neighbour.update(link, STALE, True)
        self.advertiser.solicited(interface)

    def _redirect(self, packet: Ipv6Packet, message: Redirect, interface: Interface) -> None:
        """``ndisc_redirect_rcv``: from a router's link-local address, to another or to the destination."""
        target = message.target
        if not is_link_local(packet.source):
            self.mib.in_errors += 1
            return
        if target != message.destination and not is_link_local(target):
            return
        if not follow(self.ip, packet.source, target, message.destination, interface):
            return
        link = message.options.target_link
        if link >= 0 and not link & GROUP_BIT:
            neighbour = self.table.obtain(interface, target)
            if neighbour is not None:
                neighbour.update(link, STALE, True)
