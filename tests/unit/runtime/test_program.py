"""What runs as a process, and how it ends: compared with the real python where that can be."""

import subprocess
import sys
import textwrap

import pytest
from builders_runtime import PYTHON

from fourtuple.clock.clock import SECOND
from fourtuple.runtime.program import CommandProgram, ModuleProgram, ScriptProgram


def real(*command, cwd=None):
    done = subprocess.run([PYTHON, *command], capture_output=True, text=True, cwd=cwd, check=False)
    return done.stdout, done.stderr, done.returncode


def simulated(world, program):
    running = world.spawn(program)
    world.run()
    return running.stdout, running.stderr, running.exit_code


def script(tmp_path, source):
    path = tmp_path / "prog.py"
    path.write_text(textwrap.dedent(source))
    return str(path)


def assert_as_python(world, tmp_path, source, *args):
    path = script(tmp_path, source)
    assert simulated(world, ScriptProgram(path, list(args))) == real(path, *args)


def test_callable_result_is_kept(world):
    assert world.call(divmod, 7, 2) == (3, 1)


def test_callable_exception_is_kept_and_printed(world):
    def fail():
        raise KeyError("k")

    running = world.spawn(fail)
    world.run()
    assert running.exit_code == 1
    assert isinstance(running.state.exception, KeyError)
    assert running.stderr.startswith("Traceback (most recent call last):\n")
    assert running.stderr.endswith("KeyError: 'k'\n")
    assert "fourtuple/runtime" not in running.stderr


def test_callable_with_arguments_sees_its_name_as_argv(world):
    assert world.call(lambda: sys.argv) == ["<lambda>"]


@pytest.mark.parametrize(
    "source",
    [
        "print('hello')",
        "import sys; print(sys.argv[1:], __name__, __file__ == sys.argv[0], __spec__, __package__)",
        "import sys, os; print(os.path.dirname(__file__) == sys.path[0])",
        "print(sorted(globals()))",
        "import sys; print(sys.modules['__main__'].x if hasattr(sys.modules['__main__'], 'x') else 0)",
        "import sys; sys.exit()",
        "import sys; sys.exit(3)",
        "import sys; sys.exit(-1)",
        "import sys; sys.exit(256)",
        "import sys; sys.exit('a message')",
        "import sys; sys.exit(['a', 'list'])",
        "raise SystemExit",
        "1 / 0",
        "def f():\n    g()\ndef g():\n    raise ValueError('x')\nf()",
        "try:\n    1 / 0\nexcept Exception as e:\n    raise KeyError(2) from e",
        "try:\n    1 / 0\nexcept Exception as e:\n    raise KeyError(2)",
        "raise ExceptionGroup('g', [ValueError(1), KeyError(2)])",
        "x = = 1",
        "import no_such_module_at_all",
        "raise KeyboardInterrupt",
        "import sys; sys.excepthook = lambda *a: print('hook', a[0].__name__)\n1 / 0",
        "import sys; sys.excepthook = lambda *a: 1 // 0\nraise KeyError",
        "import atexit\n@atexit.register\ndef a(): print('a')\natexit.register(print, 'b')\nprint('main')",
        "import atexit, sys\natexit.register(print, 'bye')\nsys.exit(4)",
        "import sys; sys.stdout.write('no newline')",
        "import sys; print(sys.stdout.fileno(), sys.stdout.mode, sys.stdout.name, sys.stdout.isatty())",
        "import sys; print(sys.stderr.errors, sys.stdin.mode, sys.stdin.fileno())",
        "import sys; print(input('q? '))",
        "import threading; print(threading.current_thread().name, threading.active_count())",
        "import threading, time\ndef f():\n    time.sleep(0.3); print('late')\n"
        "threading.Thread(target=f).start(); print('main done')",
        "import threading, time\nthreading.Thread(target=time.sleep, args=(9,), daemon=True).start()",
        "import threading\ndef f():\n    raise ValueError('in thread')\nt = threading.Thread(target=f)\n"
        "t.start(); t.join()",
        "import threading\nthreading.excepthook = lambda a: print('hook', a.exc_type.__name__)\n"
        "t = threading.Thread(target=lambda: 1 / 0); t.start(); t.join()",
        "import os; os._exit(7)",
        "import os, atexit; atexit.register(print, 'never'); os._exit(0)",
        "import os, signal; os.kill(os.getpid(), signal.SIGTERM); print('never')",
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
        "import os, signal; os.abort()",
        "import warnings; warnings.warn('careful')",
        "from concurrent.futures import ThreadPoolExecutor\nimport time\n"
        "e = ThreadPoolExecutor(2)\nf = e.submit(lambda: (time.sleep(0.3), print('worked')))\nprint('end')",
        "import logging; logging.warning('w %d', 1)",
        "import traceback\ntry:\n    1 / 0\nexcept Exception:\n    traceback.print_exc()",
        "import sys; print(sys.stdin.read() == '')",
        "import time; time.sleep(-1)",
        "import os; os.read(99, 1)",
        "open('/no/such/file')",
        "import random; random.seed(5); print(random.random(), random.choice('abc'))",
        "import _thread; _thread.start_new_thread(print, ('raw',)); import time; time.sleep(0.3)",
        "import queue; queue.Queue().get(timeout=0.01)",
    ],
)
def test_script_ends_as_under_python(world, tmp_path, source):
    path = script(tmp_path, source)
    running = world.spawn(ScriptProgram(path, ["one", "two"]))
    running.stdin.feed_eof()
    world.run()
    done = subprocess.run(
        [PYTHON, path, "one", "two"], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    assert running.stdout == done.stdout
    assert running.stderr == done.stderr
    assert running.exit_code == done.returncode


def test_exit_code_too_large_for_c_is_255(world):
    running = world.spawn(sys.exit, 1 << 70)
    world.run()
    assert running.exit_code == 255


def test_missing_script_says_what_python_says(world):
    program = ScriptProgram("/no/such/script.py", [])
    assert simulated(world, program) == real("/no/such/script.py")


def test_command_runs_as_under_python(world):
    source = "import sys; print(sys.argv, repr(sys.path[0]), __name__); 1 / 0"
    assert simulated(world, CommandProgram(source, ["a"])) == real("-c", source, "a")


def test_module_runs_as_under_python(world, tmp_path, monkeypatch):
    (tmp_path / "mod.py").write_text("import sys; print(sys.argv, __name__, __spec__.name); 1 / 0")
    monkeypatch.chdir(tmp_path)
    assert simulated(world, ModuleProgram("mod", ["a"])) == real("-m", "mod", "a", cwd=tmp_path)


def test_missing_module_says_what_python_says(world):
    assert simulated(world, ModuleProgram("no_such_mod", [])) == real("-m", "no_such_mod")


def test_directory_runs_its_main(world, tmp_path):
    (tmp_path / "__main__.py").write_text("import sys; print(sys.argv, sys.path[0], __name__)")
    assert simulated(world, ScriptProgram(str(tmp_path), ["a"])) == real(str(tmp_path), "a")


def test_lines_are_written_when_they_are_printed(world, tmp_path):
    path = script(tmp_path, "import time\nprint(1)\ntime.sleep(2)\nprint(2)")
    running = world.spawn(ScriptProgram(path, []))
    world.run()
    assert running.writes == [(0, b"1\n"), (2 * SECOND, b"2\n")]


def test_modules_of_two_programs_with_one_name_stay_apart(world, tmp_path):
    running = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "settings.py").write_text(f"import time; time.sleep(1); NAME = {name!r}")
        (folder / "app.py").write_text("import settings, time; time.sleep(1); print(settings.NAME)")
        running.append(world.spawn(ScriptProgram(str(folder / "app.py"), []), host=name))
    world.run()
    assert [one.stdout for one in running] == ["one\n", "two\n"]
    assert "settings" not in sys.modules


