"""The virtual clock of one network: int nanoseconds and a heap of events.

Time moves only when an event is taken from the heap. Events of the same time fire in the order in
which they were scheduled, so a run depends on nothing but its inputs.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import Final

from mypy_extensions import mypyc_attr

NANOSECOND: Final = 1
MICROSECOND: Final = 1_000
MILLISECOND: Final = 1_000_000
SECOND: Final = 1_000_000_000


@mypyc_attr(allow_interpreted_subclasses=True)
class Event:
    """Something that happens at a time. Subclasses override :meth:`fire`."""

    __slots__ = ()

    def fire(self) -> None:
        """Happen. The clock's ``now`` is the time this was scheduled for."""
        raise NotImplementedError


class Clock:
    """Virtual time of one network.

    ``now`` is in nanoseconds since the run began. ``stopped`` may be set by an event to make
    :meth:`run` return after that event (a thread became runnable, the run was cancelled).
    """

    __slots__ = ("_heap", "_sequence", "fired", "now", "stopped")

    def __init__(self) -> None:
        self.now: int = 0
        self.stopped: bool = False
        self.fired: int = 0
        self._sequence: int = 0
        self._heap: list[tuple[int, int, Event]] = []

    def at(self, when: int, event: Event) -> None:
        """Schedule ``event`` at ``when`` (ns). A time already past fires at ``now``."""
        if when < self.now:
            when = self.now
        sequence = self._sequence
        self._sequence = sequence + 1
        heappush(self._heap, (when, sequence, event))

    def after(self, delay: int, event: Event) -> None:
        """Schedule ``event`` ``delay`` ns from now."""
        self.at(self.now + delay, event)

    def next_time(self) -> int:
        """Time of the earliest event in ns, or -1 if there is none.

        An entry left by a re-armed timer counts, so this is a lower bound.
        """
        return self._heap[0][0] if self._heap else -1

    def pending(self) -> int:
        """Number of heap entries, entries of cancelled timers included."""
        return len(self._heap)

    def run(self, until: int, max_events: int) -> bool:
        """Fire events in order until one sets ``stopped``, ``max_events`` have fired, the heap is
        empty or the next event is later than ``until`` (ns; negative: no limit).

        Returns True if the heap still holds an event within ``until``. ``now`` is left at the time
        of the last event fired; it is not advanced to ``until``.
        """
        heap = self._heap
        count = 0
        self.stopped = False
        while heap:
            if 0 <= until < heap[0][0]:
                return False
            if count >= max_events:
                return True
            when, _, event = heappop(heap)
            self.now = when
            count += 1
            self.fired += 1
            event.fire()
            if self.stopped:
                return True
        return False

    def advance_to(self, when: int) -> None:
        """Move ``now`` forward to ``when`` (ns) without firing anything.

        Raises ValueError if an event is due before ``when``.
        """
        if self._heap and self._heap[0][0] < when:
            raise ValueError(f"an event is due at {self._heap[0][0]} ns, before {when} ns")
        if when > self.now:
            self.now = when
