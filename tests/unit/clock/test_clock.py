import pytest

from fourtuple.clock.clock import Clock, Event
from fourtuple.clock.timers import Timer


class Note(Event):
    def __init__(self, log: list[object], name: str, clock: Clock | None = None, stop: bool = False) -> None:
        self.log = log
        self.name = name
        self.clock = clock
        self.stop = stop

    def fire(self) -> None:
        self.log.append(self.name if self.clock is None else (self.name, self.clock.now))
        if self.stop and self.clock is not None:
            self.clock.stopped = True


class Alarm(Timer):
    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.times: list[int] = []

    def expired(self) -> None:
        self.times.append(self.clock.now)


def test_events_fire_by_time_then_by_order_of_scheduling() -> None:
    clock, log = Clock(), []
    for when, name in ((20, "c"), (10, "a"), (20, "d"), (10, "b")):
        clock.at(when, Note(log, name))
    assert clock.run(-1, 100) is False
    assert log == ["a", "b", "c", "d"]
    assert clock.now == 20


def test_run_stops_before_an_event_later_than_until_and_leaves_now() -> None:
    clock, log = Clock(), []
    clock.at(10, Note(log, "a"))
    clock.at(30, Note(log, "b"))
    assert clock.run(29, 100) is False
    assert (log, clock.now, clock.next_time()) == (["a"], 10, 30)


def test_run_stops_after_the_event_that_asks_for_it() -> None:
    clock, log = Clock(), []
    clock.at(10, Note(log, "a", clock, stop=True))
    clock.at(10, Note(log, "b", clock))
    assert clock.run(-1, 100) is True
    assert log == [("a", 10)]
    assert clock.run(-1, 100) is False
    assert log == [("a", 10), ("b", 10)]


def test_run_stops_after_max_events() -> None:
    clock, log = Clock(), []
    for name in "abc":
        clock.after(5, Note(log, name))
    assert clock.run(-1, 2) is True
    assert log == ["a", "b"]
    assert clock.fired == 2


def test_an_event_in_the_past_fires_now() -> None:
    clock, log = Clock(), []
    clock.advance_to(100)
    clock.at(50, Note(log, "late", clock))
    clock.run(-1, 10)
    assert log == [("late", 100)]


def test_advance_over_a_due_event_is_refused() -> None:
    clock = Clock()
    clock.at(50, Note([], "x"))
    with pytest.raises(ValueError, match="50 ns"):
        clock.advance_to(51)


def test_a_timer_moved_later_fires_once_at_the_later_time() -> None:
    clock = Clock()
    alarm = Alarm(clock)
    alarm.arm(100)
    for delay in (150, 200, 250):
        alarm.arm(delay)
    assert clock.pending() == 1
    clock.run(-1, 100)
    assert alarm.times == [250]
    assert not alarm.is_armed()


def test_a_timer_moved_earlier_fires_once_at_the_earlier_time() -> None:
    clock = Clock()
    alarm = Alarm(clock)
    alarm.arm(100)
    alarm.arm(40)
    clock.run(-1, 100)
    assert alarm.times == [40]


def test_a_timer_moved_earlier_then_later_fires_once() -> None:
    clock = Clock()
    alarm = Alarm(clock)
    alarm.arm(100)
    alarm.arm(40)
    alarm.arm(100)
    clock.run(-1, 100)
    assert alarm.times == [100]


def test_a_cancelled_timer_does_not_fire_and_can_be_armed_again() -> None:
    clock = Clock()
    alarm = Alarm(clock)
    alarm.arm(100)
    alarm.cancel()
    assert alarm.remaining() == -1
    clock.run(-1, 100)
    assert alarm.times == []
    alarm.arm(5)
    assert alarm.remaining() == 5
    clock.run(-1, 100)
    assert alarm.times == [105]
