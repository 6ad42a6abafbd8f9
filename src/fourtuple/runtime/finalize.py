"""What an interpreter still does once its program, threads and exit functions are done, as Py_FinalizeEx.

The modules of the program go, and what they kept is finalized where its process is the one that calls:
its descriptors are open, its streams are written, its main thread is the current one.
"""

from __future__ import annotations

import gc
import weakref
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any, Final

from ..kernel.process import Process
from .signals import SignalTable
from .thread import SimThread

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..kernel.kernel import Kernel
    from .process_state import ProcessState
    from .scheduler import Scheduler

_MARK: Final = "__finalized__"
_CODE: Final = (ModuleType, FunctionType, BuiltinFunctionType, MethodType, type, str, bytes, int, float)


class _Mark:
    """Kept in the globals of a module that goes: it is there as long as they are."""

    __slots__ = ("__weakref__", "values")

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values


def finalize_interpreter(state: ProcessState, whole: bool) -> None:
    """Take the program's modules away and finalize what they held. Called by the main thread of the
    process, last of all. ``whole``: it is an interpreter of its own that ends, so what is still held by
    others loses the objects in its globals, as in CPython; a callable's modules may be needed outside."""
    state.finalizing = True
    signals = SignalTable()
    signals.blocked = state.signals.blocked
    state.signals.handlers = signals.handlers
    marks = _marked(state.scheduler.interpreter.take_own())
    full = state.scheduler.garbage.collect_end(whole or bool(marks))
    left = [mark for reference in marks if (mark := reference()) is not None]
    for mark in left:
        _clear(mark.values, whole)
    if left and full and whole:
        gc.collect()


def _marked(modules: list[ModuleType]) -> list[weakref.ref[_Mark]]:
    marks = []
    for module in modules:
        mark = _Mark(module.__dict__)
        module.__dict__[_MARK] = mark
        marks.append(weakref.ref(mark))
    return marks


def _clear(values: dict[str, Any], whole: bool) -> None:
    """Let go of the objects in globals that something outside still holds, the newest first, so that they go
    before what they were made with. Code and constants stay: who holds the globals may yet run it."""
    values.pop(_MARK, None)
    if whole:
        for name in reversed(list(values)):
            if not (name.startswith("__") or isinstance(values[name], _CODE)):
                values[name] = None


class Limbo(SimThread):
    """Where objects are finalized that belong to nobody who runs: left by a process that has ended, or
    collected between two turns.

    The streams and settings are those of ``state``; the process is one that has ended, so no number
    means a descriptor, and nothing blocks.
    """

    def __init__(self, scheduler: Scheduler, state: ProcessState, target: Callable[[], object]) -> None:
        super().__init__(scheduler, state, target, "finalizers", -1)
        self.process = _nobody(state.process.kernel)
        self.dying = True
        # It cannot be left where it is.
        self.refusals = -(1 << 60)


def _nobody(kernel: Kernel) -> Process:
    process = Process(kernel, 0, 0, "finalizers", ["finalizers"], 0, 0)
    process.exit_code = 0
    return process


def in_limbo(scheduler: Scheduler, state: ProcessState, call: Callable[[], object]) -> None:
    """``call()``, from the hub or from outside."""
    Limbo(scheduler, state, call).switch()
