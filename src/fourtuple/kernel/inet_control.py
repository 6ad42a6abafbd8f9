"""Control messages of UDP sockets: what a send may say of its packet, what a receive tells of it."""

from __future__ import annotations

from errno import EINVAL, ENETUNREACH
from typing import TYPE_CHECKING, Final

from ..stack.datagram import ORIGIN_LOCAL, ORIGIN_TIMESTAMPING, ORIGIN_ZEROCOPY, Datagram, SocketError
from ..stack.sent_headers import SentHeaders
from ..wire.address import V4_ANY, V4_BASE, is_any, is_link_local, is_multicast, is_v4
from .error import KernelError
from .layout import pack_int, read_int
from .netdevice import sockaddr_in, sockaddr_in6
from .sockaddr import AF_INET6, IPPROTO_UDP
from .socket import ControlMessage
from .sockopt import (
    IP_PKTINFO,
    IP_RECVERR,
    IP_RECVORIGDSTADDR,
    IP_TOS,
    IP_TTL,
    IPV6_DONTFRAG,
    IPV6_FLOWINFO,
    IPV6_HOPLIMIT,
    IPV6_PKTINFO,
    IPV6_RECVERR,
    IPV6_RECVORIGDSTADDR,
    IPV6_TCLASS,
    SO_TIMESTAMPING,
    SO_TIMESTAMPING_NEW,
    SOL_IP,
    SOL_IPV6,
    SOL_SOCKET,
    SOL_UDP,
    UDP_SEGMENT,
)
from .sockopt_headers import HEADER_OPTIONS, add_headers, take_header
from .timestamps import SOF_TX_RECORDS
from .unix_message import SCM_CREDENTIALS, SCM_RIGHTS

if TYPE_CHECKING:
    from .inet import InetSocket

_IN_PKTINFO: Final = 12
_IN6_PKTINFO: Final = 20


class SendControl:
    """What control messages of a sendmsg() ask for (Linux ``ip_cmsg_send``).

    Raises EINVAL, ENETUNREACH for a source address of another host.
    """

    __slots__ = ("device", "dontfrag", "headers", "segment", "source", "stamps", "tos", "ttl")

    def __init__(self, socket: InetSocket, control: list[ControlMessage]) -> None:
        self.source: int = V4_ANY
        self.device: int = 0
        self.tos: int = -1
        self.ttl: int = 0
        self.dontfrag: int = -1
        """IPV6_DONTFRAG, -1 for what the socket's option says."""
        self.headers: SentHeaders | None = None
        """IPv6 extension headers, None for the socket's."""
        self.segment: int = -1
        """UDP_SEGMENT, -1 for what the socket's option says."""
        self.stamps: int = 0
        """SO_TIMESTAMPING for this packet."""
        for message in control:
            if message.level == SOL_IP:
                self._take(message)
            elif message.level == SOL_IPV6 and socket.family == AF_INET6:
                if message.type in HEADER_OPTIONS:
                    if self.headers is None:
                        self.headers = SentHeaders()
                    take_header(self.headers, socket, message.type, message.data)
                else:
                    self._take_v6(message)
            elif message.level == SOL_SOCKET and message.type in (SO_TIMESTAMPING, SO_TIMESTAMPING_NEW):
                self.stamps = _stamps(message.data)
            elif message.level == SOL_SOCKET and message.type not in (SCM_RIGHTS, SCM_CREDENTIALS):
                raise KernelError(EINVAL)
            elif message.level == SOL_UDP and socket.protocol == IPPROTO_UDP:
                if message.type != UDP_SEGMENT or len(message.data) != 2:
                    raise KernelError(EINVAL)
                self.segment = int.from_bytes(message.data, "little")
        stack = socket.kernel.stack
        if is_any(self.source):
            self.source = V4_ANY
        elif is_multicast(self.source) or stack.is_broadcast(self.source):
            raise KernelError(EINVAL, "source address is a group's")
        elif not socket.transparent and not stack.is_local(self.source):
            raise KernelError(ENETUNREACH, "source address is not this host's")

    def _take_v6(self, message: ControlMessage) -> None:
        data = message.data
        if message.type == IPV6_PKTINFO:
            if len(data) < _IN6_PKTINFO:
                raise KernelError(EINVAL)
            self.source = int.from_bytes(data[:16], "big")
            self.device = read_int(data[16:])
            return
        if message.type not in (IPV6_HOPLIMIT, IPV6_TCLASS, IPV6_DONTFRAG) or len(data) != 4:
            raise KernelError(EINVAL)
        value = read_int(data)
        if message.type == IPV6_DONTFRAG:
            if not 0 <= value <= 1:
                raise KernelError(EINVAL)
            self.dontfrag = value
            return
        if not -1 <= value <= 255:
            raise KernelError(EINVAL)
        if message.type == IPV6_TCLASS:
            self.tos = max(value, 0)
        else:
            self.ttl = max(value, 0)

    def _take(self, message: ControlMessage) -> None:
        data = message.data
        if message.type == IP_PKTINFO:
            if len(data) != _IN_PKTINFO:
                raise KernelError(EINVAL)
            self.device = read_int(data)
            self.source = V4_BASE | int.from_bytes(data[4:8], "big")
        elif message.type == IP_TTL:
            value = read_int(data)
            if not 1 <= value <= 255:
                raise KernelError(EINVAL)
            self.ttl = value
        elif message.type == IP_TOS:
            if len(data) not in (1, 4):
                raise KernelError(EINVAL)
            value = int.from_bytes(data, "little", signed=len(data) == 4)
            if not 0 <= value <= 255:
                raise KernelError(EINVAL)
            self.tos = value
        else:
            raise KernelError(EINVAL)


