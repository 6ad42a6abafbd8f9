"""The ``fourtuple`` command."""

from __future__ import annotations

import sys

import click

from .. import __version__
from .._compiled import is_compiled
from .demo import demo
from .drill import drill
from .options import Session
from .python import python
from .up import up


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(
    __version__,
    message=(
        f"fourtuple %(version)s ({'compiled' if is_compiled() else 'interpreted'}, "
        f"Python {sys.version.split()[0]})"
    ),
)
@click.option("-v", "--verbose", is_flag=True, help="Say more on stderr.")
@click.pass_context
def cli(context: click.Context, verbose: bool) -> None:
    """A network of hosts in one Python process: ordinary programs run on it, on virtual time."""
    session = context.ensure_object(Session)
    session.verbose = verbose


cli.add_command(demo)
cli.add_command(drill)
cli.add_command(python)
cli.add_command(up)


def main() -> None:
    """Entry point of the console script."""
    cli(obj=Session(may_restart=True), prog_name="fourtuple")
