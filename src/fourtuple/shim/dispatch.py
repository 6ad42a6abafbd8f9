"""Who is asking: the simulated thread and process behind the current call.

Every stand-in asks here first, and passes to the real function if the answer is None.
"""

from __future__ import annotations

from ..kernel.process import Process
from ..runtime.scheduler import Scheduler
from ..runtime.thread import SimThread, current_thread

__all__ = ["current_process", "current_scheduler", "current_thread", "scheduler_of"]


def current_process() -> Process | None:
    """The simulated process that runs now, None outside one."""
    thread = current_thread()
    return None if thread is None else thread.process


def scheduler_of(thread: SimThread) -> Scheduler:
    """The scheduler ``thread`` runs on."""
    return thread.scheduler


def current_scheduler() -> Scheduler:
    """The scheduler of the calling thread. Raises RuntimeError outside a simulated one."""
    thread = current_thread()
    if thread is None:
        raise RuntimeError("not in a simulated thread")
    return thread.scheduler
