"""UDP sockets (Linux ``net/ipv4/udp.c``)."""

from __future__ import annotations

from errno import EINVAL, EMSGSIZE, ENOPROTOOPT, EOPNOTSUPP
from typing import TYPE_CHECKING, Final

from ..ports.endpoint import Endpoint
from ..stack.datagram import Datagram
from ..stack.datagram_socket import DatagramSocket
from ..stack.udp_socket import UdpSocket, UdpWay
from .error import KernelError
from .inet import needs_scope
from .inet_control import SendControl
from .inet_messages import InetMessages
from .layout import pack_int, read_int
from .process import Process
from .sockaddr import AF_INET6, AF_UNSPEC, IPPROTO_UDP, IPPROTO_UDPLITE, SOCK_DGRAM, SockAddr
from .socket import MSG_DONTWAIT, MSG_MORE, MSG_OOB, MSG_PEEK, MSG_ZEROCOPY, ControlMessage
from .sockopt import (
    SOL_UDP,
    SOL_UDPLITE,
    UDP_CORK,
    UDP_GRO,
    UDP_SEGMENT,
    UDPLITE_RECV_CSCOV,
    UDPLITE_SEND_CSCOV,
)
from .sockopt_table import check_option

if TYPE_CHECKING:
    from .kernel import Kernel

_LARGEST: Final = 0xFFFF
_LARGEST_DATA: Final = 65507


def make_datagram(kernel: Kernel, creator: Process, family: int, protocol: int) -> InetDatagram:
    """A new socket of UDP or UDP-Lite."""
    endpoint = Endpoint(protocol, family, creator.uid)
    if family == AF_INET6:
        endpoint.v6only = kernel.stack.sysctl.ipv6_bindv6only != 0
    return InetDatagram(kernel, creator, family, endpoint)


