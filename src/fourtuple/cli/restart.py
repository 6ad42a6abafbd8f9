"""Restart the interpreter with hash randomisation pinned.

The order of a set of strings follows from PYTHONHASHSEED, and a program's behaviour may follow from
that order; it can only be set before the interpreter starts.
"""

from __future__ import annotations

import os
import sys

VARIABLE = "PYTHONHASHSEED"


def needs_restart() -> bool:
    """Whether string hashes differ from run to run."""
    return os.environ.get(VARIABLE, "random") in ("", "random")


def restart_pinned(tell: bool) -> None:
    """Start this very command again with PYTHONHASHSEED=0, in this process, if need be; ``tell`` says
    so on stderr."""
    if not needs_restart():
        return
    if tell:
        print(
            f"fourtuple: starting again with {VARIABLE}=0, so that hashes are the same each time",
            file=sys.stderr,
        )
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, VARIABLE: "0"})
