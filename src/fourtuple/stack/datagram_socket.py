"""What UDP, raw and ping sockets have in common: options, the way out, the receive and error queues."""

from __future__ import annotations

from collections import deque
from errno import EACCES, EMSGSIZE, ENOBUFS, ENOMSG, ENOTCONN, EPIPE
from typing import Final

from ..ports.endpoint import ESTABLISHED, Endpoint
from ..wire.address import V4_ANY, V4_LOOPBACK, V6_ANY, V6_LOOPBACK, is_any, is_multicast, is_v4
from ..wire.ethernet import EthernetFrame
from ..wire.ip import IpPacket
from ..wire.ipv4 import MAX_LENGTH, Ipv4Packet
from ..wire.ipv6 import HEADER_LENGTH as V6_HEADER
from ..wire.ipv6 import MAX_PAYLOAD, Ipv6Packet
from ..wire.packet import Payload
from .base import IcmpError, SocketEvents
from .bpf import BpfProgram
from .datagram import (
    ORIGIN_ICMP,
    ORIGIN_ICMP6,
    ORIGIN_LOCAL,
    ORIGIN_TIMESTAMPING,
    ORIGIN_ZEROCOPY,
    ZEROCOPY_COPIED,
    Datagram,
    SocketError,
)
from .flow_label import LABEL_DEFAULT
from .group_member import GroupMember
from .icmp_errno import icmp_errno, icmpv6_errno
from .ip_output import IpOutput
from .membership import leave_all
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
from .sent_headers import SentHeaders, counted_twice, extensions_of
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


# SOF_TIMESTAMPING_TX_SOFTWARE, TX_SCHED, OPT_ID and OPT_TSONLY.
STAMP_SOFTWARE: Final = 2
STAMP_SCHEDULED: Final = 256
STAMP_KEYS: Final = 128
STAMP_ONLY: Final = 2048
STAMP_SENDING: Final = STAMP_SOFTWARE | STAMP_SCHEDULED

READABLE: Final = POLLIN | POLLRDNORM
_WRITABLE: Final = POLLOUT | POLLWRNORM | POLLWRBAND


