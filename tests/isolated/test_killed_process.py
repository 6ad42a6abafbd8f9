"""A killed process does nothing more, though Python unwinds its frames: no call of a finally block, of a
context manager or of a finalizer acts on files, other processes, sockets or what the host shares."""

import pytest

CALLS = """
CALLS = {
    "unlink": lambda: os.unlink(place + "/victim"),
    "rename": lambda: os.rename(place + "/victim", place + "/renamed"),
    "chmod": lambda: os.chmod(place + "/victim", 0),
    "truncate": lambda: os.truncate(place + "/victim", 0),
    "utime": lambda: os.utime(place + "/victim", (1, 1)),
    "mkdir": lambda: os.mkdir(place + "/made"),
    "rmdir": lambda: os.rmdir(place + "/directory"),
    "symlink": lambda: os.symlink("victim", place + "/symlink"),
    "link": lambda: os.link(place + "/victim", place + "/link"),
    "open": lambda: open(place + "/opened", "w"),
    "os.open": lambda: os.open(place + "/opened", os.O_CREAT | os.O_WRONLY),
    "FileIO": lambda: io.FileIO(place + "/opened", "w"),
    "rmtree": lambda: shutil.rmtree(place),
    "kill": lambda: os.kill(3, 9),
    "socket": lambda: socket.socket(),
    "socketpair": lambda: socket.socketpair(),
    "send": lambda: sender.sendto(b"late", ("127.0.0.1", 9)),
    "getaddrinfo": lambda: socket.getaddrinfo("a", 80),
    "pipe": lambda: os.pipe(),
    "epoll": lambda: select.epoll(),
    "Popen": lambda: subprocess.Popen([sys.executable, "-c", "pass"]),
    "thread": lambda: threading.Thread(target=told.append, args=("thread",)).start(),
    "sleep": lambda: time.sleep(1),
    "flock": lambda: fcntl.flock(0, fcntl.LOCK_EX),
}
"""


def test_no_call_of_a_finally_block_acts(fresh, tmp_path):
    (tmp_path / "victim").write_text("data")
    (tmp_path / "directory").mkdir()
    fresh(
        f"""
        import fcntl, gc, io, os, select, shutil, socket, subprocess, sys, tempfile, threading, time, weakref
        from pathlib import Path
        from fourtuple import Network
        place = {str(tmp_path)!r}
        {CALLS.replace(chr(10), chr(10) + " " * 8)}
        told, acted = [], []
        class Careless:
            def __del__(self):
                os.unlink(place + "/victim")
        class Held:
            pass
        def killed():
            global sender
            sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            careless, directory, held = Careless(), tempfile.TemporaryDirectory(dir=place), Held()
            weakref.finalize(held, acted.append, "weakref.finalize")
            written = open(place + "/buffered", "w")
            written.write("lost with the process")
            try:
                time.sleep(100)
            finally:
                told.append("python code runs")
                for name, call in CALLS.items():
                    try:
                        call()
                    except BaseException as error:
                        if type(error).__name__ != "GreenletExit":
                            acted.append((name, repr(error)))
                    else:
                        acted.append(name)
                print("printed")
        def other():
            time.sleep(5)
            return sorted(os.listdir("/proc/self/fd"))
        with Network(seed=1) as net:
            host = net.host("a")
            one, two = host.spawn(killed), host.spawn(other)
            net.at("1s", one.kill)
            net.run()
            print(one.exitcode, repr(one.stdout), repr(one.stderr), two.result, net.unhandled)
        gc.collect()
        print(told, acted)
        left = [name for name in sorted(os.listdir(place)) if not name.startswith("tmp")]
        print(left, *(Path(place, name).read_text() for name in ("victim", "buffered")))
        """,
        "-9 '' '' ['0', '1', '2'] []\n['python code runs'] []\n['buffered', 'directory', 'victim'] data \n",
    )


@pytest.mark.parametrize("end", ["os._exit(3)", "os.abort()", "os.kill(os.getpid(), 15)"])
def test_a_program_that_ends_itself_at_once_does_nothing_more(fresh, tmp_path, end):
    fresh(
        f"""
        import os
        from fourtuple import Network
        def program():
            try:
                {end}
            finally:
                open({str(tmp_path / "late")!r}, "w").close()
        with Network(seed=1) as net:
            net.host("a").spawn(program)
            net.run()
        print(os.path.exists({str(tmp_path / "late")!r}))
        """,
        "False\n",
    )


def test_nothing_is_told_of_what_a_killed_process_raises(fresh):
    fresh(
        """
        import threading, time
        from fourtuple import Network
        raised = []
        class Careless:
            def __del__(self):
                raised.append("__del__")
                raise ValueError
        def waiting():
            careless = Careless()
            try:
                time.sleep(100)
            finally:
                raised.append("finally")
                raise KeyError
        def program():
            threading.Thread(target=waiting).start()
            waiting()
        with Network(seed=1) as net:
            process = net.host("a").spawn(program)
            net.at("1s", process.kill)
            net.run()
            print(sorted(raised), net.unhandled, repr(process.stderr), process.exception)
        """,
        "['__del__', '__del__', 'finally', 'finally'] [] '' None\n",
    )


def test_what_a_killed_process_held_stays_taken(fresh):
    fresh(
        """
        import multiprocessing, time
        from fourtuple import Network
        context = multiprocessing.get_context("fork")
        def holding(lock):
            with lock:
                time.sleep(100)
        def program():
            lock = context.Lock()
            child = context.Process(target=holding, args=(lock,))
            child.start()
            time.sleep(1)
            child.kill()
            child.join()
            return child.exitcode, lock.acquire(timeout=5)
        with Network(seed=1) as net:
            process = net.host("a").spawn(program)
            net.run()
        print(process.result)
        """,
        "(-9, False)\n",
    )


def test_daemon_threads_go_without_a_word_when_their_program_ends(fresh, tmp_path):
    fresh(
        f"""
        import os, threading, time
        from fourtuple import Network
        def late():
            try:
                time.sleep(100)
            finally:
                open({str(tmp_path / "late")!r}, "w").close()
        def program():
            threading.Thread(target=late, daemon=True).start()
            time.sleep(1)
        with Network(seed=1) as net:
            process = net.host("a").spawn(program)
            net.run()
        print(process.exitcode, repr(process.stderr), os.path.exists({str(tmp_path / "late")!r}))
        """,
        "0 '' False\n",
    )


def test_a_loop_that_catches_every_end_is_left_where_it_is(fresh):
    fresh(
        """
        import os, time
        from fourtuple import Network
        count = 0
        def stubborn():
            global count
            while True:
                try:
                    time.sleep(1)
                except BaseException:
                    count += 1
        with Network(seed=1) as net:
            process = net.host("a").spawn(stubborn)
            net.at("2.5s", process.kill)
            net.run()
            print(process.exitcode, count < 200)
        """,
        "-9 True\n",
    )
