"""Tracebacks that a program prints itself, and those of exceptions nobody can catch, without the simulator's
frames: where the real function is C, python has none.

Module ``traceback`` leaves them out as it walks, so ``print_exc``, ``print_stack``, ``logging.exception`` and
their like do, and so does ``inspect.stack``; the objects are as they are.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any, TextIO

from ..runtime.greenlets import GreenletExit
from ..runtime.stuck import is_ours
from ..runtime.thread import SimThread, current_thread
from ..runtime.tracebacks import strip_traceback
from ..runtime.unhandled import tell_unhandled
from .import_module import after_import
from .patching import dispatch


def _walk_without(name: str) -> None:
    """Have a generator of ``traceback`` whose items begin with a frame leave ours out."""
    real: Callable[..., Iterator[tuple[Any, ...]]] | None = getattr(traceback, name, None)
    if real is None:
        return
    walk = real

    def walked(*args: Any) -> Iterator[tuple[Any, ...]]:
        found = walk(*args)
        # Without a frame walk_stack() counts back to its caller from where it is.
        if current_thread() is None or args[0] is None:
            return found
        return (item for item in found if not is_ours(item[0]))

    walked.__name__ = walked.__qualname__ = name
    walked.__doc__ = real.__doc__
    setattr(traceback, name, walked)


def _without_ours(real: Callable[..., list[Any]]) -> Callable[..., list[Any]]:
    def listed(thread: SimThread, *args: Any, **kwargs: Any) -> list[Any]:
        return [item for item in real(*args, **kwargs) if not is_ours(item.frame)]

    return listed


def _patch_inspect(module: ModuleType) -> None:
    for name in ("getouterframes", "getinnerframes"):
        dispatch(module, name, _without_ours(getattr(module, name)))


def _unraisable(thread: SimThread, args: Any, /) -> None:
    """What the C function prints."""
    if issubclass(args.exc_type, GreenletExit):
        # A killed thread: it is the kill that nobody else is told of.
        return
    if sys.stderr is not None:
        _print_unraisable(args, sys.stderr)
    tell_unhandled(thread.state, args.exc_type, "It was ignored in")


def _print_unraisable(args: Any, stream: TextIO) -> None:
    told = args.err_msg or "Exception ignored in"
    stream.write(f"{told}: {args.object!r}\n" if args.object is not None else f"{told}:\n")
    shown = strip_traceback(args.exc_traceback)
    traceback.print_exception(args.exc_type, args.exc_value, shown, file=stream, chain=False)
    stream.flush()


def install() -> None:
    for name in ("walk_tb", "_walk_tb_with_full_positions", "walk_stack"):
        _walk_without(name)
    after_import("inspect", _patch_inspect)
    dispatch(sys, "__unraisablehook__", _unraisable)
