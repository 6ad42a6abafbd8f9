"""Stand-in for ``_signal``: each simulated process has its own dispositions and alarm.

Implemented: signal, getsignal, raise_signal, pthread_kill, alarm, setitimer and getitimer (ITIMER_REAL),
pause, set_wakeup_fd, pthread_sigmask (one mask for all threads), sigpending, sigwait, sigwaitinfo,
sigtimedwait. ``siginterrupt`` changes nothing, as calls are taken up again after a handler anyway
(PEP 475). Refused: timers of processor time, stopping a process. Passed through: names and numbers.
"""

from __future__ import annotations

import importlib
import os
import signal
from collections.abc import Iterable
from errno import EINVAL, EPERM, ESRCH
from typing import Any, Final

from ..kernel.error import KernelError
from ..kernel.process import CAP_KILL, INIT
from ..runtime.errors import os_error
from ..runtime.greenlets import GreenletExit
from ..runtime.signals import STOPPING, deliver_now, get_alarm, send_signal, set_alarm, unblock
from ..runtime.thread import SimThread
from .durations import duration_ns
from .patching import dispatch
from .refusal import refuse

_signal: Final = importlib.import_module("_signal")


def kill_process(thread: SimThread, pid: int, signum: int) -> None:
    """kill(2) for one process of the thread's host. Raises OSError: EINVAL, ESRCH, EPERM."""
    if not 0 <= signum < signal.NSIG:
        raise OSError(EINVAL, os.strerror(EINVAL))
    sender = thread.process
    target = sender.kernel.processes.get(pid)
    if target is None:
        raise ProcessLookupError(ESRCH, os.strerror(ESRCH))
    known = (target.real_uid, target.saved_uid)
    if sender.uid not in known and sender.real_uid not in known and not sender.capable(CAP_KILL):
        raise PermissionError(EPERM, os.strerror(EPERM))
    if signum == 0 or pid == INIT:
        # Signals init has no handler for are dropped, SIGKILL among them.
        return
    state = thread.scheduler.state_of(target)
    if signum == signal.SIGSTOP or (signum in STOPPING and state.signals.handler(signum) == signal.SIG_DFL):
        refuse("stopping a process", "pause its host, or send a signal it handles")
    send_signal(state, signum)
    after_sending(thread)


def after_sending(thread: SimThread) -> None:
    """What a signal does to its sender: it dies, or its own handler runs before the call returns."""
    if thread.dying:
        raise GreenletExit
    if thread is thread.state.main:
        deliver_now(thread)


def _in_main_thread(thread: SimThread, call: str) -> None:
    if thread is not thread.state.main:
        raise ValueError(f"{call} only works in main thread of the main interpreter")


def _check_number(signum: int) -> None:
    if not 1 <= signum < signal.NSIG:
        raise ValueError("signal number out of range")


def _set_handler(thread: SimThread, signum: int, handler: Any, /) -> Any:
    _in_main_thread(thread, "signal")
    _check_number(signum)
    if not callable(handler) and handler not in (signal.SIG_DFL, signal.SIG_IGN):
        raise TypeError("signal handler must be signal.SIG_IGN, signal.SIG_DFL, or a callable object")
    if signum in (signal.SIGKILL, signal.SIGSTOP):
        raise OSError(EINVAL, os.strerror(EINVAL))
    table = thread.state.signals
    former = table.handler(signum)
    table.handlers[signum] = handler
    # As PyOS_setsig.
    table.restarting.discard(signum)
    if signum == signal.SIGCHLD:
        thread.process.reaps = handler == signal.SIG_IGN
    return former


def _get_handler(thread: SimThread, signum: int, /) -> Any:
    _check_number(signum)
    return thread.state.signals.handler(signum)


def _raise_signal(thread: SimThread, signum: int, /) -> None:
    kill_process(thread, thread.process.pid, signum)


def _pthread_kill(thread: SimThread, ident: int, signum: int, /) -> None:
    if not any(candidate.ident == ident for candidate in thread.state.threads()):
        raise ProcessLookupError(ESRCH, os.strerror(ESRCH))
    kill_process(thread, thread.process.pid, signum)


