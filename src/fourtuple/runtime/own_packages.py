"""Library packages that keep a process's state in their modules, so that each process imports its own.

Others are shared by all processes, which costs less and is as good as long as what a module keeps is
the same for everybody.
"""

from __future__ import annotations

from typing import Final

KEEPS_STATE: Final = {
    "cherrypy": "the engine and the tree of applications",
    "django": "settings, applications and caches",
    "pyftpdlib": "the loop, and options as attributes of classes",
    "sanic": "the registry of applications",
    "twisted": "the reactor and the log",
    "waitress": "the table of sockets",
}
"""Packages, and what of theirs belongs to one process."""

# multiprocessing calls a child's program so.
_OTHERS: Final = ("__mp_main__",)


def is_own(name: str) -> bool:
    """Whether each process has a module ``name`` of its own, wherever it was loaded from."""
    return name.partition(".")[0] in KEEPS_STATE or name in _OTHERS
