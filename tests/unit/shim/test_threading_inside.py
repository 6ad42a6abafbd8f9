"""threading, _thread and thread pools inside a simulated process."""

import _thread
import asyncio
import ctypes
import os
import pickle
import queue
import socket
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from fourtuple.clock.clock import SECOND
from fourtuple.runtime.scheduler import Stuck


def test_contended_lock_waits_in_virtual_time(world):
    def program():
        lock = threading.Lock()

        def holder():
            with lock:
                time.sleep(2)

        threading.Thread(target=holder).start()
        time.sleep(1)
        before = lock.acquire(False)
        with lock:
            return before, time.monotonic(), lock.locked()

    assert world.call(program) == (False, 2.0, True)


def test_lock_with_timeout_gives_up(world):
    def program():
        lock = threading.Lock()
        lock.acquire()
        return lock.acquire(timeout=1.5), time.monotonic()

    assert world.call(program) == (False, 1.5)


@pytest.mark.parametrize("args", [(False, 1), (True, -2), (True, 1e20), (True, "x")])
def test_lock_with_bad_arguments_fails_as_the_real_one(world, args):
    from fourtuple.shim.locks import new_lock

    def failure(made):
        try:
            made.acquire(*args)
        except Exception as error:
            return type(error)

    real = new_lock()._real
    assert world.call(lambda: failure(new_lock())) is failure(real)


def test_unheld_lock_cannot_be_released(world):
    def program():
        with pytest.raises(RuntimeError):
            threading.Lock().release()
        with pytest.raises(RuntimeError):
            threading.RLock().release()
        return True

    assert world.call(program)


def test_lock_may_be_released_by_another_thread(world):
    def program():
        lock = threading.Lock()
        lock.acquire()
        threading.Timer(3, lock.release).start()
        lock.acquire()
        return time.monotonic()

    assert world.call(program) == 3.0


def test_rlock_belongs_to_one_simulated_thread(world):
    def program():
        lock = threading.RLock()
        log = []

        def other():
            log.append(lock.acquire(False))
            with lock:
                log.append(time.monotonic())

        with lock, lock:
            threading.Thread(target=other).start()
            time.sleep(1)
        time.sleep(1)
        return log

    assert world.call(program) == [False, 1.0]


def test_lock_made_outside_works_inside(world):
    lock = threading.Lock()
    event = threading.Event()
    items = queue.Queue()

    def one():
        with lock:
            time.sleep(1)
        event.wait()
        items.put(time.monotonic())

    def two():
        time.sleep(0.5)
        with lock:
            acquired = time.monotonic()
        event.set()
        return acquired, items.get()

    world.spawn(one)
    second = world.spawn(two, host="beta")
    world.run()
    assert second.result == (1.0, 1.0)
    assert not lock.locked()


def test_condition_semaphore_barrier_and_event_work(world):
    def program():
        log = []
        condition = threading.Condition()
        barrier = threading.Barrier(3)
        semaphore = threading.BoundedSemaphore(1)

        def worker(number):
            with condition:
                condition.wait_for(lambda: log)
            with semaphore:
                time.sleep(1)
            barrier.wait()
            log.append((number, time.monotonic()))

        threads = [threading.Thread(target=worker, args=(n,)) for n in range(3)]
        for thread in threads:
            thread.start()
        time.sleep(1)
        with condition:
            log.append("go")
            condition.notify_all()
        for thread in threads:
            thread.join()
        return sorted(log[1:])

    assert world.call(program) == [(0, 4.0), (1, 4.0), (2, 4.0)]


def test_join_with_timeout_returns_and_thread_lives(world):
    def program():
        thread = threading.Thread(target=time.sleep, args=(5,))
        thread.start()
        thread.join(1)
        alive = thread.is_alive(), time.monotonic()
        thread.join()
        return alive, thread.is_alive(), time.monotonic()

    assert world.call(program) == ((True, 1.0), False, 5.0)


