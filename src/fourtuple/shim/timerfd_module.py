"""Stand-in for ``os.timerfd_create`` and its kin (Python 3.13): timers of the virtual clock as descriptors.

Implemented: all five. Times are seconds as floats, or ns as ints where the name ends so.
"""

from __future__ import annotations

import math
import os
import posix
from errno import EINVAL
from typing import Any

from ..kernel.error import KernelError
from ..kernel.timerfd import TimerFd
from ..runtime.descriptors import given
from ..runtime.errors import os_error
from ..runtime.thread import SimThread
from .descriptor_module import on_descriptor
from .patching import dispatch

_SECOND = 1_000_000_000


def _create(thread: SimThread, clockid: int, /, *, flags: int = os.O_CLOEXEC) -> int:
    process = thread.process
    try:
        file = process.kernel.timerfd(clockid, flags & ~os.O_CLOEXEC)
        return given(process, process.fds.install(file, flags & os.O_CLOEXEC != 0, 0))
    except KernelError as error:
        raise os_error(error) from None


def _timer(thread: SimThread, fd: int) -> TimerFd:
    file = thread.process.fds.get(fd)
    if not isinstance(file, TimerFd):
        raise KernelError(EINVAL)
    return file


def _settime_ns(
    thread: SimThread, fd: int, /, *, flags: int = 0, initial: int = 0, interval: int = 0
) -> tuple[int, int]:
    return _timer(thread, fd).set(flags, initial, interval)


def _settime(
    thread: SimThread, fd: int, /, *, flags: int = 0, initial: float = 0.0, interval: float = 0.0
) -> tuple[float, float]:
    # CPython rounds down as well.
    first, every = math.floor(initial * _SECOND), math.floor(interval * _SECOND)
    return _seconds(_timer(thread, fd).set(flags, first, every))


def _gettime_ns(thread: SimThread, fd: int, /) -> tuple[int, int]:
    return _timer(thread, fd).get()


def _gettime(thread: SimThread, fd: int, /) -> tuple[float, float]:
    return _seconds(_timer(thread, fd).get())


def _seconds(times: tuple[int, int]) -> tuple[float, float]:
    return times[0] / _SECOND, times[1] / _SECOND


def install() -> None:
    dispatch(posix, "timerfd_create", _create)
    calls: dict[str, Any] = {
        "timerfd_settime": _settime,
        "timerfd_settime_ns": _settime_ns,
        "timerfd_gettime": _gettime,
        "timerfd_gettime_ns": _gettime_ns,
    }
    for name, call in calls.items():
        if hasattr(posix, name):
            on_descriptor(name, call)
