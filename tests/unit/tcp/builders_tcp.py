"""What the TCP tests are built from: a host with a recorded wire, connections in every state, and a pair of
hosts joined by a wire that may delay, lose, reorder and duplicate.

Segments are written as packetdrill does: ``P. 1:11(10) ack 1``, numbers relative to the first.
"""

from __future__ import annotations

from fourtuple.clock.clock import Clock, Event
from fourtuple.clock.streams import Stream
from fourtuple.ports.endpoint import AF_INET, AF_INET6, PROTOCOL_TCP, Endpoint
from fourtuple.ports.tables import PortTables
from fourtuple.stack.base import IcmpError, IpLayer, Route, SocketEvents
from fourtuple.stack.sysctl import Sysctl
from fourtuple.stack.tcp.protocol import TcpProtocol
from fourtuple.stack.tcp.state import EMSGSIZE
from fourtuple.stack.tcp.tcb import Tcb
from fourtuple.wire.address import V4_ANY, V6_ANY, is_any, is_v4, parse_ip
from fourtuple.wire.ipv4 import Ipv4Packet, parse_ipv4
from fourtuple.wire.ipv6 import Ipv6Packet, parse_ipv6
from fourtuple.wire.packet import Payload
from fourtuple.wire.tcp import ACK, CWR, ECE, FIN, PSH, RST, SYN, URG, TcpSegment
from fourtuple.wire.tcp_options import TcpOptions

MS = 1_000_000
SECOND = 1_000_000_000

LOCAL = parse_ip("192.168.0.1")
REMOTE = parse_ip("192.0.2.1")
PORT = 8080
PEER_PORT = 34567
MASK = 0xFFFF_FFFF

_LETTERS = (("S", SYN), ("F", FIN), ("R", RST), ("P", PSH), ("U", URG), ("E", ECE), ("W", CWR), (".", ACK))


def flags_of(text: str) -> int:
    bits = 0
    for letter, bit in _LETTERS:
        if letter in text:
            bits |= bit
    return bits


def text_of(flags: int) -> str:
    return "".join(letter for letter, bit in _LETTERS if flags & bit) or "-"


class Recorder(SocketEvents):
    """Collects the masks a connection reports."""

    def __init__(self) -> None:
        self.masks: list[int] = []

    def on_events(self, mask: int) -> None:
        self.masks.append(mask)

    def take(self) -> int:
        mask = 0
        for one in self.masks:
            mask |= one
        self.masks.clear()
        return mask


class FakeIp(IpLayer):
    """An IP layer without a network: what is sent is kept."""

    def __init__(self, clock: Clock, address: int, name: str) -> None:
        stream = Stream(0, name)
        secret = stream.octets(16)
        sysctl = Sysctl()
        tables = PortTables(secret, stream)
        super().__init__(clock, tables, sysctl, secret, stream)
        self.address = address
        self.mtu = 1500
        self.reachable = True
        self.error = 0
        self.sent: list[Ipv4Packet] = []

    def route(self, destination: int, source: int, device: int) -> Route | None:
        if not self.reachable:
            return None
        return Route(1, -1, self.address if is_any(source) else source, self.mtu)

    def is_local(self, address: int) -> bool:
        return address == self.address

    def send(
        self,
        source: int,
        destination: int,
        protocol: int,
        payload: Payload,
        tos: int,
        ttl: int,
        dont_fragment: bool,
        device: int,
    ) -> int:
        if self.error:
            return self.error
        packet: Ipv4Packet | Ipv6Packet
        if is_v4(destination):
            packet = Ipv4Packet(source, destination, protocol, payload)
        else:
            packet = Ipv6Packet(source, destination, protocol, payload)
        packet.tos = tos
        packet.ttl = ttl or 64
        packet.dont_fragment = dont_fragment
        if packet.dont_fragment and packet.wire_length() > self.mtu:
            return EMSGSIZE
        self.carry(packet)
        return 0

    def carry(self, packet: Ipv4Packet | Ipv6Packet) -> None:
        self.sent.append(packet)

    def send_unreachable(self, packet: Ipv4Packet, code: int) -> None:
        raise AssertionError("TCP answers with RST")


