"""Stand-in for what ``os`` says and does about the process itself.

Implemented per simulated process: ids, credentials, ``kill``, ``_exit``, ``abort``, ``wait`` and
``waitpid``, ``chdir``, ``environ`` (swapped by the runtime; ``putenv`` alone changes nothing),
``umask``, ``uname``, ``times``, ``sched_yield``. Every process leads a process group and session of its
own. Refused: fork, exec, spawn, ``system`` and whatever else would start a foreign command.
The file system is the real one.
"""

from __future__ import annotations

import os
import posix
import signal
from collections.abc import Callable
from errno import ECHILD, ENOTDIR, EPERM, ESRCH
from typing import Any, Final, NoReturn

from ..kernel.error import KernelError
from ..kernel.process import CAP_SETGID, CAP_SETUID, Process
from ..runtime.errors import os_error
from ..runtime.greenlets import GreenletExit
from ..runtime.thread import SimThread
from ..stack.poll_bits import POLLIN
from .patching import dispatch
from .real_files import bad_descriptor, is_real
from .refusal import refuse
from .signal_module import kill_process

_INSTEAD: Final = "start another process with host.spawn() or `fourtuple python`"
_REFUSED: Final = (
    "fork",
    "fork1",
    "forkpty",
    "execv",
    "execve",
    "posix_spawn",
    "posix_spawnp",
    "system",
    "pidfd_open",
    "unshare",
    "setns",
    "chroot",
)

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
    return _process(thread, pid).pid


def _setpgid(thread: SimThread, pid: int, group: int, /) -> None:
    if group not in (0, _process(thread, pid).pid):
        raise _error(EPERM)


def _setpgrp(thread: SimThread) -> None:
    """Already the leader of its own."""


def _setsid(thread: SimThread) -> NoReturn:
    # As the kernel says to a process that leads its group.
    raise _error(EPERM)


def _set_uid(thread: SimThread, uid: int, /) -> None:
    process = thread.process
    if uid != process.uid and not process.capable(CAP_SETUID):
        raise _error(EPERM)
    process.set_credentials(uid, process.gid)


def _set_gid(thread: SimThread, gid: int, /) -> None:
    process = thread.process
    if gid != process.gid and not process.capable(CAP_SETGID):
        raise _error(EPERM)
    process.gid = gid


def _three(read: Callable[[SimThread], int]) -> Callable[[SimThread], tuple[int, int, int]]:
    def inside(thread: SimThread) -> tuple[int, int, int]:
        value = read(thread)
        return value, value, value

    return inside


def _set_groups(thread: SimThread, groups: Any, /) -> None:
    if not thread.process.capable(CAP_SETGID):
        raise _error(EPERM)
    if list(groups) not in ([], [thread.process.gid]):
        refuse("more than one group", "use os.setgid")


# Signals and the end


def _kill(thread: SimThread, pid: int, signum: int, /) -> None:
    if pid == 0 or pid == -thread.process.pid:
        pid = thread.process.pid
    elif pid == -1:
        _kill_all(thread, signum)
        return
    kill_process(thread, abs(pid), signum)


def _killpg(thread: SimThread, group: int, signum: int, /) -> None:
    kill_process(thread, group or thread.process.pid, signum)


def _kill_all(thread: SimThread, signum: int) -> None:
    # As Linux: everybody but pid 1 and oneself.
    others = [pid for pid in thread.process.kernel.processes if pid not in (1, thread.process.pid)]
    if not others:
        raise _error(ESRCH)
    for pid in others:
        kill_process(thread, pid, signum)


def _exit(thread: SimThread, status: int) -> NoReturn:
    thread.state.terminate(status & 255)
    raise GreenletExit


def _abort(thread: SimThread) -> NoReturn:
    thread.state.terminate(-signal.SIGABRT)
    raise GreenletExit


# Children


