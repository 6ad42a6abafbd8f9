"""Descriptor numbers used where they are not meant: by an object that is finalized in another process's
turn, or outside.

A number that came from a call in a simulated process carries that process. Used elsewhere it names none of
the descriptors there: closing it closes that process's own, if it lives, every other call fails with EBADF.
A number that was computed, or read from text or bytes, carries nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from ..runtime.descriptors import Descriptor, real_descriptors
from ..runtime.thread import SimThread, current_thread
from .patching import ModuleReference, bound, reaches_out, replace
from .real_files import bad_descriptor, is_real
from .socket_forgotten import close_forgotten


def is_foreign(thread: SimThread | None, fd: Any) -> bool:
    """Is it a number of another process than the one that calls, which is none outside?"""
    if type(fd) is not Descriptor:
        return False
    return thread is None or thread.process.holder(fd.process) is not thread.process


def check_number(thread: SimThread | None, fd: Any) -> None:
    """Raises OSError EBADF if ``fd`` is foreign."""
    if is_foreign(thread, fd):
        raise bad_descriptor()


def close_foreign(fd: Descriptor) -> None:
    """Close a foreign number for the process whose it is. Raises OSError EBADF if that has ended, or has it
    no longer."""
    process = fd.process
    if not process.alive():
        raise bad_descriptor()
    if is_real(fd):
        if not real_descriptors.has(process, fd):
            raise bad_descriptor()
        real_descriptors.close(process, fd)
    elif process.fds.has(fd):
        close_forgotten(process, fd)
    else:
        raise bad_descriptor()


def dispatch_number(module: ModuleType, name: str, inside: Callable[..., Any], closes: bool = False) -> Any:
    """As ``patching.dispatch``, for a call whose first argument may be a descriptor number. ``closes``: it
    closes that. Returns the real one; None if this platform has no such function."""
    real: Any = getattr(module, name, None)
    if real is None:
        return None
    reaches = reaches_out(module.__name__, name)

    def call(reference: ModuleReference, /, *args: Any, **kwargs: Any) -> Any:
        thread = current_thread()
        if args and type(args[0]) is Descriptor and is_foreign(thread, args[0]):
            if closes:
                return close_foreign(args[0])
            raise bad_descriptor()
        if thread is None:
            return real(*args, **kwargs)
        if reaches and thread.killed:
            thread.refuse_killed()
        return inside(thread, *args, **kwargs)

    replace(module, name, bound(module, name, call))
    return real
