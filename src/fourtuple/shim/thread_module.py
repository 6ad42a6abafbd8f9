"""Stand-in for ``_thread``; ``threading`` stays CPython's own code on top of it.

Implemented: threads (the joinable ones of 3.13 too), locks, RLock, ``_local``, identifiers,
``interrupt_main``, ``_count``, sentinels. Passed through: ``exit``, constants. A stack size is kept
and returned and changes nothing, since simulated threads have stacks that grow.
"""

from __future__ import annotations

import _thread
import builtins
import copyreg
import functools
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from types import FrameType, SimpleNamespace
from typing import Any, Final

from ..runtime.greenlets import GreenletExit
from ..runtime.signals import deliver_now, send_signal
from ..runtime.stuck import is_ours
from ..runtime.thread import SimThread, current_thread
from ..runtime.tracebacks import strip_exception
from ..runtime.unhandled import tell_unhandled
from . import locks
from .local import local
from .patching import bound, dispatch, dispatch_method, replace
from .thread_handle import (
    ThreadHandle,
    main_thread_ident,
    make_thread_handle,
    start_joinable_thread,
    wait_for_threads,
)

_real_excepthook: Final[Callable[[Any], None]] = vars(_thread)["_excepthook"]


# Before, a thread started while the interpreter is finalized just never ran.
_TELLS_OF_END: Final = sys.version_info >= (3, 12)
_Ending: Final[type[RuntimeError]] = getattr(builtins, "PythonFinalizationError", RuntimeError)


