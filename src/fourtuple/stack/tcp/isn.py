"""Initial sequence numbers and timestamp offsets nobody can guess (RFC 6528, RFC 7323 §7.1)."""

from __future__ import annotations

from hashlib import blake2b

from .state import MASK32


def _keyed(secret: bytes, what: bytes, text: bytes) -> int:
    return int.from_bytes(blake2b(text, digest_size=4, key=secret, person=what).digest(), "big")


def initial_sequence_number(
    secret: bytes, now: int, local: int, local_port: int, peer: int, peer_port: int
) -> int:
    """RFC 6528 §3: a clock, here of 64 ns ticks as in Linux, plus a keyed hash of the four-tuple."""
    text = (local << 160 | peer << 32 | local_port << 16 | peer_port).to_bytes(36, "big")
    return (_keyed(secret, b"isn", text) + (now >> 6)) & MASK32


def timestamp_offset(secret: bytes, local: int, peer: int) -> int:
    """What is added to the millisecond clock in timestamps between these two addresses."""
    return _keyed(secret, b"timestamp", (local << 128 | peer).to_bytes(32, "big"))
