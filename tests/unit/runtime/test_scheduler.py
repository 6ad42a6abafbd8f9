"""Threads, blocking, and what run() comes back with."""

import pytest
from builders_runtime import bare_process, never, pick
from greenlet import GreenletExit, greenlet

from fourtuple.clock.clock import MILLISECOND, SECOND, Event
from fourtuple.kernel.wait import WaitQueue
from fourtuple.runtime.scheduler import RunOutcome, Stuck, current_thread


class Call(Event):
    def __init__(self, call):
        self.call = call

    def fire(self):
        self.call()


def start(world, *targets):
    process = bare_process(world)
    return [world.scheduler.start(process, target, f"t{n}") for n, target in enumerate(targets)]


def test_no_threads_run_is_idle(world):
    assert world.scheduler.run(-1, never) is RunOutcome.IDLE


def test_no_threads_run_until_moves_the_clock(world):
    assert world.scheduler.run(5 * SECOND, never) is RunOutcome.UNTIL
    assert world.clock.now == 5 * SECOND


def test_sleeping_thread_wakes_at_its_time(world):
    log = []

    def sleeper():
        world.scheduler.sleep(3 * MILLISECOND)
        log.append(world.clock.now)

    start(world, sleeper)
    world.scheduler.run(-1, never)
    assert log == [3 * MILLISECOND]


def test_done_stops_the_run_before_the_next_turn(world):
    log = []
    start(world, pick(log, 1), pick(log, 2))
    assert world.scheduler.run(-1, lambda: len(log) == 1) is RunOutcome.DONE
    assert len(log) == 1


def test_second_run_goes_on_where_the_first_stopped(world):
    log = []

    def ticker():
        for _ in range(4):
            world.scheduler.sleep(SECOND)
            log.append(world.clock.now)

    start(world, ticker)
    world.scheduler.run(2 * SECOND, never)
    assert log == [SECOND, 2 * SECOND]
    world.scheduler.run(-1, never)
    assert log[-1] == 4 * SECOND


def test_waiting_thread_woken_for_its_mask(world):
    queue = WaitQueue("q")
    log = []
    start(world, lambda: log.append((world.scheduler.wait([(queue, 4)], -1, "q"), world.clock.now)))
    world.clock.at(1 * SECOND, Call(lambda: queue.wake(1)))
    world.clock.at(2 * SECOND, Call(lambda: queue.wake(4)))
    world.scheduler.run(-1, never)
    assert log == [(True, 2 * SECOND)]
    assert len(queue) == 0


def test_waiting_thread_past_its_deadline_gets_false(world):
    queue = WaitQueue("q")
    log = []
    start(world, lambda: log.append((world.scheduler.wait([(queue, 1)], SECOND, "q"), world.clock.now)))
    world.scheduler.run(-1, never)
    assert log == [(False, SECOND)]
    assert len(queue) == 0


def test_wait_on_two_queues_either_wakes(world):
    one, two = WaitQueue("one"), WaitQueue("two")
    log = []
    start(world, lambda: log.append(world.scheduler.wait([(one, 1), (two, 1)], -1, "both")))
    world.clock.at(SECOND, Call(lambda: two.wake(1)))
    world.scheduler.run(-1, never)
    assert log == [True]
    assert len(one) == len(two) == 0


def test_exclusive_wake_of_runnable_thread_is_not_consumed(world):
    (thread,) = start(world, lambda: None)
    assert thread.waker.wake(1) is False


def test_blocked_thread_and_empty_clock_is_stuck(world):
    process = bare_process(world, "beta")

    def hang():
        world.scheduler.park(-1, "the bus")

    world.scheduler.start(process, hang, "rider")
    with pytest.raises(Stuck) as caught:
        world.scheduler.run(-1, never)
    (line,) = caught.value.waiting
    assert line.startswith("beta bare[2] rider: the bus at ")
    assert "test_scheduler.py" in line
    assert line.endswith("in hang")
    assert line in str(caught.value)


