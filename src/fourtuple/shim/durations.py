"""Python's timeouts, in seconds, as nanoseconds of the virtual clock."""

from __future__ import annotations

import math
from typing import Final

_MAX: Final = (1 << 63) - 1


def duration_ns(seconds: object) -> int:
    """``seconds`` (int, float or anything with ``__index__``) in ns, rounded away from zero's side
    as CPython rounds timeouts: up.

    Raises TypeError, ValueError for NaN and OverflowError as CPython does.
    """
    if isinstance(seconds, float):
        if math.isnan(seconds):
            raise ValueError("Invalid value NaN (not a number)")
        if math.isinf(seconds):
            raise OverflowError("timestamp too large to convert to C _PyTime_t")
        fraction, whole = math.modf(seconds)
        result = int(whole) * 1_000_000_000 + math.ceil(fraction * 1e9)
    elif hasattr(seconds, "__index__"):
        result = seconds.__index__() * 1_000_000_000
    else:
        raise TypeError(f"'{type(seconds).__name__}' object cannot be interpreted as an integer")
    if not -_MAX <= result <= _MAX:
        raise OverflowError("timestamp too large to convert to C _PyTime_t")
    return result


def deadline_ns(now: int, seconds: object) -> int:
    """The virtual time ``seconds`` from ``now``; -1, for no deadline, if None or negative."""
    if seconds is None:
        return -1
    duration = duration_ns(seconds)
    return -1 if duration < 0 else now + duration
