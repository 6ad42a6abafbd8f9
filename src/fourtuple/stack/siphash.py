"""SipHash-2-4 (Aumasson and Bernstein 2012), the keyed hash Linux makes Fast Open cookies with."""

from __future__ import annotations

from typing import Final

_MASK: Final = 0xFFFF_FFFF_FFFF_FFFF


def _rotate(word: int, bits: int) -> int:
    return (word << bits | word >> (64 - bits)) & _MASK


class _State:
    def __init__(self, key: bytes) -> None:
        low = int.from_bytes(key[:8], "little")
        high = int.from_bytes(key[8:16], "little")
        # "somepseudorandomlygeneratedbytes", as the paper has it.
        self.v0 = low ^ 0x736F6D6570736575
        self.v1 = high ^ 0x646F72616E646F6D
        self.v2 = low ^ 0x6C7967656E657261
        self.v3 = high ^ 0x7465646279746573

    def rounds(self, count: int) -> None:
        v0, v1, v2, v3 = self.v0, self.v1, self.v2, self.v3
        for _ in range(count):
            v0 = (v0 + v1) & _MASK
            v1 = _rotate(v1, 13) ^ v0
            v0 = _rotate(v0, 32)
            v2 = (v2 + v3) & _MASK
            v3 = _rotate(v3, 16) ^ v2
            v0 = (v0 + v3) & _MASK
            v3 = _rotate(v3, 21) ^ v0
            v2 = (v2 + v1) & _MASK
            v1 = _rotate(v1, 17) ^ v2
            v2 = _rotate(v2, 32)
        self.v0, self.v1, self.v2, self.v3 = v0, v1, v2, v3

    def word(self, word: int) -> None:
        self.v3 ^= word
        self.rounds(2)
        self.v0 ^= word


def siphash(key: bytes, text: bytes) -> bytes:
    """The 8 bytes of SipHash-2-4 of ``text`` under ``key`` (16 bytes), least significant first."""
    state = _State(key)
    whole = len(text) & ~7
    for at in range(0, whole, 8):
        state.word(int.from_bytes(text[at : at + 8], "little"))
    state.word(int.from_bytes(text[whole:], "little") | (len(text) & 0xFF) << 56)
    state.v2 ^= 0xFF
    state.rounds(4)
    return (state.v0 ^ state.v1 ^ state.v2 ^ state.v3).to_bytes(8, "little")
