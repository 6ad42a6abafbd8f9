"""Exceptions that asyncio's loop logs since nobody took them are told with host, process and virtual time;
tasks are numbered from 1 in each process, where asyncio counts them for the whole interpreter, and so are
thread pools; a loop
whose process was killed, and the tasks of it, say nothing when they are finalized.

asyncio itself stays CPython's. A program that sets an exception handler of its own has handled them.
"""

from __future__ import annotations

import concurrent.futures.thread
import functools
import importlib
from types import ModuleType
from typing import Any, Final

from ..runtime.thread import SimThread, current_thread
from ..runtime.unhandled import tell_unhandled
from .import_module import after_import
from .patching import dispatch_method

# An attribute of loops. Weak references to them are cleared before they are finalized.
_PROCESS: Final = "_simulated_process"

_POOLS: Final = "thread pools"
_TASKS: Final = "asyncio tasks"
"""How many tasks without a name a process has made, among what is kept for it."""


def _is_left(loop: Any) -> bool:
    """Whether the loop is what is left of a process: its descriptors are gone, and nobody is there to be
    told."""
    process = vars(loop).get(_PROCESS)
    if process is None:
        return False
    thread = current_thread()
    return thread is None or thread.killed or not process.alive()


def _patch_ends(owner: Any) -> None:
    real_init = owner.__init__
    real_del = owner.__del__
    real_call = owner.call_exception_handler

    @functools.wraps(real_init)
    def begin(self: Any) -> None:
        thread = current_thread()
        if thread is not None:
            vars(self)[_PROCESS] = thread.process
        real_init(self)

    @functools.wraps(real_del)
    def finalize(self: Any, *args: Any) -> None:
        if not _is_left(self):
            real_del(self, *args)

    @functools.wraps(real_call)
    def call_exception_handler(self: Any, context: dict[str, Any]) -> None:
        if not _is_left(self):
            real_call(self, context)

    owner.__init__ = begin
    owner.__del__ = finalize
    owner.call_exception_handler = call_exception_handler


def _patch_names(owner: Any) -> None:
    real: Any = owner.create_task
    task_type: Any = importlib.import_module("_asyncio").Task

    def create_task(thread: SimThread, self: Any, coro: Any, *, name: Any = None, **kwargs: Any) -> Any:
        if name is not None:
            return real(self, coro, name=name, **kwargs)
        kept = thread.state.kept
        number = kept[_TASKS] = kept.get(_TASKS, 0) + 1
        if self._task_factory is None:
            return real(self, coro, name=f"Task-{number}", **kwargs)
        task = real(self, coro, **kwargs)
        # A factory may have named it otherwise, or made something else than a task.
        if isinstance(task, task_type) and task.get_name().startswith("Task-"):
            task.set_name(f"Task-{number}")
        return task

    dispatch_method(owner, "create_task", create_task)


def _number_pools() -> None:
    pool = concurrent.futures.thread.ThreadPoolExecutor
    real = vars(pool)["_counter"]

    def counter() -> int:
        thread = current_thread()
        if thread is None:
            number: int = real()
            return number
        kept = thread.state.kept
        number = kept[_POOLS] = kept.get(_POOLS, -1) + 1
        return number

    type.__setattr__(pool, "_counter", staticmethod(counter))


def _patch(base_events: ModuleType) -> None:
    owner: Any = vars(base_events)["BaseEventLoop"]
    real: Any = owner.default_exception_handler

    def handle(thread: SimThread, loop: Any, context: dict[str, Any]) -> None:
        real(loop, context)
        error = context.get("exception")
        if error is not None:
            never = str(context.get("message")).endswith("exception was never retrieved")
            what = "It was never retrieved from a task of" if never else "It was left to the event loop of"
            tell_unhandled(thread.state, type(error), what)

    dispatch_method(owner, "default_exception_handler", handle)
    _patch_names(owner)
    _patch_ends(owner)


def install() -> None:
    after_import("asyncio.base_events", _patch)
    _number_pools()
