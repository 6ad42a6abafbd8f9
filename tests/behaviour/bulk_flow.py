"""Bulk transfers over one path, and what they achieve: the runs behind docs/tcp-behaviour.md."""

from __future__ import annotations

from fourtuple.clock.clock import MILLISECOND, SECOND, Event
from fourtuple.clock.streams import Stream
from fourtuple.network.addressing import parse_interface_address
from fourtuple.network.fabric import Fabric
from fourtuple.network.link import Direction
from fourtuple.network.node import Node
from fourtuple.network.periodic import DropEvery, has_data
from fourtuple.network.rules import PASS, Rule, Verdict, drop
from fourtuple.ports.endpoint import AF_INET, PROTOCOL_TCP, Endpoint
from fourtuple.stack.base import SocketEvents
from fourtuple.stack.tcp.state import EAGAIN
from fourtuple.stack.tcp.tcb import Tcb
from fourtuple.wire.address import V4_ANY, parse_ip
from fourtuple.wire.ethernet import EthernetFrame

MSS = 1448
"""Payload of a full segment with timestamps over Ethernet."""

_PIECE = bytes(1 << 17)
_BUFFER = 64 << 20


class RandomLoss(Rule):
    """Each segment with data is lost with the same probability, independent of all others."""

    def __init__(self, stream: Stream, probability: float) -> None:
        self.stream = stream
        self.probability = probability
        self.seen = 0
        self.lost = 0

    def judge(self, frame: EthernetFrame, now: int) -> Verdict:
        if not has_data(frame):
            return PASS
        self.seen += 1
        if self.stream.uniform() >= self.probability:
            return PASS
        self.lost += 1
        return drop()


class Writer(SocketEvents):
    """Has always more to send."""

    def __init__(self, tcb: Tcb) -> None:
        self.tcb = tcb

    def on_events(self, mask: int) -> None:
        if self.tcb.poll() & 4:
            while self.tcb.send(_PIECE, 0) > 0:
                pass


class Reader(SocketEvents):
    """Reads whatever comes at once."""

    def __init__(self, tcb: Tcb) -> None:
        self.tcb = tcb
        self.received = 0
        self.quick = False

    def on_events(self, mask: int) -> None:
        if self.quick:
            self.tcb.quickack = True
        while self.tcb.recv_check() != EAGAIN:
            data = self.tcb.recv(1 << 20, False)
            if not data:
                return
            self.received += len(data)


class Flow:
    """One connection in use, and how its window went."""

    def __init__(self, sender: Tcb, writer: Writer) -> None:
        self.sender = sender
        self.writer = writer
        self.reader: Reader | None = None
        self.windows: list[tuple[int, int, int]] = []
        """(time in ns, cwnd, ssthresh), sampled."""
        self.base = 0

    def received(self) -> int:
        """Bytes since :meth:`reset`."""
        assert self.reader is not None
        return self.reader.received - self.base

    def reset(self) -> None:
        assert self.reader is not None
        self.base = self.reader.received


class _Sampler(Event):
    def __init__(self, path: Path, every: int) -> None:
        self.path = path
        self.every = every

    def fire(self) -> None:
        clock = self.path.fabric.clock
        for flow in self.path.flows:
            sender = flow.sender
            flow.windows.append((clock.now, sender.cwnd, sender.ssthresh))
        clock.after(self.every, self)


