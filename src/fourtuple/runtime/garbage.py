"""Cyclic garbage collected at moments that depend on the run alone.

Python collects when enough objects were made, also by what ran earlier in the interpreter. A socket
kept alive by a cycle would be closed now sooner, now later, and its FIN sent with it. So while the
simulation runs the collector hardly starts by itself, and is called after a fixed number of turns.
"""

from __future__ import annotations

import gc
from typing import Final

_TURNS: Final = 20_000
# So many new containers in one go are memory to care about more than for the order of events.
_THRESHOLD: Final = 2_000_000
# What so many ends of programs leave is looked for among all objects; later ends only look at all when
# there were a quarter more, so that many programs cost no more than their sum.
_FULL_ENDS: Final = 16
_RECENT: Final = 1


class GarbageGuard:
    """Takes over the collector during a run, unless it is disabled."""

    def __init__(self) -> None:
        self.next_turn = _TURNS
        """The turn after which to collect."""
        self._former: tuple[int, int, int] | None = None
        self._froze = False
        self._depth = 0
        self._ends = 0
        self._next_full = 0

    def begin(self) -> None:
        self._depth += 1
        if self._depth > 1 or not gc.isenabled():
            return
        self._former = gc.get_threshold()
        gc.set_threshold(_THRESHOLD, *self._former[1:])
        if gc.get_freeze_count() == 0:
            # What is there already need not be looked at each time.
            gc.freeze()
            self._froze = True

    def end(self) -> None:
        self._depth -= 1
        if self._depth:
            return
        if self._former is not None:
            gc.set_threshold(*self._former)
            self._former = None
        if self._froze:
            gc.unfreeze()
            self._froze = False

    def collect_end(self, whole: bool) -> bool:
        """Collect what a process that ends has left; of a callable that is no whole program, of late.

        Did it look at all objects?
        """
        if not gc.isenabled():
            return False
        self._ends += whole
        full = whole and self._ends >= self._next_full
        if full:
            self._next_full = self._ends + max(1, self._ends // 4 if self._ends > _FULL_ENDS else 0)
        gc.collect(2 if full else _RECENT)
        return full

    def collect(self, turn: int) -> None:
        """Collect after ``turn``, which reached ``next_turn``."""
        self.next_turn = turn + _TURNS
        if gc.isenabled():
            gc.collect()
