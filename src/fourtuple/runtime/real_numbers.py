"""The descriptor numbers that stand for real files inside simulated processes.

A real descriptor is at most what the machine's RLIMIT_NOFILE allows, so a piece at the upper end of that is
set aside for them; a simulated process that opens so many descriptors passes over these numbers.
"""

from __future__ import annotations

import resource
from typing import Final

_HIGHEST_BASE: Final = 1 << 17
_MOST: Final = 1 << 14


def real_numbers(limit: int) -> tuple[int, int]:
    """The lowest number and the one after the highest, under a soft RLIMIT_NOFILE of ``limit``."""
    if limit == resource.RLIM_INFINITY:
        limit = _HIGHEST_BASE + _MOST
    base = min(limit - limit // 4, _HIGHEST_BASE)
    return base, min(limit, base + _MOST)


_NUMBERS: Final = real_numbers(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
REAL_BASE: Final = _NUMBERS[0]
"""The lowest number a real descriptor opened by a simulated program can have."""
REAL_TOP: Final = _NUMBERS[1]
"""All its numbers are below this."""
