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


class GarbageGuard:
    """Takes over the collector during a run, unless it is disabled."""

    def __init__(self) -> None:
        self.next_turn = _TURNS
        """The turn after which to collect."""
        self._former: tuple[int, int, int] | None = None
        self._froze = False

    def begin(self) -> None:
        if not gc.isenabled():
            return
        self._former = gc.get_threshold()
        gc.set_threshold(_THRESHOLD, *self._former[1:])
        if gc.get_freeze_count() == 0:
            # What is there already need not be looked at each time.
            gc.freeze()
            self._froze = True

    def end(self) -> None:
        if self._former is not None:
            gc.set_threshold(*self._former)
            self._former = None
        if self._froze:
            gc.unfreeze()
            self._froze = False

    def collect(self, turn: int) -> None:
        """Collect after ``turn``, which reached ``next_turn``."""
        self.next_turn = turn + _TURNS
        if gc.isenabled():
            gc.collect()
