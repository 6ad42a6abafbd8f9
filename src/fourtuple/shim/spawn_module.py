"""Stand-in for the calls that start and replace programs.

Implemented: ``_posixsubprocess.fork_exec`` (which ``subprocess``, ``multiprocessing`` and asyncio stand
on), ``posix_spawn``, ``posix_spawnp``, ``spawnv`` and its kin, ``system``, ``execv``, ``execve`` and what
stands on them, all for Python programs. Refused: ``fork`` and its kin, and every other program.
"""

from __future__ import annotations

import os
import posix
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from errno import EBADF, ENOENT
from typing import Any, Final, NoReturn

from ..kernel.error import KernelError
from ..kernel.process import CAP_SETGID, CAP_SETUID, Process
from ..kernel.wait import WaitQueue
from ..runtime.greenlets import GreenletExit
from ..runtime.launch import execute_program, fork_process, replace_program
from ..runtime.process_state import ProcessState
from ..runtime.thread import SimThread, current_thread
from ..runtime.views import STANDARD_ENVIRONMENT
from ..stack.poll_bits import POLLIN
from .executable import Executable, find_executable, search
from .patching import dispatch, dispatch_method
from .real_files import is_real, open_real, real_file
from .refusal import refuse

_FORK_INSTEAD: Final = (
    "a simulated process cannot be copied in the middle of a call: use multiprocessing.Process, "
    "subprocess with sys.executable, or fork() of fourtuple's Process"
)
_FOREIGN: Final = ("fork", "fork1", "forkpty", "unshare", "setns", "chroot")
_NOT_CALLED: Final = "noexec"
_NO_DIRECTORY: Final = "noexec:chdir" if sys.version_info >= (3, 13) else _NOT_CALLED


_real_init_popen: Final[Any] = subprocess.Popen.__init__
_real_forget_popen: Final[Any] = vars(subprocess.Popen)["__del__"]
_FILE_ACTIONS: Final = (
    os.POSIX_SPAWN_OPEN,
    os.POSIX_SPAWN_CLOSE,
    os.POSIX_SPAWN_DUP2,
    # Since Python 3.13.
    getattr(os, "POSIX_SPAWN_CLOSEFROM", os.POSIX_SPAWN_CLOSE),
)


def current_environ() -> dict[str, str]:
    """The environment that execv(3) hands on."""
    return _decoded(STANDARD_ENVIRONMENT._data.items())


def _decoded(pairs: Iterable[tuple[Any, Any]]) -> dict[str, str]:
    return {os.fsdecode(name): os.fsdecode(value) for name, value in pairs}


def put_descriptor(process: Process, fd: int, target: int) -> None:
    """dup2(2) to a descriptor that exec leaves open. Raises KernelError."""
    if fd == target:
        process.fds.set_cloexec(fd, False)
    else:
        process.fds.dup2(fd, target, False)


def carry_over(child: Process, fd: int) -> int:
    """A descriptor of ``child``, just forked, for ``fd`` of its parent: the same, or if that is of a real
    file, which the parent may close at any time, one of its own. Raises KernelError."""
    if not is_real(fd):
        return fd
    return child.fds.install(real_file(child.kernel, fd), True, 3)


