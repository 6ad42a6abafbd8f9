"""Two hosts, a bad network and two programs: one run of a plan, and the command that repeats it.

python tests/torture/torture_run.py SEED [--bytes] [--log]
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from tcb_invariants import Watch, verify_released
from torture_plan import ABORT, CLOSE_EARLY, CRASH, CUT, MS, Plan, Way, draw
from torture_program import Program
from wire_referee import Referee, pattern

from fourtuple.clock.clock import SECOND
from fourtuple.clock.streams import Stream
from fourtuple.network.addressing import parse_interface_address
from fourtuple.network.fabric import Fabric
from fourtuple.network.link import Direction, Link
from fourtuple.network.node import Node
from fourtuple.network.rules import PASS, Rule, Verdict, alter
from fourtuple.ports.endpoint import AF_INET, AF_INET6, LISTEN, PROTOCOL_TCP, Endpoint
from fourtuple.stack.interface import Interface
from fourtuple.stack.tcp.isn import initial_sequence_number
from fourtuple.stack.tcp.state import CLOSE, ETIMEDOUT
from fourtuple.stack.tcp.tcb import Tcb
from fourtuple.wire.address import V4_ANY, V6_ANY, parse_ip
from fourtuple.wire.ethernet import EthernetFrame
from fourtuple.wire.ip import IpPacket

PORT = 80
CLIENT_SALT, SERVER_SALT = 3, 101
CLIENT_PORT = 40_000

HOPELESS = 8000 * SECOND
"""Longer than any TCP of ours goes on trying (RFC 9293 §3.8.3: 15 retransmissions, 924 s at most, twice)."""


class MarkCe(Rule):
    """A router that marks ECN-capable packets instead of dropping them (RFC 3168 §5)."""

    def __init__(self, stream: Stream, probability: float) -> None:
        self.stream = stream
        self.probability = probability

    def judge(self, frame: EthernetFrame, now: int) -> Verdict:
        packet = frame.payload
        if not isinstance(packet, IpPacket) or packet.tos & 3 == 0 or packet.tos & 3 == 3:
            return PASS
        if self.stream.uniform() >= self.probability:
            return PASS
        copy = type(packet)(packet.source, packet.destination, packet.protocol, packet.payload)
        copy.ttl = packet.ttl
        copy.tos = packet.tos | 3
        copy.dont_fragment = packet.dont_fragment
        return alter(EthernetFrame(frame.destination, frame.source, frame.ethertype, copy))


class World:
    """The network of one plan, and what happens in it."""

    def __init__(self, plan: Plan, as_bytes: bool) -> None:
        self.plan = plan
        self.stream = Stream(plan.seed, "torture")
        self.fabric = Fabric(plan.seed, as_bytes, False)
        ends = plan.client, plan.server
        self.referee = Referee(
            pattern(plan.client.total, CLIENT_SALT),
            pattern(plan.server.total, SERVER_SALT),
            any(end.sysctls.get("tcp_shrink_window") for end in ends),
        )
        self.fabric.add_tap(self.referee)
        self.clock = self.fabric.clock
        self.links: list[Link] = []
        self.nodes: list[Node] = []
        self.given: dict[Interface, list[tuple[int, int]]] = {}
        self._build()
        self.clients, self.servers = self.nodes[0], self.nodes[-1]
        self.client_address = self._address(1, 1)
        self.server_address = self._address(2 if plan.routed else 1, 2)
        self.family = AF_INET6 if plan.v6 else AF_INET
        self.watches: list[Watch] = []
        self.healed = False

    def _text(self, net: int, host: int) -> str:
        return f"fd00:{net}::{host}/64" if self.plan.v6 else f"10.0.{net}.{host}/24"

    def _address(self, net: int, host: int) -> int:
        return parse_ip(self._text(net, host).partition("/")[0])

    def _add_route(self, node: Node) -> None:
        """The one through the router."""
        net = 1 if node is self.nodes[0] else 2
        length = 64 if self.plan.v6 else 24
        node.stack.add_route(self._address(3 - net, 0), length, self._address(net, 9), None, 0, -1)

    def _set_up(self, node: Node, interface: Interface, up: bool) -> None:
        """As an administrator does it: Linux forgets routes and IPv6 addresses of what goes down."""
        node.stack.set_up(interface, up)
        if not up:
            return
        for address, length in self.given[interface]:
            if not interface.owns(address):
                node.stack.add_address(interface, address, length)
        if self.plan.routed and node in (self.nodes[0], self.nodes[-1]):
            self._add_route(node)

    def _build(self) -> None:
        plan = self.plan
        fabric = self.fabric

        def add(name: str, *pairs: tuple[int, int]) -> Node:
            node = fabric.add_node(name, [parse_interface_address(self._text(*pair)) for pair in pairs])
            self.nodes.append(node)
            self.given.update((interface, list(interface.addresses)) for interface in node.interfaces)
            return node

        client = add("client", (1, 1))
        if plan.routed:
            router = add("router", (1, 9), (2, 9))
            server = add("server", (2, 2))
            router.stack.sysctl.ip_forward = 1
            router.stack.sysctl.ipv6_forwarding = 1
            for node in (client, server):
                self._add_route(node)
            self.links = [fabric.connect(client, router, [], []), fabric.connect(router, server, [], [])]
        else:
            server = add("server", (1, 2))
            self.links = [fabric.connect(client, server, [], [])]
        for node, end in ((client, plan.client), (server, plan.server)):
            for name, value in end.sysctls.items():
                assert hasattr(node.stack.sysctl, name), name
                setattr(node.stack.sysctl, name, value)
            node.stack.sysctl.tcp_congestion_control = end.congestion
        for link in self.links:
            fabric.set_mtu(link, plan.mtu)
        last = self.links[-1]
        # With a router the faults are on the server's side of it.
        self.there: Direction = last.a.outgoing
        self.back: Direction = last.b.outgoing
        self._apply(self.there, plan.there, "there")
        self._apply(self.back, plan.back, "back")

    def _apply(self, direction: Direction, way: Way, name: str) -> None:
        direction.latency = way.latency
        direction.bandwidth = way.bandwidth
        direction.queue_packets = way.queue_packets
        faults = direction.make_faults()
        faults.jitter = way.jitter
        faults.loss = way.loss
        faults.duplicate = way.duplicate
        faults.corrupt = way.corrupt
        if way.mark_ce:
            faults.rules = [MarkCe(Stream(self.plan.seed, f"ce/{name}"), way.mark_ce)]

    # The connection ---------------------------------------------------------------------------

    def socket(self, node: Node, which: str) -> Tcb:
        end = self.plan.client if which == "client" else self.plan.server
        tcb = node.stack.tcp.create(Endpoint(PROTOCOL_TCP, self.family, 0), None)
        if end.sndbuf:
            tcb.sndbuf = end.sndbuf
        if end.rcvbuf:
            tcb.rcvbuf = end.rcvbuf
        tcb.nodelay = end.nodelay
        tcb.urg_inline = end.in_line
        tcb.user_mss = end.user_mss
        if not self.plan.calm:
            # So that an end with nothing to send learns of the other's death, too.
            tcb.keepidle = 20 * SECOND
            tcb.keepintvl = 5 * SECOND
            tcb.keepcnt = 4
            tcb.keepalive = True
        return tcb

    def _wrap(self) -> None:
        """Let time pass until the wanted end's initial number is just below 2**32."""
        plan = self.plan
        if not plan.wraps:
            return
        node, local, port = self.clients, self.client_address, CLIENT_PORT
        peer, peer_port = self.server_address, PORT
        if plan.wraps == "server":
            node, local, port, peer, peer_port = self.servers, peer, peer_port, local, port
        isn = initial_sequence_number(node.stack.secret, self.clock.now, local, port, peer, peer_port)
        ahead = (2**32 - 3_000_000 - isn) % 2**32
        # The handshake takes some time on the way, 15.6 numbers a microsecond.
        self.run(ahead * 64)

    def open(self) -> tuple[Tcb, Tcb] | None:
        """The two ends, or None if no connection came about, of which the client has learnt."""
        plan = self.plan
        self._wrap()
        wild = V6_ANY if plan.v6 else V4_ANY
        client, server = self.socket(self.clients, "client"), self.socket(self.servers, "server")
        assert self.clients.stack.tables.bind(client.endpoint, wild, CLIENT_PORT) == 0
        assert self.servers.stack.tables.bind(server.endpoint, wild, PORT) == 0
        self.watches.append(Watch(client))
        if plan.simultaneous:
            self.watches.append(Watch(server))
            assert client.connect(self.server_address, PORT) == 0
            assert server.connect(self.client_address, CLIENT_PORT) == 0
            self.run_until(lambda: client.poll() & 0x1C != 0 and server.poll() & 0x1C != 0)
            if client.endpoint.state == CLOSE or server.endpoint.state == CLOSE:
                return None
            return client, server
        assert server.listen(4) == 0
        assert client.connect(self.server_address, PORT) == 0
        accepted: list[Tcb] = []

        def opened() -> bool:
            child = server.accept()
            if child is not None:
                accepted.append(child)
            return bool(accepted) or client.endpoint.state == CLOSE

        self.run_until(opened)
        self.listener = server
        if not accepted:
            return None
        self.watches.append(Watch(accepted[0]))
        return client, accepted[0]

    # Time -------------------------------------------------------------------------------------

    def run(self, duration: int) -> None:
        until = self.clock.now + duration
        if self.plan.fine and self.watches:
            while self.clock.run(until, 1):
                self.check()
        else:
            assert not self.clock.run(until, 3_000_000), "events without end"
        self.clock.advance_to(until)

    def run_until(self, condition: Callable[[], bool], limit: int = HOPELESS) -> None:
        until = self.clock.now + limit
        while not condition() and self.clock.now < until:
            self.run((1 + self.stream.below(300)) * MS)
            self.check()

    def check(self) -> None:
        for watch in self.watches:
            watch.check()

    # What goes wrong --------------------------------------------------------------------------

    def disturb(self) -> None:
        """One change of the network, which a later one may take back."""
        stream = self.stream
        direction = (self.there, self.back)[stream.below(2)]
        faults = direction.make_faults()
        choice = stream.below(9)
        if choice == 0:
            faults.partitioned = not faults.partitioned
        elif choice == 1:
            if faults.held is None:
                direction.hold()
            else:
                direction.release()
        elif choice == 2:
            # Where there is a router, the client has to be told by ICMP.
            self.fabric.set_mtu(self.links[-1], (1280 if self.plan.v6 else 576) + stream.below(1000))
        elif choice == 3:
            direction.latency = (1 + stream.below(300)) * MS
        elif choice == 4:
            faults.loss = stream.below(4) * 0.1
        elif choice == 5:
            node = (self.clients, self.servers)[stream.below(2)]
            interface = node.interfaces[0]
            self._set_up(node, interface, not interface.up)
        elif choice == 6:
            direction.bandwidth = (0, 64_000, 1_000_000)[stream.below(3)]
        elif choice == 7:
            faults.jitter = stream.below(100) * MS
        elif choice == 8:
            faults.duplicate = stream.below(3) * 0.2

    def heal(self) -> None:
        self.healed = True
        for node in self.nodes:
            for interface in node.interfaces:
                if not interface.up:
                    self._set_up(node, interface, True)
        for direction in (self.there, self.back):
            faults = direction.make_faults()
            faults.loss = faults.corrupt = faults.duplicate = 0.0
            faults.jitter = 0
            faults.partitioned = False
            faults.rules = []
            direction.release()
            direction.latency = 10 * MS
            direction.bandwidth = 0

    def end(self, client: Program, server: Program) -> None:
        """The plan's ending begins."""
        stream = self.stream
        ending = self.plan.ending
        program = (client, server)[stream.below(2)]
        if ending == ABORT:
            program.tcb.linger = 0
            program.tcb.close()
            program.closed = True
        elif ending == CLOSE_EARLY:
            program.tcb.close()
            program.closed = True
        elif ending == CUT:
            for direction in (self.there, self.back):
                direction.make_faults().partitioned = True
        elif ending == CRASH:
            node = self.clients if program is client else self.servers
            node.stack.tcp.crash()
            program.closed = True


