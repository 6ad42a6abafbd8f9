"""The tools of every stand-in: how a name is replaced, also where it was bound before.

A replaced function must behave as the built-in it replaces where it is kept in a class: a built-in
does not bind. So each stand-in is a method already bound to its module, which does not bind again.
"""

from __future__ import annotations

import functools
import gc
import importlib
import sys
from collections.abc import Callable
from types import FunctionType, MethodType, ModuleType
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from ..runtime.thread import SimThread, current_thread

P = ParamSpec("P")
R = TypeVar("R")

_PACKAGE = __name__.partition(".")[0]


class ModuleReference:
    """What a stand-in is bound to. Pickled by name, so a pickled stand-in is the real function
    wherever it is loaded."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __reduce__(self) -> tuple[Callable[[str], ModuleType], tuple[str]]:
        return importlib.import_module, (self.name,)

    def __getattr__(self, name: str) -> object:
        return getattr(importlib.import_module(self.name), name)

    def __repr__(self) -> str:
        return f"<module {self.name!r}>"


class Replacements:
    """The names replaced so far and the objects they stood for."""

    def __init__(self) -> None:
        self._new: dict[int, object] = {}
        # Keeps the ids above from being given to other objects.
        self._old: list[object] = []

    def replace(self, module: ModuleType, name: str, new: object) -> None:
        """Bind ``module.name`` to ``new``, and remember to rebind it elsewhere."""
        old = getattr(module, name)
        if old is new:
            return
        self._old.append(old)
        for earlier, value in self._new.items():
            if value is old:
                # A stand-in on top of another.
                self._new[earlier] = new
        self._new[id(old)] = new
        setattr(module, name, new)

    def table(self) -> dict[int, object]:
        """What each object is replaced by, by its id."""
        return dict(self._new)

    def note(self, old: object, new: object) -> None:
        """``old`` is replaced by other means; who holds it is to hold ``new``."""
        self._old.append(old)
        self._new[id(old)] = new

    def rebind(self) -> None:
        """Replace the old objects wherever they were bound: in globals of modules, dicts and lists
        there, attributes of their classes, defaults of their functions. The package's own modules
        keep them."""
        for name, module in list(sys.modules.items()):
            if name.partition(".")[0] == _PACKAGE or not isinstance(module, ModuleType):
                continue
            self._rebind_module(module)

    def _rebind_module(self, module: ModuleType) -> None:
        new = self._new
        values = module.__dict__
        for name, value in list(values.items()):
            if id(value) in new:
                values[name] = new[id(value)]
            elif isinstance(value, FunctionType):
                self._rebind_defaults(value)
            elif isinstance(value, type):
                if value.__module__ == module.__name__:
                    self._rebind_class(value)
            elif type(value) is dict or type(value) is list:
                self._rebind_items(value)

    def _rebind_items(self, container: dict[Any, object] | list[object]) -> None:
        new = self._new
        pairs = list(container.items() if isinstance(container, dict) else enumerate(container))
        for key, value in pairs:
            if id(value) in new:
                container[key] = new[id(value)]

    def _rebind_class(self, owner: type) -> None:
        new = self._new
        for name, value in list(vars(owner).items()):
            replacement: object = None
            if id(value) in new:
                replacement = new[id(value)]
            elif isinstance(value, staticmethod) and id(value.__func__) in new:
                replacement = staticmethod(_function(new[id(value.__func__)]))
            elif isinstance(value, FunctionType):
                self._rebind_defaults(value)
            if replacement is not None:
                try:
                    setattr(owner, name, replacement)
                except (TypeError, AttributeError):
                    # A class that cannot be changed is one of C, which binds no Python names.
                    continue

    def _rebind_defaults(self, function: FunctionType) -> None:
        new = self._new
        defaults = function.__defaults__
        if defaults and any(id(value) in new for value in defaults):
            function.__defaults__ = tuple(new.get(id(value), value) for value in defaults)
        keywords = function.__kwdefaults__
        if keywords:
            for name, value in keywords.items():
                if id(value) in new:
                    keywords[name] = new[id(value)]


def _function(value: object) -> Callable[..., Any]:
    assert callable(value)
    return value


replacements = Replacements()


def replace(module: ModuleType, name: str, new: object) -> None:
    """Bind ``module.name`` to ``new`` for good; :func:`rebind_all` finds the other bindings."""
    replacements.replace(module, name, new)


def rebind_all() -> None:
    """Rebind every replaced name that some module bound before, once all are replaced."""
    replacements.rebind()


def bound(module: ModuleType, name: str, function: Callable[..., Any]) -> MethodType:
    """``function(reference, …)`` as a stand-in for ``module.name``."""
    real = getattr(module, name)
    functools.update_wrapper(function, real)
    if getattr(real, "__module__", None) is None:
        function.__module__ = module.__name__
    return MethodType(function, ModuleReference(module.__name__))


# What the calls of these modules do reaches beyond the memory of the process that makes them,
_REACHING: Final = frozenset(
    (
        *("posix", "os", "builtins", "io", "_io", "fcntl", "select", "_socket", "_posixsubprocess"),
        *("_posixshmem", "_multiprocessing", "resource", "faulthandler"),
    )
)
# but for those that only ask, or set what ends with the process (a descriptor is closed already).
_NOT_REACHING: Final = frozenset(
    (
        *("stat", "lstat", "fstat", "access", "listdir", "scandir", "readlink", "isatty", "uname", "times"),
        *("cpu_count", "sched_getaffinity", "sysconf", "urandom", "device_encoding", "register_at_fork"),
        *("close", "closerange", "chdir", "fchdir", "umask", "putenv", "unsetenv", "setrlimit"),
        *("is_enabled", "disable", "_exit", "abort"),
    )
)
_REACHING_TOO: Final = frozenset((("_signal", "pidfd_send_signal"), ("_signal", "pthread_kill")))


def reaches_out(module: str, name: str) -> bool:
    """Must ``module.name`` do nothing in a thread that is killed?"""
    if (module, name) in _REACHING_TOO:
        return True
    if module not in _REACHING or name in _NOT_REACHING:
        return False
    # getaddrinfo() and its kin ask name servers.
    return module == "_socket" or not name.startswith("get")


def dispatch(
    module: ModuleType, name: str, inside: Callable[Concatenate[SimThread, P], R]
) -> Callable[P, R] | None:
    """Replace ``module.name`` by a function that is ``inside(thread, …)`` in a simulated thread and
    the real one outside. A killed thread makes no call that reaches out of its process. Returns the real
    one; None if this platform has no such function."""
    real: Callable[..., Any] | None = getattr(module, name, None)
    if real is None:
        return None
    outside = real
    reaches = reaches_out(module.__name__, name)

    def call(reference: ModuleReference, /, *args: Any, **kwargs: Any) -> Any:
        thread = current_thread()
        if thread is None:
            return outside(*args, **kwargs)
        if reaches and thread.killed:
            thread.refuse_killed()
        return inside(thread, *args, **kwargs)

    replace(module, name, bound(module, name, call))
    return real


def dispatch_method(owner: type, name: str, inside: Callable[..., Any], static: bool = False) -> None:
    """Replace a method of a Python class by one that is ``inside(thread, self, …)`` in a simulated
    thread; nothing if this version of the class has no such method."""
    found = owner.__dict__.get(name)
    if found is None:
        return
    real: Callable[..., Any] = found.__func__ if static else found

    def call(*args: Any, **kwargs: Any) -> Any:
        thread = current_thread()
        if thread is None:
            return real(*args, **kwargs)
        return inside(thread, *args, **kwargs)

    functools.update_wrapper(call, real)
    setattr(owner, name, staticmethod(call) if static else call)


def replace_in_type(owner: type, name: str, new: object) -> None:
    """Replace an attribute of a C type, which Python itself will not set.

    Raises RuntimeError if the interpreter does not let itself be changed so.
    """
    import ctypes

    contents = gc.get_referents(owner.__dict__)
    if len(contents) != 1 or not isinstance(contents[0], dict):
        raise RuntimeError(f"cannot reach the attributes of {owner!r}")
    contents[0][name] = new
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(owner))
    if owner.__dict__[name] is not new:
        raise RuntimeError(f"cannot replace {name!r} of {owner!r}")
