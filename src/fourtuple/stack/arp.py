"""ARP: asking for and answering with link-layer addresses (RFC 826, RFC 5227; net/ipv4/arp.c)."""

from __future__ import annotations

from typing import Final

from ..clock.clock import SECOND
from ..wire.address import MAC_BROADCAST, MAC_NONE, V4_ANY, is_loopback, is_multicast
from ..wire.arp import ARP_REPLY, ARP_REQUEST, ArpPacket
from ..wire.ethernet import ETHERTYPE_ARP, ETHERTYPE_IPV4, EthernetFrame
from ..wire.icmp import UNREACHABLE_HOST
from ..wire.ip import IpPacket
from ..wire.ipv4 import Ipv4Packet
from .base import IpLayer
from .interface import GROUP_BIT, ArpHandler, Interface
from .local import LocalAddresses
from .neighbour import REACHABLE, STALE, Neighbour, NeighbourTable
from .source_check import SourceCheck

_LOCK_TIME: Final = SECOND
"""An answer this soon after another one does not replace it: the first to answer wins."""


class ArpTable(NeighbourTable):
    """The IPv4 neighbours."""

    def __init__(self, ip: IpLayer, local: LocalAddresses) -> None:
        super().__init__(ip, ETHERTYPE_IPV4, ip.sysctl.neigh4)
        self.local = local

    def solicit(self, neighbour: Neighbour, source: int, unicast: bool) -> None:
        """Send a request (``arp_solicit``); the sender is the waiting packet's, if that is this host."""
        interface = neighbour.interface
        if source < 0 or self.local.owner(source) is None:
            source = interface.primary(neighbour.address)
        if source < 0:
            source = V4_ANY
        packet = ArpPacket(ARP_REQUEST, interface.mac, source, MAC_NONE, neighbour.address)
        destination = neighbour.mac if unicast else MAC_BROADCAST
        interface.transmit(EthernetFrame(destination, interface.mac, ETHERTYPE_ARP, packet))

    def unreachable(self, packet: IpPacket) -> None:
        """Tell the packet's source, often this host itself (``arp_error_report``)."""
        if isinstance(packet, Ipv4Packet):
            self.ip.send_unreachable(packet, UNREACHABLE_HOST)


class ArpInput(ArpHandler):
    """Takes ARP packets from the interfaces (``arp_process``)."""

    def __init__(self, table: ArpTable, local: LocalAddresses, sources: SourceCheck) -> None:
        self.table = table
        self.local = local
        self.sources = sources

    def receive(self, packet: ArpPacket, interface: Interface, link_unicast: bool) -> None:
        sender = packet.sender_ip
        target = packet.target_ip
        if is_multicast(target) or is_loopback(target) or interface.loopback:
            return
        if packet.sender_mac & GROUP_BIT:
            # No host has a group address; believing it would turn unicast into a flood.
            return
        operation = packet.operation
        if operation == ARP_REQUEST:
            mine = self.local.owner(target) is not None
            if sender == V4_ANY:
                # RFC 5227: somebody probes whether the address is free.
                if mine:
                    self._reply(interface, packet.sender_mac, target, V4_ANY)
                return
            if mine and self.sources.admits(sender, interface):
                asker = self.table.obtain(interface, sender)
                if asker is not None:
                    asker.update(packet.sender_mac, STALE, True)
                    self._reply(interface, packet.sender_mac, target, sender)
                return
        elif operation != ARP_REPLY:
            return
        self._learn(packet, interface, link_unicast)

    def _learn(self, packet: ArpPacket, interface: Interface, link_unicast: bool) -> None:
        """Take the sender's address if it is known already: nobody else's news make an entry."""
        known = self.table.find(interface, packet.sender_ip)
        if known is None:
            return
        gratuitous = packet.target_ip == packet.sender_ip
        override = gratuitous or self.table.clock.now > known.updated + _LOCK_TIME
        # Only an answer to this host proves that packets reach the neighbour.
        proof = packet.operation == ARP_REPLY and link_unicast
        known.update(packet.sender_mac, REACHABLE if proof else STALE, override)

    def _reply(self, interface: Interface, mac: int, address: int, asker: int) -> None:
        packet = ArpPacket(ARP_REPLY, interface.mac, address, mac, asker)
        interface.transmit(EthernetFrame(mac, interface.mac, ETHERTYPE_ARP, packet))
