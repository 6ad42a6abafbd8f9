"""Raw sockets of AF_INET and AF_INET6 (Linux ``net/ipv4/raw.c``, ``net/ipv6/raw.c``)."""

from __future__ import annotations

from errno import EADDRNOTAVAIL, EAFNOSUPPORT, EINVAL, EMSGSIZE, ENOPROTOOPT, EOPNOTSUPP
from typing import TYPE_CHECKING, Final

from ..ports.endpoint import CLOSE, Endpoint
from ..stack.datagram_socket import CONNECTED_PEER, DatagramSocket
from ..stack.raw_socket import PROTOCOL_RAW, RawSocket
from ..wire.address import is_v4
from .error import KernelError
from .inet import needs_scope
from .inet_control import SendControl
from .inet_messages import InetMessages
from .layout import pack_int, read_int
from .process import Process
from .sockaddr import AF_INET, AF_INET6, AF_UNSPEC, IPPROTO_ICMP, IPPROTO_ICMPV6, SOCK_RAW, SockAddr
from .socket import MSG_OOB, ControlMessage
from .sockopt import (
    ICMP_FILTER,
    ICMPV6_FILTER,
    IP_HDRINCL,
    IPV6_CHECKSUM,
    IPV6_HDRINCL,
    SOL_ICMPV6,
    SOL_IP,
    SOL_IPV6,
    SOL_RAW,
)

if TYPE_CHECKING:
    from .kernel import Kernel

_LARGEST: Final = 0xFFFF
_ICMP_FILTER_LENGTH: Final = 4
_ICMPV6_FILTER_LENGTH: Final = 32


