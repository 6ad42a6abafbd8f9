"""Stand-in for the sources of randomness: ``random``, ``os.urandom``, ``uuid``, and through them
``secrets`` and ``tempfile``.

Each simulated process draws from a stream of its own. The functions of module ``random`` act on a
generator of the process; a ``Random()`` without a seed is seeded from the stream. ``uuid1`` takes the
host's clock and its hardware address. Outside everything is as before.
"""

from __future__ import annotations

import gc
import os
import posix
import random
import sys
import tempfile
import uuid
from errno import ENOENT
from types import FunctionType, ModuleType
from typing import Any, Final

from ..runtime.generators import SEED_BITS, importing_module, shared_generators
from ..runtime.interpreter import is_programs_own
from ..runtime.thread import SimThread, current_thread
from .patching import dispatch
from .time_module import wall_ns

# uuid_generate_time: 100 ns units since 1582-10-15 (RFC 9562 section 5.1).
_UUID_EPOCH: Final = 0x01B21DD213814000


_shared: Final[random.Random] = vars(random)["_inst"]


def generator(thread: SimThread) -> random.Random:
    """The generator behind module ``random`` in the thread's process."""
    if thread.importing:
        return thread.importing[-1].generator()
    state = thread.state
    if state.random is None:
        state.random = random.Random(state.stream.bits(SEED_BITS))
    return state.random


def _urandom(thread: SimThread, size: int, /) -> bytes:
    if size < 0:
        raise ValueError("negative argument not allowed")
    return (thread.importing[-1].stream if thread.importing else thread.state.stream).octets(size)


def _getrandom(thread: SimThread, size: int, flags: int = 0) -> bytes:
    return _urandom(thread, size)


def node_of(thread: SimThread) -> int:
    """The hardware address ``uuid.getnode`` finds: that of the first interface that has one."""
    for interface in thread.process.kernel.stack.interfaces:
        if interface.mac:
            return interface.mac
    return thread.state.stream.bits(48) | 1 << 40


def _uuid1(thread: SimThread, node: int | None = None, clock_seq: int | None = None) -> uuid.UUID:
    state = thread.state
    timestamp = wall_ns(thread) // 100 + _UUID_EPOCH
    state.last_uuid = timestamp = max(timestamp, state.last_uuid + 1)
    if clock_seq is None:
        clock_seq = state.stream.bits(14)
    if node is None:
        node = node_of(thread)
    return uuid.UUID(
        fields=(
            timestamp & 0xFFFFFFFF,
            timestamp >> 32 & 0xFFFF,
            timestamp >> 48 & 0x0FFF,
            clock_seq >> 8 & 0x3F,
            clock_seq & 0xFF,
            node,
        ),
        version=1,
    )


def _candidate_names(thread: SimThread) -> Any:
    state = thread.state
    if state.temporary_names is None:
        state.temporary_names = vars(tempfile)["_RandomNameSequence"]()
    return state.temporary_names


def _temporary_directory(thread: SimThread) -> str:
    """What ``gettempdir`` finds: by the process's environment, and without drawing names to try."""
    chosen = vars(tempfile)["tempdir"]
    candidates = [chosen] if chosen is not None else vars(tempfile)["_candidate_tempdir_list"]()
    for place in candidates:
        if chosen is not None or (os.path.isdir(place) and os.access(place, os.W_OK | os.X_OK)):
            return str(place)
    raise FileNotFoundError(ENOENT, f"No usable temporary directory found in {candidates}")


# Generators made outside while a module is executed, by module.
_made_outside: Final[dict[str, int]] = {}


def _note_outside(generator: random.Random) -> None:
    """A library's module keeps one generator for all; its first process may be in any network."""
    name = importing_module()
    module = sys.modules.get(name)
    if module is None or is_programs_own(module) or name == "__main__":
        return
    number = _made_outside.get(name, 0)
    _made_outside[name] = number + 1
    shared_generators.add(f"{name}/{number}", generator)


def _note_early() -> None:
    """The same for those made before this was installed, by where their module keeps them."""
    kept = [each for each in gc.get_objects() if type(each) is random.Random and each is not _shared]
    for generator in kept:
        place = _place_of(generator)
        if place:
            name, number = place, _made_outside.get(place, 0)
            _made_outside[name] = number + 1
            shared_generators.add(f"{name}/{number}", generator)


def _place_of(generator: random.Random) -> str:
    """The library module that holds ``generator``, in its globals or as a default of a function; "" if
    none does."""
    for holder in gc.get_referrers(generator):
        holders = [holder]
        if isinstance(holder, tuple | dict):
            holders += gc.get_referrers(holder)
        for each in holders:
            name = str(getattr(each, "__module__" if isinstance(each, FunctionType) else "__name__", ""))
            module = sys.modules.get(name)
            if isinstance(each, FunctionType | ModuleType) and module and not is_programs_own(module):
                return name
    return ""


def _install_seeding() -> None:
    real_seed: Any = random.Random.seed

    def seed(self: random.Random, a: Any = None, version: int = 2) -> None:
        if a is not None:
            real_seed(self, a, version)
            return
        thread = current_thread()
        if thread is None:
            real_seed(self, a, version)
            _note_outside(self)
        elif thread.importing:
            entropy = thread.importing[-1]
            real_seed(self, entropy.stream.bits(SEED_BITS))
            if type(self) is not random.SystemRandom:
                shared_generators.add(f"{entropy.name}/{entropy.made}", self)
                entropy.made += 1
        else:
            real_seed(self, thread.state.stream.bits(SEED_BITS))

    seed.__doc__ = real_seed.__doc__
    seed.__qualname__ = real_seed.__qualname__
    seed.__module__ = real_seed.__module__
    vars_of: Any = random.Random
    vars_of.seed = seed


def install() -> None:
    dispatch(posix, "urandom", _urandom)
    dispatch(posix, "getrandom", _getrandom)
    _install_seeding()
    _note_early()
    for name, value in list(vars(random).items()):
        if getattr(value, "__self__", None) is _shared:
            dispatch(random, name, _method(name))
    # It keeps one generator for all.
    dispatch(tempfile, "_get_candidate_names", _candidate_names)
    # It tries the candidates with files of random names, once for all.
    dispatch(tempfile, "_gettempdir", _temporary_directory)
    dispatch(uuid, "uuid1", _uuid1)
    dispatch(uuid, "getnode", node_of)


def _method(name: str) -> Any:
    def inside(thread: SimThread, *args: Any, **kwargs: Any) -> Any:
        return getattr(generator(thread), name)(*args, **kwargs)

    return inside
