"""Stand-in for ``sys.settrace``, ``setprofile``, their queries and their counterparts for all threads.

All simulated threads are one of the OS, which has one trace function: ours, while a program has set one. It
calls that of the simulated thread that runs, and not for the code of this package, which on a real host
is C and traced by nobody: a trace function that takes a lock would come in the middle of taking it. The same
holds for profile functions. A ``cProfile.Profile`` measures the whole interpreter, until the thread ends that
enabled it.
"""

from __future__ import annotations

import sys
from types import FrameType, ModuleType
from typing import Any

from ..runtime.stuck import is_ours
from ..runtime.thread import SimThread, current_thread
from .import_module import after_import
from .patching import dispatch


class Tracing:
    """The threads that have a function called by the interpreter, and what the outside had before.

    ``name`` is ``trace`` or ``profile``.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._real_set: Any = getattr(sys, f"set{name}")
        self._real_get: Any = getattr(sys, f"get{name}")
        self._functions: dict[SimThread, Any] = {}
        self._former: Any = None

    def set(self, thread: SimThread, function: Any) -> None:
        if function is None:
            self.forget(thread)
            return
        if thread not in self._functions:
            thread.at_end.append(lambda: self.forget(thread))
        if not self._functions:
            self._former = self._real_get()
        self._functions[thread] = function
        self._real_set(self.call)

    def get(self, thread: SimThread) -> Any:
        return self._functions.get(thread)

    def forget(self, thread: SimThread) -> None:
        if self._functions.pop(thread, None) is not None and not self._functions:
            self._real_set(self._former)
            self._former = None

    def call(self, frame: FrameType, event: str, argument: Any) -> Any:
        thread = current_thread()
        function = None if thread is None else self._functions.get(thread)
        return None if function is None or is_ours(frame) else function(frame, event, argument)

    def set_all(self, thread: SimThread, function: Any, /) -> None:
        for each in thread.state.threads():
            self.set(each, function)

    def install(self) -> None:
        dispatch(sys, f"set{self.name}", lambda thread, function, /: self.set(thread, function))
        dispatch(sys, f"get{self.name}", lambda thread: self.get(thread))
        dispatch(sys, f"_set{self.name}allthreads", self.set_all)


def _patch_profiler(profiling: ModuleType) -> None:
    """Have a profiler that a thread enabled end with it."""
    owner: Any = vars(profiling)["Profile"]
    real_enable: Any = owner.enable
    real_disable: Any = owner.disable
    enabled: dict[int, Any] = {}

    def enable(self: Any, *args: Any, **kwargs: Any) -> None:
        real_enable(self, *args, **kwargs)
        thread = current_thread()
        if thread is not None:
            enabled[id(self)] = self
            thread.at_end.append(lambda: disable(self) if id(self) in enabled else None)

    def disable(self: Any) -> None:
        enabled.pop(id(self), None)
        real_disable(self)

    owner.enable, owner.disable = enable, disable


def install() -> None:
    for name in ("trace", "profile"):
        Tracing(name).install()
    after_import("cProfile", _patch_profiler)