def test_threads_are_counted_per_process(world):
    def program():
        thread = threading.Thread(target=time.sleep, args=(1,), name="sleeper")
        thread.start()
        names = [each.name for each in threading.enumerate()]
        counts = threading.active_count(), _thread._count()
        thread.join()
        return names, counts, threading.active_count(), threading.main_thread() is threading.current_thread()

    running = [world.spawn(program, host=host) for host in ("alpha", "beta")]
    world.run()
    expected = (["MainThread", "sleeper"], (2, 1), 1, True)
    assert [one.result for one in running] == [expected, expected]
    assert [thread.name for thread in threading.enumerate()].count("sleeper") == 0


def test_thread_names_count_from_one_in_each_process(world):
    def program():
        return [threading.Thread().name for _ in range(2)]

    assert world.call(program) == ["Thread-1", "Thread-2"]
    assert world.call(program) == ["Thread-1", "Thread-2"]


def test_daemon_thread_ends_with_its_process(world):
    log = []

    def loop():
        while True:
            time.sleep(1)
            log.append(time.monotonic())

    def program():
        threading.Thread(target=loop, daemon=True).start()
        time.sleep(2.5)

    world.spawn(program)
    world.run()
    world.run(10 * SECOND)
    assert log == [1.0, 2.0]


def test_thread_identifiers_are_distinct_and_stable(world):
    def program():
        seen = []

        def note():
            me = threading.current_thread()
            seen.append((me.ident == threading.get_ident(), me.native_id == threading.get_native_id()))

        thread = threading.Thread(target=note)
        thread.start()
        thread.join()
        main = threading.current_thread()
        return seen, main.native_id, main.ident != thread.ident

    pid = world.kernel()._next_pid
    assert world.call(program) == ([(True, True)], pid, True)


def test_local_is_per_simulated_thread(world):
    outside = threading.local()
    outside.value = "outside"

    def program():
        log = [hasattr(outside, "value")]
        outside.value = "main"

        def other():
            log.append(hasattr(outside, "value"))
            outside.value = "other"

        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        return [*log, outside.value, outside.__dict__]

    assert world.call(program) == [False, False, "main", {"value": "main"}]
    assert outside.value == "outside"


def test_local_subclass_is_initialised_in_each_thread(world):
    class Counter(threading.local):
        step = 1
        label = "class"

        def __init__(self, start):
            self.total = start

        @property
        def double(self):
            return 2 * self.total

    counter = Counter(5)
    counter.total = 7
    counter.label = "instance"

    def program():
        inside = counter.total, counter.double, counter.label, counter.step
        counter.label = "inside"
        del counter.label
        with pytest.raises(AttributeError):
            del counter.label
        with pytest.raises(AttributeError):
            counter.__dict__ = {}
        return inside, counter.label

    assert world.call(program) == ((5, 10, "class", 1), "class")
    assert (counter.total, counter.label) == (7, "instance")


def test_local_without_init_takes_no_arguments(world):
    with pytest.raises(TypeError):
        threading.local(1)


def test_local_of_an_ended_thread_is_let_go(world):
    import gc
    import weakref

    class Thing:
        pass

    local = threading.local()
    references = []

    def program():
        def keep():
            local.thing = Thing()
            references.append(weakref.ref(local.thing))

        thread = threading.Thread(target=keep)
        thread.start()
        thread.join()
        time.sleep(1)
        gc.collect()
        return references[0]() is None

    assert world.call(program)


def test_simple_queue_blocks_and_times_out(world):
    def program():
        items = queue.SimpleQueue()
        threading.Timer(2, items.put, args=("x",)).start()
        log = []
        for timeout in (1, None):
            try:
                log.append((items.get(timeout=timeout), time.monotonic()))
            except queue.Empty:
                log.append(("empty", time.monotonic()))
        with pytest.raises(queue.Empty):
            items.get_nowait()
        items.put_nowait(1)
        return log, items.qsize(), items.empty()

    assert world.call(program) == ([("empty", 1.0), ("x", 2.0)], 1, False)


