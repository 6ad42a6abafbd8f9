"""``fourtuple demo``: two ordinary programs talk TCP over a link that loses a packet."""

from __future__ import annotations

import os
import shutil
import sys
from importlib.resources import files
from pathlib import Path

import click
from rich.console import Console

from ..api.network import Network
from ..clock.streams import Stream
from ..network.rules import PASS, Rule, Verdict, drop
from ..network.units import format_duration
from ..view.ladder import ladder
from ..view.way import WayFinder, WayView
from ..wire.ethernet import EthernetFrame
from ..wire.ip import IpPacket
from ..wire.tcp import TcpSegment
from .options import Session, first_failure, reported_failures

CAPTURE = "demo.pcapng"
DEFAULT_SEED = 7
LATENCY = 10_000_000
START = 100_000_000

DATA_SEGMENTS = 2
"""Data segments of the conversation, the request and its answer: one of them is lost."""


class LoseOneDataSegment(Rule):
    """Loses the ``number``-th segment with data that enters the link, counted from 0."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.seen = 0

    def judge(self, frame: EthernetFrame, now: int) -> Verdict:
        if not _has_data(frame):
            return PASS
        self.seen += 1
        return drop("loss") if self.seen == self.number + 1 else PASS


@click.command()
@click.option(
    "--seed", type=click.IntRange(min=0), default=DEFAULT_SEED, show_default=True, help="Seed of the run."
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, writable=True),
    default=CAPTURE,
    show_default=True,
    help="Where the capture goes.",
)
@click.pass_obj
def demo(session: Session, seed: int, output: str) -> None:
    """Show two ordinary Python programs talking TCP over a 10 ms link that loses a packet.

    The programs are examples/upper/server.py and client.py. The demo shows each packet as a ladder
    diagram in virtual time, and the way of the first data to its process, and writes a capture.
    """
    examples = find_examples()
    session.pin_hashes()
    console = Console(highlight=False, soft_wrap=False)
    with Network(seed, keep_trace=True, live=True) as network:
        server = network.host("server", "10.0.0.1")
        client = network.host("client", "10.0.0.2")
        link = network.link(client, server, latency=LATENCY)
        link.add_rule(LoseOneDataSegment(Stream(seed, "demo").below(DATA_SEGMENTS)))
        server_script, client_script = examples / "server.py", examples / "client.py"
        server.spawn(["python", str(server_script)], daemon=True)
        client.spawn(["python", str(client_script), "server", "9999"], start=START)
        finder = WayFinder(network, lambda node, frame: node is server.node and _has_data(frame))
        network.fabric.add_tap(finder)
        try:
            network.capture(output, hosts=[server])
        except OSError as error:
            raise click.UsageError(f"--output {output}: {error.strerror}") from error
        console.print(
            f"server runs {_short(server_script)}, client runs {_short(client_script)} server 9999;\n"
            f"a link of {format_duration(LATENCY)} joins them and loses one packet. Their output:\n"
        )
        with reported_failures(network):
            network.run(stop_daemons=False)
        console.print("\n[bold]What was on the link[/bold] (virtual time in seconds)\n")
        console.print(ladder(client, server))
        console.print()
        if finder.way is not None:
            console.print(WayView("The way of the first data to its process", finder.way))
        code = first_failure(network)
        digest = network.digest
    _tell_the_rest(console, seed, output, digest)
    sys.exit(code)


def _tell_the_rest(console: Console, seed: int, output: str, digest: str) -> None:
    again = f"{_command()} demo --seed {seed}"
    if output != CAPTURE:
        again += f" --output {output}"
    lines = [
        "",
        f"Capture: {output}, what the server's interface saw. Open it with wireshark or tshark -r {output}:",
        "packet comments name host, process and descriptor of the socket that sent or took a packet.",
        f"Seed {seed}, digest {digest}. The same run again, to the nanosecond:",
        f"  [bold]{again}[/bold]",
    ]
    for line in lines:
        console.print(line, soft_wrap=True)


def _command() -> str:
    """This command as a shell here finds it: by name if it is on PATH, else as it was called."""
    called = Path(sys.argv[0])
    if called.name != "fourtuple" or shutil.which("fourtuple"):
        return "fourtuple"
    return os.path.relpath(called)


def find_examples() -> Path:
    """The directory of the example programs: in the installed package, or in a source checkout.

    Raises click.ClickException if they are in neither.
    """
    package = Path(str(files("fourtuple")))
    for place in (package / "examples" / "upper", package.parents[1] / "examples" / "upper"):
        if (place / "server.py").is_file():
            return place
    raise click.ClickException("the example programs are not installed: run this in a source checkout")


def _short(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def _has_data(frame: EthernetFrame) -> bool:
    packet = frame.payload
    return (
        isinstance(packet, IpPacket)
        and isinstance(packet.payload, TcpSegment)
        and bool(packet.payload.payload)
    )
