"""Receiving IPv4 packets: which are for this host, and which protocol takes them (``ip_rcv``)."""

from __future__ import annotations

from typing import Final

from ..wire.address import V4_ANY, V4_BROADCAST, is_loopback, is_multicast
from ..wire.icmp import ICMP_PARAMETER_PROBLEM, ICMP_UNREACHABLE, UNREACHABLE_PROTOCOL
from ..wire.ip import PROTOCOL_IGMP, PROTOCOL_TCP
from ..wire.ipv4 import HEADER_LENGTH, Ipv4Packet
from .base import Transport
from .forward import Forwarder
from .icmp import Icmp
from .interface import Interface, Ipv4Handler
from .ip_output import IpOutput
from .local import is_zero_net
from .raw import RawTable
from .reassembly4 import Reassembly
from .source_check import SourceCheck

_SOURCE_ROUTES: Final = (131, 137)
"""Loose and strict source route (RFC 791); Linux refuses both unless told otherwise."""


class IpInput(Ipv4Handler):
    """The receiving half of a host's IP layer. ``transports`` are by protocol number."""

    def __init__(
        self,
        ip: IpOutput,
        icmp: Icmp,
        reassembly: Reassembly,
        sources: SourceCheck,
        transports: list[Transport | None],
        raw: RawTable,
    ) -> None:
        self.ip = ip
        self.icmp = icmp
        self.reassembly = reassembly
        self.sources = sources
        self.forwarder = Forwarder(ip, icmp)
        self.transports = transports
        self.raw = raw
        self.mib = ip.counters.ip
        # The same dict object for the host's life: the hot path asks it once a packet.
        self._owners = ip.local.owners

    def receive(self, packet: Ipv4Packet, interface: Interface, link_unicast: bool) -> None:
        self.mib.in_receives += 1
        owner = self._owners.get(packet.destination)
        if owner is None or not link_unicast or packet.options:
            self._receive_other(packet, interface, link_unicast)
        elif interface.loopback:
            # Local traffic counts as received on the device that has the address (rt_iif).
            self._deliver(packet, owner.ifindex)
        elif owner.loopback:
            self._receive_other(packet, interface, link_unicast)
        elif packet.source in interface.sources or self.sources.admits(packet.source, interface):
            self._deliver(packet, interface.ifindex)

    def looped(self, packet: Ipv4Packet, interface: Interface) -> None:
        self.mib.in_receives += 1
        self.icmp.link_group = True
        self._to_group(packet, interface)
        self.icmp.link_group = False

    def _receive_other(self, packet: Ipv4Packet, interface: Interface, link_unicast: bool) -> None:
        """All but the plain unicast packet for this host (``ip_rcv_finish_core``)."""
        if packet.options and not self._options_pass(packet, link_unicast):
            self.mib.in_hdr_errors += 1
            return
        self.icmp.link_group = not link_unicast
        self._route_input(packet, interface, link_unicast)
        self.icmp.link_group = False

    def _route_input(self, packet: Ipv4Packet, interface: Interface, link_unicast: bool) -> None:
        """``ip_route_input_slow``: martians are dropped, groups and own addresses delivered, the rest
        forwarded if this host is a router."""
        source = packet.source
        destination = packet.destination
        local = self.ip.local
        if is_multicast(destination):
            groups = self.ip.groups
            # IGMP itself is heard whatever sockets want to hear.
            wanted = groups.accepts(destination, interface.ifindex, source) or (
                packet.protocol == PROTOCOL_IGMP and groups.joined(destination, interface.ifindex)
            )
            if wanted and self._source_passes(source, interface):
                self._to_group(packet, interface)
            return
        if destination == V4_BROADCAST or (source == V4_ANY and destination == V4_ANY):
            # Who has no address yet may broadcast (DHCP).
            if source == V4_ANY or self._source_passes(source, interface):
                self._to_group(packet, interface)
            return
        if is_loopback(destination) and not interface.loopback:
            self.mib.in_addr_errors += 1
            return
        if is_zero_net(destination) or not self._source_passes(source, interface):
            self.mib.in_addr_errors += 1
            return
        owner = local.owner(destination)
        if owner is not None:
            if packet.protocol == PROTOCOL_TCP and not link_unicast:
                self.mib.in_discards += 1
                return
            self._deliver(packet, owner.ifindex if interface.loopback else interface.ifindex)
        elif local.is_broadcast(destination):
            self._to_group(packet, interface)
        elif self.ip.sysctl.ip_forward and link_unicast and not interface.loopback:
            self.forwarder.forward(packet, interface)
        else:
            self.mib.in_addr_errors += 1

    def _source_passes(self, source: int, interface: Interface) -> bool:
        return interface.loopback or self.sources.admits(source, interface)

    def _to_group(self, packet: Ipv4Packet, interface: Interface) -> None:
        """Deliver a broadcast or multicast; TCP has no use for one."""
        if is_multicast(packet.destination):
            self.mib.in_mcast_pkts += 1
        else:
            self.mib.in_bcast_pkts += 1
        if packet.protocol == PROTOCOL_TCP:
            self.mib.in_discards += 1
            return
        self._deliver(packet, interface.ifindex)

    def _deliver(self, packet: Ipv4Packet, ifindex: int) -> None:
        """``ip_local_deliver``."""
        if packet.more_fragments or packet.fragment_offset:
            whole = self.reassembly.add(packet)
            if whole is None:
                return
            packet = whole
        copied = self.raw.listening and self.raw.deliver(packet, ifindex)
        transport = self.transports[packet.protocol]
        if transport is not None:
            self.mib.in_delivers += 1
            transport.input(packet, ifindex)
        elif copied:
            self.mib.in_delivers += 1
        else:
            self.mib.in_unknown_protos += 1
            self.icmp.send_error(packet, ICMP_UNREACHABLE, UNREACHABLE_PROTOCOL, 0)

    def _options_pass(self, packet: Ipv4Packet, link_unicast: bool) -> bool:
        """Whether the header's options are well formed and ask for nothing refused here.

        A malformed one is answered with a parameter problem pointing at it (``ip_options_compile``).
        """
        options = packet.options
        at = 0
        while at < len(options):
            kind = options[at]
            if kind == 0:
                return True
            if kind == 1:
                at += 1
                continue
            length = options[at + 1] if at + 1 < len(options) else 0
            if length < 2 or at + length > len(options):
                if link_unicast:
                    self.icmp.send_error(packet, ICMP_PARAMETER_PROBLEM, 0, (HEADER_LENGTH + at) << 24)
                return False
            if kind in _SOURCE_ROUTES:
                return False
            at += length
        return True
