"""A UDP socket: sending, and its receive buffer (udp(7); net/ipv4/udp.c)."""

from __future__ import annotations

from errno import EACCES, EDESTADDRREQ, EINVAL, EMSGSIZE
from typing import Final

from ..ports.endpoint import ESTABLISHED, PROTOCOL_UDPLITE, Endpoint
from ..wire.address import V4_ANY
from ..wire.udp import HEADER_LENGTH, UdpDatagram
from ..wire.udplite import UdpLiteDatagram
from .base import IcmpError, SocketEvents
from .datagram import Datagram as Datagram
from .datagram import SocketError as SocketError
from .datagram_socket import CONNECTED_PEER as CONNECTED_PEER
from .datagram_socket import PMTUDISC_PROBE, READABLE, DatagramSocket
from .ip_output import IpOutput
from .mib import UdpCounters
from .path import BROADCAST, Path

_INT_MAX: Final = 0x7FFF_FFFF
_LARGEST: Final = 0xFFFF
_V4_HEADER: Final = 20
_V6_HEADER: Final = 40
_MOST_SEGMENTS: Final = 128
_MOST_MERGED: Final = 65507


class UdpWay:
    """Where a datagram goes, found before it is sent: a corked one waits with it."""

    __slots__ = ("code", "destination", "path", "port", "source", "tos", "ttl")

    def __init__(self) -> None:
        self.code: int = 0
        """The errno if there is no way, else 0."""
        self.source: int = V4_ANY
        self.destination: int = V4_ANY
        self.port: int = 0
        self.tos: int = -1
        self.ttl: int = 0
        self.path: Path | None = None


