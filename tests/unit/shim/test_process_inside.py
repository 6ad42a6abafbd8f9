"""os, signal, atexit and logging inside a simulated process."""

import atexit
import builtins
import contextlib
import io
import logging
import os
import platform
import signal
import socket
import subprocess
import threading
import time

import pytest

from fourtuple.clock.clock import SECOND
from fourtuple.shim.refusal import NotSimulated


def note(log):
    return lambda signum, frame: log.append((signum, frame.f_code.co_name, time.monotonic()))


def test_process_knows_its_kernel_ids(world):
    def program():
        return (
            os.getpid(),
            os.getppid(),
            os.getpgrp(),
            os.getpgid(0),
            os.getsid(0),
            os.getuid(),
            os.getlogin(),
        )

    first = world.spawn(program)
    second = world.spawn(program)
    other = world.spawn(program, host="beta")
    world.run()
    assert first.result == (2, 1, 2, 2, 2, 0, "root")
    assert second.result[0] == 3
    assert other.result[0] == 2


def test_host_name_is_in_uname(world):
    assert world.call(lambda: os.uname().nodename) == "alpha"
    assert world.call(lambda: os.uname()[1]) == "alpha"
    assert platform.uname() is not None


def test_root_can_give_up_its_rights(world):
    def program():
        os.setgid(5)
        os.setuid(1000)
        with pytest.raises(PermissionError):
            os.setuid(0)
        with pytest.raises(PermissionError):
            os.kill(other, signal.SIGTERM)
        with pytest.raises(ProcessLookupError):
            os.kill(99, 0)
        return os.getuid(), os.geteuid(), os.getgid(), os.getresuid(), os.getgroups()

    other = world.spawn(time.sleep, 5).process.pid
    assert world.call(program) == (1000, 1000, 5, (1000, 1000, 1000), [5])


@pytest.mark.parametrize(
    "call",
    [
        lambda: os.fork(),
        lambda: os.execv("/bin/true", ["true"]),
        lambda: os.system("true"),
        lambda: os.popen("true"),
        lambda: subprocess.run(["true"]),
        lambda: os.posix_spawn("/bin/true", ["true"], {}),
        lambda: os.openpty(),
    ],
)
def test_foreign_command_is_refused_with_what_to_use(world, call):
    def program():
        with pytest.raises(NotSimulated, match="is not simulated; ") as caught:
            call()
        return isinstance(caught.value, OSError)

    assert world.call(program)


def test_handler_runs_in_the_call_that_signals_oneself(world):
    def program():
        log = []
        former = signal.signal(signal.SIGUSR1, note(log))
        os.kill(os.getpid(), signal.SIGUSR1)
        signal.raise_signal(signal.SIGUSR1)
        return former, log, signal.getsignal(signal.SIGUSR1) is not former

    frame = "program"
    assert world.call(program) == (signal.SIG_DFL, [(10, frame, 0.0), (10, frame, 0.0)], True)


def test_handler_interrupts_a_blocked_call_which_goes_on(world):
    def program():
        log = []
        signal.signal(signal.SIGALRM, note(log))
        assert signal.alarm(1) == 0
        time.sleep(3)
        return log, time.monotonic()

    assert world.call(program) == ([(14, "program", 1.0)], 3.0)


def test_handler_that_raises_ends_the_blocked_call(world):
    class TimedOut(Exception):
        pass

    def program():
        def handler(signum, frame):
            raise TimedOut

        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, 0.5)
        lock = threading.Lock()
        lock.acquire()
        with pytest.raises(TimedOut):
            lock.acquire()
        return time.monotonic()

    assert world.call(program) == 0.5