class Host:
    """One host under test; the other end is the test."""

    def __init__(self, **sysctls: int) -> None:
        self.clock = Clock()
        self.ip = FakeIp(self.clock, LOCAL, "host")
        # Most scripts here count segments, not quick-ACK credit or timestamps.
        for name, value in sysctls.items():
            assert hasattr(self.ip.sysctl, name), name
            setattr(self.ip.sysctl, name, value)
        self.tcp = TcpProtocol(self.ip)
        self.events = Recorder()
        self.listener: Tcb | None = None
        self.tcb: Tcb = self.new()
        self.peer_isn = 1_000_000
        self.peer_port = PEER_PORT
        self.local_port = PORT
        self.isn = 0
        self.ts = False
        self.peer_ts = 5000
        self.last_ts = 0

    def new(self) -> Tcb:
        return self.tcp.create(Endpoint(PROTOCOL_TCP, AF_INET, 0), self.events)

    # Time -----------------------------------------------------------------------------------

    def run(self, duration: int) -> None:
        """Let ``duration`` ns pass."""
        until = self.clock.now + duration
        self.clock.run(until, 1_000_000)
        self.clock.advance_to(until)

    # In -------------------------------------------------------------------------------------

    def inject(
        self,
        flags: str,
        seq: int = 1,
        ack: int | None = None,
        data: bytes = b"",
        win: int = 65535,
        options: TcpOptions | None = None,
        urgent: int = 0,
        tos: int = 0,
        sack: list[tuple[int, int]] | None = None,
        ts: tuple[int, int] | None = None,
    ) -> None:
        """A segment from the peer; ``seq``, ``ack`` and ``sack`` relative, ``ts`` (val, ecr) as they are."""
        bits = flags_of(flags)
        if options is None and (self.ts or sack or ts):
            options = TcpOptions()
        if options is not None and (self.ts or ts) and not bits & SYN:
            options.timestamps = True
            options.ts_val, options.ts_ecr = ts or (self.peer_ts + self.clock.now // MS, self.last_ts)
        if options is not None and sack:
            options.sack = [((self.isn + a) & MASK, (self.isn + b) & MASK) for a, b in sack]
        segment = TcpSegment(
            self.peer_port,
            self.local_port,
            (self.peer_isn + seq) & MASK,
            (self.isn + ack) & MASK if ack is not None else 0,
            bits | (ACK if ack is not None else 0),
            win,
            data,
            options,
        )
        segment.urgent = urgent
        packet = Ipv4Packet(REMOTE, LOCAL, 6, segment)
        packet.tos = tos
        # Through bytes, so that nothing depends on more than the wire carries.
        self.tcp.input(parse_ipv4(packet.serialize()), 1)

    def icmp(self, type: int, code: int, seq: int, mtu: int = 0) -> None:
        """An ICMP error about our segment with this relative sequence number."""
        quoted = b"".join(
            (
                self.local_port.to_bytes(2, "big"),
                self.peer_port.to_bytes(2, "big"),
                ((self.isn + seq) & MASK).to_bytes(4, "big"),
            )
        )
        self.tcp.icmp_error(IcmpError(REMOTE, type, code, mtu, LOCAL, REMOTE, quoted))

    # Out ------------------------------------------------------------------------------------

    def packets(self) -> list[Ipv4Packet]:
        packets = [parse_ipv4(packet.serialize()) for packet in self.ip.sent]
        self.ip.sent.clear()
        for packet in packets:
            options = packet.payload.options
            if options is not None and options.timestamps:
                self.last_ts = options.ts_val
        return packets

    def segments(self) -> list[TcpSegment]:
        return [packet.payload for packet in self.packets()]

    def text(self, segment: TcpSegment, full: bool = False) -> str:
        seq = (segment.seq - self.isn) & MASK
        if seq > MASK >> 1:
            seq -= MASK + 1
        text = f"{text_of(segment.flags)} {seq}:{seq + len(segment.payload)}({len(segment.payload)})"
        if segment.flags & ACK:
            text += f" ack {(segment.ack - self.peer_isn) & MASK}"
        if full:
            text += f" win {segment.window}"
        options = segment.options
        if options is not None and options.sack:
            for left, right in options.sack:
                text += f" sack {(left - self.peer_isn) & MASK}:{(right - self.peer_isn) & MASK}"
        return text

    def sent(self, full: bool = False) -> list[str]:
        """What was sent since the last call."""
        return [self.text(segment, full) for segment in self.segments()]

    # Ways into the states ---------------------------------------------------------------------

    def listen(self, backlog: int = 1) -> Host:
        listener = self.tcb
        assert self.ip.tables.bind(listener.endpoint, V4_ANY, PORT) == 0
        assert listener.listen(backlog) == 0
        self.listener = listener
        return self

    def syn_options(self, mss: int, wscale: int, sack: bool, ts: bool) -> TcpOptions:
        options = TcpOptions()
        options.mss = mss
        options.wscale = wscale
        options.sack_permitted = sack
        options.timestamps = ts
        if ts:
            self.ts = True
            options.ts_val = self.peer_ts + self.clock.now // MS
            options.ts_ecr = self.last_ts
        return options

    def accept_one(
        self,
        mss: int = 1000,
        wscale: int = -1,
        sack: bool = False,
        ts: bool = False,
        win: int = 65535,
        delay: int = 0,
    ) -> Host:
        """Passive open until ESTABLISHED, accepted."""
        self.listen(5)
        self.inject("S", 0, None, options=self.syn_options(mss, wscale, sack, ts), win=win)
        (syn_ack,) = self.segments()
        assert syn_ack.flags == SYN | ACK
        self.isn = syn_ack.seq
        self.run(delay)
        self.inject(".", 1, 1, win=win)
        assert self.listener is not None
        child = self.listener.accept()
        assert child is not None
        self.tcb = child
        child.events = self.events
        self.events.take()
        return self

    def start_connect(self) -> TcpSegment:
        """Active open: SYN-SENT; returns the SYN."""
        self.tcb.endpoint.local_port = 0
        assert self.tcb.connect(REMOTE, PEER_PORT) == 0
        (syn,) = self.segments()
        self.isn = syn.seq
        self.local_port = syn.source_port
        return syn

    def connect(
        self,
        mss: int = 1000,
        wscale: int = -1,
        sack: bool = False,
        ts: bool = False,
        win: int = 65535,
        delay: int = 0,
    ) -> Host:
        """Active open until ESTABLISHED."""
        self.start_connect()
        self.run(delay)
        self.inject("S.", 0, 1, options=self.syn_options(mss, wscale, sack, ts), win=win)
        self.packets()
        self.events.take()
        return self


def listening(**sysctls: int) -> Host:
    return Host(**sysctls).listen()


def syn_sent(**sysctls: int) -> Host:
    host = Host(**sysctls)
    host.start_connect()
    return host


def established(**sysctls: int) -> Host:
    """A client without SACK, timestamps or window scaling, MSS 1000, round trip 100 ms."""
    return Host(**sysctls).connect(delay=100 * MS)


def sack_established(**sysctls: int) -> Host:
    """The same with SACK."""
    return Host(**sysctls).connect(sack=True, delay=100 * MS)


def fin_wait_1(**sysctls: int) -> Host:
    host = established(**sysctls)
    host.tcb.shutdown(1)
    assert host.sent() == ["F. 1:1(0) ack 1"]
    return host


def fin_wait_2(**sysctls: int) -> Host:
    host = fin_wait_1(**sysctls)
    host.inject(".", 1, 2)
    return host


def close_wait(**sysctls: int) -> Host:
    host = established(**sysctls)
    host.inject("F.", 1, 1)
    host.run(300 * MS)
    host.packets()
    return host


def last_ack(**sysctls: int) -> Host:
    host = close_wait(**sysctls)
    host.tcb.close()
    assert host.sent() == ["F. 1:1(0) ack 2"]
    return host


def closing(**sysctls: int) -> Host:
    host = fin_wait_1(**sysctls)
    host.inject("F.", 1, 1)
    assert host.sent() == [". 2:2(0) ack 2"]
    return host


def time_wait(**sysctls: int) -> Host:
    host = fin_wait_2(**sysctls)
    host.inject("F.", 1, 2)
    assert host.sent() == [". 2:2(0) ack 2"]
    return host


# A pair of hosts ------------------------------------------------------------------------------


class Arrival(Event):
    """A packet reaches the other end of the wire."""

    def __init__(self, tcp: TcpProtocol, packet: Ipv4Packet | Ipv6Packet) -> None:
        self.tcp = tcp
        self.packet = packet

    def fire(self) -> None:
        if isinstance(self.packet, Ipv4Packet):
            self.tcp.input(self.packet, 1)
        else:
            self.tcp.input_v6(self.packet, 1)


class Wire:
    """What happens to packets of both directions."""

    def __init__(self, clock: Clock, stream: Stream) -> None:
        self.clock = clock
        self.stream = stream
        self.delay = 10 * MS
        self.jitter = 0
        self.loss = 0.0
        self.duplicate = 0.0
        self.mark_ce = 0.0
        self.as_bytes = False
        self.cut = False
        self.log: list[tuple[int, int, str]] = []
        self.keep_log = True


class PairIp(FakeIp):
    """An IP layer at one end of a wire."""

    def __init__(self, wire: Wire, address: int, name: str) -> None:
        super().__init__(wire.clock, address, name)
        self.wire = wire
        self.other: TcpProtocol | None = None

    def carry(self, packet: Ipv4Packet | Ipv6Packet) -> None:
        wire = self.wire
        stream = wire.stream
        segment = packet.payload
        if wire.keep_log:
            wire.log.append((wire.clock.now, self.address & 0xFF, repr(segment)))
        if wire.as_bytes:
            data = packet.serialize()
            packet = parse_ipv4(data) if isinstance(packet, Ipv4Packet) else parse_ipv6(data)
        if wire.cut or stream.uniform() < wire.loss:
            return
        if wire.mark_ce and packet.tos & 3 and stream.uniform() < wire.mark_ce:
            packet.tos |= 3
        copies = 2 if stream.uniform() < wire.duplicate else 1
        assert self.other is not None
        for _ in range(copies):
            delay = wire.delay + (stream.below(wire.jitter) if wire.jitter else 0)
            wire.clock.after(delay, Arrival(self.other, packet))


class Pair:
    """A client and a server with a wire between them."""

    def __init__(self, seed: int = 0, v6: bool = False) -> None:
        self.clock = Clock()
        self.wire = Wire(self.clock, Stream(seed, "wire"))
        self.client_ip = PairIp(self.wire, parse_ip("fd00::1" if v6 else "10.0.0.1"), "client")
        self.server_ip = PairIp(self.wire, parse_ip("fd00::2" if v6 else "10.0.0.2"), "server")
        self.family = AF_INET6 if v6 else AF_INET
        self.client_tcp = TcpProtocol(self.client_ip)
        self.server_tcp = TcpProtocol(self.server_ip)
        self.client_ip.other = self.server_tcp
        self.server_ip.other = self.client_tcp
        self.client_events = Recorder()
        self.server_events = Recorder()
        self.client = self.client_tcp.create(Endpoint(PROTOCOL_TCP, self.family, 0), self.client_events)
        self.listener = self.server_tcp.create(Endpoint(PROTOCOL_TCP, self.family, 0), None)
        self.server: Tcb | None = None

    def both(self, name: str, value: object) -> None:
        """Set a sysctl on both ends."""
        for ip in (self.client_ip, self.server_ip):
            assert hasattr(ip.sysctl, name), name
            setattr(ip.sysctl, name, value)

    def run(self, duration: int) -> None:
        until = self.clock.now + duration
        self.clock.run(until, 10_000_000)
        self.clock.advance_to(until)

    def open(self, patience: int = 10 * SECOND) -> Pair:
        """Connect and accept."""
        wild = V4_ANY if self.family == AF_INET else V6_ANY
        assert self.server_ip.tables.bind(self.listener.endpoint, wild, 80) == 0
        assert self.listener.listen(16) == 0
        assert self.client.connect(self.server_ip.address, 80) == 0
        until = self.clock.now + patience
        while self.server is None and self.clock.now < until:
            self.run(10 * MS)
            self.server = self.listener.accept()
        if self.server is not None:
            self.server.events = self.server_events
        return self
