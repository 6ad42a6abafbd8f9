"""Threads of all simulated processes, taken in turns on one OS thread and one virtual clock.

The hub is the greenlet that called :meth:`Scheduler.run`. A thread runs until it blocks, then the
hub goes on with another that can run, chosen by the random stream; when none can, it lets the clock
fire events until one becomes runnable. So time passes only while every thread is blocked.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Final

from ..clock.clock import MICROSECOND, Clock
from ..clock.streams import Stream
from ..kernel.process import Process
from ..kernel.wait import WaitQueue
from .greenlets import GreenletExit, getcurrent, greenlet
from .stuck import Stuck, waiting_lines
from .thread import DEAD, PARKED, RUNNABLE, RUNNING, SimThread, current_thread

__all__ = ["RunOutcome", "Scheduler", "SimThread", "Stuck", "current_thread"]

_BATCH: Final = 10_000
# A dying thread that catches this many GreenletExits does so in a loop, and is left where it is.
_REFUSALS: Final = 100


class RunOutcome(enum.Enum):
    """Why :meth:`Scheduler.run` returned."""

    DONE = "done"
    """``done()`` said so."""
    UNTIL = "until"
    """Virtual time reached ``until``."""
    IDLE = "idle"
    """No thread is left and nothing is scheduled."""


class Scheduler:
    """The threads of one network. ``stream`` chooses which runnable thread goes next."""

    def __init__(self, clock: Clock, stream: Stream) -> None:
        self.clock = clock
        self.threads: list[SimThread] = []
        """Those alive, in the order they were started."""
        self.switches = 0
        """Times a thread was let run."""
        self.hub: greenlet | None = None
        """The greenlet inside :meth:`run`, None outside it."""
        self.running: SimThread | None = None
        self._stream = stream
        self._runnable: list[SimThread] = []
        self._dying: list[SimThread] = []
        # Threads that would not end. Letting go of one would throw into it again.
        self._abandoned: list[SimThread] = []
        self._next_ident = 1

    # Threads

    def start(self, process: Process, target: Callable[[], object], name: str) -> SimThread:
        """Make a thread of ``process`` that will call ``target``. It is runnable at once."""
        thread = SimThread(self, process, target, name, self._next_ident)
        self._next_ident += 1
        self.threads.append(thread)
        self._make_runnable(thread)
        return thread

    def threads_of(self, process: Process) -> list[SimThread]:
        """Living threads of ``process`` in the order they were started."""
        return [thread for thread in self.threads if thread.process is process]

    def kill(self, thread: SimThread) -> None:
        """End ``thread``: GreenletExit goes through its frames before any other thread runs.

        A thread that kills itself must then raise GreenletExit. Harmless if it is dead or dying.
        """
        if thread.status == DEAD or thread.dying:
            return
        thread.dying = True
        if thread.status == RUNNABLE:
            self._runnable.remove(thread)
        self._dying.append(thread)
        self.clock.stopped = True

    # Blocking

    def wait(self, queues: list[tuple[WaitQueue, int]], deadline: int, what: str) -> bool:
        """Block the calling thread until one of ``queues`` is woken for a bit of its mask.

        ``deadline`` is a virtual time in ns, negative for none; ``what`` names the call in reports.
        Returns False if the deadline passed. True may come without cause (a signal was handled):
        try the operation again.
        """
        waker = self._calling().waker
        for queue, mask in queues:
            queue.add(waker, mask, False)
        try:
            return self.park(deadline, what)
        finally:
            for queue, _ in queues:
                queue.remove(waker)

    def park(self, deadline: int, what: str) -> bool:
        """Block the calling thread until :meth:`unpark` or ``deadline``; returns as :meth:`wait`."""
        thread = self._calling()
        if thread.interrupts and not thread.dying:
            self._interrupt(thread)
            return True
        if 0 <= deadline <= self.clock.now:
            return False
        thread.timed_out = False
        thread.waiting_for = what
        if deadline >= 0:
            thread.deadline.arm_at(deadline)
        thread.status = PARKED
        try:
            self._to_hub(thread)
        finally:
            thread.deadline.cancel()
        return not thread.timed_out

    def unpark(self, thread: SimThread) -> bool:
        """Make a blocked thread runnable. Returns False if it was not blocked."""
        if thread.status != PARKED or thread.dying:
            return False
        self._make_runnable(thread)
        self.clock.stopped = True
        return True

    def expire(self, thread: SimThread) -> None:
        """The deadline of ``thread`` is reached."""
        if thread.status == PARKED:
            thread.timed_out = True
            self.unpark(thread)

    def interrupt(self, thread: SimThread, call: Callable[[], None]) -> None:
        """Have ``thread`` make ``call`` before it does anything else; what it raises goes through
        the thread's own frames."""
        thread.interrupts.append(call)
        self.unpark(thread)

    def sleep(self, duration: int) -> None:
        """Block the calling thread for ``duration`` ns, at least a microsecond.

        The least is there because a program may spin on ``sleep(0)``, and time must pass for it.
        """
        deadline = self.clock.now + max(duration, MICROSECOND)
        while self.clock.now < deadline:
            self.park(deadline, "sleep")

    def yield_now(self) -> None:
        """Let every other runnable thread go first, and a microsecond pass."""
        self.sleep(0)

    # Running

    def run(self, until: int, done: Callable[[], bool]) -> RunOutcome:
        """Let threads and events go until ``done()`` or the virtual time ``until`` (ns; negative:
        no limit). ``done`` is asked after each turn.

        Raises Stuck if nothing can happen any more although threads wait and ``until`` is negative;
        RuntimeError if called from a simulated thread or while already running.
        """
        if self.hub is not None or current_thread() is not None:
            raise RuntimeError("a simulation cannot be run from inside a simulated thread")
        self.hub = getcurrent()
        try:
            return self._loop(until, done)
        finally:
            self.hub = None

    def close(self) -> None:
        """End every thread, the newest first."""
        for thread in reversed(self.threads):
            self.kill(thread)
        self.hub = getcurrent()
        try:
            self._unwind()
        finally:
            self.hub = None

    def _loop(self, until: int, done: Callable[[], bool]) -> RunOutcome:
        clock = self.clock
        while True:
            if self._dying:
                self._unwind()
            if done():
                return RunOutcome.DONE
            runnable = self._runnable
            if runnable:
                count = len(runnable)
                self._resume(runnable.pop(self._stream.below(count) if count > 1 else 0))
            elif not clock.run(until, _BATCH) and not runnable and not self._dying:
                if until >= 0:
                    clock.advance_to(until)
                    return RunOutcome.UNTIL
                if not self.threads:
                    return RunOutcome.IDLE
                raise Stuck(clock.now, waiting_lines(self.threads))

    def _resume(self, thread: SimThread) -> None:
        thread.status = RUNNING
        if thread.parent is not self.hub:
            thread.parent = self.hub
        self.switches += 1
        self.running = thread
        try:
            thread.active.switch()
        finally:
            self.running = None
            if thread.dead:
                self._ended(thread)

    def _unwind(self) -> None:
        while self._dying:
            thread = self._dying.pop(0)
            if thread.status == DEAD:
                continue
            thread.status = RUNNING
            thread.parent = self.hub
            self.switches += 1
            self.running = thread
            try:
                while not thread.dead and thread.refusals < _REFUSALS:
                    thread.active.throw(GreenletExit)
            finally:
                self.running = None
                if not thread.dead:
                    self._abandoned.append(thread)
                self._ended(thread)

    def _ended(self, thread: SimThread) -> None:
        thread.status = DEAD
        thread.waiting_for = None
        thread.deadline.cancel()
        self.threads.remove(thread)
        for call in thread.at_end:
            call()
        thread.at_end.clear()

    def _calling(self) -> SimThread:
        thread = current_thread()
        if thread is None or thread.scheduler is not self:
            raise RuntimeError("only a simulated thread can block on virtual time")
        if thread.dying or self.hub is None:
            self._refuse(thread)
        return thread

    def _refuse(self, thread: SimThread) -> None:
        thread.refusals += 1
        if thread.refusals > _REFUSALS and self.hub is not None:
            thread.active = getcurrent()
            self.hub.switch()
        raise GreenletExit

    def _to_hub(self, thread: SimThread) -> None:
        assert self.hub is not None
        thread.active = getcurrent()
        self.hub.switch()
        thread.waiting_for = None
        if thread.dying:
            self._refuse(thread)
        if thread.interrupts:
            self._interrupt(thread)

    def _interrupt(self, thread: SimThread) -> None:
        thread.timed_out = False
        while thread.interrupts:
            thread.interrupts.pop(0)()

    def _make_runnable(self, thread: SimThread) -> None:
        thread.status = RUNNABLE
        self._runnable.append(thread)
