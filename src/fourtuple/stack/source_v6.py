"""Choosing the source address of an IPv6 packet (RFC 6724 §5, ``ipv6_dev_get_saddr``)."""

from __future__ import annotations

from typing import Final

from ..wire.address import V6_ANY, V6_LOOPBACK, is_multicast, is_v4
from .interface import Interface
from .local import LocalAddresses

SCOPE_INTERFACE: Final = 1
SCOPE_LINK: Final = 2
SCOPE_SITE: Final = 5
SCOPE_GLOBAL: Final = 14

# Prefix, its length, and label (RFC 6724 §2.1, with Linux's row for Teredo and ORCHID).
_LABELS: Final = (
    (1, 128, 0),
    (0x20010010 << 96, 28, 7),
    (0x20010000 << 96, 32, 6),
    (0x2002 << 112, 16, 2),
    (0xFC << 120, 7, 5),
    (0, 96, 3),
    (0, 0, 1),
)


def scope_of(address: int) -> int:
    """How far an address reaches (RFC 4291 §2.7's numbers)."""
    if address >> 120 == 0xFF:
        return address >> 112 & 15
    if address == V6_LOOPBACK or address >> 118 == 0x3FA:
        return SCOPE_LINK
    if address >> 118 == 0x3FB:
        return SCOPE_SITE
    return SCOPE_GLOBAL


def label_of(address: int) -> int:
    """The label of an address in the default policy table."""
    for prefix, length, label in _LABELS:
        if (address ^ prefix) >> (128 - length) == 0:
            return label
    return 1


def choose_source(
    destination: int, outgoing: Interface, interfaces: list[Interface], local: LocalAddresses, now: int
) -> int:
    """The best source for a packet to ``destination`` that leaves by ``outgoing``; V6_ANY if none.

    A multicast or link-local destination only admits addresses of that interface.
    """
    scope = scope_of(destination)
    label = label_of(destination)
    own_link = is_multicast(destination) or scope <= SCOPE_LINK
    best = V6_ANY
    best_rank: tuple[int, int, int, int, int] | None = None
    for interface in interfaces:
        if not interface.up or (own_link and interface is not outgoing):
            continue
        for address, length in interface.addresses:
            if is_v4(address):
                continue
            if address == destination:
                return address
            if address == V6_LOOPBACK and interface is not outgoing:
                continue
            candidate = scope_of(address)
            # Rule 2: wide enough, and no wider than need be; else as wide as possible.
            scope_rank = SCOPE_GLOBAL - candidate + 16 if candidate >= scope else candidate
            deprecated = now >= local.deprecated_at.get(address, now + 1)
            shared = min(length, 128 - (address ^ destination).bit_length())
            rank = (
                scope_rank,
                0 if deprecated else 1,
                1 if interface is outgoing else 0,
                1 if label_of(address) == label else 0,
                shared,
            )
            if best_rank is None or rank > best_rank:
                best = address
                best_rank = rank
    return best
