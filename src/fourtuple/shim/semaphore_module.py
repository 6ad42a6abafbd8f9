"""Stand-in for ``_multiprocessing``: the semaphores of ``multiprocessing``'s locks.

Implemented: ``SemLock`` and ``sem_unlink``. A semaphore belongs to its host's kernel and is found by its
handle, or by its name until that is unlinked.
"""

from __future__ import annotations

import importlib
import os
from errno import EEXIST, ENOENT
from typing import Any, Final

from ..kernel.kernel import Kernel
from ..kernel.wait import WaitQueue
from ..runtime.thread import SimThread, current_thread
from .durations import duration_ns
from .patching import dispatch, replace

_multiprocessing: Final[Any] = importlib.import_module("_multiprocessing")
_RealSemLock: Final[Any] = _multiprocessing.SemLock
_RECURSIVE_MUTEX: Final = 0
_WAKE: Final = 1


class Semaphore:
    """What the SemLock objects of several processes share."""

    def __init__(self, value: int, name: str | None) -> None:
        self.value = value
        self.queue = WaitQueue("multiprocessing lock" + (f" {name}" if name else ""))


class Semaphores:
    """The semaphores of a host."""

    def __init__(self) -> None:
        self.by_handle: list[Semaphore] = []
        self.by_name: dict[str, int] = {}

    def add(self, semaphore: Semaphore) -> int:
        self.by_handle.append(semaphore)
        return len(self.by_handle)

    def get(self, handle: int) -> Semaphore:
        return self.by_handle[handle - 1]


def _semaphores(kernel: Kernel) -> Semaphores:
    found = kernel.shared.get("semaphores")
    if not isinstance(found, Semaphores):
        found = kernel.shared["semaphores"] = Semaphores()
    return found


def _thread() -> SimThread:
    thread = current_thread()
    if thread is None:
        raise RuntimeError("a lock of a simulated process can only be used inside the simulation")
    return thread


class SemLock:
    """``_multiprocessing.SemLock``: a real one if made outside a simulated process."""

    SEM_VALUE_MAX = _RealSemLock.SEM_VALUE_MAX

    handle: int
    kind: int
    maxvalue: int
    name: str | None
    _shared: Semaphore
    _held: int
    _owner: int

    def __new__(cls, kind: int, value: int, maxvalue: int, name: str, unlink: bool) -> Any:
        thread = current_thread()
        if thread is None:
            return _RealSemLock(kind, value, maxvalue, name, unlink)
        if kind not in (0, 1):
            raise ValueError("unrecognized kind")
        semaphores = _semaphores(thread.process.kernel)
        if name in semaphores.by_name:
            raise FileExistsError(EEXIST, os.strerror(EEXIST))
        handle = semaphores.add(Semaphore(value, None if unlink else name))
        if not unlink:
            semaphores.by_name[name] = handle
        return cls._make(thread.process.kernel, handle, kind, maxvalue, None if unlink else name)

    @classmethod
    def _make(cls, kernel: Kernel, handle: int, kind: int, maxvalue: int, name: str | None) -> SemLock:
        self = object.__new__(cls)
        self.handle = handle
        self.kind = kind
        self.maxvalue = maxvalue
        self.name = name
        self._shared = _semaphores(kernel).get(handle)
        self._held = 0
        self._owner = 0
        return self

    @classmethod
    def _rebuild(cls, handle: int, kind: int, maxvalue: int, name: str | None, /) -> Any:
        thread = current_thread()
        if thread is None:
            return _RealSemLock._rebuild(handle, kind, maxvalue, name)
        kernel = thread.process.kernel
        if name is not None:
            known = _semaphores(kernel).by_name
            if name not in known:
                raise FileNotFoundError(ENOENT, os.strerror(ENOENT))
            handle = known[name]
        return cls._make(kernel, handle, kind, maxvalue, name)

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        thread = _thread()
        if self.kind == _RECURSIVE_MUTEX and self._is_mine():
            self._held += 1
            return True
        shared = self._shared
        deadline = -1
        if timeout is not None:
            deadline = thread.scheduler.clock.now + max(0, duration_ns(timeout))
        while shared.value == 0:
            if not block:
                thread.scheduler.polled(thread)
                return False
            woken = thread.scheduler.wait([(shared.queue, _WAKE)], deadline, "multiprocessing lock.acquire")
            if not woken and shared.value == 0:
                return False
        thread.refuse_killed()
        shared.value -= 1
        self._held += 1
        self._owner = thread.ident
        return True

    def release(self) -> None:
        # What a killed process held stays taken.
        _thread().refuse_killed()
        shared = self._shared
        if self.kind == _RECURSIVE_MUTEX:
            if not self._is_mine():
                raise AssertionError("attempt to release recursive lock not owned by thread")
            if self._held > 1:
                self._held -= 1
                return
        elif shared.value >= self.maxvalue:
            raise ValueError("semaphore or lock released too many times")
        shared.value += 1
        self._held -= 1
        shared.queue.wake(_WAKE)

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *error: object) -> None:
        self.release()

    def _count(self) -> int:
        return self._held

    def _is_mine(self) -> bool:
        return self._held > 0 and self._owner == _thread().ident

    def _get_value(self) -> int:
        return self._shared.value

    def _is_zero(self) -> bool:
        return self._shared.value == 0

    def _after_fork(self) -> None:
        self._held = 0


def _sem_unlink(thread: SimThread, name: str, /) -> None:
    if _semaphores(thread.process.kernel).by_name.pop(name, None) is None:
        raise FileNotFoundError(ENOENT, os.strerror(ENOENT))


def install() -> None:
    SemLock.__module__ = "_multiprocessing"
    replace(_multiprocessing, "SemLock", SemLock)
    dispatch(_multiprocessing, "sem_unlink", _sem_unlink)