class Path:
    """Two hosts and the link between them. ``rtt`` in ns; ``bandwidth`` in bits/s, 0 for no limit."""

    def __init__(self, seed: int, rtt: int, bandwidth: int = 0, queue_packets: int = 1000) -> None:
        self.fabric = Fabric(seed, False, False)
        self.sender_node = self._node("sender", "10.0.0.1/24")
        self.receiver_node = self._node("receiver", "10.0.0.2/24")
        link = self.fabric.connect(self.sender_node, self.receiver_node, [], [])
        self.there: Direction = link.a.outgoing
        self.back: Direction = link.b.outgoing
        self.there.latency = rtt // 2
        self.back.latency = rtt - rtt // 2
        self.there.bandwidth = bandwidth
        self.there.queue_packets = queue_packets if bandwidth else -1
        self.flows: list[Flow] = []
        self.quick_acks = False
        """Receivers acknowledge every segment at once."""

    def _node(self, name: str, address: str) -> Node:
        node = self.fabric.add_node(name, [parse_interface_address(address)])
        sysctl = node.stack.sysctl
        # Buffers that never limit: the congestion window is what is measured.
        sysctl.tcp_rmem = (4096, _BUFFER, _BUFFER)
        sysctl.tcp_wmem = (4096, _BUFFER, _BUFFER)
        return node

    def lose(self, probability: float) -> RandomLoss:
        rule = RandomLoss(Stream(self.fabric.seed, "loss"), probability)
        self.there.make_faults().rules = [rule]
        return rule

    def lose_every(self, every: int) -> DropEvery:
        rule = DropEvery(every)
        self.there.make_faults().rules = [rule]
        return rule

    def open(self, control: str) -> Flow:
        """A flow that begins to send when the clock next runs."""
        port = 1000 + len(self.flows)
        listener = self._socket(self.receiver_node)
        assert self.receiver_node.stack.tables.bind(listener.endpoint, V4_ANY, port) == 0
        assert listener.listen(1) == 0
        sender = self._socket(self.sender_node)
        sender.set_congestion_control(control)
        writer = Writer(sender)
        sender.events = writer
        flow = Flow(sender, writer)
        assert sender.connect(parse_ip("10.0.0.2"), port) == 0
        self.flows.append(flow)
        child = None
        while child is None:
            self.run(MILLISECOND)
            child = listener.accept()
        flow.reader = Reader(child)
        child.events = flow.reader
        flow.reader.quick = self.quick_acks
        flow.reader.on_events(0)
        return flow

    def _socket(self, node: Node) -> Tcb:
        return node.stack.tcp.create(Endpoint(PROTOCOL_TCP, AF_INET, 0), None)

    def sample(self, every: int) -> None:
        """Note the windows every ``every`` ns."""
        self.fabric.clock.after(every, _Sampler(self, every))

    def run(self, duration: int) -> None:
        clock = self.fabric.clock
        until = clock.now + duration
        clock.run(until, 1 << 60)
        clock.advance_to(until)


class Throughput:
    """What flows of one kind got through."""

    def __init__(self, window: float, losses: int) -> None:
        self.window = window
        """Segments delivered per round trip, on average over the runs."""
        self.losses = losses


def under_random_loss(control: str, rtt: int, probability: float, segments: int, seeds: range) -> Throughput:
    """Average over ``seeds``; each run lasts about as long as ``segments`` take, after a start-up
    of ten losses that does not count."""
    windows = []
    losses = 0
    for seed in seeds:
        path = Path(seed, rtt)
        rule = path.lose(probability)
        flow = path.open(control)
        while rule.lost < 10:
            path.run(rtt)
        flow.reset()
        lost, seen, began = rule.lost, rule.seen, path.fabric.clock.now
        while rule.seen - seen < segments:
            path.run(rtt)
        windows.append(flow.received() / MSS / ((path.fabric.clock.now - began) / rtt))
        losses += rule.lost - lost
    return Throughput(sum(windows) / len(windows), losses)


def under_periodic_loss(
    control: str, rtt: int, every: int, first_threshold: int = 0, quick_acks: bool = False
) -> Throughput:
    """Every ``every``-th data segment is lost; over whole periods, once the window repeats itself.

    CUBIC's slow start ends at ``first_threshold`` segments, so that it is soon there.
    """
    path = Path(1, rtt)
    path.quick_acks = quick_acks
    if first_threshold:
        sysctl = path.sender_node.stack.sysctl
        sysctl.set("tcp_cubic.hystart", 0)
        sysctl.set("tcp_cubic.initial_ssthresh", first_threshold)
    rule = path.lose_every(every)
    flow = path.open(control)
    start_up, periods = (8, 4) if first_threshold else (14, 6)
    while rule.lost < start_up:
        path.run(rtt // 10)
    flow.reset()
    began = path.fabric.clock.now
    while rule.lost < start_up + periods:
        path.run(rtt // 10)
    window = flow.received() / MSS / ((path.fabric.clock.now - began) / rtt)
    return Throughput(window, periods)


BOTTLENECK = 10_000_000
"""Bits per second of the shared link."""


def share_a_bottleneck(first: str, second: str, seconds: int) -> tuple[list[float], float]:
    """(Bytes each of two flows got in ``seconds``, bytes of payload the link can carry in that time).

    10 Mbit/s, 40 ms, a queue of 50 packets; the second flow begins after 5 s, measuring 15 s later. Some
    jitter keeps the flows out of the lock step a simulation without noise falls into.
    """
    path = Path(3, 40 * MILLISECOND, BOTTLENECK, 50)
    faults = path.there.make_faults()
    faults.jitter = MILLISECOND // 2
    faults.in_order = True
    path.open(first)
    path.run(5 * SECOND)
    path.open(second)
    path.run(15 * SECOND)
    for flow in path.flows:
        flow.reset()
    path.run(seconds * SECOND)
    capacity = BOTTLENECK / 8 * seconds * MSS / (MSS + 66)
    return [float(flow.received()) for flow in path.flows], capacity
