"""``fourtuple python``: as ``python``, on a simulated host."""

from __future__ import annotations

import os
import signal
import sys

import click

from ..api.network import Network
from ..api.streams import RealInput, RealOutput
from ..runtime.command_line import parse_command
from ..runtime.interpreter import check_isolated
from .options import Session, reported_failures, run_options, shell_code, start_capture

TIMED_OUT = 124
"""Exit code if ``--until`` ended the program, as of timeout(1)."""

_OWN_OPTIONS = ("--seed", "--start", "--capture", "--until", "--isolate")


class PythonCommand(click.Command):
    """Everything from the script, -m or -c on belongs to the program, options included."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        at = 0
        while at < len(args):
            name, equals, _ = args[at].partition("=")
            if name in _OWN_OPTIONS:
                at += 1 if equals else 2
            elif args[at] in ("-h", "--help"):
                at += 1
            else:
                break
        if at < len(args) and args[at] != "--":
            args = [*args[:at], "--", *args[at:]]
        return super().parse_args(ctx, args)


def _read_isolated(
    context: click.Context, parameter: click.Parameter, value: tuple[str, ...]
) -> tuple[str, ...]:
    try:
        return check_isolated([name for each in value for name in each.split(",")])
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@click.command(
    cls=PythonCommand,
    options_metavar="[--seed N] [--start TIME] [--capture FILE.pcapng] [--until TIME] [--isolate PACKAGE]",
)
@run_options
@click.option(
    "--isolate",
    multiple=True,
    callback=_read_isolated,
    metavar="PACKAGE",
    help="Have each process import this package for itself; repeatable, or names with commas between.",
)
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="(SCRIPT | -m MODULE | -c CODE) [ARGS]...")
@click.pass_obj
def python(
    session: Session,
    seed: int | None,
    start: str | None,
    capture: str | None,
    until: int | None,
    isolate: tuple[str, ...],
    words: tuple[str, ...],
) -> None:
    """Run a program as `python` would, but as a process on a simulated host.

    The host has a loopback interface, so the program can talk to itself; time is virtual, and all
    that is random follows from the seed. stdin, stdout, stderr, the arguments and the exit code are
    as with python; after the traceback of an exception that nobody handled a line on stderr says in which
    process it was, and when in virtual time. If --until ends it, the exit code is 124.
    """
    try:
        command = parse_command(["python", *words])
    except ValueError as error:
        given = " ".join(words) or "nothing to run"
        raise click.UsageError(f"{given}: give a SCRIPT, -m MODULE or -c CODE") from error
    session.pin_hashes()
    # The real one: inside the run sys.stderr is the process's.
    stderr = sys.stderr
    with Network(seed or 0, start=start) as network:
        # The program has file descriptor 2 as well; a line at a time stays whole.
        network.scheduler.tell_failure = lambda state, line: print(
            f"fourtuple: {line}", file=stderr, flush=True
        )
        # As python: a program may compute as long as it likes, or wait for what is typed.
        network.scheduler.watchdog_seconds = 0.0
        host = network.host("host", ())
        start_capture(network, capture)
        kernel = host.node.kernel
        process = host.spawn_program(
            command.program(),
            streams=(RealInput(kernel, 0), RealOutput(kernel, 1), RealOutput(kernel, 2)),
            env=dict(os.environ),
            isolate=isolate,
        )
        # Ctrl-C is the program's to handle.
        with reported_failures(network, lambda: process.send_signal(signal.SIGINT)):
            ended = network.run(until)
        if not ended:
            print(f"fourtuple: {process.name} was still running at the end of --until", file=sys.stderr)
        code = shell_code(process) if ended else TIMED_OUT
    sys.exit(code)
