"""Names a program's modules bound before the stand-ins were installed."""


def test_names_bound_by_from_import_are_virtual_inside(fresh):
    fresh(
        """
        from time import monotonic, sleep
        from os import getpid, urandom
        from random import random
        from threading import Lock, get_ident
        from queue import SimpleQueue
        w = world()
        def program():
            sleep(5)
            queue = SimpleQueue()
            return monotonic(), getpid(), len(urandom(3)), random() < 1, get_ident(), type(queue).__module__
        print(w.call(program))
        """,
        "(5.0, 2, 3, True, 1, '_queue')\n",
    )


def test_names_kept_in_classes_defaults_and_containers_are_virtual_inside(fresh):
    fresh(
        """
        import time
        class Timer:
            clock = time.monotonic
            static = staticmethod(time.time)
            def read(self, clock=time.monotonic, *, other=time.perf_counter):
                return clock(), other()
        def default(clock=time.time_ns):
            return clock()
        table = {"clock": time.monotonic}
        row = [time.monotonic]
        w = world()
        def program():
            time.sleep(2)
            t = Timer()
            return t.clock(), t.static(), t.read(), default(), table["clock"](), row[0]()
        print(w.call(program))
        """,
        "(2.0, 1767225602.0, (2.0, 2.0), 1767225602000000000, 2.0, 2.0)\n",
    )


def test_lock_made_before_by_the_stdlib_does_not_stop_two_processes(fresh):
    fresh(
        """
        import concurrent.futures, logging, threading, time
        w = world()
        def program():
            with concurrent.futures.ThreadPoolExecutor(3) as pool:
                list(pool.map(time.sleep, [1, 1, 1]))
            logging.warning("x")
            return time.monotonic()
        running = [w.spawn(program, host=h) for h in "ab"]
        w.run()
        print([one.result for one in running], running[0].stderr)
        """,
        "[1.0, 1.0] WARNING:root:x\n\n",
    )


def test_local_made_before_is_per_simulated_thread(fresh):
    fresh(
        """
        import threading
        store = threading.local()
        store.value = "outside"
        w = world()
        def program():
            before = hasattr(store, "value")
            store.value = "inside"
            return before, store.value
        print(w.call(program), w.call(program), store.value)
        """,
        "(False, 'inside') (False, 'inside') outside\n",
    )


def test_names_kept_in_closures_partials_objects_and_queues_are_virtual_inside(fresh):
    fresh(
        """
        import functools, queue, socket, time
        class Retry:
            __slots__ = ("sleep",)
            def __init__(self, sleep, clock):
                self.sleep = sleep
        class Clock:
            def __init__(self, read):
                self.read = read
        def wrap(receive):
            def wrapped(*args):
                return receive(*args)
            return wrapped
        retry, clock = Retry(time.sleep, None), Clock(time.monotonic)
        receive, stamp = wrap(socket.socket.recv), functools.partial(time.time)
        jobs = queue.SimpleQueue()
        jobs.put("outside")
        w = world()
        def program():
            retry.sleep(5)
            left, right = socket.socketpair()
            left.send(b"x")
            try:
                first = jobs.get(timeout=3), jobs.get(timeout=3)
            except queue.Empty:
                first = "empty"
            return clock.read(), receive(right, 9), stamp(), first
        print(w.call(program))
        """,
        "(8.0, b'x', 1767225608.0, 'empty')\n",
    )


def test_locks_made_before_do_not_stop_the_thread_of_all(fresh):
    fresh(
        """
        import queue, threading, time
        lock = threading.Lock()
        class Account:
            guard = threading.RLock()
            def __init__(self):
                self.changed = threading.Condition()
                self.jobs = queue.Queue()
        account = Account()
        def keep(held=threading.Lock()):
            def locked():
                return held
            return locked
        kept = keep()
        w = world()
        def program():
            done = []
            def work(number):
                with lock, account.guard, kept():
                    time.sleep(1)
                    done.append(account.jobs.get())
                with account.changed:
                    account.changed.notify()
            threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
            for thread in threads:
                thread.start()
            time.sleep(0.5)
            for n in range(3):
                account.jobs.put(n)
            with account.changed:
                account.changed.wait_for(lambda: len(done) == 3)
            return done, time.monotonic(), type(lock).__name__
        print(w.call(program), lock.locked())
        """,
        "([0, 1, 2], 3.0, 'lock') False\n",
    )


def test_local_of_a_class_made_before_is_per_simulated_thread(fresh):
    fresh(
        """
        import threading
        class Context(threading.local):
            value = "class"
            def shout(self):
                return self.value.upper()
        context = Context()
        context.value = "outside"
        w = world()
        def program():
            before = context.value
            context.value = "inside"
            return before, context.shout(), isinstance(context, Context)
        print(w.call(program), w.call(program), context.shout())
        """,
        "('class', 'INSIDE', True) ('class', 'INSIDE', True) OUTSIDE\n",
    )


def test_event_loop_policy_made_before_keeps_loops_apart(fresh):
    fresh(
        """
        import asyncio, threading
        outer = asyncio.new_event_loop()
        asyncio.set_event_loop(outer)
        w = world()
        def program():
            loop = asyncio.new_event_loop()
            asyncio.set_event_loop(loop)
            same = asyncio.get_event_loop_policy().get_event_loop() is loop
            loop.close()
            return same
        print(w.call(program), asyncio.get_event_loop_policy().get_event_loop() is outer)
        outer.close()
        """,
        "True True\n",
    )


def test_install_twice_changes_nothing_more(fresh):
    fresh(
        """
        from fourtuple.shim.patch import install
        install()
        import time, threading
        first = time.time, threading.Lock
        install()
        print(first == (time.time, threading.Lock))
        """,
        "True\n",
    )
