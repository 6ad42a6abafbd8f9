"""SYN cookies (RFC 4987 §3.6): when the SYN queue is full, the state goes into the SYN-ACK.

The sequence number holds a keyed hash, the minute and an index of the peer's MSS; with timestamps,
six bits of TSval hold the options agreed on. The ACK that returns them is worth a request.

The peer's initial number is hashed, where Linux only adds it: there an ACK one number too low, a
keep-alive probe of a peer whose last ACK of the handshake was lost, passes for the next MSS of the
table and makes a connection that is one byte off.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

from ...wire.address import is_v4
from .state import MASK32, OPT_ECN, OPT_SACK, OPT_WSCALE, SECOND

_MINUTE: Final = 60 * SECOND
_LIFE: Final = 2
"""Minutes a cookie is good for."""

VALID: Final = _LIFE * _MINUTE
"""How long after the queue was last full cookies are accepted, in ns."""

# Ascending; the largest not above the peer's MSS is taken.
_MSS_V4: Final = (536, 1300, 1440, 1460)
_MSS_V6: Final = (1220, 1420, 1440, 8940)

_OPTION_BITS: Final = 6
_NO_WSCALE: Final = 15
_SACK: Final = 16
_ECN: Final = 32


def _hash(secret: bytes, four: bytes, irs: int, count: int, which: int) -> int:
    text = four + irs.to_bytes(4, "big") + count.to_bytes(8, "big") + bytes((which,))
    return int.from_bytes(blake2b(text, digest_size=4, key=secret, person=b"syn-cookie").digest(), "big")


def _four(local: int, local_port: int, peer: int, peer_port: int) -> bytes:
    return (local << 160 | peer << 32 | local_port << 16 | peer_port).to_bytes(36, "big")


def make(
    secret: bytes, now: int, local: int, local_port: int, peer: int, peer_port: int, irs: int, mss: int
) -> tuple[int, int]:
    """(initial sequence number, MSS it stands for) for the answer to a SYN with sequence number ``irs``."""
    table = _MSS_V4 if is_v4(peer) else _MSS_V6
    index = len(table) - 1
    while index and table[index] > mss:
        index -= 1
    four = _four(local, local_port, peer, peer_port)
    minute = now // _MINUTE
    low = (_hash(secret, four, irs, minute, 1) + index) & 0xFF_FFFF
    return (_hash(secret, four, 0, 0, 0) + irs + ((minute & 0xFF) << 24) + low) & MASK32, table[index]


def check(
    secret: bytes, now: int, local: int, local_port: int, peer: int, peer_port: int, irs: int, iss: int
) -> int:
    """The MSS a cookie ``iss`` returned by an ACK stands for, 0 if it is none of ours or too old."""
    four = _four(local, local_port, peer, peer_port)
    cookie = (iss - _hash(secret, four, 0, 0, 0) - irs) & MASK32
    minute = now // _MINUTE
    age = (minute - (cookie >> 24)) & 0xFF
    if age >= _LIFE or age > minute:
        return 0
    index = (cookie - _hash(secret, four, irs, minute - age, 1)) & 0xFF_FFFF
    table = _MSS_V4 if is_v4(peer) else _MSS_V6
    return table[index] if index < len(table) else 0


def encode_options(clock_ms: int, agreed: int, wscale: int) -> int:
    """``clock_ms``, the timestamp clock, not after now and with the options in its low bits."""
    bits = wscale if agreed & OPT_WSCALE else _NO_WSCALE
    if agreed & OPT_SACK:
        bits |= _SACK
    if agreed & OPT_ECN:
        bits |= _ECN
    stamp = clock_ms >> _OPTION_BITS << _OPTION_BITS | bits
    if stamp > clock_ms:
        stamp -= 1 << _OPTION_BITS
    return stamp


def decode_options(echo: int) -> tuple[int, int]:
    """(OPT_* bits, window scale of the peer) from the echoed timestamp, its offset subtracted."""
    agreed = 0
    if echo & _SACK:
        agreed |= OPT_SACK
    if echo & _ECN:
        agreed |= OPT_ECN
    wscale = echo & 15
    if wscale == _NO_WSCALE:
        return agreed, 0
    return agreed | OPT_WSCALE, wscale
