"""Signals between simulated processes: dispositions, delivery, default actions (signal(7))."""

from __future__ import annotations

import os
import signal
import sys
from errno import EAGAIN
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

from ..clock.clock import Clock
from ..clock.timers import Timer
from ..kernel.error import KernelError
from ..kernel.wait import WaitQueue
from .stuck import is_ours

if TYPE_CHECKING:
    from .process_state import ProcessState
    from .thread import SimThread

_IGNORED_BY_DEFAULT: Final = (signal.SIGCHLD, signal.SIGURG, signal.SIGWINCH, signal.SIGCONT)
STOPPING: Final = (signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU)
"""Signals whose default action stops a process, which a simulated one cannot."""


class SignalTable:
    """Dispositions and pending signals of one process, as a Python interpreter starts with them."""

    def __init__(self) -> None:
        self.handlers: dict[int, Any] = {
            signal.SIGINT: signal.default_int_handler,
            signal.SIGPIPE: signal.SIG_IGN,
            signal.SIGXFSZ: signal.SIG_IGN,
        }
        """By number; SIG_DFL if absent."""
        self.blocked: set[int] = set()
        """The mask of pthread_sigmask, one for all threads."""
        self.pending: list[int] = []
        """Sent and not yet handled; a signal is pending once however often it was sent."""
        self.arrived = WaitQueue("signal")
        self.restarting: set[int] = set()
        """Those that siginterrupt(3) set not to end system calls (SA_RESTART)."""
        self.wakeup_fd = -1
        """Gets a byte for each signal with a Python handler."""
        self.warn_on_full_wakeup = True
        self.alarm: _Alarm | None = None

    def handler(self, signum: int) -> Any:
        return self.handlers.get(signum, signal.SIG_DFL)

    def copy(self) -> SignalTable:
        """What a forked child starts with: the same handlers and mask, nothing pending, no alarm."""
        child = SignalTable()
        child.handlers = dict(self.handlers)
        child.blocked = set(self.blocked)
        child.restarting = set(self.restarting)
        child.wakeup_fd = self.wakeup_fd
        child.warn_on_full_wakeup = self.warn_on_full_wakeup
        return child

    def execute(self) -> None:
        """What execve(2) and the start of a new interpreter leave: ignored signals stay ignored; mask,
        pending signals and alarm stay."""
        ignored = {signum for signum, handler in self.handlers.items() if handler == signal.SIG_IGN}
        self.handlers = dict.fromkeys(ignored, signal.SIG_IGN)
        self.restarting.clear()
        fresh = SignalTable().handlers
        for signum, handler in fresh.items():
            self.handlers.setdefault(signum, handler)
        self.wakeup_fd = -1
        self.warn_on_full_wakeup = True


class _Alarm(Timer):
    """ITIMER_REAL of a process."""

    def __init__(self, clock: Clock, state: ProcessState) -> None:
        super().__init__(clock)
        self.state = state
        self.interval = 0

    def expired(self) -> None:
        if self.state.process.exit_code is not None:
            return
        if self.interval:
            self.arm(self.interval)
        send_signal(self.state, signal.SIGALRM)


def set_alarm(state: ProcessState, delay: int, interval: int) -> tuple[int, int]:
    """setitimer(ITIMER_REAL): SIGALRM after ``delay`` ns (0: never), then each ``interval`` ns.

    Returns what was left of the former delay, and the former interval.
    """
    table = state.signals
    if table.alarm is None:
        table.alarm = _Alarm(state.scheduler.clock, state)
    former = get_alarm(state)
    table.alarm.interval = interval
    if delay > 0:
        table.alarm.arm(delay)
    else:
        table.alarm.cancel()
    return former


def get_alarm(state: ProcessState) -> tuple[int, int]:
    """ns until SIGALRM (0: none is due) and the interval in ns."""
    alarm = state.signals.alarm
    if alarm is None or not alarm.is_armed():
        return (0, 0 if alarm is None else alarm.interval)
    return (alarm.remaining(), alarm.interval)


def send_signal(state: ProcessState, signum: int) -> None:
    """Send ``signum`` to a process. Harmless if it has ended.

    A Python handler runs in the main thread as soon as that may run; a signal whose default action
    is to terminate ends the process at once. May be called from anywhere; a thread that kills its
    own process must then raise GreenletExit.
    """
    if state.process.exit_code is not None:
        return
    table = state.signals
    if signum == signal.SIGKILL:
        state.terminate(-signum)
        return
    if signum in table.blocked:
        if signum not in table.pending:
            table.pending.append(signum)
        table.arrived.wake(1)
        return
    handler = table.handler(signum)
    if handler == signal.SIG_IGN or (handler == signal.SIG_DFL and signum in _IGNORED_BY_DEFAULT):
        return
    if handler == signal.SIG_DFL:
        state.terminate(-signum)
        return
    _write_wakeup(state, signum)
    if signum not in table.pending:
        table.pending.append(signum)
        if state.main is not None:
            state.scheduler.interrupt(state.main, _Delivery(state, signum), signum in table.restarting)


def unblock(state: ProcessState, signums: set[int]) -> None:
    """Take ``signums`` off the mask; those pending are delivered."""
    table = state.signals
    table.blocked -= signums
    for signum in [signum for signum in table.pending if signum in signums]:
        table.pending.remove(signum)
        send_signal(state, signum)


def deliver_now(thread: SimThread) -> None:
    """Run the handlers that wait for ``thread``, which is the calling one."""
    thread.scheduler.run_interrupts(thread)


class _Delivery:
    """A Python signal handler that waits to be called in the main thread."""

    def __init__(self, state: ProcessState, signum: int) -> None:
        self.state = state
        self.signum = signum

    def __call__(self) -> None:
        table = self.state.signals
        if self.signum not in table.pending:
            return
        table.pending.remove(self.signum)
        if self.state.finalizing:
            # As CPython says it, whose handlers are gone by then.
            if sys.stderr is not None:
                sys.stderr.write("Exception ignored in: None\n")
                sys.stderr.write(f"OSError: Signal {self.signum} ignored due to race condition\n")
            return
        handler = table.handler(self.signum)
        if callable(handler):
            handler(self.signum, _program_frame())


def _program_frame() -> FrameType | None:
    frame: FrameType | None = sys._getframe()
    while frame is not None and is_ours(frame):
        frame = frame.f_back
    return frame


def _write_wakeup(state: ProcessState, signum: int) -> None:
    table = state.signals
    if table.wakeup_fd < 0:
        return
    try:
        written = state.process.fds.get(table.wakeup_fd).write(bytes([signum]))
        trouble = 0 if written > 0 else EAGAIN
    except KernelError as error:
        trouble = error.errno
    if trouble and (trouble != EAGAIN or table.warn_on_full_wakeup):
        # The view of the process that runs now is out of date.
        present = state.scheduler.interpreter.view is state.view
        stream = sys.stderr if present else state.view.of_sys()["stderr"]
        if stream is not None:
            failure = OSError(trouble, os.strerror(trouble))
            stream.write("Exception ignored when trying to write to the signal wakeup fd:\n")
            stream.write(f"{type(failure).__name__}: {failure}\n")
