"""subprocess, os.posix_spawn, os.exec* and their kin: Python programs as child processes of a host."""

import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from fourtuple.runtime.program import CommandProgram
from fourtuple.shim.refusal import NotSimulated


def python(code, *args):
    return [sys.executable, "-c", textwrap.dedent(code), *args]


def run_code(world, code):
    """Run ``code`` as a program of its own and return what it printed."""
    running = world.spawn(CommandProgram(textwrap.dedent(code), []))
    world.run()
    assert running.exit_code == 0, running.stderr
    return running.stdout


def test_child_is_a_process_of_its_own(world):
    def program():
        code = "import os, sys; print(os.getpid(), os.getppid(), os.getpgrp(), sys.argv); sys.exit(3)"
        done = subprocess.run(python(code, "x"), capture_output=True, text=True)
        return os.getpid(), done.returncode, done.stdout

    assert world.call(program) == (2, 3, "3 2 2 ['-c', 'x']\n")


def test_stdin_stdout_and_stderr_are_pipes(world):
    def program():
        code = "import sys; print(sys.stdin.read().upper()); print('trouble', file=sys.stderr)"
        done = subprocess.run(python(code), input="hello", capture_output=True, text=True)
        merged = subprocess.run(python(code), input=b"x", stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.stdout, done.stderr, merged.stdout

    assert world.call(program) == ("HELLO\n", "trouble\n", b"X\ntrouble\n")


def test_streams_are_inherited(world):
    running = world.spawn(lambda: subprocess.check_call(python("print('from the child')")))
    world.run()
    assert running.stdout == "from the child\n"


def test_output_goes_to_a_real_file_that_the_parent_closed(world, tmp_path):
    def program():
        with open(tmp_path / "out", "w") as file:
            child = subprocess.Popen(
                python("import time; time.sleep(1); print('late')"), stdout=file, stdin=subprocess.DEVNULL
            )
        return child.wait()

    assert world.call(program) == 0
    assert (tmp_path / "out").read_text() == "late\n"


def test_timeout_and_signals(world):
    def program():
        child = subprocess.Popen(python("import time; time.sleep(100)"))
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(2)
        running = child.poll()
        child.terminate()
        code = child.wait()
        other = subprocess.Popen(python("import time; time.sleep(100)"))
        other.send_signal(signal.SIGKILL)
        return running, code, other.wait(), time.monotonic()

    running, code, killed, moment = world.call(program)
    assert (running, code, killed) == (None, -15, -9)
    assert 2.0 <= moment < 2.2


def test_child_handles_a_signal(world):
    code = """
        import signal, sys, time
        signal.signal(signal.SIGTERM, lambda signum, frame: sys.exit(9))
        print("ready", flush=True)
        while True:
            time.sleep(1)
    """

    def program():
        child = subprocess.Popen(python(code), stdout=subprocess.PIPE, text=True)
        line = child.stdout.readline()
        child.terminate()
        return line, child.communicate(), child.returncode

    assert world.call(program) == ("ready\n", ("", None), 9)


def test_passed_descriptors_and_closed_ones(world):
    code = """
        import os, sys
        for fd in map(int, sys.argv[1:]):
            try:
                os.write(fd, b"from the child")
            except OSError as error:
                print(error.errno)
    """

    def program():
        reader, writer = os.pipe()
        unused = os.pipe()[1]
        os.set_inheritable(unused, True)
        child = subprocess.Popen(
            python(code, str(writer), str(unused)), pass_fds=[writer], stdout=subprocess.PIPE, text=True
        )
        os.close(writer)
        data = os.read(reader, 100)
        end = os.read(reader, 100)
        return data, end, child.communicate()[0]

    assert world.call(program) == (b"from the child", b"", "9\n")


def test_without_close_fds_inheritable_ones_are_there(world):
    def program():
        reader, writer = os.pipe()
        os.set_inheritable(writer, True)
        code = f"import os; os.write({writer}, b'x'); os.write({reader}, b'')"
        child = subprocess.run(python(code), close_fds=False, capture_output=True, text=True)
        return os.read(reader, 9), child.returncode, child.stderr.splitlines()[-1]

    assert world.call(program) == (b"x", 1, "OSError: [Errno 9] Bad file descriptor")


def test_directory_environment_and_session(world, tmp_path):
    code = "import os; print(os.getcwd(), os.environ['WHO'], os.getsid(0) == os.getpid(), os.umask(0))"

    def program():
        return subprocess.check_output(
            python(code), cwd=tmp_path, env={"WHO": "me"}, start_new_session=True, umask=0o77, text=True
        )

    assert world.call(program) == f"{tmp_path} me True 63\n"


def test_preexec_function_acts_on_the_child(world):
    def program():
        def before():
            os.setpgid(0, 0)
            os.dup2(2, 1)

        child = subprocess.Popen(python("import os; print(os.getpgrp())"), preexec_fn=before)
        child.wait()
        with pytest.raises(subprocess.SubprocessError, match="preexec_fn"):
            subprocess.run(python(""), preexec_fn=lambda: 1 / 0)
        return os.getpgrp(), child.pid

    running = world.spawn(program)
    world.run()
    own, child = running.result
    assert running.stderr == f"{child}\n"
    assert own == 2


@pytest.mark.parametrize(
    ("command", "options", "error"),
    [
        (["/nonexistent/program"], {}, "[Errno 2] No such file or directory: '/nonexistent/program'"),
        (["nosuchprogram"], {}, "[Errno 2] No such file or directory: 'nosuchprogram'"),
        ([sys.executable], {"cwd": "/nonexistent"}, "[Errno 2] No such file or directory: '/nonexistent'"),
        (["/etc/passwd"], {}, "[Errno 13] Permission denied: '/etc/passwd'"),
    ],
)
def test_error_of_exec_reaches_the_parent(world, command, options, error):
    def program():
        with pytest.raises((FileNotFoundError, PermissionError)) as caught:
            subprocess.Popen(command, **options)
        with pytest.raises(ChildProcessError):
            os.wait()
        return str(caught.value)

    assert world.call(program) == error


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: subprocess.run(["ls", "-l"]), "/ls -l'"),
        (lambda: subprocess.run("ls | wc", shell=True), r"'ls \| wc' \(with '\|'\)"),
        (lambda: os.system("python x.py > out"), "with '>'"),
        (lambda: os.popen("true"), "/bin/true"),
        (lambda: subprocess.run([sys.executable, "-O", "x.py"]), "option -O of python"),
        (lambda: subprocess.run([sys.executable, "-X", "importtime", "x.py"]), "-X importtime"),
        (lambda: os.execv("/bin/true", ["true"]), "/bin/true"),
        (lambda: os.posix_spawn("/bin/true", ["true"], {}), "/bin/true"),
        (lambda: os.fork(), "os.fork.*multiprocessing.Process.*fork"),
    ],
)
def test_what_is_no_python_program_is_refused_by_name(world, call, named):
    def program():
        with pytest.raises(NotSimulated, match=named):
            call()
        return True

    assert world.call(program)


