"""``multiprocessing`` on simulated processes; its modules stay CPython's own but for a few places.

``spawn`` is CPython's, over the stand-in for ``_posixsubprocess``. ``fork`` gives the child a copy of the
program's data (``fork_copy``). ``forkserver`` starts processes as ``spawn`` does, without a server. The
resource tracker, which would be a process, does nothing: semaphores and shared memory end with the host.
Its state (children, counters, start method, finalizers) is each simulated process's own.
"""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Iterator, MutableMapping
from multiprocessing import (
    connection,
    context,
    heap,
    popen_fork,
    popen_spawn_posix,
    process,
    reduction,
    resource_tracker,
    util,
)
from typing import Any, Final

from ..kernel.stdio import NullDevice
from ..runtime.greenlets import GreenletExit
from ..runtime.program import Program
from ..runtime.thread import SimThread, current_thread
from ..runtime.unhandled import tell_unhandled
from ..runtime.views import OrderedSet
from .fork_copy import ForkCopy, fork_with_copy
from .logging_module import PerProcess
from .patching import dispatch_method, replace

_base: Final[Any] = vars(connection)["_ConnectionBase"]
_real_bootstrap: Final[Any] = vars(process.BaseProcess)["_bootstrap"]
_real_connection: Final = _base.__init__
_real_forget: Final = _base.__del__
# Takes anything that has the methods asked for.
_set_spawning: Final[Any] = context.set_spawning_popen
_FINALIZERS: Final = "finalizers of multiprocessing"
_ARENAS: Final = "arenas of multiprocessing"
_HEAP: Final = "heap of multiprocessing"
_TRACKER: Final = "resource tracker"


