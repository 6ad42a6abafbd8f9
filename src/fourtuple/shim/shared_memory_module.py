"""Stand-in for ``_posixshmem``: shared memory by name, each host with names of its own.

Implemented: ``shm_open``, ``shm_unlink``. The memory itself is real, so ``mmap`` of it works; it is gone
when the host is, whatever its programs leave behind.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from errno import EEXIST, ENOENT
from typing import Any, Final

from ..kernel.kernel import Kernel
from ..runtime.thread import SimThread
from .patching import dispatch
from .real_files import lift

_make: Final[Any] = getattr(os, "memfd_create", None)
_dup: Final[Callable[[int], int]] = os.dup
_close: Final[Callable[[int], None]] = os.close


class SharedMemory:
    """Real memory without a name in the real system."""

    def __init__(self, name: str) -> None:
        self._fd: int = _make(name.strip("/"))

    def open(self) -> int:
        """A real descriptor of it for a simulated program."""
        return lift(_dup(self._fd))

    def __del__(self) -> None:
        _close(self._fd)


def _names(kernel: Kernel) -> dict[str, SharedMemory]:
    found: Any = kernel.shared.setdefault("shared memory", {})
    names: dict[str, SharedMemory] = found
    return names


def _open(thread: SimThread, path: str, flags: int, mode: int = 0o777) -> int:
    names = _names(thread.process.kernel)
    memory = names.get(path)
    if memory is None:
        if not flags & os.O_CREAT:
            raise FileNotFoundError(ENOENT, os.strerror(ENOENT), path)
        memory = names[path] = SharedMemory(path)
    elif flags & os.O_CREAT and flags & os.O_EXCL:
        raise FileExistsError(EEXIST, os.strerror(EEXIST), path)
    fd = memory.open()
    if flags & os.O_TRUNC:
        os.ftruncate(fd, 0)
    return fd


def _unlink(thread: SimThread, path: str) -> None:
    if _names(thread.process.kernel).pop(path, None) is None:
        raise FileNotFoundError(ENOENT, os.strerror(ENOENT), path)


def install() -> None:
    if _make is None:
        return
    try:
        module = importlib.import_module("_posixshmem")
    except ImportError:
        return
    dispatch(module, "shm_open", _open)
    dispatch(module, "shm_unlink", _unlink)
