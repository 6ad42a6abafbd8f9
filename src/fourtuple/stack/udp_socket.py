"""A UDP socket: sending, its receive buffer, its errors (udp(7); net/ipv4/udp.c)."""

from __future__ import annotations

from collections import deque
from errno import (
    EACCES,
    EDESTADDRREQ,
    EINVAL,
    EMSGSIZE,
    ENETUNREACH,
    ENOBUFS,
    ENODEV,
    ENOTCONN,
    EPIPE,
)
from typing import Final

from ..ports.endpoint import ESTABLISHED, Endpoint
from ..wire.address import V4_ANY, V4_LOOPBACK, is_any, is_multicast
from ..wire.ip import PROTOCOL_UDP
from ..wire.ipv4 import MAX_LENGTH, Ipv4Packet
from ..wire.udp import HEADER_LENGTH, UdpDatagram
from .base import IcmpError, SocketEvents
from .icmp_errno import icmp_errno
from .ip_output import IpOutput
from .membership import block_source, join, join_source, leave, leave_all, leave_source, unblock_source
from .mib import UdpCounters
from .path import BROADCAST, MULTICAST, Path
from .poll_bits import (
    POLLERR,
    POLLHUP,
    POLLIN,
    POLLOUT,
    POLLRDHUP,
    POLLRDNORM,
    POLLWRBAND,
    POLLWRNORM,
)
from .truesize import truesize

CONNECTED_PEER: Final = -1
"""As a destination: the peer the socket is connected to."""

# IP_MTU_DISCOVER (ip(7)).
PMTUDISC_DONT: Final = 0
PMTUDISC_WANT: Final = 1
PMTUDISC_DO: Final = 2
PMTUDISC_PROBE: Final = 3
PMTUDISC_INTERFACE: Final = 4
PMTUDISC_OMIT: Final = 5

ORIGIN_LOCAL: Final = 1
ORIGIN_ICMP: Final = 2

_READABLE: Final = POLLIN | POLLRDNORM
_WRITABLE: Final = POLLOUT | POLLWRNORM | POLLWRBAND


class Datagram:
    """A datagram in a receive queue. ``time`` is when it arrived, in ns."""

    __slots__ = ("data", "destination", "ifindex", "size", "source", "source_port", "time", "tos", "ttl")

    def __init__(
        self,
        data: bytes,
        source: int,
        source_port: int,
        destination: int,
        ifindex: int,
        ttl: int,
        tos: int,
        time: int,
        size: int,
    ) -> None:
        self.data = data
        self.source = source
        self.source_port = source_port
        self.destination = destination
        self.ifindex = ifindex
        self.ttl = ttl
        self.tos = tos
        self.time = time
        self.size = size
        """What it charges the receive buffer with, in bytes (:func:`truesize`)."""


class SocketError:
    """An entry of the error queue (IP_RECVERR; struct sock_extended_err)."""

    __slots__ = ("code", "data", "destination", "errno", "info", "origin", "port", "reporter", "type")

    def __init__(
        self,
        errno: int,
        origin: int,
        type: int,
        code: int,
        info: int,
        reporter: int,
        destination: int,
        port: int,
        data: bytes,
    ) -> None:
        self.errno = errno
        self.origin = origin
        self.type = type
        self.code = code
        self.info = info
        self.reporter = reporter
        """Who sent the ICMP error; 0.0.0.0 for a local one."""
        self.destination = destination
        self.port = port
        self.data = data
        """What is left of the datagram that failed."""