def _alarm(thread: SimThread, seconds: int, /) -> int:
    left, _ = set_alarm(thread.state, seconds * 1_000_000_000, 0)
    # As Linux: what is left counts as at least one second.
    return max(1, (left + 500_000_000) // 1_000_000_000) if left else 0


def _only_real(which: int) -> None:
    if which == signal.ITIMER_REAL:
        return
    if which in (signal.ITIMER_VIRTUAL, signal.ITIMER_PROF):
        refuse("a timer of processor time", "use ITIMER_REAL: computing takes no virtual time")
    raise signal.ItimerError(EINVAL, os.strerror(EINVAL))


def _setitimer(
    thread: SimThread, which: int, seconds: float, interval: float = 0.0, /
) -> tuple[float, float]:
    _only_real(which)
    delay = duration_ns(seconds)
    period = duration_ns(interval)
    if delay < 0 or period < 0:
        raise signal.ItimerError(EINVAL, os.strerror(EINVAL))
    left, former = set_alarm(thread.state, delay, period)
    return left / 1e9, former / 1e9


def _getitimer(thread: SimThread, which: int, /) -> tuple[float, float]:
    _only_real(which)
    left, period = get_alarm(thread.state)
    return left / 1e9, period / 1e9


def _pause(thread: SimThread) -> None:
    thread.scheduler.park(-1, "signal.pause")


def _set_wakeup_fd(thread: SimThread, fd: int, /, *, warn_on_full_buffer: bool = True) -> int:
    _in_main_thread(thread, "set_wakeup_fd")
    table = thread.state.signals
    if fd != -1:
        try:
            file = thread.process.fds.get(fd)
        except KernelError as error:
            raise os_error(error) from None
        if not file.nonblocking():
            raise ValueError(f"the fd {fd} must be in non-blocking mode")
    former = table.wakeup_fd
    table.wakeup_fd = fd
    table.warn_on_full_wakeup = warn_on_full_buffer
    return former


def _pthread_sigmask(thread: SimThread, how: int, mask: Iterable[int], /) -> set[int]:
    table = thread.state.signals
    signums = {int(signum) for signum in mask}
    for signum in signums:
        _check_number(signum)
    signums -= {signal.SIGKILL, signal.SIGSTOP}
    former = set(table.blocked)
    if how == signal.SIG_BLOCK:
        table.blocked |= signums
    elif how == signal.SIG_UNBLOCK:
        unblock(thread.state, signums)
    elif how == signal.SIG_SETMASK:
        unblock(thread.state, former - signums)
        table.blocked = signums
    else:
        raise OSError(EINVAL, os.strerror(EINVAL))
    after_sending(thread)
    return former


def _sigpending(thread: SimThread) -> set[int]:
    return set(thread.state.signals.pending)


def _take_pending(thread: SimThread, signums: set[int], deadline: int, what: str) -> int | None:
    table = thread.state.signals
    while True:
        for signum in table.pending:
            if signum in signums:
                table.pending.remove(signum)
                return signum
        if not thread.scheduler.wait([(table.arrived, 1)], deadline, what):
            return None


def _sigwait(thread: SimThread, signums: Iterable[int], /) -> int:
    signum = _take_pending(thread, {int(each) for each in signums}, -1, "signal.sigwait")
    assert signum is not None
    return signum


def _siginfo(thread: SimThread, signum: int) -> signal.struct_siginfo:
    return signal.struct_siginfo((signum, 0, 0, thread.process.pid, thread.process.uid, 0, 0))


def _sigwaitinfo(thread: SimThread, signums: Iterable[int], /) -> signal.struct_siginfo:
    return _siginfo(thread, _sigwait(thread, signums))


def _sigtimedwait(
    thread: SimThread, signums: Iterable[int], timeout: float, /
) -> signal.struct_siginfo | None:
    duration = duration_ns(timeout)
    if duration < 0:
        raise ValueError("timeout must be non-negative")
    deadline = thread.scheduler.clock.now + duration
    signum = _take_pending(thread, {int(each) for each in signums}, deadline, "signal.sigtimedwait")
    return None if signum is None else _siginfo(thread, signum)


def _siginterrupt(thread: SimThread, signum: int, flag: bool, /) -> None:
    _check_number(signum)
    if flag:
        thread.state.signals.restarting.discard(signum)
    else:
        thread.state.signals.restarting.add(signum)


def install() -> None:
    for name, inside in (
        ("signal", _set_handler),
        ("getsignal", _get_handler),
        ("raise_signal", _raise_signal),
        ("pthread_kill", _pthread_kill),
        ("alarm", _alarm),
        ("setitimer", _setitimer),
        ("getitimer", _getitimer),
        ("pause", _pause),
        ("set_wakeup_fd", _set_wakeup_fd),
        ("pthread_sigmask", _pthread_sigmask),
        ("sigpending", _sigpending),
        ("sigwait", _sigwait),
        ("sigwaitinfo", _sigwaitinfo),
        ("sigtimedwait", _sigtimedwait),
        ("siginterrupt", _siginterrupt),
    ):
        if dispatch(_signal, name, inside) is not None:
            # Documentation tools find no built-in here, and look where it says it is from.
            getattr(_signal, name).__func__.__module__ = "signal"