def test_simple_queue_serves_each_waiter_once(world):
    def program():
        items = queue.SimpleQueue()
        got = []
        threads = [threading.Thread(target=lambda: got.append(items.get())) for _ in range(3)]
        for thread in threads:
            thread.start()
        time.sleep(1)
        for n in range(3):
            items.put(n)
        for thread in threads:
            thread.join()
        return sorted(got)

    assert world.call(program) == [0, 1, 2]


def test_thread_pool_runs_in_virtual_time(world):
    def program():
        with ThreadPoolExecutor(2) as pool:
            futures = [pool.submit(time.sleep, 1) for _ in range(4)]
            for future in futures:
                future.result()
        return time.monotonic()

    assert world.call(program) == 2.0


def test_pool_left_open_is_finished_at_exit(world):
    def program():
        pool = ThreadPoolExecutor(1)
        pool.submit(lambda: (time.sleep(1), print("worked")))
        program.pool = pool

    running = world.spawn(program)
    world.run()
    assert running.exit_code == 0
    assert running.stdout == "worked\n"
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(int).result() == 0


def test_to_thread_and_timeouts_of_asyncio_work(world):
    async def program():
        start = time.monotonic()
        await asyncio.to_thread(time.sleep, 1)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.sleep(10), 2)
        return time.monotonic() - start, asyncio.get_running_loop().time()

    assert world.call(program) == (3.0, 3.0)


def test_loops_of_two_threads_do_not_meet(world):
    def program():
        loops = []

        async def main(delay):
            await asyncio.sleep(delay)
            loops.append(asyncio.get_running_loop())
            await asyncio.sleep(delay)
            return asyncio.get_running_loop() is loops[-1] or len(loops) == 2

        thread = threading.Thread(target=asyncio.run, args=(main(1),))
        thread.start()
        fine = asyncio.run(main(1.5))
        thread.join()
        with pytest.raises(RuntimeError):
            asyncio.get_running_loop()
        return fine, loops[0] is not loops[1]

    assert world.call(program) == (True, True)


def test_context_variables_are_per_thread(world):
    import contextvars

    variable = contextvars.ContextVar("v", default="none")

    def program():
        variable.set("main")
        log = []
        thread = threading.Thread(target=lambda: (log.append(variable.get()), variable.set("t")))
        thread.start()
        thread.join()
        return [*log, variable.get()]

    assert world.call(program) == ["none", "main"]


def test_deadlock_names_call_and_place(world):
    def program():
        first, second = threading.Lock(), threading.Lock()

        def other():
            with second:
                time.sleep(1)
                first.acquire()

        threading.Thread(target=other, name="other").start()
        with first:
            time.sleep(1)
            second.acquire()

    world.spawn(program)
    with pytest.raises(Stuck) as caught:
        world.run()
    lines = sorted(caught.value.waiting)
    assert len(lines) == 3
    assert lines[0].startswith("alpha program[2] MainThread: Lock.acquire, taken by other at ")
    assert lines[0].endswith("in program")
    assert lines[1].startswith("alpha program[2] other: Lock.acquire, taken by MainThread at ")
    assert lines[1].endswith("in other")
    assert lines[2] == (
        "in a circle, so that none can go on: MainThread waits for other waits for MainThread"
    )


def test_killed_waiter_passes_the_lock_on(world):
    import os
    import signal

    lock = threading.Lock()

    def holder():
        with lock:
            time.sleep(2)

    def waiter():
        time.sleep(1)
        with lock:
            return time.monotonic()

    world.spawn(holder)
    victim = world.spawn(waiter)
    last = world.spawn(waiter)

    def killer():
        time.sleep(2)
        os.kill(victim.process.pid, signal.SIGKILL)

    world.spawn(killer)
    world.run()
    assert victim.exit_code == -signal.SIGKILL or victim.result == 2.0
    assert last.result == 2.0


