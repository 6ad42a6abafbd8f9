"""Two ends driven through random calls and packets' fates; what RFC 9293 demands holds after every event."""

from __future__ import annotations

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from state_transitions import Transitions, missing
from tcb_invariants import Watch, verify_released
from wire_referee import Referee, pattern

from fourtuple.clock.clock import MILLISECOND, SECOND
from fourtuple.network.addressing import parse_interface_address
from fourtuple.network.fabric import Fabric
from fourtuple.network.link import Direction
from fourtuple.network.node import Node
from fourtuple.ports.endpoint import AF_INET, AF_INET6, PROTOCOL_TCP, Endpoint
from fourtuple.stack.tcp.state import (
    CLOSE,
    EAGAIN,
    ENOTCONN,
    LISTEN,
    MSG_EOR,
    MSG_MORE,
    TIME_WAIT,
    TIME_WAIT_LENGTH,
)
from fourtuple.stack.tcp.tcb import Tcb
from fourtuple.stack.tcp.time_wait import TimeWait
from fourtuple.wire.address import V4_ANY, V6_ANY, parse_ip

PORT = 80
TOTAL = 400_000

OPENED = "opened"
SIMULTANEOUS = "simultaneous"
BY_RULES = "by rules"
WITHDRAWN = "withdrawn"
CROSSED = "crossed"
ENDS = st.sampled_from(("client", "server"))
EVENTS_AT_ONCE = 200


class End:
    """One end: its socket, while it has one, and what it wrote and read."""

    def __init__(self, name: str, node: Node, salt: int) -> None:
        self.name = name
        self.node = node
        self.data = pattern(TOTAL, salt)
        self.tcb: Tcb | None = None
        self.written = 0
        self.read = 0