def start_thread(
    thread: SimThread, function: Callable[..., object], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> SimThread:
    """A new simulated thread of the process of ``thread``. Raises RuntimeError (from Python 3.13 on
    PythonFinalizationError) if that is ending."""
    thread.refuse_killed()
    if thread.dying or thread.process.exit_code is not None or (_TELLS_OF_END and thread.state.finalizing):
        raise _Ending("can't create new thread at interpreter shutdown")
    owner = getattr(function, "__self__", None)
    name = owner.name if isinstance(owner, threading.Thread) else getattr(function, "__name__", "thread")
    call = functools.partial(_bootstrap, function, args, kwargs)
    started = thread.scheduler.start(thread.process, call, name)
    started.daemon = isinstance(owner, threading.Thread) and owner.daemon
    return started


def _bootstrap(function: Callable[..., object], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    try:
        function(*args, **kwargs)
    except (SystemExit, GreenletExit):
        pass
    except BaseException as error:
        strip_exception(error)
        if sys.unraisablehook is not sys.__unraisablehook__:
            # The real arguments' type cannot be made; this has its attributes.
            message, about = "Exception ignored in thread started by", function
            if sys.version_info >= (3, 13):
                message, about = f"{message} {function!r}", None
            told: Any = SimpleNamespace(
                exc_type=type(error),
                exc_value=error,
                exc_traceback=error.__traceback__,
                err_msg=message,
                object=about,
            )
            sys.unraisablehook(told)
        elif sys.stderr is not None:
            sys.stderr.write(f"Exception ignored in thread started by: {function!r}\n")
            traceback.print_exception(error)
        running = current_thread()
        if running is not None:
            tell_unhandled(running.state, type(error), "It ended a thread of")


def _start_new_thread(
    thread: SimThread,
    function: Callable[..., object],
    args: tuple[Any, ...],
    kwargs: dict[str, Any] | None = None,
    /,
) -> int:
    if not callable(function):
        raise TypeError("first arg must be callable")
    if not isinstance(args, tuple):
        raise TypeError("2nd arg must be a tuple")
    if kwargs is not None and not isinstance(kwargs, dict):
        raise TypeError("optional 3rd arg must be a dictionary")
    return start_thread(thread, function, args, kwargs or {}).ident


def _allocate_lock(reference: object, /) -> locks.lock:
    return locks.new_lock()


def _set_sentinel(thread: SimThread) -> locks.lock:
    """A lock released when the calling thread has ended."""
    sentinel = locks.new_lock()

    def release() -> None:
        if sentinel.locked():
            sentinel.release()

    thread.at_end.append(release)
    return sentinel


def _native_id(thread: SimThread) -> int:
    """As Linux: the main thread's is the pid, others' are numbers of the same kind."""
    if thread.native_id == 0:
        is_main = thread is thread.state.main
        thread.native_id = thread.process.pid if is_main else thread.process.kernel.next_pid()
    return thread.native_id


def _interrupt_main(thread: SimThread, signum: int = signal.SIGINT, /) -> None:
    if not 1 <= signum < signal.NSIG:
        raise ValueError("signal number out of range")
    if callable(thread.state.signals.handler(signum)):
        send_signal(thread.state, signum)
        if thread is thread.state.main:
            deliver_now(thread)


def _count(thread: SimThread) -> int:
    return len(thread.state.threads()) - 1


def _stack_size(thread: SimThread, size: int = 0, /) -> int:
    if size < 0 or 0 < size < 32768:
        raise ValueError(
            f"size not valid: {size} bytes" if size > 0 else "size must be 0 or a positive value"
        )
    former = thread.state.stack_size
    thread.state.stack_size = size
    return former


def _current_frames(thread: SimThread) -> dict[int, FrameType]:
    """Where each thread of the process is, by identifier."""
    frames = {}
    for each in thread.state.threads():
        frame = sys._getframe() if each is thread else each.active.gr_frame
        while frame is not None and is_ours(frame):
            frame = frame.f_back
        if frame is not None:
            frames[each.ident] = frame
    return frames


def _install_excepthook() -> None:
    """Ending a thread is not an error of it, and frames of ours are nobody's business."""
    globals_of = vars(threading)
    make: Callable[[], Callable[[threading.Thread], None]] = globals_of["_make_invoke_excepthook"]

    def make_invoke_excepthook() -> Callable[[threading.Thread], None]:
        invoke = make()

        def invoke_excepthook(thread: threading.Thread) -> None:
            error = sys.exc_info()[1]
            if current_thread() is not None and error is not None:
                if isinstance(error, GreenletExit):
                    return
                strip_exception(error)
            invoke(thread)
            running = current_thread()
            if running is not None and error is not None and not isinstance(error, SystemExit):
                tell_unhandled(running.state, type(error), f"It ended thread {thread.name} of")

        return invoke_excepthook

    globals_of["_make_invoke_excepthook"] = make_invoke_excepthook


_real_is_set: Final = threading.Event.is_set


def _is_set(thread: SimThread, event: threading.Event) -> bool:
    """A thread may ask again and again until another sets it."""
    found = _real_is_set(event)
    if not found:
        thread.scheduler.polled(thread)
    return found


def _excepthook(thread: SimThread, args: Any, /) -> None:
    """The hook of an unhandled exception; without a thread object it prints the identifier, which the
    real one takes from the OS."""
    if args.thread is not None or args.exc_type is SystemExit or sys.stderr is None:
        _real_excepthook(args)
        return
    sys.stderr.write(f"Exception in thread {thread.ident}:\n")
    traceback.print_exception(args.exc_type, args.exc_value, args.exc_traceback)
    sys.stderr.flush()


def install() -> None:
    for name in ("LockType", "lock"):
        if hasattr(_thread, name):
            replace(_thread, name, locks.lock)
    allocate = bound(_thread, "allocate_lock", _allocate_lock)
    for name in ("allocate_lock", "allocate"):
        replace(_thread, name, allocate)
    replace(_thread, "RLock", locks.RLock)
    for kind, name in ((locks.lock, "lock"), (locks.RLock, "RLock"), (local, "_local")):
        kind.__module__ = "_thread"
        kind.__qualname__ = name
    # Pickled by a name that the real module has as well.
    copyreg.pickle(type(locks.lock), lambda kind: "LockType")
    copyreg.pickle(type(locks.RLock), lambda kind: "RLock" if kind is locks.RLock else kind.__qualname__)
    replace(_thread, "_local", local)
    for name in ("start_new_thread", "start_new"):
        dispatch(_thread, name, _start_new_thread)
    dispatch(_thread, "get_ident", lambda thread: thread.ident)
    dispatch(_thread, "get_native_id", _native_id)
    dispatch(_thread, "_set_sentinel", _set_sentinel)
    dispatch(_thread, "interrupt_main", _interrupt_main)
    dispatch(_thread, "_count", _count)
    dispatch(_thread, "stack_size", _stack_size)
    dispatch(_thread, "_excepthook", _excepthook)
    if hasattr(_thread, "_ThreadHandle"):
        replace(_thread, "_ThreadHandle", ThreadHandle)
        replace(_thread, "start_joinable_thread", start_joinable_thread)
        dispatch(_thread, "_make_thread_handle", make_thread_handle)
        dispatch(_thread, "_get_main_thread_ident", main_thread_ident)
        dispatch(_thread, "_shutdown", wait_for_threads)
    dispatch(sys, "_current_frames", _current_frames)
    dispatch_method(threading.Event, "is_set", _is_set)
    _install_excepthook()
