"""``select.poll()`` objects of simulated processes."""

from __future__ import annotations

import os
from errno import ENOENT
from operator import index
from typing import Any, Final

from ..clock.clock import MILLISECOND
from ..kernel.error import KernelError
from ..kernel.file import DEFAULT_POLL, File
from ..kernel.poll import POLL_ALWAYS
from ..runtime.thread import SimThread, current_thread
from ..stack.poll_bits import POLLIN, POLLNVAL, POLLOUT, POLLPRI
from .real_files import is_real
from .select_wait import as_descriptor, wait_for_any
from .socket_timeout import duration, whole_milliseconds

_INT_MAX: Final = 0x7FFF_FFFF
_DEFAULT: Final = POLLIN | POLLPRI | POLLOUT


def _event_mask(value: Any) -> int:
    if not hasattr(value, "__index__"):
        raise TypeError("an integer is required")
    mask = index(value)
    if mask < 0:
        raise ValueError("value must be positive")
    if mask > 0xFFFF:
        raise OverflowError("Python int too large for C unsigned short")
    return mask


def poll_timeout(value: Any, unit: int) -> int:
    """``value``, in ``unit`` ns, as poll(2) and epoll_wait(2) wait: ns in whole milliseconds, negative
    for no end. Raises TypeError, OverflowError."""
    if value is None:
        return -1
    if not isinstance(value, float) and not hasattr(value, "__index__"):
        raise TypeError("timeout must be an integer or None")
    timeout = duration(value, unit)
    if abs(timeout) // MILLISECOND > _INT_MAX:
        raise OverflowError("timeout is too large")
    return -1 if timeout < 0 else whole_milliseconds(timeout)


class Poll:
    """Polls the descriptors registered with it, in the order they were registered."""

    def __init__(self) -> None:
        self._masks: dict[int, int] = {}
        self._polling = False

    def register(self, fd: Any, eventmask: Any = _DEFAULT, /) -> None:
        """Watch a descriptor, or change what is watched for."""
        self._masks[as_descriptor(fd)] = _event_mask(eventmask)

    def modify(self, fd: Any, eventmask: Any, /) -> None:
        """Change what a registered descriptor is watched for. Raises OSError ENOENT."""
        number = as_descriptor(fd)
        mask = _event_mask(eventmask)
        if number not in self._masks:
            raise OSError(ENOENT, os.strerror(ENOENT))
        self._masks[number] = mask

    def unregister(self, fd: Any, /) -> None:
        """Watch it no longer. Raises KeyError."""
        number = as_descriptor(fd)
        if number not in self._masks:
            raise KeyError(number)
        del self._masks[number]

    def poll(self, timeout: Any = None, /) -> list[tuple[int, int]]:
        """(descriptor, events) of those ready; waits for ``timeout`` milliseconds at most."""
        limit = poll_timeout(timeout, MILLISECOND)
        if self._polling:
            raise RuntimeError("concurrent poll() invocation")
        thread = current_thread()
        if thread is None:
            raise RuntimeError("a simulated poll object can only be used inside the simulation")
        self._polling = True
        try:
            return self._poll(thread, limit)
        finally:
            self._polling = False

    def _poll(self, thread: SimThread, limit: int) -> list[tuple[int, int]]:
        fds = thread.process.fds
        asked: list[tuple[int, File | None, int]] = []
        closed: dict[int, int] = {}
        for fd, mask in self._masks.items():
            file = None
            if not is_real(fd):
                try:
                    file = fds.get(fd)
                except KernelError:
                    closed[fd] = POLLNVAL
            asked.append((fd, file, mask | POLL_ALWAYS))
        watched = [(file, mask) for _, file, mask in asked if file is not None]

        def scan() -> list[tuple[int, int]]:
            result = []
            for fd, file, mask in asked:
                ready = closed.get(fd) or (DEFAULT_POLL if file is None else file.poll()) & mask
                if ready:
                    result.append((fd, ready))
            return result

        return wait_for_any(thread, watched, scan, limit, "poll")


Poll.__module__ = "select"
Poll.__name__ = Poll.__qualname__ = "poll"


def make_poll(thread: SimThread) -> Poll:
    """``select.poll()`` in a simulated thread."""
    return Poll()
