"""Addresses as ints.

An IP address is one int in the IPv6 space. IPv4 addresses are the v4-mapped block
(``::ffff:a.b.c.d``, RFC 4291 §2.5.5.2), so one int needs no family beside it, a table keyed by
addresses serves both families, and a dual-stack socket needs no translation. A v4 address fits a
machine word, which keeps compiled code free of allocation. MAC addresses are 48-bit ints.
"""

from __future__ import annotations

import ipaddress
from typing import Final

V4_BASE: Final = 0xFFFF_0000_0000
V4_LAST: Final = 0xFFFF_FFFF_FFFF
V4_ANY: Final = V4_BASE
V4_BROADCAST: Final = V4_LAST
V4_LOOPBACK: Final = 0xFFFF_7F00_0001
V6_ANY: Final = 0
V6_LOOPBACK: Final = 1

MAC_BROADCAST: Final = 0xFFFF_FFFF_FFFF
MAC_NONE: Final = 0

_HEX_DIGITS: Final = frozenset("0123456789abcdefABCDEF")


def is_v4(address: int) -> bool:
    return V4_BASE <= address <= V4_LAST


def is_any(address: int) -> bool:
    """Whether the address is 0.0.0.0 or ``::``."""
    return address == V4_BASE or address == 0


def is_loopback(address: int) -> bool:
    """127.0.0.0/8 or ::1."""
    return (address >> 24) == 0xFFFF7F or address == 1


def is_multicast(address: int) -> bool:
    """224.0.0.0/4 or ff00::/8."""
    return (address >> 28) == 0xFFFFE or (address >> 120) == 0xFF


def is_link_local(address: int) -> bool:
    """169.254.0.0/16 or fe80::/10."""
    return (address >> 16) == 0xFFFF_A9FE or (address >> 118) == 0x3FA


def parse_ip(text: str) -> int:
    """The address written as ``text``. Raises ValueError naming the text if it is none."""
    try:
        # A zone (fe80::1%eth0) is no part of an address, and would be dropped unseen.
        if ":" in text and "%" not in text:
            return int(ipaddress.IPv6Address(text))
        return V4_BASE | int(ipaddress.IPv4Address(text))
    except ValueError as error:
        raise ValueError(f"not an IP address: {text!r}") from error


def format_ip(address: int) -> str:
    """``10.0.0.1`` for an IPv4 address, ``fe80::1`` (RFC 5952) for another."""
    if is_v4(address):
        a = address & 0xFFFF_FFFF
        return f"{a >> 24}.{a >> 16 & 255}.{a >> 8 & 255}.{a & 255}"
    return str(ipaddress.IPv6Address(address))


def format_mapped(address: int) -> str:
    """As an AF_INET6 socket shows it: ``::ffff:10.0.0.1`` for an IPv4 address."""
    return f"::ffff:{format_ip(address)}" if is_v4(address) else format_ip(address)


def prefix_mask(address: int, length: int) -> int:
    """Mask of a ``length``-bit prefix of the address's own family, as an int over 128 bits."""
    bits = length + 96 if is_v4(address) else length
    return ((1 << bits) - 1) << (128 - bits)


def parse_mac(text: str) -> int:
    """``02:00:00:00:00:01`` as an int. Raises ValueError naming the text if it is none."""
    parts = text.split(":")
    # int() alone would take a sign, blanks and underscores too.
    if len(parts) == 6 and all(len(part) == 2 for part in parts) and _HEX_DIGITS.issuperset("".join(parts)):
        return int("".join(parts), 16)
    raise ValueError(f"not a MAC address: {text!r}")


def format_mac(mac: int) -> str:
    return ":".join(f"{mac >> shift & 255:02x}" for shift in (40, 32, 24, 16, 8, 0))
