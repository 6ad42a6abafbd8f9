"""Running a script: its events in order, at their times, against the testbed."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..wire.ip import PROTOCOL_TCP, PROTOCOL_UDP, IpPacket
from ..wire.tcp import ACK, SYN
from .calls import CALLS, NOT_SUPPORTED
from .code import Captured, capture, run_blocks
from .commands import Shell
from .encapsulation import layers_text, wrap
from .engine import Running
from .errors import Difference, Failure, ScriptError, Unsupported
from .flow import (
    CONNECTING,
    LISTENING,
    SYN_ACKED,
    SYN_RECEIVED,
    SYN_SENT,
    SYNACK_ACKED,
    SYNACK_SENT,
    Flow,
)
from .inbound import build
from .outbound import Seen, continues, differences, expected_length, is_meant, payload_length, tuple_of
from .script import (
    ABSOLUTE,
    ANY,
    NO_TIME,
    Call,
    Code,
    Command,
    Datagram,
    Event,
    Packet,
    Script,
    Segment,
)
from .settings import Settings
from .shell import ShellError
from .state import State
from .testbed import START, Testbed
from .text import packet_text, seconds

PATIENCE: Final = 2_000_000_000
"""Ns to wait for a packet longer than the script expects, as packetdrill."""
LAST_PATIENCE: Final = 1_000_000_000
"""Ns to wait for a blocking call still under way where the script ends or makes another."""
REMEMBERED: Final = 12
"""Packets kept for the report of a failure."""


@dataclass
class Passed:
    """A packet as the report of a failure shows it: time in ns since the first event, and its text."""

    time: int
    text: str


class Stopped(Exception):
    """What ended the script early, and at which event or line."""

    def __init__(self, reason: Failure | Unsupported | ScriptError, event: Event | None, line: int) -> None:
        super().__init__(str(reason))
        self.reason = reason
        self.event = event
        self.line = line


class Runner:
    """One run of one script. ``told`` lines are for verbose output."""

    def __init__(self, script: Script, settings: Settings, testbed: Testbed, folder: Path) -> None:
        self.script = script
        self.settings = settings
        self.testbed = testbed
        self.state = State(testbed, settings)
        self.shell = Shell(self.state, folder)
        self.passed: deque[Passed] = deque(maxlen=REMEMBERED)
        self.warnings: list[tuple[int, Failure]] = []
        self.told: list[str] = []
        self._blocks: list[Captured] = []
        self._running: Running | None = None
        self._event: Event | None = None
        self._due = 0
        self._due_end = NO_TIME
        self._before: Event | None = None
        self._before_due = 0
        self._looked_at: set[int] = set()

    def run(self) -> None:
        """Run everything. Raises Stopped."""
        line = 1
        try:
            for path in self.settings.init_scripts:
                self._shell(f"./{path}" if "/" not in path else path, 1)
            if self.script.init is not None:
                line = self.script.init.line
                self._shell(self.script.init.text, line)
            for event in self.script.events:
                self._event, line = event, event.line
                self._begin(event)
                self._act(event)
                self._before, self._before_due = event, self._due
            self._event = None
            self._end_call()
            self._cleanup()
            self._event = None
            run_blocks(self.script.path, self._blocks, self.told)
        except (Failure, Unsupported) as reason:
            self._cleanup_quietly()
            raise Stopped(reason, self._event, self._line_of(reason, line)) from None
        except ScriptError as reason:
            self._cleanup_quietly()
            raise Stopped(reason, self._event, reason.line) from None

    def _line_of(self, reason: Failure | Unsupported, line: int) -> int:
        return getattr(reason, "line", 0) or line

    # Time

    def _begin(self, event: Event) -> None:
        """Work out when ``event`` is due: since the start, or since now."""
        time = event.time
        base = 0
        if time.kind != ABSOLUTE:
            base = self.testbed.now()
            if self._before is not None and _is_inbound(self._before) and _is_inbound(event):
                # So that a row of packets keeps the distances it is written with.
                base = self._before_due
        self._due = base + time.start
        self._due_end = base + time.end if time.end != NO_TIME else NO_TIME

    def _tolerance(self, since: int) -> int:
        """How far off ``_due`` something may be, as the event before was due at ``since``."""
        settings = self.settings
        return max(settings.tolerance, int(settings.tolerance_percent / 100 * (self._due - since)))

    def _check_time(self, event: Event, when: int, what: str, first: bool) -> None:
        if event.time.kind == ANY:
            return
        tolerance = self.settings.tolerance if first else self._tolerance(self._before_due)
        end = self._due_end if self._due_end != NO_TIME else self._due
        if self._due - tolerance <= when <= end + tolerance:
            return
        due = seconds(self._due) if end == self._due else f"{seconds(self._due)} to {seconds(end)}"
        raise Failure(
            f"{what} expected at {due} s happened at {seconds(when)} s (tolerance {seconds(tolerance)} s)",
            f"at {due}",
            f"at {seconds(when)}",
            [Difference("time", due, seconds(when))],
        )

    def _wait(self, event: Event, what: str) -> None:
        """Let time pass until the event is due."""
        self._advance(self._due)
        self._check_time(event, self.testbed.now(), what, self._before is None)

    def _advance(self, when: int) -> None:
        self.testbed.run_until(when, self._poke)

    def _poke(self) -> bool:
        if self._running is not None:
            self._running.poke()
            if not self._running.blocked():
                self._call_ended(self._running)
        return False

    # Events

    def _act(self, event: Event) -> None:
        action = event.action
        if isinstance(action, Packet):
            if action.inbound:
                self._wait(event, "inbound packet")
                self._inbound(action)
            else:
                self._outbound(event, action)
        elif isinstance(action, Call):
            self._call(event, action)
        elif isinstance(action, Command):
            self._wait(event, "command")
            self._tell(f"command {action.text}")
            self._shell(action.text, action.line)
        else:
            assert isinstance(action, Code)
            self._wait(event, "code")
            self._blocks.append(capture(self.state, event, action))
        self._poke()

    def _tell(self, text: str) -> None:
        if self.settings.verbose:
            self.told.append(f"{seconds(self.testbed.now())} {text}")

    def _shell(self, text: str, line: int) -> None:
        try:
            status = self.shell.run(text)
        except ShellError as error:
            raise ScriptError(f"command: {error}", line) from None
        if status != 0:
            raise ScriptError(f"command failed with exit status {status}: {text.strip()}", line)

    # Calls

    def _call(self, event: Event, call: Call) -> None:
        self._end_call()
        self._wait(event, "system call")
        implementation = CALLS.get(call.name)
        if implementation is None:
            if call.name in NOT_SUPPORTED:
                raise Unsupported(f"{call.name}()")
            raise ScriptError(f"there is no system call {call.name!r}", event.line, event.column)
        self._tell(event.text)
        running = Running(self.state, event, call, implementation)
        self._running = running
        if call.end != NO_TIME:
            base = self._due - event.time.start
            running.must_end = base + call.end
            if not running.blocked():
                self._call_ended(running)
            return
        # Without a time for its end it may take what time it needs, and nothing else happens meanwhile.
        self.testbed.run_until(-1, lambda: self._poked_to_end(running))
        if running.blocked():
            self._running = None
            raise Failure(f"{call.name}() blocks for ever, waiting for {running.abandon()}")
        self._call_ended(running)

    def _poked_to_end(self, running: Running) -> bool:
        running.poke()
        return not running.blocked()

    def _call_ended(self, running: Running) -> None:
        self._running = None
        for warning in running.warnings:
            self.warnings.append((running.event.line, warning))
        self._tell(f"{running.call.name}() has returned")
        if running.must_end == NO_TIME:
            return
        allowed = max(
            self.settings.tolerance,
            int(self.settings.tolerance_percent / 100 * (running.must_end - running.started)),
        )
        if abs(running.ended - running.must_end) > allowed:
            due, seen = seconds(running.must_end), seconds(running.ended)
            self._event = running.event
            raise Failure(
                f"{running.call.name}() expected to return at {due} s returned at {seen} s "
                f"(tolerance {seconds(allowed)} s)",
                f"return at {due}",
                f"return at {seen}",
            )

    def _end_call(self) -> None:
        """Have a blocking call return, within a second, before another may be made or the script ends."""
        running = self._running
        if running is None:
            return
        self.testbed.run_until(
            max(self.testbed.now(), running.must_end) + LAST_PATIENCE, lambda: self._poked_to_end(running)
        )
        if running.blocked():
            self._running = None
            self._event = running.event
            raise Failure(f"{running.call.name}() is still blocked, waiting for {running.abandon()}")
        self._call_ended(running)

    # Packets in

    def _inbound(self, packet: Packet) -> None:
        flow = self._flow_of(packet)
        body = packet.body
        if isinstance(body, Segment):
            if flow.state == SYNACK_SENT and body.flags & ACK:
                flow.state = SYNACK_ACKED
            elif flow.state == SYN_SENT and body.flags & (SYN | ACK) == SYN | ACK:
                flow.state = SYN_ACKED
                flow.live_remote_isn = body.seq
        made = build(packet, flow, self.settings)
        self._remember(made, flow, True, self.testbed.now(), layers_text(packet.layers))
        self.testbed.inject(wrap(packet.layers, made))

    def _flow_of(self, packet: Packet) -> Flow:
        """The flow a packet of the script belongs to. Raises Failure if there is none."""
        flow = self.state.under_test
        body = packet.body
        if not isinstance(body, Segment):
            if flow is None:
                return self.state.any_flow()
            if packet.inbound and isinstance(body, Datagram) and flow.protocol != PROTOCOL_UDP:
                return self.state.any_flow()
            if packet.inbound:
                self.state.complete(flow)
            return flow
        if body.ports != (0, 0):
            named = self.state.flow_by_ports(body.ports, packet.inbound)
            if named is not None:
                return named
        opens = body.flags & (SYN | ACK) == SYN and body.ports[0] != 0 and self.state.listens()
        if packet.inbound and (flow is None or flow.state == LISTENING or opens):
            flow = self.state.passive_flow(body.ports[0])
            flow.live_remote_isn = body.seq
            return flow
        if flow is None or flow.protocol != PROTOCOL_TCP:
            raise Failure("there is no TCP socket this packet could belong to")
        if not packet.inbound and body.flags & (SYN | ACK) == SYN and flow.state == CONNECTING:
            flow.state = SYN_SENT
            flow.script_local_isn = body.seq
        return flow

    def _remember(
        self, packet: IpPacket, flow: Flow | None, inbound: bool, when: int, inside: str = ""
    ) -> None:
        text = packet_text(packet, flow, inbound)
        text = text[:2] + inside + text[2:]
        self.passed.append(Passed(when, text))
        self._tell(text)

    # Packets out

    def _outbound(self, event: Event, packet: Packet) -> None:
        if packet.layers:
            kinds = ", ".join([layer.kind for layer in packet.layers])
            raise Unsupported(f"an outbound packet inside {kinds}: the host has no tunnel device")
        flow = self._flow_of(packet)
        body = packet.body
        synack = isinstance(body, Segment) and body.flags & (SYN | ACK) == SYN | ACK
        if flow.state == SYN_RECEIVED and synack:
            assert isinstance(body, Segment)
            flow.script_local_isn = body.seq
        seen = self._gather(event, packet, flow, synack)
        found = differences(packet, seen, flow, self.settings.ts_tick, self._ts_tolerance())
        when = seen[-1][0] - START
        self._advance(when)
        expected = event.text[event.text.index(">") :]
        got = "\n".join([packet_text(one, flow, False) for _, one in seen])
        try:
            if found:
                names = ", ".join([difference.name for difference in found])
                raise Failure(f"the packet differs in {names}", expected, got, found)
            self._check_time(event, when, "outbound packet", self._before is None)
        except Failure as failure:
            failure.expected, failure.seen = expected, got
            if not self.settings.packets_may_differ:
                raise
            self.warnings.append((event.line, failure))

    def _ts_tolerance(self) -> int:
        return max(self.settings.tolerance, int(self.settings.tolerance_percent / 100 * self._due))

    def _gather(self, event: Event, packet: Packet, flow: Flow, synack: bool) -> list[Seen]:
        """The segments that add up to what the script expects."""
        wanted = expected_length(packet)
        seen: list[Seen] = []
        total = 0
        while not seen or (total < wanted and not self.settings.strict_segments):
            left = self._next(event, packet, flow, seen)
            if flow.state == SYN_RECEIVED and synack:
                flow.state = SYNACK_SENT
                flow.live_local_isn = getattr(left[1].payload, "seq", 0)
            self._remember(left[1], flow, False, left[0] - START)
            if seen and tuple_of(left[1]) != tuple_of(seen[-1][1]):
                # A leftover of another connection that could have been the one begun now.
                seen.clear()
                total = 0
            if seen:
                wrong = continues(left[1], seen[-1][1], wanted - total)
                if wrong:
                    seen.append(left)
                    names = ", ".join([difference.name for difference in wrong])
                    raise self._mismatch(event, seen, flow, f"the segments do not add up: {names}", wrong)
            seen.append(left)
            total += payload_length(left[1])
        if total != wanted:
            found = [Difference("length", str(wanted), str(total))]
            raise self._mismatch(event, seen, flow, "the packet differs in length", found)
        return seen

    def _mismatch(
        self, event: Event, seen: list[Seen], flow: Flow, message: str, found: list[Difference]
    ) -> Failure:
        got = "\n".join([packet_text(one, flow, False) for _, one in seen])
        return Failure(message, event.text[event.text.index(">") :], got, found)

    def _next(self, event: Event, packet: Packet, flow: Flow, seen: list[Seen]) -> Seen:
        """The next packet that is meant, waiting for it as long as packetdrill would."""
        sent = self.testbed.tun.sent
        found: list[Seen] = []

        def arrived() -> bool:
            self._poke()
            while sent and not found:
                one = sent.popleft()
                if is_meant(packet, one[1], flow):
                    found.append(one)
                else:
                    self._remember(one[1], None, False, one[0] - START)
            return bool(found)

        limit = -1
        if event.time.kind != ANY:
            late = max(self._due, self._due_end) - self._before_due
            limit = self.testbed.now() + max(late, 0) + PATIENCE
        if not self.testbed.run_until(limit, arrived):
            text = event.text[event.text.index(">") :]
            if seen:
                got = "\n".join([packet_text(one, flow, False) for _, one in seen])
                raise Failure("only part of the packet was sent", text, got)
            until = "and nothing more will happen" if limit < 0 else f"until {seconds(limit)} s"
            raise Failure(f"no packet was sent {until}", text, "nothing")
        return found[0]

    # The end

    def _cleanup(self) -> None:
        if self.script.cleanup is not None:
            self._shell(self.script.cleanup.text, self.script.cleanup.line)

    def _cleanup_quietly(self) -> None:
        """The cleanup command runs after a failure too; what goes wrong in it is not what failed."""
        try:
            self._cleanup()
        except (Failure, Unsupported, ScriptError):
            return


def _is_inbound(event: Event) -> bool:
    return isinstance(event.action, Packet) and event.action.inbound
