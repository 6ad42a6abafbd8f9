"""Turns the one interpreter from process to process and from thread to thread.

``sys.argv``, ``sys.path``, the standard streams, ``__main__``, the program's own modules,
``os.environ``, the working directory and the globals of ``threading`` and of the modules of
``late_modules`` are swapped when the scheduler turns from one process to another; asyncio's running
loop and the hooks of asynchronous generators when it turns from one thread to another. Modules of the
standard library and of site-packages stay shared by all processes.
"""

from __future__ import annotations

import builtins
import concurrent.futures.thread
import logging
import os
import sys
import sysconfig
import threading
import warnings
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from .late_modules import LateModules
from .own_packages import is_own
from .timezone import UTC, set_zone
from .views import STANDARD_ENVIRONMENT, SWAPPED, ForkedModule, View, outer_view, save_rebound

if TYPE_CHECKING:
    from .thread import SimThread

_NO_HOOKS: Final = (None, None)
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
# The other face of os.environ, where there is one.
_environment_bytes: Final[Any] = getattr(os, "environb", None)
_builtins: Final = builtins.__dict__
_os: Final = os.__dict__
_sys: Final = sys.__dict__
_threading: Final = threading.__dict__
_warnings: Final = warnings.__dict__
_logging: Final = logging.__dict__
_executors: Final = concurrent.futures.thread.__dict__
_get_hooks: Final[Callable[[], tuple[Any, Any]]] = sys.get_asyncgen_hooks
_set_hooks: Final[Callable[[Any, Any], None]] = sys.set_asyncgen_hooks
_real_chdir: Final[Callable[[Any], None]] = os.chdir
_real_getcwd: Final[Callable[[], str]] = os.getcwd


forbidden: Final[set[str]] = set()
"""Packages that no simulated process can import, also when they were loaded outside."""


