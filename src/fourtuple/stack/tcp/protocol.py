"""TCP of one host: which connection a segment belongs to, and what all connections share."""

from __future__ import annotations

from ...clock.clock import Event
from ...ports.endpoint import PROTOCOL_TCP, Endpoint
from ...wire.address import is_v4
from ...wire.ip import IpPacket
from ...wire.ipv4 import Ipv4Packet
from ...wire.ipv6 import Ipv6Packet
from ...wire.tcp import ACK, RST, TcpSegment
from ..base import IcmpError, IpLayer, SocketEvents, Transport
from ..filtering import filtered_segment
from ..loopback import LOOPBACK_DELAY
from . import history
from .connection import Connection
from .counters import TcpCounters
from .icmp_error import connection_error, interface_mtu_reduced, request_error
from .input import segment_arrives
from .lifecycle import done, enter, forget_received, stop_timers
from .listen import listener_segment, request_segment
from .request import Request
from .sentlist import purge
from .state import CLOSE, LISTEN, MASK32, TIME_WAIT
from .tcb import Tcb, TcpLayer
from .time_wait import REOPEN, RESET, TimeWait


class _TooBig(Event):
    """A connection learns that its own host's interface became too small for its segments."""

    __slots__ = ("tcb",)

    def __init__(self, tcb: Tcb) -> None:
        self.tcb = tcb

    def fire(self) -> None:
        interface_mtu_reduced(self.tcb)


class _Layer(TcpLayer):
    """What connections ask of the host's TCP."""

    def create(self, endpoint: Endpoint, events: SocketEvents | None) -> Tcb:
        tcb = Connection(self, endpoint, events)
        endpoint.owner = tcb
        return tcb

    def enter_time_wait(self, tcb: Tcb, substate: int, timeout: int) -> None:
        history.save(tcb)
        if self.time_waits >= self.sysctl.tcp_max_tw_buckets:
            self.counters.time_wait_overflow += 1
            done(tcb)
            return
        old = tcb.endpoint
        endpoint = Endpoint(PROTOCOL_TCP, old.family, old.uid)
        endpoint.local = old.local
        endpoint.local_port = old.local_port
        endpoint.peer = old.peer
        endpoint.peer_port = old.peer_port
        endpoint.device = old.device
        endpoint.v6only = old.v6only
        endpoint.reuse_addr = old.reuse_addr
        endpoint.reuse_port = old.reuse_port
        endpoint.port_by_connect = old.port_by_connect
        endpoint.state = TIME_WAIT
        time_wait = TimeWait(self, endpoint, tcb, substate)
        endpoint.owner = time_wait
        self.time_waits += 1
        self.tables.replace_established(old, endpoint)
        # A FIN that comes soon may be a retransmission: outlast the peer's timeout.
        time_wait.timer.arm(max(timeout, (tcb.rto << 2) - (tcb.rto >> 1)))
        done(tcb)

    def too_big(self, tcb: Tcb) -> None:
        # Linux's IP answers with an ICMP error that takes the loopback, so the caller is done by then.
        self.clock.after(LOOPBACK_DELAY, _TooBig(tcb))

    def send_reset(self, packet: IpPacket, segment: TcpSegment) -> None:
        if segment.flags & RST:
            return
        if segment.flags & ACK:
            reset = TcpSegment(
                segment.destination_port, segment.source_port, segment.ack, 0, RST, 0, b"", None
            )
        else:
            # No ACK tells a number the peer takes: acknowledge what it sent.
            reset = TcpSegment(
                segment.destination_port,
                segment.source_port,
                0,
                (segment.seq + segment.seq_length()) & MASK32,
                RST | ACK,
                0,
                b"",
                None,
            )
        self.counters.out_segs += 1
        self.counters.out_rsts += 1
        self.ip.send(packet.destination, packet.source, PROTOCOL_TCP, reset, packet.tos & 0xFC, 0, True, 0)


