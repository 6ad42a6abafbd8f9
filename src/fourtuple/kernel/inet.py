"""AF_INET and AF_INET6 sockets: what TCP and UDP have in common (Linux ``net/ipv4/af_inet.c``)."""

from __future__ import annotations

from errno import (
    EACCES,
    EADDRNOTAVAIL,
    EAFNOSUPPORT,
    EINVAL,
    ENODEV,
    ENOENT,
    ENOPROTOOPT,
    ENOTCONN,
    EOPNOTSUPP,
)
from typing import TYPE_CHECKING, Final

from mypy_extensions import mypyc_attr

from ..ports.endpoint import CLOSE, Endpoint
from ..stack.base import SocketEvents
from ..stack.bpf import BpfProgram
from ..stack.flow_label import LABEL_DEFAULT
from ..stack.reuseport_program import ProgramChooser
from ..stack.sent_headers import SentHeaders
from ..wire.address import V6_ANY, is_any, is_link_local, is_loopback, is_multicast, is_v4
from .error import KernelError
from .file import FIONBIO
from .process import CAP_NET_BIND_SERVICE, Process
from .sockaddr import AF_INET, AF_INET6, AF_UNSPEC, SOCK_STREAM, SockAddr, inet_address
from .socket import Socket
from .sockopt import IP_PMTUDISC_WANT, SO_BROADCAST, SO_REUSEADDR, SO_REUSEPORT, SOL_IP, SOL_IPV6
from .sockopt_headers import HEADER_OPTIONS, get_header_option, set_header_option
from .sockopt_ip import get_ip_option, get_ipv6_option, set_ip_option, set_ipv6_option
from .sockopt_table import check_option

if TYPE_CHECKING:
    from ..ports.tables import PortTables
    from ..stack.stack import Stack
    from .kernel import Kernel


IP_MAX_MTU: Final = 0xFFFF
_V6_HEADER: Final = 40


def needs_scope(address: int) -> bool:
    """Whether an IPv6 address means something on one link only: fe80::/10, ff01::/16, ff02::/16."""
    if is_v4(address):
        return False
    return is_link_local(address) or (address >> 112) & 0xFF0F in (0xFF01, 0xFF02)


class SocketWaker(SocketEvents):
    """Passes a transport's readiness on to those who wait on the socket."""

    __slots__ = ("socket",)

    def __init__(self, socket: Socket) -> None:
        self.socket = socket

    def on_events(self, mask: int) -> None:
        self.socket.wait_queue.wake(mask)


