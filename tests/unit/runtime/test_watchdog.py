"""A thread that never blocks, and Ctrl-C."""

import os
import signal
import threading
import time

import pytest
from builders_runtime import bare_process, never

from fourtuple.runtime import watchdog
from fourtuple.runtime.scheduler import BusyLoop, RunOutcome
from fourtuple.shim.locks import new_lock
from fourtuple.shim.time_module import _real_monotonic as real_monotonic


def test_busy_thread_is_named_with_its_stack(world):
    world.scheduler.watchdog_seconds = 0.1

    def spin():
        while True:
            pass

    running = world.spawn(spin)
    with pytest.raises(BusyLoop) as caught:
        world.run()
    text = str(caught.value)
    assert "alpha spin[2] MainThread ran for 0.1 s" in text
    assert "in spin\n" in text
    assert "fourtuple/runtime" not in text
    assert running.exit_code is None


def test_busy_thread_left_behind_can_be_killed(world):
    world.scheduler.watchdog_seconds = 0.1
    log = []

    def spin():
        try:
            while True:
                pass
        finally:
            log.append("unwound")

    world.spawn(spin)
    with pytest.raises(BusyLoop):
        world.run()
    world.scheduler.close()
    assert log == ["unwound"]
    assert world.scheduler.threads == []


def test_busy_loop_swallowing_everything_is_still_caught(world):
    world.scheduler.watchdog_seconds = 0.1

    def spin():
        while True:
            try:
                while True:
                    pass
            except BaseException:
                pass

    world.spawn(spin)
    with pytest.raises(BusyLoop):
        world.run()
    with pytest.raises(BusyLoop):
        world.close()


def test_thread_blocked_in_the_os_is_caught(world):
    world.scheduler.watchdog_seconds = 0.1
    held = new_lock()._real
    held.acquire()
    world.spawn(held.acquire)
    with pytest.raises(BusyLoop):
        world.run()
    held.release()


def test_busy_thread_in_another_os_thread_is_caught(world):
    world.scheduler.watchdog_seconds = 0.1
    caught = []

    def elsewhere():
        def spin():
            while True:
                pass

        world.spawn(spin)
        try:
            world.run()
        except BusyLoop as error:
            caught.append(str(error))
        world.scheduler.close()

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert "spin" in caught[0]


def test_computing_thread_below_the_limit_is_left_alone(world):
    world.scheduler.watchdog_seconds = 5.0
    assert world.call(sum, range(100_000)) == 4999950000


def test_watchdog_is_gone_after_the_run(world):
    before = len(os.listdir("/proc/self/task"))
    world.call(int)
    for _ in range(100):
        if len(os.listdir("/proc/self/task")) <= before:
            break
        time.sleep(0.01)
    assert len(os.listdir("/proc/self/task")) <= before


@pytest.fixture
def ctrl_c():
    """SIGINT as a terminal's Python has it: what a shell starts in the background is born ignoring it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_in_a_program_reaches_the_caller_of_run(world):
    log = []

    def program():
        try:
            signal_from_outside()
            log.append("went on")
        except BaseException as error:
            log.append(error)

    real_kill = os.kill.__wrapped__
    pid = os.getpid()

    def signal_from_outside():
        real_kill(pid, signal.SIGINT)
        for _ in range(1000):
            pass

    world.spawn(program)
    with pytest.raises(KeyboardInterrupt):
        world.run()
    assert log == []
    world.run()
    assert log == ["went on"]


def test_ctrl_c_handler_is_what_it_was_after_the_run(world):
    before = signal.getsignal(signal.SIGINT)
    world.call(int)
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_while_events_fire_reaches_the_caller(world):
    from fourtuple.clock.clock import Event

    class Press(Event):
        def fire(self):
            os.kill(os.getpid(), signal.SIGINT)

    world.clock.at(5, Press())
    world.scheduler.start(bare_process(world), lambda: world.scheduler.sleep(100), "t")
    with pytest.raises(KeyboardInterrupt):
        world.scheduler.run(-1, never)
    assert world.scheduler.run(-1, never) is RunOutcome.IDLE


def test_polling_is_caught_although_time_passes(world):
    world.scheduler.watchdog_seconds = 0.3

    def poll():
        import select

        while True:
            select.select([], [], [], 0)

    world.spawn(poll)
    with pytest.raises(BusyLoop) as caught:
        world.run()
    assert caught.value.polling
    assert "alpha poll[2] MainThread did nothing but poll for 0.3 s" in str(caught.value)
    assert "in poll\n" in str(caught.value)
    assert world.scheduler.clock.now > 0


@pytest.mark.parametrize("wait", ["sleep", "clock", "asyncio"])
def test_every_way_of_polling_is_caught(world, wait):
    world.scheduler.watchdog_seconds = 0.3

    def poll():
        import asyncio

        async def yielding():
            while True:
                await asyncio.sleep(0)

        if wait == "asyncio":
            asyncio.run(yielding())
        while True:
            if wait == "sleep":
                time.sleep(0)
            else:
                time.monotonic()

    world.spawn(poll)
    with pytest.raises(BusyLoop, match="did nothing but poll"):
        world.run()


def test_polling_beside_a_thread_that_works_is_not_stopped(world):
    world.scheduler.watchdog_seconds = 0.2
    stop = []

    def poll():
        while not stop:
            time.sleep(0)

    def work():
        # Longer than the watchdog's patience together, by what it computes between two waits.
        for _ in range(150):
            sum(range(200_000))
            time.sleep(0.000_05)
        stop.append(True)

    world.spawn(poll)
    world.spawn(work)
    assert world.run() is not None


TRACER = """
class Tracer:
    pass

inside = []

def record(clock):
    inside.append(1)
    until = clock() + 0.5
    while clock() < until:
        pass
    inside.pop()
"""


def test_thread_is_not_left_within_the_outsides_trace_function(world, monkeypatch):
    """coverage.py holds a lock there, which the next line of the outside would wait for."""
    names = {"__name__": "tracing_package.collector"}
    exec(TRACER, names)  # noqa: S102  a module of another package
    monkeypatch.setattr(watchdog, "_get_trace", names["Tracer"])
    world.scheduler.watchdog_seconds = 0.1

    def busy():
        names["record"](real_monotonic)
        while True:
            pass

    world.spawn(busy)
    with pytest.raises(BusyLoop) as caught:
        world.run()
    assert not names["inside"]
    assert "in busy\n" in str(caught.value)
