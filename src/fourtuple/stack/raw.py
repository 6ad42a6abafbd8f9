"""The raw sockets of one host: who gets copies of which packets (raw(7); net/ipv4/raw.c, net/ipv6/raw.c)."""

from __future__ import annotations

from ..ports.multicast import source_allowed
from ..wire.address import is_multicast, is_v4
from ..wire.ip import IpPacket
from .base import IcmpError
from .raw_socket import RawSocket


class RawTable:
    """Raw sockets by protocol number. IP shows them each packet for this host before its transport.

    ``listening`` is False while there are none, so that the hot path asks no more.
    """

    def __init__(self) -> None:
        self.listening: bool = False
        self._by_protocol: dict[int, list[RawSocket]] = {}

    def add(self, socket: RawSocket) -> None:
        self._by_protocol.setdefault(socket.protocol, []).insert(0, socket)
        self.listening = True

    def remove(self, socket: RawSocket) -> None:
        """Harmless if it is not there."""
        sockets = [other for other in self._by_protocol.get(socket.protocol, []) if other is not socket]
        if sockets:
            self._by_protocol[socket.protocol] = sockets
        else:
            self._by_protocol.pop(socket.protocol, None)
        self.listening = len(self._by_protocol) > 0

    def sockets(self) -> list[RawSocket]:
        """All of them, in an order that depends only on what was done."""
        return [socket for sockets in self._by_protocol.values() for socket in sockets]

    def deliver(self, packet: IpPacket, ifindex: int) -> bool:
        """Give copies of a whole packet to all sockets it matches; whether there were any."""
        sockets = self._by_protocol.get(packet.protocol)
        if sockets is None:
            return False
        found = False
        v4 = is_v4(packet.source)
        for socket in sockets:
            if socket.v4 == v4 and _matches(socket, packet.source, packet.destination, ifindex):
                found = True
                socket.packet_arrives(packet, ifindex)
        return found

    def icmp_error(self, protocol: int, error: IcmpError, ifindex: int) -> bool:
        """Tell the sockets that may have sent the packet an ICMP error is about; whether there were any."""
        sockets = self._by_protocol.get(protocol)
        if sockets is None:
            return False
        found = False
        v4 = is_v4(error.source)
        for socket in sockets:
            if socket.v4 == v4 and _matches(socket, error.destination, error.source, ifindex):
                found = True
                socket.note_error(error, 0, error.payload)
        return found


def _matches(socket: RawSocket, remote: int, local: int, ifindex: int) -> bool:
    """``raw_v4_match``, ``raw_v6_match``."""
    endpoint = socket.endpoint
    if socket.connected and endpoint.peer != remote:
        return False
    if endpoint.device and endpoint.device != ifindex:
        return False
    group = is_multicast(local)
    if not socket.bound_to_all() and endpoint.local != local:
        # An IPv6 socket bound to an address gets the groups it joined too.
        return not socket.v4 and group and source_allowed(endpoint, local, remote, ifindex)
    return not group or not socket.v4 or source_allowed(endpoint, local, remote, ifindex)