class ChildSetup:
    """What a child does between fork and exec, in the order of CPython's ``child_exec``."""

    def __init__(self, found: Executable | None, error: int, environ: dict[str, str]) -> None:
        self.found = found
        self.error = error
        """The errno of exec, if nothing was found."""
        self.environ = environ
        self.close_fds = False
        self.keep: Sequence[int] = ()
        self.directory: Any = None
        self.close_first: tuple[int, ...] = ()
        self.streams = (-1, -1, -1)
        self.new_session = False
        self.group = -1
        self.gid: int | None = None
        self.groups: list[int] | None = None
        self.uid: int | None = None
        self.umask = -1
        self.preexec: Callable[[], object] | None = None
        self.error_pipe = -1
        self._over = False
        self._queue = WaitQueue("exec of a child")

    def run(self, state: ProcessState) -> None:
        """The child's main thread."""
        process = state.process
        try:
            self._prepare(state, process)
            if self.found is None:
                raise KernelError(self.error)
        except KernelError as error:
            self._fail(state, f"OSError:{error.errno:x}:{self._message}")
        except OSError as error:
            self._fail(state, f"OSError:{error.errno or 0:x}:{self._message}")
        assert self.found is not None
        self._over = True
        self._queue.wake(POLLIN)
        kept = tuple(fd for fd in self.keep if is_real(fd))
        execute_program(state, self.found.program, {**self.environ, **self.found.environ}, kept)

    def wait(self, thread: SimThread, child: Process) -> None:
        """Block the calling ``thread`` until ``child`` has executed its program or ended, as after
        vfork(2)."""
        queues = [(self._queue, POLLIN), (child.exit_queue, POLLIN)]
        while not self._over and child.exit_code is None:
            thread.scheduler.wait(queues, -1, f"exec of pid {child.pid}")

    def _prepare(self, state: ProcessState, process: Process) -> None:
        self._message = _NOT_CALLED
        fds = process.fds
        for fd in self.keep:
            if fd != self.error_pipe and not is_real(fd):
                fds.set_cloexec(fd, False)
        for fd in self.close_first:
            if fd != -1 and not is_real(fd):
                fds.close(fd)
        self._place_streams(process)
        if self.directory is not None:
            self._message = _NO_DIRECTORY
            os.chdir(self.directory)
            self._message = _NOT_CALLED
        if self.umask >= 0:
            process.umask = self.umask
        if self.new_session:
            process.kernel.setsid(process)
        if self.group >= 0:
            process.kernel.setpgid(process, 0, self.group)
        self._set_credentials(process)
        if self.preexec is not None:
            try:
                self.preexec()
            except GreenletExit:
                raise
            except BaseException:
                self._fail(state, "SubprocessError:0:Exception occurred in preexec_fn.")
        if self.close_fds:
            for fd, _ in fds.items():
                if fd > 2 and fd not in self.keep:
                    fds.close(fd)
        self._message = ""

    def _place_streams(self, process: Process) -> None:
        sources = list(self.streams)
        # One that stands where another is to go is moved first.
        for target in (1, 2):
            if 0 <= sources[target] < target:
                sources[target] = process.fds.dup(sources[target], 3, True)
        for target, fd in enumerate(sources):
            if fd != -1:
                put_descriptor(process, fd, target)

    def _set_credentials(self, process: Process) -> None:
        if self.groups is not None:
            os.setgroups(self.groups)
        if self.gid is not None:
            if self.gid != process.gid and not process.capable(CAP_SETGID):
                raise KernelError(1)
            process.set_gids(self.gid, self.gid, self.gid)
        if self.uid is not None:
            if self.uid != process.uid and not process.capable(CAP_SETUID):
                raise KernelError(1)
            process.set_uids(self.uid, self.uid, self.uid)

    def _fail(self, state: ProcessState, message: str) -> NoReturn:
        if self.error_pipe >= 0:
            state.process.fds.get(self.error_pipe).write(message.encode())
        state.terminate(255 if self.error_pipe >= 0 else 127)
        raise GreenletExit


def _found(candidates: Sequence[str], argv: Sequence[str], directory: str) -> tuple[Executable | None, int]:
    try:
        return find_executable(candidates, argv, directory), 0
    except KernelError as error:
        return None, error.errno


