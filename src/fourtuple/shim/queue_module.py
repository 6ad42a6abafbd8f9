"""Stand-in for ``_queue``: a ``SimpleQueue`` whose ``get`` a simulated thread can wait in.

The items are in a real SimpleQueue, so ``put`` stays reentrant and safe from any thread.
"""

from __future__ import annotations

import _queue
import queue
from types import GenericAlias
from typing import Any, Final

from ..runtime.thread import SimThread, current_thread
from .durations import duration_ns
from .patching import replace

REAL_QUEUE: Final[type[Any]] = _queue.SimpleQueue
_Empty: Final = _queue.Empty


class SimpleQueue:
    """``_queue.SimpleQueue``."""

    __slots__ = ("__weakref__", "_items", "_waiting")

    __class_getitem__: Any = classmethod(GenericAlias)

    def __init__(self) -> None:
        self._items = REAL_QUEUE()
        self._waiting: list[SimThread] = []

    @classmethod
    def around(cls, real: Any) -> SimpleQueue:
        """A stand-in for ``real``, which was made before, with the items it has."""
        self = cls()
        self._items = real
        return self

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        self._items.put(item)
        while self._waiting:
            thread = self._waiting.pop(0)
            if thread.scheduler.unpark(thread):
                return

    def put_nowait(self, item: Any) -> None:
        self.put(item)

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        if timeout is not None and timeout < 0 and block:
            raise ValueError("'timeout' must be a non-negative number")
        thread = current_thread()
        if thread is None:
            return self._items.get(block, timeout)
        try:
            return self._items.get_nowait()
        except _Empty:
            if not block:
                thread.scheduler.polled(thread)
                raise
        return self._wait(thread, timeout)

    def get_nowait(self) -> Any:
        return self.get(False)

    def empty(self) -> bool:
        return bool(self._items.empty())

    def qsize(self) -> int:
        return int(self._items.qsize())

    def _wait(self, thread: SimThread, timeout: float | None) -> Any:
        scheduler = thread.scheduler
        deadline = -1 if timeout is None else scheduler.clock.now + duration_ns(timeout)
        waiting = self._waiting
        got = False
        try:
            while True:
                if thread not in waiting:
                    waiting.append(thread)
                woken = scheduler.park(deadline, "SimpleQueue.get")
                if woken and self._items.empty():
                    continue
                item = self._items.get_nowait()
                got = True
                return item
        finally:
            if thread in waiting:
                waiting.remove(thread)
            if not got and waiting and not self._items.empty():
                # Told to go and did not take it: pass it on.
                next_one = waiting.pop(0)
                next_one.scheduler.unpark(next_one)


def install() -> None:
    replace(_queue, "SimpleQueue", SimpleQueue)
    replace(queue, "SimpleQueue", SimpleQueue)
    SimpleQueue.__module__ = "_queue"
