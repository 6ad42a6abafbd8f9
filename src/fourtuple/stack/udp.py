"""UDP of one host: which socket a datagram belongs to (RFC 768; ``udp_rcv``)."""

from __future__ import annotations

from ..ports.endpoint import AF_INET6, Endpoint
from ..ports.udp_table import UdpTable
from ..wire.address import is_multicast, is_v4
from ..wire.icmp import UNREACHABLE_PORT
from ..wire.ip import PROTOCOL_UDPLITE, IpPacket
from ..wire.ipv4 import Ipv4Packet
from ..wire.ipv6 import Ipv6Packet
from ..wire.udp import HEADER_LENGTH, UdpDatagram
from ..wire.udplite import UdpLiteDatagram
from .base import IcmpError, SocketEvents, Transport
from .filtering import DROP, kept_of_packet
from .ip_output import IpOutput
from .mib import UdpCounters
from .truesize import datagram_truesize
from .udp_socket import Datagram, UdpSocket


class UdpProtocol(Transport):
    """The transport IP hands datagrams to, and the maker of sockets; for UDP or, as ``lite``, UDP-Lite."""

    def __init__(self, ip: IpOutput, protocol: int) -> None:
        self.ip = ip
        self.lite: bool = protocol == PROTOCOL_UDPLITE
        self.table: UdpTable = ip.tables.udplite if self.lite else ip.tables.udp
        self.mib: UdpCounters = ip.counters.udplite if self.lite else ip.counters.udp
        self.mib_v6: UdpCounters = ip.counters.udplite6 if self.lite else ip.counters.udp6

    def create(self, endpoint: Endpoint, events: SocketEvents | None) -> UdpSocket:
        """A socket that owns ``endpoint``."""
        mib = self.mib_v6 if endpoint.family == AF_INET6 else self.mib
        socket = UdpSocket(self.ip, endpoint, events, mib)
        endpoint.owner = socket
        return socket

    def input(self, packet: Ipv4Packet, ifindex: int) -> None:
        self._receive(packet, ifindex, self.mib)

    def input_v6(self, packet: Ipv6Packet, ifindex: int) -> None:
        self._receive(packet, ifindex, self.mib_v6)

    def _receive(self, packet: IpPacket, ifindex: int, mib: UdpCounters) -> None:
        datagram = packet.payload
        if not isinstance(datagram, UdpDatagram):
            mib.in_errors += 1
            return
        destination = packet.destination
        if is_multicast(destination) or self.ip.local.is_broadcast(destination):
            self._deliver_group(packet, datagram, ifindex, mib)
            return
        if self.ip.tables.choosers:
            self.ip.under_way.set(packet, HEADER_LENGTH, ifindex)
        endpoint = self.table.lookup(
            packet.source, datagram.source_port, destination, datagram.destination_port, ifindex, None
        )
        self.ip.under_way.packet = None
        if endpoint is None:
            mib.no_ports += 1
            self.ip.send_unreachable(packet, UNREACHABLE_PORT)
            return
        socket = endpoint.owner
        if isinstance(socket, UdpSocket):
            self._pass(socket, packet, self._received(packet, datagram, ifindex))

    def icmp_error(self, error: IcmpError) -> None:
        """Find the socket that sent the datagram an ICMP error is about."""
        head = error.payload
        port = head[0] << 8 | head[1]
        peer_port = head[2] << 8 | head[3]
        endpoint = self.table.lookup(error.destination, peer_port, error.source, port, error.ifindex, None)
        if endpoint is None:
            self.ip.counters.icmp.in_errors += 1
            return
        socket = endpoint.owner
        if isinstance(socket, UdpSocket):
            socket.icmp_error(error)

    def _deliver_group(self, packet: IpPacket, datagram: UdpDatagram, ifindex: int, mib: UdpCounters) -> None:
        """Every socket that asked for it gets a broadcast or multicast."""
        endpoints = self.table.lookup_multicast(
            packet.source,
            datagram.source_port,
            packet.destination,
            datagram.destination_port,
            ifindex,
            None,
        )
        if not endpoints:
            mib.ignored_multi += 1
            return
        received = self._received(packet, datagram, ifindex)
        for endpoint in endpoints:
            socket = endpoint.owner
            if isinstance(socket, UdpSocket):
                self._pass(socket, packet, received)

    def _pass(self, socket: UdpSocket, packet: IpPacket, datagram: Datagram) -> None:
        """Give ``socket`` a datagram, or what its filter keeps of it (``udp_queue_rcv_one_skb``)."""
        if self.lite and not _covered_enough(socket, packet):
            socket.drops += 1
            socket.mib.in_errors += 1
            return
        program = socket.filter
        if program is not None:
            kept = kept_of_packet(
                program, packet, datagram.ifindex, packet.header_length(), HEADER_LENGTH, self.ip.stream
            )
            if kept == DROP:
                socket.drops += 1
                socket.mib.in_errors += 1
                return
            datagram = datagram.cut(kept - HEADER_LENGTH)
        self.ip.tables.delivered_udp(socket.endpoint, datagram.source)
        socket.deliver(datagram)

    def _received(self, packet: IpPacket, datagram: UdpDatagram, ifindex: int) -> Datagram:
        headers = packet.header_length() + HEADER_LENGTH
        received = Datagram(
            datagram.payload,
            packet.source,
            datagram.source_port,
            packet.destination,
            ifindex,
            packet.ttl,
            packet.tos,
            self.ip.clock.now,
            datagram_truesize(packet.wire_length(), not is_v4(packet.source), headers),
        )
        if isinstance(packet, Ipv6Packet):
            received.flow_label = packet.flow_label
            if packet.extensions:
                received.headers = packet.header_bytes()
        return received


def _covered_enough(socket: UdpSocket, packet: IpPacket) -> bool:
    """UDPLITE_RECV_CSCOV: may the datagram be covered in part, and is it by as much as was asked for?"""
    datagram = packet.payload
    least = socket.receive_coverage
    if least < 0 or not isinstance(datagram, UdpLiteDatagram) or not datagram.partial():
        return True
    return least != 0 and datagram.coverage >= least
