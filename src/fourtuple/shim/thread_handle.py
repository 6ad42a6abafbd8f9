"""The joinable threads of Python 3.13's ``_thread``: handles for simulated threads and real ones."""

from __future__ import annotations

import _thread
from collections.abc import Callable
from typing import Any, Final

from ..runtime.thread import SimThread, current_thread
from .locks import lock, new_lock

_RealHandle: Final[Any] = getattr(_thread, "_ThreadHandle", None)
_real_start: Final[Any] = getattr(_thread, "start_joinable_thread", None)


class ThreadHandle:
    """``_thread._ThreadHandle``. Where it is started decides what kind of thread it is of."""

    __slots__ = ("__weakref__", "_done", "_ident", "_real", "_thread")

    def __init__(self) -> None:
        self._real: Any = None
        self._thread: SimThread | None = None
        self._ident = 0
        # Held from the start to the end of a simulated thread.
        self._done: lock | None = None

    @property
    def ident(self) -> int:
        return self._ident if self._real is None else int(self._real.ident)

    def is_done(self) -> bool:
        if self._real is not None:
            return bool(self._real.is_done())
        if self._done is None or not self._done.locked():
            return self._done is not None
        thread = current_thread()
        if thread is not None:
            thread.scheduler.polled(thread)
        return False

    def _set_done(self) -> None:
        if self._real is not None:
            self._real._set_done()
        elif self._done is None:
            raise RuntimeError("thread not started")
        elif self._done.locked():
            self._done.release()

    def join(self, timeout: float | None = None, /) -> None:
        if self._real is not None:
            self._real.join(timeout)
            return
        if self._done is None:
            raise RuntimeError("thread not started")
        if self._thread is not None and current_thread() is self._thread and self._done.locked():
            raise RuntimeError("Cannot join current thread")
        if self._done.acquire(True, -1 if timeout is None or timeout < 0 else timeout):
            self._done.release()

    def attach(self, thread: SimThread) -> None:
        """Become the handle of ``thread``."""
        self._thread = thread
        self._ident = thread.ident
        done = new_lock()
        done.acquire()
        self._done = done
        thread.at_end.append(self._end)

    def start_real(self, function: Callable[..., object], daemon: bool) -> None:
        """Start a thread of the OS."""
        self._real = _RealHandle()
        _real_start(function, handle=self._real, daemon=daemon)

    def started(self) -> bool:
        return self._real is not None or self._done is not None

    def _end(self) -> None:
        if self._done is not None and self._done.locked():
            self._done.release()

    def __repr__(self) -> str:
        return f"<_thread._ThreadHandle object: ident={self.ident}>"


def start_joinable_thread(
    function: Callable[..., object], handle: ThreadHandle | None = None, daemon: bool = True
) -> ThreadHandle:
    """``_thread.start_joinable_thread``."""
    # Not above: that module installs this one.
    from .thread_module import start_thread

    if not callable(function):
        raise TypeError("thread function must be callable")
    if handle is None:
        handle = ThreadHandle()
    elif not isinstance(handle, ThreadHandle):
        raise TypeError("'handle' must be a _ThreadHandle")
    if handle.started():
        raise RuntimeError("thread already started")
    thread = current_thread()
    if thread is None:
        handle.start_real(function, daemon)
        return handle
    started = start_thread(thread, function, (), {})
    started.daemon = daemon
    handle.attach(started)
    if not daemon:
        thread.state.joinable.append(handle.join)
    return handle


def make_thread_handle(thread: SimThread, ident: int, /) -> ThreadHandle:
    """A handle for a thread not started by this module: that of the process with ``ident``."""
    handle = ThreadHandle()
    for candidate in thread.state.threads():
        if candidate.ident == ident:
            handle.attach(candidate)
    return handle


def main_thread_ident(thread: SimThread) -> int:
    main = thread.state.main
    return 0 if main is None else main.ident


def wait_for_threads(thread: SimThread) -> None:
    """Join every non-daemon thread of the process (``_thread._shutdown``)."""
    while thread.state.joinable:
        thread.state.joinable.pop(0)()
