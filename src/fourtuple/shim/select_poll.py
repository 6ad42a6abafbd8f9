"""``select.poll()`` objects of simulated processes."""

from __future__ import annotations

import os
from errno import ENOENT
from operator import index
from typing import Any, Final

from ..clock.clock import MILLISECOND
from ..kernel.poll import POLL_ALWAYS
from ..runtime.blocking import settle
from ..runtime.thread import SimThread, current_thread
from ..stack.poll_bits import POLLIN, POLLOUT, POLLPRI
from .select_wait import Watched, as_descriptor, wait_for_any
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

    _masks: dict[int, int]
    _polling: bool

    def __new__(cls) -> Poll:
        raise TypeError("cannot create 'select.poll' instances")

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
        settle(thread)
        watched = [Watched(thread, fd, fd, mask | POLL_ALWAYS) for fd, mask in self._masks.items()]

        def scan() -> list[tuple[int, int]]:
            return [(one.fd, ready) for one in watched if (ready := one.ready())]

        return wait_for_any(thread, watched, scan, limit, "poll")


Poll.__module__ = "select"
Poll.__name__ = Poll.__qualname__ = "poll"


def make_poll(thread: SimThread) -> Poll:
    """``select.poll()`` in a simulated thread."""
    made: Poll = object.__new__(Poll)
    made._masks = {}
    made._polling = False
    return made