def test_shell_that_only_runs_python_runs_it(world):
    def program():
        return (
            subprocess.check_output("WHO=me python3 -c 'import os; print(os.environ[\"WHO\"])'", shell=True),
            os.popen("exec python -c 'print(7)'").read(),
            os.waitstatus_to_exitcode(os.system("python -c 'import sys; sys.exit(4)'")),
        )

    assert world.call(program) == (b"me\n", "7\n", 4)


def test_script_with_python_in_its_first_line_is_started(world, tmp_path):
    script = tmp_path / "tool"
    script.write_text("#!/usr/bin/env python3\nimport sys\nprint(sys.argv[1:], __file__)\n")
    script.chmod(0o755)

    def program():
        return subprocess.check_output([script, "a"], text=True)

    assert world.call(program) == f"['a'] {script}\n"


def test_options_of_the_interpreter(world, tmp_path):
    (tmp_path / "extra.py").write_text("WHO = 'extra'\n")

    def outputs():
        yield python("import sys; print(sys.stdout.write_through, sys.dont_write_bytecode)")
        yield [
            sys.executable,
            "-uB",
            "-c",
            "import sys; print(sys.stdout.write_through, sys.dont_write_bytecode)",
        ]
        yield [
            sys.executable,
            "-Werror",
            "-c",
            "import warnings, sys; print(sys.warnoptions); warnings.warn('x')",
        ]
        yield [sys.executable, "-V"]
        yield [sys.executable, "-c", "import extra; print(extra.WHO)"]
        yield [sys.executable, "-E", "-c", "import extra"]
        yield [sys.executable, "-I", "-c", "import sys; print('' in sys.path)"]
        yield [sys.executable, "-", "a"]

    def program():
        env = {"PYTHONPATH": str(tmp_path)}
        done = [
            subprocess.run(
                command, capture_output=True, text=True, env=env, input="import sys; print(sys.argv)"
            )
            for command in outputs()
        ]
        return [one.stdout.strip() or one.stderr.splitlines()[-1] for one in done]

    version = sys.version.split()[0]
    assert world.call(program) == [
        "False False",
        "True True",
        "['error']",
        f"Python {version}",
        "extra",
        "ModuleNotFoundError: No module named 'extra'",
        "False",
        "['-', 'a']",
    ]


