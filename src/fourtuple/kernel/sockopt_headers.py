"""IPv6 extension headers as options and control messages (RFC 3542; Linux ``ipv6_set_opt_hdr``)."""

from __future__ import annotations

from errno import EINVAL, ENOPROTOOPT, EPERM
from typing import TYPE_CHECKING, Final

from ..stack.sent_headers import SentHeaders, read_header
from ..wire.ip import PROTOCOL_DESTINATION_OPTIONS, PROTOCOL_HOP_BY_HOP
from .error import KernelError
from .layout import pack_int, read_int
from .process import CAP_NET_RAW
from .sockaddr import SOCK_STREAM
from .socket import ControlMessage
from .sockopt import (
    IPV6_DSTOPTS,
    IPV6_HOPOPTS,
    IPV6_RECVDSTOPTS,
    IPV6_RECVHOPOPTS,
    IPV6_RECVRTHDR,
    IPV6_RTHDR,
    IPV6_RTHDRDSTOPTS,
    SOL_IPV6,
)

if TYPE_CHECKING:
    from .inet import InetSocket

HEADER_OPTIONS: Final = (
    IPV6_RECVHOPOPTS,
    IPV6_HOPOPTS,
    IPV6_RTHDRDSTOPTS,
    IPV6_RECVRTHDR,
    IPV6_RTHDR,
    IPV6_RECVDSTOPTS,
    IPV6_DSTOPTS,
)
_LONGEST: Final = 8 * 255


def set_header_option(socket: InetSocket, name: int, value: bytes) -> None:
    """Set one of HEADER_OPTIONS. EPERM, EINVAL; ENOPROTOOPT for a header of TCP's packets."""
    if name == IPV6_RECVHOPOPTS:
        socket.recv_hop_options = read_int(value) != 0
    elif name == IPV6_RECVRTHDR:
        socket.recv_routing = read_int(value) != 0
    elif name == IPV6_RECVDSTOPTS:
        socket.recv_destination_options = read_int(value) != 0
    else:
        _set_header(socket, name, value)


def _set_header(socket: InetSocket, name: int, value: bytes) -> None:
    if name != IPV6_RTHDR and not socket.caller().capable(CAP_NET_RAW):
        raise KernelError(EPERM)
    if not value:
        if socket.sent_headers is not None:
            _put(socket.sent_headers, name, b"")
        return
    if len(value) & 7 or len(value) > _LONGEST:
        raise KernelError(EINVAL)
    header = read_header(value)
    if not header or name == IPV6_RTHDR:
        raise KernelError(EINVAL)
    if socket.type == SOCK_STREAM:
        raise KernelError(ENOPROTOOPT, "extension headers of TCP's packets")
    if socket.sent_headers is None:
        socket.sent_headers = SentHeaders()
    _put(socket.sent_headers, name, header)


def _put(headers: SentHeaders, name: int, header: bytes) -> None:
    if name == IPV6_HOPOPTS:
        headers.hop_by_hop = header
    elif name == IPV6_RTHDRDSTOPTS:
        headers.before_routing = header
    elif name == IPV6_DSTOPTS:
        headers.destination = header


def get_header_option(socket: InetSocket, name: int, length: int) -> bytes:
    """Read one of HEADER_OPTIONS; of a header the first ``length`` bytes."""
    if name == IPV6_RECVHOPOPTS:
        return pack_int(socket.recv_hop_options)
    if name == IPV6_RECVRTHDR:
        return pack_int(socket.recv_routing)
    if name == IPV6_RECVDSTOPTS:
        return pack_int(socket.recv_destination_options)
    headers = socket.sent_headers
    if headers is None or name == IPV6_RTHDR:
        return b""
    if name == IPV6_HOPOPTS:
        return headers.hop_by_hop[:length]
    if name == IPV6_RTHDRDSTOPTS:
        return headers.before_routing[:length]
    return headers.destination[:length]


def take_header(headers: SentHeaders, socket: InetSocket, kind: int, data: bytes) -> None:
    """A control message of a send call that gives a header. EINVAL, EPERM."""
    header = read_header(data)
    if not header or kind not in (IPV6_HOPOPTS, IPV6_RTHDRDSTOPTS, IPV6_DSTOPTS):
        raise KernelError(EINVAL)
    if kind == IPV6_HOPOPTS and headers.hop_by_hop:
        raise KernelError(EINVAL)
    if not socket.caller().capable(CAP_NET_RAW):
        raise KernelError(EPERM)
    _put(headers, kind, header)


def add_headers(socket: InetSocket, headers: list[tuple[int, bytes]], control: list[ControlMessage]) -> None:
    """Tell of the headers a datagram came with, those that were asked for, in their order."""
    for protocol, data in headers:
        if protocol == PROTOCOL_HOP_BY_HOP:
            wanted, kind = socket.recv_hop_options, IPV6_HOPOPTS
        elif protocol == PROTOCOL_DESTINATION_OPTIONS:
            wanted, kind = socket.recv_destination_options, IPV6_DSTOPTS
        else:
            wanted, kind = socket.recv_routing, IPV6_RTHDR
        if wanted:
            control.append(ControlMessage(SOL_IPV6, kind, data, None))
