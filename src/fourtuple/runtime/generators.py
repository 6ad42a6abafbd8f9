"""Random numbers that belong to no process: drawn while a shared module is executed, or by a generator that
such a module keeps.

Modules of libraries are executed once for all runs, by whichever process is first. What they draw
meanwhile comes from a stream of the module's name, the same in every run, and shifts no process's numbers.
A ``random.Random()`` they make then, without a seed, serves all processes of all runs: in each network it
starts anew from the network's seed, and outside it goes on where it was.
"""

from __future__ import annotations

import random
import sys
import weakref
from typing import TYPE_CHECKING, Any, Final

from ..clock.streams import Stream, Streams

if TYPE_CHECKING:
    from collections.abc import Callable

SEED_BITS: Final = 2_496 * 8
_real_seed: Final[Callable[[random.Random, Any], None]] = random.Random.seed


class ImportEntropy:
    """What a shared module draws while it is executed."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.stream: Stream = Streams(0).stream(f"import/{name}")
        self.ports: Stream = Streams(0).stream(f"import/{name}/ports")
        """Where searches for a port begin meanwhile."""
        self._random: random.Random | None = None
        self.made = 0
        """Generators it made."""

    def generator(self) -> random.Random:
        """The one behind the functions of module ``random``."""
        if self._random is None:
            self._random = random.Random(self.stream.bits(SEED_BITS))
        return self._random


class SharedGenerators:
    """The generators without a seed that shared modules keep, by names that are the same in every
    interpreter."""

    def __init__(self) -> None:
        self._known: dict[str, weakref.ref[random.Random]] = {}
        self.running: list[GeneratorGuard] = []

    def add(self, name: str, generator: random.Random) -> None:
        """``generator``, just made, is the one that is made at the place ``name``."""
        self._known[name] = weakref.ref(generator)
        for guard in self.running:
            guard.take(name, generator)

    def alive(self) -> list[tuple[str, random.Random]]:
        found = [(name, generator) for name, reference in self._known.items() if (generator := reference())]
        if len(found) < len(self._known):
            self._known = {name: weakref.ref(generator) for name, generator in found}
        return found


shared_generators: Final = SharedGenerators()


class GeneratorGuard:
    """Gives shared generators states of one network during its runs, and then their own again."""

    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        self._mine: dict[str, Any] = {}
        self._theirs: dict[str, Any] = {}

    def begin(self) -> None:
        shared_generators.running.append(self)
        for name, generator in shared_generators.alive():
            self._theirs[name] = generator.getstate()
            self.take(name, generator)

    def take(self, name: str, generator: random.Random) -> None:
        """Put ``generator`` where this network had left it."""
        if name in self._mine:
            generator.setstate(self._mine[name])
        else:
            _real_seed(generator, self._streams.stream(f"generator/{name}").bits(SEED_BITS))

    def end(self) -> None:
        shared_generators.running.remove(self)
        for name, generator in shared_generators.alive():
            self._mine[name] = generator.getstate()
            if name in self._theirs:
                generator.setstate(self._theirs[name])
            else:
                _real_seed(generator, None)
        self._theirs.clear()


def importing_module() -> str:
    """The module being executed by whoever calls, outside; "" for none."""
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_name == "<module>":
            return str(frame.f_globals.get("__name__", ""))
        frame = frame.f_back  # type: ignore[assignment]  # None at the bottom
    return ""
