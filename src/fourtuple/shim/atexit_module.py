"""Stand-in for ``atexit``: calls registered in a simulated process are made when that ends."""

from __future__ import annotations

import atexit
from collections.abc import Callable
from typing import Any

from ..runtime.program import run_at_exit
from ..runtime.thread import SimThread
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


def install() -> None:
    dispatch(atexit, "register", _register)
    dispatch(atexit, "unregister", _unregister)
    dispatch(atexit, "_clear", lambda thread: thread.state.at_exit.clear())
    dispatch(atexit, "_ncallbacks", lambda thread: len(thread.state.at_exit))
    dispatch(atexit, "_run_exitfuncs", lambda thread: run_at_exit(thread.state))
