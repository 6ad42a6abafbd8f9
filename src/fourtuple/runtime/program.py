"""What a process executes: a callable, a script, a module or a ``-c`` string, as ``python`` would.

``start_program`` makes the main thread of a process. That runs the program, then ends the process in
python's order: unhandled exception printed, threads joined, ``atexit`` calls, streams flushed.
"""

from __future__ import annotations

import builtins
import importlib.machinery
import importlib.util
import inspect
import linecache
import logging
import os
import runpy
import signal
import sys
import threading
import traceback
import zipfile
from collections.abc import Callable
from types import CodeType, ModuleType
from typing import Any

from ..kernel.process import Process
from .finalize import finalize_interpreter
from .greenlets import GreenletExit
from .options import InterpreterOptions
from .process_state import ProcessState
from .scheduler import Scheduler
from .thread import SimThread
from .tracebacks import strip_exception
from .unhandled import tell_unhandled


class Program:
    """Something a process can execute. ``argv`` is its ``sys.argv`` as the command line gives it."""

    def __init__(self, argv: list[str]) -> None:
        self.argv = argv
        self.command: list[str] = [sys.executable, *argv]
        """``sys.orig_argv``."""
        self.options = InterpreterOptions()

    whole = True
    """Does an interpreter of its own end with it?"""

    def name(self) -> str:
        """The short name a process gets from it."""
        return os.path.basename(self.argv[0])

    def execute(self) -> object:
        """Run it in the calling simulated thread, whose process's view is installed."""
        raise NotImplementedError

    def prepare(self, process: Process) -> None:
        """Make the interpreter what the options ask for, before :meth:`execute`."""
        sys.orig_argv = list(self.command)
        self.options.apply(process, process.environ)

    def offer_source(self) -> None:
        """Let tracebacks find source that is in no file (3.13 shows it). One program's replaces
        another's of the same made-up file name, so this is done again before printing one."""