def test_same_program_twice_has_its_globals_twice(world, tmp_path):
    (tmp_path / "state.py").write_text("seen = []")
    path = script(tmp_path, "import state, time; state.seen.append(1); time.sleep(1); print(state.seen)")
    running = [world.spawn(ScriptProgram(path, [])) for _ in range(2)]
    world.run()
    assert [one.stdout for one in running] == ["[1]\n", "[1]\n"]


def test_two_processes_rebinding_streams_do_not_meet(world):
    import io
    import time

    def program(name):
        sys.stdout = io.StringIO()
        time.sleep(1)
        print(name, end="")
        time.sleep(1)
        return sys.stdout.getvalue()

    outer = sys.stdout
    running = [world.spawn(program, name) for name in ("a", "b")]
    world.run()
    assert [one.result for one in running] == ["a", "b"]
    assert sys.stdout is outer


def test_process_deleting_what_is_swapped_harms_no_other(world):
    import time

    def vandal():
        del sys.stdout, sys.argv, sys.modules["__main__"]
        time.sleep(1)
        return hasattr(sys, "path")

    def other():
        time.sleep(0.5)
        print(sys.argv)

    vandal = world.spawn(vandal)
    other = world.spawn(other)
    world.run()
    assert vandal.result is True
    assert other.stdout == "['other']\n"
    assert sys.argv
    assert sys.modules["__main__"]


def test_environment_and_directory_are_the_processes_own(world, tmp_path, monkeypatch):
    import os
    import time

    def program(name):
        os.environ["NAME"] = name
        os.mkdir(tmp_path / name)
        os.chdir(tmp_path / name)
        time.sleep(1)
        return os.environ["NAME"], os.path.basename(os.getcwd()), os.getenv("OUTER")

    monkeypatch.setenv("OUTER", "yes")
    before = os.getcwd()
    running = [world.spawn(program, name) for name in ("a", "b")]
    world.run()
    assert [one.result for one in running] == [("a", "a", None), ("b", "b", None)]
    assert os.getcwd() == before
    assert "NAME" not in os.environ


def test_killed_process_runs_no_more_and_keeps_nothing(world):
    import signal
    import threading
    import time

    from fourtuple.runtime.signals import send_signal

    log = []

    def worker():
        while True:
            time.sleep(1)
            log.append("tick")

    def program():
        threading.Thread(target=worker).start()
        time.sleep(100)
        log.append("never")

    running = world.spawn(program)
    world.run(int(2.5 * SECOND))
    send_signal(running.state, signal.SIGKILL)
    assert running.exit_code == -signal.SIGKILL
    assert len(running.process.fds) == 0
    world.run(10 * SECOND)
    assert log == ["tick", "tick"]
    assert world.scheduler.threads == []
    assert running.stderr == ""


def test_coroutine_function_is_run(world):
    async def main():
        return 5

    assert world.call(main) == 5


def test_hosts_keep_utc(world, monkeypatch):
    import datetime
    import time

    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        local = world.call(lambda: (time.localtime(0).tm_hour, datetime.datetime.fromtimestamp(0).hour))
        assert local == (0, 0)
        assert time.localtime(0).tm_hour == 9
    finally:
        monkeypatch.undo()
        time.tzset()
