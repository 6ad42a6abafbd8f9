"""What UDP, raw and ping sockets have in common (Linux ``inet_dgram_ops``)."""

from __future__ import annotations

from errno import EAFNOSUPPORT, EAGAIN, EINVAL, ENETUNREACH, ENOTTY
from typing import TYPE_CHECKING

from mypy_extensions import mypyc_attr

from ..ports.endpoint import ESTABLISHED, Endpoint
from ..stack.bpf import BpfProgram
from ..stack.datagram import ORIGIN_TIMESTAMPING, ORIGIN_ZEROCOPY, Datagram
from ..stack.datagram_socket import CONNECTED_PEER, STAMP_KEYS, DatagramSocket
from ..wire.address import V4_ANY, V4_LOOPBACK, V6_ANY, V6_LOOPBACK, is_multicast, is_v4
from .error import KernelError
from .file import FIONREAD, TIOCOUTQ
from .inet import InetSocket, needs_scope
from .inet_control import SendControl, error_control, receive_control
from .layout import pack_int
from .netdevice import sockaddr_in6
from .process import Process
from .sockaddr import AF_INET, AF_INET6, AF_UNSPEC, SockAddr
from .socket import MSG_DONTROUTE, MSG_DONTWAIT, MSG_ERRQUEUE, MSG_PEEK, MSG_TRUNC, ControlMessage, Received
from .sockopt import (
    IPV6_PATHMTU,
    SO_DONTROUTE,
    SO_RCVBUF,
    SO_RXQ_OVFL,
    SO_SNDBUF,
    SOL_IPV6,
    SOL_SOCKET,
    SOL_UDP,
    UDP_GRO,
)
from .timestamps import SOF_RX_SOFTWARE, stamp_controls, timestamp_controls

if TYPE_CHECKING:
    from .kernel import Kernel


class Target:
    """Where a datagram goes, and what else its send call said."""

    __slots__ = ("address", "device", "on_link", "port", "source", "tos", "ttl")

    def __init__(self) -> None:
        self.address: int = CONNECTED_PEER
        self.port: int = 0
        self.device: int = 0
        self.source: int = V4_ANY
        self.tos: int = -1
        self.ttl: int = 0
        self.on_link: bool = False
        """MSG_DONTROUTE."""


