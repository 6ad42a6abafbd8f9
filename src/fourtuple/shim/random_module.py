"""Stand-in for the sources of randomness: ``random``, ``os.urandom``, ``uuid``, and through them
``secrets`` and ``tempfile``.

Each simulated process draws from a stream of its own. The functions of module ``random`` act on a
generator of the process; a ``Random()`` without a seed is seeded from the stream. ``uuid1`` takes the
host's clock and its hardware address. Outside everything is as before.
"""

from __future__ import annotations

import os
import posix
import random
import tempfile
import uuid
from errno import ENOENT
from typing import Any, Final

from ..runtime.thread import SimThread, current_thread
from .patching import dispatch
from .time_module import wall_ns

_SEED_BITS: Final = 2_496 * 8
# uuid_generate_time: 100 ns units since 1582-10-15 (RFC 9562 section 5.1).
_UUID_EPOCH: Final = 0x01B21DD213814000


def generator(thread: SimThread) -> random.Random:
    """The generator behind module ``random`` in the thread's process."""
    state = thread.state
    if state.random is None:
        state.random = random.Random(state.stream.bits(_SEED_BITS))
    return state.random


def _urandom(thread: SimThread, size: int, /) -> bytes:
    if size < 0:
        raise ValueError("negative argument not allowed")
    return thread.state.stream.octets(size)


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


def _install_seeding() -> None:
    real_seed: Any = random.Random.seed

    def seed(self: random.Random, a: Any = None, version: int = 2) -> None:
        if a is None:
            thread = current_thread()
            if thread is not None:
                a = thread.state.stream.bits(_SEED_BITS)
        real_seed(self, a, version)

    seed.__doc__ = real_seed.__doc__
    seed.__qualname__ = real_seed.__qualname__
    seed.__module__ = real_seed.__module__
    vars_of: Any = random.Random
    vars_of.seed = seed


def install() -> None:
    dispatch(posix, "urandom", _urandom)
    dispatch(posix, "getrandom", _getrandom)
    _install_seeding()
    shared = vars(random)["_inst"]
    for name, value in list(vars(random).items()):
        if getattr(value, "__self__", None) is shared:
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