class InetDatagram(InetMessages):
    """A UDP or UDP-Lite socket over a :class:`UdpSocket`."""

    __slots__ = (
        "cork",
        "cork_segment",
        "cork_stamps",
        "cork_way",
        "corked",
        "segment",
        "told",
        "udp",
        "zero_writes",
    )

    def __init__(self, kernel: Kernel, creator: Process, family: int, endpoint: Endpoint) -> None:
        lite = endpoint.protocol == IPPROTO_UDPLITE
        self.udp: UdpSocket = (kernel.stack.udplite if lite else kernel.stack.udp).create(endpoint, None)
        name = f"{'udplite' if lite else 'udp'} socket of {creator.name}"
        super().__init__(kernel, creator, family, SOCK_DGRAM, endpoint.protocol, endpoint, name)
        self.udp.events = self.waker
        self.cork: bool = False
        """UDP_CORK: every send is as with MSG_MORE."""
        self.corked: bytes | None = None
        """Data of a datagram begun and not yet sent, None for none."""
        self.cork_way: UdpWay | None = None
        self.cork_segment: int = 0
        self.cork_stamps: int = 0
        self.segment: int = 0
        """UDP_SEGMENT: bytes of each datagram that a longer send is cut into, 0 not to cut."""
        self.told: int = 0
        """Writes with MSG_ZEROCOPY that were told of."""
        self.zero_writes: int = 0
        """Those the datagram being sent is made of."""

    def make_messages(self) -> DatagramSocket:
        return self.udp

    # Connection

    def connect(self, addr: SockAddr) -> bool:
        """Fix the peer; AF_UNSPEC undoes it.

        EAGAIN (no port free), EAFNOSUPPORT, ENETUNREACH, EACCES (broadcast without SO_BROADCAST).
        """
        if addr.family == AF_UNSPEC:
            self.udp.disconnect()
            return True
        code = self.tables().autobind_udp(self.endpoint)
        if code == 0:
            address = self.target(addr)
            if needs_scope(address):
                self.take_scope(addr.scope_id or self.multicast_scope(address))
            self.take_flow(addr)
            code = self.udp.connect(address, addr.port)
        if code != 0:
            raise KernelError(code)
        return True

    # Data

    def sendmsg(self, data: bytes, flags: int, addr: SockAddr | None, control: list[ControlMessage]) -> int:
        """EMSGSIZE, EOPNOTSUPP, EAFNOSUPPORT, EINVAL, EDESTADDRREQ, EACCES, ENETUNREACH, a pending
        error, EPIPE. MSG_MORE begins or continues a datagram that the next send without it ends.
        """
        if len(data) > _LARGEST:
            raise KernelError(EMSGSIZE)
        if flags & MSG_OOB:
            raise KernelError(EOPNOTSUPP)
        more = self.cork or flags & MSG_MORE != 0
        if self.corked is None:
            self.zero_writes = 0
        if self.zerocopy and flags & MSG_ZEROCOPY:
            self.zero_writes += 1
        if self.corked is not None:
            # Address and control data are those of the first part.
            if len(self.corked) + len(data) > _LARGEST_DATA:
                self.corked = None
                raise KernelError(EMSGSIZE)
            self.corked += data
            if not more:
                self._uncork()
            return len(data)
        attached = SendControl(self, control) if control else None
        target = self.send_target(addr, attached, flags)
        udp = self.udp
        way = udp.find_way(
            target.source,
            target.address,
            target.port,
            target.tos,
            target.ttl,
            target.device,
            target.on_link,
        )
        if way.code != 0:
            raise KernelError(way.code)
        segment = self.segment if attached is None or attached.segment < 0 else attached.segment
        stamps = 0 if attached is None else attached.stamps
        udp.dontfrag_once = -1 if attached is None else attached.dontfrag
        udp.sent_headers_once = None if attached is None else attached.headers
        if more:
            self.corked = data
            self.cork_way = way
            self.cork_segment = segment
            self.cork_stamps = stamps
        else:
            self._transmit(data, way, segment, stamps)
        return len(data)

    def _uncork(self) -> None:
        """Send the datagram that was held back."""
        data = self.corked
        way = self.cork_way
        self.corked = None
        self.cork_way = None
        if data is not None and way is not None:
            self._transmit(data, way, self.cork_segment, self.cork_stamps)

    def _transmit(self, data: bytes, way: UdpWay, segment: int, stamps: int) -> None:
        udp = self.udp
        udp.stamps_once = stamps
        code = udp.send_along(way, data, segment)
        udp.stamps_once = 0
        written = self.zero_writes
        self.zero_writes = 0
        if code != 0:
            raise KernelError(code)
        if written:
            udp.tell_copied(self.told, (self.told + written - 1) & 0xFFFF_FFFF)
            self.told = (self.told + written) & 0xFFFF_FFFF

    def may_join_group(self) -> bool:
        return self.endpoint.local_port == 0

    def recv(self, count: int, flags: int) -> bytes | None:
        if flags & ~(MSG_DONTWAIT | MSG_PEEK) or self.peek_off >= 0 or self.recv_path_mtu:
            received = self.recvmsg(count, flags)
            return None if received is None else received.data
        code = self.udp.take_error()
        if code != 0:
            raise KernelError(code)
        datagram = self.udp.receive(flags & MSG_PEEK != 0)
        if datagram is None:
            return self.nothing(flags)
        data = datagram.data
        return data if len(data) <= count else data[:count]

    def next_message(self, flags: int) -> tuple[Datagram | None, int]:
        if flags & MSG_PEEK and self.peek_off >= 0:
            self.udp.receive(True)
            return self.udp.peek_at(self.peek_off)
        return self.udp.receive(flags & MSG_PEEK != 0), 0

    def message_taken(self, flags: int, length: int) -> None:
        if self.peek_off >= 0:
            moved = length if flags & MSG_PEEK else -length
            self.peek_off = max(self.peek_off + moved, 0)

    def takes_zerocopy(self) -> bool:
        return self.protocol == IPPROTO_UDP

    def has_peek_offset(self) -> bool:
        return True

    # Options

    def set_protocol_option(self, level: int, name: int, value: bytes) -> None:
        if level in (SOL_UDP, SOL_UDPLITE):
            number = read_int(value)
            self._check_option(level, name, True)
            if name == UDP_CORK:
                self.cork = number != 0
                if not self.cork:
                    self._uncork()
            elif name == UDP_SEGMENT:
                if not 0 <= number <= _LARGEST:
                    raise KernelError(EINVAL)
                self.segment = number
            elif name == UDP_GRO:
                self.udp.gro = number != 0
            elif name == UDPLITE_SEND_CSCOV:
                self.udp.send_coverage = _coverage(number)
            else:
                self.udp.receive_coverage = _coverage(number)
        else:
            super().set_protocol_option(level, name, value)

    def get_protocol_option(self, level: int, name: int, length: int) -> bytes:
        if level in (SOL_UDP, SOL_UDPLITE):
            self._check_option(level, name, False)
            if name == UDP_CORK:
                return pack_int(self.cork)
            if name == UDP_SEGMENT:
                return pack_int(self.segment)
            if name == UDP_GRO:
                return pack_int(self.udp.gro)
            coverage = self.udp.send_coverage if name == UDPLITE_SEND_CSCOV else self.udp.receive_coverage
            return pack_int(max(coverage, 0))
        return super().get_protocol_option(level, name, length)

    def _check_option(self, level: int, name: int, setting: bool) -> None:
        """Either level has the options of both, but a UDP socket sets none of UDP-Lite's."""
        if name in (UDPLITE_SEND_CSCOV, UDPLITE_RECV_CSCOV):
            if setting and self.protocol != IPPROTO_UDPLITE:
                raise KernelError(ENOPROTOOPT)
        else:
            check_option(SOL_UDP, name, setting)


def _coverage(value: int) -> int:
    """What a coverage set to ``value`` becomes: 0 for all, else the header at least."""
    return 8 if value != 0 and value < 8 else min(value, _LARGEST)
