"""A process of a host: one program, its output and how it ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..clock.clock import Event
from ..kernel.file import File
from ..kernel.process import Process as KernelProcess
from ..kernel.wait import Waiter
from ..runtime.greenlets import GreenletExit
from ..runtime.program import ForkedProgram, Program, start_program
from ..runtime.signals import send_signal
from ..runtime.thread import current_thread
from ..runtime.unhandled import failure_place
from ..shim.fork_copy import fork_with_copy
from .streams import POLLIN, OutputFile

if TYPE_CHECKING:
    from .host import Host

SIGTERM = 15
SIGKILL = 9


class Process:
    """A program on a host. Made by :meth:`Host.spawn`; it starts when the network runs.

    No attribute waits: each tells how things stand now.
    """

    def __init__(
        self,
        host: Host,
        program: Program,
        *,
        daemon: bool,
        environ: dict[str, str],
        directory: str | None,
        uid: int,
        streams: tuple[File, File, File],
        isolate: tuple[str, ...] = (),
    ) -> None:
        self.host = host
        self.daemon = daemon
        """:meth:`Network.run` does not wait for it, and stops it at the end."""
        self.kernel_process: KernelProcess | None = None
        """The kernel's record of it, None until it has started."""
        self.ended_at: int | None = None
        """Virtual time of its end in ns, None until then."""
        self.stopped = False
        """Whether :meth:`kill` ended it, not its program."""
        self._program = program
        self._environ = environ
        self._directory = directory
        self._uid = uid
        self._streams = streams
        self._isolate = isolate

    @property
    def name(self) -> str:
        """The program's short name: ``server.py``; of a forked child, its function's."""
        return self._program.name() if self.kernel_process is None else self.kernel_process.name

    @property
    def pid(self) -> int | None:
        """Process id on its host, None until it has started."""
        return None if self.kernel_process is None else self.kernel_process.pid

    @property
    def exitcode(self) -> int | None:
        """Exit code, -N if signal N ended it, None until it has ended.

        0 is success, 1 an unhandled exception, and what the program gave to ``sys.exit`` otherwise.
        """
        return None if self.kernel_process is None else self.kernel_process.exit_code

    @property
    def exception(self) -> BaseException | None:
        """The exception that ended it, None if there was none (so far)."""
        if self.kernel_process is None:
            return None
        return self.host.network.scheduler.state_of(self.kernel_process).exception

    @property
    def result(self) -> object:
        """What a callable returned, None for other programs.

        Raises the exception that ended it, if one did, with a note of host, process and time;
        RuntimeError if it has not ended, or was killed.
        """
        process = self.kernel_process
        if process is None or process.exit_code is None:
            raise RuntimeError(f"{self!r} has not ended")
        state = self.host.network.scheduler.state_of(process)
        if state.exception is not None:
            note = failure_place(state, at=state.failed_at)
            if note not in getattr(state.exception, "__notes__", ()):
                state.exception.add_note(note)
            raise state.exception
        if process.exit_code < 0:
            raise RuntimeError(f"{self!r} was ended by signal {-process.exit_code}")
        return state.result

    @property
    def stdout(self) -> str:
        """What it has printed so far. Raises RuntimeError if that went to the real stdout."""
        return self._output(1).text()

    @property
    def stderr(self) -> str:
        """What it has written to stderr so far, a traceback included. Raises as ``stdout``."""
        return self._output(2).text()

    def kill(self, signal: int = SIGKILL) -> None:
        """End it at once with exit code ``-signal``: everything it held is closed, as the kernel does.

        Not started yet, it never will be. Harmless once it has ended.
        """
        process = self.kernel_process
        if process is None:
            self.stopped = True
        elif process.exit_code is None:
            self.stopped = True
            self.host.network.scheduler.state_of(process).terminate(-signal)
            self._leave_if_dead()

    def send_signal(self, signal: int) -> None:
        """Send it a signal, as kill(2): its handler runs, or the default action is taken.

        Harmless if it does not run.
        """
        if self.kernel_process is not None:
            send_signal(self.host.network.scheduler.state_of(self.kernel_process), signal)
            self._leave_if_dead()

    def _leave_if_dead(self) -> None:
        """A program that ended itself goes no further."""
        thread = current_thread()
        if thread is not None and thread.process is self.kernel_process and self.exitcode is not None:
            raise GreenletExit

    def fork(self, target: Callable[..., object], /, *args: object, **kwargs: object) -> Process:
        """A child process that calls ``target(*args, **kwargs)`` with the descriptors this one has open.

        As after fork(2), parent and child share the open file descriptions; the child has a pid and a
        descriptor table of its own, and its parent can wait for it (``os.waitpid``). It works on copies
        of ``target``, its arguments and the globals of the program's modules, as ``multiprocessing`` with
        the start method ``fork`` does (docs/processes.md). When ``target`` returns, or raises, the child
        ends as a program does; the run does not wait for it.

        Called by the program itself (see :func:`current_process`), or from outside of every process.
        Raises RuntimeError if this process does not run, or if another one calls.
        """
        process = self.kernel_process
        if process is None or process.exit_code is not None:
            raise RuntimeError(f"{self!r} does not run, so it cannot be forked")
        scheduler = self.host.network.scheduler
        state = scheduler.state_of(process)
        caller = current_thread()
        if caller is not None and caller.process is not process:
            raise RuntimeError(f"{self!r} can be forked by itself only, or from outside of every process")
        thread = caller or state.main
        assert thread is not None
        name = getattr(target, "__name__", type(target).__name__)
        if caller is None:
            scheduler.interpreter.enter(thread)
        try:
            forked = fork_with_copy(
                thread, (target, args, kwargs), lambda copy: ForkedProgram(name, copy.restore)
            )
        finally:
            if caller is None:
                scheduler.interpreter.enter(None)
                self.host.network.clock.stopped = True
        forked.name = name
        return self._adopt(forked)

    def _adopt(self, child: KernelProcess) -> Process:
        """The Process for ``child`` of this one, whose output goes where this one's does."""
        made = Process(
            self.host,
            self._program,
            daemon=True,
            environ={},
            directory=None,
            uid=child.uid,
            streams=self._streams,
        )
        made._take(child)
        self.host.processes.append(made)
        self.host.network.processes.append(made)
        return made

    def _take(self, process: KernelProcess) -> None:
        self.kernel_process = process
        process.exit_queue.add(_EndNote(self), POLLIN, False)

    def ended(self) -> bool:
        """Whether it has ended, or will never start."""
        return self.exitcode is not None or (self.stopped and self.kernel_process is None)

    def start(self) -> None:
        """Start it now. The network does so when its time has come."""
        if self.stopped or self.kernel_process is not None:
            return
        network = self.host.network
        program = self._program
        process = self.host.node.kernel.spawn(program.name(), program.argv, None, *self._streams)
        process.environ.update(self._environ)
        if self._uid != 0:
            process.set_credentials(self._uid, self._uid)
        if self._directory is not None:
            process.cwd = self._directory
            network.scheduler.state_of(process).view.directory = self._directory
        network.scheduler.state_of(process).view.isolated = self._isolate
        self._take(process)
        start_program(network.scheduler, process, program)

    def _output(self, fd: int) -> OutputFile:
        file = self._streams[fd]
        if not isinstance(file, OutputFile):
            raise RuntimeError(f"the output of {self!r} was not kept")
        return file

    def __repr__(self) -> str:
        pid = "" if self.pid is None else f"[{self.pid}]"
        return f"<Process {self.name}{pid} on {self.host.name}>"


def current_process() -> Process:
    """The process that calls, in a program that runs on a host: to fork, or to see its host.

    For a process started by a program (``subprocess``, ``multiprocessing``) as well. Raises RuntimeError
    outside of every simulated process.
    """
    thread = current_thread()
    if thread is None:
        raise RuntimeError("not in a simulated process")
    network: Any = thread.scheduler.owner
    kernel = thread.process.kernel
    host: Host = next(host for host in network.hosts.values() if host.node.kernel is kernel)
    for known in host.processes:
        if known.kernel_process is thread.process:
            return known
    parent = next((known for known in host.processes if known.pid == thread.process.ppid), host.processes[0])
    return parent._adopt(thread.process)


class _EndNote(Waiter):
    """Notes the time a process ends."""

    def __init__(self, process: Process) -> None:
        self.process = process

    def wake(self, mask: int) -> bool:
        self.process.ended_at = self.process.host.network.now
        return False


class Start(Event):
    """The time of a process has come."""

    def __init__(self, process: Process) -> None:
        self.process = process

    def fire(self) -> None:
        self.process.start()
        # The clock gives way to the new thread.
        self.process.host.network.clock.stopped = True
