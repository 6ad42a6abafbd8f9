"""Timers that are cheap to re-arm.

A TCP connection moves its timers with nearly every segment. Moving a deadline later, or cancelling,
touches no heap: the old entry fires, sees the true deadline and pushes itself again.
"""

from __future__ import annotations

from mypy_extensions import mypyc_attr

from .clock import Clock, Event


@mypyc_attr(allow_interpreted_subclasses=True)
class Timer:
    """One deadline on a clock. Subclasses override :meth:`expired`."""

    __slots__ = ("_entry", "clock", "deadline")

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.deadline: int = -1
        """Time it expires in ns, -1 while not armed."""
        # The time of the one heap entry that matters, -1 if none.
        self._entry: int = -1

    def expired(self) -> None:
        """Called once when the deadline is reached; the timer is no longer armed."""
        raise NotImplementedError

    def arm_at(self, when: int) -> None:
        """(Re-)arm for ``when`` (ns)."""
        if when < self.clock.now:
            when = self.clock.now
        self.deadline = when
        if self._entry < 0 or when < self._entry:
            self._entry = when
            self.clock.at(when, _Expiry(self, when))

    def arm(self, delay: int) -> None:
        """(Re-)arm for ``delay`` ns from now."""
        self.arm_at(self.clock.now + delay)

    def cancel(self) -> None:
        """Disarm. Harmless when not armed."""
        self.deadline = -1

    def is_armed(self) -> bool:
        return self.deadline >= 0

    def remaining(self) -> int:
        """Nanoseconds until it expires, -1 when not armed."""
        return self.deadline - self.clock.now if self.deadline >= 0 else -1

    def _entry_fired(self, when: int) -> None:
        # An entry superseded by an earlier one finds _entry changed and does nothing.
        if when != self._entry:
            return
        self._entry = -1
        if self.deadline < 0:
            return
        if self.deadline > self.clock.now:
            self._entry = self.deadline
            self.clock.at(self.deadline, _Expiry(self, self.deadline))
            return
        self.deadline = -1
        self.expired()


class _Expiry(Event):
    """A timer's entry in the heap."""

    __slots__ = ("timer", "when")

    def __init__(self, timer: Timer, when: int) -> None:
        self.timer = timer
        self.when = when

    def fire(self) -> None:
        self.timer._entry_fired(self.when)
