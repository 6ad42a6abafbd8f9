"""Links: two directions, each a transmitter with a queue and a wire with a latency.

A frame first waits in the queue of its direction, then takes its length over the bandwidth to leave,
then the latency to arrive. All three only add up to a time of arrival, so a direction is one FIFO of
(arrival, frame) with one entry in the clock's heap while it is busy.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from ..capture.tap import Tap, TapPoint
from ..clock.clock import SECOND, Clock, Event
from ..clock.streams import Stream
from ..stack.base import Device, FrameSink
from ..wire.ethernet import EthernetFrame
from ..wire.lenient import read_frame
from .faults import ETHERNET_HEADER, Faults, flip_bit
from .rules import (
    ACTION_ALTER,
    ACTION_DELIVER_AFTER,
    ACTION_DROP,
    ACTION_DUPLICATE,
    PASS,
)

DEFAULT_LATENCY: Final = 100_000
DEFAULT_QUEUE: Final = 1000
"""Packets a transmitter queues, as the txqueuelen of a Linux interface."""
DEFAULT_MTU: Final = 1500

BITS_TIMES_NANOSECONDS: Final = 8 * SECOND


class Direction(Event):
    """One way over a link. The settings may be changed while the network runs; frames already on
    the way keep the arrival they were given.
    """

    __slots__ = (
        "_armed",
        "_free_at",
        "_in_flight",
        "_last_arrival",
        "_leaving",
        "_leaving_bytes",
        "bandwidth",
        "bytes_on_wire",
        "clock",
        "faults",
        "from_point",
        "latency",
        "queue_bytes",
        "queue_packets",
        "sink",
        "stream",
        "taps",
        "to_point",
    )

    def __init__(
        self,
        clock: Clock,
        stream: Stream,
        taps: Tap,
        from_point: TapPoint,
        to_point: TapPoint,
        sink: FrameSink,
        bytes_on_wire: bool,
    ) -> None:
        self.clock = clock
        self.stream = stream
        self.taps = taps
        self.from_point = from_point
        self.to_point = to_point
        self.sink = sink
        self.bytes_on_wire = bytes_on_wire
        """Frames are serialised and parsed on the way. The run is the same."""
        self.latency: int = DEFAULT_LATENCY
        """Nanoseconds from the last bit sent to the last bit received."""
        self.bandwidth: int = 0
        """Bits per second of the frames, Ethernet header included; 0: no limit."""
        self.queue_packets: int = DEFAULT_QUEUE
        """Frames that may wait while another is being sent; -1: no limit."""
        self.queue_bytes: int = -1
        """Bytes that may wait while a frame is being sent; -1: no limit."""
        self.faults: Faults | None = None
        self._in_flight: deque[tuple[int, EthernetFrame]] = deque()
        self._armed: bool = False
        self._last_arrival: int = 0
        # Of each frame not yet gone: when it will be, and its length. The first is being sent.
        self._leaving: deque[tuple[int, int]] = deque()
        self._leaving_bytes: int = 0
        self._free_at: int = 0

    def send(self, frame: EthernetFrame) -> None:
        """Take ``frame`` onto the wire."""
        now = self.clock.now
        self.taps.sent(self.from_point, now, frame)
        if self.faults is not None:
            self._send_faulty(frame, now, self.faults)
            return
        arrival = now + self.latency if self.bandwidth == 0 else self._enqueue(frame, now)
        if arrival >= 0:
            self._fly(frame, arrival)

    def make_faults(self) -> Faults:
        """The faults of this direction, made if there were none yet."""
        if self.faults is None:
            self.faults = Faults(self.stream)
        return self.faults

    def hold(self) -> None:
        """Keep frames back from now on; those on the way arrive."""
        faults = self.make_faults()
        if faults.held is None:
            faults.held = []

    def release(self) -> None:
        """Send what was kept back, in order, and keep back no more."""
        faults = self.faults
        if faults is None or faults.held is None:
            return
        held = faults.held
        faults.held = None
        for frame in held:
            self._send_faulty(frame, self.clock.now, faults)

    def last_arrival(self) -> int:
        """When the last frame in flight will arrive, in ns; -1 if there is none."""
        return self._last_arrival if self._in_flight else -1

    def fire(self) -> None:
        """The first frame in flight arrives, and all that arrive with it."""
        now = self.clock.now
        in_flight = self._in_flight
        while in_flight:
            arrival = in_flight[0][0]
            if arrival > now:
                self.clock.at(arrival, self)
                return
            frame = in_flight.popleft()[1]
            self.deliver(frame)
        self._armed = False

    def deliver(self, frame: EthernetFrame) -> None:
        """Hand ``frame`` to the receiving end."""
        self.taps.delivered(self.to_point, self.clock.now, frame)
        self.sink.receive(frame)

    def _send_faulty(self, frame: EthernetFrame, now: int, faults: Faults) -> None:
        if faults.partitioned:
            self._drop(frame, now, "partition")
            return
        if faults.held is not None:
            faults.held.append(frame)
            return
        verdict = faults.judge(frame, now) if faults.rules else PASS
        action = verdict.action
        if action == ACTION_DROP:
            self._drop(frame, now, verdict.reason)
            return
        if action == ACTION_ALTER and verdict.frame is not None:
            frame = verdict.frame
        if faults.mtu > 0 and frame.wire_length() - ETHERNET_HEADER > faults.mtu:
            self._drop(frame, now, f"larger than the link's MTU of {faults.mtu}")
            return
        # A frame that a rule has decided about is not subject to chance any more.
        by_chance = verdict is PASS
        if by_chance and faults.loses():
            self._drop(frame, now, "loss")
            return
        count = 1
        if action == ACTION_DUPLICATE:
            count = verdict.count
        elif by_chance and faults.duplicates():
            count = 2
        for _ in range(count):
            arrival = now + self.latency if self.bandwidth == 0 else self._enqueue(frame, now)
            if arrival < 0:
                continue
            if action == ACTION_DELIVER_AFTER:
                arrival += verdict.delay
            elif by_chance:
                arrival += faults.draw_jitter()
                if arrival < now:
                    arrival = now
                if faults.in_order and arrival < self._last_arrival:
                    arrival = self._last_arrival
            if by_chance and faults.corrupts():
                damaged = flip_bit(frame, faults.stream)
                if damaged is None:
                    self.clock.at(arrival, _Damage(self, frame))
                else:
                    self._fly(damaged, arrival)
            else:
                self._fly(frame, arrival)

    def _drop(self, frame: EthernetFrame, now: int, reason: str) -> None:
        self.taps.dropped(self.from_point, now, frame, reason)

    def _enqueue(self, frame: EthernetFrame, now: int) -> int:
        """Time of arrival of ``frame`` behind those that wait; -1 if the queue is full and it is lost."""
        length = frame.wire_length()
        leaving = self._leaving
        while leaving and leaving[0][0] <= now:
            self._leaving_bytes -= leaving.popleft()[1]
        if leaving:
            if 0 <= self.queue_packets < len(leaving) or (
                0 <= self.queue_bytes < self._leaving_bytes - leaving[0][1] + length
            ):
                self._drop(frame, now, "queue full")
                return -1
            start = self._free_at
        else:
            start = now
        gone = start + length * BITS_TIMES_NANOSECONDS // self.bandwidth
        self._free_at = gone
        leaving.append((gone, length))
        self._leaving_bytes += length
        return gone + self.latency

    def _fly(self, frame: EthernetFrame, arrival: int) -> None:
        if self.bytes_on_wire:
            frame = read_frame(frame.serialize())
        in_flight = self._in_flight
        if in_flight and arrival < self._last_arrival:
            # It overtakes: the FIFO is not for it.
            self.clock.at(arrival, _Overtaker(self, frame))
            return
        self._last_arrival = arrival
        in_flight.append((arrival, frame))
        if not self._armed:
            self._armed = True
            self.clock.at(arrival, self)


class _Overtaker(Event):
    """The arrival of a frame that overtakes others."""

    __slots__ = ("direction", "frame")

    def __init__(self, direction: Direction, frame: EthernetFrame) -> None:
        self.direction = direction
        self.frame = frame

    def fire(self) -> None:
        self.direction.deliver(self.frame)


class _Damage(Event):
    """The arrival of a frame that its receiver throws away as damaged."""

    __slots__ = ("direction", "frame")

    def __init__(self, direction: Direction, frame: EthernetFrame) -> None:
        self.direction = direction
        self.frame = frame

    def fire(self) -> None:
        direction = self.direction
        direction.taps.dropped(direction.from_point, direction.clock.now, self.frame, "corrupted")


class LinkEnd(Device):
    """One end of a link: the device of the interface or switch port that is plugged in there."""

    __slots__ = ("outgoing", "point")

    def __init__(self, point: TapPoint, outgoing: Direction) -> None:
        self.point = point
        self.outgoing = outgoing

    def transmit(self, frame: EthernetFrame) -> None:
        self.outgoing.send(frame)


class Link:
    """A link between two ends, ``a`` and ``b``."""

    __slots__ = ("a", "b", "name")

    def __init__(self, name: str, a: LinkEnd, b: LinkEnd) -> None:
        self.name = name
        self.a = a
        self.b = b

    def directions(self, sender: str) -> list[Direction]:
        """The direction in which the node ``sender`` sends, or both if it is the empty string.

        Raises ValueError if no such node is at an end.
        """
        if not sender:
            return [self.a.outgoing, self.b.outgoing]
        found = [end.outgoing for end in (self.a, self.b) if end.point.node == sender]
        if not found:
            raise ValueError(
                f"link {self.name} is between {self.a.point.node} and {self.b.point.node}, not {sender!r}"
            )
        return found
