"""Modules with state of their own for every process, swapped with the view once they are loaded.

They stay shared; only the globals named here are each process's own.
"""

from __future__ import annotations

import itertools
import logging
import os
import sys
import weakref
from collections.abc import Callable
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from .views import View

Fresh = Callable[["View", dict[str, Any]], Any]
"""Makes the value a view starts with, given the module's globals."""


def _main_process(view: View, values: dict[str, Any]) -> Any:
    """``multiprocessing.current_process()`` of a program. Its key follows from the seed."""
    # The module deletes its name.
    made = next(kind for kind in values["BaseProcess"].__subclasses__() if kind.__name__ == "_MainProcess")
    if view.process is None:
        return made()
    main = made.__new__(made)
    key = values["AuthenticationString"](view.secret)
    main.__dict__.update(
        _identity=(),
        _name="MainProcess",
        _parent_pid=None,
        _popen=None,
        _closed=False,
        _config={"authkey": key, "semprefix": "/mp"},
    )
    return main


def _directory(view: View, values: dict[str, Any]) -> str:
    return os.getcwd() if view.process is None else view.process.cwd


def _pid(view: View, values: dict[str, Any]) -> int:
    return os.getpid() if view.process is None else view.process.pid


def _value(value: object) -> Fresh:
    return lambda view, values: value


def _made(make: Callable[[], object]) -> Fresh:
    return lambda view, values: make()


# Switches and makers that a program may set; its loggers are in the stand-in of logging.
_LOGGING: Final = tuple(
    name
    for name in (
        *("raiseExceptions", "_srcfile", "logThreads", "logProcesses", "logMultiprocessing"),
        *("logAsyncioTasks", "_loggerClass", "_logRecordFactory"),
    )
    if hasattr(logging, name)
)

# By module: the global, and what it is in a new process.
LATE_MODULES: Final[dict[str, dict[str, Fresh]]] = {
    "subprocess": {"_active": _made(list)},
    "multiprocessing.process": {
        "_current_process": _main_process,
        "_parent_process": _value(None),
        "_process_counter": _made(lambda: itertools.count(1)),
        # ``set`` in that module keeps the order of insertion, see the stand-in.
        "_children": lambda view, values: values.get("set", set)(),
        "_dangling": _made(weakref.WeakSet),
        "ORIGINAL_DIR": _directory,
    },
    "multiprocessing.util": {
        "_afterfork_registry": _made(weakref.WeakValueDictionary),
        "_afterfork_counter": _made(itertools.count),
        "_finalizer_counter": _made(itertools.count),
        "_exiting": _value(False),
        "_logger": _value(None),
        "_log_to_stderr": _value(False),
    },
    "multiprocessing.resource_tracker": {
        "_resource_tracker": lambda view, values: values["ResourceTracker"](),
    },
    "multiprocessing.resource_sharer": {
        "_resource_sharer": lambda view, values: values["_ResourceSharer"](),
    },
    "concurrent.futures.process": {
        "_threads_wakeups": _made(weakref.WeakKeyDictionary),
        "_global_shutdown": _value(False),
    },
    # What it found out about the host.
    "platform": {"_uname_cache": _value(None), "_platform_cache": _made(dict)},
    "logging": {name: _value(vars(logging)[name]) for name in _LOGGING},
    "asyncio.events": {"_event_loop_policy": _value(None)},
    # What libraries number in their modules goes over the wire.
    "asyncpg.connection": {"_uid": _value(0)},
    "icmplib.utils": {"_current_id": _pid},
    "asyncore": {"socket_map": _made(dict)},
    # It replaces methods of the standard library, which must happen once.
    "sentry_sdk.scope": {"_global_scope": _value(None)},
    # Its idle worker threads, which take whatever work comes next.
    "trio._core._thread_cache": {"THREAD_CACHE": lambda view, values: values["ThreadCache"]()},
}

# What a forked child has from its parent.
_INHERITED: Final = {
    "multiprocessing.process": ("_current_process", "_parent_process"),
    "multiprocessing.util": ("_logger", "_log_to_stderr"),
    "logging": _LOGGING,
}


class _Loaded:
    """One of ``LATE_MODULES`` that is loaded. Swapped at every turn, hence tuples."""

    def __init__(self, name: str, values: dict[str, Any], fresh: dict[str, Fresh]) -> None:
        self.name = name
        self.values = values
        self.fresh = fresh
        self.names = tuple(fresh)
        only = self.names[0]
        self.read: Callable[[dict[str, Any]], tuple[Any, ...]] = (
            itemgetter(*self.names) if len(self.names) > 1 else lambda values: (values[only],)
        )

    def made(self, view: View) -> tuple[Any, ...]:
        """What the globals are in a new process, whose view is ``view``."""
        inherited = view.inherited.get(self.name, {})
        if self.name == "concurrent.futures.process":
            # What it registers when it is imported, which happens once for all processes.
            view.of_threading()["_threading_atexits"].append(self.values["_python_exit"])
        return tuple(
            inherited[each] if each in inherited else make(view, self.values)
            for each, make in self.fresh.items()
        )


class LateModules:
    """Those of ``LATE_MODULES`` that are loaded."""

    def __init__(self) -> None:
        self._loaded: list[_Loaded] = []
        self._missing = dict(LATE_MODULES)

    def look(self) -> None:
        """Modules were loaded."""
        for name in list(self._missing):
            module = sys.modules.get(name)
            # It is there while it is still being executed, too.
            if module is not None and all(each in module.__dict__ for each in self._missing[name]):
                self._loaded.append(_Loaded(name, module.__dict__, self._missing.pop(name)))

    def save(self, late: dict[str, tuple[Any, ...]]) -> None:
        """Note in ``late`` what the globals are now."""
        for loaded in self._loaded:
            late[loaded.name] = loaded.read(loaded.values)

    def restore(self, view: View) -> None:
        """Make the globals those of ``view``."""
        late = view.late
        for loaded in self._loaded:
            saved = late.get(loaded.name)
            if saved is None:
                saved = late[loaded.name] = loaded.made(view)
            loaded.values.update(zip(loaded.names, saved, strict=True))


def inherited_values(parent: View) -> dict[str, dict[str, Any]]:
    """What a forked child has from ``parent``."""
    return {
        name: {
            each: value
            for each, value in zip(LATE_MODULES[name], parent.late[name], strict=True)
            if each in names
        }
        for name, names in _INHERITED.items()
        if name in parent.late
    }
