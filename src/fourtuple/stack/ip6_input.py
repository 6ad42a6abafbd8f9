"""Receiving IPv6 packets: which are for this host, and which protocol takes them (``ipv6_rcv``)."""

from __future__ import annotations

from ..wire.address import V6_ANY, is_link_local, is_loopback, is_multicast
from ..wire.ip import PROTOCOL_NONE, PROTOCOL_TCP
from ..wire.ipv6 import Ipv6Packet
from .base import Transport
from .forward6 import Forwarder6
from .icmp6 import Icmp6
from .interface import Interface, Ipv6Handler
from .ip6_extensions import ExtensionReader
from .ip_output import IpOutput
from .raw import RawTable
from .reassembly6 import Reassembly6
from .source_v6 import SCOPE_INTERFACE, scope_of


class Ip6Input(Ipv6Handler):
    """The receiving half of IPv6. ``transports`` are by protocol number."""

    def __init__(
        self,
        ip: IpOutput,
        icmp: Icmp6,
        reassembly: Reassembly6,
        transports: list[Transport | None],
        raw: RawTable,
    ) -> None:
        self.ip = ip
        self.icmp = icmp
        self.reassembly = reassembly
        self.extensions = ExtensionReader(icmp)
        self.forwarder = Forwarder6(ip, icmp)
        self.transports = transports
        self.raw = raw
        self.mib = ip.counters.ip6
        # The same dict object for the host's life.
        self._owners = ip.local.owners

    def receive(self, packet: Ipv6Packet, interface: Interface, link_unicast: bool) -> None:
        self.mib.in_receives += 1
        icmp = self.icmp
        icmp.arrival = interface.ifindex
        icmp.link_group = not link_unicast
        if not interface.loopback and not self._source_passes(packet, interface):
            self.mib.in_addr_errors += 1
            return
        if packet.extensions and not self.extensions.hop_by_hop_passes(packet):
            self.mib.in_hdr_errors += 1
            return
        destination = packet.destination
        owner = self._owners.get(destination)
        if owner is not None:
            self._to_own(packet, interface, owner)
        elif is_multicast(destination):
            self._to_group(packet, interface)
        elif self.ip.sysctl.ipv6_forwarding and link_unicast and not _stays(destination, interface):
            self.forwarder.forward(packet, interface)
        else:
            self.mib.in_addr_errors += 1

    def looped(self, packet: Ipv6Packet, interface: Interface) -> None:
        self.mib.in_receives += 1
        self.icmp.arrival = interface.ifindex
        self.icmp.link_group = True
        self.mib.in_mcast_pkts += 1
        self._deliver(packet, interface.ifindex)

    def _source_passes(self, packet: Ipv6Packet, interface: Interface) -> bool:
        """No host sends from a group, the loopback, or an address of this one."""
        source = packet.source
        if source in interface.sources:
            return True
        if is_multicast(source) or is_loopback(source) or source in self._owners:
            return False
        if len(interface.sources) >= 4096:
            interface.sources.clear()
        interface.sources[source] = True
        return True

    def _to_own(self, packet: Ipv6Packet, interface: Interface, owner: Interface) -> None:
        destination = packet.destination
        if interface.loopback:
            # Local traffic counts as received on the device that has the address.
            self._deliver(packet, owner.ifindex)
        elif is_loopback(destination) or (is_link_local(destination) and not interface.owns(destination)):
            self.mib.in_addr_errors += 1
        elif self.icmp.link_group and packet.protocol == PROTOCOL_TCP:
            self.mib.in_discards += 1
        else:
            self._deliver(packet, interface.ifindex)

    def _to_group(self, packet: Ipv6Packet, interface: Interface) -> None:
        """Multicasts are received where they were joined, and none whose scope ends at a host
        (RFC 4291 §2.7)."""
        destination = packet.destination
        if not interface.loopback and scope_of(destination) <= SCOPE_INTERFACE:
            self.mib.in_addr_errors += 1
            return
        if not self.ip.groups.joined(destination, interface.ifindex):
            return
        self.mib.in_mcast_pkts += 1
        if packet.protocol == PROTOCOL_TCP:
            self.mib.in_discards += 1
            return
        self._deliver(packet, interface.ifindex)

    def _deliver(self, packet: Ipv6Packet, ifindex: int) -> None:
        """``ip6_input_finish``."""
        if packet.extensions and not self.extensions.rest_passes(packet):
            self.mib.in_hdr_errors += 1
            return
        if packet.more_fragments or packet.fragment_offset:
            whole = self.reassembly.add(packet)
            if whole is None:
                return
            carried = len(packet.extensions)
            packet = whole
            if len(packet.extensions) > carried and not self.extensions.rest_passes(packet):
                self.mib.in_hdr_errors += 1
                return
        copied = self.raw.listening and self.raw.deliver(packet, ifindex)
        transport = self.transports[packet.protocol]
        if transport is not None:
            self.mib.in_delivers += 1
            transport.input_v6(packet, ifindex)
        elif copied:
            self.mib.in_delivers += 1
        elif packet.protocol != PROTOCOL_NONE:
            self.mib.in_unknown_protos += 1
            self.extensions.unknown_protocol(packet)


def _stays(destination: int, interface: Interface) -> bool:
    """Whether a packet to an address that is not this host's may not be forwarded at all."""
    return (
        interface.loopback or destination == V6_ANY or is_loopback(destination) or is_link_local(destination)
    )
