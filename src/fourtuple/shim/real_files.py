"""Real files that simulated programs open, kept apart from simulated descriptors by their numbers.

The file system is the machine's own, so ``open`` gives a real descriptor. Those opened inside are moved
up to ``REAL_BASE`` and beyond; the others belong to the simulated process. So nothing a program closes,
reads or writes by number can be a descriptor of the interpreter outside. Where a real file takes a
number of the process's own (dup2, a child's stdin), a ``RealFile`` stands there for it.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Callable
from errno import EBADF, EMFILE
from typing import Any, Final, TypeVar

from ..kernel.error import KernelError
from ..kernel.file import O_NONBLOCK, File
from ..kernel.kernel import Kernel
from ..runtime.descriptors import given, real_descriptors
from ..runtime.real_numbers import REAL_BASE, REAL_TOP
from ..runtime.thread import current_thread
from .refusal import refuse

__all__ = ["REAL_BASE", "bad_descriptor", "is_real", "lift", "open_real"]

T = TypeVar("T")

_real_close: Final[Callable[[int], None]] = os.close
_real_open: Final[Callable[..., int]] = os.open
_real_dup: Final[Callable[..., Any]] = fcntl.fcntl
_real_read: Final = os.read
_real_write: Final = os.write
_real_lseek: Final = os.lseek
_real_fstat: Final = os.fstat
_real_stat: Final = os.stat
# /dev/null, zero, full, random and urandom: the last two are only here under another name.
_HARMLESS_DEVICES: Final = tuple(os.makedev(1, minor) for minor in (3, 5, 7))
_real_readlink: Final = os.readlink


def is_real(fd: int) -> bool:
    """Does ``fd`` name a real file opened by a simulated program?"""
    return REAL_BASE <= fd < REAL_TOP


def lift(fd: int) -> int:
    """Move a real descriptor just opened out of the way, and note whose it is. It stays close-on-exec."""
    try:
        lifted = _real_dup(fd, fcntl.F_DUPFD_CLOEXEC, REAL_BASE)
    finally:
        _real_close(fd)
    if lifted >= REAL_TOP:
        _real_close(lifted)
        raise OSError(EMFILE, os.strerror(EMFILE))
    return entered(int(lifted))


def entered(fd: int) -> int:
    """A real descriptor, at its place, as one of the calling process's; -1 and outside as it is."""
    thread = current_thread()
    if thread is None or fd < 0:
        return fd
    real_descriptors.enter(fd, thread.process)
    return given(thread.process, fd)


def open_real(path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
    """``os.open`` of a real file, out of the way. Refused: devices of the machine, and named pipes, whose
    open would block everybody."""
    try:
        kind = _real_stat(path, dir_fd=dir_fd)
    except (OSError, TypeError, ValueError):
        # Not there yet, or open() says what is wrong.
        kind = None
    if kind is not None and not (stat.S_ISREG(kind.st_mode) or stat.S_ISDIR(kind.st_mode)):
        if stat.S_ISFIFO(kind.st_mode):
            refuse(f"opening the named pipe {os.fsdecode(path)}", "use os.pipe, or a unix socket")
        if kind.st_rdev not in _HARMLESS_DEVICES and not stat.S_ISSOCK(kind.st_mode):
            refuse(f"opening the device {os.fsdecode(path)}", "a simulated host has no hardware")
    return lift(_real_open(path, flags, mode, dir_fd=dir_fd))


def bad_descriptor() -> OSError:
    return OSError(EBADF, os.strerror(EBADF))


class RealFile(File):
    """A real file as a simulated open file description. It owns the real descriptor ``fd``.

    Whoever uses it has the position in common with the descriptor it was made from, as with dup(2).
    """

    def __init__(self, kernel: Kernel, fd: int) -> None:
        flags = int(_real_dup(fd, fcntl.F_GETFL)) & ~O_NONBLOCK
        super().__init__(kernel.next_ino(), flags, "real file")
        self.fd = fd

    def read(self, count: int) -> bytes:
        self.check_readable()
        return _call(_real_read, self.fd, count)

    def write(self, data: bytes) -> int:
        self.check_writable()
        return _call(_real_write, self.fd, data)

    def seek(self, offset: int, whence: int) -> int:
        return _call(_real_lseek, self.fd, offset, whence)

    def pollable(self) -> bool:
        return False

    def mode(self) -> int:
        return _real_fstat(self.fd).st_mode

    def stat_ino(self) -> int:
        return _real_fstat(self.fd).st_ino

    def isatty(self) -> bool:
        return os.isatty(self.fd)

    def describe(self) -> str:
        return _real_readlink(f"/proc/self/fd/{self.fd}")

    def release(self) -> None:
        _real_close(self.fd)


def _call(function: Callable[..., T], *args: Any) -> T:
    try:
        return function(*args)
    except OSError as error:
        raise KernelError(error.errno or EBADF) from None


def real_file(kernel: Kernel, fd: int, owned: bool = False) -> RealFile:
    """An open file description for the real descriptor ``fd``: of a duplicate, or of ``fd`` itself if
    it is to be ``owned``. Raises KernelError EBADF."""
    if not owned:
        fd = _call(_real_dup, fd, fcntl.F_DUPFD_CLOEXEC, REAL_BASE)
    return RealFile(kernel, fd)
