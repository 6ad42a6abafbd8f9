"""UDP sockets (Linux ``inet_dgram_ops`` and ``net/ipv4/udp.c``)."""

from __future__ import annotations

from errno import EAFNOSUPPORT, EAGAIN, EINVAL, EMSGSIZE, ENETUNREACH, ENOTTY, EOPNOTSUPP
from typing import TYPE_CHECKING, Final

from ..ports.endpoint import ESTABLISHED, PROTOCOL_UDP, Endpoint
from ..stack.udp_socket import CONNECTED_PEER, UdpSocket
from ..wire.address import V4_ANY, V4_LOOPBACK, V6_ANY, V6_LOOPBACK, is_multicast, is_v4
from .error import KernelError
from .file import FIONREAD, TIOCOUTQ
from .inet import InetSocket, needs_scope
from .inet_control import SendControl, error_control, receive_control
from .layout import pack_int, read_int
from .process import Process
from .sockaddr import AF_INET, AF_INET6, AF_UNSPEC, IPPROTO_UDP, SOCK_DGRAM, SockAddr
from .socket import (
    MSG_DONTWAIT,
    MSG_ERRQUEUE,
    MSG_MORE,
    MSG_OOB,
    MSG_PEEK,
    MSG_TRUNC,
    ControlMessage,
    Received,
)
from .sockopt import SO_RCVBUF, SO_SNDBUF, SOL_UDP, check_option
from .timestamps import timestamp_control

if TYPE_CHECKING:
    from .kernel import Kernel

_LARGEST: Final = 0xFFFF


def make_datagram(kernel: Kernel, creator: Process, family: int) -> InetDatagram:
    """A new UDP socket."""
    endpoint = Endpoint(PROTOCOL_UDP, family, creator.uid)
    if family == AF_INET6:
        endpoint.v6only = kernel.stack.sysctl.ipv6_bindv6only != 0
    return InetDatagram(kernel, creator, family, endpoint)