class CallableProgram(Program):
    """``target(*args, **kwargs)``; a coroutine it returns is run with ``asyncio.run``.

    ``__main__`` stays the module that is it outside, and ``sys.path`` what it is there.
    """

    whole = False

    def __init__(self, target: Callable[..., object], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        super().__init__([getattr(target, "__name__", type(target).__name__)])
        self._target = target
        self._args = args
        self._kwargs = kwargs

    def prepare(self, process: Process) -> None:
        """Nothing: it is no command, and runs in the interpreter as it is."""

    def execute(self) -> object:
        result = self._target(*self._args, **self._kwargs)
        if inspect.iscoroutine(result):
            import asyncio

            return asyncio.run(result)
        return result


class ForkedProgram(CallableProgram):
    """A function called in a forked child, in the interpreter as the parent has it. ``restore`` gives the
    child's copy of the function and its arguments."""

    def __init__(self, name: str, restore: Callable[[], Any]) -> None:
        super().__init__(restore, (), {})
        self.argv = [name]
        self._restore = restore

    def execute(self) -> object:
        self._target, self._args, self._kwargs = self._restore()
        return super().execute()


class ScriptProgram(Program):
    """``python path args``; a directory or zip file is run by its ``__main__.py``."""

    def __init__(self, path: str, args: list[str]) -> None:
        super().__init__([path, *args])
        self._path = path

    def execute(self) -> object:
        main = _fresh_main()
        if os.path.isdir(self._path) or zipfile.is_zipfile(self._path):
            _set_first_path(self._path, self.options)
            _run_module("__main__", False)
            return None
        try:
            with open(self._path, "rb") as file:
                source = file.read()
        except OSError as error:
            _complain(
                f"{sys.executable}: can't open file {os.path.abspath(self._path)!r}: "
                f"[Errno {error.errno}] {error.strerror}"
            )
            raise SystemExit(2) from None
        _set_first_path(os.path.dirname(os.path.realpath(self._path)), self.options)
        # Python makes it absolute, and changes nothing else of it.
        path = os.path.join(os.getcwd(), self._path)
        main.__file__ = path
        main.__dict__["__cached__"] = None
        main.__loader__ = importlib.machinery.SourceFileLoader("__main__", path)
        _execute_code(compile(source, path, "exec", dont_inherit=True), main)
        return None


class ModuleProgram(Program):
    """``python -m name args``."""

    def __init__(self, name: str, args: list[str]) -> None:
        super().__init__(["-m", *args])
        self._name = name

    def name(self) -> str:
        return self._name

    def execute(self) -> object:
        _fresh_main()
        _set_first_path(os.getcwd(), self.options)
        _run_module(self._name, True)
        return None


class CommandProgram(Program):
    """``python -c source args``."""

    def __init__(self, source: str, args: list[str]) -> None:
        super().__init__(["-c", *args])
        self._source = source

    def name(self) -> str:
        return "python"

    def execute(self) -> object:
        main = _fresh_main()
        _set_first_path("", self.options)
        code = compile(self._source, "<string>", "exec", dont_inherit=True)
        self.offer_source()
        _execute_code(code, main)
        return None

    def offer_source(self) -> None:
        register: Callable[..., object] | None = getattr(linecache, "_register_code", None)
        if register is not None:
            register("<string>", self._source, "<string>")


class StdinProgram(Program):
    """``python -`` and ``python`` alone: the program is what stdin gives until its end."""

    def __init__(self, dash: str, args: list[str]) -> None:
        super().__init__([dash, *args])

    def name(self) -> str:
        return "python"

    def execute(self) -> object:
        main = _fresh_main()
        _set_first_path("", self.options)
        source = "" if sys.stdin is None else sys.stdin.read()
        _execute_code(compile(source, "<stdin>", "exec", dont_inherit=True), main)
        return None


class VersionProgram(Program):
    """``python --version``."""

    def __init__(self) -> None:
        super().__init__([""])

    def name(self) -> str:
        return "python"

    def execute(self) -> object:
        sys.stdout.write(f"Python {sys.version.partition(' ')[0]}\n")
        return None


def start_program(scheduler: Scheduler, process: Process, program: Program) -> SimThread:
    """Start ``program`` as the main thread of ``process``, at the present virtual time.

    ``process.exit_code`` is set when it ends, and the result or exception kept in
    ``scheduler.state_of(process)``.
    """
    for name, value in (("PATH", os.defpath), ("HOME", "/root"), ("LANG", "C.UTF-8")):
        process.environ.setdefault(name, value)
    state = scheduler.state_of(process)
    state.view.of_sys()["argv"] = list(program.argv)
    state.view.set_environ(process.environ)
    process.cwd = state.view.directory or os.getcwd()
    return scheduler.start(process, lambda: run_program(state, program), "MainThread")


def run_program(state: ProcessState, program: Program) -> None:
    """Run ``program`` in the calling thread, the main one of the process, and end the process."""
    thread = state.main
    # Only if the stand-ins are installed does threading know simulated threads.
    if thread is not None and threading.get_ident() == thread.ident:
        main = vars(threading)["_MainThread"]()
        vars(threading)["_main_thread"] = state.view.of_threading()["_main_thread"] = main
    # What it stays if the thread is killed from outside.
    code: int = -signal.SIGKILL
    try:
        code = _finish(state, program, _run(state, program))
    finally:
        state.terminate(code)


def _run(state: ProcessState, program: Program) -> int:
    try:
        program.prepare(state.process)
        state.result = program.execute()
    except GreenletExit:
        raise
    except BaseException as error:
        if state.main is not None and state.main.dying:
            # What it raised when it was killed, in a clean-up that could not go on.
            raise GreenletExit from None
        ended_by = error
    else:
        return 0
    # Outside the handler: what a hook raises does not come from this error.
    if isinstance(ended_by, SystemExit):
        return _exit_code(ended_by.code)
    state.exception = ended_by
    program.offer_source()
    code = _report(ended_by)
    state.failed_at = state.scheduler.clock.now
    tell_unhandled(state, type(ended_by))
    return code


def _report(error: BaseException) -> int:
    """Print what ended the program, as python does, and return the exit code it makes of it."""
    strip_exception(error)
    _flush(sys.stdout)
    try:
        sys.excepthook(type(error), error, error.__traceback__)
    except GreenletExit:
        raise
    except BaseException as hook_error:
        strip_exception(hook_error)
        _complain("Error in sys.excepthook:")
        sys.__excepthook__(type(hook_error), hook_error, hook_error.__traceback__)
        _complain("\nOriginal exception was:")
        sys.__excepthook__(type(error), error, error.__traceback__)
    return -signal.SIGINT if isinstance(error, KeyboardInterrupt) else 1


def _exit_code(code: object) -> int:
    if code is None:
        return 0
    if isinstance(code, int):
        # exit(3) keeps the low byte; what fits no C long becomes -1.
        return code & 255 if -(1 << 63) <= code < 1 << 63 else 255
    _flush(sys.stdout)
    _complain(code)
    return 1


def _finish(state: ProcessState, program: Program, code: int) -> int:
    """The end of the interpreter: join threads, ``atexit``, flush, finalize what the program left.
    Returns the final exit code."""
    for step in (
        lambda: vars(threading)["_shutdown"](),
        lambda: run_at_exit(state),
        _end_multiprocessing,
        lambda: logging.shutdown(vars(logging)["_handlerList"]),
    ):
        try:
            step()
        except GreenletExit:
            raise
        except BaseException as error:
            strip_exception(error)
            _complain("Exception ignored on threading shutdown:")
            traceback.print_exception(error)
    # As python: it says 120 if what was printed last could not be written.
    flushed = [_flush(sys.stdout), _flush(sys.stderr)]
    finalize_interpreter(state, program.whole)
    if state.main is not None:
        state.main.leave()
    flushed += [_flush(sys.stdout), _flush(sys.stderr)]
    state.finished = True
    return code if all(flushed) or code else 120


def run_at_exit(state: ProcessState) -> None:
    """Make the calls registered with ``atexit``, the last one first; what they raise is printed."""
    while state.at_exit:
        call, args, kwargs = state.at_exit.pop()
        try:
            call(*args, **kwargs)
        except GreenletExit:
            raise
        except SystemExit:
            pass
        except BaseException as error:
            strip_exception(error)
            _complain(f"Exception ignored in atexit callback: {call!r}")
            traceback.print_exception(error)
            tell_unhandled(state, type(error), "It was ignored in an exit function of")
    for finalizer in reversed(state.finalizers):
        if finalizer.alive and finalizer.atexit:
            try:
                finalizer()
            except GreenletExit:
                raise
            except Exception as error:
                strip_exception(error)
                sys.excepthook(type(error), error, error.__traceback__)
                tell_unhandled(state, type(error), "It was ignored in an exit function of")
    state.finalizers.clear()


def _end_multiprocessing() -> None:
    """End daemonic children and join the others. The module registers this when it is imported, which
    happens once for all processes; done twice it does nothing."""
    util = sys.modules.get("multiprocessing.util")
    if util is not None:
        util._exit_function()


def _complain(text: object) -> None:
    if sys.stderr is not None:
        sys.stderr.write(f"{text}\n")


def _flush(stream: Any) -> bool:
    try:
        if stream is not None and not getattr(stream, "closed", False):
            stream.flush()
    except Exception:
        return False
    return True


def _fresh_main() -> ModuleType:
    main = ModuleType("__main__")
    main.__annotations__ = {}
    main.__dict__["__builtins__"] = builtins
    main.__spec__ = None
    sys.modules["__main__"] = main
    return main


def _set_first_path(place: str, options: InterpreterOptions) -> None:
    """Put ``place`` where python puts it, instead of the place of the script that runs outside, and
    PYTHONPATH after it."""
    former = sys.path[0] if sys.path else None
    outer = getattr(_outer_main, "__file__", None)
    if former is not None and (
        former == "" or (outer and former == os.path.dirname(os.path.realpath(outer)))
    ):
        del sys.path[0]
    first = [] if options.safe_path else [place]
    added = [each for each in options.search_path(dict(os.environ)) if each not in sys.path]
    sys.path[:0] = first + added


_outer_main: ModuleType | None = sys.modules.get("__main__")


def _run_module(name: str, alter_argv: bool) -> None:
    run: Callable[[str, bool], object] = vars(runpy)["_run_module_as_main"]
    run(name, alter_argv)


def _execute_code(code: CodeType, main: ModuleType) -> None:
    exec(code, main.__dict__)  # noqa: S102  what the program is