class UdpSocket(DatagramSocket):
    """One UDP socket.

    The receive buffer is charged as Linux does with what packets cost in memory, and takes a datagram
    that fits, or any while it is empty. Charge is given back in quarters of the buffer, and when those
    datagrams are read that were there when reading began (``forward_deficit``, ``reader_queue``).
    """

    def __init__(
        self, ip: IpOutput, endpoint: Endpoint, events: SocketEvents | None, mib: UdpCounters
    ) -> None:
        super().__init__(ip, endpoint, events)
        self.mib: UdpCounters = mib
        self.send_coverage: int = -1
        """UDPLITE_SEND_CSCOV, -1 while not set: bytes the checksum covers, 0 for all."""
        self.receive_coverage: int = -1
        """UDPLITE_RECV_CSCOV, -1 while not set: least of that taken in, 0 for all of it."""
        self.gro: bool = False
        """UDP_GRO: datagrams of one flow that arrive at one moment are merged."""
        self._deficit: int = 0
        """Bytes read whose charge was not given back yet."""
        self._in_reader_queue: int = 0
        """How many at the head of the queue the reader has taken over."""

    # --- sending ------------------------------------------------------------------------------

    def send(self, destination: int, port: int, data: bytes, tos: int, ttl: int, device: int) -> int:
        """Send one datagram; 0 or an errno, in the order ``udp_sendmsg`` finds them.

        EAGAIN (no port free), EMSGSIZE, EDESTADDRREQ, EINVAL (port 0), ENETUNREACH, EACCES (broadcast
        without SO_BROADCAST), the pending error, EPIPE. ``destination`` may be CONNECTED_PEER. A
        ``tos`` below 0 and a ``ttl`` or ``device`` of 0 leave it to the socket's options.
        """
        return self.send_from(V4_ANY, destination, port, data, tos, ttl, device, False)

    def send_from(
        self,
        source: int,
        destination: int,
        port: int,
        data: bytes,
        tos: int,
        ttl: int,
        device: int,
        on_link: bool,
    ) -> int:
        """:meth:`send` with the source address ``source`` (IP_PKTINFO), V4_ANY for the usual one, and
        with ``on_link`` to no gateway (MSG_DONTROUTE)."""
        if len(data) > 0xFFFF:
            return EMSGSIZE
        way = self.find_way(source, destination, port, tos, ttl, device, on_link)
        return way.code if way.code != 0 else self.send_along(way, data, 0)

    def find_way(
        self, source: int, destination: int, port: int, tos: int, ttl: int, device: int, on_link: bool
    ) -> UdpWay:
        """Where a datagram would go; its ``code`` is the errno if it could not."""
        endpoint = self.endpoint
        way = UdpWay()
        if endpoint.local_port == 0:
            way.code = self.ip.tables.autobind_udp(endpoint)
            if way.code != 0:
                return way
        if destination == CONNECTED_PEER:
            if endpoint.state != ESTABLISHED:
                way.code = EDESTADDRREQ
                return way
            destination = endpoint.peer
            port = endpoint.peer_port
        elif port == 0:
            way.code = EINVAL
            return way
        source, destination = self.addresses(source, destination)
        path = self.choose_path(source, destination, device, on_link)
        if path is None:
            way.code = self.no_route(destination, device)
            return way
        if path.kind == BROADCAST and not self.broadcast:
            way.code = EACCES
        way.source = self.source_for(source, path)
        way.destination = destination
        way.port = port
        way.tos = tos
        way.ttl = ttl
        way.path = path
        return way

    def send_along(self, way: UdpWay, data: bytes, segment: int) -> int:
        """Send ``data`` in datagrams of ``segment`` bytes (UDP_SEGMENT; 0: in one); 0 or an errno.

        EMSGSIZE, EINVAL (more than 128 datagrams), the pending error, EPIPE.
        """
        path = way.path
        if path is None:
            return EINVAL
        size = len(data)
        if segment == 0 or size == 0:
            return self._send_one(way, data, path)
        headers = HEADER_LENGTH + (_V6_HEADER if path.is_v6 else _V4_HEADER)
        mtu = path.mtu if self.pmtudisc < PMTUDISC_PROBE else path.interface.mtu
        if headers + min(size, segment) > mtu or size + (HEADER_LENGTH if path.is_v6 else headers) > _LARGEST:
            return EMSGSIZE
        if size > segment * _MOST_SEGMENTS:
            return EINVAL
        # One time stamp for them all.
        stamps = self.stamps
        for at in range(0, size, segment):
            code = self._send_one(way, data[at : at + segment], path)
            self.stamps = 0
            self.stamps_once = 0
            if code != 0:
                break
        self.stamps = stamps
        return code

    def _send_one(self, way: UdpWay, data: bytes, path: Path) -> int:
        endpoint = self.endpoint
        datagram = self._datagram(way.port, data)
        datagram.origin = endpoint
        code = self.transmit(
            way.source, way.destination, way.port, endpoint.protocol, datagram, way.tos, way.ttl, path
        )
        if code == 0:
            self.mib.out_datagrams += 1
        return code

    def _datagram(self, port: int, data: bytes) -> UdpDatagram:
        """A datagram to ``port``; of UDP-Lite with its coverage (``udplite_sender_cscov``)."""
        endpoint = self.endpoint
        if endpoint.protocol != PROTOCOL_UDPLITE:
            return UdpDatagram(endpoint.local_port, port, data)
        length = HEADER_LENGTH + len(data)
        coverage = length if self.send_coverage < 0 else min(self.send_coverage, length)
        return UdpLiteDatagram(endpoint.local_port, port, data, coverage)

    def connect(self, address: int, port: int) -> int:
        """Fix the peer; 0, EAGAIN (no port free), ENETUNREACH, EACCES (``__ip4_datagram_connect``)."""
        endpoint = self.endpoint
        if endpoint.local_port == 0:
            code = self.ip.tables.autobind_udp(endpoint)
            if code != 0:
                return code
        code, source, address = self.find_peer(address)
        if code != 0:
            return code
        return self.ip.tables.connect_udp(endpoint, source, address, port)

    def disconnect(self) -> None:
        """connect() to AF_UNSPEC; gives up the bound device too (``__udp_disconnect``)."""
        self.ip.tables.disconnect_udp(self.endpoint)
        self.endpoint.device = 0

    # --- receiving ----------------------------------------------------------------------------

    def deliver(self, datagram: Datagram) -> None:
        """Queue a datagram, or drop it (``__udp_enqueue_schedule_skb``)."""
        if self.rmem + datagram.size > self.rcvbuf and (self.rmem or self.rcvbuf > _INT_MAX >> 1):
            self.drops += 1
            self.mib.in_errors += 1
            self.mib.rcvbuf_errors += 1
            return
        self.rmem += datagram.size
        if self.gro and self._merge(datagram):
            return
        self.queue.append(self.counting_drops(datagram))
        if self.events is not None:
            self.events.on_events(READABLE)

    def _merge(self, datagram: Datagram) -> bool:
        """Append ``datagram`` to the last one queued if receive offload would have brought them as one
        (``udp_gro_receive``): the same flow, the same moment, the same size but for the last."""
        queue = self.queue
        if not queue or self._in_reader_queue == len(queue):
            return False
        last = queue[-1]
        size = last.segment_size or len(last.data)
        if (
            last.time != datagram.time
            or last.source_port != datagram.source_port
            or last.source != datagram.source
            or last.destination != datagram.destination
            or last.ifindex != datagram.ifindex
            or last.ttl != datagram.ttl
            or last.tos != datagram.tos
            or size == 0
            or len(last.data) % size
            or not 0 < len(datagram.data) <= size
            or len(last.data) + len(datagram.data) > _MOST_MERGED
        ):
            return False
        merged = last.with_data(last.data + datagram.data, last.size + datagram.size)
        merged.segment_size = size
        queue[-1] = merged
        return True

    def peek_at(self, offset: int) -> tuple[Datagram | None, int]:
        """The datagram with byte ``offset`` of the queue (SO_PEEK_OFF), and where in it that is."""
        for datagram in self.queue:
            if offset == 0 or offset < len(datagram.data):
                return datagram, offset
            offset -= len(datagram.data)
        return None, 0

    def receive(self, peek: bool) -> Datagram | None:
        queue = self.queue
        if not queue:
            return None
        if self._in_reader_queue == 0:
            self._in_reader_queue = len(queue)
        if peek:
            return queue[0]
        datagram = queue.popleft()
        self._in_reader_queue -= 1
        self._deficit += datagram.size
        if self._deficit >= self.rcvbuf >> 2 or self._in_reader_queue == 0:
            self.rmem -= self._deficit
            self._deficit = 0
        self.mib.in_datagrams += 1
        return datagram

    def close(self) -> None:
        """Give up port, groups and what was received."""
        super().close()
        self.ip.tables.remove(self.endpoint)
        self._deficit = 0
        self._in_reader_queue = 0

    def icmp_error(self, error: IcmpError) -> None:
        """An ICMP error about a datagram of this socket."""
        quoted = error.payload
        self.note_error(error, quoted[2] << 8 | quoted[3], quoted[HEADER_LENGTH:])