def test_thread_stuck_in_a_library_names_the_programs_call_of_it(world):
    import queue

    def program():
        queue.Queue().get()

    world.spawn(program)
    with pytest.raises(Stuck) as caught:
        world.run()
    (line,) = caught.value.waiting
    assert line.startswith("alpha program[2] MainThread: Lock.acquire at ")
    assert line.endswith("in program, calling queue.Queue.get")


def test_stuck_thread_can_be_woken_and_run_again(world):
    log = []

    def hang():
        world.scheduler.park(-1, "a push")
        log.append("on")

    (thread,) = start(world, hang)
    with pytest.raises(Stuck):
        world.scheduler.run(-1, never)
    world.scheduler.unpark(thread)
    assert world.scheduler.run(-1, never) is RunOutcome.IDLE
    assert log == ["on"]


def test_unpark_of_runnable_thread_is_false(world):
    (thread,) = start(world, lambda: None)
    assert world.scheduler.unpark(thread) is False


def test_sleep_of_nothing_lets_time_pass(world):
    log = []

    def spin():
        while world.clock.now < 5_000:
            world.scheduler.yield_now()
        log.append(world.clock.now)

    start(world, spin)
    world.scheduler.run(-1, never)
    assert log == [5_000]


def test_clock_read_in_a_loop_lets_time_pass(world):
    def spin():
        thread = current_thread()
        while world.scheduler.read_clock(thread) < MILLISECOND:
            pass
        return world.clock.now

    log = []
    start(world, lambda: log.append(spin()))
    world.scheduler.run(-1, never)
    assert log == [MILLISECOND]


def test_polling_in_a_loop_lets_others_run(world):
    log = []

    def poll():
        thread = current_thread()
        while not log:
            world.scheduler.polled(thread)

    start(world, poll, pick(log, "other"))
    assert world.scheduler.run(-1, never) is RunOutcome.IDLE


def test_same_seed_same_order_of_threads(world):
    def order(seed):
        from builders_runtime import World

        other = World(seed)
        log = []
        start(other, *[pick(log, n) for n in range(8)])
        other.scheduler.run(-1, never)
        return log

    assert order(3) == order(3)
    assert len({tuple(order(seed)) for seed in range(5)}) > 1


def test_thread_is_current_only_while_it_runs(world):
    log = []
    (thread,) = start(world, lambda: log.append(current_thread()))
    assert current_thread() is None
    world.scheduler.run(-1, never)
    assert log == [thread]


def test_foreign_greenlet_in_a_thread_blocks_the_thread(world):
    log = []

    def inner():
        world.scheduler.sleep(SECOND)
        log.append(current_thread())

    def outer():
        greenlet(inner).switch()
        log.append(world.clock.now)

    (thread,) = start(world, outer)
    world.scheduler.run(-1, never)
    assert log == [thread, SECOND]


def test_blocking_outside_a_thread_is_refused(world):
    with pytest.raises(RuntimeError, match="only a simulated thread"):
        world.scheduler.sleep(1)


def test_run_inside_a_thread_is_refused(world):
    log = []

    def nested():
        with pytest.raises(RuntimeError, match="from inside"):
            world.scheduler.run(-1, never)
        log.append("refused")

    start(world, nested)
    world.scheduler.run(-1, never)
    assert log == ["refused"]


def test_killed_blocked_thread_unwinds_and_is_gone(world):
    log = []

    def victim():
        try:
            world.scheduler.park(-1, "mercy")
        except GreenletExit:
            log.append("exit")
            raise
        finally:
            log.append("finally")

    (thread,) = start(world, victim)
    with pytest.raises(Stuck):
        world.scheduler.run(-1, never)
    world.scheduler.kill(thread)
    world.scheduler.run(-1, never)
    assert log == ["exit", "finally"]
    assert thread.dead
    assert world.scheduler.threads == []


def test_killed_unstarted_thread_never_runs(world):
    log = []
    (thread,) = start(world, pick(log, "ran"))
    world.scheduler.kill(thread)
    assert world.scheduler.run(-1, never) is RunOutcome.IDLE
    assert log == []