def test_killed_thread_starts_no_other(world):
    log = []

    def program():
        def late():
            try:
                time.sleep(100)
            finally:
                try:
                    threading.Thread(target=log.append, args=["started"]).start()
                except BaseException as error:
                    log.append(type(error).__name__)

        threading.Thread(target=late, daemon=True).start()
        time.sleep(1)

    world.spawn(program)
    world.run()
    world.run(world.clock.now)
    assert log == ["GreenletExit"]


def test_exception_in_a_raw_thread_is_reported(world):
    def program():
        _thread.start_new_thread(divmod, (1, 0))
        time.sleep(1)
        with pytest.raises(TypeError):
            _thread.start_new_thread(3, ())
        with pytest.raises(TypeError):
            _thread.start_new_thread(int, [])

    running = world.spawn(program)
    world.run()
    assert running.exit_code == 0, running.stderr
    assert running.stderr.startswith("Exception ignored in thread started by: <built-in function divmod>\n")
    assert running.stderr.endswith("ZeroDivisionError: integer division or modulo by zero\n")


def test_interrupt_main_raises_in_the_main_thread(world):
    def program():
        threading.Timer(1, _thread.interrupt_main).start()
        try:
            time.sleep(10)
        except KeyboardInterrupt:
            return time.monotonic()

    assert world.call(program) == 1.0


def test_stack_size_is_kept(world):
    def program():
        former = threading.stack_size(1 << 20)
        with pytest.raises(ValueError, match="not valid"):
            threading.stack_size(5)
        return former, threading.stack_size()

    assert world.call(program) == (0, 1 << 20)
    assert threading.stack_size() == 0


def test_exception_hook_without_a_thread_tells_the_simulated_identifier(world):
    def program():
        try:
            raise ValueError("bug")
        except ValueError as error:
            threading.excepthook(threading.ExceptHookArgs((ValueError, error, error.__traceback__, None)))
        return threading.get_ident()

    running = world.spawn(program)
    world.run()
    assert running.stderr.startswith(f"Exception in thread {running.result}:\nTraceback ")
    assert running.stderr.endswith("ValueError: bug\n")


def test_clock_of_a_thread_is_its_own(world):
    def program():
        clock = time.pthread_getcpuclockid(threading.get_ident())
        return clock == time.CLOCK_THREAD_CPUTIME_ID, time.clock_gettime(clock)

    assert world.call(program) == (False, 0.0)


def test_exception_of_a_bare_thread_goes_to_the_unraisable_hook(world):
    def program():
        seen = []
        sys.unraisablehook = seen.append
        _thread.start_new_thread(fail, ())
        time.sleep(0.1)
        (told,) = seen
        message = f"{told.err_msg} {told.object!r}" if told.object is not None else told.err_msg
        return told.exc_type, str(told.exc_value), message

    def fail():
        raise ValueError("task failed")

    # Since Python 3.13 the function is in the message.
    message = f"Exception ignored in thread started by {fail!r}"
    assert world.call(program) == (ValueError, "task failed", message)


def test_types_of_locks_are_made_and_subclassed_as_the_real_ones(world):
    class Named(type(threading.RLock())):
        def __init__(self, name):
            self.name = name

    def program():
        with pytest.raises(TypeError, match="not an acceptable base type"):
            type("Mine", (_thread.LockType,), {})
        if sys.version_info < (3, 13):
            with pytest.raises(TypeError, match="cannot create"):
                _thread.LockType()
        with pytest.raises(TypeError):
            threading.Lock(1)
        with Named("a") as held, pytest.raises(TypeError):
            pickle.dumps(threading.Lock())
        return held, pickle.loads(pickle.dumps(_thread.LockType)), pickle.loads(pickle.dumps(threading.Lock))

    assert world.call(program) == (True, _thread.LockType, threading.Lock)


