"""Virtual time in step with real time, for networks that are attached to the machine."""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Sequence

from ..clock.clock import MILLISECOND, Clock
from .outside import Outside

_FRAMES_AT_ONCE = 64
_LONGEST_WAIT = 100 * MILLISECOND


class RealTime:
    """Runs a clock as fast as real time passes, and lets frames in when they come.

    ``advance(until)`` has the simulation run up to the virtual time ``until`` (ns): by default only the
    clock; pass ``lambda until: network.run(until=until, stop_daemons=False)`` where a network's programs
    run as well. Where the simulation is too slow it falls behind, and hurries.
    """

    def __init__(
        self, clock: Clock, outsides: Sequence[Outside], advance: Callable[[int], object] | None = None
    ) -> None:
        self.clock = clock
        self.outsides = list(outsides)
        self._advance: Callable[[int], object] = advance or self._advance_clock
        self._poll = select.poll()
        for outside in self.outsides:
            self._poll.register(outside.tap.fileno(), select.POLLIN)
        self._started = time.monotonic_ns() - clock.now

    def now(self) -> int:
        """The virtual time it ought to be, in ns."""
        return time.monotonic_ns() - self._started

    def turn(self, wait: int) -> None:
        """Catch up with real time, wait at most ``wait`` ns for a frame or the next event, let frames in."""
        self._advance(self.now())
        following = self.clock.next_time()
        if following >= 0:
            wait = min(wait, following - self.now())
        # poll() counts milliseconds: what is left is waited for in short turns.
        self._poll.poll(max(wait, 0) // MILLISECOND)
        self._advance(self.now())
        for outside in self.outsides:
            outside.take(_FRAMES_AT_ONCE)

    def run(self, until: Callable[[], bool], patience: int) -> bool:
        """Turn until ``until()`` says so; False if ``patience`` ns passed before."""
        end = time.monotonic_ns() + patience
        while not until():
            left = end - time.monotonic_ns()
            if left <= 0:
                return False
            self.turn(min(left + MILLISECOND, _LONGEST_WAIT))
        return True

    def _advance_clock(self, until: int) -> None:
        self.clock.run(until, 1_000_000)
        if self.clock.next_time() < 0 or self.clock.next_time() >= until:
            self.clock.advance_to(until)
