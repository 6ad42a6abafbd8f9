"""What CPython keeps once per interpreter, kept once per simulated process: its view.

``interpreter.py`` swaps the views.
"""

from __future__ import annotations

import concurrent.futures.thread
import itertools
import logging
import os
import sys
import threading
import warnings
import weakref
from collections.abc import Iterable
from types import ModuleType
from typing import Any, Final

from ..kernel.process import Process
from .late_modules import inherited_values
from .stdio import standard_streams
from .thread import current_thread
from .timezone import UTC

_SYS_NAMES: Final = (
    "argv",
    "path",
    "stdin",
    "stdout",
    "stderr",
    "excepthook",
    "unraisablehook",
    "displayhook",
    "__stdin__",
    "__stdout__",
    "__stderr__",
    "orig_argv",
    "warnoptions",
    "_xoptions",
    "dont_write_bytecode",
    "flags",
)
_THREADING_NAMES: Final = tuple(
    name
    for name in (
        "_active",
        "_limbo",
        "_dangling",
        "_main_thread",
        "_threading_atexits",
        "_SHUTTING_DOWN",
        "_counter",
        "_shutdown_locks",
        "excepthook",
        "_trace_hook",
        "_profile_hook",
    )
    if name in threading.__dict__
)
_EXECUTOR_NAMES: Final = ("_shutdown", "_threads_queues")
_LOGGING_NAMES: Final = ("_handlerList", "_handlers", "_startTime")
_WARNINGS_NAMES: Final = ("filters", "showwarning", "_showwarnmsg_impl")
# Modules and those of their globals that every process has of its own.
SWAPPED: Final = (
    (sys.__dict__, _SYS_NAMES),
    (threading.__dict__, _THREADING_NAMES),
    (concurrent.futures.thread.__dict__, _EXECUTOR_NAMES),
    (logging.__dict__, _LOGGING_NAMES),
    (warnings.__dict__, _WARNINGS_NAMES),
)
# What python ignores unless told otherwise.
_IGNORED_WARNINGS: Final = (
    DeprecationWarning,
    PendingDeprecationWarning,
    ImportWarning,
    ResourceWarning,
)
STANDARD_ENVIRONMENT: Final[Any] = os.environ
"""What ``os.environ`` is when the interpreter starts; os.getenv and os.putenv go by it."""


class View:
    """The interpreter as one process sees it, complete while that process is switched out."""

    def __init__(self, main: ModuleType, process: Process | None) -> None:
        self.process = process
        """Whose it is, None for the outside."""
        self.values: tuple[dict[str, Any], ...] = ({}, {}, {}, {}, {})
        """Globals of ``sys``, ``threading``, the thread pools, ``logging`` and ``warnings``."""
        self.main = main
        self.modules: dict[str, ModuleType] = {}
        """The program's own modules by name."""
        self.isolated: tuple[str, ...] = ()
        """Packages of which it has modules of its own, wherever they are from."""
        self.hidden: dict[str, ModuleType] = {}
        """While it is switched in, the shared modules that its own ones stand for."""
        self.to_hide: tuple[int, list[str]] = (0, [])
        """Their names, and the number of shared modules they were found among."""
        self.late: dict[str, tuple[Any, ...]] = {}
        """Globals of the modules of ``late_modules``, by module, in the order of that table."""
        self.inherited: dict[str, dict[str, Any]] = {}
        """Those of them that a forked child starts with."""
        self.secret = b""
        """32 bytes for ``multiprocessing`` to prove itself with, drawn from the seed."""
        self.forked: list[ForkedModule] = []
        """Modules it shares with the processes it was forked from, or that were forked from it."""
        self.builtins: dict[str, Any] | None = None
        """Contents of ``builtins`` if the process put a name there or took one away (as gettext does)."""
        self.environment: Any = STANDARD_ENVIRONMENT
        """What ``os.environ`` is bound to: the standard object, unless a program replaced it."""
        self.environ: dict[Any, Any] = {}
        """The standard object's contents as it keeps them (bytes on POSIX)."""
        self.zone = UTC
        """The local time zone, as in TZ."""
        self.directory: str | None = None
        """Working directory, None while it was never changed."""

    def of_sys(self) -> dict[str, Any]:
        return self.values[0]

    def of_threading(self) -> dict[str, Any]:
        return self.values[1]

    def end(self) -> None:
        """Its process is no more, nor any thread of it that could ask."""
        for forked in self.forked:
            forked.leave(self)

    def set_environ(self, environ: dict[str, str]) -> None:
        """Make ``environ`` the contents of ``os.environ``."""
        self.environ = {os.fsencode(name): os.fsencode(value) for name, value in environ.items()}
        self.zone = environ.get("TZ", UTC)