class InetRaw(InetMessages):
    """A raw socket over a :class:`RawSocket`."""

    __slots__ = ("raw",)

    def __init__(self, kernel: Kernel, creator: Process, family: int, protocol: int) -> None:
        endpoint = Endpoint(protocol, family, creator.uid)
        self.raw: RawSocket = RawSocket(kernel.stack, endpoint, protocol, None)
        endpoint.owner = self.raw
        # What names show in place of a port.
        endpoint.local_port = protocol
        name = f"raw socket of {creator.name}"
        super().__init__(kernel, creator, family, SOCK_RAW, protocol, endpoint, name)
        self.raw.events = self.waker
        self.reuse_addr = True
        kernel.stack.raw.add(self.raw)

    def make_messages(self) -> DatagramSocket:
        return self.raw

    # Connection

    def bind(self, addr: SockAddr) -> None:
        """EAFNOSUPPORT, EADDRNOTAVAIL, EINVAL. The port means nothing."""
        address = addr.ip
        if self.family == AF_INET6:
            if addr.family != AF_INET6:
                raise KernelError(EINVAL)
            if is_v4(address):
                raise KernelError(EADDRNOTAVAIL, "IPv6 only")
        if self.endpoint.state != CLOSE:
            raise KernelError(EINVAL, "connected")
        if addr.family not in (self.family, AF_UNSPEC):
            raise KernelError(EAFNOSUPPORT)
        if needs_scope(address):
            self.bind_to_scope(addr.scope_id)
        self.check_address(address)
        if self.family == AF_INET6:
            self.check_device(address)
        self.raw.bind(address)

    def connect(self, addr: SockAddr) -> bool:
        """Fix the peer; AF_UNSPEC undoes it. EAFNOSUPPORT, ENETUNREACH, EACCES."""
        if addr.family == AF_UNSPEC:
            self.raw.disconnect()
            return True
        address = self.target(addr)
        if needs_scope(address):
            self.take_scope(addr.scope_id or self.multicast_scope(address))
        self.take_flow(addr)
        code = self.raw.connect(address, addr.port)
        if code != 0:
            raise KernelError(code)
        return True

    # Data

    def sendmsg(self, data: bytes, flags: int, addr: SockAddr | None, control: list[ControlMessage]) -> int:
        """EMSGSIZE, EOPNOTSUPP, EAFNOSUPPORT, EINVAL, EDESTADDRREQ, EACCES, ENETUNREACH, a pending error."""
        if len(data) > _LARGEST:
            raise KernelError(EMSGSIZE)
        if flags & MSG_OOB:
            raise KernelError(EOPNOTSUPP)
        if addr is not None and self.family == AF_INET6:
            self._check_port(addr.port)
        attached = SendControl(self, control) if control else None
        self.raw.dontfrag_once = -1 if attached is None else attached.dontfrag
        self.raw.sent_headers_once = None if attached is None else attached.headers
        target = self.send_target(addr, attached, flags)
        if self.family == AF_INET6 and target.address != CONNECTED_PEER and is_v4(target.address):
            raise KernelError(EINVAL)
        code = self.raw.send_from(
            target.source, target.address, data, target.tos, target.ttl, target.device, target.on_link
        )
        if code != 0:
            raise KernelError(code)
        return len(data)

    def _check_port(self, port: int) -> None:
        """In IPv6 it may say the protocol, which must be the socket's."""
        if port and ((port != self.protocol and self.protocol != PROTOCOL_RAW) or port > PROTOCOL_RAW):
            raise KernelError(EINVAL)

    # Options

    def set_protocol_option(self, level: int, name: int, value: bytes) -> None:
        raw = self.raw
        if level == SOL_IP and self.family == AF_INET6:
            # Unlike other AF_INET6 sockets it carries no IPv4.
            raise KernelError(ENOPROTOOPT)
        if level == SOL_IP and name == IP_HDRINCL:
            raw.header_included = read_int(value.ljust(4, b"\0")) != 0
        elif level == SOL_RAW and self.family == AF_INET:
            self._need_icmp(name)
            raw.icmp_filter = _overlaid(raw.icmp_filter, value, _ICMP_FILTER_LENGTH)
        elif level in (SOL_RAW, SOL_IPV6) and name == IPV6_CHECKSUM and self.family == AF_INET6:
            self._set_checksum(level, read_int(value))
        elif level in (SOL_RAW, SOL_IPV6) and name == IPV6_HDRINCL and self.family == AF_INET6:
            raw.header_included = read_int(value) != 0
        elif level == SOL_ICMPV6 and self.family == AF_INET6:
            self._need_icmp6(name)
            raw.icmp6_filter = _overlaid(raw.icmp6_filter, value, _ICMPV6_FILTER_LENGTH)
        elif level == SOL_RAW:
            read_int(value)
            raise KernelError(ENOPROTOOPT)
        else:
            super().set_protocol_option(level, name, value)

    def get_protocol_option(self, level: int, name: int, length: int) -> bytes:
        raw = self.raw
        if level == SOL_IP and self.family == AF_INET6:
            raise KernelError(ENOPROTOOPT)
        if level == SOL_IP and name == IP_HDRINCL:
            return pack_int(raw.header_included)
        if level == SOL_RAW and self.family == AF_INET:
            self._need_icmp(name)
            return pack_int(raw.icmp_filter)
        if level in (SOL_RAW, SOL_IPV6) and name == IPV6_CHECKSUM and self.family == AF_INET6:
            return pack_int(raw.checksum_at)
        if level in (SOL_RAW, SOL_IPV6) and name == IPV6_HDRINCL and self.family == AF_INET6:
            return pack_int(raw.header_included)
        if level == SOL_ICMPV6 and self.family == AF_INET6:
            self._need_icmp6(name)
            return raw.icmp6_filter.to_bytes(_ICMPV6_FILTER_LENGTH, "little")
        if level == SOL_RAW:
            raise KernelError(ENOPROTOOPT)
        return super().get_protocol_option(level, name, length)

    def _need_icmp(self, name: int) -> None:
        if name != ICMP_FILTER:
            raise KernelError(ENOPROTOOPT)
        if self.protocol != IPPROTO_ICMP:
            raise KernelError(EOPNOTSUPP)

    def _need_icmp6(self, name: int) -> None:
        if self.protocol != IPPROTO_ICMPV6:
            raise KernelError(EOPNOTSUPP)
        if name != ICMPV6_FILTER:
            raise KernelError(ENOPROTOOPT)

    def _set_checksum(self, level: int, offset: int) -> None:
        if self.protocol == IPPROTO_ICMPV6 and level == SOL_IPV6:
            # RFC 3542 §3.1: ICMPv6 always has its checksum.
            raise KernelError(EINVAL)
        if offset > 0 and offset & 1:
            raise KernelError(EINVAL)
        self.raw.checksum_at = max(offset, -1)

    def release(self) -> None:
        self.kernel.stack.raw.remove(self.raw)
        self.raw.close()


def _overlaid(known: int, value: bytes, length: int) -> int:
    """A filter whose first bytes are replaced by ``value``, which may be shorter."""
    given = value[:length]
    return int.from_bytes(given + known.to_bytes(length, "little")[len(given) :], "little")
