"""Trio's loop when no deadline is set: it wakes once a day, and goes back to waiting.

A run in which nothing else is left would so go on for ever. The wait is taken for one without an end, which
it is in effect, and the run ends with its report.
"""

from __future__ import annotations

import math
import sys
from typing import Final

from ..clock.clock import SECOND

DAY: Final = 86_400 * SECOND


def waits_for_ever(timeout: int) -> bool:
    """Does trio's loop ask, in the call two frames up, to wait ``timeout`` ns with no deadline set?"""
    if timeout != DAY:
        return False
    caller = sys._getframe(2)
    loop = caller.f_back
    if caller.f_globals.get("__name__") != "trio._core._io_epoll" or loop is None:
        return False
    runner = loop.f_locals.get("runner")
    deadlines = getattr(runner, "deadlines", None)
    return deadlines is not None and bool(deadlines.next_deadline() == math.inf)