def torture(plan: Plan, as_bytes: bool = False) -> World:
    """Run a plan. Raises AssertionError at the first thing that must not be."""
    world = World(plan, as_bytes)
    stream = world.stream
    ends = world.open()
    if ends is None:
        _never_opened(world)
        return world
    client = Program(ends[0], plan.client, CLIENT_SALT, Stream(plan.seed, "client"), plan.fiddle)
    server = Program(ends[1], plan.server, SERVER_SALT, Stream(plan.seed, "server"), plan.fiddle)
    client.expected, server.expected = server, client
    for step in range(plan.steps):
        if not plan.calm and step == plan.ends_after:
            world.end(client, server)
        client.step(False)
        server.step(False)
        world.check()
        if plan.chaos and stream.below(1000) < plan.chaos:
            world.disturb()
        world.run((1 + stream.below((5, 30, 300)[stream.below(3)])) * MS)
        world.check()
        if client.done() and server.done():
            break
    if plan.ending not in (CUT,):
        world.heal()
    pause = 5 * MS
    # Without timestamps nothing resets a backed-off RTO, and where the receiver's buffer was cut each window
    # needs one of 120 s (RFC 6298 §5.7, Linux tcp_ack_update_rtt): slow, but no hang while something moves.
    moved, until = -1, 0
    while not (client.done() and server.done()):
        client.step(True)
        server.step(True)
        if moved != (moved := client.read + client.written + server.read + server.written):
            until = world.clock.now + HOPELESS
        if world.clock.now >= until:
            break
        world.run(pause)
        # What is not done soon waits for a timer.
        pause = min(pause + pause // 8, 5 * SECOND)
        world.check()
    _judge(world, client, server)
    _close(world, client, server)
    return world


def _judge(world: World, client: Program, server: Program) -> None:
    plan = world.plan
    for program, name in ((client, "client"), (server, "server")):
        assert program.done(), f"the {name} hangs: {program.tcb.endpoint.state}"
    if plan.calm:
        for program, name in ((client, "client"), (server, "server")):
            # The network was down for minutes at times: giving up is allowed then, to both.
            if program.error == ETIMEDOUT and plan.chaos:
                return
            assert not program.error, f"the {name} got errno {program.error}"
            assert program.read_all(), f"the {name} read {program.read} bytes of what was sent"
        return
    for program, other in ((client, server), (server, client)):
        if program.eof and not program.error and not other.closed and not other.error:
            assert program.read_all()


def _never_opened(world: World) -> None:
    """The client must have learnt; whatever is half open must vanish by itself."""
    for watch in world.watches:
        tcb = watch.tcb
        if tcb.endpoint.state == CLOSE:
            assert tcb.take_error()
        tcb.close()
    world.heal()
    world.run(HOPELESS)


def _close(world: World, client: Program, server: Program) -> None:
    """Both sockets go, and nothing is left of them."""
    world.heal()
    for program in (client, server):
        if not program.closed:
            program.tcb.close()
            program.closed = True
    world.check()
    world.run(HOPELESS)
    world.check()
    for node in (world.clients, world.servers):
        tcp = node.stack.tcp
        left = [endpoint for endpoint in tcp.connections() if endpoint.state != LISTEN]
        assert not left, f"left at {node.name}: {left}"
        if world.plan.ending != CRASH:
            assert tcp.layer.time_waits == 0
            assert tcp.layer.orphans == 0
            assert tcp.counters.curr_estab == 0
    for watch in world.watches:
        if watch.tcb.endpoint.state != LISTEN:
            verify_released(watch.tcb)


def run_seed(seed: int, as_bytes: bool = False) -> World:
    """The run of a seed. A failure's message ends with the command that repeats it."""
    plan = draw(seed, Stream(seed, "plan").below)
    try:
        return torture(plan, as_bytes)
    except AssertionError as error:
        command = f"python tests/torture/torture_run.py {seed}{' --bytes' if as_bytes else ''}"
        raise AssertionError(f"{error}\nrepeat: {command}") from error


def main(arguments: list[str]) -> None:
    seed = int(arguments[0])
    print(draw(seed, Stream(seed, "plan").below))
    world = run_seed(seed, "--bytes" in arguments)
    print(f"passed: {world.clock.now / SECOND:.3f} s, {world.clock.fired} events")


if __name__ == "__main__":
    main(sys.argv[1:])
