"""Exceptions that nobody handled, told with host, process and virtual time.

What a program prints of them is python's alone; a line of this kind stands beside it, in the output of a
live run and in ``Network.unhandled``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..clock.clock import SECOND
from .thread import current_thread

if TYPE_CHECKING:
    from .process_state import ProcessState


def failure_place(state: ProcessState, what: str = "It ended", at: int = -1) -> str:
    """Of an exception: what became of it, in which process, and when (virtual ns, by default now)."""
    process = state.process
    moment = state.scheduler.clock.now if at < 0 else at
    where = f"{process.kernel.hostname} {process.name}[{process.pid}]"
    return f"{what} {where} at {moment / SECOND:.9f} s of virtual time."


def tell_unhandled(
    state: ProcessState, kind: type[BaseException], what: str = "It ended", at: int = -1
) -> None:
    """Note that nobody in the process of ``state`` handled an exception of ``kind``; arguments as of
    :func:`failure_place`. Nothing is told of what a thread raises that is being killed."""
    thread = current_thread()
    if thread is not None and thread.killed:
        return
    scheduler = state.scheduler
    line = f"{kind.__name__}: {failure_place(state, what, at)}"
    scheduler.unhandled.append(line)
    if scheduler.tell_failure is not None:
        scheduler.tell_failure(state, line)
