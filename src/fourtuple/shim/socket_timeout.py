"""Timeouts of sockets and of readiness calls: a program's number to virtual nanoseconds.

CPython rounds a timeout up to its nanoseconds, and what it hands to poll() up to milliseconds
(Python/pytime.c); the same is done here, so a call lasts as long as it would at least last there.
"""

from __future__ import annotations

import math
from operator import index
from typing import Any, Final

from ..clock.clock import MICROSECOND, MILLISECOND, SECOND

NO_TIMEOUT: Final = -1
_MAX: Final = 2**63 - 1


def duration(value: Any, unit: int) -> int:
    """``value``, a number of ``unit`` ns, in ns, rounded away from zero.

    Raises TypeError if it is no number, ValueError for NaN, OverflowError beyond 292 years.
    """
    if isinstance(value, float):
        if math.isnan(value):
            raise ValueError("Invalid value NaN (not a number)")
        scaled = value * unit
        if not -_MAX - 1 <= scaled < _MAX:
            raise OverflowError("timestamp out of range for platform time_t")
        return math.ceil(scaled) if scaled >= 0 else math.floor(scaled)
    scaled = index(value) * unit
    if not -_MAX - 1 <= scaled <= _MAX:
        raise OverflowError("timestamp too large to convert to C PyTime_t")
    return scaled


def socket_timeout(value: Any) -> int:
    """What settimeout() takes: ns, NO_TIMEOUT for None. Raises ValueError if negative."""
    if value is None:
        return NO_TIMEOUT
    timeout = duration(value, SECOND)
    if timeout < 0:
        raise ValueError("Timeout value out of range")
    return timeout


def timeout_seconds(timeout: int) -> float | None:
    """What gettimeout() gives for ``timeout`` ns."""
    return None if timeout < 0 else timeout / 1e9


def whole_milliseconds(timeout: int) -> int:
    """``timeout`` ns as a number of ns that poll() can wait: rounded up to milliseconds."""
    return -(-timeout // MILLISECOND) * MILLISECOND


def whole_microseconds(timeout: int) -> int:
    """``timeout`` ns rounded up to microseconds, for select()."""
    return -(-timeout // MICROSECOND) * MICROSECOND
