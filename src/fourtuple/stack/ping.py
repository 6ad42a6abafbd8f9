"""The ping sockets of one host: SOCK_DGRAM sockets of ICMP and ICMPv6 (icmp(7); net/ipv4/ping.c)."""

from __future__ import annotations

from ..ports.endpoint import AF_INET
from ..wire.icmp import IcmpMessage
from ..wire.icmpv6 import Icmpv6Message
from ..wire.ip import IpPacket
from .base import IcmpError
from .ping_socket import PingSocket


class PingTable:
    """Ping sockets by their identifier, which is what an echo calls its sender. The two families share
    the identifiers, as in Linux."""

    def __init__(self) -> None:
        self._by_ident: dict[int, list[PingSocket]] = {}
        self._rover: int = 0

    def bind(self, socket: PingSocket, ident: int) -> bool:
        """Give ``socket`` the identifier, or a free one for 0; False if it is taken or none is free."""
        if ident == 0:
            for _ in range(1 << 16):
                self._rover = (self._rover + 1) & 0xFFFF
                if self._rover and self._rover not in self._by_ident:
                    ident = self._rover
                    break
            else:
                return False
        else:
            for other in self._by_ident.get(ident, []):
                if other is not socket and not (other.endpoint.reuse_addr and socket.endpoint.reuse_addr):
                    return False
        self._by_ident.setdefault(ident, []).insert(0, socket)
        socket.endpoint.local_port = ident
        return True

    def remove(self, socket: PingSocket) -> None:
        """Take its identifier back; harmless if it has none."""
        ident = socket.endpoint.local_port
        sockets = [other for other in self._by_ident.get(ident, []) if other is not socket]
        if sockets:
            self._by_ident[ident] = sockets
        else:
            self._by_ident.pop(ident, None)
        socket.endpoint.local_port = 0

    def sockets(self) -> list[PingSocket]:
        """All of them, in an order that depends only on what was done."""
        return [socket for sockets in self._by_ident.values() for socket in sockets]

    def reply_arrives(self, packet: IpPacket, message: IcmpMessage | Icmpv6Message, ifindex: int) -> None:
        """Pass an echo reply to who asked, if anybody did."""
        socket = self._find(message.rest >> 16, packet.destination, ifindex, isinstance(message, IcmpMessage))
        if socket is not None:
            socket.reply_arrives(packet, ifindex)

    def icmp_error(self, error: IcmpError) -> bool:
        """Tell who sent the echo an ICMP error is about; whether there was one."""
        quoted = error.payload
        if len(quoted) < 8:
            return False
        ident = quoted[4] << 8 | quoted[5]
        socket = self._find(ident, error.source, error.ifindex, error.type_v6 < 0)
        if socket is None:
            return False
        socket.note_error(error, 0, quoted)
        return True

    def _find(self, ident: int, local: int, ifindex: int, v4: bool) -> PingSocket | None:
        for socket in self._by_ident.get(ident, []):
            endpoint = socket.endpoint
            if (endpoint.family == AF_INET) != v4:
                continue
            if not socket.bound_to_all() and endpoint.local != local:
                continue
            if endpoint.device and endpoint.device != ifindex:
                continue
            return socket
        return None
