"""Runs that cannot go on, and the text that says why."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Iterable
from types import FrameType
from typing import TYPE_CHECKING, Any

from ..kernel.pipe import PipeEnd, PipeReader

if TYPE_CHECKING:
    from .thread import SimThread

_PACKAGE = __name__.partition(".")[0] + "."
_OURS = tuple(
    _PACKAGE + room + "."
    for room in ("runtime", "shim", "kernel", "network", "stack", "ports", "clock", "capture", "wire")
)
_STDLIB = sysconfig.get_path("stdlib")


class Stuck(Exception):
    """Nothing can happen any more, and these threads wait for something that never comes.

    ``waiting`` has one line per thread (host, process, thread, call, file:line), followed by those of
    its asyncio tasks.
    """

    def __init__(self, now: int, waiting: list[str]) -> None:
        self.now = now
        self.waiting = waiting
        lines = "\n".join(f"  {line}" for line in waiting)
        super().__init__(f"nothing can happen any more at {now / 1e9:.9f} s; waiting:\n{lines}")


class BusyLoop(Exception):
    """A simulated thread ran for ``seconds`` of wall-clock time without ever blocking.

    ``thread`` says which; ``stack`` is where it was, oldest call first.
    """

    def __init__(self, seconds: float, thread: str, stack: str) -> None:
        self.seconds = seconds
        self.thread = thread
        self.stack = stack
        super().__init__(
            f"{thread} ran for {seconds:g} s of real time without blocking, and virtual time stands"
            f" still meanwhile; it was here:\n{stack}"
        )


def is_ours(frame: FrameType) -> bool:
    """Is this a frame of the simulator, and not of a program, the stdlib or a library?"""
    return str(frame.f_globals.get("__name__", "")).startswith(_OURS)


def describe_thread(thread: SimThread) -> str:
    """``host process[pid] thread`` as reports name it."""
    process = thread.process
    return f"{process.kernel.hostname} {process.name}[{process.pid}] {thread.name}"


def place_of(frame: FrameType | None) -> str:
    """``file:line in function`` of the innermost frame of the program itself, else of a library,
    and the library call it is in."""
    library = ""
    called = ""
    while frame is not None:
        if not is_ours(frame):
            code = frame.f_code
            place = f"{code.co_filename}:{frame.f_lineno} in {code.co_name}"
            if not code.co_filename.startswith((_STDLIB, "<frozen")):
                return f"{place}{called}"
            library = library or place
            called = f", calling {frame.f_globals.get('__name__')}.{code.co_name}"
        frame = frame.f_back
    return library


def _other_ends(thread: SimThread) -> str:
    """Who holds the other ends of the pipes that ``thread`` waits for, and could end the wait."""
    found = []
    for queue, _ in thread.waits:
        for _, file in thread.process.fds.items():
            if file.wait_queue is queue and isinstance(file, PipeEnd):
                other = file.pipe.writer if isinstance(file, PipeReader) else file.pipe.reader
                holders = [
                    f"{process.name}[{process.pid}] as fd {fd}"
                    for process in thread.process.kernel.processes.values()
                    for fd, held in process.fds.items()
                    if held is other
                ]
                verb = "written" if isinstance(file, PipeReader) else "read"
                found.append(f", a pipe that can be {verb} by {', '.join(holders) or 'nobody'}")
                break
    return "".join(found)


def task_lines(frame: FrameType | None) -> list[str]:
    """One line for each unfinished task of the asyncio loop that runs in ``frame`` or above it."""
    while frame is not None:
        if frame.f_code.co_name == "run_forever" and frame.f_globals.get("__name__") == "asyncio.base_events":
            tasks = sys.modules["asyncio.tasks"].all_tasks(frame.f_locals["self"])
            named = sorted(((task.get_name(), task.get_coro()) for task in tasks), key=lambda row: row[0])
            return [f"    task {name}: {_place_in_coroutine(coroutine)}" for name, coroutine in named]
        frame = frame.f_back
    return []


def _place_in_coroutine(coroutine: Any) -> str:
    """Where the innermost frame of the program is that ``coroutine`` waits in."""
    place = "not started"
    innermost = None
    while coroutine is not None:
        frame = getattr(coroutine, "cr_frame", None) or getattr(coroutine, "gi_frame", None)
        waits_for = getattr(coroutine, "cr_await", None) or getattr(coroutine, "gi_yieldfrom", None)
        if frame is not None:
            code = frame.f_code
            innermost = f"{code.co_filename}:{frame.f_lineno} in {code.co_name}"
            if not code.co_filename.startswith((_STDLIB, "<frozen")):
                place = f"waits at {innermost}"
            elif place.startswith("waits at"):
                called = f"{frame.f_globals.get('__name__')}.{code.co_name}"
                place = f"{place.partition(', calling ')[0]}, calling {called}"
        coroutine = waits_for
    return place if place != "not started" or innermost is None else f"waits at {innermost}"


def waiting_lines(threads: Iterable[SimThread]) -> list[str]:
    """A line for each blocked thread of ``threads``, and for each task of an asyncio loop that waits."""
    lines = []
    for thread in threads:
        place = place_of(thread.active.gr_frame)
        lines.append(
            f"{describe_thread(thread)}: {thread.waiting_for or 'not waiting'}{_other_ends(thread)}"
            + (f" at {place}" if place else "")
        )
        lines += task_lines(thread.active.gr_frame)
    return lines
