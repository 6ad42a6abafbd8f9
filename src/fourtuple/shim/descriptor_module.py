"""Stand-in for the calls of ``os`` on descriptors.

A number below ``REAL_BASE`` is a descriptor of the simulated process: close, read, write, pipes, dup and
the like act on that. Real files, which have larger numbers (see real_files), pass through; ``fstat`` and
``isatty``, which change nothing, do so for any real descriptor the process has no own number for.
"""

from __future__ import annotations

import os
import posix
import signal
import sys
from collections.abc import Callable, Sequence
from errno import EAGAIN, EBADF, EINVAL, ENOTTY, EPIPE, ESPIPE
from typing import Any, Final, TypeVar

from ..kernel.error import KernelError
from ..kernel.eventfd import EventFd
from ..kernel.file import O_ACCMODE, O_NONBLOCK, File
from ..kernel.pipe import make_pipe
from ..runtime.blocking import read_file, write_file
from ..runtime.descriptors import given, real_descriptors
from ..runtime.errors import os_error
from ..runtime.signals import send_signal
from ..runtime.thread import SimThread
from .file_times import note_opened
from .foreign_numbers import dispatch_number
from .host_files import RandomDevice, open_own
from .lingering_close import close_descriptor, close_range, linger, replaced
from .patching import dispatch
from .real_files import RealFile, bad_descriptor, is_real, lift, open_real, real_file
from .refusal import refuse
from .signal_module import after_sending

R = TypeVar("R")

NULL_PATHS: Final = (os.devnull, os.fsencode(os.devnull))
RANDOM_PATHS: Final = ("/dev/urandom", "/dev/random", b"/dev/urandom", b"/dev/random")
_SENDFILE_CHUNK: Final = 1 << 16

_real_close: Final = os.close
_real_pread: Final = os.pread
_real_lseek: Final = os.lseek


def _file(thread: SimThread, fd: int) -> File:
    """The simulated file of ``fd``. Raises OSError EBADF."""
    try:
        return thread.process.fds.get(fd)
    except KernelError as error:
        raise os_error(error) from None


# A C int holds no more; beyond, the real function says so.
_NUMBERS: Final = 1 << 31


def _may_be_outer(thread: SimThread, fd: int) -> bool:
    """A program has nothing from outside; a function may have, by a number its process never had."""
    state = thread.state
    return (
        fd > 2
        and not state.process.fds.had(fd)
        and sys.modules.get("__main__") is state.scheduler.interpreter.outer.main
    )


