"""Simulated hosts keep UTC, so that a run does not depend on where the machine stands.

CPython takes the local zone from the C library, which has one for the whole OS process. It is UTC
while the simulation runs.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Final

_put: Final[Callable[[str, str], None]] = os.putenv
_unset: Final[Callable[[str], None]] = os.unsetenv
_tzset: Final[Callable[[], None] | None] = getattr(time, "tzset", None)
_NAME: Final = "UTC"


class UtcGuard:
    """Makes the C library's zone UTC, and what it was again."""

    def __init__(self) -> None:
        self._changed = False
        self._former: str | None = None

    def begin(self) -> None:
        if _tzset is None or (time.timezone == 0 and time.tzname == (_NAME, _NAME)):
            return
        # Read before a process's own environment is swapped in.
        self._former = os.environ.get("TZ")
        self._changed = True
        _put("TZ", _NAME)
        _tzset()

    def end(self) -> None:
        if not self._changed or _tzset is None:
            return
        self._changed = False
        if self._former is None:
            _unset("TZ")
        else:
            _put("TZ", self._former)
        _tzset()
