"""Runs that cannot go on, and the text that says why."""

from __future__ import annotations

import sysconfig
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .thread import SimThread

_PACKAGE = __name__.partition(".")[0] + "."
_OURS = tuple(
    _PACKAGE + room + "."
    for room in ("runtime", "shim", "kernel", "network", "stack", "ports", "clock", "capture", "wire")
)
_LIBRARIES = (*(sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")), "<frozen")


class Stuck(Exception):
    """Nothing can happen any more, and these threads wait for something that never comes.

    ``waiting`` has one line per thread (host, process, thread, call, file:line), followed by those of
    its asyncio or trio tasks, and at the end one for each circle of threads that wait for each other.
    """

    def __init__(self, now: int, waiting: list[str]) -> None:
        self.now = now
        self.waiting = waiting
        lines = "\n".join(f"  {line}" for line in waiting)
        super().__init__(f"nothing can happen any more at {now / 1e9:.9f} s; waiting:\n{lines}")


class BusyLoop(Exception):
    """A simulated thread ran for ``seconds`` of wall-clock time without ever blocking.

    ``thread`` says which; ``stack`` is where it was, oldest call first; ``polling``, that virtual time
    passed while it asked again and again, and that nothing else happened.
    """

    def __init__(self, seconds: float, thread: str, stack: str, polling: bool = False) -> None:
        self.seconds = seconds
        self.thread = thread
        self.stack = stack
        self.polling = polling
        did = (
            f"did nothing but poll for {seconds:g} s of real time, and nothing else happened"
            if polling
            else f"ran for {seconds:g} s of real time without blocking, and virtual time stands still"
        )
        super().__init__(f"{thread} {did} meanwhile; it was here:\n{stack}")


def is_ours(frame: FrameType) -> bool:
    """Is this a frame of the simulator, and not of a program, the stdlib or a library?"""
    return str(frame.f_globals.get("__name__", "")).startswith(_OURS)


def describe_thread(thread: SimThread) -> str:
    """``host process[pid] thread`` as reports name it."""
    process = thread.process
    return f"{process.kernel.hostname} {process.name}[{process.pid}] {thread.name}"


def called_name(frame: FrameType) -> str:
    """``module.Class.function`` of ``frame``."""
    return f"{frame.f_globals.get('__name__')}.{frame.f_code.co_qualname}"


def is_library(frame: FrameType) -> bool:
    """Is this a frame of the standard library or an installed one?"""
    return frame.f_code.co_filename.startswith(_LIBRARIES)


def place_of(frame: FrameType | None) -> str:
    """``file:line in function`` of the innermost frame of the program itself, else of a library,
    and the library call it is in."""
    library = ""
    called = ""
    while frame is not None:
        if not is_ours(frame):
            code = frame.f_code
            place = f"{code.co_filename}:{frame.f_lineno} in {code.co_name}"
            if not is_library(frame):
                return f"{place}{called}"
            library = library or place
            called = f", calling {called_name(frame)}"
        frame = frame.f_back
    return library
