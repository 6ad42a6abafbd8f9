"""The loopback device."""

from __future__ import annotations

from builders_stack import Upper, new_stack, settle

from fourtuple.capture.tap import Tap, TapPoint
from fourtuple.clock.clock import Clock, Event
from fourtuple.wire.address import V4_ANY, V4_LOOPBACK
from fourtuple.wire.ethernet import EthernetFrame
from fourtuple.wire.packet import RawPayload


class Log(Tap):
    def __init__(self) -> None:
        self.seen: list[tuple[str, int, int]] = []

    def sent(self, point: TapPoint, now: int, frame: EthernetFrame) -> None:
        self.seen.append(("sent", point.id, now))

    def delivered(self, point: TapPoint, now: int, frame: EthernetFrame) -> None:
        self.seen.append(("delivered", point.id, now))


def test_tap_sees_each_frame_leave_and_arrive() -> None:
    clock = Clock()
    stack = new_stack(clock)
    log = Log()
    stack.loopback.tap = log
    stack.loopback.point = TapPoint(5, "host", "lo")
    stack.register(253, Upper())
    for _ in range(2):
        stack.send(V4_ANY, V4_LOOPBACK, 253, RawPayload(b"x"), 0, 0, False, 0)
        settle(clock, clock.now + 4_000)
    settle(clock)
    assert log.seen == [
        ("sent", 5, 0),
        ("sent", 5, 4_000),
        ("delivered", 5, 10_000),
        ("delivered", 5, 14_000),
    ]


def test_busy_loopback_holds_one_clock_entry() -> None:
    clock = Clock()
    stack = new_stack(clock)
    for _ in range(50):
        stack.send(V4_ANY, V4_LOOPBACK, 253, RawPayload(b"x"), 0, 0, False, 0)
    assert clock.pending() == 1


def test_event_after_arrivals_fires_behind_the_frames_under_way_and_before_later_ones() -> None:
    clock = Clock()
    stack = new_stack(clock)
    log = Log()
    stack.loopback.tap = log
    stack.loopback.point = TapPoint(5, "host", "lo")

    class Fence(Event):
        def fire(self) -> None:
            log.seen.append(("fence", 0, clock.now))

    stack.send(V4_ANY, V4_LOOPBACK, 253, RawPayload(b"x"), 0, 0, False, 0)
    settle(clock, 3_000)
    stack.send(V4_ANY, V4_LOOPBACK, 253, RawPayload(b"x"), 0, 0, False, 0)
    stack.loopback.after_arrivals(Fence())
    assert stack.loopback.busy()
    settle(clock, 13_000)
    assert [kind for kind, _, _ in log.seen[:2]] == ["sent", "sent"]
    assert [(kind, when) for kind, _, when in log.seen if kind != "sent"][:3] == [
        ("delivered", 10_000),
        ("delivered", 13_000),
        ("fence", 13_000),
    ]


def test_loopback_down_carries_nothing() -> None:
    clock = Clock()
    stack = new_stack(clock)
    stack.set_up(stack.interfaces[0], False)
    assert stack.send(V4_ANY, V4_LOOPBACK, 253, RawPayload(b"x"), 0, 0, False, 0) == 101