def test_interval_timer_repeats_until_stopped(world):
    def program():
        log = []
        signal.signal(signal.SIGALRM, note(log))
        signal.setitimer(signal.ITIMER_REAL, 1, 0.5)
        time.sleep(2.25)
        left = signal.getitimer(signal.ITIMER_REAL)
        former = signal.setitimer(signal.ITIMER_REAL, 0)
        time.sleep(5)
        return [moment for _, _, moment in log], left, former

    assert world.call(program) == ([1.0, 1.5, 2.0], (0.25, 0.5), (0.25, 0.5))


def test_timer_of_processor_time_is_refused(world):
    def program():
        with pytest.raises(NotSimulated):
            signal.setitimer(signal.ITIMER_PROF, 1)
        with pytest.raises(signal.ItimerError):
            signal.setitimer(signal.ITIMER_REAL, -1)
        return True

    assert world.call(program)


def test_signal_to_another_process_runs_its_handler(world):
    def receiver():
        log = []
        signal.signal(signal.SIGUSR2, note(log))
        signal.pause()
        return [moment for _, _, moment in log]

    target = world.spawn(receiver)

    def sender():
        time.sleep(2)
        os.kill(target.process.pid, 0)
        os.kill(target.process.pid, signal.SIGUSR2)

    world.spawn(sender)
    world.run()
    assert target.result == [2.0]


@pytest.mark.parametrize(
    ("signum", "exit_code"),
    [(signal.SIGTERM, -15), (signal.SIGKILL, -9), (signal.SIGUSR1, -10), (signal.SIGINT, -2)],
)
def test_signal_without_handler_ends_a_process(world, signum, exit_code):
    target = world.spawn(time.sleep, 100)
    world.spawn(lambda: (time.sleep(1), os.kill(target.process.pid, signum)))
    world.run()
    assert target.exit_code == exit_code
    assert world.clock.now == SECOND


@pytest.mark.parametrize("signum", [signal.SIGCHLD, signal.SIGWINCH, signal.SIGPIPE, signal.SIGCONT])
def test_signal_ignored_by_default_does_nothing(world, signum):
    def program():
        os.kill(os.getpid(), signum)
        return True

    assert world.call(program)


def test_stopping_a_process_is_refused(world):
    def program():
        with pytest.raises(NotSimulated, match="pause its host"):
            os.kill(os.getpid(), signal.SIGSTOP)
        return True

    assert world.call(program)


def test_handlers_are_set_from_the_main_thread_only(world):
    def program():
        log = []

        def other():
            with pytest.raises(ValueError, match="main thread"):
                signal.signal(signal.SIGUSR1, signal.SIG_IGN)
            log.append("refused")

        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        with pytest.raises(OSError, match="Invalid argument"):
            signal.signal(signal.SIGKILL, signal.SIG_IGN)
        with pytest.raises(TypeError):
            signal.signal(signal.SIGUSR1, "x")
        with pytest.raises(ValueError, match="out of range"):
            signal.signal(1000, signal.SIG_IGN)
        return log

    assert world.call(program) == ["refused"]


def test_dispositions_outside_are_untouched(world):
    before = signal.getsignal(signal.SIGUSR1)
    world.call(lambda: signal.signal(signal.SIGUSR1, lambda *args: None) and None)
    assert signal.getsignal(signal.SIGUSR1) is before


def test_blocked_signal_waits_for_its_unblocking(world):
    def program():
        log = []
        signal.signal(signal.SIGUSR1, note(log))
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
        os.kill(os.getpid(), signal.SIGUSR1)
        os.kill(os.getpid(), signal.SIGUSR1)
        before = len(log), signal.sigpending()
        former = signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGUSR1})
        return before, former, len(log), signal.sigpending()

    assert world.call(program) == ((0, {10}), {10}, 1, set())


def test_sigwait_takes_a_blocked_signal(world):
    def program():
        signal.pthread_sigmask(signal.SIG_SETMASK, {signal.SIGALRM})
        signal.alarm(2)
        early = signal.sigtimedwait({signal.SIGALRM}, 1)
        return early, signal.sigwait({signal.SIGALRM}), time.monotonic()

    assert world.call(program) == (None, signal.SIGALRM, 2.0)


