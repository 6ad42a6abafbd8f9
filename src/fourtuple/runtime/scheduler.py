"""Threads of all simulated processes, taken in turns on one OS thread and one virtual clock.

The hub is the greenlet that called :meth:`Scheduler.run`. A thread runs until it blocks, then the
hub goes on with another that can run, chosen by the random stream; when none can, it lets the clock
fire events until one becomes runnable. So time passes only while every thread is blocked.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any, Final, NoReturn

from ..clock.clock import MICROSECOND, Clock
from ..clock.streams import Stream, Streams
from ..kernel.process import Process
from ..kernel.wait import WaitQueue
from .finalize import Limbo, in_limbo
from .garbage import GarbageGuard
from .generators import GeneratorGuard
from .greenlets import GreenletExit, getcurrent, greenlet
from .interpreter import Interpreter
from .openssl import OpensslGuard
from .process_state import ProcessState
from .real_numbers import REAL_BASE, REAL_TOP
from .settings_guard import SettingsGuard
from .stuck import BusyLoop, Stuck
from .thread import DEAD, PARKED, RUNNABLE, RUNNING, SUPERSEDED, TURN, SimThread, current_thread
from .timezone import UtcGuard
from .views import View, process_view
from .waiting import waiting_lines
from .watchdog import BusyStop, Watchdog

__all__ = ["BusyLoop", "RunOutcome", "Scheduler", "SimThread", "Stuck", "current_thread"]

_BATCH: Final = 10_000
# A dying thread that catches this many GreenletExits does so in a loop, and is left where it is.
_REFUSALS: Final = 100
# A reading of the clock, taking a lock, or a call that finds nothing ready, is charged as if it took
# processor time once a thread has made so many of them in one turn. So a program that spins lets time
# pass.
_NO_WAITS: Final[list[tuple[WaitQueue, int]]] = []
SPIN_LIMIT: Final = 1_000
_SPIN_TIME: Final = 1_000 * MICROSECOND
_POLL_COST: Final = 10
# Threads that wake each other for ever, by a lock or a socketpair, let time pass in the same way: a
# thread's turns at one moment are charged once there were so many.
_TURN_LIMIT: Final = 1_000
# What a thread that sleeps for a moment puts into the clock: its deadline, and one it had before.
_OWN_EVENTS: Final = 2


class RunOutcome(enum.Enum):
    """Why :meth:`Scheduler.run` returned."""

    DONE = "done"
    """``done()`` said so."""
    UNTIL = "until"
    """Virtual time reached ``until``."""
    IDLE = "idle"
    """No thread is left and nothing is scheduled."""


class Scheduler:
    """The threads of one network.

    ``stream`` chooses which runnable thread goes next; each process draws its random numbers from a
    stream of its own out of ``streams``.
    """

    def __init__(self, clock: Clock, stream: Stream, streams: Streams | None = None) -> None:
        self.clock = clock
        self.streams = streams or Streams(0)
        self.threads: list[SimThread] = []
        """Those alive, in the order they were started."""
        self.switches = 0
        """Times a thread was let run."""
        self.progress = 0
        """Those of them that may have changed something: not of a thread that only polls while nothing
        else happens."""
        self.idle = False
        """Is the last turn one of those that do not count?"""
        self._fired = 0
        self.hub: greenlet | None = None
        """The greenlet inside :meth:`run`, None outside it."""
        self.running: SimThread | None = None
        self.kept: dict[str, Any] = {}
        """What stand-ins keep for the whole network, by kind."""
        self.owner: object = None
        """The network whose threads these are."""
        self.failure: BaseException | None = None
        """To be raised by :meth:`run` as soon as the hub is reached."""
        self.unhandled: list[str] = []
        """A line for each exception that nobody handled (see ``unhandled``)."""
        self.tell_failure: Callable[[ProcessState, str], None] | None = None
        """Told each of those lines."""
        self.calls_out = False
        """Events may call code from outside (rules, taps): each has the interpreter as it is there."""
        self.watchdog_seconds = 30.0
        """Wall-clock time a thread may run without blocking; 0: any."""
        self.interpreter = Interpreter()
        self._settings = SettingsGuard()
        self.openssl = OpensslGuard(self.streams)
        self._generators = GeneratorGuard(self.streams)
        self._zone = UtcGuard()
        self.garbage = GarbageGuard()
        self._released = 0
        self._states: dict[Process, ProcessState] = {}
        self._stream = stream
        self._runnable: list[SimThread] = []
        self._dying: list[SimThread] = []
        # Threads that would not end. Letting go of one would throw into it again.
        self._abandoned: list[SimThread] = []
        self._next_ident = 1

    # Threads

    def start(self, process: Process, target: Callable[[], object], name: str) -> SimThread:
        """Make a thread of ``process`` that will call ``target``. It is runnable at once."""
        state = self.state_of(process)
        thread = SimThread(self, state, target, name, self._next_ident)
        self._next_ident += 1
        if state.main is None:
            state.main = thread
        self.threads.append(thread)
        self._make_runnable(thread)
        return thread

    def state_of(self, process: Process) -> ProcessState:
        """The program side of ``process``."""
        state = self._states.get(process)
        if state is None:
            state = self.make_state(process, process_view(self.interpreter.outer, process))
        return state

    def make_state(self, process: Process, view: View) -> ProcessState:
        """The program side of a new ``process`` that sees the interpreter as ``view``."""
        process.fds.reserved_base, process.fds.reserved_top = REAL_BASE, REAL_TOP
        name = f"{process.kernel.hostname}/{process.pid}"
        if not view.secret:
            view.secret = self.streams.stream(f"secret/{name}").octets(32)
        state = ProcessState(self, process, self.streams.stream(f"process/{name}"), view)
        self._states[process] = state
        return state

    def threads_of(self, process: Process) -> list[SimThread]:
        """Living threads of ``process`` in the order they were started."""
        return [
            thread for thread in self.threads if thread.process is process and thread.status != SUPERSEDED
        ]

    def supersede(self, process: Process) -> None:
        """Let no living thread of ``process`` go on. The calling one goes on to :meth:`stay`."""
        for thread in self.threads_of(process):
            if thread.dying:
                continue
            if thread.status == RUNNABLE:
                self._runnable.remove(thread)
            thread.deadline.cancel()
            thread.status = SUPERSEDED

    def stay(self, thread: SimThread) -> NoReturn:
        """Suspend the calling ``thread``, which is superseded, for good."""
        assert self.hub is not None
        thread.active = getcurrent()
        self.hub.switch()
        raise GreenletExit

    def end_threads(self, process: Process) -> None:
        """Kill every thread of ``process``."""
        for thread in [thread for thread in self.threads if thread.process is process]:
            self.kill(thread)

    def kill(self, thread: SimThread) -> None:
        """End ``thread``: GreenletExit goes through its frames before any other thread runs.

        A thread that kills itself must then raise GreenletExit. Harmless if it is dead or dying.
        """
        if thread.status == DEAD or thread.dying:
            return
        thread.dying = thread.killed = True
        if thread.status == RUNNABLE:
            self._runnable.remove(thread)
        self._dying.append(thread)
        self.clock.stopped = True

    # Blocking

    def wait(
        self, queues: list[tuple[WaitQueue, int]], deadline: int, what: str, restarts: bool = False
    ) -> bool:
        """Block the calling thread until one of ``queues`` is woken for a bit of its mask.

        ``deadline`` is a virtual time in ns, negative for none; ``what`` names the call in reports.
        ``restarts``: a call that Linux restarts after a signal with SA_RESTART.
        Returns False if the deadline passed. True may come without cause (a signal was handled):
        try the operation again.
        """
        thread = self._calling()
        waker = thread.waker
        for queue, mask in queues:
            queue.add(waker, mask, False)
        thread.restarts = restarts
        thread.waits = queues
        try:
            return self.park(deadline, what)
        finally:
            thread.restarts = False
            thread.waits = _NO_WAITS
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

    def interrupt(self, thread: SimThread, call: Callable[[], None], restart: bool = False) -> None:
        """Have ``thread`` make ``call`` before it does anything else; what it raises goes through
        the thread's own frames. With ``restart`` (SA_RESTART) a call it is blocked in may go on first."""
        thread.interrupts.append(call)
        if not (restart and thread.restarts):
            self.unpark(thread)

    def sleep(self, duration: int, what: str = "sleep") -> None:
        """Block the calling thread for ``duration`` ns, at least a microsecond.

        The least is there because a program may spin on ``sleep(0)``, and time must pass for it.
        """
        deadline = self.clock.now + max(duration, MICROSECOND)
        thread = self._calling()
        while self.clock.now < deadline:
            thread.polls = duration <= 0
            self.park(deadline, what)

    def yield_now(self) -> None:
        """Let every other runnable thread go first, and a microsecond pass."""
        self.sleep(0)

    def read_clock(self, thread: SimThread) -> int:
        """The virtual time in ns, for the calling ``thread``. Reading it in a loop takes time."""
        thread.readings += 1
        if thread.readings >= SPIN_LIMIT:
            self.spin(thread)
        return self.clock.now

    def polled(self, thread: SimThread) -> None:
        """The calling ``thread`` asked without blocking and nothing was ready. Doing that in a loop
        takes time."""
        thread.readings += _POLL_COST
        if thread.readings >= SPIN_LIMIT:
            self.spin(thread)

    def spin(self, thread: SimThread) -> None:
        """The calling ``thread`` did something SPIN_LIMIT times in this turn: let time pass."""
        thread.readings = 0
        thread.state.charged += _SPIN_TIME
        deadline = self.clock.now + _SPIN_TIME
        while self.clock.now < deadline:
            thread.polls = True
            self.park(deadline, "sleep")

    # Running

    def go_outside(self) -> None:
        """Make the interpreter that of the outside, for a call of its code while no thread runs. A
        thread finds it as it left it; turning for every event would double the cost of a turn."""
        self.interpreter.enter(None)

    def run(self, until: int, done: Callable[[], bool]) -> RunOutcome:
        """Let threads and events go until ``done()`` or the virtual time ``until`` (ns; negative:
        no limit). ``done`` is asked after each turn.

        Raises Stuck if nothing can happen any more although threads wait and ``until`` is negative;
        RuntimeError if called from a simulated thread or while already running.
        """
        watchdog = self._begin()
        try:
            return self._loop(until, done)
        except BusyStop:
            # It struck a moment after the busy thread had left.
            raise self.failure or RuntimeError("interrupted") from None
        finally:
            self._end(watchdog)

    def hold_garbage(self) -> None:
        """Several runs begin that are one: until :meth:`release_garbage` no garbage of it gets outside."""
        self.garbage.begin()

    def release_garbage(self) -> None:
        """They are over. What processes that all have ended left behind is finalized first."""
        if self._states and not self.threads and self.switches != self._released:
            self._finalize_left()
        self.garbage.end()

    def _finalize_left(self) -> None:
        self._released = self.switches
        state = next(reversed(self._states.values()))
        self.interpreter.begin()
        limbo = Limbo(self, state, lambda: self.garbage.collect(self.switches))
        self.interpreter.enter(limbo)
        try:
            limbo.switch()
        finally:
            self.interpreter.enter(None)
            self.interpreter.end()

    def close(self) -> None:
        """End every thread, the newest first. What they leave behind is finalized."""
        killed = bool(self.threads)
        for thread in reversed(self.threads):
            self.kill(thread)
        watchdog = self._begin()
        try:
            self._unwind()
        finally:
            self._end(watchdog)
        if killed:
            self._finalize_left()

    def leave_for_hub(self, failure: BaseException) -> None:
        """Suspend the running thread, which is the calling one, and have :meth:`run` raise."""
        thread = self.running
        assert thread is not None
        assert self.hub is not None
        self.failure = failure
        thread.active = getcurrent()
        if not thread.dying:
            self._make_runnable(thread)
        self.hub.switch()
        if thread.dying:
            self.refuse(thread)

    def run_interrupts(self, thread: SimThread) -> None:
        """Have the calling ``thread`` make the calls that :meth:`interrupt` left for it."""
        while thread.interrupts:
            thread.interrupts.pop(0)()

    def _begin(self) -> Watchdog:
        if self.hub is not None or current_thread() is not None:
            raise RuntimeError("a simulation cannot be run from inside a simulated thread")
        watchdog = Watchdog(self, self.watchdog_seconds)
        self.hub = getcurrent()
        self.interpreter.begin()
        self._zone.begin()
        self.garbage.begin()
        self.openssl.begin()
        self._generators.begin()
        self._settings.begin()
        watchdog.start()
        return watchdog

    def _end(self, watchdog: Watchdog) -> None:
        watchdog.stop()
        self.interpreter.enter(None)
        self.interpreter.end()
        self._settings.end()
        self._generators.end()
        self.openssl.end()
        self.garbage.end()
        self._zone.end()
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
                thread = runnable.pop(self._stream.below(count) if count > 1 else 0)
                if thread.instant != clock.now:
                    thread.instant = clock.now
                    thread.turns = 0
                thread.turns += 1
                if thread.turns > _TURN_LIMIT:
                    runnable.append(thread)
                    thread.state.charged += _SPIN_TIME
                    if not self._pass_time(until):
                        return RunOutcome.UNTIL
                    continue
                self._resume(thread)
                if self.switches >= self.garbage.next_turn:
                    # In the view of the process that ran last: what finalizers say is its affair.
                    in_limbo(self, thread.state, lambda: self.garbage.collect(self.switches))
                continue
            if self.calls_out:
                self.interpreter.enter(None)
            if not clock.run(until, _BATCH) and not runnable and not self._dying:
                if until >= 0:
                    clock.advance_to(until)
                    return RunOutcome.UNTIL
                if not self.threads:
                    return RunOutcome.IDLE
                raise Stuck(clock.now, waiting_lines(self.threads))

    def _pass_time(self, until: int) -> bool:
        """Let _SPIN_TIME pass although threads could run. False if it is ``until`` already."""
        clock = self.clock
        end = clock.now + _SPIN_TIME
        if 0 <= until < end:
            if clock.now >= until:
                return False
            end = until
        if self.calls_out:
            self.interpreter.enter(None)
        while clock.run(end, _BATCH):
            pass
        clock.advance_to(end)
        return True

    def _resume(self, thread: SimThread) -> None:
        thread.status = RUNNING
        thread.readings = 0
        if thread.parent is not self.hub:
            thread.parent = self.hub
        self.interpreter.enter(thread)
        self.switches += 1
        TURN[0] += 1
        TURN[1] = thread.ident
        fired = self.clock.fired
        self.idle = thread.polls and fired - self._fired <= _OWN_EVENTS
        if not self.idle:
            self.progress += 1
        thread.polls = False
        self.running = thread
        try:
            thread.active.switch()
        finally:
            self.running = None
            TURN[1] = 0
            self._fired = fired
            if thread.dead:
                self._ended(thread)
        if self.failure is not None:
            self._fail()

    def _fail(self) -> None:
        failure = self.failure
        self.failure = None
        if failure is not None:
            raise failure

    def _unwind(self) -> None:
        while self._dying:
            thread = self._dying.pop(0)
            if thread.status == DEAD:
                continue
            thread.status = RUNNING
            thread.parent = self.hub
            self.interpreter.enter(thread)
            self.switches += 1
            self.running = thread
            try:
                while not thread.dead and self.failure is None and thread.refusals < _REFUSALS:
                    thread.active.throw(GreenletExit)
            finally:
                self.running = None
                if not thread.dead:
                    self._abandoned.append(thread)
                self._ended(thread)
            if self.failure is not None:
                self._fail()

    def _ended(self, thread: SimThread) -> None:
        thread.status = DEAD
        thread.waiting_for = None
        thread.deadline.cancel()
        self.threads.remove(thread)
        if thread is thread.state.main and thread.process.exit_code is not None:
            in_limbo(self, thread.state, thread.state.end)
        if not thread.began():
            in_limbo(self, thread.state, thread.forget)
        for call in thread.at_end:
            call()
        thread.at_end.clear()

    def _calling(self) -> SimThread:
        thread = current_thread()
        if thread is None or thread.scheduler is not self:
            raise RuntimeError("only a simulated thread can block on virtual time")
        if thread.dying or self.hub is None:
            self.refuse(thread)
        return thread

    def refuse(self, thread: SimThread) -> NoReturn:
        """What a call of a dying thread does. One that goes on calling all the same is left where it
        is, so that a loop that catches everything ends."""
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
            self.refuse(thread)
        if thread.interrupts:
            self._interrupt(thread)

    def _interrupt(self, thread: SimThread) -> None:
        self.run_interrupts(thread)
        thread.timed_out = False

    def _make_runnable(self, thread: SimThread) -> None:
        thread.status = RUNNABLE
        self._runnable.append(thread)
