"""A ping socket: it sends echo requests, and gets the replies to them."""

from __future__ import annotations

from errno import EACCES, EDESTADDRREQ, EINVAL, EMSGSIZE
from typing import Final

from ..ports.endpoint import AF_INET, CLOSE, ESTABLISHED, Endpoint
from ..wire.address import V4_ANY, V6_ANY, is_any
from ..wire.icmp import ICMP_ECHO_REQUEST, IcmpMessage
from ..wire.icmpv6 import ICMPV6_ECHO_REQUEST, Icmpv6Message
from ..wire.ip import PROTOCOL_ICMP, PROTOCOL_ICMPV6, IpPacket
from ..wire.packet import Payload
from .base import SocketEvents
from .datagram import Datagram
from .datagram_socket import CONNECTED_PEER, DatagramSocket
from .filtering import DROP, kept_of_packet
from .ip_output import IpOutput
from .path import BROADCAST
from .truesize import datagram_truesize

_LARGEST: Final = 0xFFFF
_HEADER: Final = 8


class PingSocket(DatagramSocket):
    """One ping socket; its identifier is ``endpoint.local_port``. Its endpoint is in no port table."""

    def __init__(self, ip: IpOutput, endpoint: Endpoint, events: SocketEvents | None) -> None:
        super().__init__(ip, endpoint, events)
        self.v4: bool = endpoint.family == AF_INET

    def bound_to_all(self) -> bool:
        return is_any(self.endpoint.local)

    def connect(self, address: int, port: int) -> int:
        """Fix the peer; 0, ENETUNREACH, EACCES."""
        code, source, address = self.find_peer(address)
        if code != 0:
            return code
        endpoint = self.endpoint
        if is_any(endpoint.local):
            endpoint.local = source
        endpoint.peer = address
        endpoint.peer_port = port
        endpoint.state = ESTABLISHED
        return 0

    def disconnect(self) -> None:
        """connect() to AF_UNSPEC."""
        endpoint = self.endpoint
        endpoint.state = CLOSE
        endpoint.peer = V4_ANY if self.v4 else V6_ANY
        endpoint.peer_port = 0
        endpoint.device = 0
        if not endpoint.address_locked:
            endpoint.local = endpoint.peer

    def send_from(
        self, source: int, destination: int, data: bytes, tos: int, ttl: int, device: int, on_link: bool
    ) -> int:
        """Send an echo request; identifier and checksum are filled in (``ping_v4_sendmsg``).

        EMSGSIZE, EINVAL (no echo request), EDESTADDRREQ, ENETUNREACH, EACCES, the pending error.
        """
        code = check_echo(data, self.v4)
        if code != 0:
            return code
        if destination == CONNECTED_PEER:
            if self.endpoint.state != ESTABLISHED:
                return EDESTADDRREQ
            destination = self.endpoint.peer
        source, destination = self.addresses(source, destination)
        path = self.choose_path(source, destination, device, on_link)
        if path is None:
            return self.no_route(destination, device)
        if path.kind == BROADCAST and not self.broadcast:
            return EACCES
        rest = self.endpoint.local_port << 16 | data[6] << 8 | data[7]
        message: Payload
        if self.v4:
            message = IcmpMessage(ICMP_ECHO_REQUEST, 0, rest, data[_HEADER:])
            protocol = PROTOCOL_ICMP
        else:
            message = Icmpv6Message(ICMPV6_ECHO_REQUEST, 0, rest, data[_HEADER:])
            protocol = PROTOCOL_ICMPV6
        message.origin = self.endpoint
        return self.transmit(self.source_for(source, path), destination, 0, protocol, message, tos, ttl, path)

    def reply_arrives(self, packet: IpPacket, ifindex: int) -> None:
        """Take an echo reply, ICMP header included."""
        data = packet.payload.serialize(packet.source, packet.destination)
        if self.filter is not None:
            kept = kept_of_packet(self.filter, packet, ifindex, packet.header_length(), 1, self.ip.stream)
            if kept == DROP:
                self.drops += 1
                return
            data = data[:kept]
        self.deliver(
            Datagram(
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
        )


def check_echo(data: bytes, v4: bool) -> int:
    """0 if ``data`` begins with the header of an echo request, else EMSGSIZE or EINVAL."""
    if len(data) > _LARGEST:
        return EMSGSIZE
    if len(data) < _HEADER or data[0] != (ICMP_ECHO_REQUEST if v4 else ICMPV6_ECHO_REQUEST) or data[1] != 0:
        return EINVAL
    return 0
