"""Running calls: waiting while they block, and checking what they return.

A call is a generator. It yields :class:`Wait` where it would block, and is told whether it was woken
(True) or its time is up (False); it yields :class:`Returned` with its result, which is then checked, and
goes on to check what it has filled in. A KernelError it raises is a result too.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field

from ..clock.clock import Event as ClockEvent
from ..kernel.error import KernelError
from ..kernel.wait import Waiter, WaitQueue
from .arguments import Arguments
from .errors import Failure, ScriptError
from .script import NO_TIME, Call, Event
from .state import State
from .symbols import errno_name, symbol


@dataclass
class Wait:
    """Wake on any of (queue, POLL* mask), or at ``deadline`` (clock ns), -1 for never."""

    queues: list[tuple[WaitQueue, int]] = field(default_factory=list)
    deadline: int = -1


@dataclass
class Returned:
    """The call returned ``value``. Of a descriptor (``fd``) only the sign is compared."""

    value: int
    fd: bool = False


Steps = Generator[Wait | Returned, bool, None]
Implementation = Callable[[State, Arguments], Steps]


class _Wake(Waiter):
    def __init__(self) -> None:
        self.woken = False

    def wake(self, mask: int) -> bool:
        self.woken = True
        return True


class _Alarm(ClockEvent):
    def __init__(self, wake: _Wake) -> None:
        self._wake = wake

    def fire(self) -> None:
        self._wake.woken = True


class Running:
    """A call that has begun. ``ended`` is when it returned, in ns since the first event; -1: not yet."""

    def __init__(self, state: State, event: Event, call: Call, implementation: Implementation) -> None:
        self.event = event
        self.call = call
        self.arguments = Arguments(call, event.line)
        self.ended = -1
        self.must_end = NO_TIME
        self.started = state.testbed.now()
        self.warnings: list[Failure] = []
        self._state = state
        self._steps = _whole(implementation, state, self.arguments)
        self._wait: Wait | None = None
        self._wake = _Wake()
        self._go(False)

    def poke(self) -> None:
        """Let it go on if what it waits for may have come. Raises Failure if its result is wrong."""
        if self._wait is not None and self._wake.woken:
            self._wake.woken = False
            deadline = self._wait.deadline
            now = self._state.testbed.clock.now
            if deadline >= 0 and now >= deadline:
                self._go(False)
            else:
                self._go(True)

    def blocked(self) -> bool:
        return self._wait is not None

    def abandon(self) -> str:
        """Forget it, blocked as it may be; returns what it was waiting for."""
        waited = ", ".join([queue.name for queue, _ in self._wait.queues]) if self._wait else ""
        self._leave_queues()
        self._steps.close()
        return waited or "its timeout"

    def _leave_queues(self) -> None:
        if self._wait is not None:
            for queue, _ in self._wait.queues:
                queue.remove(self._wake)
            self._wait = None

    def _go(self, woken: bool) -> None:
        first = self._wait is None
        self._leave_queues()
        self._state.testbed.kernel.caller = self._state.testbed.process
        try:
            step = next(self._steps) if first else self._steps.send(woken)
        except KernelError as error:
            self._returned(-1, error.errno, False, error.detail)
            return
        except StopIteration:
            raise AssertionError(f"{self.call.name} ended without a result") from None
        if isinstance(step, Returned):
            self._returned(step.value, 0, step.fd, "")
            self._finish()
            return
        self._wait = step
        for queue, mask in step.queues:
            queue.add(self._wake, mask, False)
        if step.deadline >= 0:
            self._state.testbed.clock.at(step.deadline, _Alarm(self._wake))

    def _finish(self) -> None:
        """Have it check what it filled in."""
        try:
            step = next(self._steps)
        except StopIteration:
            return
        raise AssertionError(f"{self.call.name} goes on after its result with {step!r}")

    def _returned(self, value: int, code: int, fd: bool, note: str) -> None:
        self.ended = self._state.testbed.now()
        wanted = self.arguments.result()
        seen = f"{value} {errno_name(code)}" if code else str(value)
        right = value >= 0 if fd and wanted >= 0 else value == wanted
        if right and value < 0 and self.call.errno:
            try:
                right = code == symbol(self.call.errno)
            except ValueError as error:
                raise ScriptError(str(error), self.event.line, self.event.column) from None
        if not right:
            expected = f"{wanted} {self.call.errno}".strip()
            message = f"{self.call.name}() returned {seen}, not {expected}"
            if note and not note.startswith(errno_name(code)):
                message += f" ({note})"
            failure = Failure(message, f"{self.call.name}() = {expected}", f"{self.call.name}() = {seen}")
            if not self._state.settings.calls_may_differ:
                raise failure
            self.warnings.append(failure)


def _whole(implementation: Implementation, state: State, arguments: Arguments) -> Steps:
    """The call from its first line on: what it raises before it yields anything is its result too."""
    yield from implementation(state, arguments)