def test_dying_thread_that_blocks_again_is_thrown_again(world):
    log = []

    def victim():
        try:
            world.scheduler.park(-1, "mercy")
        finally:
            try:
                world.scheduler.sleep(SECOND)
            finally:
                log.append(world.clock.now)

    (thread,) = start(world, victim)
    world.clock.at(MILLISECOND, Call(lambda: world.scheduler.kill(thread)))
    world.scheduler.run(-1, never)
    assert log == [MILLISECOND]


def test_dying_thread_that_will_not_end_is_left_behind(world):
    def stubborn():
        while True:
            try:
                world.scheduler.sleep(SECOND)
            except BaseException:
                pass

    (thread,) = start(world, stubborn)
    world.clock.at(MILLISECOND, Call(lambda: world.scheduler.kill(thread)))
    assert world.scheduler.run(-1, never) is RunOutcome.IDLE
    assert world.scheduler.threads == []


def test_thread_with_a_foreign_greenlet_is_killed_whole(world):
    log = []

    def inner():
        try:
            world.scheduler.park(-1, "mercy")
        finally:
            log.append("inner")

    def outer():
        try:
            greenlet(inner).switch()
            world.scheduler.sleep(SECOND)
        finally:
            log.append("outer")

    (thread,) = start(world, outer)
    world.clock.at(MILLISECOND, Call(lambda: world.scheduler.kill(thread)))
    world.scheduler.run(-1, never)
    assert log == ["inner", "outer"]


def test_close_ends_every_thread(world):
    log = []

    def wait():
        try:
            world.scheduler.park(-1, "ever")
        finally:
            log.append(current_thread().name)

    start(world, wait, wait, wait)
    with pytest.raises(Stuck):
        world.scheduler.run(-1, never)
    world.scheduler.close()
    assert log == ["t2", "t1", "t0"]


def test_interrupt_of_a_blocked_thread_runs_in_it_and_it_wakes(world):
    log = []

    def sleeper():
        log.append(world.scheduler.park(-1, "a call"))

    (thread,) = start(world, sleeper)
    world.clock.at(
        SECOND,
        Call(lambda: world.scheduler.interrupt(thread, lambda: log.append(current_thread()))),
    )
    world.scheduler.run(-1, never)
    assert log == [thread, True]


def test_interrupted_sleep_sleeps_to_its_end(world):
    log = []
    (thread,) = start(world, lambda: (world.scheduler.sleep(2 * SECOND), log.append(world.clock.now)))
    world.clock.at(SECOND, Call(lambda: world.scheduler.interrupt(thread, pick(log, "int"))))
    world.scheduler.run(-1, never)
    assert log == ["int", 2 * SECOND]


def test_error_of_a_bare_thread_comes_out_of_run(world):
    def broken():
        raise ValueError("ours")

    start(world, broken)
    with pytest.raises(ValueError, match="ours"):
        world.scheduler.run(-1, never)
    assert world.scheduler.threads == []
    assert world.scheduler.hub is None


def test_threads_that_wake_each_other_for_ever_let_time_pass(world):
    """Without it nothing that waits for a time would ever go on."""
    scheduler = world.scheduler
    threads = []
    log = []

    def partner(other):
        def run():
            while not log:
                scheduler.unpark(threads[other])
                scheduler.park(-1, "the other")
            scheduler.unpark(threads[other])

        return run

    def sleeper():
        scheduler.sleep(3 * MILLISECOND)
        log.append(world.clock.now)

    threads.extend(start(world, partner(1), partner(0), sleeper))
    assert scheduler.run(-1, never) is RunOutcome.IDLE
    assert log == [3 * MILLISECOND]


def test_run_until_now_ends_although_threads_wake_each_other_for_ever(world):
    scheduler = world.scheduler
    threads = []

    def partner(other):
        def run():
            while True:
                scheduler.unpark(threads[other])
                scheduler.park(-1, "the other")

        return run

    threads.extend(start(world, partner(1), partner(0)))
    assert scheduler.run(2 * MILLISECOND, never) is RunOutcome.UNTIL
    assert world.clock.now == 2 * MILLISECOND