class InetDatagram(InetSocket):
    """A UDP socket over a :class:`UdpSocket`."""

    __slots__ = ("cork", "cork_address", "cork_control", "corked", "udp")

    def __init__(self, kernel: Kernel, creator: Process, family: int, endpoint: Endpoint) -> None:
        name = f"udp socket of {creator.name}"
        super().__init__(kernel, creator, family, SOCK_DGRAM, IPPROTO_UDP, endpoint, name)
        self.udp: UdpSocket = kernel.stack.udp.create(endpoint, self.waker)
        self.pmtu_discovery = self.udp.pmtudisc
        self.cork: bool = False
        """UDP_CORK: every send is as with MSG_MORE."""
        self.corked: bytes | None = None
        """Data of a datagram begun and not yet sent, None for none."""
        self.cork_address: SockAddr | None = None
        self.cork_control: SendControl | None = None

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
            address = self._target(addr)
            if needs_scope(address):
                self.take_scope(addr.scope_id or self.multicast_scope(address))
            code = self.udp.connect(address, addr.port)
        if code != 0:
            raise KernelError(code)
        return True

    def _target(self, addr: SockAddr) -> int:
        """The address to send to, as this socket's family may reach it."""
        if self.family == AF_INET:
            if addr.family != AF_INET:
                raise KernelError(EAFNOSUPPORT)
            return addr.ip
        if addr.family not in (AF_INET, AF_INET6):
            raise KernelError(EAFNOSUPPORT)
        local = self.endpoint.local
        address = addr.ip
        if address == V6_ANY:
            address = V4_LOOPBACK if is_v4(local) else V6_LOOPBACK
        if is_v4(address):
            if self.endpoint.v6only:
                raise KernelError(ENETUNREACH)
        elif is_v4(local):
            raise KernelError(ENETUNREACH)
        return address

    def multicast_scope(self, address: int) -> int:
        """The interface IPV6_MULTICAST_IF names, if ``address`` is a group's."""
        return self.multicast_if6 if is_multicast(address) else 0

    def has_peer(self) -> bool:
        return self.endpoint.state == ESTABLISHED and self.endpoint.peer_port != 0

    def shutdown(self, how: int) -> None:
        """EINVAL; ENOTCONN unless connected, though it takes effect even then."""
        if not 0 <= how <= 2:
            raise KernelError(EINVAL)
        code = self.udp.shutdown(how)
        if code != 0:
            raise KernelError(code)

    def take_error(self) -> int:
        return self.udp.take_error()

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
        attached = SendControl(self, control) if control else None
        if more:
            self.corked = data
            self.cork_address = addr
            self.cork_control = attached
        else:
            self._transmit(data, addr, attached)
        return len(data)

    def _uncork(self) -> None:
        """Send the datagram that was held back."""
        data = self.corked
        self.corked = None
        if data is not None:
            self._transmit(data, self.cork_address, self.cork_control)

    def _transmit(self, data: bytes, addr: SockAddr | None, control: SendControl | None) -> None:
        destination = CONNECTED_PEER
        port = 0
        device = 0
        if addr is not None:
            if addr.family == AF_UNSPEC:
                # Linux takes AF_UNSPEC for AF_INET here.
                destination = addr.ip
            else:
                destination = self._target(addr)
                if needs_scope(destination):
                    device = addr.scope_id
            port = addr.port
        if control is None:
            code = self.udp.send(destination, port, data, -1, 0, device)
        else:
            code = self.udp.send_from(
                control.source, destination, port, data, control.tos, control.ttl, control.device or device
            )
        if code != 0:
            raise KernelError(code)

    def recv(self, count: int, flags: int) -> bytes | None:
        if flags & ~(MSG_DONTWAIT | MSG_PEEK):
            received = self.recvmsg(count, flags)
            return None if received is None else received.data
        code = self.udp.take_error()
        if code != 0:
            raise KernelError(code)
        datagram = self.udp.receive(flags & MSG_PEEK != 0)
        if datagram is None:
            return self._nothing(flags)
        data = datagram.data
        return data if len(data) <= count else data[:count]

    def _nothing(self, flags: int) -> bytes | None:
        """A blocking receive on a socket shut down for reading ends, a non-blocking one waits on."""
        if self.udp.read_shut and not self.nonblocking() and flags & MSG_DONTWAIT == 0:
            return b""
        return None

    def recvmsg(self, count: int, flags: int) -> Received | None:
        """A pending error (ECONNREFUSED …) comes first, and is then forgotten."""
        if flags & MSG_ERRQUEUE:
            return self._receive_error(count)
        code = self.udp.take_error()
        if code != 0:
            raise KernelError(code)
        datagram = self.udp.receive(flags & MSG_PEEK != 0)
        if datagram is None:
            return None if self._nothing(flags) is None else Received(b"", None)
        data = datagram.data
        source = self.show_scoped(datagram.source, datagram.source_port, datagram.ifindex)
        received = Received(data, source)
        if count < len(data):
            received.data = data[:count]
            received.flags = MSG_TRUNC
            received.length = len(data) if flags & MSG_TRUNC else count
        if self.timestamps:
            received.control.append(timestamp_control(self, datagram.time))
        receive_control(self, datagram, received.control)
        return received

    def _receive_error(self, count: int) -> Received:
        entry = self.udp.receive_error()
        if entry is None:
            # Reading the error queue never blocks.
            raise KernelError(EAGAIN, "error queue empty")
        received = Received(entry.data[:count], self.show(entry.destination, entry.port))
        received.flags = MSG_ERRQUEUE
        if count < len(entry.data):
            received.flags |= MSG_TRUNC
        received.control.append(error_control(self, entry))
        return received

    # Options

    def transport_option_changed(self, name: int) -> None:
        if name == SO_RCVBUF:
            self.udp.rcvbuf = self.rcvbuf
        elif name == SO_SNDBUF:
            self.udp.sndbuf = self.sndbuf

    def ip_option_changed(self) -> None:
        udp = self.udp
        udp.broadcast = self.broadcast
        udp.tos = self.tos
        udp.ttl = max(self.ttl, 0)
        udp.pmtudisc = self.pmtu_discovery
        udp.recverr = self.recverr or self.recverr6
        udp.multicast_ttl = self.multicast_ttl
        udp.multicast_loop = self.multicast_loop
        udp.multicast_if = self.multicast_if
        udp.multicast_source = self.multicast_address if self.multicast_address >= 0 else V4_ANY
        udp.tclass = self.tclass
        udp.hop_limit = max(self.hop_limit, 0)
        udp.multicast_hops = self.multicast_hops
        udp.multicast_loop_v6 = self.multicast_loop6
        udp.multicast_if_v6 = self.multicast_if6

    def set_protocol_option(self, level: int, name: int, value: bytes) -> None:
        if level == SOL_UDP:
            check_option(level, name, True)
            self.cork = read_int(value) != 0
            if not self.cork:
                self._uncork()
        else:
            super().set_protocol_option(level, name, value)

    def get_protocol_option(self, level: int, name: int, length: int) -> bytes:
        if level == SOL_UDP:
            check_option(level, name, False)
            return pack_int(self.cork)
        return super().get_protocol_option(level, name, length)

    def join_group(self, group: int, ifindex: int, source: int) -> int:
        if source < 0:
            return self.udp.join_group(group, ifindex)
        return self.udp.join_source_group(group, ifindex, source)

    def leave_group(self, group: int, ifindex: int, source: int) -> int:
        if source < 0:
            return self.udp.leave_group(group, ifindex)
        return self.udp.leave_source_group(group, ifindex, source)

    def block_source(self, group: int, ifindex: int, source: int, block: bool) -> int:
        if block:
            return self.udp.block_source(group, ifindex, source)
        return self.udp.unblock_source(group, ifindex, source)

    # As a file

    def poll(self) -> int:
        return self.udp.poll()

    def transport_ioctl(self, request: int) -> int:
        if request == FIONREAD:
            return self.udp.next_size()
        if request == TIOCOUTQ:
            return 0
        raise KernelError(ENOTTY)

    def release(self) -> None:
        self.udp.close()
