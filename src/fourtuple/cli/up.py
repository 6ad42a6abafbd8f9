"""``fourtuple up``: run the network a file describes."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ..api.network import Network
from ..view.sockets import socket_table
from .build import build_network
from .network_file import KEYS, read_network_file
from .options import Session, first_failure, reported_failures, run_options, start_capture
from .sections import NetworkFileError

BAD_FILE = 2


HELP = """\
Run the programs of a network file, each line of output as `host | line`.

The run ends when all programs that are no daemons have ended. The exit code is that of the program
that failed first; 2 if the file is wrong, and then nothing was started.

The keys of a file, with examples:

"""


@click.command(help=HELP + KEYS)
@click.argument("network_file", type=click.Path(path_type=Path), metavar="NETWORK.toml")
@run_options
@click.option(
    "--ss", "sockets", is_flag=True, help="Print each host's socket table at the end, as ss -tuanp."
)
@click.pass_obj
def up(
    session: Session,
    network_file: Path,
    seed: int | None,
    start: str | None,
    capture: str | None,
    until: int | None,
    sockets: bool,
) -> None:
    try:
        spec = read_network_file(network_file)
    except NetworkFileError as error:
        print(error, file=sys.stderr)
        sys.exit(BAD_FILE)
    session.pin_hashes()
    with Network(spec.seed if seed is None else seed, start=start or spec.start, live=True) as network:
        limit = spec.until if until is None else until
        try:
            build_network(spec, network)
            only_daemons = all(process.daemon for process in network.processes)
            if only_daemons and limit is None:
                raise NetworkFileError(
                    network_file, "", None, "has only daemons, which nothing ends: give until, or --until"
                )
        except NetworkFileError as error:
            print(error, file=sys.stderr)
            sys.exit(BAD_FILE)
        start_capture(network, capture)
        try:
            with reported_failures(network):
                network.run(limit, stop_daemons=False)
            _tell_cut_short(network)
        finally:
            if sockets:
                _print_sockets(network)
        code = first_failure(network)
    sys.exit(code)


def _tell_cut_short(network: Network) -> None:
    """Programs that until= or --until did not let end are no daemons by the file: say which."""
    for process in network.processes:
        if not process.daemon and not process.ended():
            print(
                f"fourtuple: {process.name} on {process.host.name} was still running at the end of the run",
                file=sys.stderr,
            )


def _print_sockets(network: Network) -> None:
    width = max(len(name) for name in network.hosts)
    for name, host in network.hosts.items():
        for line in socket_table(host).splitlines():
            print(f"{name:<{width}} | {line}")
    sys.stdout.flush()
