"""Addresses of interfaces as people write them, and those a network hands out itself."""

from __future__ import annotations

from typing import Final

from ..wire.address import V4_BASE, format_ip, is_any, is_loopback, is_multicast, is_v4, parse_ip

ADDRESSES: Final = "an IPv4 address such as 10.0.0.1 or 10.0.0.1/16"
DEFAULT_PREFIX: Final = 24

AUTOMATIC_NET: Final = V4_BASE | 10 << 24
"""10.0.0.0/16: where hosts that name no address get theirs."""
AUTOMATIC_PREFIX: Final = 16


def parse_interface_address(text: object) -> tuple[int, int]:
    """(address, prefix length) of ``"10.0.0.1/16"``; without a length 24.

    Raises ValueError unless it is an IPv4 address a host can have in that subnet.
    """
    if not isinstance(text, str):
        raise ValueError(f"{text!r} is not {ADDRESSES}")
    head, slash, tail = text.partition("/")
    length = DEFAULT_PREFIX
    try:
        address = parse_ip(head)
        if slash:
            if not (tail.isascii() and tail.isdigit()):
                raise ValueError(tail)
            length = int(tail)
    except ValueError as error:
        raise ValueError(f"{text!r} is not {ADDRESSES}") from error
    if not is_v4(address) or not 1 <= length <= 32:
        raise ValueError(f"{text!r} is not {ADDRESSES}")
    if is_any(address) or is_loopback(address) or is_multicast(address) or address >> 28 == 0xFFFFF:
        raise ValueError(f"{text!r} is not {ADDRESSES}: no host's own address")
    host_bits = 32 - length
    inside = address & ((1 << host_bits) - 1)
    # RFC 3021: in a /31 both are hosts'.
    if host_bits > 1 and (inside == 0 or inside == (1 << host_bits) - 1):
        kind = "network" if inside == 0 else "broadcast"
        raise ValueError(f"{text!r} is not {ADDRESSES}: it is the {kind} address of its subnet")
    return address, length


def next_automatic(taken: set[int]) -> tuple[int, int]:
    """The first (address, prefix length) of 10.0.0.0/16 not ``taken``. Raises ValueError if none is left."""
    for number in range(1, 0xFFFF):
        # Last bytes 0 and 255 would look like network and broadcast addresses of a /24.
        if number & 0xFF in (0, 0xFF):
            continue
        if AUTOMATIC_NET | number not in taken:
            return AUTOMATIC_NET | number, AUTOMATIC_PREFIX
    raise ValueError(f"no address is left in {format_ip(AUTOMATIC_NET)}/{AUTOMATIC_PREFIX}: name one")