class DatagramSocket(GroupMember):
    """One socket of datagrams. ``events`` is told of readiness."""

    def __init__(self, ip: IpOutput, endpoint: Endpoint, events: SocketEvents | None) -> None:
        super().__init__(ip, endpoint)
        self.events = events
        self.rcvbuf: int = ip.sysctl.rmem_default
        self.sndbuf: int = ip.sysctl.wmem_default
        """Never full: what a socket sends is at once the link's."""
        self.filter: BpfProgram | None = None
        self.broadcast: bool = False
        self.dontroute: bool = False
        """SO_DONTROUTE: only hosts on the link are sent to. IPv6 does not look at it."""
        self.tos: int = 0
        self.ttl: int = 0
        """IP_TTL, 0 for the host's default."""
        self.tclass: int = 0
        self.fragment_size: int = 0
        """IPV6_MTU: longest fragment it sends; 0 for the path's MTU."""
        self.hop_limit: int = 0
        """IPV6_UNICAST_HOPS, 0 for the default."""
        self.pmtudisc: int = PMTUDISC_DONT if ip.sysctl.ip_no_pmtu_disc else PMTUDISC_WANT
        self.multicast_ttl: int = 1
        self.multicast_loop: bool = True
        self.multicast_if: int = 0
        """IP_MULTICAST_IF as an ifindex, 0 for the route's choice."""
        self.multicast_source: int = V4_ANY
        """IP_MULTICAST_IF as an address."""
        self.multicast_hops: int = 1
        self.multicast_loop_v6: bool = True
        self.multicast_if_v6: int = 0
        """IPV6_MULTICAST_IF."""
        self.unicast_if: int = 0
        """IP_UNICAST_IF, an ifindex; decides for unicasts as IP_MULTICAST_IF does for multicasts."""
        self.unicast_if_v6: int = 0
        self.flow_label: int = LABEL_DEFAULT
        """The label of what it sends, or what IPV6_AUTOFLOWLABEL says of it."""
        self.flow_label_once: int = 0
        """The label of the send under way, 0 for the socket's."""
        self.sent_headers: SentHeaders | None = None
        """IPV6_HOPOPTS, IPV6_DSTOPTS …"""
        self.sent_headers_once: SentHeaders | None = None
        """Those of the send under way, None for the socket's."""
        self.dontfrag: bool = False
        """IPV6_DONTFRAG: what does not fit the path is refused."""
        self.dontfrag_once: int = -1
        """IPV6_DONTFRAG of the send under way, -1 for what the option says."""
        self.recv_path_mtu: bool = False
        """IPV6_RECVPATHMTU: a receive call tells of what IPV6_DONTFRAG refused."""
        self.refused_mtu: int = 0
        """The path MTU that was exceeded, until it is told; 0 for none."""
        self.refused_destination: int = V6_ANY
        self.recverr: bool = False
        """IP_RECVERR, for packets of IPv4, whatever the socket's family."""
        self.recverr6: bool = False
        """IPV6_RECVERR, for packets of IPv6."""
        self.stamps: int = 0
        """Which time stamps of what it sends it wants in its error queue: SOF_TIMESTAMPING_TX_*, OPT_ID,
        OPT_TSONLY."""
        self.stamps_once: int = 0
        """More of them, for the send under way."""
        self.stamp_key: int = 0
        self.rxq_ovfl: bool = False
        """SO_RXQ_OVFL: each datagram says how many were dropped before it."""
        self.error: int = 0
        self.read_shut: bool = False
        self.write_shut: bool = False
        self.drops: int = 0
        """Datagrams the full receive buffer refused."""
        self.rmem: int = 0
        """Bytes charged to the receive buffer."""
        self.queue: deque[Datagram] = deque()
        self._errors: deque[SocketError] = deque()

    # --- sending ------------------------------------------------------------------------------

    def choose_path(self, source: int, destination: int, device: int, on_link: bool) -> Path | None:
        """The way to ``destination``, the socket's own options considered; None if there is none.

        With ``on_link`` (MSG_DONTROUTE) no gateway is used.
        """
        if device == 0:
            device = self.endpoint.device
        if is_multicast(destination):
            if device == 0:
                device = self.multicast_if if is_v4(destination) else self.multicast_if_v6
            if source == V4_ANY and is_v4(destination):
                source = self.multicast_source
        elif device == 0:
            device = self.unicast_if if is_v4(destination) else self.unicast_if_v6
        paths = self.ip.paths
        if (on_link or self.dontroute) and is_v4(destination):
            path = paths.find_on_link(destination, source, device)
        else:
            path = paths.find(destination, source, device)
        if path is None:
            if is_v4(destination):
                self.ip.counters.ip.out_no_routes += 1
            else:
                self.ip.counters.ip6.out_no_routes += 1
        return path

    def no_route(self, destination: int, device: int) -> int:
        """The errno of a destination that :meth:`choose_path` found no way to."""
        return self.ip.no_route(destination, device or self.endpoint.device)

    def source_for(self, source: int, path: Path) -> int:
        """The source address of a packet along ``path``."""
        if not is_any(source):
            return source
        if path.kind == MULTICAST and not path.is_v6 and self.multicast_source != V4_ANY:
            return self.multicast_source
        return path.source

    def transmit(
        self,
        source: int,
        destination: int,
        port: int,
        protocol: int,
        payload: Payload,
        tos: int,
        ttl: int,
        path: Path,
    ) -> int:
        """Send ``payload`` along ``path``; 0 or an errno. ``port`` is the peer's, for error reports.

        EMSGSIZE, the pending error, EPIPE, ENOBUFS. A ``tos`` below 0 and a ``ttl`` of 0 leave it to
        the socket's options.
        """
        if path.is_v6:
            return self._transmit_v6(source, destination, port, protocol, payload, tos, ttl, path)
        packet = Ipv4Packet(source, destination, protocol, payload)
        packet.tos = self.tos if tos < 0 else tos
        if ttl:
            packet.ttl = ttl
        elif path.kind == MULTICAST:
            packet.ttl = self.multicast_ttl
        else:
            packet.ttl = self.ttl or self.ip.sysctl.ip_default_ttl
        discovery = self.pmtudisc
        mtu = min(path.mtu, MAX_LENGTH) if discovery < PMTUDISC_PROBE else path.interface.mtu
        length = packet.wire_length()
        code = self._check_send(destination, port, length, length > MAX_LENGTH, mtu)
        if code != 0:
            return code
        if discovery == PMTUDISC_WANT:
            packet.dont_fragment = length <= mtu and not path.mtu_locked
        else:
            packet.dont_fragment = discovery in (PMTUDISC_DO, PMTUDISC_PROBE)
        code = self._sent(self.ip.send_on(packet, path, mtu, self.multicast_loop), False)
        if code == 0 and (self.stamps | self.stamps_once) & STAMP_SENDING:
            self._stamp(packet, path)
        return code

    def _transmit_v6(
        self,
        source: int,
        destination: int,
        port: int,
        protocol: int,
        payload: Payload,
        tos: int,
        ttl: int,
        path: Path,
    ) -> int:
        packet = Ipv6Packet(source, destination, protocol, payload)
        packet.tos = self.tclass if tos < 0 else tos
        if self.sent_headers is not None or self.sent_headers_once is not None:
            packet.extensions = extensions_of(self.sent_headers_once, self.sent_headers)
        if ttl:
            packet.ttl = ttl
        elif path.kind == MULTICAST:
            packet.ttl = self.multicast_hops
        else:
            packet.ttl = self.hop_limit or self.ip.v6.hop_limit(path)
        whole = path.mtu if self.pmtudisc < PMTUDISC_PROBE else path.interface.mtu_v6()
        mtu = min(whole, self.fragment_size) if self.fragment_size else whole
        added = packet.header_length() - V6_HEADER
        asked = self.flow_label_once or self.flow_label
        packet.flow_label = self.ip.v6.labels.label_for(packet, asked, 0)
        length = packet.wire_length() + counted_twice(packet.extensions)
        too_long = length - V6_HEADER > MAX_PAYLOAD
        if length > mtu and self._may_not_cut():
            too_long = True
            if self.recv_path_mtu:
                self.refused_mtu = mtu - added
                self.refused_destination = destination
        code = self._check_send(destination, port, length - added, too_long, mtu - added)
        if code != 0:
            return code
        code = self._sent(self.ip.v6.send_on(packet, path, whole, mtu, self.multicast_loop_v6, False), True)
        if code == 0 and (self.stamps | self.stamps_once) & STAMP_SENDING:
            self._stamp(packet, path)
        return code

    def _may_not_cut(self) -> bool:
        """IPV6_DONTFRAG of the packet being sent (``__ip6_append_data``)."""
        asked = self.dontfrag if self.dontfrag_once < 0 else self.dontfrag_once != 0
        return asked and self.obeys_dontfrag()

    def obeys_dontfrag(self) -> bool:
        return True

    def _stamp(self, packet: IpPacket, path: Path) -> None:
        """Put the time stamps of a packet just sent into the error queue (``__skb_tstamp_tx``)."""
        wanted = self.stamps | self.stamps_once
        data = b""
        if not wanted & STAMP_ONLY:
            # The packet comes back as it went to the device.
            neighbour = path.neighbour
            mac = neighbour.mac if neighbour is not None and neighbour.mac > 0 else 0
            data = EthernetFrame(mac, path.interface.mac, path.table.ethertype, packet).serialize()
        for flag, kind in ((STAMP_SCHEDULED, 1), (STAMP_SOFTWARE, 0)):
            if wanted & flag:
                entry = SocketError(ENOMSG, ORIGIN_TIMESTAMPING, 0, 0, kind, V4_ANY, V4_ANY, 0, data)
                entry.time = self.ip.clock.now
                if wanted & STAMP_KEYS:
                    entry.key = self.stamp_key
                self.queue_error(entry)
        if wanted & STAMP_KEYS:
            self.stamp_key = (self.stamp_key + 1) & 0xFFFF_FFFF
        if self.events is not None:
            self.events.on_events(POLLERR)

    def addresses(self, source: int, destination: int) -> tuple[int, int]:
        """Source and destination with what the socket is bound to, and this host for the wildcard."""
        local = self.endpoint.local
        if is_any(source):
            source = local
        if destination == V6_ANY:
            return source, V6_LOOPBACK
        if destination == V4_ANY:
            return (V4_ANY, V4_LOOPBACK) if is_any(source) else (source, source)
        if is_any(source) and is_v4(destination):
            source = V4_ANY
        return source, destination

    def _check_send(self, destination: int, port: int, length: int, too_long: bool, mtu: int) -> int:
        """Size, pending error and permission to send are looked at only now (``ip_make_skb``)."""
        whole_only = PMTUDISC_DO <= self.pmtudisc <= PMTUDISC_INTERFACE
        if too_long or (whole_only and length > mtu):
            self.report_too_long(destination, port, mtu)
            return EMSGSIZE
        return self.refusal()

    def refusal(self) -> int:
        """The errno a send finds in the socket itself: a pending error, EPIPE after shutdown(); 0 for
        none (``sock_alloc_send_pskb``)."""
        code = self.take_error()
        if code != 0:
            return code
        return EPIPE if self.write_shut else 0

    def report_too_long(self, destination: int, port: int, mtu: int) -> None:
        """Put EMSGSIZE with the MTU that was exceeded into the error queue (``ip_local_error``).

        IPv4 names the port the socket is connected to, 0 for none, and not the one sent to.
        """
        v6 = not is_v4(destination)
        if not v6:
            port = self.endpoint.peer_port
        if self.wants_errors(v6):
            self.queue_error(SocketError(EMSGSIZE, ORIGIN_LOCAL, 0, 0, mtu, V4_ANY, destination, port, b""))

    def _sent(self, code: int, v6: bool) -> int:
        return 0 if code == ENOBUFS and not self.wants_errors(v6) else code

    def find_peer(self, address: int) -> tuple[int, int, int]:
        """(errno or 0, source, address) of connecting to ``address`` (``__ip4_datagram_connect``).

        ENETUNREACH, EACCES (broadcast without SO_BROADCAST).
        """
        source, address = self.addresses(V4_ANY, address)
        path = self.choose_path(source, address, 0, False)
        if path is None:
            return self.no_route(address, 0), source, address
        if path.kind == BROADCAST and not self.broadcast:
            return EACCES, source, address
        return 0, self.source_for(source, path), address

    # --- receiving ----------------------------------------------------------------------------

    def deliver(self, datagram: Datagram) -> None:
        """Queue a datagram, or drop it if the buffer is full (``sock_queue_rcv_skb``)."""
        if self.rmem >= self.rcvbuf:
            self.drops += 1
            return
        self.rmem += datagram.size
        self.queue.append(self.counting_drops(datagram))
        if self.events is not None:
            self.events.on_events(READABLE)

    def counting_drops(self, datagram: Datagram) -> Datagram:
        """The datagram as this socket queues it: others may be given the same one."""
        if not self.rxq_ovfl or self.drops == 0:
            return datagram
        copy = datagram.with_data(datagram.data, datagram.size)
        copy.drops = self.drops
        return copy

    def receive(self, peek: bool) -> Datagram | None:
        """The next datagram, None if there is none. With ``peek`` it stays.

        A pending error comes first: the caller asks :meth:`take_error` before this.
        """
        if not self.queue:
            return None
        if peek:
            return self.queue[0]
        datagram = self.queue.popleft()
        self.rmem -= datagram.size
        return datagram

    def queued(self) -> int:
        """Number of datagrams waiting."""
        return len(self.queue)

    def next_size(self) -> int:
        """Payload bytes of the next datagram (SIOCINQ), 0 if there is none."""
        return len(self.queue[0].data) if self.queue else 0

    def poll(self) -> int:
        """Readiness (``datagram_poll``). Sending never waits: links, not sockets, hold packets."""
        mask = _WRITABLE
        if self.queue:
            mask |= READABLE
        if self.error or self._errors:
            mask |= POLLERR
        if self.read_shut:
            mask |= POLLRDHUP | READABLE
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
        """Give up groups and what was received."""
        leave_all(self.endpoint, self.ip.groups)
        self.events = None
        self.queue.clear()
        self._errors.clear()
        self.rmem = 0

    # --- errors -------------------------------------------------------------------------------

    def take_error(self) -> int:
        """The pending error, which is then cleared (SO_ERROR); 0 if there is none."""
        code = self.error
        self.error = 0
        return code

    def wants_errors(self, v6: bool) -> bool:
        """Whether errors about packets of the family go to the error queue."""
        return self.recverr6 if v6 else self.recverr

    def note_error(self, error: IcmpError, port: int, data: bytes) -> None:
        """An ICMP error about a datagram of this socket to ``port``; ``data`` is what is left of it.

        Without IP_RECVERR only a connected socket is told, and only what is final.
        """
        v6 = error.type_v6 >= 0
        type = error.type_v6 if v6 else error.type
        icmp_code = error.code_v6 if v6 else error.code
        code, final = icmpv6_errno(type, icmp_code) if v6 else icmp_errno(type, icmp_code)
        if code == EMSGSIZE:
            if self.pmtudisc == PMTUDISC_DONT:
                return
            final = True
        if code == 0:
            return
        if self.wants_errors(v6):
            entry = SocketError(
                code,
                ORIGIN_ICMP6 if v6 else ORIGIN_ICMP,
                type,
                icmp_code,
                error.mtu,
                error.reporter,
                error.destination,
                port,
                data,
            )
            entry.arrived = self.ip.clock.now
            self.queue_error(entry)
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
        # The next entry's error becomes the pending one, in place of this one's (``sock_dequeue_err_skb``).
        if self._errors and self._errors[0].origin in (ORIGIN_ICMP, ORIGIN_ICMP6):
            self.error = self._errors[0].errno
        elif found.origin in (ORIGIN_ICMP, ORIGIN_ICMP6):
            self.error = 0
        return found

    def queue_error(self, entry: SocketError) -> None:
        size = truesize(len(entry.data))
        if self.rmem + size >= self.rcvbuf:
            return
        self.rmem += size
        self._errors.append(entry)

    def tell_copied(self, low: int, high: int) -> None:
        """The buffers of the writes with MSG_ZEROCOPY numbered ``low`` to ``high`` may be used again."""
        last = self._errors[-1] if self._errors else None
        if last is not None and last.origin == ORIGIN_ZEROCOPY and (last.key + 1) & 0xFFFF_FFFF == low:
            last.key = high
        else:
            entry = SocketError(0, ORIGIN_ZEROCOPY, 0, ZEROCOPY_COPIED, low, V4_ANY, V4_ANY, 0, b"")
            entry.key = high
            self.rmem += truesize(0)
            self._errors.append(entry)
        if self.events is not None:
            self.events.on_events(POLLERR)
