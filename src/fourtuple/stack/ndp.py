"""Neighbour discovery's cache: asking for IPv6 neighbours (RFC 4861 §7.2; ``ndisc_solicit``)."""

from __future__ import annotations

from ..wire.address import V6_ANY
from ..wire.ethernet import ETHERTYPE_IPV6, EthernetFrame
from ..wire.icmp import UNREACHABLE_HOST
from ..wire.icmpv6_base import Icmpv6Payload
from ..wire.ip import PROTOCOL_ICMPV6, IpPacket
from ..wire.ipv6 import Ipv6Packet
from ..wire.ndp import NdOptions, NeighbourAdvertisement, NeighbourSolicitation
from .base import IpLayer
from .groups import ALL_NODES
from .interface import Interface
from .local import LocalAddresses
from .mib import Icmp6Counters, Ip6Counters
from .multicast_v6 import multicast_mac_v6, solicited_node
from .neighbour import Neighbour, NeighbourTable


class NdpTable(NeighbourTable):
    """The IPv6 neighbours, and the sender of the messages that find them."""

    def __init__(self, ip: IpLayer, local: LocalAddresses, mib: Ip6Counters, icmp_mib: Icmp6Counters) -> None:
        super().__init__(ip, ETHERTYPE_IPV6, ip.sysctl.neigh6)
        self.local = local
        self.mib = mib
        self.icmp_mib = icmp_mib

    def solicit(self, neighbour: Neighbour, source: int, unicast: bool) -> None:
        interface = neighbour.interface
        if source < 0 or self.local.owner(source) is None:
            source = interface.link_local()
        if source < 0:
            return
        target = neighbour.address
        if unicast:
            self.send_solicitation(interface, target, source, target, neighbour.mac)
        else:
            group = solicited_node(target)
            self.send_solicitation(interface, target, source, group, multicast_mac_v6(group))

    def unreachable(self, packet: IpPacket) -> None:
        self.ip.send_unreachable(packet, UNREACHABLE_HOST)

    def send_solicitation(
        self, interface: Interface, target: int, source: int, destination: int, mac: int
    ) -> None:
        """Ask who has ``target``. From ``::`` it asks whether anybody has (RFC 4862 §5.4.2)."""
        options = NdOptions()
        if source != V6_ANY:
            options.source_link = interface.mac
        self.icmp_mib.out_neighbor_solicits += 1
        self.transmit(interface, source, destination, mac, NeighbourSolicitation(target, options))

    def send_advertisement(
        self, interface: Interface, target: int, destination: int, mac: int, to_group: bool, router: bool
    ) -> None:
        """Answer that ``target`` is this host's.

        To ``V6_ANY``, who asked without an address, it goes to all nodes. The link-layer address is
        only told to who asked by multicast and cannot know it (``ndisc_send_na``).
        """
        options = NdOptions()
        solicited = destination != V6_ANY
        if not solicited:
            destination = ALL_NODES
            mac = multicast_mac_v6(ALL_NODES)
        if to_group or not solicited:
            options.target_link = interface.mac
        answer = NeighbourAdvertisement(target, router, solicited, to_group or not solicited, options)
        self.icmp_mib.out_neighbor_advertisements += 1
        self.transmit(interface, target, destination, mac, answer)

    def transmit(
        self, interface: Interface, source: int, destination: int, mac: int, message: Icmpv6Payload
    ) -> None:
        """Put a neighbour discovery message on the link: with hop limit 255, which no router lets
        through, it proves that its sender is there."""
        self.mib.out_requests += 1
        self.icmp_mib.out_msgs += 1
        packet = Ipv6Packet(source, destination, PROTOCOL_ICMPV6, message)
        packet.ttl = 255
        interface.transmit(EthernetFrame(mac, interface.mac, ETHERTYPE_IPV6, packet))