def on_descriptor(name: str, simulated: Callable[..., R], queries: bool = False) -> None:
    """Replace ``os.name``, whose first argument is a descriptor.

    ``simulated(thread, fd, …)`` is called for those of the process, the real function for real files;
    with ``queries`` also for those of files that a function brought along from outside.
    """
    real: Any = getattr(posix, name, None)

    def inside(thread: SimThread, fd: Any, /, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(fd, int) or not -_NUMBERS <= fd < _NUMBERS:
            return real(fd, *args, **kwargs)
        if is_real(fd) or (queries and _may_be_outer(thread, fd)):
            return real(fd, *args, **kwargs)
        try:
            return simulated(thread, fd, *args, **kwargs)
        except KernelError as error:
            if thread.dying:
                thread.scheduler.refuse(thread)
            raise os_error(error) from None

    dispatch_number(posix, name, inside)


# Reading and writing


def read(thread: SimThread, fd: int, count: int, /) -> bytes:
    """read(2), blocking in virtual time. Raises KernelError."""
    if count < 0:
        raise KernelError(EINVAL)
    try:
        return read_file(thread, thread.process.fds.get(fd), count, f"os.read on fd {fd}")
    except KernelError as error:
        if error.errno == EAGAIN:
            thread.scheduler.polled(thread)
        raise


def write(thread: SimThread, fd: int, data: Any, /) -> int:
    """write(2), blocking in virtual time. EPIPE also sends SIGPIPE. Raises KernelError."""
    try:
        return write_file(thread, thread.process.fds.get(fd), bytes(data), f"os.write on fd {fd}")
    except KernelError as error:
        if error.errno == EAGAIN:
            thread.scheduler.polled(thread)
        elif error.errno == EPIPE:
            send_signal(thread.state, signal.SIGPIPE)
            after_sending(thread)
        raise


def _readv(thread: SimThread, fd: int, buffers: Sequence[Any], /) -> int:
    views = [memoryview(buffer).cast("B") for buffer in buffers]
    data = read(thread, fd, sum(len(view) for view in views))
    position = 0
    for view in views:
        part = data[position : position + len(view)]
        view[: len(part)] = part
        position += len(part)
    return len(data)


def _writev(thread: SimThread, fd: int, buffers: Sequence[Any], /) -> int:
    return write(thread, fd, b"".join(bytes(buffer) for buffer in buffers))


def _lseek(thread: SimThread, fd: int, position: int, whence: int, /) -> int:
    return thread.process.fds.get(fd).seek(position, whence)


def _sendfile(thread: SimThread, out_fd: int, in_fd: int, offset: int | None, count: int) -> int:
    """sendfile(2) from a real file, or any simulated one, to a simulated file."""
    target = thread.process.fds.get(out_fd)
    if not is_real(in_fd):
        if thread.process.fds.has(in_fd):
            # As Linux: only a file with pages can be sent, and only such have places.
            raise KernelError(EINVAL if offset is None else ESPIPE)
        raise KernelError(EBADF)
    position = _real_lseek(in_fd, 0, os.SEEK_CUR) if offset is None else offset
    data = _real_pread(in_fd, min(count, _SENDFILE_CHUNK), position)
    if not data:
        return 0
    sent = write_file(thread, target, data, f"os.sendfile on fd {out_fd}")
    if offset is None:
        _real_lseek(in_fd, position + sent, os.SEEK_SET)
    return sent


# Descriptors


def _close(thread: SimThread, fd: Any) -> None:
    process = thread.process
    if not isinstance(fd, int):
        _real_close(fd)
    elif not is_real(fd):
        try:
            close_descriptor(process, fd)
        except KernelError as error:
            raise os_error(error) from None
    elif real_descriptors.has(process, fd):
        real_descriptors.close(process, fd)
    else:
        raise bad_descriptor()


def _closerange(thread: SimThread, low: int, high: int, /) -> None:
    if low < high:
        process = thread.process
        close_range(process, max(low, 0), high - 1)
        for fd in real_descriptors.of(process):
            if low <= fd < high:
                real_descriptors.close(process, fd)


def _dup(thread: SimThread, fd: int, /) -> int:
    return given(thread.process, thread.process.fds.dup(fd, 0, True))


def _dup2(thread: SimThread, fd: int, fd2: int, inheritable: bool = True) -> int:
    fds = thread.process.fds
    lost = None if fd == fd2 else replaced(thread.process, fd2)
    try:
        if is_real(fd):
            fds.put(real_file(thread.process.kernel, fd), fd2, not inheritable)
        else:
            fds.dup2(fd, fd2, not inheritable)
    except KernelError as error:
        if lost is not None:
            lost.drop()
        raise os_error(error) from None
    if lost is not None:
        linger(lost, f"dup2 to fd {fd2}, which lingers")
    return fd2


def _pipe2(thread: SimThread, flags: int, /) -> tuple[int, int]:
    process = thread.process
    try:
        reader, writer = make_pipe(process.kernel, flags & ~os.O_CLOEXEC)
        cloexec = flags & os.O_CLOEXEC != 0
        first = given(process, process.fds.install(reader, cloexec, 0))
        try:
            return first, given(process, process.fds.install(writer, cloexec, 0))
        except KernelError:
            process.fds.close(first)
            raise
    except KernelError as error:
        raise os_error(error) from None


def _pipe(thread: SimThread) -> tuple[int, int]:
    return _pipe2(thread, os.O_CLOEXEC)


def _eventfd(thread: SimThread, initval: int, flags: int = getattr(os, "EFD_CLOEXEC", 0)) -> int:
    process = thread.process
    try:
        file = EventFd(process.kernel, initval, flags & ~os.O_CLOEXEC)
        return given(process, process.fds.install(file, flags & os.O_CLOEXEC != 0, 0))
    except KernelError as error:
        raise os_error(error) from None


def _eventfd_read(thread: SimThread, fd: int, /) -> int:
    return int.from_bytes(read(thread, fd, 8), "little")


def _eventfd_write(thread: SimThread, fd: int, value: int, /) -> None:
    write(thread, fd, value.to_bytes(8, "little"))


def _get_blocking(thread: SimThread, fd: int, /) -> bool:
    return not thread.process.fds.get(fd).nonblocking()


def _set_blocking(thread: SimThread, fd: int, blocking: bool, /) -> None:
    thread.process.fds.get(fd).set_nonblocking(not blocking)


def _get_inheritable(thread: SimThread, fd: int, /) -> bool:
    return not thread.process.fds.cloexec(fd)


def _set_inheritable(thread: SimThread, fd: int, inheritable: int, /) -> None:
    thread.process.fds.set_cloexec(fd, not inheritable)


# Questions


def _fstat(thread: SimThread, fd: int) -> os.stat_result:
    process = thread.process
    file = process.fds.get(fd)
    now = (process.kernel.epoch_ns + process.started) // 1_000_000_000
    return os.stat_result((file.mode(), file.stat_ino(), 0, 1, process.uid, process.gid, 0, now, now, now))


def _isatty(thread: SimThread, fd: int, /) -> bool:
    return thread.process.fds.has(fd) and thread.process.fds.get(fd).isatty()


def _no_terminal(thread: SimThread, fd: int, *args: object) -> Any:
    thread.process.fds.get(fd)
    raise KernelError(ENOTTY)


def _terminal_size(thread: SimThread, fd: int = 1, /) -> Any:
    _file(thread, fd)
    raise OSError(ENOTTY, os.strerror(ENOTTY))


def _device_encoding(thread: SimThread, fd: int) -> None:
    """None, as for every descriptor that is no terminal."""


# What only files of a disk have, by the errno of a descriptor that is none, as pipes and sockets give it.
_OF_DISK_FILES: Final = {
    "pread": ESPIPE,
    "pwrite": ESPIPE,
    "preadv": ESPIPE,
    "pwritev": ESPIPE,
    "posix_fadvise": ESPIPE,
    "fsync": EINVAL,
    "fdatasync": EINVAL,
    "ftruncate": EINVAL,
    "posix_fallocate": EINVAL,
    "lockf": EINVAL,
}
_REFUSED: Final = ("fchmod", "fchown", "fpathconf", "fstatvfs")


def _install_disk_call(name: str, instead: Callable[[], Any]) -> None:
    """``os.name`` acts on a real file that stands at a number of the process; else ``instead``."""
    real: Any = getattr(posix, name, None)

    def call(thread: SimThread, fd: int, *args: Any, **kwargs: Any) -> Any:
        file = thread.process.fds.get(fd)
        if isinstance(file, RealFile):
            return real(file.fd, *args, **kwargs)
        return instead()

    on_descriptor(name, call)


def _install_disk_calls() -> None:
    def failing(number: int) -> Callable[[], Any]:
        def fail() -> Any:
            raise KernelError(number)

        return fail

    def refusing(name: str) -> Callable[[], Any]:
        return lambda: refuse(f"os.{name} of a simulated descriptor", "it has no file in the file system")

    for name, number in _OF_DISK_FILES.items():
        _install_disk_call(name, failing(number))
    for name in _REFUSED:
        _install_disk_call(name, refusing(name))


# Real files


def _open(thread: SimThread, path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
    if path in NULL_PATHS:
        return open_null(thread, flags)
    if path in RANDOM_PATHS:
        return open_random(thread, flags)
    own = open_own(thread, path, flags)
    if own >= 0:
        return own
    fd = open_real(path, flags, mode, dir_fd=dir_fd)
    note_opened(thread, fd, flags)
    return fd


def open_null(thread: SimThread, flags: int) -> int:
    """A descriptor of the process for /dev/null, so that it ends with the process."""
    null = thread.process.kernel.null()
    null.flags = flags & (O_ACCMODE | O_NONBLOCK)
    try:
        return given(thread.process, thread.process.fds.install(null, True, 0))
    except KernelError as error:
        raise os_error(error) from None


def open_random(thread: SimThread, flags: int) -> int:
    """A descriptor of the process for /dev/urandom or /dev/random."""
    device = RandomDevice(thread, flags & (O_ACCMODE | O_NONBLOCK))
    try:
        return given(thread.process, thread.process.fds.install(device, True, 0))
    except KernelError as error:
        raise os_error(error) from None


def install() -> None:
    on_descriptor("read", read)
    on_descriptor("write", write)
    on_descriptor("readv", _readv)
    on_descriptor("writev", _writev)
    on_descriptor("lseek", _lseek)
    on_descriptor("sendfile", _sendfile)
    dispatch_number(posix, "close", _close, closes=True)
    dispatch(posix, "closerange", _closerange)
    _install_dup()
    dispatch_number(posix, "dup2", _dup2)
    dispatch(posix, "pipe", _pipe)
    dispatch(posix, "pipe2", _pipe2)
    dispatch(posix, "eventfd", _eventfd)
    on_descriptor("eventfd_read", _eventfd_read)
    on_descriptor("eventfd_write", _eventfd_write)
    on_descriptor("get_blocking", _get_blocking)
    on_descriptor("set_blocking", _set_blocking)
    on_descriptor("get_inheritable", _get_inheritable)
    on_descriptor("set_inheritable", _set_inheritable)
    on_descriptor("fstat", _fstat, queries=True)
    on_descriptor("isatty", _isatty, queries=True)
    for name in ("ttyname", "tcgetpgrp", "tcsetpgrp", "grantpt", "unlockpt", "ptsname"):
        on_descriptor(name, _no_terminal)
    dispatch_number(posix, "get_terminal_size", _terminal_size)
    dispatch_number(posix, "device_encoding", _device_encoding)
    _install_disk_calls()
    dispatch(posix, "open", _open)
    _install_lifted()


def _install_dup() -> None:
    real_dup: Any = os.dup

    def dup(thread: SimThread, fd: int, /) -> int:
        if is_real(fd):
            return lift(real_dup(fd))
        try:
            return _dup(thread, fd)
        except KernelError as error:
            raise os_error(error) from None

    dispatch_number(posix, "dup", dup)


def _install_lifted() -> None:
    """Calls that open real descriptors one cannot name."""

    def openpty(thread: SimThread) -> Any:
        refuse("a pseudo-terminal", "use a pipe or socket.socketpair()")

    dispatch(posix, "openpty", openpty)
    real_memfd: Any = getattr(os, "memfd_create", None)
    if real_memfd is not None:
        dispatch(posix, "memfd_create", lambda thread, *args, **kwargs: lift(real_memfd(*args, **kwargs)))