def _fork_exec(
    thread: SimThread,
    args: Sequence[Any],
    executables: Sequence[Any],
    close_fds: bool,
    pass_fds: Sequence[int],
    cwd: Any,
    env: Sequence[bytes] | None,
    p2cread: int,
    p2cwrite: int,
    c2pread: int,
    c2pwrite: int,
    errread: int,
    errwrite: int,
    errpipe_read: int,
    errpipe_write: int,
    restore_signals: bool,
    call_setsid: bool,
    pgid_to_set: int,
    gid: Any,
    groups: Any,
    uid: Any,
    umask: int,
    preexec_fn: Callable[[], object] | None,
    *allow_vfork: bool,
) -> int:
    if close_fds and errpipe_write < 3:
        raise ValueError("errpipe_write must be >= 3")
    for fd in pass_fds:
        if not is_real(fd) and not thread.process.fds.has(fd):
            raise OSError(EBADF, os.strerror(EBADF))
    argv = [os.fsdecode(word) for word in args]
    directory = os.getcwd() if cwd is None else os.path.join(os.getcwd(), os.fsdecode(cwd))
    found, error = _found([os.fsdecode(each) for each in executables], argv, directory)
    if env is None:
        environ = current_environ()
    else:
        environ = _decoded(entry.partition(b"=")[::2] for entry in env)
    setup = ChildSetup(found, error, environ)
    setup.close_fds = close_fds
    setup.keep = pass_fds
    setup.directory = cwd
    setup.close_first = (p2cwrite, c2pread, errread, errpipe_read)
    setup.streams = (p2cread, c2pwrite, errwrite)
    setup.new_session = bool(call_setsid)
    setup.group = pgid_to_set
    setup.gid, setup.uid, setup.umask = gid, uid, umask
    setup.groups = None if groups is None else list(groups)
    setup.preexec = preexec_fn
    setup.error_pipe = errpipe_write
    child = fork_process(thread, setup.run, False)
    p2cread, c2pwrite, errwrite = setup.streams
    setup.streams = carry_over(child, p2cread), carry_over(child, c2pwrite), carry_over(child, errwrite)
    if preexec_fn is None:
        setup.wait(thread, child)
    return child.pid


# posix_spawn and what stands on it


def _spawn(
    thread: SimThread,
    path: Any,
    argv: Sequence[Any],
    env: Mapping[Any, Any],
    by_path: bool,
    /,
    *,
    file_actions: Iterable[Sequence[Any]] | None = None,
    setpgroup: int = -1,
    resetids: bool = False,
    setsid: bool = False,
    setsigmask: Iterable[int] = (),
    setsigdef: Iterable[int] = (),
    scheduler: Any = None,
) -> int:
    if scheduler is not None:
        refuse("posix_spawn with scheduler", "leave it out: simulated processes take no processor time")
    environ = current_environ() if env is None else _decoded(env.items())
    name = os.fsdecode(path)
    candidates = search(name, dict(os.environ)) if by_path else [name]
    words = [os.fsdecode(word) for word in argv]
    if not words:
        raise ValueError("posix_spawn: argv must not be empty")
    found, error = _found(candidates, words, os.getcwd())
    if found is None:
        raise OSError(error, os.strerror(error), path)
    setup = ChildSetup(found, 0, environ)
    setup.new_session = setsid
    setup.group = setpgroup
    actions = [tuple(action) for action in file_actions or ()]
    if any(action[0] not in _FILE_ACTIONS for action in actions):
        raise TypeError("Unknown file_actions identifier")
    mask, defaults = {int(each) for each in setsigmask}, [int(each) for each in setsigdef]

    def before_exec() -> None:
        state = thread_state[0]
        if mask:
            state.signals.blocked = mask
        for signum in defaults:
            state.signals.handlers.pop(signum, None)
        for action in actions:
            _file_action(state.process, action)

    thread_state: list[ProcessState] = []

    def body(state: ProcessState) -> None:
        thread_state.append(state)
        setup.run(state)

    setup.preexec = before_exec
    child = fork_process(thread, body, False)
    for number, action in enumerate(actions):
        if action[0] == os.POSIX_SPAWN_DUP2:
            actions[number] = (action[0], carry_over(child, action[1]), action[2])
    setup.wait(thread, child)
    return child.pid


def _file_action(process: Process, action: tuple[Any, ...]) -> None:
    kind, *values = action
    if kind == os.POSIX_SPAWN_OPEN:
        fd, path, flags, mode = values
        process.fds.put(real_file(process.kernel, open_real(path, flags, mode), True), fd, False)
    elif kind == os.POSIX_SPAWN_CLOSE:
        if process.fds.has(values[0]):
            process.fds.close(values[0])
    elif kind == os.POSIX_SPAWN_DUP2:
        put_descriptor(process, values[0], values[1])
    else:
        for other, _ in process.fds.items():
            if other >= values[0]:
                process.fds.close(other)


