"""Network interfaces: what a host has addresses on and sends frames through."""

from __future__ import annotations

from typing import Final

from ..clock.clock import Clock
from ..wire.address import MAC_BROADCAST, is_v4
from ..wire.arp import ArpPacket
from ..wire.ethernet import EthernetFrame
from ..wire.ipv4 import Ipv4Packet
from ..wire.ipv6 import Ipv6Packet
from .base import Device, FrameSink
from .frame_tap import (
    ARPHRD_ETHER,
    ARPHRD_LOOPBACK,
    PACKET_BROADCAST,
    PACKET_HOST,
    PACKET_MULTICAST,
    PACKET_OTHERHOST,
    PACKET_OUTGOING,
    FrameListener,
    FrameTaps,
)

GROUP_BIT: Final = 1 << 40
"""Set in the MAC addresses of multicast and broadcast (IEEE 802, the I/G bit)."""


class Ipv4Handler:
    """Where an interface hands IPv4 packets."""

    def receive(self, packet: Ipv4Packet, interface: Interface, link_unicast: bool) -> None:
        """Take a packet; ``link_unicast`` is False if its frame was a broadcast or multicast."""
        raise NotImplementedError

    def looped(self, packet: Ipv4Packet, interface: Interface) -> None:
        """Take this host's own copy of a broadcast or multicast it sent through ``interface``."""
        raise NotImplementedError


class Ipv6Handler:
    """Where an interface hands IPv6 packets."""

    def receive(self, packet: Ipv6Packet, interface: Interface, link_unicast: bool) -> None:
        """Take a packet; ``link_unicast`` is False if its frame was a multicast."""
        raise NotImplementedError

    def looped(self, packet: Ipv6Packet, interface: Interface) -> None:
        """Take this host's own copy of a multicast it sent through ``interface``."""
        raise NotImplementedError


class ArpHandler:
    """Where an interface hands ARP packets."""

    def receive(self, packet: ArpPacket, interface: Interface, link_unicast: bool) -> None:
        raise NotImplementedError


class Interface(FrameSink):
    """One interface of one host.

    Change ``mtu``, ``up`` and ``addresses`` through the stack, which forgets what it cached of them;
    ``device`` may be replaced at any time.
    """

    def __init__(
        self,
        name: str,
        ifindex: int,
        mac: int,
        mtu: int,
        ipv4: Ipv4Handler,
        ipv6: Ipv6Handler,
        arp: ArpHandler,
        clock: Clock,
        taps: FrameTaps,
    ) -> None:
        self.name = name
        self.ifindex = ifindex
        self.mac = mac
        self.mtu = mtu
        self.ipv4 = ipv4
        self.ipv6 = ipv6
        self.arp = arp
        self.clock = clock
        self.taps = taps
        self.device: Device | None = None
        self.up: bool = True
        self.loopback: bool = False
        self.peer_mac: int = -1
        """Where every frame goes on a link that resolves no addresses (IFF_NOARP), -1 on one that does."""
        self.addresses: list[tuple[int, int]] = []
        """(address, prefix length), in the order they were added; none that is tentative."""
        self.hop_limit: int = 0
        """Hop limit a router advertised for the link, 0 for none."""
        self.link_mtu_v6: int = 0
        """MTU a router advertised for the link, 0 for none."""
        self.sources: dict[int, bool] = {}
        """Source addresses already found fit to arrive here."""
        self.promiscuous: int = 0
        """How many want frames to others' addresses too."""
        self.rx_packets: int = 0
        self.rx_bytes: int = 0
        self.rx_dropped: int = 0
        self.rx_other_host: int = 0
        """Frames to another's MAC address, which a flooding switch brings."""
        self.tx_packets: int = 0
        self.tx_bytes: int = 0
        self.tx_dropped: int = 0

    def receive(self, frame: EthernetFrame) -> None:
        """Take a frame off the link."""
        if not self.up:
            self.rx_dropped += 1
            return
        destination = frame.destination
        link_unicast = True
        if destination != self.mac:
            if destination & GROUP_BIT == 0:
                self.rx_other_host += 1
                if self.promiscuous:
                    self._show(frame, PACKET_OTHERHOST)
                return
            link_unicast = False
        self.rx_packets += 1
        self.rx_bytes += frame.wire_length()
        if self.taps.listeners:
            self._show(frame, PACKET_HOST if link_unicast else _group_type(destination))
        payload = frame.payload
        if isinstance(payload, Ipv4Packet):
            self.ipv4.receive(payload, self, link_unicast)
        elif isinstance(payload, Ipv6Packet):
            self.ipv6.receive(payload, self, link_unicast)
        elif isinstance(payload, ArpPacket):
            self.arp.receive(payload, self, link_unicast)
        else:
            self.rx_dropped += 1

    def transmit(self, frame: EthernetFrame) -> None:
        """Hand a frame to the device, or drop it if the interface is down."""
        device = self.device
        if device is None or not self.up:
            self.tx_dropped += 1
            return
        self.tx_packets += 1
        self.tx_bytes += frame.wire_length()
        if self.taps.listeners:
            self._show(frame, PACKET_OUTGOING)
        device.transmit(frame)

    def inject(self, frame: EthernetFrame, sender: FrameListener, unseen: bool) -> None:
        """Transmit a packet socket's frame, which ``sender`` itself is not shown; with ``unseen``
        nobody is (PACKET_QDISC_BYPASS)."""
        device = self.device
        if device is None or not self.up:
            self.tx_dropped += 1
            return
        self.tx_packets += 1
        self.tx_bytes += frame.wire_length()
        if not unseen:
            self.taps.show(frame, self.ifindex, self.hatype(), PACKET_OUTGOING, self.clock.now, sender)
        device.transmit(frame)

    def _show(self, frame: EthernetFrame, pkttype: int) -> None:
        self.taps.show(frame, self.ifindex, self.hatype(), pkttype, self.clock.now, None)

    def hatype(self) -> int:
        """ARPHRD_ETHER or ARPHRD_LOOPBACK."""
        return ARPHRD_LOOPBACK if self.loopback else ARPHRD_ETHER

    def owns(self, address: int) -> bool:
        """Whether ``address`` is one of its own."""
        return address in [own for own, _ in self.addresses]

    def first_of_subnet(self, address: int, length: int) -> int:
        """The first of its IPv4 addresses on the subnet of ``address``, which makes the others secondary
        ones (IFA_F_SECONDARY); ``address`` itself if it has none there."""
        shift = 32 - length
        for own, prefix in self.addresses:
            if prefix == length and own >> shift == address >> shift:
                return own
        return address

    def primary(self, toward: int) -> int:
        """Its IPv4 source address for a neighbour ``toward``, -1 if it has none.

        The first whose prefix holds ``toward``, else the first (``inet_select_addr``).
        """
        first = -1
        for own, length in self.addresses:
            if not is_v4(own):
                continue
            shift = 32 - length
            if own >> shift == toward >> shift:
                return own
            if first < 0:
                first = own
        return first

    def mtu_v6(self) -> int:
        """What IPv6 packets may measure: a router may advertise less than the link takes."""
        return min(self.mtu, self.link_mtu_v6) if self.link_mtu_v6 else self.mtu

    def link_local(self) -> int:
        """Its IPv6 link-local address, -1 if it has none."""
        for own, _ in self.addresses:
            if own >> 118 == 0x3FA:
                return own
        return -1

    def __repr__(self) -> str:
        return f"Interface({self.name}, {self.ifindex})"


def _group_type(mac: int) -> int:
    return PACKET_BROADCAST if mac == MAC_BROADCAST else PACKET_MULTICAST
