"""Real files that simulated programs open, kept apart from simulated descriptors by their numbers.

The file system is the machine's own, so ``open`` gives a real descriptor. Those opened inside are moved
up beyond ``REAL_BASE``; numbers below belong to the simulated process. So nothing a program closes,
reads or writes by number can be a descriptor of the interpreter outside.
"""

from __future__ import annotations

import fcntl
import os
import resource
from collections.abc import Callable
from errno import EBADF
from typing import Any, Final

_HIGHEST_BASE: Final = 20_000


def _base() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return _HIGHEST_BASE
    return min(soft // 2, _HIGHEST_BASE)


REAL_BASE: Final = _base()
"""The lowest number a real descriptor opened by a simulated program can have."""

_real_close: Final[Callable[[int], None]] = os.close
_real_open: Final[Callable[..., int]] = os.open
_real_dup: Final[Callable[..., Any]] = fcntl.fcntl


def is_real(fd: int) -> bool:
    """Does ``fd`` name a real file opened by a simulated program?"""
    return fd >= REAL_BASE


def lift(fd: int) -> int:
    """Move a real descriptor just opened out of the way. It stays close-on-exec."""
    try:
        lifted = _real_dup(fd, fcntl.F_DUPFD_CLOEXEC, REAL_BASE)
    finally:
        _real_close(fd)
    return int(lifted)


def open_real(path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
    """``os.open`` of a real file, out of the way."""
    return lift(_real_open(path, flags, mode, dir_fd=dir_fd))


def bad_descriptor() -> OSError:
    return OSError(EBADF, os.strerror(EBADF))