class Interpreter:
    """Turns the one interpreter from process to process and from thread to thread."""

    def __init__(self) -> None:
        self.outer = outer_view()
        self.view = self.outer
        self.thread: SimThread | None = None
        self._directory: str | None = None
        self._builtins: dict[str, Any] = {}
        self._count = len(sys.modules)
        self._shared: set[str] = set()
        self._forbidden: dict[str, ModuleType] = {}
        self._late = LateModules()
        self._get_loop: Callable[[], object] | None = None
        self._set_loop: Callable[[object], None] | None = None
        self._outer_loop: object = None
        self._outer_hooks: tuple[Any, Any] = _NO_HOOKS

    def begin(self) -> None:
        """What is installed now is the outside's view."""
        self._forbidden = {
            name: module for name, module in sys.modules.items() if name.partition(".")[0] in forbidden
        }
        for name in self._forbidden:
            del sys.modules[name]
        self._late.look()
        self.outer = self.view = outer_view()
        self._directory = None
        self._builtins = dict(_builtins)
        self._sort_modules(self.outer)
        self._count = len(sys.modules)

    def end(self) -> None:
        """The run is over; the outside's view is installed."""
        sys.modules.update(self._forbidden)
        self._forbidden = {}

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

    def complete(self) -> View:
        """The view of the process that runs now, up to date."""
        view = self.view
        self._save(view)
        for name in view.modules:
            view.modules[name] = sys.modules.get(name, view.modules[name])
        return view

    def own_modules(self, view: View) -> list[ModuleType]:
        """The modules of the program of ``view``, which must be complete; each once."""
        modules = dict.fromkeys(view.modules.values())
        if view.main is not self.outer.main:
            modules[view.main] = None
        return list(modules)

    def take_own(self) -> list[ModuleType]:
        """Take its own modules from the process that runs now. Returns those no other process has, too."""
        view = self.complete()
        shared = [forked.module for forked in view.forked]
        # A program may put anything in sys.modules.
        modules = [
            module
            for module in self.own_modules(view)
            if isinstance(module, ModuleType) and not any(module is each for each in shared)
        ]
        for name in view.modules:
            sys.modules.pop(name, None)
        view.modules.clear()
        if view.main is not self.outer.main:
            view.main = sys.modules["__main__"] = ModuleType("__main__")
        self._count = len(sys.modules)
        return modules

    def fork_modules(self, parent: View, child: View) -> None:
        """Give ``child``, forked from ``parent`` which runs now, globals of its own in the program's
        modules."""
        for module in self.own_modules(parent):
            for forked in parent.forked:
                if forked.module is module:
                    break
            else:
                forked = ForkedModule(module, parent)
                parent.forked.append(forked)
            forked.kept[child] = dict(module.__dict__)
            child.forked.append(forked)

    def become(self, state_view: View) -> None:
        """Let the process that runs now go on with another view, having executed a new program."""
        former = self.view
        self._turn(former, state_view)
        self.view = state_view
        former.end()

    def _save(self, old: View) -> None:
        modules = sys.modules
        if len(modules) != self._count:
            self._sort_modules(old)
            self._count = len(modules)
        try:
            save_rebound(old)
        except KeyError:
            # The program deleted one.
            for saved, (values, names) in zip(old.values, SWAPPED, strict=True):
                saved.update((name, values.get(name)) for name in names)
        if len(_builtins) != len(self._builtins) or old.builtins is not None:
            old.builtins = dict(_builtins)
        self._late.save(old.late)
        old.main = modules.get("__main__", old.main)
        old.environment = _os.get("environ", STANDARD_ENVIRONMENT)
        old.environ = STANDARD_ENVIRONMENT._data

    def _turn(self, old: View, new: View) -> None:
        modules = sys.modules
        self._save(old)
        if old.modules:
            self._take_modules(old)
        if old.hidden:
            modules.update(old.hidden)
            old.hidden = {}
        of_sys, of_threading, of_executors, of_logging, of_warnings = new.values
        _sys.update(of_sys)
        _threading.update(of_threading)
        _executors.update(of_executors)
        _logging.update(of_logging)
        _warnings.update(of_warnings)
        if old.builtins is not None or new.builtins is not None:
            contents = self._builtins if new.builtins is None else new.builtins
            update = _builtins.update
            _builtins.clear()
            update(contents)
        self._late.restore(new)
        modules["__main__"] = new.main
        if new.isolated:
            self._hide_modules(new)
        if new.modules:
            modules.update(new.modules)
        self._count = len(modules)
        for forked in new.forked:
            forked.enter(new)
        _os["environ"] = new.environment
        STANDARD_ENVIRONMENT._data = new.environ
        if _environment_bytes is not None:
            _environment_bytes._data = new.environ
        if old.directory is not new.directory:
            self._turn_directory(new)
        if old.zone != new.zone:
            set_zone(new.zone)

    def _hide_modules(self, new: View) -> None:
        if new.to_hide[0] != len(self._shared):
            names = [name for name in sys.modules if is_within(name, new.isolated)]
            new.to_hide = (len(self._shared), names)
        for name in new.to_hide[1]:
            module = sys.modules.pop(name, None)
            if module is not None:
                new.hidden[name] = module

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
        self._late.look()
        for name, module in list(sys.modules.items()):
            if view.isolated and is_within(name, view.isolated):
                view.modules[name] = module
                continue
            if name in self._shared or name in view.modules:
                continue
            if is_own(name) or (view is not self.outer and is_programs_own(module)):
                view.modules[name] = module
            else:
                self._shared.add(name)

    def is_shared(self, module: ModuleType) -> bool:
        """Is ``module``, which the process that runs now imports, one for all processes?"""
        name = module.__name__
        return not (is_own(name) or is_within(name, self.view.isolated) or is_programs_own(module))

    def change_zone(self) -> None:
        """time.tzset() of the process that runs now."""
        self.view.zone = os.environ.get("TZ", UTC)
        set_zone(self.view.zone)

    def change_directory(self, path: object) -> None:
        """os.chdir of the process that runs now. Raises as that does."""
        if self._directory is None:
            self.outer.directory = self._directory = _real_getcwd()
        _real_chdir(path)
        self.view.directory = self._directory = _real_getcwd()


def is_within(name: str, packages: tuple[str, ...]) -> bool:
    """Is the module ``name`` one of ``packages``, or in one?"""
    return any(name == package or name.startswith(package + ".") for package in packages)


def check_isolated(packages: Sequence[str]) -> tuple[str, ...]:
    """``packages`` as a process can have them of its own. Raises ValueError for one it cannot."""
    for package in packages:
        if not package.isidentifier():
            raise ValueError(f"{package!r} is not the name of a package at the top level")
        if package in sys.stdlib_module_names or package in ("fourtuple", "greenlet"):
            raise ValueError(f"{package} cannot be isolated: every simulated process shares it")
    return tuple(packages)


def is_programs_own(module: object) -> bool:
    """Was it loaded from a file outside the standard library and site-packages?"""
    spec = getattr(module, "__spec__", None)
    origin = getattr(spec, "origin", None) or getattr(module, "__file__", None)
    if origin is None:
        # A namespace package has only its places.
        places = list(getattr(spec, "submodule_search_locations", None) or ())
        origin = os.path.join(places[0], "") if places else None
    return isinstance(origin, str) and os.path.isabs(origin) and not origin.startswith(_SHARED_PLACES)