def test_wakeup_fd_gets_the_number(world):
    def program():
        reader, writer = os.pipe()
        with pytest.raises(ValueError, match="non-blocking"):
            signal.set_wakeup_fd(writer)
        os.set_blocking(writer, False)
        former = signal.set_wakeup_fd(writer)
        signal.signal(signal.SIGUSR1, lambda *args: None)
        os.kill(os.getpid(), signal.SIGUSR1)
        return former, os.read(reader, 5), signal.set_wakeup_fd(-1) == writer

    assert world.call(program) == (-1, bytes([signal.SIGUSR1]), True)


def test_asyncio_handles_signals_of_its_process(world):
    import asyncio

    async def program():
        loop = asyncio.get_running_loop()
        done = asyncio.Event()
        loop.add_signal_handler(signal.SIGTERM, done.set)
        loop.call_later(1, os.kill, os.getpid(), signal.SIGTERM)
        await done.wait()
        loop.remove_signal_handler(signal.SIGTERM)
        return loop.time()

    assert world.call(program) == 1.0


def test_exit_at_once_runs_nothing_more(world):
    def program():
        atexit.register(print, "atexit")
        try:
            threading.Thread(target=os._exit, args=(300,)).start()
            time.sleep(10)
        finally:
            print("finally")

    running = world.spawn(program)
    world.run()
    assert (running.exit_code, running.stdout) == (300 & 255, "")


def test_atexit_calls_are_the_processes_own(world):
    def program(name):
        atexit.register(print, name, "first")
        atexit.register(print, name, "never")
        atexit.unregister(print)
        atexit.register(print, name, "last")
        atexit.register(lambda: 1 / 0)
        return atexit._ncallbacks()

    running = [world.spawn(program, name) for name in ("a", "b")]
    world.run()
    assert [one.stdout for one in running] == ["a last\n", "b last\n"]
    assert all("ZeroDivisionError" in one.stderr for one in running)
    assert running[0].state.result == 2


def test_logging_is_configured_per_process(world):
    def program(name):
        logging.basicConfig(format=f"{name} %(message)s %(relativeCreated)d", level=logging.INFO)
        time.sleep(1)
        logging.getLogger("some.where").info("hello")
        logging.getLogger("some.where").debug("hidden")

    running = [world.spawn(program, name) for name in ("a", "b")]
    handlers = list(logging.root.handlers)
    world.run()
    assert [one.stderr for one in running] == ["a hello 1000\n", "b hello 1000\n"]
    assert logging.root.handlers == handlers


def test_logger_set_up_outside_is_so_inside(world):
    logger = logging.getLogger("set.up.outside")
    logger.setLevel(logging.ERROR)
    logger.addHandler(logging.NullHandler())

    def program():
        level = logger.level
        logger.setLevel(logging.DEBUG)
        logger.handlers.clear()
        return level, logger.isEnabledFor(logging.INFO)

    assert world.call(program) == (logging.ERROR, True)
    assert logger.level == logging.ERROR
    assert len(logger.handlers) == 1
    assert not logger.isEnabledFor(logging.INFO)


def test_logging_disabled_inside_stays_enabled_outside(world):
    world.call(logging.disable)
    assert logging.root.manager.disable == logging.NOTSET


def test_handlers_of_a_process_are_flushed_at_its_end(world, tmp_path):
    from logging.handlers import MemoryHandler

    def program():
        handler = MemoryHandler(100, target=logging.FileHandler(tmp_path / "log"))
        logging.getLogger().addHandler(handler)
        logging.warning("kept")

    world.call(program)
    assert (tmp_path / "log").read_text() == "kept\n"


def test_warnings_are_filtered_per_process(world):
    import warnings

    def program():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning):
            warnings.warn("strict", stacklevel=1)
        return len(warnings.filters)

    before = list(warnings.filters)
    assert world.call(program) == 6
    assert warnings.filters == before


