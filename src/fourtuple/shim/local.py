"""``threading.local`` for simulated threads and those of the OS.

Every thread has a dict of its own in each instance. For threads of the OS it hangs on a real local, so
it goes when they do; for simulated threads the instance keeps it until they end.
"""

from __future__ import annotations

import _thread
import functools
import weakref
from collections.abc import Callable
from typing import Any, Final

from ..runtime.thread import SimThread, current_thread

REAL_LOCAL: Final[type[Any]] = _thread._local
_get: Final = object.__getattribute__
_set: Final = object.__setattr__


class local:  # noqa: N801  the name it has in _thread
    """``_thread._local``."""

    __slots__ = ("__weakref__", "_local_args", "_local_outside", "_local_threads")

    def __new__(cls, /, *args: Any, **kwargs: Any) -> local:
        if (args or kwargs) and cls.__init__ is object.__init__:
            raise TypeError("Initialization arguments are not supported")
        self = super().__new__(cls)
        _set(self, "_local_args", (args, kwargs))
        _set(self, "_local_outside", REAL_LOCAL())
        _set(self, "_local_threads", {})
        # type() calls __init__ for this thread; _contents does so for the others.
        thread = current_thread()
        if thread is None:
            _get(self, "_local_outside").contents = {}
        else:
            _new_contents(self, thread)
        return self

    def __getattribute__(self, name: str) -> Any:
        contents = _contents(self)
        if name in contents:
            return contents[name]
        if name == "__dict__":
            return contents
        return _get(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "__dict__":
            raise AttributeError(f"{type(self).__name__!r} object attribute '__dict__' is read-only")
        if hasattr(getattr(type(self), name, None), "__set__"):
            _set(self, name, value)
        else:
            _contents(self)[name] = value

    def __delattr__(self, name: str) -> None:
        if name == "__dict__":
            raise AttributeError(f"{type(self).__name__!r} object attribute '__dict__' is read-only")
        contents = _contents(self)
        if name in contents:
            del contents[name]
        else:
            object.__delattr__(self, name)


def _contents(self: local) -> dict[str, Any]:
    """The calling thread's dict in ``self``."""
    thread = current_thread()
    if thread is None:
        outside = _get(self, "_local_outside")
        try:
            contents: dict[str, Any] = outside.contents
        except AttributeError:
            contents = outside.contents = {}
            _initialise(self)
        return contents
    threads: dict[SimThread, dict[str, Any]] = _get(self, "_local_threads")
    if thread in threads:
        return threads[thread]
    contents = _new_contents(self, thread)
    _initialise(self)
    return contents


def _new_contents(self: local, thread: SimThread) -> dict[str, Any]:
    contents: dict[str, Any] = {}
    _get(self, "_local_threads")[thread] = contents
    thread.at_leave.append(functools.partial(_forget, weakref.ref(self), thread))
    return contents


def _forget(reference: Callable[[], local | None], thread: SimThread) -> None:
    # What is finalized with the contents may look at the others; not at these, which are gone.
    self = reference()
    if self is not None:
        _get(self, "_local_threads").pop(thread, None)


def _initialise(self: local) -> None:
    initialise: Any = type(self).__init__
    if initialise is not object.__init__:
        args, kwargs = _get(self, "_local_args")
        initialise(self, *args, **kwargs)


def stand_in_for(real: Any, kind: type[local] = local) -> local:
    """A ``kind`` whose outside contents are those of ``real``, an instance of the real type."""
    self: local = local.__new__(kind)
    _set(self, "_local_outside", _Outside(real))
    return self


class _Outside:
    """Gives a real local's own dict as the contents for threads of the OS."""

    __slots__ = ("_real",)

    def __init__(self, real: Any) -> None:
        self._real = real

    @property
    def contents(self) -> dict[str, Any]:
        contents: dict[str, Any] = self._real.__dict__
        return contents
