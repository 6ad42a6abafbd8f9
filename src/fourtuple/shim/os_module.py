"""Stand-in for what ``os`` says and does about the process itself.

Implemented per simulated process: ids, process groups and sessions, ``kill``, ``_exit``,
``abort``, ``chdir``, ``environ`` (swapped by the runtime; ``putenv`` alone changes nothing), ``umask``,
``uname``, ``times``, ``sched_yield``. A process spawned by the network leads a group and session of its
own. The file system is the real one.
"""

from __future__ import annotations

import os
import posix
import signal
from collections.abc import Callable
from errno import EINVAL, ENOTDIR, ESRCH
from typing import Any, Final, NoReturn

from ..kernel.error import KernelError
from ..kernel.process import INIT, Process
from ..runtime.errors import os_error
from ..runtime.greenlets import GreenletExit
from ..runtime.thread import SimThread
from . import credentials_module
from .patching import dispatch
from .real_files import bad_descriptor, is_real
from .signal_module import kill_process

CPUS: Final = 4
"""Processors of every host, whatever the machine has: thread pools are sized by it."""
RELEASE: Final = "6.18.0"
"""The Linux whose rules a host follows."""

_PROCESSORS: Final = (
    "SC_NPROCESSORS_ONLN",
    "SC_NPROCESSORS_CONF",
    os.sysconf_names["SC_NPROCESSORS_ONLN"],
    os.sysconf_names["SC_NPROCESSORS_CONF"],
)

_real_sysconf: Final[Callable[[Any], int]] = os.sysconf
_real_uname: Final = os.uname
_real_fchdir: Final = os.fchdir
_real_readlink: Final = os.readlink


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def _process(thread: SimThread, pid: int) -> Process:
    """The process ``pid``, 0 for the caller's own. Raises ESRCH."""
    if pid == 0:
        return thread.process
    found = thread.process.kernel.processes.get(pid)
    if found is None:
        raise _error(ESRCH)
    return found


# Ids


def _getpgid(thread: SimThread, pid: int) -> int:
    return _process(thread, pid).pgid


def _getsid(thread: SimThread, pid: int, /) -> int:
    return _process(thread, pid).sid


def _setpgid(thread: SimThread, pid: int, group: int, /) -> None:
    process = thread.process
    try:
        process.kernel.setpgid(process, pid, group)
    except KernelError as error:
        raise os_error(error) from None


def _setpgrp(thread: SimThread) -> None:
    _setpgid(thread, 0, 0)


def _setsid(thread: SimThread) -> int:
    try:
        return thread.process.kernel.setsid(thread.process)
    except KernelError as error:
        raise os_error(error) from None


# Signals and the end


def _kill(thread: SimThread, pid: int, signum: int, /) -> None:
    process = thread.process
    if pid > 0:
        kill_process(thread, pid, signum)
    elif pid == -1:
        # As Linux: everybody but pid 1 and oneself.
        others = [pid for pid in process.kernel.processes if pid not in (INIT, process.pid)]
        _kill_each(thread, others, signum)
    else:
        _killpg(thread, -pid, signum)


def _killpg(thread: SimThread, group: int, signum: int, /) -> None:
    process = thread.process
    members = [member.pid for member in process.kernel.group(group or process.pgid)]
    if process.pid in members:
        # Oneself last: nothing can be done once dead.
        members.remove(process.pid)
        members.append(process.pid)
    _kill_each(thread, members, signum)


def _kill_each(thread: SimThread, pids: list[int], signum: int) -> None:
    """Raises ESRCH if there is nobody, EPERM if the signal may be sent to none."""
    refused: OSError | None = None if pids else _error(ESRCH)
    sent = False
    for pid in pids:
        try:
            kill_process(thread, pid, signum)
            sent = True
        except PermissionError as error:
            refused = error
    if refused is not None and not sent:
        raise refused


def _exit(thread: SimThread, status: int) -> NoReturn:
    thread.state.terminate(status & 255)
    raise GreenletExit


def _abort(thread: SimThread) -> NoReturn:
    thread.state.terminate(-signal.SIGABRT)
    raise GreenletExit


# The rest


def _chdir(thread: SimThread, path: Any) -> None:
    if isinstance(path, int):
        _fchdir(thread, path)
        return
    thread.scheduler.interpreter.change_directory(path)
    thread.process.cwd = os.getcwd()


def _fchdir(thread: SimThread, fd: int) -> None:
    if not is_real(fd):
        raise _error(ENOTDIR) if thread.process.fds.has(fd) else bad_descriptor()
    _chdir(thread, _real_readlink(f"/proc/self/fd/{fd}"))


def _umask(thread: SimThread, mask: int, /) -> int:
    former = thread.process.umask
    thread.process.umask = mask & 0o777
    return former


def _uname(thread: SimThread) -> os.uname_result:
    name = thread.process.kernel.hostname
    return os.uname_result(("Linux", name, RELEASE, "#1 SMP", _real_uname().machine))


def _sysconf(thread: SimThread, name: Any, /) -> int:
    if name in _PROCESSORS:
        return CPUS
    return _real_sysconf(name)


def _times(thread: SimThread) -> os.times_result:
    spent = thread.state.charged / 1e9
    return os.times_result((spent, 0.0, 0.0, 0.0, thread.scheduler.clock.now / 1e9))


def _ordinary(answer: Callable[[], Any]) -> Callable[..., Any]:
    """What a process that nobody set otherwise is told of its scheduling. Raises ESRCH."""

    def inside(thread: SimThread, pid: int, /) -> Any:
        _process(thread, pid)
        return answer()

    return inside


def _getpriority(thread: SimThread, which: int, who: int) -> int:
    if which == os.PRIO_PROCESS:
        _process(thread, who)
    elif which not in (os.PRIO_PGRP, os.PRIO_USER):
        raise _error(EINVAL)
    return 0


def _no_environment_call(thread: SimThread, *args: object) -> None:
    """os.environ calls it; the dict it keeps is all there is to the environment of a process."""


def install() -> None:
    credentials_module.install()
    for name, read in (
        ("getpid", lambda thread: thread.process.pid),
        ("getppid", lambda thread: thread.process.ppid),
        ("getpgrp", lambda thread: thread.process.pgid),
        ("getlogin", lambda thread: "root" if thread.process.uid == 0 else str(thread.process.uid)),
        ("getpgid", _getpgid),
        ("getsid", _getsid),
        ("setpgid", _setpgid),
        ("setpgrp", _setpgrp),
        ("setsid", _setsid),
        ("kill", _kill),
        ("killpg", _killpg),
        ("_exit", _exit),
        ("abort", _abort),
        ("chdir", _chdir),
        ("fchdir", _fchdir),
        ("umask", _umask),
        ("uname", _uname),
        ("times", _times),
        ("putenv", _no_environment_call),
        ("unsetenv", _no_environment_call),
        ("cpu_count", lambda thread: CPUS),
        ("sched_getaffinity", lambda thread, pid: set(range(CPUS))),
        ("getloadavg", lambda thread: (0.0, 0.0, 0.0)),
        ("sysconf", _sysconf),
        ("getpriority", _getpriority),
        ("sched_getscheduler", _ordinary(lambda: os.SCHED_OTHER)),
        ("sched_getparam", _ordinary(lambda: os.sched_param(0))),
        ("sched_rr_get_interval", _ordinary(lambda: 0.004)),
        # What is written is in the machine's memory for all who read it.
        ("sync", lambda thread: None),
        ("sched_yield", lambda thread: thread.scheduler.yield_now()),
    ):
        dispatch(posix, name, read)
