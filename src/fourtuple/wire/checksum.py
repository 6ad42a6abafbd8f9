"""The Internet checksum (RFC 1071) and the pseudo headers it covers."""

from __future__ import annotations

from typing import Final
from zlib import adler32

from .address import is_v4

_LONG: Final = 512
"""From this many bytes on, summing by Adler-32 is faster than one large division."""


def internet_checksum(data: bytes, initial: int) -> int:
    """One's complement of the one's complement sum of ``data`` and ``initial``.

    ``initial`` is any sum of 16-bit words (a pseudo header's), not folded. Over data that holds its
    own checksum the result is 0 if it is right. Odd data counts as padded with a zero byte.
    """
    # 65536 is 1 modulo 65535, so the sum of the words is the whole number modulo 65535. Only a sum
    # that is truly zero stays 0; any other multiple of 65535 is the other zero, 0xFFFF.
    if len(data) >= _LONG:
        total = _sum_long(data) + initial
    else:
        total = int.from_bytes(data, "big")
        if len(data) & 1:
            total <<= 8
        total += initial
    if total == 0:
        return 0xFFFF
    folded = total % 0xFFFF
    return 0xFFFF - folded if folded else 0


def _sum_long(data: bytes) -> int:
    """Sum of the 16-bit words of ``data``, not folded."""
    # The low half of Adler-32 is the sum of the bytes modulo 65521: exact for up to 256 of them.
    high = data[0::2]
    low = data[1::2]
    total = 0
    for at in range(0, len(high), 256):
        total += (adler32(high[at : at + 256], 0) & 0xFFFF) << 8
        total += adler32(low[at : at + 256], 0) & 0xFFFF
    return total


def pseudo_header_sum(source: int, destination: int, protocol: int, length: int) -> int:
    """Sum of the pseudo header of either family, for ``internet_checksum``'s ``initial``.

    IPv4: RFC 9293 §3.1; IPv6: RFC 8200 §8.1. The family is that of ``source``.
    """
    if is_v4(source):
        return pseudo_header_sum_v4(source, destination, protocol, length)
    return pseudo_header_sum_v6(source, destination, protocol, length)


def pseudo_header_sum_v4(source: int, destination: int, protocol: int, length: int) -> int:
    return (
        (source >> 16 & 0xFFFF)
        + (source & 0xFFFF)
        + (destination >> 16 & 0xFFFF)
        + (destination & 0xFFFF)
        + protocol
        + length
    )


def pseudo_header_sum_v6(source: int, destination: int, protocol: int, length: int) -> int:
    return source % 0xFFFF + destination % 0xFFFF + protocol + length
