"""The order in which getaddrinfo() returns addresses: RFC 6724 §6, as far as glibc follows it.

Rules 1 (unusable last), 2 (scope of the source), 5 (label), 6 (precedence), 8 (smaller scope),
9 (longest common prefix, IPv6 only here) and 10 (leave the order alone). Rules 3, 4 and 7 ask for
states no simulated address has: deprecated, home, tunnelled.
"""

from __future__ import annotations

from functools import cmp_to_key
from typing import TYPE_CHECKING, Final

from ..wire.address import (
    V4_ANY,
    V4_LOOPBACK,
    V6_ANY,
    V6_LOOPBACK,
    is_any,
    is_link_local,
    is_loopback,
    is_v4,
)

if TYPE_CHECKING:
    from ..kernel.kernel import Kernel

_SCOPE_LINK: Final = 2
_SCOPE_SITE: Final = 5
_SCOPE_GLOBAL: Final = 14

# (prefix, length, precedence, label) of RFC 3484 §2.1 with glibc's additions, most specific first.
_POLICIES: Final = (
    (1, 128, 50, 0),
    (0xFFFF << 32, 96, 10, 4),
    (0, 96, 20, 3),
    (0x20010000 << 96, 32, 40, 7),
    (0x2002 << 112, 16, 30, 2),
    (0xFEC0 << 112, 10, 40, 5),
    (0xFC00 << 112, 7, 40, 6),
    (0, 0, 40, 1),
)


class _Candidate:
    __slots__ = ("address", "entry", "label", "precedence", "scope", "source")

    def __init__(self, entry: tuple[int, int, int], source: int | None) -> None:
        self.entry = entry
        self.address = entry[1]
        self.source = source
        self.scope = _scope(self.address)
        self.precedence, self.label = _policy(self.address)


def sort_addresses(kernel: Kernel, found: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """``found``, a list of (family, address, scope id), best first; equal ones keep their order."""
    if len(found) < 2:
        return found
    candidates = [_Candidate(entry, _source(kernel, entry[1], entry[2])) for entry in found]
    candidates.sort(key=cmp_to_key(_compare))
    return [candidate.entry for candidate in candidates]


def _source(kernel: Kernel, address: int, scope_id: int) -> int | None:
    """The source address the host would use, None if it cannot reach ``address``."""
    if is_any(address):
        # The kernel takes the wildcard for the loopback.
        address = V4_LOOPBACK if is_v4(address) else V6_LOOPBACK
    if kernel.stack.is_local(address):
        return address
    route = kernel.stack.route(address, V4_ANY if is_v4(address) else V6_ANY, scope_id)
    return None if route is None else route.source


def _compare(a: _Candidate, b: _Candidate) -> int:
    """Negative if ``a`` goes first."""
    if a.source is None or b.source is None:
        return (a.source is None) - (b.source is None)
    for better_a, better_b in (
        (a.scope == _scope(a.source), b.scope == _scope(b.source)),
        (a.label == _policy(a.source)[1], b.label == _policy(b.source)[1]),
        (a.precedence, b.precedence),
        (-a.scope, -b.scope),
    ):
        if better_a != better_b:
            return -1 if better_a > better_b else 1
    if not is_v4(a.address) and not is_v4(b.address):
        return (a.address ^ a.source).bit_length() - (b.address ^ b.source).bit_length()
    return 0


def _scope(address: int) -> int:
    if not is_v4(address) and address >> 120 == 0xFF:
        return address >> 112 & 0xF
    if is_loopback(address) or is_link_local(address):
        return _SCOPE_LINK
    if not is_v4(address) and address >> 118 == 0x3FB:
        return _SCOPE_SITE
    return _SCOPE_GLOBAL


def _policy(address: int) -> tuple[int, int]:
    for prefix, length, precedence, label in _POLICIES:
        if (address ^ prefix) >> (128 - length) == 0:
            return precedence, label
    raise AssertionError("the last policy matches every address")
