"""Stand-in for the calls of ``os`` that wait for children and tell them apart.

Implemented: ``wait``, ``waitpid``, ``wait3``, ``wait4``, ``waitid`` (ended children), ``pidfd_open``, and
``signal.pidfd_send_signal``. A simulated process uses no processor time, so resource usage is 0.
"""

from __future__ import annotations

import importlib
import os
import posix
import signal
from collections.abc import Callable
from errno import EBADF, EINVAL, ESRCH
from typing import Any, Final

from ..kernel.error import KernelError
from ..kernel.file import O_NONBLOCK
from ..kernel.pidfd import PidFd
from ..kernel.process import Process
from ..runtime.descriptors import given
from ..runtime.errors import os_error
from ..runtime.thread import SimThread
from ..stack.poll_bits import POLLIN
from .patching import dispatch
from .refusal import refuse
from .signal_module import kill_process

_signal: Final = importlib.import_module("_signal")
# Options about children that are stopped or go on, which simulated ones never are.
_ABOUT_STOPPED: Final = os.WUNTRACED | os.WCONTINUED
_WCLONE_KIND: Final = 0xE0000000 | 0x01000000


def _ended(thread: SimThread, take: Callable[[], Process | None], options: int, what: str) -> Process | None:
    process = thread.process
    while True:
        try:
            child = take()
        except KernelError as error:
            raise os_error(error) from None
        if child is not None:
            return child
        if options & os.WNOHANG:
            thread.scheduler.polled(thread)
            return None
        thread.scheduler.wait([(process.exit_queue, POLLIN)], -1, what)


def _which(thread: SimThread, pid: int) -> str:
    """Who is waited for, as reports name it."""
    if pid > 0:
        child = thread.process.children.get(pid)
        return f"pid {pid} ({child.name})" if child is not None else f"pid {pid}"
    names = [f"{child.pid} ({child.name})" for child in thread.process.children.values()]
    return f"any of pid {', '.join(names)}"


def _wait_child(thread: SimThread, pid: int, options: int, call: str) -> tuple[int, int]:
    if options & ~(os.WNOHANG | _ABOUT_STOPPED | _WCLONE_KIND):
        raise OSError(EINVAL, os.strerror(EINVAL))
    process = thread.process
    what = f"{call} for {_which(thread, pid)}"
    child = _ended(thread, lambda: process.kernel.wait(process, pid), options, what)
    return (0, 0) if child is None else (child.pid, child.wait_status())


def _waitpid(thread: SimThread, pid: int, options: int, /) -> tuple[int, int]:
    return _wait_child(thread, pid, options, "os.waitpid")


def _wait(thread: SimThread) -> tuple[int, int]:
    return _wait_child(thread, -1, 0, "os.wait")


def _wait4(thread: SimThread, pid: int, options: int) -> tuple[int, int, Any]:
    import resource

    child, status = _wait_child(thread, pid, options, "os.wait4")
    return child, status, resource.struct_rusage((0.0,) * 2 + (0,) * 14)


def _wait3(thread: SimThread, options: int) -> tuple[int, int, Any]:
    return _wait4(thread, -1, options)


def _waitid(thread: SimThread, idtype: int, id: int, options: int, /) -> os.waitid_result | None:
    if options & ~(os.WNOHANG | os.WNOWAIT | os.WEXITED | os.WSTOPPED | os.WCONTINUED):
        raise OSError(EINVAL, os.strerror(EINVAL))
    if not options & (os.WEXITED | os.WSTOPPED | os.WCONTINUED):
        raise OSError(EINVAL, os.strerror(EINVAL))
    if not options & os.WEXITED:
        refuse("os.waitid without WEXITED", "simulated processes never stop: wait for their end")
    process = thread.process
    if idtype == os.P_PIDFD:
        file = process.fds.get(id) if process.fds.has(id) else None
        if not isinstance(file, PidFd):
            raise OSError(EBADF, os.strerror(EBADF))
        pid = file.process.pid
    elif idtype == os.P_PID and id > 0:
        pid = id
    elif idtype == os.P_PGID and id >= 0:
        pid = -id if id else 0
    elif idtype == os.P_ALL:
        pid = -1
    else:
        raise OSError(EINVAL, os.strerror(EINVAL))
    take = process.kernel.ended_child if options & os.WNOWAIT else process.kernel.wait
    child = _ended(thread, lambda: take(process, pid), options, f"os.waitid for {_which(thread, pid)}")
    if child is None:
        return None
    code = child.exit_code or 0
    how = os.CLD_EXITED if code >= 0 else os.CLD_KILLED
    return os.waitid_result((child.pid, child.uid, signal.SIGCHLD, abs(code), how))


def _pidfd_open(thread: SimThread, pid: int, flags: int = 0) -> int:
    target = thread.process.kernel.processes.get(pid)
    if pid <= 0 or flags & ~O_NONBLOCK:
        raise OSError(EINVAL, os.strerror(EINVAL))
    if target is None:
        raise OSError(ESRCH, os.strerror(ESRCH))
    return open_pidfd(thread, target, flags)


def open_pidfd(thread: SimThread, target: Process, flags: int) -> int:
    """A descriptor of ``target``. Raises OSError."""
    process = thread.process
    try:
        return given(process, process.fds.install(PidFd(process.kernel, target, flags), True, 0))
    except KernelError as error:
        raise os_error(error) from None


def _pidfd_send_signal(
    thread: SimThread, pidfd: int, signalnum: int, siginfo: None = None, flags: int = 0, /
) -> None:
    fds = thread.process.fds
    if siginfo is not None:
        raise TypeError("siginfo must be None")
    file = fds.get(pidfd) if fds.has(pidfd) else None
    if not isinstance(file, PidFd):
        raise OSError(EBADF, os.strerror(EBADF))
    kill_process(thread, file.process.pid, signalnum)


def install() -> None:
    for name, inside in (
        ("wait", _wait),
        ("waitpid", _waitpid),
        ("wait3", _wait3),
        ("wait4", _wait4),
        ("waitid", _waitid),
        ("pidfd_open", _pidfd_open),
    ):
        dispatch(posix, name, inside)
    if dispatch(_signal, "pidfd_send_signal", _pidfd_send_signal) is not None:
        _signal.pidfd_send_signal.__func__.__module__ = "signal"
