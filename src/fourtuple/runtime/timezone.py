"""Simulated hosts keep UTC, so that a run does not depend on where the machine stands.

CPython takes the local zone from the C library, which has one for the whole OS process. It is UTC
while the simulation runs, except for a process that has TZ in its environment: then it is that one's
while that process runs.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Final

_put: Final[Callable[[str, str], None]] = os.putenv
_unset: Final[Callable[[str], None]] = os.unsetenv
_tzset: Final[Callable[[], None] | None] = getattr(time, "tzset", None)
UTC: Final = "UTC"
"""The zone of a process without TZ, as a value of that."""


def set_zone(zone: str) -> None:
    """Make ``zone``, a value of TZ, the C library's."""
    if _tzset is not None:
        _put("TZ", zone)
        _tzset()


class UtcGuard:
    """Makes the C library's zone UTC, and what it was again."""

    def __init__(self) -> None:
        self._former: str | None = None

    def begin(self) -> None:
        # Read before a process's own environment is swapped in.
        self._former = os.environ.get("TZ")
        set_zone(UTC)

    def end(self) -> None:
        if _tzset is None:
            return
        if self._former is None:
            _unset("TZ")
        else:
            _put("TZ", self._former)
        _tzset()