def test_thread_out_of_stack_at_a_lock_it_holds_is_told_so(world):
    """A RecursionError within the lock's own code is no reason to wait for it in the OS."""

    def program():
        held = threading.RLock()
        refused = 0

        def descend():
            nonlocal refused
            if not held.acquire(timeout=0.1):
                refused += 1
            try:
                descend()
            finally:
                held.release()

        def from_depth(depth):
            if depth:
                from_depth(depth - 1)
            else:
                descend()

        for depth in range(8):
            with pytest.raises(RecursionError):
                from_depth(depth)
        return refused, held.locked()

    assert world.call(program) == (0, False)


@pytest.mark.parametrize(
    "asks",
    [
        pytest.param(lambda it: not it.queue.empty(), id="queue"),
        pytest.param(lambda it: it.event.is_set(), id="event"),
        pytest.param(lambda it: it.guarded(), id="lock"),
        pytest.param(lambda it: not it.thread.is_alive(), id="thread"),
    ],
)
def test_thread_that_polls_another_without_blocking_lets_time_pass(world, asks):
    class Polled:
        def __init__(self):
            self.queue = queue.Queue()
            self.event = threading.Event()
            self.lock = threading.Lock()
            self.done = False
            self.thread = threading.Thread(target=self.finish)

        def finish(self):
            time.sleep(0.01)
            self.queue.put(1)
            self.event.set()
            self.done = True

        def guarded(self):
            with self.lock:
                return self.done

    def program():
        polled = Polled()
        polled.thread.start()
        while not asks(polled):
            pass
        return 0.01 <= time.monotonic() < 0.02

    assert world.call(program)


@pytest.mark.parametrize("kind", ["pipe", "socket"])
def test_threads_share_a_buffered_file_while_one_is_blocked_in_it(world, kind):
    def program():
        if kind == "pipe":
            reader, writer = os.pipe()
            source, target = os.fdopen(reader, "rb"), os.fdopen(writer, "wb")
        else:
            one, other = socket.socketpair()
            source, target = one.makefile("rb"), other.makefile("rwb")
            other.close()

        def write(word):
            for _ in range(100):
                target.write(word * 999 + b"\n")
                target.flush()

        def read():
            lines.extend(source)

        lines = []
        writers = [threading.Thread(target=write, args=(word,)) for word in (b"a", b"b", b"c")]
        readers = [threading.Thread(target=read) for _ in range(2)]
        for thread in writers + readers:
            thread.start()
        for thread in writers:
            thread.join()
        target.close()
        for thread in readers:
            thread.join()
        return len(lines), {len(line) for line in lines}, repr(target), type(source).__name__

    count, lengths, shown, name = world.call(program)
    assert (count, lengths, name) == (300, {1000}, "BufferedReader")
    assert shown.startswith("<_io.Buffered")


def test_thread_is_ended_by_an_asynchronous_exception(world):
    """The recipe that goes about for it: PyThreadState_SetAsyncExc by ctypes."""

    class Ended(Exception):
        pass

    def program():
        throw = ctypes.pythonapi.PyThreadState_SetAsyncExc
        ended = []

        def work():
            try:
                while True:
                    time.sleep(0.1)
            except Ended:
                ended.append(time.monotonic())

        thread = threading.Thread(target=work)
        thread.start()
        time.sleep(0.25)
        results = [
            throw(ctypes.c_long(thread.ident), ctypes.py_object(ValueError)),
            throw(ctypes.c_long(thread.ident), ctypes.py_object()),
            throw(ctypes.c_long(thread.ident), ctypes.py_object(Ended)),
            throw(ctypes.c_long(thread.ident + 999), ctypes.py_object(Ended)),
        ]
        thread.join()
        try:
            throw(ctypes.c_long(threading.get_ident()), ctypes.py_object(Ended))
            time.sleep(1)
        except Ended:
            ended.append(time.monotonic())
        return results, [round(each, 3) for each in ended]

    assert world.call(program) == ([1, 1, 1, 0], [0.3, 0.3])