def test_flags_are_those_of_the_command_and_environment(world):
    code = "import sys, asyncio.coroutines as c; print(sys.flags, sys.warnoptions, c._is_debug_mode())"
    debug = {"PYTHONASYNCIODEBUG": "1"}
    commands = [
        (["-c", code], {}),
        (["-c", code], debug),
        (["-E", "-c", code], debug),
        (["-I", "-c", code], debug),
        (["-Bqs", "-c", code], {"PYTHONSAFEPATH": "1"}),
        (["-X", "dev", "-W", "error", "-c", code], {}),
        (["-c", code], {"PYTHONDEVMODE": "1", "PYTHONNOUSERSITE": "1", "PYTHONDONTWRITEBYTECODE": "1"}),
    ]

    def program():
        results = []
        for options, environ in commands:
            command = [sys.executable, *options]
            environ = {"LANG": "C.UTF-8", **environ}
            found = subprocess.run(command, env=environ, capture_output=True, text=True)
            results.append(found.stdout.replace("hash_randomization=0", "hash_randomization=1"))
        return results, sys.flags is flags

    flags = sys.flags
    inside, same = world.call(program)
    assert inside == program()[0]
    assert same
    assert sys.flags is flags


def test_posix_spawn_and_spawn(world):
    def program():
        reader, writer = os.pipe()
        pid = os.posix_spawnp(
            "python3",
            ["python3", "-c", "print('spawned')"],
            {},
            file_actions=[(os.POSIX_SPAWN_CLOSE, reader), (os.POSIX_SPAWN_DUP2, writer, 1)],
            setpgroup=0,
        )
        group = os.getpgid(pid)
        os.close(writer)
        text = os.read(reader, 100)
        status = os.waitpid(pid, 0)
        with pytest.raises(FileNotFoundError):
            os.posix_spawn("/nonexistent", ["x"], {})
        return (
            group == pid,
            text,
            status == (pid, 0),
            os.spawnl(os.P_WAIT, sys.executable, "python", "-c", "raise SystemExit(5)"),
        )

    assert world.call(program) == (True, b"spawned\n", True, 5)


def test_exec_goes_on_as_another_program(world):
    code = """
        import os, sys, threading, time, signal
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        signal.signal(signal.SIGUSR2, lambda *args: None)
        kept, closed = os.pipe()
        os.set_inheritable(kept, True)
        threading.Thread(target=time.sleep, args=(1000,)).start()
        secret = "not seen"
        try:
            os.execlp("python3", "python3", "-c", '''
        import os, signal, sys, threading, time
        def error(fd):
            try: os.dup(fd)
            except OSError as error: return error.errno
        print(os.getpid(), sys.argv[1:], "secret" in globals(), threading.active_count())
        print(error(int(sys.argv[2])), error(int(sys.argv[1])))
        print(signal.getsignal(signal.SIGUSR1), signal.getsignal(signal.SIGUSR2), time.monotonic())
        '''.replace("        ", ""), str(kept), str(closed))
        finally:
            print("never printed")
    """
    assert run_code(world, code) == (
        "2 ['3', '4'] False 1\n9 None\nHandlers.SIG_IGN Handlers.SIG_DFL 0.0\n".replace(
            "Handlers.SIG_IGN", str(signal.SIG_IGN)
        ).replace("Handlers.SIG_DFL", str(signal.SIG_DFL))
    )


