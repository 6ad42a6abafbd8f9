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
        "(5.0, 1, 3, True, 1, '_queue')\n",
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
