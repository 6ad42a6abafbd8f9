"""A raw socket: packets of one protocol, with IPv4's header and without IPv6's (raw(7))."""

from __future__ import annotations

from errno import EACCES, EDESTADDRREQ, EINVAL, EMSGSIZE
from typing import Final

from ..ports.endpoint import AF_INET, CLOSE, ESTABLISHED, Endpoint
from ..wire.address import V4_ANY, V6_ANY, is_any
from ..wire.checksum import internet_checksum, pseudo_header_sum
from ..wire.ip import PROTOCOL_ICMP, PROTOCOL_ICMPV6, PROTOCOL_UDP, IpPacket
from ..wire.ipv4 import HEADER_LENGTH as V4_HEADER
from ..wire.ipv6 import HEADER_LENGTH as V6_HEADER
from ..wire.ipv6 import Ipv6Packet
from ..wire.lenient import read_ipv4, read_ipv6
from ..wire.packet import Payload, RawPayload, WireError
from ..wire.payload import parse_payload
from .base import SocketEvents
from .datagram import Datagram
from .datagram_socket import CONNECTED_PEER, DatagramSocket
from .filtering import DROP, kept_of_packet
from .ip_output import IpOutput
from .path import BROADCAST, Path
from .truesize import datagram_truesize

PROTOCOL_RAW: Final = 255

_LARGEST: Final = 0xFFFF