def test_child_shares_no_globals_with_its_parent(world, tmp_path):
    (tmp_path / "mine.py").write_text("import sys\ncount = 0\nprint('imported', 'mine' in sys.modules)\n")

    code = f"""
        import subprocess, sys
        sys.path.insert(0, {str(tmp_path)!r})
        import mine
        mine.count = 5
        child = "import sys; sys.path.insert(0, sys.argv[1]); import mine; print(mine.count)"
        sys.stdout.flush()
        subprocess.run([sys.executable, "-c", child, {str(tmp_path)!r}])
        print(mine.count)
    """
    assert run_code(world, code) == "imported True\nimported True\n0\n5\n"


def test_parents_that_come_and_go(world):
    def program():
        code = """
            import os, subprocess, sys, time
            inner = "import os, time; time.sleep(1); print(os.getppid())"
            subprocess.Popen([sys.executable, "-c", inner])
        """
        subprocess.run(python(code))
        time.sleep(2)
        with pytest.raises(ChildProcessError):
            os.wait()

    running = world.spawn(program)
    world.run()
    assert running.exit_code == 0, running.stderr
    assert running.stdout == "1\n"


def test_ended_child_is_a_zombie_until_waited_for(world):
    def program():
        child = subprocess.Popen(python("raise SystemExit(3)"))
        time.sleep(1)
        os.kill(child.pid, 0)
        looked = os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        taken = os.waitid(os.P_ALL, 0, os.WEXITED)
        with pytest.raises(ProcessLookupError):
            os.kill(child.pid, 0)
        return looked == taken, taken.si_status, taken.si_code == os.CLD_EXITED, child.pid == taken.si_pid

    assert world.call(program) == (True, 3, True, True)


def test_sigchld_tells_of_the_end(world):
    def program():
        moments = []
        signal.signal(signal.SIGCHLD, lambda signum, frame: moments.append(time.monotonic()))
        child = subprocess.Popen(python("import time; time.sleep(2)"))
        time.sleep(3)
        child.wait()
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        pid = subprocess.Popen(python("")).pid
        with pytest.raises(ChildProcessError):
            os.waitpid(pid, 0)
        return moments

    assert world.call(program) == [2.0]


def test_group_gets_a_signal_together(world):
    def program():
        sleep = python("import time; time.sleep(100)")
        first = subprocess.Popen(sleep, process_group=0)
        second = subprocess.Popen(sleep, process_group=first.pid)
        time.sleep(1)
        os.killpg(first.pid, signal.SIGTERM)
        group = os.waitpid(-first.pid, 0)[0]
        return group == first.pid, second.wait()

    assert world.call(program) == (True, -15)


def test_pidfd_becomes_readable_at_the_end(world):
    import select

    def program():
        child = subprocess.Popen(python("import time; time.sleep(1)"))
        fd = os.pidfd_open(child.pid)
        poll = select.poll()
        poll.register(fd)
        before = poll.poll(0)
        after = poll.poll()
        status = os.waitid(os.P_PIDFD, fd, os.WEXITED).si_status
        os.close(fd)
        return before, after == [(fd, select.POLLIN)], status, time.monotonic()

    assert world.call(program) == ([], True, 0, 1.0)


def test_what_an_object_does_while_its_interpreter_is_finalized(world):
    code = """
import _thread

class Last:
    def __del__(self):
        print("gone")
        _thread.interrupt_main()
        _thread.start_new_thread(print, ("started",))

last = Last()
"""

    def program():
        done = subprocess.run(python(code), capture_output=True, text=True)
        return done.stdout, done.stderr, done.returncode

    out, err, code = world.call(program)
    assert "OSError: Signal 2 ignored due to race condition" in err
    assert code == 0
    if sys.version_info >= (3, 12):
        assert out == "gone\n"
        assert "can't create new thread at interpreter shutdown" in err


def test_signal_by_the_directory_of_a_process(world):
    def program():
        caught = []
        signal.signal(signal.SIGUSR1, lambda *args: caught.append(args[0]))
        fd = os.open(f"/proc/{os.getpid()}", os.O_DIRECTORY)
        signal.pidfd_send_signal(fd, signal.SIGUSR1)
        with pytest.raises(TypeError, match="siginfo must be None"):
            signal.pidfd_send_signal(fd, signal.SIGUSR1, object())
        os.close(fd)
        return caught

    assert world.call(program) == [signal.SIGUSR1]