class UdpSocket:
    """One UDP socket. ``events`` is told of readiness.

    The receive buffer is charged as Linux does with what packets cost in memory, and takes a datagram
    as long as it is not over its limit before. What Linux holds back when giving charge back
    (``forward_deficit``) is given back at once here.
    """

    def __init__(
        self, ip: IpOutput, mib: UdpCounters, endpoint: Endpoint, events: SocketEvents | None
    ) -> None:
        self.ip = ip
        self.mib = mib
        self.endpoint = endpoint
        self.events = events
        self.rcvbuf: int = ip.sysctl.rmem_default
        self.sndbuf: int = ip.sysctl.wmem_default
        self.broadcast: bool = False
        self.tos: int = 0
        self.ttl: int = 0
        """IP_TTL, 0 for the host's default."""
        self.pmtudisc: int = PMTUDISC_DONT if ip.sysctl.ip_no_pmtu_disc else PMTUDISC_WANT
        self.multicast_ttl: int = 1
        self.multicast_loop: bool = True
        self.multicast_if: int = 0
        """IP_MULTICAST_IF as an ifindex, 0 for the route's choice."""
        self.multicast_source: int = V4_ANY
        """IP_MULTICAST_IF as an address."""
        self.recverr: bool = False
        self.error: int = 0
        self.read_shut: bool = False
        self.write_shut: bool = False
        self.drops: int = 0
        """Datagrams the full receive buffer refused."""
        self.rmem: int = 0
        """Bytes charged to the receive buffer."""
        self._queue: deque[Datagram] = deque()
        self._errors: deque[SocketError] = deque()

    # --- sending ------------------------------------------------------------------------------

    def send(self, destination: int, port: int, data: bytes, tos: int, ttl: int, device: int) -> int:
        """Send one datagram; 0 or an errno, in the order ``udp_sendmsg`` finds them.

        EAGAIN (no port free), EMSGSIZE, EDESTADDRREQ, EINVAL (port 0), ENETUNREACH, EACCES (broadcast
        without SO_BROADCAST), the pending error, EPIPE. ``destination`` may be CONNECTED_PEER. A
        ``tos`` below 0 and a ``ttl`` or ``device`` of 0 leave it to the socket's options.
        """
        return self.send_from(V4_ANY, destination, port, data, tos, ttl, device)

    def send_from(
        self, source: int, destination: int, port: int, data: bytes, tos: int, ttl: int, device: int
    ) -> int:
        """:meth:`send` with the source address ``source`` (IP_PKTINFO), V4_ANY for the usual one."""
        endpoint = self.endpoint
        ip = self.ip
        if endpoint.local_port == 0:
            code = ip.tables.autobind_udp(endpoint)
            if code != 0:
                return code
        if len(data) > 0xFFFF:
            return EMSGSIZE
        if destination == CONNECTED_PEER:
            if endpoint.state != ESTABLISHED:
                return EDESTADDRREQ
            destination = endpoint.peer
            port = endpoint.peer_port
        elif port == 0:
            return EINVAL
        if source == V4_ANY and not is_any(endpoint.local):
            source = endpoint.local
        if is_any(destination):
            destination = source if source != V4_ANY else V4_LOOPBACK
        if device == 0:
            device = endpoint.device
        if is_multicast(destination):
            if device == 0:
                device = self.multicast_if
            if source == V4_ANY:
                source = self.multicast_source
        path = ip.paths.find(destination, source, device)
        if path is None:
            ip.mib.out_no_routes += 1
            return ENETUNREACH
        if path.kind == BROADCAST and not self.broadcast:
            return EACCES
        if source == V4_ANY:
            source = path.source
        datagram = UdpDatagram(endpoint.local_port, port, data)
        datagram.origin = endpoint
        packet = Ipv4Packet(source, destination, PROTOCOL_UDP, datagram)
        packet.tos = self.tos if tos < 0 else tos
        if ttl:
            packet.ttl = ttl
        elif path.kind == MULTICAST:
            packet.ttl = self.multicast_ttl
        else:
            packet.ttl = self.ttl or ip.sysctl.ip_default_ttl
        return self._send_packet(packet, path, port)

    def _send_packet(self, packet: Ipv4Packet, path: Path, port: int) -> int:
        """Size, pending error and permission to send are looked at only now (``ip_make_skb``)."""
        discovery = self.pmtudisc
        mtu = path.mtu if discovery < PMTUDISC_PROBE else path.interface.mtu
        length = packet.wire_length()
        whole_only = PMTUDISC_DO <= discovery <= PMTUDISC_INTERFACE
        if length > MAX_LENGTH or (whole_only and length > mtu):
            if self.recverr:
                self._note_too_long(packet, port, mtu)
            return EMSGSIZE
        code = self.take_error()
        if code != 0:
            return code
        if self.write_shut:
            return EPIPE
        if discovery == PMTUDISC_WANT:
            packet.dont_fragment = length <= mtu and not path.mtu_locked
        else:
            packet.dont_fragment = discovery in (PMTUDISC_DO, PMTUDISC_PROBE)
        code = self.ip.send_on(packet, path, mtu, self.multicast_loop)
        if code == ENOBUFS and not self.recverr:
            return 0
        if code == 0:
            self.mib.out_datagrams += 1
        return code

    def connect(self, address: int, port: int) -> int:
        """Fix the peer; 0, EAGAIN (no port free), ENETUNREACH, EACCES (``__ip4_datagram_connect``)."""
        endpoint = self.endpoint
        if endpoint.local_port == 0:
            code = self.ip.tables.autobind_udp(endpoint)
            if code != 0:
                return code
        source = endpoint.local if not is_any(endpoint.local) else V4_ANY
        device = endpoint.device
        if is_any(address):
            address = source if source != V4_ANY else V4_LOOPBACK
        if is_multicast(address):
            if device == 0:
                device = self.multicast_if
            if source == V4_ANY:
                source = self.multicast_source
        path = self.ip.paths.find(address, source, device)
        if path is None:
            self.ip.mib.out_no_routes += 1
            return ENETUNREACH
        if path.kind == BROADCAST and not self.broadcast:
            return EACCES
        return self.ip.tables.connect_udp(
            endpoint, path.source if source == V4_ANY else source, address, port
        )

    def disconnect(self) -> None:
        """connect() to AF_UNSPEC; gives up the bound device too (``__udp_disconnect``)."""
        self.ip.tables.disconnect_udp(self.endpoint)
        self.endpoint.device = 0

    # --- receiving ----------------------------------------------------------------------------

    def deliver(self, datagram: Datagram) -> None:
        """Queue a datagram, or drop it if the buffer is over its limit already."""
        if self.rmem > self.rcvbuf:
            self.drops += 1
            self.mib.in_errors += 1
            self.mib.rcvbuf_errors += 1
            return
        self.rmem += datagram.size
        self._queue.append(datagram)
        if self.events is not None:
            self.events.on_events(_READABLE)

    def receive(self, peek: bool) -> Datagram | None:
        """The next datagram, None if there is none. With ``peek`` it stays.

        A pending error comes first: the caller asks :meth:`take_error` before this.
        """
        queue = self._queue
        if not queue:
            return None
        if peek:
            return queue[0]
        datagram = queue.popleft()
        self.rmem -= datagram.size
        self.mib.in_datagrams += 1
        return datagram

    def queued(self) -> int:
        """Number of datagrams waiting."""
        return len(self._queue)

    def next_size(self) -> int:
        """Payload bytes of the next datagram (SIOCINQ), 0 if there is none."""
        return len(self._queue[0].data) if self._queue else 0

    def poll(self) -> int:
        """Readiness (``datagram_poll``). Sending never waits: links, not sockets, hold packets."""
        mask = _WRITABLE
        if self._queue:
            mask |= _READABLE
        if self.error or self._errors:
            mask |= POLLERR
        if self.read_shut:
            mask |= POLLRDHUP | _READABLE
            if self.write_shut:
                mask |= POLLHUP
        return mask

    def shutdown(self, how: int) -> int:
        """SHUT_RD 0, SHUT_WR 1, SHUT_RDWR 2. Takes effect even where it returns ENOTCONN, as on Linux."""
        if how != 1:
            self.read_shut = True
        if how != 0:
            self.write_shut = True
        if self.events is not None:
            self.events.on_events(self.poll())
        return 0 if self.endpoint.state == ESTABLISHED else ENOTCONN

    def close(self) -> None:
        """Give up port, groups and what was received."""
        leave_all(self.endpoint, self.ip.groups)
        self.ip.tables.remove(self.endpoint)
        self.events = None
        self._queue.clear()
        self._errors.clear()
        self.rmem = 0

    # --- errors -------------------------------------------------------------------------------

    def take_error(self) -> int:
        """The pending error, which is then cleared (SO_ERROR); 0 if there is none."""
        code = self.error
        self.error = 0
        return code

    def icmp_error(self, error: IcmpError) -> None:
        """An ICMP error about a datagram of this socket.

        Without IP_RECVERR only a connected socket is told, and only what is final.
        """
        code, final = icmp_errno(error.type, error.code)
        if code == EMSGSIZE:
            if self.pmtudisc == PMTUDISC_DONT:
                return
            final = True
        if code == 0:
            return
        if self.recverr:
            port = error.payload[2] << 8 | error.payload[3]
            self._queue_error(
                SocketError(
                    code,
                    ORIGIN_ICMP,
                    error.type,
                    error.code,
                    error.mtu,
                    error.reporter,
                    error.destination,
                    port,
                    error.payload[HEADER_LENGTH:],
                )
            )
        elif not final or self.endpoint.state != ESTABLISHED:
            return
        self.error = code
        if self.events is not None:
            self.events.on_events(POLLERR)

    def receive_error(self) -> SocketError | None:
        """The next entry of the error queue (MSG_ERRQUEUE)."""
        if not self._errors:
            return None
        found = self._errors.popleft()
        self.rmem -= truesize(len(found.data))
        # The next entry's error becomes the pending one (``sock_dequeue_err_skb``).
        if self._errors and self._errors[0].origin == ORIGIN_ICMP:
            self.error = self._errors[0].errno
        return found

    def _queue_error(self, entry: SocketError) -> None:
        size = truesize(len(entry.data))
        if self.rmem + size >= self.rcvbuf:
            return
        self.rmem += size
        self._errors.append(entry)

    def _note_too_long(self, packet: Ipv4Packet, port: int, mtu: int) -> None:
        """``ip_local_error``: the error queue names the MTU that was exceeded."""
        self._queue_error(
            SocketError(EMSGSIZE, ORIGIN_LOCAL, 0, 0, mtu, V4_ANY, packet.destination, port, b"")
        )

    # --- multicast ----------------------------------------------------------------------------

    def join_group(self, group: int, ifindex: int) -> int:
        """IP_ADD_MEMBERSHIP; ``ifindex`` 0 takes the interface packets to the group leave by.

        0, EINVAL (no group), ENODEV, EADDRINUSE (joined already), ENOBUFS (too many).
        """
        ifindex = self._group_interface(group, ifindex)
        if ifindex == 0:
            return ENODEV if is_multicast(group) else EINVAL
        return join(self.endpoint, self.ip.groups, group, ifindex, self.ip.sysctl.igmp_max_memberships)

    def leave_group(self, group: int, ifindex: int) -> int:
        """IP_DROP_MEMBERSHIP; 0 or EADDRNOTAVAIL."""
        return leave(self.endpoint, self.ip.groups, group, ifindex)

    def join_source_group(self, group: int, ifindex: int, source: int) -> int:
        """IP_ADD_SOURCE_MEMBERSHIP."""
        ifindex = self._group_interface(group, ifindex)
        if ifindex == 0:
            return ENODEV if is_multicast(group) else EINVAL
        limit = self.ip.sysctl.igmp_max_memberships
        return join_source(self.endpoint, self.ip.groups, group, ifindex, source, limit)

    def leave_source_group(self, group: int, ifindex: int, source: int) -> int:
        """IP_DROP_SOURCE_MEMBERSHIP."""
        return leave_source(
            self.endpoint, self.ip.groups, group, self._group_interface(group, ifindex), source
        )

    def block_source(self, group: int, ifindex: int, source: int) -> int:
        """IP_BLOCK_SOURCE."""
        return block_source(self.endpoint, group, self._group_interface(group, ifindex), source)

    def unblock_source(self, group: int, ifindex: int, source: int) -> int:
        """IP_UNBLOCK_SOURCE."""
        return unblock_source(self.endpoint, group, self._group_interface(group, ifindex), source)

    def _group_interface(self, group: int, ifindex: int) -> int:
        if ifindex:
            return ifindex if self.ip.paths.interface(ifindex) is not None else 0
        if not is_multicast(group):
            return 0
        path = self.ip.paths.find(group, V4_ANY, 0)
        return path.interface.ifindex if path is not None else 0
