"""Named random streams derived from one seed.

Each link, host and process draws from a stream of its own name, so adding one never shifts
another's numbers. Only ``random()`` and ``getrandbits()`` of the Mersenne Twister are used: Python
promises them to be the same in every version.
"""

from __future__ import annotations

from hashlib import sha256
from random import Random


class Stream:
    """Random numbers of one name under one seed."""

    __slots__ = ("_random", "name")

    def __init__(self, seed: int, name: str) -> None:
        self.name = name
        material = sha256(f"fourtuple/{seed}/{name}".encode()).digest()
        self._random = Random(int.from_bytes(material, "big"))

    def uniform(self) -> float:
        """A float in [0, 1)."""
        return self._random.random()

    def bits(self, count: int) -> int:
        """A non-negative int of ``count`` random bits."""
        return self._random.getrandbits(count)

    def below(self, limit: int) -> int:
        """An int in [0, limit). Raises ValueError unless ``limit`` > 0."""
        if limit <= 0:
            raise ValueError(f"limit must be positive, not {limit}")
        count = limit.bit_length()
        while True:
            value = self._random.getrandbits(count)
            if value < limit:
                return value

    def octets(self, count: int) -> bytes:
        """``count`` random bytes."""
        return self._random.getrandbits(8 * count).to_bytes(count, "big") if count else b""


class Streams:
    """The streams of one seed: ``streams.stream(name)`` makes one, always from its start."""

    __slots__ = ("seed",)

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def stream(self, name: str) -> Stream:
        return Stream(self.seed, name)