class ForkedModule:
    """A module of a program that was forked. Parent and child have one module object, whose globals
    are of whom it was entered by last; the others' are kept here."""

    def __init__(self, module: ModuleType, present: View) -> None:
        self.module = module
        self.present = present
        """Whose globals the module shows."""
        self.kept: dict[View, dict[str, Any]] = {}

    def enter(self, view: View) -> None:
        """Show the globals of ``view``."""
        if self.present is view or view not in self.kept:
            return
        values = self.module.__dict__
        self.kept[self.present] = dict(values)
        values.clear()
        values.update(self.kept.pop(view))
        self.present = view

    def leave(self, view: View) -> None:
        """The process of ``view`` is no more."""
        self.kept.pop(view, None)


def outer_view() -> View:
    """The interpreter as it is now."""
    view = View(sys.modules["__main__"], None)
    for saved, (values, names) in zip(view.values, SWAPPED, strict=True):
        for name in names:
            saved[name] = values.get(name)
    view.environment = os.environ
    view.environ = STANDARD_ENVIRONMENT._data
    return view


def process_view(outer: View, process: Process) -> View:
    """The view a new process starts with: fresh streams and thread tables, its own environment."""
    view = View(outer.main, process)
    for mine, others in zip(view.values, outer.values, strict=True):
        mine.update(others)
    of_sys, _, _, of_logging, of_warnings = view.values
    of_sys.update(
        argv=list(process.argv),
        path=list(of_sys["path"]),
        excepthook=sys.__excepthook__,
        unraisablehook=sys.__unraisablehook__,
        displayhook=sys.__displayhook__,
        warnoptions=[],
        _xoptions={},
        dont_write_bytecode=False,
    )
    _renew(view, process)
    started = process.kernel.epoch_ns + process.started
    of_logging.update(
        _handlerList=[],
        _handlers=weakref.WeakValueDictionary(),
        _startTime=started if isinstance(of_logging["_startTime"], int) else started / 1e9,
    )
    of_warnings.update(
        filters=[
            ("default", None, DeprecationWarning, "__main__", 0),
            *(("ignore", None, category, None, 0) for category in _IGNORED_WARNINGS),
        ],
        showwarning=warnings.__dict__["_showwarning_orig"],
        _showwarnmsg_impl=_show_warning,
    )
    view.set_environ(process.environ)
    return view


def forked_view(parent: View, process: Process) -> View:
    """The view of a forked child: its parent's as it is now, but with threads and streams of its own.

    ``parent`` must be complete. The program's modules are the parent's own.
    """
    view = View(parent.main, process)
    for mine, others in zip(view.values, parent.values, strict=True):
        mine.update(others)
    of_sys, _, _, of_logging, of_warnings = view.values
    for name in ("argv", "path", "orig_argv", "warnoptions"):
        of_sys[name] = list(of_sys[name])
    _renew(view, process)
    of_logging.update(
        _handlerList=list(of_logging["_handlerList"]),
        _handlers=weakref.WeakValueDictionary(of_logging["_handlers"]),
    )
    of_warnings.update(filters=list(of_warnings["filters"]))
    view.inherited = inherited_values(parent)
    view.secret = parent.secret
    view.environ = dict(parent.environ)
    view.environment = parent.environment
    view.directory = parent.directory
    view.builtins = None if parent.builtins is None else dict(parent.builtins)
    view.zone = parent.zone
    view.modules = dict(parent.modules)
    view.isolated = parent.isolated
    return view


