"""A simulated thread: one greenlet of a program on a host."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from ..clock.clock import Clock
from ..clock.timers import Timer
from ..kernel.process import Process
from ..kernel.wait import Waiter, WaitQueue
from .greenlets import GreenletExit, getcurrent, greenlet

if TYPE_CHECKING:
    from .generators import ImportEntropy
    from .process_state import ProcessState
    from .scheduler import Scheduler

RUNNABLE: Final = 0
RUNNING: Final = 1
PARKED: Final = 2
DEAD: Final = 3
SUPERSEDED: Final = 4
"""Its process executes another program; it never goes on, and ends with the process."""


TURN: Final = [0, 0]
"""The number of the present turn of a thread, counted over all schedulers, and who has it, 0 for nobody."""


class Takeable:
    """A lock, as reports about threads that wait for it see it."""

    __slots__ = ("taken_by",)

    taken_by: int
    """The identifier of the thread that took it last, 0 if nobody is known to have."""


class SimThread(greenlet):
    """A thread of a simulated process. Made by ``Scheduler.start``.

    The first instance of a process is its main thread. ``ident`` is unique in the OS process and
    never equals that of a thread of the real interpreter.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        state: ProcessState,
        target: Callable[[], object],
        name: str,
        ident: int,
    ) -> None:
        super().__init__()
        self.scheduler = scheduler
        self.state = state
        self.process: Process = state.process
        self.name = name
        self.ident = ident
        self.native_id = 0
        """Its number as the host's kernel counts, once asked for; else 0."""
        self.daemon = False
        self.status = RUNNABLE
        self.waits: list[tuple[WaitQueue, int]] = []
        """The queues of the files it is blocked on."""
        self.blocked_on: Takeable | None = None
        """The lock it is blocked on."""
        self.waiting_for: str | None = None
        """The call it is blocked in, None while it can run."""
        self.dying = False
        """Told to end: whatever it calls that could block raises GreenletExit."""
        self.killed = False
        """So does every call that would act on anything but the memory of its process."""
        self.at_end: list[Callable[[], None]] = []
        """Called on the hub, in order, when the thread is no more."""
        self.at_leave: list[Callable[[], None]] = []
        """Called as the last that the thread does (its thread-locals go)."""
        self.interrupts: list[Callable[[], None]] = []
        """To be called in this thread as soon as it runs (signal handlers)."""
        self.restarts = False
        """It is blocked in a call that a signal with SA_RESTART does not end."""
        self.active: greenlet = self
        """Where it goes on: itself, or a greenlet the program made inside it."""
        self.timed_out = False
        self.refusals = 0
        self.readings = 0
        """Readings of the clock in this turn."""
        self.polls = False
        """It lets time pass only because it polls."""
        self.instant = -1
        """The virtual time of its last turn, and how many it has had then."""
        self.turns = 0
        self.running_loop: object = None
        self.asyncgen_hooks: tuple[object, object] = (None, None)
        self.importing: list[ImportEntropy] = []
        """For each shared module it is executing, the innermost last, what that draws from."""
        self.waker: Waiter = _Waker(self)
        self.deadline: Timer = _Deadline(scheduler.clock, self)
        self._target: Callable[[], object] | None = target

    def run(self) -> None:
        target, self._target = self._target, None
        try:
            if target is not None:
                target()
        except GreenletExit:
            pass
        # What goes with the thread is finalized here, where its process is the one that calls.
        target = None
        self.leave()

    def leave(self) -> None:
        """Make the calls of ``at_leave``."""
        while self.at_leave:
            self.at_leave.pop(0)()

    def refuse_killed(self) -> None:
        """Called first by whatever has an effect outside the process: a killed one has none any more."""
        if self.killed:
            self.scheduler.refuse(self)

    def began(self) -> bool:
        return self._target is None

    def forget(self) -> None:
        """Let go of what it was to do, since it will not begin."""
        self._target = None

    def __repr__(self) -> str:
        return f"<SimThread {self.name!r} {self.ident} of pid {self.process.pid}>"


class _Waker(Waiter):
    """A thread on a wait queue."""

    def __init__(self, thread: SimThread) -> None:
        self.thread = thread

    def wake(self, mask: int) -> bool:
        return self.thread.scheduler.unpark(self.thread)


class _Deadline(Timer):
    """The end of a thread's patience."""

    def __init__(self, clock: Clock, thread: SimThread) -> None:
        super().__init__(clock)
        self.thread = thread

    def expired(self) -> None:
        self.thread.scheduler.expire(self.thread)


def current_thread() -> SimThread | None:
    """The simulated thread that runs now, also from a greenlet its program made inside it.

    None outside a simulation and in every other OS thread.
    """
    current: greenlet | None
    try:
        current = getcurrent()
    except RecursionError:
        # One RuntimeError that says nothing of where this is: taken for the outside, a thread would wait
        # in the OS for a lock it holds itself.
        raise
    except RuntimeError:
        # The interpreter is being finalized; only destructors outside still ask.
        return None
    if type(current) is SimThread:
        return current
    while current is not None:
        if isinstance(current, SimThread):
            return current
        current = current.parent
    return None
