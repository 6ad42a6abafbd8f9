"""Modules with state of their own for every process, swapped with the view once they are loaded.

They stay shared; only the globals named here are each process's own.
"""

from __future__ import annotations

import itertools
import os
import sys
import weakref
from collections.abc import Callable
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


def _value(value: object) -> Fresh:
    return lambda view, values: value


def _made(make: Callable[[], object]) -> Fresh:
    return lambda view, values: make()


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
    "asyncio.events": {"_event_loop_policy": _value(None)},
    "asyncore": {"socket_map": _made(dict)},
    # Its idle worker threads, which take whatever work comes next.
    "trio._core._thread_cache": {"THREAD_CACHE": lambda view, values: values["ThreadCache"]()},
}

# What a forked child has from its parent.
_INHERITED: Final = {
    "multiprocessing.process": ("_current_process", "_parent_process"),
    "multiprocessing.util": ("_logger", "_log_to_stderr"),
}


class LateModules:
    """Those of ``LATE_MODULES`` that are loaded."""

    def __init__(self) -> None:
        self._loaded: list[tuple[str, dict[str, Any], dict[str, Fresh]]] = []
        self._missing = dict(LATE_MODULES)

    def look(self) -> None:
        """Modules were loaded."""
        for name in list(self._missing):
            module = sys.modules.get(name)
            # It is there while it is still being executed, too.
            if module is not None and all(each in module.__dict__ for each in self._missing[name]):
                self._loaded.append((name, module.__dict__, self._missing.pop(name)))

    def save(self, late: dict[str, dict[str, Any]]) -> None:
        """Note in ``late`` what the globals are now."""
        for name, values, fresh in self._loaded:
            saved = late.get(name)
            if saved is None:
                saved = late[name] = {}
            for each in fresh:
                saved[each] = values[each]

    def restore(self, view: View) -> None:
        """Make the globals those of ``view``."""
        for name, values, fresh in self._loaded:
            saved = view.late.get(name)
            if saved is None:
                saved = {each: make(view, values) for each, make in fresh.items()}
                saved.update(view.inherited.get(name, {}))
                if name == "concurrent.futures.process":
                    # What it registers when it is imported, which happens once for all processes.
                    view.of_threading()["_threading_atexits"].append(values["_python_exit"])
                view.late[name] = saved
            values.update(saved)


def inherited_values(parent: View) -> dict[str, dict[str, Any]]:
    """What a forked child has from ``parent``."""
    return {
        name: {each: parent.late[name][each] for each in names}
        for name, names in _INHERITED.items()
        if name in parent.late
    }