def _renew(view: View, process: Process) -> None:
    """Give ``view`` streams on the descriptors of ``process``, and thread tables of a process that has
    no threads yet."""
    of_sys, of_threading, of_executors, _, _ = view.values
    streams = standard_streams(process)
    for name, stream in zip(("stdin", "stdout", "stderr"), streams, strict=True):
        of_sys[name] = of_sys[f"__{name}__"] = stream
    of_threading.update(
        _active=ThreadTable(),
        _limbo=LimboTable(),
        _dangling=weakref.WeakSet(),
        _threading_atexits=[vars(concurrent.futures.thread)["_python_exit"]],
        _SHUTTING_DOWN=False,
        excepthook=threading.__excepthook__,
        # All simulated threads are one of the OS: the trace function that is set there follows them.
        # Setting it anew for each would make a tracer forget the frames it has seen.
        _trace_hook=None,
        _profile_hook=None,
    )
    if "_counter" in of_threading:
        of_threading["_counter"] = itertools.count(1).__next__
    if "_shutdown_locks" in of_threading:
        of_threading["_shutdown_locks"] = OrderedSet()
    of_executors.update(_shutdown=False, _threads_queues=weakref.WeakKeyDictionary())


def _show_warning(message: warnings.WarningMessage) -> None:
    """As python prints a warning; its own function may be replaced at the moment by one that collects."""
    stream = message.file or sys.stderr
    if stream is not None:
        stream.write(_warnings["_formatwarnmsg"](message))


def save_rebound(view: View) -> None:
    """Note the globals that programs rebind; the others keep their objects.

    Written out since it happens at every turn. Raises KeyError if one is missing.
    """
    of_sys, of_threading, of_executors, _, of_warnings = view.values
    of_sys["argv"] = _sys["argv"]
    of_sys["path"] = _sys["path"]
    of_sys["stdin"] = _sys["stdin"]
    of_sys["stdout"] = _sys["stdout"]
    of_sys["stderr"] = _sys["stderr"]
    of_sys["excepthook"] = _sys["excepthook"]
    of_sys["unraisablehook"] = _sys["unraisablehook"]
    of_sys["displayhook"] = _sys["displayhook"]
    of_sys["dont_write_bytecode"] = _sys["dont_write_bytecode"]
    of_threading["excepthook"] = _threading["excepthook"]
    of_threading["_trace_hook"] = _threading["_trace_hook"]
    of_threading["_profile_hook"] = _threading["_profile_hook"]
    of_executors["_shutdown"] = _executors["_shutdown"]
    of_warnings["filters"] = _warnings["filters"]
    of_warnings["showwarning"] = _warnings["showwarning"]
    of_warnings["_showwarnmsg_impl"] = _warnings["_showwarnmsg_impl"]


class ThreadTable(dict[int, Any]):
    """``threading._active`` of a process. Threads of the OS still find themselves through it, should
    they ask while the process is switched in."""

    def __missing__(self, ident: int) -> Any:
        return _outer_threads[ident]

    def __setitem__(self, ident: int, thread: Any) -> None:
        if current_thread() is None:
            _outer_threads[ident] = thread
        else:
            super().__setitem__(ident, thread)

    def __delitem__(self, ident: int) -> None:
        # Of the OS, should it end while the process is switched in.
        if ident in self:
            super().__delitem__(ident)
        else:
            del _outer_threads[ident]


class LimboTable(dict[Any, Any]):
    """``threading._limbo`` of a process, with threads of the OS kept out likewise."""

    def __setitem__(self, thread: Any, value: Any) -> None:
        if current_thread() is None:
            _outer_limbo[thread] = value
        else:
            super().__setitem__(thread, value)

    def __delitem__(self, thread: Any) -> None:
        if thread in self:
            super().__delitem__(thread)
        else:
            del _outer_limbo[thread]


class OrderedSet(dict[Any, None]):
    """The part of ``set`` that modules use for objects they then go through, in the order of insertion:
    who comes first must not depend on addresses."""

    def add(self, item: object) -> None:
        self[item] = None

    def discard(self, item: object) -> None:
        self.pop(item, None)

    def remove(self, item: object) -> None:
        del self[item]

    def difference_update(self, items: Iterable[object]) -> None:
        for item in items:
            self.pop(item, None)


_outer_limbo: Final[dict[Any, Any]] = threading.__dict__["_limbo"]
_outer_threads: Final[dict[int, Any]] = threading.__dict__["_active"]
_sys: Final = sys.__dict__
_threading: Final = threading.__dict__
_warnings: Final = warnings.__dict__
_executors: Final = concurrent.futures.thread.__dict__