@mypyc_attr(allow_interpreted_subclasses=True)
class InetSocket(Socket):
    """What TCP and UDP sockets have in common. ``endpoint`` is their record in the port tables.

    The attributes named after IP_* options hold them; :meth:`ip_option_changed` passes them on.
    """

    __slots__ = (
        "auto_label",
        "dontfrag",
        "endpoint",
        "fragment_size",
        "freebind",
        "hop_limit",
        "min_hop_limit",
        "min_ttl",
        "multicast_address",
        "multicast_hops",
        "multicast_if",
        "multicast_if6",
        "multicast_loop",
        "multicast_loop6",
        "multicast_ttl",
        "peer_flow",
        "pmtu_discovery",
        "recv_destination_options",
        "recv_flow",
        "recv_hop_limit",
        "recv_hop_options",
        "recv_origdst",
        "recv_origdst6",
        "recv_path_mtu",
        "recv_pktinfo",
        "recv_pktinfo6",
        "recv_routing",
        "recv_tclass",
        "recv_tos",
        "recv_ttl",
        "recverr",
        "recverr6",
        "send_flow",
        "sent_headers",
        "tclass",
        "tells_own_address",
        "tos",
        "transparent",
        "ttl",
        "unicast_if",
        "unicast_if6",
        "waker",
    )

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
        super().__init__(kernel, creator, family, type, protocol, name)
        self.endpoint: Endpoint = endpoint
        self.waker: SocketWaker = SocketWaker(self)
        self.tos: int = 0
        self.ttl: int = -1
        """IP_TTL, -1 for the host's default."""
        self.pmtu_discovery: int = IP_PMTUDISC_WANT
        self.recverr: bool = False
        self.recverr6: bool = False
        self.freebind: bool = False
        self.transparent: bool = False
        self.recv_pktinfo: bool = False
        self.tells_own_address: bool = True
        """IP_PKTINFO says which address to answer from (ipi_spec_dst)."""
        self.recv_ttl: bool = False
        self.recv_tos: bool = False
        self.recv_origdst: bool = False
        self.recv_origdst6: bool = False
        self.recv_pktinfo6: bool = False
        self.recv_hop_limit: bool = False
        self.recv_tclass: bool = False
        self.fragment_size: int = 0
        """IPV6_MTU: longest fragment to send, 0 for the path's MTU. TCP takes no notice, in Linux neither."""
        self.hop_limit: int = -1
        self.tclass: int = 0
        self.min_ttl: int = 0
        """IP_MINTTL, which TCP alone looks at, as in Linux; so IPV6_MINHOPCOUNT."""
        self.min_hop_limit: int = 0
        self.unicast_if: int = 0
        self.unicast_if6: int = 0
        self.auto_label: int = LABEL_DEFAULT
        """IPV6_AUTOFLOWLABEL."""
        self.recv_flow: bool = False
        """IPV6_FLOWINFO."""
        self.send_flow: bool = False
        """IPV6_FLOWINFO_SEND: addresses say which flow label to use."""
        self.peer_flow: int = 0
        """The label connect() was called with."""
        self.sent_headers: SentHeaders | None = None
        """IPv6 extension headers of all it sends."""
        self.recv_hop_options: bool = False
        self.recv_routing: bool = False
        self.recv_destination_options: bool = False
        self.dontfrag: bool = False
        self.recv_path_mtu: bool = False
        self.multicast_ttl: int = 1
        self.multicast_loop: bool = True
        self.multicast_if: int = 0
        self.multicast_hops: int = 1
        self.multicast_loop6: bool = True
        self.multicast_if6: int = 0
        self.multicast_address: int = -1
        """Address given to IP_MULTICAST_IF, -1 for none."""

    def stack(self) -> Stack:
        return self.kernel.stack

    def tables(self) -> PortTables:
        return self.kernel.stack.tables

    # Addresses

    def bind(self, addr: SockAddr) -> None:
        """Checks in Linux's order: family, address, privilege, bound already, port.

        EAFNOSUPPORT, EADDRNOTAVAIL, EACCES, EINVAL, EADDRINUSE.
        """
        endpoint = self.endpoint
        address = addr.ip
        if self.family == AF_INET:
            # Programs of old bind the wildcard with no family at all.
            if addr.family != AF_INET and not (addr.family == AF_UNSPEC and is_any(address)):
                raise KernelError(EAFNOSUPPORT)
            self.check_address(address)
            self._check_privilege(addr.port)
            self._check_unbound()
        else:
            if addr.family != AF_INET6:
                raise KernelError(EAFNOSUPPORT)
            if is_multicast(address) and not is_v4(address) and self.type == SOCK_STREAM:
                raise KernelError(EINVAL)
            self._check_privilege(addr.port)
            self._check_unbound()
            if is_v4(address):
                if endpoint.v6only:
                    raise KernelError(EINVAL)
                self.check_address(address)
            elif address != V6_ANY:
                if needs_scope(address):
                    self.bind_to_scope(addr.scope_id)
                self.check_address(address)
                self.check_device(address)
        code = self.tables().bind(endpoint, address, addr.port)
        if code != 0:
            raise KernelError(code)

    def check_address(self, address: int) -> None:
        """Raises EADDRNOTAVAIL unless the socket may be bound to ``address``."""
        stack = self.kernel.stack
        if (
            is_any(address)
            or stack.is_local(address)
            or is_multicast(address)
            or stack.is_broadcast(address)
            or self.freebind
            or self.transparent
            or stack.sysctl.ip_nonlocal_bind
        ):
            return
        raise KernelError(EADDRNOTAVAIL)

    def _check_privilege(self, port: int) -> None:
        if 0 < port < self.tables().unprivileged_start and not self.caller().capable(CAP_NET_BIND_SERVICE):
            raise KernelError(EACCES)

    def _check_unbound(self) -> None:
        self.forget_connection()
        if self.endpoint.state != CLOSE or self.endpoint.local_port != 0:
            raise KernelError(EINVAL, "already bound")

    def forget_connection(self) -> None:
        """Clear what a connection that is over has left in the endpoint, if it holds no port."""

    def check_device(self, address: int) -> None:
        """Of a socket bound to a device, a loopback or link-local address must be that device's.

        Raises ENODEV, EADDRNOTAVAIL.
        """
        device = self.endpoint.device
        if device == 0:
            return
        interface = self.kernel.stack.interface(device)
        if interface is None:
            raise KernelError(ENODEV)
        if (is_loopback(address) or is_link_local(address)) and not interface.owns(address):
            raise KernelError(EADDRNOTAVAIL)

    def bind_to_scope(self, scope_id: int) -> None:
        """Bind to the device that ``scope_id`` of a local address names, in place of any other, whatever
        becomes of the call. Raises EINVAL if it names none and none is bound; ENODEV."""
        if scope_id != 0:
            self.tables().bind_device(self.endpoint, scope_id)
        device = self.endpoint.device
        if device == 0:
            raise KernelError(EINVAL, "address without a scope")
        if self.kernel.stack.interface(device) is None:
            raise KernelError(ENODEV)

    def take_scope(self, scope_id: int) -> None:
        """Bind to the device that ``scope_id`` of a peer's address names; whether there is one shows when a
        way to the peer is looked for.

        Raises EINVAL if it names none and none is bound, or if it is another than the bound one.
        """
        if scope_id != 0:
            if self.endpoint.device not in (0, scope_id):
                raise KernelError(EINVAL)
            self.tables().bind_device(self.endpoint, scope_id)
        elif self.endpoint.device == 0:
            raise KernelError(EINVAL, "address without a scope")

    def getsockname(self) -> SockAddr:
        return self.show(self.endpoint.local, self.endpoint.local_port)

    def getpeername(self) -> SockAddr:
        if not self.has_peer():
            raise KernelError(ENOTCONN)
        peer = self.show(self.endpoint.peer, self.endpoint.peer_port)
        if self.send_flow:
            peer.flowinfo = self.peer_flow
        return peer

    def take_flow(self, addr: SockAddr) -> None:
        """connect() to ``addr`` fixes the flow label, if IPV6_FLOWINFO_SEND says that addresses have one."""
        self.peer_flow = addr.flowinfo if self.send_flow else 0
        self.ip_option_changed()

    def has_peer(self) -> bool:
        """Whether getpeername() has something to show."""
        raise NotImplementedError

    def show(self, ip: int, port: int) -> SockAddr:
        """An address as this socket's family shows it."""
        return self.show_scoped(ip, port, self.endpoint.device)

    def show_scoped(self, ip: int, port: int, ifindex: int) -> SockAddr:
        """As :meth:`show`; ``ifindex`` becomes the scope of an address that needs one."""
        address = inet_address(self.family, ip, port)
        if needs_scope(ip):
            address.scope_id = ifindex
        return address

    # Options

    def inherit(self, listener: InetSocket) -> None:
        """Take the options an accepted socket has from its listener (``sk_clone_lock``).

        The connection below has its own share already; the endpoint too.
        """
        self.receive_timeout = listener.receive_timeout
        self.send_timeout = listener.send_timeout
        self.sndbuf = listener.sndbuf
        self.rcvbuf = listener.rcvbuf
        self.rcvlowat = listener.rcvlowat
        self.reuse_addr = listener.reuse_addr
        self.reuse_port = listener.reuse_port
        self.broadcast = listener.broadcast
        self.keepalive = listener.keepalive
        self.oob_inline = listener.oob_inline
        self.linger_on = listener.linger_on
        self.linger_seconds = listener.linger_seconds
        self.timestamps = listener.timestamps
        self.stamps_new = listener.stamps_new
        self.zerocopy = listener.zerocopy
        self.mark = listener.mark
        self.tos = listener.tos
        self.ttl = listener.ttl
        self.pmtu_discovery = listener.pmtu_discovery
        self.recverr = listener.recverr
        self.recverr6 = listener.recverr6
        self.filter_locked = listener.filter_locked
        self.freebind = listener.freebind
        self.transparent = listener.transparent
        self.hop_limit = listener.hop_limit
        self.tclass = listener.tclass
        self.unicast_if = listener.unicast_if
        self.unicast_if6 = listener.unicast_if6
        self.auto_label = listener.auto_label
        self.recv_flow = listener.recv_flow
        self.send_flow = listener.send_flow
        self.dontfrag = listener.dontfrag
        self.recv_hop_options = listener.recv_hop_options
        self.recv_routing = listener.recv_routing
        self.recv_destination_options = listener.recv_destination_options
        self.recv_path_mtu = listener.recv_path_mtu
        self.min_ttl = listener.min_ttl
        self.min_hop_limit = listener.min_hop_limit
        self.multicast_loop = listener.multicast_loop
        self.multicast_loop6 = listener.multicast_loop6

    def bound_device(self) -> int:
        return self.endpoint.device

    def bind_device(self, ifindex: int) -> None:
        self.tables().bind_device(self.endpoint, ifindex)

    def set_chooser(self, program: BpfProgram | None) -> None:
        """``reuseport_attach_prog``, ``reuseport_detach_prog``."""
        endpoint = self.endpoint
        group = endpoint.group
        if program is None:
            if group is None and endpoint.chooser is None:
                raise KernelError(ENOENT if self.reuse_port else EINVAL)
            if group is not None and group.chooser is None:
                raise KernelError(ENOENT)
            endpoint.chooser = None
            if group is not None:
                group.chooser = None
            return
        stack = self.kernel.stack
        chooser = ProgramChooser(program, stack.under_way, stack.stream)
        if group is not None:
            group.chooser = chooser
        elif self.reuse_port and self.may_join_group():
            endpoint.chooser = chooser
        else:
            raise KernelError(EINVAL)
        self.tables().choosers += 1

    def may_join_group(self) -> bool:
        """Whether the socket is in no table of sockets that get packets, and so may yet join a group."""
        return False

    def incoming_cpu(self) -> int:
        return self.endpoint.incoming_cpu

    def set_incoming_cpu(self, cpu: int) -> None:
        self.endpoint.incoming_cpu = cpu

    def option_changed(self, name: int) -> None:
        if name == SO_REUSEADDR:
            self.endpoint.reuse_addr = self.reuse_addr
        elif name == SO_REUSEPORT:
            self.endpoint.reuse_port = self.reuse_port
        elif name != SO_BROADCAST:
            self.transport_option_changed(name)
        else:
            self.ip_option_changed()

    def transport_option_changed(self, name: int) -> None:
        """A SOL_SOCKET option that only the transport cares for was set."""

    def ip_option_changed(self) -> None:
        """An IP_* or IPV6_* attribute, or ``broadcast``, was set."""

    def set_protocol_option(self, level: int, name: int, value: bytes) -> None:
        if level == SOL_IP:
            check_option(level, name, True)
            set_ip_option(self, name, value)
            self.ip_option_changed()
        elif level == SOL_IPV6 and self.family == AF_INET6:
            check_option(level, name, True)
            if name in HEADER_OPTIONS:
                set_header_option(self, name, value)
            else:
                set_ipv6_option(self, name, value)
            self.ip_option_changed()
        else:
            raise KernelError(ENOPROTOOPT)

    def get_protocol_option(self, level: int, name: int, length: int) -> bytes:
        if level == SOL_IP:
            check_option(level, name, False)
            return get_ip_option(self, name, length)
        if level == SOL_IPV6 and self.family == AF_INET6:
            check_option(level, name, False)
            if name in HEADER_OPTIONS:
                return get_header_option(self, name, length)
            return get_ipv6_option(self, name, length)
        # The two families refuse a level nobody knows each in its way.
        raise KernelError(EOPNOTSUPP if self.family == AF_INET else ENOPROTOOPT)

    def path_mtu(self) -> int:
        """IP_MTU: of the route to the peer. Raises ENOTCONN without a peer."""
        if not self.has_peer():
            raise KernelError(ENOTCONN)
        route = self.kernel.stack.route(self.endpoint.peer, self.endpoint.local, self.endpoint.device)
        if route is None:
            raise KernelError(ENOTCONN)
        # No IP packet is longer, whatever the interface takes; IPv6 does not count its header.
        return min(route.mtu, IP_MAX_MTU if is_v4(self.endpoint.peer) else IP_MAX_MTU + _V6_HEADER)

    # Multicast, of UDP only

    def join_group(self, group: int, ifindex: int, source: int) -> int:
        """Join a group (``source`` -1: from anybody); 0 or an errno."""
        raise NotImplementedError

    def leave_group(self, group: int, ifindex: int, source: int) -> int:
        raise NotImplementedError

    def block_source(self, group: int, ifindex: int, source: int, block: bool) -> int:
        raise NotImplementedError

    # As a file

    def ioctl(self, request: int, argument: int) -> int:
        if request == FIONBIO:
            return super().ioctl(request, argument)
        return self.transport_ioctl(request)

    def transport_ioctl(self, request: int) -> int:
        """SIOCINQ, SIOCOUTQ …; raises ENOTTY if unknown."""
        raise NotImplementedError
