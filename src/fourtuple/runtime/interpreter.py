"""What CPython keeps once per interpreter, kept here once per simulated process.

``sys.argv``, ``sys.path``, the standard streams, ``__main__``, the program's own modules,
``os.environ``, the working directory and the globals of ``threading`` are swapped when the scheduler
turns from one process to another; asyncio's running loop and the hooks of asynchronous generators when
it turns from one thread to another.
Modules of the standard library and of site-packages stay shared by all processes.
"""

from __future__ import annotations

import concurrent.futures.thread
import itertools
import logging
import os
import sys
import sysconfig
import threading
import warnings
import weakref
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from ..kernel.process import Process
from .stdio import standard_streams

if TYPE_CHECKING:
    from .thread import SimThread

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
_NO_HOOKS: Final = (None, None)
_EXECUTOR_NAMES: Final = ("_shutdown", "_threads_queues")
_LOGGING_NAMES: Final = ("_handlerList", "_handlers", "_startTime")
_WARNINGS_NAMES: Final = ("filters", "showwarning", "_showwarnmsg_impl")
# Modules and those of their globals that every process has of its own.
_SWAPPED: Final = (
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
_SHARED_PLACES: Final = tuple(
    os.path.join(place, "")
    for place in dict.fromkeys(
        [
            *(sysconfig.get_path(kind) for kind in ("stdlib", "platstdlib", "purelib", "platlib")),
            *(path for path in sys.path if path.endswith(("site-packages", "dist-packages"))),
            os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
        ]
    )
)


class View:
    """The interpreter as one process sees it, complete while that process is switched out."""

    def __init__(self, main: ModuleType) -> None:
        self.values: tuple[dict[str, Any], ...] = ({}, {}, {}, {}, {})
        """Globals of ``sys``, ``threading``, the thread pools, ``logging`` and ``warnings``."""
        self.main = main
        self.modules: dict[str, ModuleType] = {}
        """The program's own modules by name."""
        self.environ: dict[Any, Any] = {}
        """``os.environ``'s contents as it keeps them (bytes on POSIX)."""
        self.directory: str | None = None
        """Working directory, None while it was never changed."""

    def of_sys(self) -> dict[str, Any]:
        return self.values[0]

    def of_threading(self) -> dict[str, Any]:
        return self.values[1]

    def set_environ(self, environ: dict[str, str]) -> None:
        """Make ``environ`` the contents of ``os.environ``."""
        self.environ = {os.fsencode(name): os.fsencode(value) for name, value in environ.items()}


def outer_view() -> View:
    """The interpreter as it is now."""
    view = View(sys.modules["__main__"])
    for saved, (values, names) in zip(view.values, _SWAPPED, strict=True):
        for name in names:
            saved[name] = values.get(name)
    environment: Any = os.environ
    view.environ = environment._data
    return view


def process_view(outer: View, process: Process) -> View:
    """The view a new process starts with: fresh streams and thread tables, its own environment."""
    view = View(outer.main)
    for mine, others in zip(view.values, outer.values, strict=True):
        mine.update(others)
    of_sys, of_threading, of_executors, of_logging, of_warnings = view.values
    of_sys["argv"] = list(process.argv)
    of_sys["path"] = list(of_sys["path"])
    of_sys["excepthook"] = sys.__excepthook__
    of_sys["unraisablehook"] = sys.__unraisablehook__
    of_sys["displayhook"] = sys.__displayhook__
    streams = standard_streams(process)
    for name, stream in zip(("stdin", "stdout", "stderr"), streams, strict=True):
        of_sys[name] = of_sys[f"__{name}__"] = stream
    of_threading.update(
        _active=ThreadTable(),
        _limbo={},
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


def _show_warning(message: warnings.WarningMessage) -> None:
    """As python prints a warning; its own function may be replaced at the moment by one that collects."""
    stream = message.file or sys.stderr
    if stream is not None:
        stream.write(_warnings["_formatwarnmsg"](message))


def _save_rebound(view: View) -> None:
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


class OrderedSet(dict[Any, None]):
    """The part of ``set`` that threading uses, in the order of insertion: who is joined first must
    not depend on addresses."""

    def add(self, item: object) -> None:
        self[item] = None

    def discard(self, item: object) -> None:
        self.pop(item, None)

    def difference_update(self, items: Iterable[object]) -> None:
        for item in items:
            self.pop(item, None)


# The other face of os.environ, where there is one.
_environment_bytes: Final[Any] = getattr(os, "environb", None)
_outer_threads: Final[dict[int, Any]] = threading.__dict__["_active"]
_sys: Final = sys.__dict__
_threading: Final = threading.__dict__
_warnings: Final = warnings.__dict__
_logging: Final = logging.__dict__
_executors: Final = concurrent.futures.thread.__dict__
_get_hooks: Final[Callable[[], tuple[Any, Any]]] = sys.get_asyncgen_hooks
_set_hooks: Final[Callable[[Any, Any], None]] = sys.set_asyncgen_hooks
_real_chdir: Final[Callable[[Any], None]] = os.chdir
_real_getcwd: Final[Callable[[], str]] = os.getcwd


class Interpreter:
    """Turns the one interpreter from process to process and from thread to thread."""

    def __init__(self) -> None:
        self.outer = outer_view()
        self.view = self.outer
        self.thread: SimThread | None = None
        self._directory: str | None = None
        self._count = len(sys.modules)
        self._shared: set[str] = set(sys.modules)
        self._get_loop: Callable[[], object] | None = None
        self._set_loop: Callable[[object], None] | None = None
        self._outer_loop: object = None
        self._outer_hooks: tuple[Any, Any] = _NO_HOOKS

    def begin(self) -> None:
        """What is installed now is the outside's view."""
        self.outer = self.view = outer_view()
        self._directory = None
        self._shared.update(sys.modules)
        self._count = len(sys.modules)

    def enter(self, thread: SimThread | None) -> None:
        """Make the interpreter that of ``thread``, or of the outside for None."""
        old = self.thread
        if thread is old:
            return
        self._swap_loop(old, thread)
        self._swap_hooks(old, thread)
        view = self.outer if thread is None else thread.state.view
        if view is not self.view:
            self._turn(self.view, view)
            self.view = view
        self.thread = thread

    def _swap_loop(self, old: SimThread | None, new: SimThread | None) -> None:
        if self._get_loop is None:
            events = sys.modules.get("asyncio.events")
            if events is None or not hasattr(events, "_set_running_loop"):
                return
            self._get_loop = events._get_running_loop
            self._set_loop = events._set_running_loop
        assert self._get_loop is not None
        assert self._set_loop is not None
        loop = self._get_loop()
        if old is None:
            self._outer_loop = loop
        else:
            old.running_loop = loop
        wanted = self._outer_loop if new is None else new.running_loop
        if wanted is not loop:
            self._set_loop(wanted)

    def _swap_hooks(self, old: SimThread | None, new: SimThread | None) -> None:
        """Asynchronous generators are finalized by the loop of the thread that first ran them."""
        hooks = _get_hooks()
        if old is None:
            self._outer_hooks = hooks
        else:
            old.asyncgen_hooks = hooks
        wanted = self._outer_hooks if new is None else new.asyncgen_hooks
        if wanted != hooks:
            _set_hooks(*wanted)

    def _turn(self, old: View, new: View) -> None:
        modules = sys.modules
        if len(modules) != self._count:
            self._sort_modules(old)
        if old.modules:
            self._take_modules(old)
        try:
            _save_rebound(old)
        except KeyError:
            # The program deleted one.
            for saved, (values, names) in zip(old.values, _SWAPPED, strict=True):
                saved.update((name, values.get(name)) for name in names)
        of_sys, of_threading, of_executors, of_logging, of_warnings = new.values
        _sys.update(of_sys)
        _threading.update(of_threading)
        _executors.update(of_executors)
        _logging.update(of_logging)
        _warnings.update(of_warnings)
        old.main = modules.get("__main__", old.main)
        modules["__main__"] = new.main
        if new.modules:
            modules.update(new.modules)
        self._count = len(modules)
        environment: Any = os.environ
        old.environ = environment._data
        environment._data = new.environ
        if _environment_bytes is not None:
            _environment_bytes._data = new.environ
        if old.directory is not new.directory:
            self._turn_directory(new)

    def _take_modules(self, old: View) -> None:
        modules = sys.modules
        for name in list(old.modules):
            module = modules.pop(name, None)
            if module is None:
                del old.modules[name]
            else:
                old.modules[name] = module

    def _turn_directory(self, new: View) -> None:
        if self._directory is None:
            self.outer.directory = self._directory = _real_getcwd()
        wanted = new.directory or self.outer.directory
        if wanted is not None and wanted != self._directory:
            _real_chdir(wanted)
            self._directory = wanted

    def _sort_modules(self, view: View) -> None:
        for name, module in list(sys.modules.items()):
            if name in self._shared or name in view.modules:
                continue
            if view is self.outer or not _is_programs_own(module):
                self._shared.add(name)
            else:
                view.modules[name] = module

    def change_directory(self, path: object) -> None:
        """os.chdir of the process that runs now. Raises as that does."""
        if self._directory is None:
            self.outer.directory = self._directory = _real_getcwd()
        _real_chdir(path)
        self.view.directory = self._directory = _real_getcwd()


def _is_programs_own(module: object) -> bool:
    """Was it loaded from a file outside the standard library and site-packages?"""
    spec = getattr(module, "__spec__", None)
    origin = getattr(spec, "origin", None) or getattr(module, "__file__", None)
    if origin is None:
        # A namespace package has only its places.
        places = list(getattr(spec, "submodule_search_locations", None) or ())
        origin = os.path.join(places[0], "") if places else None
    return isinstance(origin, str) and os.path.isabs(origin) and not origin.startswith(_SHARED_PLACES)