def _stamps(data: bytes) -> int:
    if len(data) != 4:
        raise KernelError(EINVAL)
    flags = read_int(data)
    if flags & ~SOF_TX_RECORDS:
        raise KernelError(EINVAL)
    return flags


def receive_control(socket: InetSocket, datagram: Datagram, control: list[ControlMessage]) -> None:
    """Append what the socket asked to be told of each datagram, in Linux's order."""
    if socket.recv_pktinfo6:
        data = datagram.destination.to_bytes(16, "big") + pack_int(datagram.ifindex)
        control.append(ControlMessage(SOL_IPV6, IPV6_PKTINFO, data, None))
    if not is_v4(datagram.destination):
        if socket.recv_hop_limit:
            control.append(ControlMessage(SOL_IPV6, IPV6_HOPLIMIT, pack_int(datagram.ttl), None))
        if socket.recv_tclass:
            control.append(ControlMessage(SOL_IPV6, IPV6_TCLASS, pack_int(datagram.tos), None))
        if socket.recv_flow and (datagram.tos or datagram.flow_label):
            flow = (datagram.tos << 20 | datagram.flow_label).to_bytes(4, "big")
            control.append(ControlMessage(SOL_IPV6, IPV6_FLOWINFO, flow, None))
        if datagram.headers is not None:
            add_headers(socket, datagram.headers, control)
        if socket.recv_origdst6:
            scope = datagram.ifindex if is_link_local(datagram.destination) else 0
            data = sockaddr_in6(datagram.destination, socket.endpoint.local_port, scope)
            control.append(ControlMessage(SOL_IPV6, IPV6_RECVORIGDSTADDR, data, None))
        return
    if socket.recv_pktinfo:
        data = (
            pack_int(datagram.ifindex)
            + _address(_own_address(socket, datagram))
            + _address(datagram.destination)
        )
        control.append(ControlMessage(SOL_IP, IP_PKTINFO, data, None))
    if socket.recv_ttl:
        control.append(ControlMessage(SOL_IP, IP_TTL, pack_int(datagram.ttl), None))
    if socket.recv_tos:
        control.append(ControlMessage(SOL_IP, IP_TOS, bytes((datagram.tos,)), None))
    if socket.recv_origdst:
        data = sockaddr_in(datagram.destination, socket.endpoint.local_port)
        control.append(ControlMessage(SOL_IP, IP_RECVORIGDSTADDR, data, None))


def error_control(socket: InetSocket, entry: SocketError) -> ControlMessage:
    """struct sock_extended_err, and the address of who reported it, if anybody did."""
    own = entry.origin in (ORIGIN_LOCAL, ORIGIN_TIMESTAMPING, ORIGIN_ZEROCOPY)
    data = (
        pack_int(entry.errno)
        + bytes((entry.origin, entry.type, entry.code, 0))
        + pack_int(entry.info)
        + entry.key.to_bytes(4, "little")
    )
    if socket.family == AF_INET6:
        data += bytes(28) if own else sockaddr_in6(entry.reporter, 0)
        return ControlMessage(SOL_IPV6, IPV6_RECVERR, data, None)
    data += bytes(16) if own else sockaddr_in(entry.reporter, 0)
    return ControlMessage(SOL_IP, IP_RECVERR, data, None)


def _own_address(socket: InetSocket, datagram: Datagram) -> int:
    """ipi_spec_dst: the address to answer from. Of a group's datagram, the interface's."""
    if not socket.tells_own_address:
        return V4_ANY
    stack = socket.kernel.stack
    destination = datagram.destination
    if not is_multicast(destination) and not stack.is_broadcast(destination):
        return destination
    interface = stack.interface(datagram.ifindex)
    own = interface.primary(datagram.source) if interface is not None else -1
    return own if own >= 0 else V4_ANY


def _address(ip: int) -> bytes:
    return (ip & 0xFFFFFFFF).to_bytes(4, "big")