class TcpProtocol(Transport):
    """The transport IP hands segments to, and the maker of connections."""

    def __init__(self, ip: IpLayer) -> None:
        self.layer: TcpLayer = _Layer(ip)
        self.counters: TcpCounters = self.layer.counters

    def create(self, endpoint: Endpoint, events: SocketEvents | None) -> Tcb:
        """A closed connection that owns ``endpoint``."""
        return self.layer.create(endpoint, events)

    def input(self, packet: Ipv4Packet, ifindex: int) -> None:
        """Take a segment addressed to this host."""
        self._deliver(packet, ifindex)

    def input_v6(self, packet: Ipv6Packet, ifindex: int) -> None:
        """Take a segment addressed to this host in an IPv6 packet."""
        self._deliver(packet, ifindex)

    def _deliver(self, packet: IpPacket, ifindex: int) -> None:
        segment = packet.payload
        if not isinstance(segment, TcpSegment):
            return
        layer = self.layer
        layer.counters.in_segs += 1
        if layer.tables.choosers:
            layer.ip.under_way.set(packet, segment.header_length(), ifindex)
        endpoint = layer.tables.lookup_tcp(
            packet.source,
            segment.source_port,
            packet.destination,
            segment.destination_port,
            ifindex,
            None,
        )
        layer.ip.under_way.packet = None
        if endpoint is None:
            layer.send_reset(packet, segment)
            return
        owner = endpoint.owner
        if isinstance(owner, Tcb) and _comes_from_far(owner, packet.source, packet.ttl):
            return
        if endpoint.filter is not None:
            kept = filtered_segment(endpoint.filter, packet, segment, ifindex, layer.ip.stream)
            if kept is None:
                return
            segment = kept
        if isinstance(owner, Tcb):
            if endpoint.state == LISTEN:
                listener_segment(owner, packet, segment, -1)
            else:
                segment_arrives(owner, packet, segment)
        elif isinstance(owner, TimeWait):
            self._time_wait(owner, packet, segment, ifindex)
        elif isinstance(owner, Request):
            request_segment(owner, packet, segment)

    def _time_wait(self, owner: TimeWait, packet: IpPacket, segment: TcpSegment, ifindex: int) -> None:
        decision = owner.segment_arrives(packet, segment)
        if decision == RESET:
            self.layer.send_reset(packet, segment)
        elif decision == REOPEN:
            endpoint = self.layer.tables.lookup_listener(
                packet.source,
                segment.source_port,
                packet.destination,
                segment.destination_port,
                ifindex,
                None,
            )
            if endpoint is None or not isinstance(endpoint.owner, Tcb):
                owner.refuse_reopening(segment)
                return
            isn = (owner.snd_nxt + 65535 + 2) & MASK32 or 1
            owner.remove()
            listener_segment(endpoint.owner, packet, segment, isn)

    def icmp_error(self, error: IcmpError) -> None:
        """Take an ICMP error about a segment this host sent; 8 quoted bytes are enough."""
        quoted = error.payload
        if len(quoted) < 8:
            return
        local_port = quoted[0] << 8 | quoted[1]
        peer_port = quoted[2] << 8 | quoted[3]
        seq = int.from_bytes(quoted[4:8], "big")
        endpoint = self.layer.tables.lookup_tcp(
            error.destination, peer_port, error.source, local_port, error.ifindex, None
        )
        if endpoint is None:
            return
        owner = endpoint.owner
        if isinstance(owner, Tcb):
            if _comes_from_far(owner, error.destination, error.ttl):
                return
            connection_error(owner, error, seq)
        elif isinstance(owner, Request):
            request_error(owner, error, seq)

    def connections(self) -> list[Endpoint]:
        """Endpoints of all connections, requests and TIME_WAITs included, in a stable order.

        ``owner`` is a Tcb, a Request or a TimeWait.
        """
        return self.layer.tables.tcp.endpoints()

    def crash(self) -> None:
        """The host fails: all connections vanish, and nobody is told."""
        for endpoint in self.layer.tables.tcp.endpoints():
            owner = endpoint.owner
            if isinstance(owner, Tcb):
                stop_timers(owner)
                purge(owner)
                forget_received(owner)
                enter(owner, CLOSE)
                owner.events = None
            elif isinstance(owner, TimeWait):
                owner.forget()
            elif isinstance(owner, Request):
                owner.cancel()
            self.layer.tables.remove(endpoint)


def _comes_from_far(tcb: Tcb, peer: int, ttl: int) -> bool:
    """IP_MINTTL, IPV6_MINHOPCOUNT (RFC 5082): whether a packet that has ``ttl`` left is to be dropped."""
    if ttl >= (tcb.min_ttl if is_v4(peer) else tcb.min_hop_limit):
        return False
    tcb.layer.counters.min_ttl_drop += 1
    return True
