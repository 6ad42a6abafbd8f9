"""What blocked threads wait for, in words: the lines of a report about a run that cannot go on."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

from ..kernel.epoll import Epoll
from ..kernel.file import File
from ..kernel.pipe import PipeEnd, PipeReader
from ..kernel.process import Process
from ..kernel.socket import Socket
from .stuck import called_name, describe_thread, is_library, is_ours, place_of

if TYPE_CHECKING:
    from .thread import SimThread

# Of an epoll or select with many descriptors the first are named.
_MAX_FILES: Final = 6


def waiting_lines(threads: Iterable[SimThread]) -> list[str]:
    """A line for each blocked thread of ``threads`` and each task of a loop that waits, and for each
    circle of threads that wait for each other."""
    listed = list(threads)
    lines = []
    awaited: dict[SimThread, SimThread] = {}
    for thread in listed:
        frame = thread.active.gr_frame
        what = thread.waiting_for or "not waiting"
        joined = _joined(frame)
        if joined is not None:
            what = f"Thread.join of {joined.name}"
            other = _thread_of(listed, thread, joined.ident)
        else:
            other = _holder(listed, thread)
            what += _taken_by(thread, other, frame) + _files(thread)
        if other is not None and other is not thread:
            awaited[thread] = other
        place = place_of(frame)
        lines.append(f"{describe_thread(thread)}: {what}" + (f" at {place}" if place else ""))
        lines += task_lines(frame)
    return lines + _circles(awaited)


# Threads and locks


def _joined(frame: FrameType | None) -> Any:
    """The ``threading.Thread`` that a thread blocked in ``frame`` joins."""
    while frame is not None and (is_ours(frame) or frame.f_globals.get("__name__") == "threading"):
        if frame.f_code.co_qualname == "Thread.join" and not is_ours(frame):
            return frame.f_locals.get("self")
        frame = frame.f_back
    return None


def _thread_of(threads: list[SimThread], near: SimThread, ident: int | None) -> SimThread | None:
    return next((each for each in threads if each.ident == ident and each.process is near.process), None)


def _holder(threads: list[SimThread], thread: SimThread) -> SimThread | None:
    """Who took the lock that ``thread`` is blocked on, if that lives."""
    return None if thread.blocked_on is None else _thread_of(threads, thread, thread.blocked_on.taken_by)


def _taken_by(thread: SimThread, holder: SimThread | None, frame: FrameType | None) -> str:
    lock = thread.blocked_on
    if lock is None or not lock.taken_by:
        return ""
    if holder is None:
        return ", taken by a thread that has ended"
    if holder is not thread:
        return f", taken by {holder.name}"
    while frame is not None and is_ours(frame):
        frame = frame.f_back
    # Conditions, and what stands on them, wait on a lock they took themselves.
    return "" if frame is None or is_library(frame) else ", taken by this thread itself"


def _circles(awaited: dict[SimThread, SimThread]) -> list[str]:
    """``T1 waits for T2 waits for T1``, each circle once."""
    lines = []
    seen: list[SimThread] = []
    for start in awaited:
        path: list[SimThread] = []
        thread: SimThread | None = start
        while thread is not None and thread not in path and thread not in seen:
            path.append(thread)
            thread = awaited.get(thread)
        if thread in path:
            circle = path[path.index(thread) :]
            names = " waits for ".join(each.name for each in [*circle, circle[0]])
            lines.append(f"in a circle, so that none can go on: {names}")
        seen += path
    return lines


# Files


def _files(thread: SimThread) -> str:
    """The files ``thread`` waits for: a socket's state and addresses, a pipe's other ends."""
    process = thread.process
    queues = [queue for queue, _ in thread.waits]
    found: list[str] = []
    for fd, file in process.fds.items():
        if not any(file.wait_queue is queue for queue in queues):
            continue
        if isinstance(file, Epoll):
            watched = [(item.fd, item.file) for item in file.items()]
        else:
            watched = [(fd, file)]
        for number, one in watched:
            told = _file(process, one)
            # A loop's socket to wake itself is no news.
            if told and not (one is not file and told.startswith("u_str ESTAB *")):
                found.append(f"fd {number} {told}" if len(queues) > 1 or one is not file else told)
    if not found:
        return ""
    more = len(found) - _MAX_FILES
    return f", {'; '.join(found[:_MAX_FILES])}" + (f"; and {more} more" if more > 0 else "")


def _file(process: Process, file: File) -> str:
    if isinstance(file, PipeEnd):
        return _other_ends(process, file)
    if isinstance(file, Socket):
        for row in process.kernel.sockets():
            if row.ino == file.ino:
                return f"{row.protocol} {row.state} {row.local} {row.peer}".rstrip()
    return ""


def _other_ends(process: Process, file: PipeEnd) -> str:
    """Who holds the other end of a pipe, and could end the wait."""
    other = file.pipe.writer if isinstance(file, PipeReader) else file.pipe.reader
    holders = [
        f"{each.name}[{each.pid}] as fd {fd}"
        for each in process.kernel.processes.values()
        for fd, held in each.fds.items()
        if held is other
    ]
    verb = "written" if isinstance(file, PipeReader) else "read"
    return f"a pipe that can be {verb} by {', '.join(holders) or 'nobody'}"


# Tasks


def task_lines(frame: FrameType | None) -> list[str]:
    """One line for each unfinished task of the asyncio or trio loop that runs in ``frame`` or above it."""
    while frame is not None:
        function, module = frame.f_code.co_name, frame.f_globals.get("__name__")
        if function == "run_forever" and module == "asyncio.base_events":
            tasks = sys.modules["asyncio.tasks"].all_tasks(frame.f_locals["self"])
            named = sorted(((task.get_name(), task.get_coro()) for task in tasks), key=lambda row: row[0])
            return [f"    task {name}: {_place_in_coroutine(coroutine)}" for name, coroutine in named]
        if function == "run" and module == "trio._core._run":
            runner = frame.f_locals["runner"]
            waiting = [task for task in runner.tasks if not _is_trios_own(runner, task)]
            waiting.sort(key=lambda task: task._counter)
            return [f"    task {task.name}: {_place_in_coroutine(task.coro)}" for task in waiting]
        frame = frame.f_back
    return []


def _is_trios_own(runner: Any, task: Any) -> bool:
    """The task that began the run and those trio keeps for itself; none is the program's."""
    if task is runner.main_task:
        return False
    nursery = task.parent_nursery
    return nursery is None or nursery is runner.system_nursery or nursery.parent_task is runner.init_task


def _place_in_coroutine(coroutine: Any) -> str:
    """Where the innermost frame of the program is that ``coroutine`` waits in."""
    place = ""
    innermost = "not started"
    called = ""
    while coroutine is not None:
        frame = getattr(coroutine, "cr_frame", None) or getattr(coroutine, "gi_frame", None)
        if frame is not None:
            code = frame.f_code
            innermost = f"waits at {code.co_filename}:{frame.f_lineno} in {code.co_name}"
            if not is_library(frame):
                place, called = innermost, ""
            else:
                called = called or f", calling {called_name(frame)}"
        coroutine = getattr(coroutine, "cr_await", None) or getattr(coroutine, "gi_yieldfrom", None)
    return f"{place}{called}" if place else innermost