class _ProcessFinalizers(MutableMapping[Any, Any]):
    """``util._finalizer_registry``, which CPython also binds as a default argument: one dict for each
    process behind one object."""

    def __init__(self, outside: dict[Any, Any]) -> None:
        self._outside = outside

    def _own(self) -> dict[Any, Any]:
        thread = current_thread()
        if thread is None:
            return self._outside
        own: dict[Any, Any] = thread.state.kept.setdefault(_FINALIZERS, {})
        return own

    def __getitem__(self, key: Any) -> Any:
        return self._own()[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        self._own()[key] = value

    def __delitem__(self, key: Any) -> None:
        del self._own()[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._own())

    def __len__(self) -> int:
        return len(self._own())


class _ProcessHeap:
    """``BufferWrapper._heap``: each process allocates in a heap of its own."""

    def __init__(self, outside: heap.Heap) -> None:
        self._outside = outside

    def __get__(self, instance: object, owner: type) -> heap.Heap:
        thread = current_thread()
        if thread is None:
            return self._outside
        kept = thread.state.kept
        if _HEAP not in kept:
            kept[_HEAP] = heap.Heap()
        own: heap.Heap = kept[_HEAP]
        return own


class _ForkedProcess(Program):
    """A ``multiprocessing.Process`` that was forked."""

    def __init__(self, copy: ForkCopy, name: str, close: tuple[int, ...], sentinel: int) -> None:
        super().__init__([name])
        self._copy = copy
        self._close = close
        self._sentinel = sentinel

    def prepare(self, process: object) -> None:
        """Nothing: the interpreter is as the parent has it."""

    def execute(self) -> object:
        code = 1
        try:
            for fd in self._close:
                os.close(fd)
            process_object = self._copy.restore()
            code = process_object._bootstrap(parent_sentinel=self._sentinel)
        finally:
            if sys.version_info >= (3, 12):
                # Before, _bootstrap() made the second of these calls itself.
                vars(atexit)["_run_exitfuncs"]()
                vars(util)["_exit_function"]()
            os._exit(code)


class _Inherited:
    """A descriptor that a forked child has under the same number (``DupFd`` of multiprocessing)."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def detach(self) -> int:
        return self.fd


class _Transfer:
    """What the objects of multiprocessing ask while they are copied for a forked child."""

    DupFd = _Inherited

    def duplicate_for_child(self, fd: int) -> int:
        return fd


def _launch_fork(thread: SimThread, popen: Any, process_object: Any) -> None:
    """``popen_fork.Popen._launch``."""
    parent_reads, child_writes = os.pipe()
    child_reads, parent_writes = os.pipe()
    others = (parent_reads, parent_writes)
    _set_spawning(_Transfer())
    try:
        popen.pid = fork_with_copy(
            thread,
            process_object,
            lambda copy: _ForkedProcess(copy, process_object.name, others, child_reads),
        ).pid
    finally:
        _set_spawning(None)
    os.close(child_writes)
    os.close(child_reads)
    popen.finalizer = util.Finalize(popen, vars(util)["close_fds"], (parent_reads, parent_writes))
    popen.sentinel = parent_reads


def _reduce_arena(arena: heap.Arena) -> Any:
    """Memory handed to another process is the same memory there."""
    thread = current_thread()
    if thread is None:
        real: Any = vars(heap)["reduce_arena"]
        return real(arena)
    context.assert_spawning(arena)
    arenas: list[heap.Arena] = thread.process.kernel.shared.setdefault(_ARENAS, [])
    if arena not in arenas:
        arenas.append(arena)
    return arena_of_host, (arenas.index(arena),)


def arena_of_host(number: int) -> heap.Arena:
    """What ``_reduce_arena`` numbered, for another process of the host."""
    thread = current_thread()
    if thread is None:
        raise RuntimeError("memory of a simulated process is used inside the simulation only")
    arena: heap.Arena = thread.process.kernel.shared[_ARENAS][number]
    return arena


def _tracker_fd(thread: SimThread, tracker: object) -> int:
    """A descriptor to hand on, which leads nowhere."""
    fds = thread.process.fds
    kept = thread.state.kept
    fd = kept.get(_TRACKER, -1)
    if not fds.has(fd) or not isinstance(fds.get(fd), NullDevice):
        fd = kept[_TRACKER] = fds.install(thread.process.kernel.null(), True, 3)
    return int(fd)


def _connection(thread: SimThread, made: Any, *args: Any, **kwargs: Any) -> None:
    made._simulated = thread.process
    _real_connection(made, *args, **kwargs)


def _forget_connection(made: Any) -> None:
    """``__del__`` may be called anywhere; the number means a descriptor of the connection's process."""
    process = made.__dict__.get("_simulated")
    if process is None:
        _real_forget(made)
    elif made.__dict__.get("_handle") is not None and process.fds.has(made._handle):
        process.fds.close(made._handle)


def _bootstrap(thread: SimThread, child: Any, *args: Any, **kwargs: Any) -> Any:
    """What ``run`` raises is printed in the child, which ends by itself: tell of it as well."""
    failed: list[tuple[type[BaseException], int]] = []
    run = child.run

    def told() -> None:
        try:
            run()
        except (SystemExit, GreenletExit):
            raise
        except BaseException as error:
            failed.append((type(error), thread.scheduler.clock.now))
            raise

    child.run = told
    try:
        code = _real_bootstrap(child, *args, **kwargs)
    finally:
        child.__dict__.pop("run", None)
    for kind, at in failed:
        tell_unhandled(thread.state, kind, at=at)
    return code


def _nothing(thread: SimThread, *args: object) -> None:
    """Nothing is tracked."""


def _fork_server(thread: SimThread, process_object: Any) -> Any:
    return popen_spawn_posix.Popen(process_object)


def install() -> None:
    registry = _ProcessFinalizers(vars(util)["_finalizer_registry"])
    finalize: Any = util.Finalize.__call__
    finalize.__defaults__ = (
        finalize.__defaults__[0],
        registry,
        *finalize.__defaults__[2:],
    )
    setattr(util, "_finalizer_registry", registry)  # noqa: B010  private, as the stubs have it not
    # Who is asked to end, or joined, first must not depend on addresses.
    process.__dict__["set"] = OrderedSet
    process.__dict__["_children"] = OrderedSet(dict.fromkeys(process.__dict__["_children"]))
    setattr(heap.BufferWrapper, "_heap", _ProcessHeap(vars(heap.BufferWrapper)["_heap"]))  # noqa: B010
    setattr(context.DefaultContext, "_actual_context", PerProcess("_actual_context", _no_context))  # noqa: B010
    reduction.register(heap.Arena, _reduce_arena)
    dispatch_method(popen_fork.Popen, "_launch", _launch_fork)
    tracker = resource_tracker.ResourceTracker
    dispatch_method(tracker, "getfd", _tracker_fd)
    dispatch_method(tracker, "ensure_running", _nothing)
    dispatch_method(tracker, "_send", _nothing)
    dispatch_method(_base, "__init__", _connection)
    _base.__del__ = _forget_connection
    # Bound methods of before.
    for name in ("getfd", "ensure_running"):
        replace(resource_tracker, name, getattr(vars(resource_tracker)["_resource_tracker"], name))
    dispatch_method(process.BaseProcess, "_bootstrap", _bootstrap)
    fork_server: Any = context.ForkServerProcess
    dispatch_method(fork_server, "_Popen", _fork_server, static=True)


def _no_context() -> None:
    return None
