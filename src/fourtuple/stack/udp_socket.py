"""A UDP socket: sending, and its receive buffer (udp(7); net/ipv4/udp.c)."""

from __future__ import annotations

from errno import EACCES, EDESTADDRREQ, EINVAL, EMSGSIZE, ENETUNREACH
from typing import Final

from ..ports.endpoint import ESTABLISHED, PROTOCOL_UDPLITE, Endpoint
from ..wire.address import V4_ANY
from ..wire.udp import HEADER_LENGTH, UdpDatagram
from ..wire.udplite import UdpLiteDatagram
from .base import IcmpError, SocketEvents
from .datagram import Datagram as Datagram
from .datagram import SocketError as SocketError
from .datagram_socket import CONNECTED_PEER as CONNECTED_PEER
from .datagram_socket import READABLE, DatagramSocket
from .ip_output import IpOutput
from .mib import UdpCounters
from .path import BROADCAST

_INT_MAX: Final = 0x7FFF_FFFF


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
        endpoint = self.endpoint
        if endpoint.local_port == 0:
            code = self.ip.tables.autobind_udp(endpoint)
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
        source, destination = self.addresses(source, destination)
        path = self.choose_path(source, destination, device, on_link)
        if path is None:
            return ENETUNREACH
        if path.kind == BROADCAST and not self.broadcast:
            return EACCES
        datagram = self._datagram(port, data)
        datagram.origin = endpoint
        code = self.transmit(
            self.source_for(source, path), destination, port, endpoint.protocol, datagram, tos, ttl, path
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
        self.queue.append(datagram)
        if self.events is not None:
            self.events.on_events(READABLE)

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
