"""Stand-in for ``time``: a simulated thread sees its host's clocks and sleeps virtual time.

Implemented: time, monotonic, perf_counter, process_time, thread_time and their _ns forms, sleep,
clock_gettime(_ns); localtime, gmtime, ctime, asctime and strftime when they default to now.
Refused: setting a clock. Passed through: conversions of a given time, clock information.

Processor time is what calls were charged with (see ``Scheduler.read_clock``): computing takes no
virtual time.
"""

from __future__ import annotations

import time
from errno import EINVAL, EPERM, ESRCH
from typing import Any, Final

from ..runtime.thread import SimThread, current_thread
from .durations import duration_ns
from .patching import ModuleReference, bound, dispatch, replace

_real_time: Final = time.time
_real_monotonic: Final = time.monotonic
_real_sleep: Final = time.sleep
_real_localtime: Final = time.localtime
_real_gmtime: Final = time.gmtime

# Clock numbers of Linux (uapi/linux/time.h); those for alarms and the coarse ones read the same here.
_WALL_CLOCKS: Final = (0, 5, 8, 11)
_MONOTONIC_CLOCKS: Final = (1, 4, 6, 7, 9)


# The low bits of the processor-time clock of one thread: CPUCLOCK_PERTHREAD_MASK and CPUCLOCK_SCHED.
_THREAD_CLOCK: Final = 6


def wall_ns(thread: SimThread) -> int:
    """The time of day of the thread's host, ns since 1970."""
    return thread.process.kernel.epoch_ns + thread.scheduler.read_clock(thread)


def present_ns(thread: SimThread) -> int:
    """The same, for what is no reading of the program's."""
    return thread.process.kernel.epoch_ns + thread.scheduler.clock.now


def _time(reference: ModuleReference, /) -> float:
    thread = current_thread()
    if thread is None:
        return _real_time()
    return (thread.process.kernel.epoch_ns + thread.scheduler.read_clock(thread)) / 1e9


def _monotonic(reference: ModuleReference, /) -> float:
    thread = current_thread()
    if thread is None:
        return _real_monotonic()
    return thread.scheduler.read_clock(thread) / 1e9


def _sleep(reference: ModuleReference, seconds: Any, /) -> None:
    thread = current_thread()
    if thread is None:
        _real_sleep(seconds)
        return
    duration = duration_ns(seconds)
    if duration < 0:
        raise ValueError("sleep length must be non-negative")
    thread.scheduler.sleep(duration, f"time.sleep({seconds!r})")


def _clock_ns(thread: SimThread, clock: int) -> int:
    if clock in _WALL_CLOCKS:
        return wall_ns(thread)
    if clock in _MONOTONIC_CLOCKS:
        return thread.scheduler.read_clock(thread)
    if clock in (time.CLOCK_PROCESS_CPUTIME_ID, time.CLOCK_THREAD_CPUTIME_ID) or (
        clock < 0 and clock & 7 == _THREAD_CLOCK
    ):
        return _processor_ns(thread)
    raise OSError(EINVAL, "Invalid argument")


def _processor_ns(thread: SimThread) -> int:
    thread.scheduler.read_clock(thread)
    return thread.state.charged


def _thread_clock(thread: SimThread, ident: int, /) -> int:
    # The real one crashes when given a number that is no thread's of the OS.
    for number, candidate in enumerate(thread.state.threads()):
        if candidate.ident == ident:
            # Linux's MAKE_THREAD_CPUCLOCK.
            return ~(thread.process.pid + number) << 3 | _THREAD_CLOCK
    raise OSError(ESRCH, "No such process")


def _no_setting(thread: SimThread, *args: object) -> None:
    raise PermissionError(EPERM, "Operation not permitted: virtual time is the network's to set")


def _seconds(thread: SimThread) -> int:
    return wall_ns(thread) // 1_000_000_000


def _localtime(thread: SimThread, seconds: float | None = None, /) -> time.struct_time:
    return _real_localtime(_seconds(thread) if seconds is None else seconds)


def _gmtime(thread: SimThread, seconds: float | None = None, /) -> time.struct_time:
    return _real_gmtime(_seconds(thread) if seconds is None else seconds)


def install() -> None:
    real_ctime = time.ctime
    real_asctime = time.asctime
    real_strftime = time.strftime

    def ctime(thread: SimThread, seconds: float | None = None, /) -> str:
        return real_ctime(_seconds(thread) if seconds is None else seconds)

    def asctime(thread: SimThread, moment: Any = None, /) -> str:
        return real_asctime(_localtime(thread) if moment is None else moment)

    def strftime(thread: SimThread, format: str, moment: Any = None, /) -> str:
        return real_strftime(format, _localtime(thread) if moment is None else moment)

    replace(time, "time", bound(time, "time", _time))
    replace(time, "monotonic", bound(time, "monotonic", _monotonic))
    replace(time, "sleep", bound(time, "sleep", _sleep))
    dispatch(time, "time_ns", wall_ns)
    dispatch(time, "monotonic_ns", lambda thread: thread.scheduler.read_clock(thread))
    dispatch(time, "perf_counter", lambda thread: thread.scheduler.read_clock(thread) / 1e9)
    dispatch(time, "perf_counter_ns", lambda thread: thread.scheduler.read_clock(thread))
    for name in ("process_time", "thread_time"):
        dispatch(time, name, lambda thread: _processor_ns(thread) / 1e9)
        dispatch(time, name + "_ns", _processor_ns)
    dispatch(time, "clock_gettime", lambda thread, clock, /: _clock_ns(thread, clock) / 1e9)
    dispatch(time, "clock_gettime_ns", lambda thread, clock, /: _clock_ns(thread, clock))
    for name in ("clock_settime", "clock_settime_ns"):
        dispatch(time, name, _no_setting)
    dispatch(time, "pthread_getcpuclockid", _thread_clock)
    dispatch(time, "tzset", lambda thread: thread.scheduler.interpreter.change_zone())
    dispatch(time, "localtime", _localtime)
    dispatch(time, "gmtime", _gmtime)
    dispatch(time, "ctime", ctime)
    dispatch(time, "asctime", asctime)
    dispatch(time, "strftime", strftime)
