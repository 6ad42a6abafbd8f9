"""Stand-in for ``atexit``: calls registered in a simulated process are made when that ends, and so are
the calls of its ``weakref.finalize`` objects that are still alive."""

from __future__ import annotations

import atexit
import functools
import weakref
from collections.abc import Callable
from typing import Any

from ..runtime.program import run_at_exit
from ..runtime.thread import SimThread, current_thread
from .patching import dispatch


def _register(
    thread: SimThread, call: Callable[..., object], /, *args: Any, **kwargs: Any
) -> Callable[..., object]:
    if not callable(call):
        raise TypeError("the first argument must be callable")
    thread.state.at_exit.append((call, args, kwargs))
    return call


def _unregister(thread: SimThread, call: Callable[..., object], /) -> None:
    kept = [entry for entry in thread.state.at_exit if entry[0] != call]
    thread.state.at_exit[:] = kept


def _install_finalize() -> None:
    """A finalizer belongs to the process that made it."""
    real: Any = weakref.finalize.__init__

    def __init__(self: Any, obj: Any, func: Any, /, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        real(self, obj, func, *args, **kwargs)
        thread = current_thread()
        if thread is not None:
            thread.state.add_finalizer(self)

    functools.update_wrapper(__init__, real)
    owner: Any = weakref.finalize
    owner.__init__ = __init__
    real_call: Any = weakref.finalize.__call__

    def __call__(self: Any, _: object = None) -> Any:  # noqa: N807
        thread = current_thread()
        if thread is not None and thread.killed:
            # Not detach(): that does nothing once the object is gone.
            self._registry.pop(self, None)
            return None
        return real_call(self, _)

    functools.update_wrapper(__call__, real_call)
    owner.__call__ = __call__


def install() -> None:
    _install_finalize()
    dispatch(atexit, "register", _register)
    dispatch(atexit, "unregister", _unregister)
    dispatch(atexit, "_clear", lambda thread: thread.state.at_exit.clear())
    dispatch(atexit, "_ncallbacks", lambda thread: len(thread.state.at_exit))
    dispatch(atexit, "_run_exitfuncs", lambda thread: run_at_exit(thread.state))
