"""Durations, rates, sizes and probabilities as people write them.

Every parser raises ValueError whose text names the value and what is allowed. They take any object,
since what they are given comes from people: compiled code would refuse a wrong type before they could
say what is right.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Final

DURATIONS: Final = "a duration such as 250us, 10ms, 1.5s, 2min or 1h"
RATES: Final = "a rate such as 56kbit, 10mbit or 1gbit (bits per second, decimal)"
SIZES: Final = "a size such as 1500B, 64kB, 64KiB or 1MB"
QUEUES: Final = "a number of packets such as 100, or " + SIZES
PROBABILITIES: Final = "a probability from 0 to 1"

_DURATION_UNITS: Final = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "min": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_RATE_UNITS: Final = {
    "bit": 1,
    "kbit": 1_000,
    "mbit": 1_000_000,
    "gbit": 1_000_000_000,
    "tbit": 1_000_000_000_000,
}
_SIZE_UNITS: Final = {
    "b": 1,
    "kb": 1_000,
    "mb": 1_000_000,
    "gb": 1_000_000_000,
    "kib": 1 << 10,
    "mib": 1 << 20,
    "gib": 1 << 30,
}


def parse_duration(value: object) -> int:
    """Nanoseconds of ``"10ms"``; an int is taken as nanoseconds.

    Raises ValueError if it is negative, has no known unit, or is no whole number of nanoseconds.
    """
    return _whole(value, _DURATION_UNITS, DURATIONS)


def parse_rate(value: object) -> int:
    """Bits per second of ``"10mbit"``; an int is taken as bits per second.

    Raises ValueError if it is not positive or has no known unit.
    """
    rate = _whole(value.removesuffix("/s") if isinstance(value, str) else value, _RATE_UNITS, RATES)
    if rate == 0:
        raise ValueError(f"{value!r} is not {RATES}")
    return rate


def parse_size(value: object) -> int:
    """Bytes of ``"64kB"``; an int is taken as bytes. Raises ValueError if it is neither."""
    return _whole(value, _SIZE_UNITS, SIZES)


def parse_queue(value: object) -> tuple[int, int]:
    """(packets, bytes) of a queue limit, -1 for the one not given: an int or ``"100"`` is a number of
    packets, ``"64kB"`` a size. Raises ValueError if it is neither.
    """
    if isinstance(value, str) and not (value.strip().isdecimal() and value.isascii()):
        try:
            return -1, parse_size(value)
        except ValueError as error:
            raise ValueError(f"{value!r} is not {QUEUES}") from error
    if isinstance(value, bool) or not isinstance(value, (int, str)) or int(value) < 0:
        raise ValueError(f"{value!r} is not {QUEUES}")
    return int(value), -1


def parse_probability(value: object) -> float:
    """``value`` as a float. Raises ValueError unless it is a number from 0 to 1."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise ValueError(f"{value!r} is not {PROBABILITIES}")
    return float(value)


def format_duration(nanoseconds: int) -> str:
    """The shortest exact form: ``10ms``, ``1.5s``, ``0s``."""
    for unit, factor in (("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000)):
        if nanoseconds >= factor or nanoseconds == 0:
            return f"{_shortest(nanoseconds, factor)}{unit}"
    return f"{nanoseconds}ns"


def format_rate(bits_per_second: int) -> str:
    """The shortest exact form: ``10mbit``, ``1.5gbit``, ``300bit``."""
    for unit, factor in (("gbit", 1_000_000_000), ("mbit", 1_000_000), ("kbit", 1_000)):
        if bits_per_second >= factor:
            return f"{_shortest(bits_per_second, factor)}{unit}"
    return f"{bits_per_second}bit"


def _shortest(value: int, factor: int) -> str:
    whole, rest = divmod(value, factor)
    if rest == 0:
        return str(whole)
    digits = str(factor + rest)[1:].rstrip("0")
    return f"{whole}.{digits}"


def _whole(value: object, units: dict[str, int], allowed: str) -> int:
    # A float has no unit either, and would bring rounding with it.
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise ValueError(f"{value!r} is not {allowed}")
    if isinstance(value, int):
        if value < 0:
            raise ValueError(f"{value!r} is not {allowed}")
        return value
    text = value.strip()
    digits = len(text)
    while digits and not (text[digits - 1].isdigit() or text[digits - 1] == "."):
        digits -= 1
    factor = units.get(text[digits:].strip().lower(), 0)
    number = text[:digits]
    if factor == 0 or not number or not all(c in "0123456789." for c in number):
        raise ValueError(f"{value!r} is not {allowed}")
    try:
        product = Decimal(number) * factor
    except InvalidOperation as error:
        raise ValueError(f"{value!r} is not {allowed}") from error
    if product != int(product):
        raise ValueError(f"{value!r} is not {allowed}")
    return int(product)
