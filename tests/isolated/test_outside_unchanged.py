"""The stand-ins outside a simulation: everything as in an interpreter without them."""

import pytest


def test_real_time_passes(fresh):
    fresh(
        """
        import time, datetime
        w = world()
        start, cpu = time.monotonic(), time.process_time()
        time.sleep(0.05)
        print(0.04 < time.monotonic() - start < 5, time.process_time() - cpu < 1)
        print(abs(datetime.datetime.now().timestamp() - time.time()) < 5)
        print(datetime.date.today() == datetime.datetime.now().date())
        """,
        "True True\nTrue\nTrue\n",
    )


def test_real_threads_locks_and_queues_work(fresh):
    fresh(
        """
        w = world()
        import threading, queue, time
        from concurrent.futures import ThreadPoolExecutor
        lock, results = threading.Lock(), queue.Queue()
        store = threading.local()
        store.value = 0
        def work(number):
            store.value = number
            with lock:
                time.sleep(0.001)
                results.put((number, store.value))
        threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        print(sorted(results.get() for _ in range(8)) == [(n, n) for n in range(8)], store.value)
        with ThreadPoolExecutor(4) as pool: print(sum(pool.map(abs, range(100))))
        simple = queue.SimpleQueue()
        threading.Timer(0.01, simple.put, ["late"]).start()
        print(simple.get(timeout=30))
        condition = threading.Condition(threading.RLock())
        def notify():
            with condition: condition.notify()
        with condition:
            threading.Timer(0.01, notify).start()
            print(condition.wait(30))
        print(threading.active_count() <= 2, threading.get_ident() > 1 << 20)
        """,
        "True 0\n4950\nlate\nTrue\nTrue True\n",
    )


def test_pool_left_open_does_not_hang_the_exit(fresh):
    fresh(
        """
        w = world()
        import atexit, threading, time
        from concurrent.futures import ThreadPoolExecutor
        w.call(lambda: ThreadPoolExecutor(1).submit(int).result())
        pool = ThreadPoolExecutor(1)
        pool.submit(lambda: (time.sleep(0.05), print("pool")))
        atexit.register(print, "atexit")
        """,
        "pool\natexit\n",
    )


def test_fork_subprocess_and_multiprocessing_work(fresh):
    fresh(
        """
        w = world()
        import multiprocessing, os, subprocess, sys
        pid = os.fork()
        if not pid: os._exit(7)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        print(subprocess.run([sys.executable, "-c", "print(5)"], capture_output=True, text=True).stdout)
        context = multiprocessing.get_context("fork")
        queue = context.Queue()
        process = context.Process(target=queue.put, args=(1,))
        process.start()
        print(queue.get(), process.join(), os.system("exit 3") >> 8)
        """,
        "7\n5\n\n1 None 3\n",
    )


def test_files_and_descriptors_have_low_numbers(fresh):
    fresh(
        """
        w = world()
        import os, tempfile
        reader, writer = os.pipe()
        print(max(reader, writer) < 50, os.write(writer, b"x"), os.read(reader, 1))
        with tempfile.TemporaryFile() as file, os.fdopen(os.dup(reader)) as again:
            print(file.fileno() < 50, again.fileno() < 50)
        with open("/dev/null") as null: print(null.fileno() < 50)
        os.close(reader)
        """,
        "True 1 b'x'\nTrue True\nTrue\n",
    )


def test_signals_are_real(fresh):
    fresh(
        """
        w = world()
        import os, signal
        log = []
        print(signal.signal(signal.SIGUSR1, lambda n, f: log.append(n)))
        os.kill(os.getpid(), signal.SIGUSR1)
        signal.raise_signal(signal.SIGUSR1)
        signal.setitimer(signal.ITIMER_REAL, 30)
        print(log, signal.getitimer(signal.ITIMER_REAL)[0] > 1, signal.alarm(0) > 1)
        """,
        "0\n[10, 10] True True\n",
    )