class TwoEnds(RuleBasedStateMachine):
    """The fabric advances only by rules, an event at a time, and is checked after each."""

    @initialize(
        seed=st.integers(0, 1000),
        v6=st.booleans(),
        sack=st.booleans(),
        timestamps=st.booleans(),
        scaling=st.booleans(),
        rcvbuf=st.sampled_from((0, 2304, 20_000)),
        opening=st.sampled_from((OPENED, OPENED, OPENED, SIMULTANEOUS, BY_RULES, WITHDRAWN, CROSSED)),
        hasty=st.sampled_from((False, False, True)),
    )
    def build(
        self,
        seed: int,
        v6: bool,
        sack: bool,
        timestamps: bool,
        scaling: bool,
        rcvbuf: int,
        opening: str,
        hasty: bool,
    ) -> None:
        """``hasty`` programs may close before they have done much."""
        self.fabric = Fabric(seed, False, False)
        self.clock = self.fabric.clock
        addresses = ("fd00::1/64", "fd00::2/64") if v6 else ("10.0.0.1/24", "10.0.0.2/24")
        nodes = [
            self.fabric.add_node(name, [parse_interface_address(text)])
            for name, text in zip(("client", "server"), addresses, strict=True)
        ]
        link = self.fabric.connect(nodes[0], nodes[1], [], [])
        self.ways: dict[str, Direction] = {"client": link.a.outgoing, "server": link.b.outgoing}
        for way in self.ways.values():
            way.latency = 10 * MILLISECOND
            way.make_faults()
        self.client, self.server = End("client", nodes[0], 3), End("server", nodes[1], 101)
        self.ends = {"client": self.client, "server": self.server}
        self.referee = Referee(self.client.data, self.server.data, False)
        self.fabric.add_tap(self.referee)
        self.family, wild = (AF_INET6, V6_ANY) if v6 else (AF_INET, V4_ANY)
        self.server_address = parse_ip(addresses[1].partition("/")[0])
        for node in nodes:
            sysctl = node.stack.sysctl
            sysctl.tcp_sack, sysctl.tcp_timestamps = int(sack), int(timestamps)
            sysctl.tcp_window_scaling = int(scaling)
        self.hasty = hasty
        self.transitions = Transitions(nodes)
        self.watches: list[Watch] = []
        self.released: list[Tcb] = []
        self.steps = 0
        self.time_waits: dict[int, int] = {}
        self.listener = self._socket(nodes[1])
        self.client.tcb = self._socket(nodes[0])
        for tcb in (self.listener, self.client.tcb):
            if rcvbuf:
                tcb.rcvbuf = rcvbuf
        assert nodes[1].stack.tables.bind(self.listener.endpoint, wild, PORT) == 0
        assert self.listener.listen(4) == 0
        self.watches.append(Watch(self.client.tcb))
        self.connected = False
        if opening in (SIMULTANEOUS, CROSSED):
            self._open_simultaneously(wild, parse_ip(addresses[0].partition("/")[0]))
            if opening == CROSSED:
                # Both SYNs have arrived, and neither is acknowledged.
                self.wait(15)
                self.close("client", -1)
        elif opening == WITHDRAWN:
            # The SYN-ACK finds nobody.
            self.connect()
            self.wait(15)
            self.close("client", -1)
            self.wait(45)
        elif opening == OPENED:
            self.connect()
            self.wait(45)
            self.accept()

    def _open_simultaneously(self, wild: int, client_address: int) -> None:
        """The SYNs cross; the listener is of no use then."""
        server = self._socket(self.server.node)
        self.listener.close()
        assert self.client.tcb is not None
        assert self.client.node.stack.tables.bind(self.client.tcb.endpoint, wild, PORT + 1) == 0
        assert self.server.node.stack.tables.bind(server.endpoint, wild, PORT) == 0
        self.server.tcb = server
        self.watches.append(Watch(server))
        self.connect()
        assert server.connect(client_address, PORT + 1) == 0
        self.check()

    def _socket(self, node: Node) -> Tcb:
        return node.stack.tcp.create(Endpoint(PROTOCOL_TCP, self.family, 0), None)

    # Calls ------------------------------------------------------------------------------------

    @precondition(lambda self: not self.connected)
    @rule()
    def connect(self) -> None:
        assert self.client.tcb is not None
        if self.client.tcb.endpoint.state == CLOSE:
            assert self.client.tcb.connect(self.server_address, PORT) == 0
            self.connected = True

    @precondition(lambda self: self.server.tcb is None)
    @rule()
    def accept(self) -> None:
        if self.listener.endpoint.state != LISTEN:
            return
        child = self.listener.accept()
        if child is not None:
            self.server.tcb = child
            self.watches.append(Watch(child))

    @rule(name=ENDS, size=st.integers(1, 30_000), flags=st.sampled_from((0, 0, MSG_MORE, MSG_EOR)))
    def send(self, name: str, size: int, flags: int) -> None:
        end = self.ends[name]
        if end.tcb is None:
            return
        piece = end.data[end.written : end.written + size]
        count = end.tcb.send(piece, flags)
        if count > 0:
            end.written += count
        self.check()

    @rule(name=ENDS, size=st.integers(1, 30_000))
    def receive(self, name: str, size: int) -> None:
        end = self.ends[name]
        if end.tcb is None:
            return
        other = self.server if end is self.client else self.client
        code = end.tcb.recv_check()
        if code == 0:
            data = end.tcb.recv(size, False)
            assert data == other.data[end.read : end.read + len(data)]
            end.read += len(data)
            assert end.read <= other.written
        else:
            assert code in (EAGAIN, ENOTCONN) or end.tcb.endpoint.state == CLOSE
        self.check()

    @rule(name=ENDS, size=st.integers(1, 30_000), pause=st.sampled_from((5, 25, 300)))
    def converse(self, name: str, size: int, pause: int) -> None:
        """What two programs do most of the time."""
        self.send(name, size, 0)
        self._pass(pause)
        self.receive("client" if name == "server" else "server", size)

    @rule(name=ENDS, how=st.sampled_from((1, 1, 1, 0, 2)))
    def shutdown(self, name: str, how: int) -> None:
        end = self.ends[name]
        if end.tcb is not None and end.tcb.endpoint.state != LISTEN:
            end.tcb.shutdown(how)
            self.check()

    @precondition(lambda self: self.hasty or self.steps > 12)
    @rule(name=ENDS, linger=st.sampled_from((-1, -1, -1, 0)))
    def close(self, name: str, linger: int) -> None:
        end = self.ends[name]
        if end.tcb is None or not self.connected:
            return
        end.tcb.linger = linger
        end.tcb.close()
        self.released.append(end.tcb)
        end.tcb = None
        self.check()

    @precondition(lambda self: self.hasty or self.steps > 12)
    @rule(first=ENDS, how=st.sampled_from((1, 1, 2)))
    def shutdown_both(self, first: str, how: int) -> None:
        """The FINs cross."""
        for end in (self.ends[first], *self.ends.values()):
            if end.tcb is not None and end.tcb.endpoint.state != LISTEN:
                end.tcb.shutdown(how)
        self.check()

    @precondition(lambda self: self.hasty or self.steps > 12)
    @rule(first=ENDS, pause=st.sampled_from((11, 25, 70)))
    def part(self, first: str, pause: int) -> None:
        """One end closes its side, then the other, with or without an ACK between."""
        second = self.ends["client" if first == "server" else "server"]
        # Who has received data delays its ACKs, so that its FIN can carry one.
        self.converse(first, 10, 70)
        for end in (self.ends[first], second):
            if end.tcb is not None and end.tcb.endpoint.state != LISTEN:
                end.tcb.shutdown(1)
                self.check()
                self._pass(pause)

    @precondition(lambda self: self.hasty and not self.connected)
    @rule()
    def stop_listening(self) -> None:
        if self.listener.endpoint.state == LISTEN:
            self.listener.close()
            self.check()

    @rule(
        name=ENDS,
        option=st.sampled_from(("nodelay", "cork", "quickack")),
        value=st.booleans(),
    )
    def switch(self, name: str, option: str, value: bool) -> None:
        tcb = self.ends[name].tcb
        if tcb is not None:
            setattr(tcb, option, value)
            self.check()

    @rule(name=ENDS, size=st.sampled_from((2304, 5000, 100_000)))
    def resize(self, name: str, size: int) -> None:
        tcb = self.ends[name].tcb
        if tcb is not None:
            tcb.rcvbuf = size
            self.check()

    # The network ------------------------------------------------------------------------------

    @rule(name=ENDS, loss=st.sampled_from((0.0, 0.0, 0.3, 1.0)))
    def lose(self, name: str, loss: float) -> None:
        self.ways[name].make_faults().loss = loss

    @rule(name=ENDS, duplicate=st.sampled_from((0.0, 0.5)), jitter=st.sampled_from((0, 9 * MILLISECOND)))
    def blur(self, name: str, duplicate: float, jitter: int) -> None:
        faults = self.ways[name].make_faults()
        faults.duplicate, faults.jitter = duplicate, jitter

    @rule(name=ENDS)
    def hold(self, name: str) -> None:
        self.ways[name].hold()

    @rule(name=ENDS)
    def release(self, name: str) -> None:
        self.ways[name].release()

    @rule(duration=st.sampled_from((1, 15, 45, 250, 1000, 30_000)))
    def wait(self, duration: int) -> None:
        """Let ``duration`` ms pass, or less if that is a lot of events."""
        self._pass(duration)

    @rule(duration=st.sampled_from((5, 11, 25, 70)))
    def wait_a_round(self, duration: int) -> None:
        self._pass(duration)

    def _pass(self, duration: int) -> None:
        until = self.clock.now + duration * MILLISECOND
        for _ in range(EVENTS_AT_ONCE):
            more = self.clock.run(until, 1)
            self.check()
            if not more:
                self.clock.advance_to(until)
                break
        self.steps += 1

    # What must hold -----------------------------------------------------------------------------

    @invariant()
    def check(self) -> None:
        if not hasattr(self, "watches"):
            return
        for watch in self.watches:
            watch.check()
        self.transitions.look()
        self._follow_time_waits()

    def _follow_time_waits(self) -> None:
        """TIME-WAIT lasts a minute from the last segment that renewed it, and no end of it is missed."""
        now = self.clock.now
        present = {}
        for end in self.ends.values():
            for endpoint in end.node.stack.tcp.connections():
                owner = endpoint.owner
                if isinstance(owner, TimeWait) and endpoint.state == TIME_WAIT:
                    present[id(owner)] = owner.timer.deadline
                    assert now <= owner.timer.deadline <= now + max(TIME_WAIT_LENGTH, 600 * SECOND)
        for key, deadline in self.time_waits.items():
            # Only a RST may end it before its time; nothing here sends one to a TIME-WAIT but a
            # peer that lost its socket, which the referee sees.
            assert key in present or deadline <= now or any(s.reset for s in self.referee.sides.values())
        self.time_waits = present

    def teardown(self) -> None:
        if not hasattr(self, "watches"):
            return
        for way in self.ways.values():
            faults = way.make_faults()
            faults.loss, faults.duplicate, faults.jitter = 0.0, 0.0, 0
            way.release()
        self.accept()
        for end in self.ends.values():
            if end.tcb is not None:
                end.tcb.close()
                self.released.append(end.tcb)
                self.transitions.look()
        if self.listener.endpoint.state == LISTEN:
            self.listener.close()
        until = self.clock.now + 4000 * SECOND
        for _ in range(1_000_000):
            if not self.clock.run(until, 1):
                break
            self.transitions.look()
        else:
            raise AssertionError("events without end")
        self.check()
        for end in self.ends.values():
            tcp = end.node.stack.tcp
            assert tcp.connections() == []
            assert tcp.layer.orphans == 0
            assert tcp.layer.time_waits == 0
            assert tcp.counters.curr_estab == 0
        for tcb in self.released:
            verify_released(tcb)
        SEEN.update(self.transitions.seen)


SEEN: set[tuple[int, int]] = set()
"""Transitions made by the walks of this process."""

# Without Phase.explain, which traces every line and takes minutes.
_PHASES = (Phase.explicit, Phase.generate, Phase.shrink)

TestTwoEnds = TwoEnds.TestCase
TestTwoEnds.settings = settings(
    max_examples=15, stateful_step_count=30, deadline=None, derandomize=True, phases=_PHASES
)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_walks_make_every_transition() -> None:
    SEEN.clear()
    walks = settings(
        max_examples=250, stateful_step_count=25, deadline=None, derandomize=True, phases=_PHASES
    )
    run_state_machine_as_test(TwoEnds, settings=walks)
    assert not missing(SEEN)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_many_more_walks() -> None:
    walks = settings(
        max_examples=600, stateful_step_count=80, deadline=None, derandomize=True, phases=_PHASES
    )
    run_state_machine_as_test(TwoEnds, settings=walks)