def _wait_child(thread: SimThread, pid: int, options: int) -> tuple[int, int]:
    process = thread.process
    if pid < -1:
        pid = -pid
    elif pid == 0:
        # Children lead groups of their own.
        raise ChildProcessError(ECHILD, os.strerror(ECHILD))
    while True:
        try:
            child = process.kernel.wait(process, pid)
        except KernelError as error:
            raise os_error(error) from None
        if child is not None:
            return child.pid, child.wait_status()
        if options & os.WNOHANG:
            thread.scheduler.polled(thread)
            return 0, 0
        thread.scheduler.wait([(process.exit_queue, POLLIN)], -1, "os.waitpid")


def _waitpid(thread: SimThread, pid: int, options: int, /) -> tuple[int, int]:
    return _wait_child(thread, pid, options)


def _wait(thread: SimThread) -> tuple[int, int]:
    return _wait_child(thread, -1, 0)


def _wait4(thread: SimThread, pid: int, options: int) -> tuple[int, int, Any]:
    import resource

    child, status = _wait_child(thread, pid, options)
    return child, status, resource.struct_rusage((0.0,) * 2 + (0,) * 14)


def _wait3(thread: SimThread, options: int) -> tuple[int, int, Any]:
    return _wait4(thread, -1, options)


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
    real = _real_uname()
    name = thread.process.kernel.hostname
    return os.uname_result((real.sysname, name, real.release, real.version, real.machine))


def _times(thread: SimThread) -> os.times_result:
    spent = thread.state.charged / 1e9
    return os.times_result((spent, 0.0, 0.0, 0.0, thread.scheduler.clock.now / 1e9))


def _no_environment_call(thread: SimThread, *args: object) -> None:
    """os.environ calls it; the dict it keeps is all there is to the environment of a process."""


def _refused(name: str) -> Callable[..., NoReturn]:
    def inside(thread: SimThread, *args: object, **kwargs: object) -> NoReturn:
        refuse(f"os.{name}", _INSTEAD)

    return inside


def _waitid(thread: SimThread, *args: object) -> NoReturn:
    refuse("os.waitid", "use os.waitpid")


def install() -> None:
    for name, read in (
        ("getpid", lambda thread: thread.process.pid),
        ("getppid", lambda thread: thread.process.ppid),
        ("getpgrp", lambda thread: thread.process.pid),
        ("getuid", lambda thread: thread.process.uid),
        ("geteuid", lambda thread: thread.process.uid),
        ("getgid", lambda thread: thread.process.gid),
        ("getegid", lambda thread: thread.process.gid),
        ("getgroups", lambda thread: [thread.process.gid]),
        ("getresuid", _three(lambda thread: thread.process.uid)),
        ("getresgid", _three(lambda thread: thread.process.gid)),
        ("getlogin", lambda thread: "root" if thread.process.uid == 0 else str(thread.process.uid)),
        ("getpgid", _getpgid),
        ("getsid", _getpgid),
        ("setpgid", _setpgid),
        ("setpgrp", _setpgrp),
        ("setsid", _setsid),
        ("setuid", _set_uid),
        ("seteuid", _set_uid),
        ("setgid", _set_gid),
        ("setegid", _set_gid),
        ("setgroups", _set_groups),
        ("kill", _kill),
        ("killpg", _killpg),
        ("_exit", _exit),
        ("abort", _abort),
        ("wait", _wait),
        ("waitpid", _waitpid),
        ("wait3", _wait3),
        ("wait4", _wait4),
        ("waitid", _waitid),
        ("chdir", _chdir),
        ("fchdir", _fchdir),
        ("umask", _umask),
        ("uname", _uname),
        ("times", _times),
        ("putenv", _no_environment_call),
        ("unsetenv", _no_environment_call),
        ("sched_yield", lambda thread: thread.scheduler.yield_now()),
    ):
        dispatch(posix, name, read)
    for name in _REFUSED:
        dispatch(posix, name, _refused(name))
    _install_subprocess()


def _install_subprocess() -> None:
    """``subprocess`` and ``multiprocessing`` start foreign commands through one function of C."""
    import _posixsubprocess

    def fork_exec(thread: SimThread, args: Any, *rest: object) -> NoReturn:
        command = os.fsdecode(args[0]) if args else "a command"
        refuse(f"starting {command!r}", _INSTEAD)

    dispatch(_posixsubprocess, "fork_exec", fork_exec)
