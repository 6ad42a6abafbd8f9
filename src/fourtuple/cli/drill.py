"""``fourtuple drill``: run packet scripts."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click
from rich.console import Console

from ..drill.drill import (
    PASSED,
    SKIPPED,
    CaptureError,
    Options,
    Outcome,
    check_options,
    drill_file,
    scripts_below,
)
from ..drill.report import as_json, show, show_sum
from ..drill.settings import IPV4, IPV6, MAPPED

BAD_USE = 2


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="FILE.pkt|DIRECTORY…")
@click.option("--seed", type=int, default=0, show_default=True, help="Everything random follows from it.")
@click.option("--bytes", "bytes_on_wire", is_flag=True, help="Serialise and parse every packet on its way.")
@click.option("--ipv4", is_flag=True, help="IPv4, if a script does not say otherwise: the default.")
@click.option("--ipv6", is_flag=True, help="IPv6; scripts for IPv4 only are skipped.")
@click.option("--mapped", is_flag=True, help="AF_INET6 sockets on v4-mapped addresses.")
@click.option("-D", "--define", "defines", multiple=True, metavar="NAME=VALUE", help="Define a symbol.")
@click.option(
    "-O",
    "--option",
    "options",
    multiple=True,
    metavar="NAME[=VALUE]",
    help="An option as in a script, without --.",
)
@click.option("--json", "json_output", is_flag=True, help="Print what happened as JSON.")
@click.option(
    "--pcap", metavar="FILE|DIRECTORY", default="", help="Capture as pcapng; a directory for several scripts."
)
@click.option("-v", "--verbose", is_flag=True, help="Show every event and packet.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing of scripts that passed.")
@click.option("-x", "--exitfirst", is_flag=True, help="Stop at the first script that does not pass.")
def drill(
    paths: tuple[str, ...],
    seed: int,
    bytes_on_wire: bool,
    ipv4: bool,
    ipv6: bool,
    mapped: bool,
    defines: tuple[str, ...],
    options: tuple[str, ...],
    json_output: bool,
    pcap: str,
    verbose: bool,
    quiet: bool,
    exitfirst: bool,
) -> None:
    """Run packet scripts, in packetdrill's language, against a simulated host in virtual time.

    Directories stand for every *.pkt below them. The exit code is 0 if all scripts pass, 1 if one does
    not, 2 if the command cannot be understood. docs/drill.md describes the language.
    """
    given: list[tuple[str, str | None]] = [("define", text) for text in defines]
    for text in options:
        name, equals, value = text.removeprefix("--").partition("=")
        given.append((name, value if equals else None))
    if verbose:
        given.append(("verbose", None))
    versions = [name for name, asked in ((IPV4, ipv4), (IPV6, ipv6), (MAPPED, mapped)) if asked]
    if len(versions) > 1:
        raise click.UsageError("only one of --ipv4, --ipv6 and --mapped can be given")
    version = versions[0] if versions else ""
    try:
        files = scripts_below(list(paths))
        check_options(version, given)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    if pcap and len(files) > 1 and not Path(pcap).is_dir():
        raise click.UsageError(
            f"--pcap: {pcap} is no directory, and there are {len(files)} scripts to capture"
        )
    settings = Options(seed, bytes_on_wire, version, given, pcap)
    console = Console(highlight=False)
    outcomes: list[Outcome] = []
    began = time.perf_counter()
    for path in files:
        try:
            outcome = drill_file(path, settings)
        except CaptureError as error:
            raise click.UsageError(str(error)) from None
        outcomes.append(outcome)
        good = outcome.status in (PASSED, SKIPPED)
        if not json_output and not (quiet and good):
            show(console, outcome, verbose)
        if exitfirst and not good:
            break
    if json_output:
        click.echo(as_json(outcomes))
    elif len(files) > 1:
        show_sum(console, outcomes, time.perf_counter() - began)
    sys.exit(0 if all(outcome.status in (PASSED, SKIPPED) for outcome in outcomes) else 1)
