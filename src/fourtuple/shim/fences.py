"""Calls that would leave the simulation and belong to no other stand-in: refused, made harmless, or answered.

docs/fences.md lists them with those of other stand-ins, and tests/isolated/test_fences.py holds every
row there against what happens.
"""

from __future__ import annotations

import importlib
import os
import platform
import sys
from collections.abc import Callable
from errno import ENOTTY
from types import BuiltinFunctionType
from typing import Any, Final

from ..runtime.thread import SimThread, current_thread
from .patching import dispatch
from .real_files import is_real
from .refusal import refuse

_PRIORITY: Final = "computing takes no virtual time, so priorities and processors mean nothing"
_TERMINAL: Final = "a simulated process has no terminal"

_OF_NO_SCREEN: Final = ("tigetflag", "tigetnum", "tigetstr", "tparm", "keyname", "unctrl")
# They are there to try faulthandler, and end the whole interpreter.
_CRASHES: Final = (
    *("_read_null", "_sigsegv", "_fatal_error_c_thread", "_sigabrt", "_sigfpe", "_stack_overflow"),
    "_fatal_error",
)

REFUSED: Final = (
    # module, name, what to use instead
    ("os", "sched_setaffinity", _PRIORITY),
    ("os", "sched_setscheduler", _PRIORITY),
    ("os", "sched_setparam", _PRIORITY),
    ("os", "setpriority", _PRIORITY),
    ("os", "nice", _PRIORITY),
    ("os", "mkfifo", "use os.pipe, socket.socketpair or a unix socket"),
    ("os", "mknod", "use os.pipe, socket.socketpair or a unix socket"),
    ("os", "login_tty", _TERMINAL),
    ("os", "posix_openpt", _TERMINAL),
    *(("faulthandler", name, "use os.abort") for name in _CRASHES),
    ("_uuid", "generate_time_safe", "use uuid.uuid1"),
    ("faulthandler", "dump_traceback_later", "a run that does not go on is reported with its stack anyway"),
    ("faulthandler", "register", "use signal.signal and traceback.print_stack"),
    ("sys", "_debugmallocstats", "it writes past sys.stderr"),
    ("sys", "activate_stack_trampoline", "perf measures the whole interpreter: activate it outside"),
    ("syslog", "syslog", "use logging.handlers.SysLogHandler with a simulated server"),
    ("syslog", "openlog", "use logging.handlers.SysLogHandler with a simulated server"),
)
"""Functions of the machine or the interpreter that no process can be given its own of."""


def _refusing(call: str, instead: str) -> Callable[..., Any]:
    def inside(thread: SimThread, /, *args: Any, **kwargs: Any) -> Any:
        refuse(call, instead)

    return inside


def _only_real_files(real: Any, call: str) -> Callable[..., Any]:
    """A call on two descriptors, which may only be those of real files."""

    def inside(thread: SimThread, source: int, target: int, /, *args: Any, **kwargs: Any) -> Any:
        if not (is_real(source) and is_real(target)):
            refuse(f"{call} on a simulated descriptor", "use os.read and os.write, or os.sendfile")
        return real(source, target, *args, **kwargs)

    return inside


def _nothing(thread: SimThread, /, *args: object, **kwargs: object) -> None:
    """A setting of the interpreter that would only matter outside."""


def _fence_terminals() -> None:
    """termios acts on numbers, which inside are none of the machine's."""
    try:
        termios: Any = importlib.import_module("termios")
    except ImportError:
        return

    def fenced(real: Any) -> Callable[..., Any]:
        def inside(thread: SimThread, fd: Any, /, *args: Any) -> Any:
            number = fd if isinstance(fd, int) else fd.fileno()
            if is_real(number):
                return real(number, *args)
            raise termios.error(ENOTTY, os.strerror(ENOTTY))

        return inside

    for name, value in list(vars(termios).items()):
        if name.startswith("tc") and callable(value):
            dispatch(termios, name, fenced(value))


def _fence_curses() -> None:
    """Whatever acts on the screen of the interpreter, which it may have."""
    try:
        curses: Any = importlib.import_module("_curses")
    except ImportError:
        return
    for name, value in list(vars(curses).items()):
        if isinstance(value, BuiltinFunctionType) and name not in _OF_NO_SCREEN:
            dispatch(curses, name, _refusing(f"curses.{name}", _TERMINAL))


def _own_uname(thread: SimThread) -> platform.uname_result:
    uname = os.uname()
    return platform.uname_result(uname.sysname, uname.nodename, uname.release, uname.version, uname.machine)


# An audit hook stays for good, so the interpreter has one for the hooks of all simulated processes, from the
# first on.
_real_addaudithook: Final[Callable[[Callable[[str, Any], object]], None]] = sys.addaudithook
_auditing: list[bool] = []


def _auditor() -> Callable[[str, Any], None]:
    # A cell, since it is called after the module's globals are gone.
    running = current_thread

    def audit(event: str, args: Any) -> None:
        thread = running()
        if thread is not None:
            for hook in thread.state.audit_hooks:
                hook(event, args)

    return audit


def _addaudithook(thread: SimThread, hook: Callable[[str, Any], object]) -> None:
    """It hears of its own process alone, as long as that lives."""
    try:
        sys.audit("sys.addaudithook")
    except RuntimeError:
        # As the real one: a hook may object to others, who are not told.
        return
    thread.state.audit_hooks.append(hook)
    if not _auditing:
        _auditing.append(True)
        _real_addaudithook(_auditor())


def _current_exceptions(thread: SimThread) -> dict[int, BaseException | None]:
    """What each thread of the process handles; of threads that wait the interpreter does not tell."""
    return {each.ident: sys.exc_info()[1] if each is thread else None for each in thread.state.threads()}


def install() -> None:
    for module_name, name, instead in REFUSED:
        try:
            # The functions of os are posix's, and are found there by whoever has them.
            module = importlib.import_module("posix" if module_name == "os" else module_name)
        except ImportError:
            continue
        dispatch(module, name, _refusing(f"{module_name}.{name}", instead))
    posix: Any = importlib.import_module("posix")
    for name in ("splice", "copy_file_range"):
        real = getattr(posix, name, None)
        if real is not None:
            dispatch(posix, name, _only_real_files(real, f"os.{name}"))
    dispatch(posix, "register_at_fork", _nothing)
    _fence_terminals()
    _fence_curses()
    dispatch(sys, "setswitchinterval", _nothing)
    dispatch(sys, "addaudithook", _addaudithook)
    dispatch(sys, "_current_exceptions", _current_exceptions)
    dispatch(platform, "uname", _own_uname)