def test_child_of_nobody_cannot_be_waited_for(world):
    def program():
        for call in (os.wait, lambda: os.waitpid(-1, 0), lambda: os.waitpid(0, os.WNOHANG)):
            with pytest.raises(ChildProcessError):
                call()
        return True

    assert world.call(program)


def test_child_is_waited_for(world):
    from fourtuple.runtime.program import CallableProgram, start_program

    kernel = world.kernel()

    def program():
        child = os.waitpid(-1, os.WNOHANG)
        return child, os.waitpid(-1, 0)[1] >> 8, time.monotonic()

    parent = world.spawn(program)
    child = kernel.fork(parent.process, "child", ["child"])
    start_program(world.scheduler, child, CallableProgram(lambda: (time.sleep(1), os._exit(4)), (), {}))
    world.run()
    assert parent.result == ((0, 0), 4, 1.0)


@pytest.mark.parametrize(("interrupts", "ended"), [(True, 1.0), (False, 3.0)])
def test_handler_of_a_restarting_signal_runs_once_the_call_has_ended(world, interrupts, ended):
    def program():
        r, w = os.pipe()
        seen = []
        signal.signal(signal.SIGALRM, lambda number, frame: seen.append(time.monotonic()))
        signal.siginterrupt(signal.SIGALRM, interrupts)
        signal.alarm(1)
        threading.Timer(3, os.write, (w, b"x")).start()
        os.read(r, 1)
        signal.alarm(1)
        time.sleep(5)
        return [round(moment, 2) for moment in seen], time.monotonic()

    # sleep() is no call that is restarted.
    assert world.call(program) == ([ended, 4.0], 8.0)


def test_builtins_are_each_process_own(world):
    def program(name):
        found = []
        for _ in range(3):
            builtins.__dict__.setdefault(f"mine_{name}", name)
            time.sleep(0.001)
            found.append(sorted(key for key in builtins.__dict__ if key.startswith("mine_")))
        return found

    def remover():
        del builtins.abs
        time.sleep(0.001)
        return hasattr(builtins, "abs")

    running = [world.spawn(program, "a"), world.spawn(program, "b"), world.spawn(remover)]
    plain = world.spawn(lambda: (time.sleep(0.001), abs(-1)))
    world.run()
    assert [one.result for one in running] == [[["mine_a"]] * 3, [["mine_b"]] * 3, False]
    assert plain.result == (None, 1)
    assert abs(-1) == 1
    assert not any(key.startswith("mine_") for key in builtins.__dict__)


def test_trouble_with_the_wakeup_descriptor_is_told_on_the_present_stderr(world):
    def program():
        r, w = socket.socketpair()
        for one in (r, w):
            one.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                w.send(bytes(4096))
        signal.signal(signal.SIGUSR1, lambda *args: None)
        signal.set_wakeup_fd(w.fileno())
        with contextlib.redirect_stderr(io.StringIO()) as told:
            signal.raise_signal(signal.SIGUSR1)
        signal.set_wakeup_fd(w.fileno(), warn_on_full_buffer=False)
        with contextlib.redirect_stderr(io.StringIO()) as silent:
            signal.raise_signal(signal.SIGUSR1)
        signal.set_wakeup_fd(-1)
        return told.getvalue(), silent.getvalue()

    told, silent = world.call(program)
    assert told.startswith(
        "Exception ignored when trying to write to the signal wakeup fd:\nBlockingIOError: "
    )
    assert silent == ""


def test_no_signal_ends_init(world):
    def program():
        os.kill(1, signal.SIGKILL)
        os.kill(1, signal.SIGTERM)
        os.kill(1, 0)
        return os.path.exists("/proc/1"), open("/proc/1/comm").read()

    running = world.spawn(program)
    world.run()
    assert running.result == (True, "init\n")
