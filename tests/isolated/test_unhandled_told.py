"""Exceptions that nobody handles: python prints its own, and a line beside it says where and when."""

import pytest

PROGRAMS = {
    # what the program does after a second, what python prints last of it, the line beside it
    "threading.Thread(target=fail, name='worker').start()": (
        "KeyError: 'x'",
        "KeyError: It ended thread worker of a python[2] at 1.000000000 s of virtual time.",
    ),
    "_thread.start_new_thread(fail, ()); time.sleep(1)": (
        "KeyError: 'x'",
        "KeyError: It ended a thread of a python[2] at 1.000000000 s of virtual time.",
    ),
    "asyncio.run(forgetful()); gc.collect()": (
        "KeyError: 'x'",
        "KeyError: It was never retrieved from a task of a python[2] at 1.500000000 s of virtual time.",
    ),
    "asyncio.run(calling())": (
        "KeyError: 'x'",
        "KeyError: It was left to the event loop of a python[2] at 1.000000000 s of virtual time.",
    ),
    "Careless()": (
        "KeyError: 'x'",
        "KeyError: It was ignored in a python[2] at 1.000000000 s of virtual time.",
    ),
    "atexit.register(fail)": (
        "KeyError: 'x'",
        "KeyError: It was ignored in an exit function of a python[2] at 1.000000000 s of virtual time.",
    ),
    "subprocess.run([sys.executable, '-c', '1/0'])": (
        "ZeroDivisionError: division by zero",
        "ZeroDivisionError: It ended a python[3] at 1.000000000 s of virtual time.",
    ),
    "forked = multiprocessing.get_context('fork').Process(target=fail); forked.start(); forked.join()": (
        "KeyError: 'x'",
        "KeyError: It ended a python[3] at 1.000000000 s of virtual time.",
    ),
    "fail()": (
        "KeyError: 'x'",
        "KeyError: It ended a python[2] at 1.000000000 s of virtual time.",
    ),
}
HEAD = """
import _thread, asyncio, atexit, gc, multiprocessing, subprocess, sys, threading, time
def fail():
    raise KeyError("x")
async def failing():
    fail()
async def forgetful():
    task = asyncio.create_task(failing())
    await asyncio.sleep(0.5)
    del task
async def calling():
    asyncio.get_running_loop().call_soon(fail)
    await asyncio.sleep(0.5)
class Careless:
    def __del__(self):
        fail()
time.sleep(1)
"""
RUN = """
from fourtuple import Network
with Network(seed=1) as net:
    process = net.host("a").spawn(["python", "-c", {source!r}])
    net.run()
print(process.stderr.splitlines()[-1])
print(*net.unhandled, sep="\\n")
assert "fourtuple" not in process.stderr and "virtual time" not in process.stderr, process.stderr
"""


@pytest.mark.parametrize("action", PROGRAMS)
def test_host_process_and_time_stand_beside_what_python_prints(fresh, action):
    printed, told = PROGRAMS[action]
    fresh(RUN.format(source=HEAD + action), f"{printed}\n{told}\n")


@pytest.mark.parametrize(
    "action",
    [
        "sys.exit(3)",
        "threading.Thread(target=sys.exit).start()",
        "os.kill(os.getpid(), 9)",
        "threading.Thread(target=time.sleep, args=(9,), daemon=True).start()",
        "asyncio.new_event_loop().run_until_complete(handled())",
    ],
)
def test_what_is_no_failure_is_not_told(fresh, action):
    handled = """
import os
async def handled():
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
    await calling()
"""
    fresh(
        f"""
        from fourtuple import Network
        with Network(seed=1) as net:
            process = net.host("a").spawn(["python", "-W", "ignore", "-c", {HEAD + handled + action!r}])
            net.run()
        print(net.unhandled, process.stderr)
        """,
        "[] \n",
    )


def test_live_run_shows_the_line_after_pythons(fresh):
    fresh(
        """
        import io, sys
        from fourtuple import Network
        sys.stderr = io.StringIO()
        with Network(seed=1, live=True) as net:
            source = "import threading; threading.Thread(target=lambda: 1 / 0, name='t').start()"
            net.host("a").spawn(["python", "-c", source])
            net.run()
        shown, sys.stderr = sys.stderr.getvalue(), sys.__stderr__
        print(*shown.splitlines()[-2:], sep="\\n")
        """,
        "a | ZeroDivisionError: division by zero\n"
        "a | ZeroDivisionError: It ended thread t of a python[2] at 0.000000000 s of virtual time.\n",
    )


def test_faulthandler_dumps_the_threads_of_the_process_alone(fresh):
    fresh(
        """
        import faulthandler, threading, time
        from fourtuple import Network
        def waiting():
            time.sleep(5)
        def program():
            faulthandler.enable()
            threading.Thread(target=waiting).start()
            time.sleep(1)
            faulthandler.dump_traceback()
            return faulthandler.is_enabled(), faulthandler.disable(), faulthandler.is_enabled()
        with Network(seed=1) as net:
            host = net.host("a")
            other, process = host.spawn(waiting), host.spawn(program)
            net.run()
        print(process.result, faulthandler.is_enabled())
        print("fourtuple" in process.stderr)
        for line in process.stderr.splitlines():
            words = line.split()
            if "File" not in words or words[-1] in ("waiting", "program"):
                print(words[-1] if "File" in words else line)
        """,
        """\
        (True, True, False) False
        False
        Thread 0x0000000000000003 (most recent call first):
        waiting

        Current thread 0x0000000000000002 (most recent call first):
        program
        """,
    )