@mypyc_attr(allow_interpreted_subclasses=True)
class InetMessages(InetSocket):
    """A socket of datagrams over a :class:`DatagramSocket`, which subclasses make."""

    __slots__ = ("messages",)

    def __init__(
        self,
        kernel: Kernel,
        creator: Process,
        family: int,
        type: int,
        protocol: int,
        endpoint: Endpoint,
        name: str,
    ) -> None:
        super().__init__(kernel, creator, family, type, protocol, endpoint, name)
        self.messages: DatagramSocket = self.make_messages()
        self.pmtu_discovery = self.messages.pmtudisc

    def make_messages(self) -> DatagramSocket:
        """The transport's side of this socket."""
        raise NotImplementedError

    # Connection

    def target(self, addr: SockAddr) -> int:
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
        code = self.messages.shutdown(how)
        if code != 0:
            raise KernelError(code)

    def take_error(self) -> int:
        return self.messages.take_error()

    # Data

    def send_target(self, addr: SockAddr | None, control: SendControl | None, flags: int) -> Target:
        """Where a send call goes."""
        target = Target()
        target.on_link = flags & MSG_DONTROUTE != 0
        self.messages.flow_label_once = addr.flowinfo if addr is not None and self.send_flow else 0
        if addr is not None:
            if addr.family == AF_UNSPEC:
                # Linux takes AF_UNSPEC for AF_INET here.
                target.address = addr.ip
            else:
                target.address = self.target(addr)
                if needs_scope(target.address):
                    target.device = addr.scope_id
            target.port = addr.port
        if control is not None:
            target.source = control.source
            target.tos = control.tos
            target.ttl = control.ttl
            target.device = control.device or target.device
        return target

    def next_message(self, flags: int) -> tuple[Datagram | None, int]:
        """The datagram to receive, and from which byte on."""
        return self.messages.receive(flags & MSG_PEEK != 0), 0

    def message_taken(self, flags: int, length: int) -> None:
        """``length`` bytes of it were received, or peeked at."""

    def set_timestamping(self, bits: int) -> None:
        if bits & STAMP_KEYS and not self.stamping & STAMP_KEYS:
            self.messages.stamp_key = 0
        self.stamping = bits
        self.messages.stamps = bits

    def memory(self) -> list[int]:
        messages = self.messages
        return [messages.rmem, messages.rcvbuf, 0, messages.sndbuf, 0, 0, 0, 0, messages.drops]

    def nothing(self, flags: int) -> bytes | None:
        """What a receive gives while there is nothing: None to wait, b"" for the end.

        A blocking receive on a socket shut down for reading ends, a non-blocking one waits on."""
        if self.messages.read_shut and not self.nonblocking() and flags & MSG_DONTWAIT == 0:
            return b""
        return None

    def recvmsg(self, count: int, flags: int) -> Received | None:
        """A pending error (ECONNREFUSED …) comes first, and is then forgotten."""
        if flags & MSG_ERRQUEUE:
            return self._receive_error(count)
        if self.messages.refused_mtu and self.recv_path_mtu:
            return self._receive_path_mtu()
        code = self.messages.take_error()
        if code != 0:
            raise KernelError(code)
        datagram, offset = self.next_message(flags)
        if datagram is None:
            return None if self.nothing(flags) is None else Received(b"", None)
        data = datagram.data[offset:] if offset else datagram.data
        source = self.show_scoped(datagram.source, datagram.source_port, datagram.ifindex)
        received = Received(data, source)
        if count < len(data):
            received.data = data[:count]
            received.flags = MSG_TRUNC
            received.length = offset + len(data) if flags & MSG_TRUNC else count
        self.message_taken(flags, received.length)
        if self.timestamps or self.stamping:
            received.control += timestamp_controls(self, datagram.time)
        if self.rxq_ovfl and datagram.drops:
            received.control.append(ControlMessage(SOL_SOCKET, SO_RXQ_OVFL, pack_int(datagram.drops), None))
        if datagram.segment_size:
            received.control.append(ControlMessage(SOL_UDP, UDP_GRO, pack_int(datagram.segment_size), None))
        receive_control(self, datagram, received.control)
        return received

    def _receive_error(self, count: int) -> Received:
        entry = self.messages.receive_error()
        if entry is None:
            # Reading the error queue never blocks.
            raise KernelError(EAGAIN, "error queue empty")
        # Only an error about a packet names where that went.
        stamp = entry.origin == ORIGIN_TIMESTAMPING
        named = not stamp and entry.origin != ORIGIN_ZEROCOPY
        received = Received(entry.data[:count], self.show(entry.destination, entry.port) if named else None)
        received.flags = MSG_ERRQUEUE
        if count < len(entry.data):
            received.flags |= MSG_TRUNC
        if self.timestamps or self.stamping:
            time = entry.time
            if time < 0 and (self.timestamps or self.stamping & SOF_RX_SOFTWARE):
                time = entry.arrived
            if time < 0 and self.timestamps:
                time = self.kernel.clock.now
            if time >= 0:
                received.control += stamp_controls(self, time)
        received.control.append(error_control(self, entry))
        return received

    def _receive_path_mtu(self) -> Received:
        """IPV6_PATHMTU: no data, and from where a packet was refused as too long (``ipv6_recv_rxpmtu``)."""
        messages = self.messages
        destination = messages.refused_destination
        received = Received(b"", self.show(destination, 0))
        data = sockaddr_in6(destination, 0) + pack_int(messages.refused_mtu)
        received.control.append(ControlMessage(SOL_IPV6, IPV6_PATHMTU, data, None))
        messages.refused_mtu = 0
        return received

    # Options

    def transport_option_changed(self, name: int) -> None:
        if name == SO_RCVBUF:
            self.messages.rcvbuf = self.rcvbuf
        elif name == SO_SNDBUF:
            self.messages.sndbuf = self.sndbuf
        elif name == SO_DONTROUTE:
            self.messages.dontroute = self.dontroute
        elif name == SO_RXQ_OVFL:
            self.messages.rxq_ovfl = self.rxq_ovfl

    def filter_changed(self, program: BpfProgram | None) -> None:
        self.messages.filter = program

    def ip_option_changed(self) -> None:
        messages = self.messages
        messages.broadcast = self.broadcast
        messages.tos = self.tos
        messages.ttl = max(self.ttl, 0)
        messages.pmtudisc = self.pmtu_discovery
        messages.recverr = self.recverr
        messages.recverr6 = self.recverr6
        messages.multicast_ttl = self.multicast_ttl
        messages.multicast_loop = self.multicast_loop
        messages.multicast_if = self.multicast_if
        messages.multicast_source = self.multicast_address if self.multicast_address >= 0 else V4_ANY
        messages.unicast_if = self.unicast_if
        messages.unicast_if_v6 = self.unicast_if6
        messages.dontfrag = self.dontfrag
        messages.sent_headers = self.sent_headers
        messages.flow_label = self.peer_flow or self.auto_label
        messages.recv_path_mtu = self.recv_path_mtu
        messages.tclass = self.tclass
        messages.fragment_size = self.fragment_size
        messages.hop_limit = max(self.hop_limit, 0)
        messages.multicast_hops = self.multicast_hops
        messages.multicast_loop_v6 = self.multicast_loop6
        messages.multicast_if_v6 = self.multicast_if6

    def join_group(self, group: int, ifindex: int, source: int) -> int:
        if source < 0:
            return self.messages.join_group(group, ifindex)
        return self.messages.join_source_group(group, ifindex, source)

    def leave_group(self, group: int, ifindex: int, source: int) -> int:
        if source < 0:
            return self.messages.leave_group(group, ifindex)
        return self.messages.leave_source_group(group, ifindex, source)

    def block_source(self, group: int, ifindex: int, source: int, block: bool) -> int:
        if block:
            return self.messages.block_source(group, ifindex, source)
        return self.messages.unblock_source(group, ifindex, source)

    # As a file

    def poll(self) -> int:
        return self.messages.poll()

    def transport_ioctl(self, request: int) -> int:
        if request == FIONREAD:
            return self.messages.next_size()
        if request == TIOCOUTQ:
            return 0
        raise KernelError(ENOTTY)

    def release(self) -> None:
        self.messages.close()
