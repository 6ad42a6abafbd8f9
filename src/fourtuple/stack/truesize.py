"""What a packet costs in memory: Linux charges buffers by it, not by the bytes of data."""

from __future__ import annotations

from typing import Final

# Sizes of x86-64: struct sk_buff, struct skb_shared_info, each rounded up to a cache line.
_SK_BUFF: Final = 256
_SHARED_INFO: Final = 320

# Link header and alignment room that ip_append_data adds (LL_RESERVED_SPACE of Ethernet, and 15).
_HEADROOM: Final = 31

_LARGEST_LINEAR: Final = 16384

_SMALL_HEAD: Final = 576
"""The block small datagrams lie in, shared info included (the skbuff_small_head cache)."""

# Room before the headers of a datagram: a link header and 15 more for IPv4, a fragment header for IPv6.
_HEADROOM_V4: Final = 31
_HEADROOM_V6: Final = 24


def truesize(length: int) -> int:
    """``skb->truesize`` of an IP packet of ``length`` bytes, header included, made on a Linux host.

    The data lies in one block, a power of two, up to 16 KiB; beyond that the rest lies in page
    fragments charged as they are. Real drivers that fill pages differ from this.
    """
    block = ((length + _HEADROOM + 63) & ~63) + _SHARED_INFO
    if block > _LARGEST_LINEAR:
        return _SK_BUFF + 512 + length
    size = 512
    while size < block:
        size <<= 1
    return _SK_BUFF + size


def datagram_truesize(length: int, v6: bool, headers: int) -> int:
    """``skb->truesize`` of a UDP, raw or ping packet of ``length`` bytes, as measured on Linux 6.18.

    Of one too large for one block, what follows its first ``headers`` bytes is charged as it is.
    """
    block = ((length + (_HEADROOM_V6 if v6 else _HEADROOM_V4) + 63) & ~63) + _SHARED_INFO
    if block <= _SMALL_HEAD:
        return _SK_BUFF + _SMALL_HEAD
    if block > _LARGEST_LINEAR:
        return _SK_BUFF + _SMALL_HEAD + length - headers
    size = 1024
    while size < block:
        size <<= 1
    return _SK_BUFF + size


_PAGE: Final = 4096
_DRIVER_HEADROOM: Final = 64
"""NET_SKB_PAD."""

_MOST_IN_PAGE: Final = _PAGE - _SHARED_INFO - _DRIVER_HEADROOM

SMALL_BUFFER: Final = _SK_BUFF + _SMALL_HEAD
"""What the smallest buffer costs."""


def received_truesize(length: int) -> int:
    """``skb->truesize`` of an IP packet of ``length`` bytes taken from a device, as measured on 6.18 over
    tun: one block, a power of two, up to a page; what does not fit a page lies in further whole pages."""
    if length + _DRIVER_HEADROOM >= _PAGE:
        return _SK_BUFF + _PAGE + (length - _MOST_IN_PAGE + _PAGE - 1) // _PAGE * _PAGE
    return linear_truesize(length + _DRIVER_HEADROOM)


def room_left(length: int) -> int:
    """Bytes free behind an IP packet of ``length`` bytes in the buffer :func:`received_truesize` counts."""
    taken = length + _DRIVER_HEADROOM
    return 0 if taken >= _PAGE else linear_room(taken)


def linear_room(length: int) -> int:
    """Bytes free behind ``length`` bytes in the buffer :func:`linear_truesize` counts."""
    return linear_truesize(length) - _SK_BUFF - _SHARED_INFO - length


def linear_truesize(length: int) -> int:
    """``skb->truesize`` of a buffer of ``length`` bytes in one block (``alloc_skb``)."""
    block = ((length + 63) & ~63) + _SHARED_INFO
    if block <= _SMALL_HEAD:
        return SMALL_BUFFER
    size = 1024
    while size < block:
        size <<= 1
    return _SK_BUFF + size