def _posix_spawn(thread: SimThread, path: Any, argv: Any, env: Any, /, **options: Any) -> int:
    return _spawn(thread, path, argv, env, False, **options)


def _posix_spawnp(thread: SimThread, path: Any, argv: Any, env: Any, /, **options: Any) -> int:
    return _spawn(thread, path, argv, env, True, **options)


def _spawnvef(thread: SimThread, mode: int, file: Any, args: Any, env: Any, func: Any) -> int:
    """What ``os.spawnv``, ``spawnvpe`` … share."""
    by_path = getattr(func, "__name__", "") in ("execvp", "execvpe")
    try:
        pid = _spawn(thread, file, list(args), env, by_path)
    except OSError as error:
        if error.errno != ENOENT or mode == os.P_NOWAIT:
            raise
        return 127
    if mode == os.P_NOWAIT:
        return pid
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _system(thread: SimThread, command: Any) -> int:
    signals = thread.state.signals
    former: dict[int, Any] = {signum: signals.handler(signum) for signum in (signal.SIGINT, signal.SIGQUIT)}
    pid = _spawn(thread, "/bin/sh", ["sh", "-c", os.fsdecode(command)], current_environ(), False)
    # As system(3): the program that waits takes no notice of what ends the command.
    signals.handlers.update(dict.fromkeys(former, signal.SIG_IGN))
    try:
        return os.waitpid(pid, 0)[1]
    finally:
        signals.handlers.update(former)


# exec


def _execve(thread: SimThread, path: Any, argv: Sequence[Any], env: Mapping[Any, Any]) -> NoReturn:
    if isinstance(path, int):
        refuse("os.execve of a descriptor", "give the path")
    words = [os.fsdecode(word) for word in argv]
    if not words or not words[0]:
        raise ValueError("execve: argv must not be empty")
    try:
        found = find_executable([os.fsdecode(path)], words, os.getcwd())
    except KernelError as error:
        raise OSError(error.errno, os.strerror(error.errno), path) from None
    environ = current_environ() if env is None else _decoded(env.items())
    replace_program(thread, found.program, {**environ, **found.environ})


def _execv(thread: SimThread, path: Any, argv: Sequence[Any], /) -> NoReturn:
    _execve(thread, path, argv, STANDARD_ENVIRONMENT)


def _refused(name: str, instead: str) -> Callable[..., NoReturn]:
    def inside(thread: SimThread, *args: object, **kwargs: object) -> NoReturn:
        refuse(f"os.{name}", instead)

    return inside


def _init_popen(thread: SimThread, popen: Any, *args: Any, **kwargs: Any) -> None:
    vars(popen)["_simulated"] = thread.process
    _real_init_popen(popen, *args, **kwargs)


def _forget_popen(popen: Any, *args: Any, **kwargs: Any) -> None:
    """``__del__`` may be called anywhere; it is a matter of the process that made the object."""
    process = vars(popen).get("_simulated")
    thread = current_thread()
    if process is None or (thread is not None and thread.process is process):
        _real_forget_popen(popen, *args, **kwargs)


def install() -> None:
    import _posixsubprocess

    dispatch_method(subprocess.Popen, "__init__", _init_popen)
    popen: Any = subprocess.Popen
    popen.__del__ = _forget_popen
    dispatch(_posixsubprocess, "fork_exec", _fork_exec)
    dispatch(posix, "posix_spawn", _posix_spawn)
    dispatch(posix, "posix_spawnp", _posix_spawnp)
    dispatch(os, "_spawnvef", _spawnvef)
    dispatch(posix, "system", _system)
    dispatch(posix, "execv", _execv)
    dispatch(posix, "execve", _execve)
    for name in _FOREIGN:
        instead = _FORK_INSTEAD if "fork" in name else "every simulated process sees the same files"
        dispatch(posix, name, _refused(name, instead))
