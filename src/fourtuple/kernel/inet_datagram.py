"""UDP sockets (Linux ``net/ipv4/udp.c``)."""

from __future__ import annotations

from errno import EMSGSIZE, ENOPROTOOPT, EOPNOTSUPP
from typing import TYPE_CHECKING, Final

from ..ports.endpoint import Endpoint
from ..stack.datagram_socket import DatagramSocket
from ..stack.udp_socket import UdpSocket
from .error import KernelError
from .inet import needs_scope
from .inet_control import SendControl
from .inet_messages import InetMessages, Target
from .layout import pack_int, read_int
from .process import Process
from .sockaddr import AF_INET6, AF_UNSPEC, IPPROTO_UDPLITE, SOCK_DGRAM, SockAddr
from .socket import MSG_DONTWAIT, MSG_MORE, MSG_OOB, MSG_PEEK, ControlMessage
from .sockopt import SOL_UDP, SOL_UDPLITE, UDP_CORK, UDPLITE_RECV_CSCOV, UDPLITE_SEND_CSCOV, check_option

if TYPE_CHECKING:
    from .kernel import Kernel

_LARGEST: Final = 0xFFFF


def make_datagram(kernel: Kernel, creator: Process, family: int, protocol: int) -> InetDatagram:
    """A new socket of UDP or UDP-Lite."""
    endpoint = Endpoint(protocol, family, creator.uid)
    if family == AF_INET6:
        endpoint.v6only = kernel.stack.sysctl.ipv6_bindv6only != 0
    return InetDatagram(kernel, creator, family, endpoint)


class InetDatagram(InetMessages):
    """A UDP or UDP-Lite socket over a :class:`UdpSocket`."""

    __slots__ = ("cork", "cork_target", "corked", "udp")

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
        self.cork_target: Target | None = None

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
        if self.corked is not None:
            # Address and control data are those of the first part.
            self.corked += data
            if not more:
                self._uncork()
            return len(data)
        target = self.send_target(addr, SendControl(self, control) if control else None, flags)
        if more:
            self.corked = data
            self.cork_target = target
        else:
            self._transmit(data, target)
        return len(data)

    def _uncork(self) -> None:
        """Send the datagram that was held back."""
        data = self.corked
        target = self.cork_target
        self.corked = None
        if data is not None and target is not None:
            self._transmit(data, target)

    def _transmit(self, data: bytes, target: Target) -> None:
        code = self.udp.send_from(
            target.source,
            target.address,
            target.port,
            data,
            target.tos,
            target.ttl,
            target.device,
            target.on_link,
        )
        if code != 0:
            raise KernelError(code)

    def may_join_group(self) -> bool:
        return self.endpoint.local_port == 0

    def recv(self, count: int, flags: int) -> bytes | None:
        if flags & ~(MSG_DONTWAIT | MSG_PEEK):
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

    # Options

    def set_protocol_option(self, level: int, name: int, value: bytes) -> None:
        if level in (SOL_UDP, SOL_UDPLITE):
            self._check_option(level, name, True)
            number = read_int(value)
            if name == UDP_CORK:
                self.cork = number != 0
                if not self.cork:
                    self._uncork()
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
