"""What the commands share: options, the end of a run, exit codes."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any, TypeVar

import click

from ..api.network import Network
from ..api.process import Process
from ..api.wall_clock import parse_start
from ..network.units import parse_duration
from ..runtime.stuck import BusyLoop, Stuck
from .restart import restart_pinned

F = TypeVar("F", bound=Callable[..., Any])

INTERRUPTED = 130
"""Exit code of a shell for a program ended by Ctrl-C."""


@dataclass
class Session:
    """What the group hands to its commands."""

    may_restart: bool = False
    """Whether this is a process of its own, so that it may start again."""
    verbose: bool = False

    def pin_hashes(self) -> None:
        """Make string hashes the same in every run, starting again if that is needed."""
        if self.may_restart:
            restart_pinned(self.verbose)


def _read_duration(context: click.Context, parameter: click.Parameter, value: str | None) -> int | None:
    try:
        return None if value is None else parse_duration(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def _read_start(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    try:
        if value is not None:
            parse_start(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
    return value


def run_options(command: F) -> F:
    """The options ``--seed``, ``--start``, ``--capture`` and ``--until``."""
    for option in (
        click.option(
            "--until",
            callback=_read_duration,
            metavar="TIME",
            help="End the run at this virtual time, as in 30s.",
        ),
        click.option(
            "--capture",
            type=click.Path(dir_okay=False, writable=True),
            metavar="FILE.pcapng",
            help="Write what is on the wires to this file.",
        ),
        click.option(
            "--start",
            callback=_read_start,
            metavar="TIME",
            help="Wall-clock time at which virtual time begins.  [default: 2026-01-01T00:00:00Z]",
        ),
        click.option("--seed", type=click.IntRange(min=0), help="Seed of everything random.  [default: 0]"),
    ):
        command = option(command)
    return command


def start_capture(network: Network, capture: str | None) -> None:
    """Capture to the file of ``--capture``, if it is given. Raises click.UsageError if that fails."""
    if capture is None:
        return
    try:
        network.capture(capture)
    except OSError as error:
        raise click.UsageError(f"--capture {capture}: {error.strerror}") from error


class Interrupts:
    """While entered, Ctrl-C has ``call()`` made at the next moment nothing is half done.

    Another one before that (a program computes and never blocks) raises KeyboardInterrupt at once.
    """

    def __init__(self, network: Network, call: Callable[[], object]) -> None:
        self._network = network
        self._call = call
        self._waiting = False
        self._former: Any = None

    def __enter__(self) -> None:
        self._former = signal.signal(signal.SIGINT, self._handle)

    def __exit__(self, *error: object) -> None:
        signal.signal(signal.SIGINT, self._former)

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        if self._waiting:
            raise KeyboardInterrupt
        self._waiting = True
        self._network.call_soon(self._deliver)

    def _deliver(self) -> None:
        self._waiting = False
        self._call()


def end_run() -> None:
    """What Ctrl-C does to a run, unless its program is to handle it."""
    raise KeyboardInterrupt


@contextmanager
def reported_failures(network: Network, interrupted: Callable[[], object] = end_run) -> Iterator[None]:
    """Turn a run that cannot go on into its report on stderr and an exit code; Ctrl-C has
    ``interrupted()`` called."""
    try:
        with Interrupts(network, interrupted):
            yield
    except (Stuck, BusyLoop) as error:
        print(f"fourtuple: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def shell_code(process: Process) -> int:
    """The exit code a shell would report: 128 + N for a death by signal N, 0 if it has not ended."""
    code = process.exitcode or 0
    return 128 - code if code < 0 else code


def first_failure(network: Network) -> int:
    """Exit code of the program that failed first in virtual time, 0 if none did."""
    failed = [process for process in network.processes if process.exitcode and not process.stopped]
    if not failed:
        return 0
    # min() keeps the first of equals: the one spawned first.
    return shell_code(min(failed, key=lambda process: process.ended_at or 0))
