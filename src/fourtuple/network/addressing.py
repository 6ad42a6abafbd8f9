"""Addresses of interfaces as people write them, and those a network hands out itself."""

from __future__ import annotations

from typing import Final

from ..wire.address import (
    V4_BASE,
    format_ip,
    is_any,
    is_link_local,
    is_loopback,
    is_multicast,
    is_v4,
    parse_ip,
)

ADDRESSES: Final = "an IP address such as 10.0.0.1, 10.0.0.1/16 or fd00::1/64"
DEFAULT_PREFIX_V4: Final = 24
DEFAULT_PREFIX_V6: Final = 64

AUTOMATIC_NET: Final = V4_BASE | 10 << 24
"""10.0.0.0/16: where hosts that name no address get theirs."""
AUTOMATIC_PREFIX: Final = 16


def parse_interface_address(text: object) -> tuple[int, int]:
    """(address, prefix length) of ``"10.0.0.1/16"``; without a length 24, for IPv6 64.

    Raises ValueError unless it is an address a host can be given in that subnet.
    """
    if not isinstance(text, str):
        raise ValueError(f"{text!r} is not {ADDRESSES}")
    head, slash, tail = text.partition("/")
    try:
        address = parse_ip(head)
        if slash and not (tail.isascii() and tail.isdigit()):
            raise ValueError(tail)
    except ValueError as error:
        raise ValueError(f"{text!r} is not {ADDRESSES}") from error
    v4 = is_v4(address)
    if v4 and ":" in head:
        raise ValueError(f"{text!r} is not {ADDRESSES}: an IPv4 address is written with dots")
    bits = address_bits(address)
    length = int(tail) if slash else (DEFAULT_PREFIX_V4 if v4 else DEFAULT_PREFIX_V6)
    if not 1 <= length <= bits:
        raise ValueError(f"{text!r} is not {ADDRESSES}")
    if is_any(address) or is_loopback(address) or is_multicast(address) or address >> 28 == 0xFFFFF:
        raise ValueError(f"{text!r} is not {ADDRESSES}: no host's own address")
    if not v4 and is_link_local(address):
        raise ValueError(f"{text!r} is not {ADDRESSES}: interfaces get their link-local addresses themselves")
    host_bits = bits - length
    inside = address & ((1 << host_bits) - 1)
    # RFC 3021: in a /31 both are hosts'.
    if v4 and host_bits > 1 and (inside == 0 or inside == (1 << host_bits) - 1):
        kind = "network" if inside == 0 else "broadcast"
        raise ValueError(f"{text!r} is not {ADDRESSES}: it is the {kind} address of its subnet")
    return address, length


def address_bits(address: int) -> int:
    """Length of the address in bits: 32 or 128."""
    return 32 if is_v4(address) else 128


def by_interface(addresses: list[tuple[int, int]]) -> list[list[tuple[int, int]]]:
    """The (address, prefix length) pairs of each interface of a host that has all these, in order.

    Each is on an interface of its own, but an IPv4 and an IPv6 address next to each other share one.
    """
    found: list[list[tuple[int, int]]] = []
    for pair in addresses:
        if found and all(is_v4(other) != is_v4(pair[0]) for other, _ in found[-1]):
            found[-1].append(pair)
        else:
            found.append([pair])
    return found


def next_automatic(taken: set[int]) -> tuple[int, int]:
    """The first (address, prefix length) of 10.0.0.0/16 not ``taken``. Raises ValueError if none is left."""
    for number in range(1, 0xFFFF):
        # Last bytes 0 and 255 would look like network and broadcast addresses of a /24.
        if number & 0xFF in (0, 0xFF):
            continue
        if AUTOMATIC_NET | number not in taken:
            return AUTOMATIC_NET | number, AUTOMATIC_PREFIX
    raise ValueError(f"no address is left in {format_ip(AUTOMATIC_NET)}/{AUTOMATIC_PREFIX}: name one")
