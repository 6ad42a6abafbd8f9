"""Arithmetic on 32-bit sequence numbers that wrap (RFC 9293 §3.4, RFC 1982).

Comparisons hold for numbers less than 2**31 apart; at exactly 2**31 a number counts as before.
"""

from __future__ import annotations

from typing import Final

_MASK: Final = 0xFFFF_FFFF
_HALF: Final = 0x8000_0000


def seq_add(a: int, n: int) -> int:
    """``a`` moved by ``n``, which may be negative."""
    return (a + n) & _MASK


def seq_diff(a: int, b: int) -> int:
    """How far ``a`` is after ``b``: an int in [-2**31, 2**31)."""
    return ((a - b + _HALF) & _MASK) - _HALF


def seq_lt(a: int, b: int) -> bool:
    return ((a - b) & _MASK) >= _HALF


def seq_leq(a: int, b: int) -> bool:
    return a == b or ((a - b) & _MASK) >= _HALF


def seq_gt(a: int, b: int) -> bool:
    return ((b - a) & _MASK) >= _HALF


def seq_geq(a: int, b: int) -> bool:
    return a == b or ((b - a) & _MASK) >= _HALF


def seq_between(low: int, x: int, high: int) -> bool:
    """Whether low <= x <= high, going upwards from ``low``."""
    return ((x - low) & _MASK) <= ((high - low) & _MASK)


def seq_max(a: int, b: int) -> int:
    return b if ((a - b) & _MASK) >= _HALF else a


def seq_min(a: int, b: int) -> int:
    return a if ((a - b) & _MASK) >= _HALF else b
