"""Hosts without a network, and programs on them."""

import sys
from functools import partial

from fourtuple.clock.clock import Clock
from fourtuple.clock.streams import Streams
from fourtuple.kernel.file import O_RDONLY, O_WRONLY
from fourtuple.kernel.kernel import Kernel
from fourtuple.kernel.stdio import Console, ConsoleSink
from fourtuple.runtime.program import CallableProgram, Program, start_program
from fourtuple.runtime.scheduler import Scheduler
from fourtuple.stack.stack import Stack


class Output(ConsoleSink):
    """Collects what is written, with the virtual time of each write."""

    def __init__(self, clock):
        self.clock = clock
        self.writes = []

    def written(self, data):
        self.writes.append((self.clock.now, data))

    def text(self):
        return b"".join(data for _, data in self.writes).decode()


class Running:
    """A process and what it wrote."""

    def __init__(self, state, stdin, stdout, stderr):
        self.state = state
        self.process = state.process
        self.stdin = stdin
        self._stdout = stdout
        self._stderr = stderr

    @property
    def stdout(self):
        return self._stdout.text()

    @property
    def stderr(self):
        return self._stderr.text()

    @property
    def writes(self):
        return self._stdout.writes

    @property
    def exit_code(self):
        return self.process.exit_code

    @property
    def result(self):
        """What its callable returned, once it has ended well."""
        assert self.exit_code == 0, (self.exit_code, self.stderr)
        return self.state.result


class World:
    """A clock, a scheduler, and hosts by name."""

    def __init__(self, seed=0):
        self.clock = Clock()
        self.streams = Streams(seed)
        self.scheduler = Scheduler(self.clock, self.streams.stream("scheduler"), self.streams)
        self.scheduler.watchdog_seconds = 20.0
        self.kernels = {}
        self.all = []

    def kernel(self, host="alpha"):
        if host not in self.kernels:
            stack = Stack(host, self.clock, self.streams.stream(host))
            self.kernels[host] = Kernel(stack, {})
        return self.kernels[host]

    def spawn(self, program, *args, host="alpha", env=None):
        """Start a program, or a callable with ``args``; ``env`` is added to its environment."""
        if not isinstance(program, Program):
            program = CallableProgram(program, args, {})
        kernel = self.kernel(host)
        outputs = [Output(self.clock), Output(self.clock)]
        stdin = Console(kernel, O_RDONLY, "stdin", None)
        stdout = Console(kernel, O_WRONLY, "stdout", outputs[0])
        stderr = Console(kernel, O_WRONLY, "stderr", outputs[1])
        process = kernel.spawn(program.name(), program.argv, None, stdin, stdout, stderr)
        process.environ.update(env or {})
        start_program(self.scheduler, process, program)
        running = Running(self.scheduler.state_of(process), stdin, *outputs)
        self.all.append(running)
        return running

    def run(self, until=-1):
        """Until every process has ended, or the virtual time ``until``."""
        return self.scheduler.run(until, lambda: all(one.exit_code is not None for one in self.all))

    def call(self, function, *args):
        """What ``function(*args)`` returns as a program of its own."""
        running = self.spawn(function, *args)
        self.run()
        return running.result

    def close(self):
        self.scheduler.close()


def bare_process(world, host="alpha"):
    """A process without a program, to start threads in."""
    kernel = world.kernel(host)
    files = [Console(kernel, flags, "tty", None) for flags in (O_RDONLY, O_WRONLY, O_WRONLY)]
    return kernel.spawn("bare", ["bare"], None, *files)


def never():
    return False


def pick(log, name):
    """A callable that appends ``name`` to ``log``."""
    return partial(log.append, name)


PYTHON = sys.executable
