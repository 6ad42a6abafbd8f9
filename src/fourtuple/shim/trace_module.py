"""Stand-in for ``sys.settrace``, ``gettrace`` and their counterparts for all threads.

All simulated threads are one of the OS, which has one trace function: ours, while a program has set one. It
calls that of the simulated thread that runs, and not for the code of this package, which on a real host
is C and traced by nobody: a trace function that takes a lock would come in the middle of taking it.
"""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any, Final

from ..runtime.stuck import is_ours
from ..runtime.thread import SimThread, current_thread
from .patching import dispatch

_real_set: Final[Any] = sys.settrace
_real_get: Final[Any] = sys.gettrace


class Tracing:
    """The threads that have a trace function, and what the outside had before."""

    def __init__(self) -> None:
        self._functions: dict[SimThread, Any] = {}
        self._former: Any = None

    def set(self, thread: SimThread, function: Any) -> None:
        if function is None:
            self.forget(thread)
            return
        if thread not in self._functions:
            thread.at_end.append(lambda: self.forget(thread))
        if not self._functions:
            self._former = _real_get()
        self._functions[thread] = function
        _real_set(self.call)

    def get(self, thread: SimThread) -> Any:
        return self._functions.get(thread)

    def forget(self, thread: SimThread) -> None:
        if self._functions.pop(thread, None) is not None and not self._functions:
            _real_set(self._former)
            self._former = None

    def call(self, frame: FrameType, event: str, argument: Any) -> Any:
        thread = current_thread()
        function = None if thread is None else self._functions.get(thread)
        return None if function is None or is_ours(frame) else function(frame, event, argument)


_tracing: Final = Tracing()


def _set_all(thread: SimThread, function: Any, /) -> None:
    for each in thread.state.threads():
        _tracing.set(each, function)


def install() -> None:
    dispatch(sys, "settrace", lambda thread, function, /: _tracing.set(thread, function))
    dispatch(sys, "gettrace", lambda thread: _tracing.get(thread))
    dispatch(sys, "_settraceallthreads", _set_all)
