"""Interruptions from the real world: the watchdog for busy loops, and Ctrl-C.

Both must leave the simulated thread that happens to run and reach whoever called ``run``. In the
main OS thread a signal handler does so: called in the running thread, it switches to the hub and
leaves that thread suspended right where it was. In another OS thread, where Python handles no
signals, the watchdog throws an asynchronous exception instead.
"""

from __future__ import annotations

import _thread
import ctypes
import importlib
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

from .greenlets import GreenletExit
from .stuck import BusyLoop, describe_thread, is_ours

if TYPE_CHECKING:
    from .scheduler import Scheduler

_c_signal: Final[Any] = importlib.import_module("_signal")
# Taken before any stand-in is installed: these are the real ones.
_start_thread: Final = _thread.start_new_thread
_allocate_lock: Final = _thread.allocate_lock
_get_ident: Final = _thread.get_ident
_monotonic: Final = time.monotonic
_get_trace: Final = sys.gettrace
_set_handler: Final[Callable[..., Any]] = _c_signal.signal
_get_handler: Final[Callable[..., Any]] = _c_signal.getsignal
_pthread_kill: Final[Callable[[int, int], None]] = _c_signal.pthread_kill
_set_async_exc: Final = ctypes.pythonapi.PyThreadState_SetAsyncExc
_MAIN_IDENT: Final = threading.main_thread().ident
# A real-time signal nobody else is likely to want; borrowed while the simulation runs.
_WATCHDOG_SIGNAL: Final[int] = signal.SIGRTMAX - 3 if hasattr(signal, "SIGRTMAX") else signal.SIGUSR2


_AGAIN: Final = 0.01


def _in_tracer(frame: FrameType | None) -> bool:
    """Is ``frame`` one of the outside's trace function, or called by it?"""
    tracer = _get_trace()
    if tracer is None:
        return False
    named = tracer if hasattr(tracer, "__code__") else type(tracer)
    package = str(named.__module__).partition(".")[0]
    while frame is not None:
        if str(frame.f_globals.get("__name__", "")).partition(".")[0] == package:
            return True
        frame = frame.f_back
    return False


class BusyStop(GreenletExit):
    """Ends a busy thread in an OS thread where signals cannot reach it."""


class Watchdog:
    """Guards one ``run`` of ``scheduler``. ``seconds`` of wall-clock time may pass in one turn of a
    thread; 0 means any."""

    def __init__(self, scheduler: Scheduler, seconds: float) -> None:
        self._scheduler = scheduler
        self._seconds = seconds
        self._in_main = _get_ident() == _MAIN_IDENT
        self._ident = _get_ident()
        self._former: list[tuple[int, Any]] = []
        self._suspect = -1
        # Held while the guard is on; the OS thread ends when it gets it.
        self._off = _allocate_lock()
        self._gone = _allocate_lock()

    def start(self) -> None:
        if self._in_main:
            former = _get_handler(signal.SIGINT)
            if callable(former):
                self._former.append((signal.SIGINT, former))
                _set_handler(signal.SIGINT, self._interrupted)
        if self._seconds <= 0:
            return
        if self._in_main:
            self._former.append((_WATCHDOG_SIGNAL, _get_handler(_WATCHDOG_SIGNAL)))
            _set_handler(_WATCHDOG_SIGNAL, self._alarmed)
        self._off.acquire()
        self._gone.acquire()
        _start_thread(self._watch, ())

    def stop(self) -> None:
        if self._off.locked():
            self._off.release()
            self._gone.acquire()
        while self._former:
            signum, handler = self._former.pop()
            _set_handler(signum, handler)

    # In the OS thread of the watchdog

    def _watch(self) -> None:
        scheduler = self._scheduler
        turn = -1
        since = 0.0
        pause = self._seconds / 4
        while not self._off.acquire(True, pause):
            now = _monotonic()
            pause = self._seconds / 4
            if scheduler.progress != turn or (scheduler.running is None and not scheduler.idle):
                turn = scheduler.progress
                since = now
            elif now - since >= self._seconds:
                self._strike(turn)
                if self._in_main:
                    # One that polls may have been in the hub just then.
                    pause = min(pause, _AGAIN)
                else:
                    since = now
        self._gone.release()

    def _strike(self, turn: int) -> None:
        self._suspect = turn
        if self._in_main:
            _pthread_kill(self._ident, _WATCHDOG_SIGNAL)
            return
        frame = sys._current_frames().get(self._ident)
        if self._still_busy():
            self._scheduler.failure = self._busy_loop(frame)
            _set_async_exc(ctypes.c_ulong(self._ident), ctypes.py_object(BusyStop))

    # In the main OS thread, on top of whatever ran

    def _alarmed(self, signum: int, frame: FrameType | None) -> None:
        # Within a tracer such as coverage.py it may hold a lock the outside needs: it is struck again soon.
        if self._still_busy() and not _in_tracer(frame):
            self._scheduler.leave_for_hub(self._busy_loop(frame))

    def _interrupted(self, signum: int, frame: FrameType | None) -> None:
        former = self._former[0][1]
        if self._scheduler.running is None:
            former(signum, frame)
            return
        try:
            former(signum, frame)
        except BaseException as error:
            error.__traceback__ = None
            self._scheduler.leave_for_hub(error)

    def _still_busy(self) -> bool:
        return self._scheduler.running is not None and self._scheduler.progress == self._suspect

    def _busy_loop(self, frame: FrameType | None) -> BusyLoop:
        thread = self._scheduler.running
        frames = []
        while frame is not None:
            if not is_ours(frame):
                frames.append((frame, frame.f_lineno))
            frame = frame.f_back
        stack = "".join(traceback.StackSummary.extract(iter(frames[::-1])).format())
        name = describe_thread(thread) if thread else "a thread"
        return BusyLoop(self._seconds, name, stack, self._scheduler.idle)
