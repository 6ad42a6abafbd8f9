"""What the runtime knows of a simulated process beyond its kernel's record."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from signal import SIGCHLD
from typing import TYPE_CHECKING, Any

from ..clock.streams import Stream
from ..kernel.process import Process
from .descriptors import real_descriptors
from .signals import SignalTable, send_signal
from .views import View

if TYPE_CHECKING:
    from random import Random

    from .scheduler import Scheduler
    from .thread import SimThread


class ProcessState:
    """The program side of one process: its threads, its part of the interpreter, its result."""

    def __init__(self, scheduler: Scheduler, process: Process, stream: Stream, view: View) -> None:
        self.scheduler = scheduler
        self.process = process
        self.stream = stream
        """Where its random numbers come from."""
        self.openssl: dict[int, Stream] = {}
        """Where OpenSSL's come from, by how many bytes it asks for."""
        self.view = view
        self.main: SimThread | None = None
        self.signals = SignalTable()
        self.at_exit: list[tuple[Callable[..., object], tuple[Any, ...], dict[str, Any]]] = []
        """Calls registered with ``atexit``, in order."""
        self.finalizers: list[weakref.finalize[Any, Any]] = []
        """Those of ``weakref.finalize`` it made, some of them dead."""
        self._finalizers_limit = 64
        self.audit_hooks: list[Callable[[str, Any], object]] = []
        """Those it added by ``sys.addaudithook``."""
        self.object_numbers: object = None
        """What stands for ``id()`` where a library sends it, once used."""
        self.hashed: dict[str, int] = {}
        """The latest hash it gave to an object that has none of its own, by the name of its class."""
        self.loggers: dict[object, dict[str, Any]] = {}
        """Its settings of each logger, by logger."""
        self.joinable: list[Callable[[], None]] = []
        """Waits, each for one thread that must end before the process does (Python 3.13)."""
        self.stack_size = 0
        """What ``threading.stack_size`` was last told."""
        self.random: Random | None = None
        """The generator behind the functions of module ``random``, once used."""
        self.temporary_names: object = None
        """What ``tempfile`` draws names from, once used."""
        self.last_uuid = 0
        """Timestamp of its latest version 1 UUID, in 100 ns."""
        self.charged = 0
        """Processor time its calls were charged with, in ns."""
        self.kept: dict[str, Any] = {}
        """What stand-ins keep for it, by kind."""
        self.result: object = None
        """What a callable returned."""
        self.exception: BaseException | None = None
        """The unhandled exception that ended its program; SystemExit is none."""
        self.failed_at = 0
        """When that was, in virtual ns."""
        self.finalizing = False
        """Its program, threads and exit functions are done; what they left is being finalized."""
        self.finished = False
        """The interpreter ended by itself: all that it does at its end is done."""

    def add_finalizer(self, finalizer: weakref.finalize[Any, Any]) -> None:
        """It is called when the process ends, unless that is killed."""
        self.finalizers.append(finalizer)
        if len(self.finalizers) > self._finalizers_limit:
            self.finalizers = [each for each in self.finalizers if each.alive]
            self._finalizers_limit = 2 * len(self.finalizers) + 64

    def threads(self) -> list[SimThread]:
        """Its living threads, the oldest first."""
        return self.scheduler.threads_of(self.process)

    def terminate(self, code: int) -> None:
        """End the process at once: everything it held is closed, its threads are killed.

        ``code`` is an exit code, or -N for a death by signal N. A thread of it that calls this must
        then raise GreenletExit.
        """
        process = self.process
        kernel = process.kernel
        if process.exit_code is None:
            parent = kernel.parent_of(process)
            real_descriptors.end(process, self.finished)
            kernel.exit(process, code)
            if parent is not None:
                send_signal(self.scheduler.state_of(parent), SIGCHLD)
        self.scheduler.end_threads(process)

    def end(self) -> None:
        """Its main thread is no more, nor the process."""
        self.view.end()
        for finalizer in self.finalizers:
            # Of a process that was killed.
            finalizer.detach()
        self.finalizers.clear()

    def fork(self, child: Process, view: View) -> ProcessState:
        """The program side of ``child``, forked from this process, that has ``view``."""
        state = self.scheduler.make_state(child, view)
        state.signals = self.signals.copy()
        state.loggers = {
            logger: {name: _copied(value) for name, value in settings.items()}
            for logger, settings in self.loggers.items()
        }
        state.stack_size = self.stack_size
        return state

    def execute(self, view: View) -> None:
        """The process goes on as another program with ``view``, as after execve(2)."""
        self.view = view
        self.main = None
        self.signals.execute()
        self.at_exit.clear()
        self.loggers.clear()
        self.joinable.clear()
        self.stack_size = 0
        self.kept.clear()
        self.random = None
        self.temporary_names = None


def _copied(value: object) -> object:
    return value.copy() if isinstance(value, (list, dict)) else value