class RawSocket(DatagramSocket):
    """One raw socket of IP ``protocol``. Its endpoint is in no port table."""

    def __init__(self, ip: IpOutput, endpoint: Endpoint, protocol: int, events: SocketEvents | None) -> None:
        super().__init__(ip, endpoint, events)
        self.protocol = protocol
        self.v4: bool = endpoint.family == AF_INET
        self.connected: bool = False
        self.header_included: bool = protocol == PROTOCOL_RAW
        """IP_HDRINCL, IPV6_HDRINCL."""
        self.icmp_filter: int = 0
        """ICMP_FILTER: bit N set keeps type N away."""
        self.icmp6_filter: int = 0
        """ICMPV6_FILTER, likewise."""
        self.checksum_at: int = 2 if protocol == PROTOCOL_ICMPV6 and not self.v4 else -1
        """IPV6_CHECKSUM: offset of a checksum this host fills in and verifies, -1 for none."""

    def bound_to_all(self) -> bool:
        return is_any(self.endpoint.local)

    # --- binding ------------------------------------------------------------------------------

    def bind(self, address: int) -> None:
        """Fix the local address."""
        self.endpoint.local = address
        self.endpoint.address_locked = not is_any(address)

    def connect(self, address: int, port: int) -> int:
        """Fix the peer (the port means nothing); 0, ENETUNREACH, EACCES."""
        code, source, address = self.find_peer(address)
        if code != 0:
            return code
        endpoint = self.endpoint
        if is_any(endpoint.local):
            endpoint.local = source
        endpoint.peer = address
        endpoint.peer_port = port
        endpoint.state = ESTABLISHED
        self.connected = True
        return 0

    def disconnect(self) -> None:
        """connect() to AF_UNSPEC (``__udp_disconnect``)."""
        endpoint = self.endpoint
        endpoint.state = CLOSE
        endpoint.peer = V4_ANY if self.v4 else V6_ANY
        endpoint.peer_port = 0
        endpoint.device = 0
        self.connected = False
        if not endpoint.address_locked:
            endpoint.local = endpoint.peer

    # --- sending ------------------------------------------------------------------------------

    def send_from(
        self, source: int, destination: int, data: bytes, tos: int, ttl: int, device: int, on_link: bool
    ) -> int:
        """Send one packet; 0 or an errno (``raw_sendmsg``, ``rawv6_sendmsg``).

        EMSGSIZE, EDESTADDRREQ, ENETUNREACH, EACCES (broadcast without SO_BROADCAST), EINVAL (a header
        that is none), the pending error. ``destination`` may be CONNECTED_PEER.
        """
        if len(data) > _LARGEST:
            return EMSGSIZE
        if destination == CONNECTED_PEER:
            if not self.connected:
                return EDESTADDRREQ
            destination = self.endpoint.peer
        source, destination = self.addresses(source, destination)
        path = self.choose_path(source, destination, device, on_link)
        if path is None:
            return self.no_route(destination, device)
        if path.kind == BROADCAST and not self.broadcast:
            return EACCES
        source = self.source_for(source, path)
        if self.header_included:
            if path.is_v6:
                return self._send_whole_v6(data, destination, path)
            return self._send_whole_v4(data, source, destination, path)
        if self.checksum_at >= 0:
            if self.checksum_at >= len(data) - 1:
                return EINVAL
            data = self._with_checksum(data, source, destination)
        payload = self._payload(data, source, destination)
        return self.transmit(source, destination, 0, self.protocol & 0xFF, payload, tos, ttl, path)

    def obeys_dontfrag(self) -> bool:
        return self.protocol in (PROTOCOL_ICMPV6, PROTOCOL_RAW)

    def refusal(self) -> int:
        # Without a transport header ip_append_data() takes memory that asks for neither.
        return 0

    def _payload(self, data: bytes, source: int, destination: int) -> Payload:
        try:
            payload = parse_payload(self.protocol & 0xFF, data, source, destination)
        except WireError:
            payload = RawPayload(data)
        payload.origin = self.endpoint
        return payload

    def _with_checksum(self, data: bytes, source: int, destination: int) -> bytes:
        """``rawv6_push_pending_frames``: what stood there before does not count."""
        at = self.checksum_at
        head, tail = data[:at], data[at + 2 :]
        covered = pseudo_header_sum(source, destination, self.protocol, len(data))
        value = internet_checksum(head + b"\0\0" + tail, covered)
        if value == 0 and self.protocol == PROTOCOL_UDP:
            value = 0xFFFF
        return head + value.to_bytes(2, "big") + tail

    def _send_whole_v4(self, data: bytes, source: int, destination: int, path: Path) -> int:
        """``raw_send_hdrinc``: length and checksum are filled in, source and identification if 0."""
        length = len(data)
        if length > path.interface.mtu:
            self.report_too_long(destination, 0, path.interface.mtu)
            return EMSGSIZE
        if length < V4_HEADER:
            return EINVAL
        code = super().refusal()
        if code != 0:
            return code
        header_length = (data[0] & 15) << 2
        if not V4_HEADER <= header_length <= length:
            return EINVAL
        header = bytearray(data[:header_length])
        header[2:4] = length.to_bytes(2, "big")
        if header[12:16] == b"\0\0\0\0":
            header[12:16] = (source & 0xFFFF_FFFF).to_bytes(4, "big")
        if header[4:6] == b"\0\0":
            path.ident = (path.ident + 1) & 0xFFFF
            header[4:6] = path.ident.to_bytes(2, "big")
        header[10:12] = b"\0\0"
        header[10:12] = internet_checksum(bytes(header), 0).to_bytes(2, "big")
        try:
            packet = read_ipv4(bytes(header) + data[header_length:])
        except WireError:
            # No IPv4 packet: whoever received it would drop it.
            self.ip.counters.ip.out_discards += 1
            return 0
        packet.payload.origin = self.endpoint
        self.ip.counters.ip.out_requests += 1
        return self._sent(self.ip.transmit(packet, path, path.interface.mtu, self.multicast_loop), False)

    def _send_whole_v6(self, data: bytes, destination: int, path: Path) -> int:
        """``rawv6_send_hdrinc``: nothing is filled in."""
        if len(data) > path.interface.mtu:
            self.report_too_long(destination, 0, path.interface.mtu)
            return EMSGSIZE
        if len(data) < V6_HEADER:
            return EINVAL
        code = super().refusal()
        if code != 0:
            return code
        try:
            packet = read_ipv6(data)
        except WireError:
            self.ip.counters.ip6.out_discards += 1
            return 0
        packet.payload.origin = self.endpoint
        mtu = path.interface.mtu
        code = self.ip.v6.send_on(packet, path, mtu, 0, self.multicast_loop_v6, False)
        return self._sent(code, True)

    # --- receiving ----------------------------------------------------------------------------

    def packet_arrives(self, packet: IpPacket, ifindex: int) -> None:
        """Take a packet that matches, unless a filter keeps it away (``raw_rcv``, ``rawv6_rcv``)."""
        if self.v4:
            data = packet.serialize()
            if self.protocol == PROTOCOL_ICMP and self._unwanted(data, packet.header_length()):
                return
            skip = 0
        else:
            skip = packet.header_length()
            destination = packet.destination
            if isinstance(packet, Ipv6Packet):
                destination = packet.final_destination()
            data = packet.payload.serialize(packet.source, destination)
            if self.protocol == PROTOCOL_ICMPV6 and data and self.icmp6_filter >> data[0] & 1:
                return
            if self.checksum_at >= 0 and not self._sum_is_right(data, packet.source, destination):
                self.drops += 1
                return
        if self.filter is not None:
            kept = kept_of_packet(self.filter, packet, ifindex, skip, 1, self.ip.stream)
            if kept == DROP:
                self.drops += 1
                return
            data = data[:kept]
        received = Datagram(
            data,
            packet.source,
            0,
            packet.destination,
            ifindex,
            packet.ttl,
            packet.tos,
            self.ip.clock.now,
            datagram_truesize(packet.wire_length(), not self.v4, packet.header_length()),
        )
        if isinstance(packet, Ipv6Packet):
            received.flow_label = packet.flow_label
            if packet.extensions:
                received.headers = packet.header_bytes()
        self.deliver(received)

    def _unwanted(self, data: bytes, at: int) -> bool:
        """Whether ICMP_FILTER keeps this type away; there are bits for 32."""
        return at < len(data) and data[at] < 32 and self.icmp_filter >> data[at] & 1 != 0

    def _sum_is_right(self, data: bytes, source: int, destination: int) -> bool:
        covered = pseudo_header_sum(source, destination, self.protocol, len(data))
        return internet_checksum(data, covered) == 0
