"""Ping sockets: SOCK_DGRAM with IPPROTO_ICMP or IPPROTO_ICMPV6 (icmp(7); Linux ``net/ipv4/ping.c``)."""

from __future__ import annotations

from errno import EADDRINUSE, EADDRNOTAVAIL, EAFNOSUPPORT, EAGAIN, EINVAL, ENODEV, EOPNOTSUPP
from typing import TYPE_CHECKING

from ..ports.endpoint import Endpoint
from ..stack.datagram_socket import DatagramSocket
from ..stack.ping_socket import PingSocket, check_echo
from ..wire.address import V6_ANY, is_any, is_multicast, is_v4
from .error import KernelError
from .inet import needs_scope
from .inet_control import SendControl
from .inet_messages import InetMessages
from .process import Process
from .sockaddr import AF_INET, AF_INET6, AF_UNSPEC, SOCK_DGRAM, SockAddr
from .socket import MSG_OOB, ControlMessage

if TYPE_CHECKING:
    from .kernel import Kernel


class InetPing(InetMessages):
    """A ping socket over a :class:`PingSocket`. What names show as its port is its identifier."""

    __slots__ = ("ping",)

    def __init__(self, kernel: Kernel, creator: Process, family: int, protocol: int) -> None:
        endpoint = Endpoint(protocol, family, creator.uid)
        self.ping: PingSocket = PingSocket(kernel.stack, endpoint, None)
        endpoint.owner = self.ping
        name = f"ping socket of {creator.name}"
        super().__init__(kernel, creator, family, SOCK_DGRAM, protocol, endpoint, name)
        self.ping.events = self.waker
        # Linux gives the two kinds without ports this from the start (INET_PROTOSW_REUSE).
        self.reuse_addr = True
        endpoint.reuse_addr = True
        self.tells_own_address = False

    def make_messages(self) -> DatagramSocket:
        return self.ping

    # Connection

    def bind(self, addr: SockAddr) -> None:
        """EAFNOSUPPORT, EADDRNOTAVAIL, EINVAL (bound already), EADDRINUSE."""
        address = addr.ip
        endpoint = self.endpoint
        if addr.family != self.family:
            raise KernelError(EAFNOSUPPORT)
        if self.family == AF_INET6:
            if is_v4(address):
                raise KernelError(EINVAL)
            if needs_scope(address) and addr.scope_id == 0:
                raise KernelError(EINVAL)
            if needs_scope(address) and self.kernel.stack.interface(addr.scope_id) is None:
                raise KernelError(ENODEV)
        if is_multicast(address) or self.kernel.stack.is_broadcast(address):
            raise KernelError(EADDRNOTAVAIL)
        self.check_address(address)
        if endpoint.local_port != 0:
            raise KernelError(EINVAL, "already bound")
        if needs_scope(address):
            self.bind_to_scope(addr.scope_id)
        if not self.kernel.stack.pings.bind(self.ping, addr.port):
            raise KernelError(EADDRINUSE)
        endpoint.local = address
        endpoint.address_locked = not is_any(address)
        endpoint.port_locked = addr.port != 0

    def _autobind(self) -> None:
        if self.endpoint.local_port == 0 and not self.kernel.stack.pings.bind(self.ping, 0):
            raise KernelError(EAGAIN)

    def connect(self, addr: SockAddr) -> bool:
        """Fix the peer; AF_UNSPEC undoes it. EAGAIN, EAFNOSUPPORT, ENETUNREACH, EACCES."""
        if addr.family == AF_UNSPEC:
            self.ping.disconnect()
            if not self.endpoint.port_locked:
                self.kernel.stack.pings.remove(self.ping)
            return True
        self._autobind()
        address = self._destination(addr)
        if needs_scope(address):
            self.take_scope(addr.scope_id or self.multicast_scope(address))
        code = self.ping.connect(address, addr.port)
        if code != 0:
            raise KernelError(code)
        return True

    def _destination(self, addr: SockAddr) -> int:
        address = self.target(addr)
        if self.family == AF_INET6 and is_v4(address) and addr.ip != V6_ANY:
            raise KernelError(EINVAL)
        return address

    # Data

    def sendmsg(self, data: bytes, flags: int, addr: SockAddr | None, control: list[ControlMessage]) -> int:
        """EMSGSIZE, EINVAL (no echo request), EOPNOTSUPP, EAFNOSUPPORT, EDESTADDRREQ, EACCES,
        ENETUNREACH, a pending error."""
        self._autobind()
        code = check_echo(data, self.family == AF_INET)
        if code != 0:
            raise KernelError(code)
        if flags & MSG_OOB:
            raise KernelError(EOPNOTSUPP)
        if addr is not None and addr.family == AF_UNSPEC:
            raise KernelError(EAFNOSUPPORT)
        if addr is not None:
            self._destination(addr)
        target = self.send_target(addr, SendControl(self, control) if control else None, flags)
        code = self.ping.send_from(
            target.source, target.address, data, target.tos, target.ttl, target.device, target.on_link
        )
        if code != 0:
            raise KernelError(code)
        return len(data)

    def release(self) -> None:
        self.kernel.stack.pings.remove(self.ping)
        self.ping.close()
