"""Buffered file objects that several simulated threads of a process may use at a time.

The C classes of ``io`` let a thread of the OS wait until another has left a file object. Simulated threads
are one thread of the OS, so C would call it a reentrant call when one comes while another is blocked in
the raw file below. Here they wait for each other before they enter.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any, Final, TypeVar

from .thread import SimThread, current_thread

R = TypeVar("R")


class Turnstile:
    """Lets one simulated thread in at a time. One that is in may come again, which C then judges."""

    def __init__(self) -> None:
        self._inside: SimThread | None = None
        self._waiting: list[SimThread] = []

    def call(self, function: Callable[..., R], *args: Any) -> R:
        """``function(*args)`` once no other thread is in."""
        thread = current_thread()
        if thread is None or self._inside is thread:
            return function(*args)
        if self._inside is not None:
            self._wait(thread)
        self._inside = thread
        try:
            return function(*args)
        finally:
            self._inside = None
            self._let_next_in()

    def _wait(self, thread: SimThread) -> None:
        waiting = self._waiting
        entered = False
        try:
            while self._inside is not None:
                if thread not in waiting:
                    waiting.append(thread)
                thread.scheduler.park(-1, "use of a file by another thread")
            entered = True
        finally:
            if thread in waiting:
                waiting.remove(thread)
            if not entered and self._inside is None:
                self._let_next_in()

    def _let_next_in(self) -> None:
        waiting = self._waiting
        while waiting:
            thread = waiting.pop(0)
            if thread.scheduler.unpark(thread):
                return


class GuardedReader(io.BufferedReader):
    """``io.BufferedReader``."""

    def __init__(self, raw: Any, buffer_size: int = io.DEFAULT_BUFFER_SIZE) -> None:
        self._turnstile: Final = Turnstile()
        super().__init__(raw, buffer_size)

    def read(self, size: int | None = -1, /) -> bytes:
        return self._turnstile.call(super().read, size)

    def read1(self, size: int = -1, /) -> bytes:
        return self._turnstile.call(super().read1, size)

    def readinto(self, buffer: Any, /) -> int:
        return self._turnstile.call(super().readinto, buffer)

    def readinto1(self, buffer: Any, /) -> int:
        return self._turnstile.call(super().readinto1, buffer)

    def readline(self, size: int | None = -1, /) -> bytes:
        return self._turnstile.call(super().readline, size)

    def peek(self, size: int = 0, /) -> bytes:
        return self._turnstile.call(super().peek, size)

    def close(self) -> None:
        self._turnstile.call(super().close)

    def __repr__(self) -> str:
        return _as_real(super().__repr__())


class GuardedWriter(io.BufferedWriter):
    """``io.BufferedWriter``."""

    def __init__(self, raw: Any, buffer_size: int = io.DEFAULT_BUFFER_SIZE) -> None:
        self._turnstile: Final = Turnstile()
        super().__init__(raw, buffer_size)

    def write(self, data: Any, /) -> int:
        return self._turnstile.call(super().write, data)

    def flush(self) -> None:
        self._turnstile.call(super().flush)

    def close(self) -> None:
        self._turnstile.call(super().close)

    def __repr__(self) -> str:
        return _as_real(super().__repr__())


class GuardedPair(io.BufferedRWPair):
    """``io.BufferedRWPair``, whose halves are used apart."""

    def __init__(self, reader: Any, writer: Any, buffer_size: int = io.DEFAULT_BUFFER_SIZE) -> None:
        self._reading: Final = Turnstile()
        self._writing: Final = Turnstile()
        super().__init__(reader, writer, buffer_size)

    def read(self, size: int | None = -1, /) -> bytes:
        return self._reading.call(super().read, size)

    def read1(self, size: int = -1, /) -> bytes:
        return self._reading.call(super().read1, size)

    def readinto(self, buffer: Any, /) -> int:
        return self._reading.call(super().readinto, buffer)

    def readinto1(self, buffer: Any, /) -> int:
        return self._reading.call(super().readinto1, buffer)

    def peek(self, size: int = 0, /) -> bytes:
        return self._reading.call(super().peek, size)

    def write(self, data: Any, /) -> int:
        return self._writing.call(super().write, data)

    def flush(self) -> None:
        self._writing.call(super().flush)

    def close(self) -> None:
        self._writing.call(super().close)


def _as_real(text: str) -> str:
    """C writes the name of its own classes with their module."""
    return text.replace("<", "<_io.", 1)


# What they are to a program that prints them.
for _mine, _real in (
    (GuardedReader, io.BufferedReader),
    (GuardedWriter, io.BufferedWriter),
    (GuardedPair, io.BufferedRWPair),
):
    _mine.__module__, _mine.__name__, _mine.__qualname__ = "_io", _real.__name__, _real.__name__
