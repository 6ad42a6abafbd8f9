"""The loopback device: what is sent comes back a moment later.

Linux carries a frame over the loopback inside the sender's system call. Here it takes LOOPBACK_DELAY, and
whoever makes the next call first waits for what is under way (``runtime/blocking.py``, ``settle``).
"""

from __future__ import annotations

from collections import deque
from typing import Final

from ..capture.tap import Tap, TapPoint
from ..clock.clock import Clock, Event
from ..wire.ethernet import EthernetFrame
from .base import Device, FrameSink

LOOPBACK_DELAY: Final = 10_000
"""Nanoseconds a frame takes. Not zero, so that virtual time passes in a conversation with oneself."""


class Loopback(Device):
    """Delivers every frame to ``sink`` after LOOPBACK_DELAY, in order.

    Frames may wait without limit, as on Linux, where each socket's buffer is the limit.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.sink: FrameSink | None = None
        self.tap: Tap | None = None
        self.point: TapPoint | None = None
        """Where ``tap`` sees the frames; both are set, or neither."""
        self._waiting: deque[tuple[int, EthernetFrame | None, Event | None]] = deque()
        self._arrival = _Arrival(self)

    def transmit(self, frame: EthernetFrame) -> None:
        now = self.clock.now
        if self.tap is not None and self.point is not None:
            self.tap.sent(self.point, now, frame)
        when = now + LOOPBACK_DELAY
        waiting = self._waiting
        # One heap entry while busy: the first frame's. The others follow it in time.
        if not waiting:
            self.clock.at(when, self._arrival)
        waiting.append((when, frame, None))

    def busy(self) -> bool:
        """Is a frame under way?"""
        return bool(self._waiting)

    def after_arrivals(self, event: Event) -> None:
        """Fire ``event`` once the frames now under way, of which there must be some, have arrived."""
        self._waiting.append((self._waiting[-1][0], None, event))

    def arrive(self) -> None:
        """Deliver the first frame waiting; its time has come."""
        waiting = self._waiting
        _, frame, event = waiting.popleft()
        if waiting:
            self.clock.at(waiting[0][0], self._arrival)
        if event is not None:
            event.fire()
        if frame is None:
            return
        if self.tap is not None and self.point is not None:
            self.tap.delivered(self.point, self.clock.now, frame)
        if self.sink is not None:
            self.sink.receive(frame)


class _Arrival(Event):
    __slots__ = ("loopback",)

    def __init__(self, loopback: Loopback) -> None:
        self.loopback = loopback

    def fire(self) -> None:
        self.loopback.arrive()