def test_random_sequence_is_that_of_an_untouched_interpreter(fresh):
    fresh(
        """
        import random
        random.seed(7)
        expected = [random.random() for _ in range(6)]
        random.seed(7)
        seen = [random.random(), random.random()]
        w = world()
        seen.append(random.random())
        w.call(lambda: [random.random(), random.seed(3), random.Random().random()])
        seen += [random.random() for _ in range(3)]
        print(seen == expected)
        import os, uuid, secrets
        print(os.urandom(8) != os.urandom(8), uuid.uuid4() != uuid.uuid4(), uuid.uuid1() != uuid.uuid1())
        """,
        "True\nTrue True True\n",
    )


def test_stand_ins_look_and_pickle_like_what_they_replace(fresh):
    fresh(
        """
        w = world()
        import copy, datetime, inspect, os, pickle, threading, time
        for function in (time.time, time.sleep, os.getpid, os.read, open):
            assert pickle.loads(pickle.dumps(function)) is not None
            assert copy.copy(function) is not None
        print(time.sleep.__name__, os.getpid.__doc__[:24], time.time.__module__)
        now = datetime.datetime.now()
        print(type(now) is datetime.datetime, pickle.loads(pickle.dumps(now)) == now)
        print(isinstance(threading.Lock(), type(threading.Lock())), repr(threading.Lock())[:9])
        class A: clock = time.monotonic
        print(isinstance(A().clock(), float))
        """,
        "sleep Return the current proce time\nTrue True\nTrue <unlocked\nTrue\n",
    )


def test_nothing_is_left_after_a_run(fresh):
    fresh(
        """
        w = world()
        import os, signal, sys, threading, logging, warnings, time
        def state():
            return (
                sys.argv, sys.path[:], sys.stdin, sys.stdout, sys.stderr, sys.excepthook,
                sys.modules["__main__"], dict(os.environ), os.getcwd(), threading.enumerate(),
                threading.main_thread(), signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM),
                logging.root.handlers[:], logging.root.level, warnings.filters[:], time.tzname,
                sorted(os.listdir("/proc/self/fd")),
            )
        def program():
            sys.argv = ["changed"]; sys.path.append("changed"); sys.stdout = None
            sys.excepthook = print; os.environ["CHANGED"] = "1"; os.chdir("/")
            sys.modules["__main__"] = None
            logging.basicConfig(level=1); warnings.simplefilter("ignore")
            signal.signal(signal.SIGINT, signal.SIG_IGN); signal.signal(signal.SIGTERM, signal.SIG_IGN)
            threading.Thread(target=time.sleep, args=(9,), daemon=True).start()
            time.sleep(1)
            os.pipe()
        before = state()
        running = w.spawn(program)
        w.run()
        assert running.exit_code == 0, running.stderr
        print(state() == before)
        """,
        "True\n",
    )


def test_state_is_back_after_ctrl_c_and_after_a_stuck_run(fresh):
    fresh(
        """
        w = world()
        import sys, threading
        from fourtuple.runtime.scheduler import Stuck
        outer = sys.stdout, threading.enumerate()
        w.spawn(threading.Event().wait)
        try:
            w.run()
        except Stuck:
            print(outer == (sys.stdout, threading.enumerate()))
        w.close()
        print(outer == (sys.stdout, threading.enumerate()))
        """,
        "True\nTrue\n",
    )


def test_asyncio_outside_works(fresh):
    fresh(
        """
        w = world()
        import asyncio
        async def main():
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(b"ping"); await writer.drain()
            data = await reader.read(4)
            writer.close(); await writer.wait_closed()
            return data, await asyncio.to_thread(int, "5")
        async def echo(reader, writer):
            writer.write((await reader.read(4)).upper()); await writer.drain()
            writer.close(); await writer.wait_closed()
        async def both():
            global server
            server = await asyncio.start_server(echo, "127.0.0.1", 0)
            async with server: return await main()
        print(asyncio.run(both()))
        """,
        "(b'PING', 5)\n",
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "test_queue",
        "test_sched",
        "test_threading_local",
        "test_uuid",
        "test_random",
        "test_file",
    ],
)
def test_tests_of_cpython_pass_outside(fresh, name):
    pytest.importorskip(f"test.{name}")
    fresh(
        f"""
        w = world()
        import io, unittest
        suite = unittest.defaultTestLoader.loadTestsFromName("test.{name}")
        result = unittest.TextTestRunner(stream=io.StringIO()).run(suite)
        print(result.wasSuccessful())
        """,
        "True\n",
    )
