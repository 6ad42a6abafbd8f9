"""Descriptors of Python objects that were dropped without being closed."""

from __future__ import annotations

import gc

from ..clock.clock import Event
from ..kernel.error import KernelError
from ..kernel.process import Process

_collecting = False


def _note_collection(phase: str, info: dict[str, int]) -> None:
    global _collecting
    _collecting = phase == "start"


class _LateClose(Event):
    """Closes a descriptor as soon as the clock runs."""

    def __init__(self, process: Process, fd: int) -> None:
        self.process = process
        self.fd = fd

    def fire(self) -> None:
        _close(self.process, self.fd)


def _close(process: Process, fd: int) -> None:
    if process.alive():
        try:
            process.fds.close(fd)
        except KernelError:
            pass


def close_forgotten(process: Process, fd: int) -> None:
    """Close what an object held that is going away; ``fd`` -1 for nothing.

    The cyclic collector may strike in the middle of the kernel's own code, where another call into
    it must not begin; then the clock does it.
    """
    if fd < 0 or not process.alive():
        return
    if _collecting:
        process.kernel.clock.after(0, _LateClose(process, fd))
    else:
        _close(process, fd)


def install() -> None:
    """Learn when the collector is at work."""
    gc.callbacks.append(_note_collection)
