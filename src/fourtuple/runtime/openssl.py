"""What OpenSSL takes from the world, taken from the simulation instead: random bytes and the time.

``_ssl`` stands on the libssl and libcrypto of the machine, which seed themselves and read the wall
clock. While the simulation runs they get both from here, so TLS (keys, nonces, tickets, signatures,
whether a certificate is valid) follows from the seed and the host's clock like everything else:

- random bytes by ``RAND_set_rand_method`` (OpenSSL's own way, deprecated in 3.0 and working in all);
- the time by the libraries' import tables (``imports``): they import ``time`` and ``gettimeofday``.

An OpenSSL that is linked into another module (the wheels of ``cryptography``) is reached by the module's
symbol table, where it has one (``symbols``). A module that itself reads the time or draws random numbers in
C, with no OpenSSL in it (aiokafka's records, pymongo's messages), is given them the same way
(:func:`take_calls`).

Another OS thread, or code outside every simulated process, gets the machine's own. An OpenSSL that is
linked into the interpreter itself has no such seams; :func:`missing` then says what does not hold.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import sys
import time
from collections.abc import Callable
from ctypes import CFUNCTYPE, POINTER, c_int, c_long, c_size_t, c_ssize_t, c_uint, c_void_p
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from ..clock.streams import Streams
from . import imports
from .symbols import local_functions
from .thread import current_thread

if TYPE_CHECKING:
    from .thread import SimThread

_real_random: Final[Callable[[int], bytes]] = os.urandom
_real_time_ns: Final[Callable[[], int]] = time.time_ns

_TICKET_KEYS_MAX: Final = 80
_GET_TICKET_KEYS: Final = 58
_SET_TICKET_KEYS: Final = 59
# The layout of an _SSLContext: its SSL_CTX* follows the object's head.
_CONTEXT_LAYOUT_KNOWN: Final = sys.version_info < (3, 15)

_RandomBytes = CFUNCTYPE(c_int, c_void_p, c_int)
_Status = CFUNCTYPE(c_int)
_Time = CFUNCTYPE(c_long, POINTER(c_long))
_TimeOfDay = CFUNCTYPE(c_int, POINTER(c_long), c_void_p)
_Entropy = CFUNCTYPE(c_int, c_void_p, c_size_t)
_Octets = CFUNCTYPE(c_ssize_t, c_void_p, c_size_t, c_uint)


class _RandMethod(ctypes.Structure):
    """RAND_METHOD of openssl/rand.h."""

    _fields_ = (
        ("seed", c_void_p),
        ("bytes", _RandomBytes),
        ("cleanup", c_void_p),
        ("add", c_void_p),
        ("pseudorand", _RandomBytes),
        ("status", _Status),
    )


def random_bytes(thread: SimThread, count: int) -> bytes:
    """The next ``count`` random bytes OpenSSL gets in a thread.

    Each length has a stream of its own. What OpenSSL draws once for a key, to blind its operations, is
    as long as the key; so whether that key was used before, in another run, shifts nothing else.
    """
    if thread.importing:
        return thread.importing[-1].stream.octets(count)
    state = thread.state
    stream = state.openssl.get(count)
    if stream is None:
        process = state.process
        name = f"process/{process.kernel.hostname}/{process.pid}/openssl/{count}"
        stream = state.openssl[count] = state.scheduler.streams.stream(name)
    return stream.octets(count)


def _give_random(buffer: int, count: int) -> int:
    thread = current_thread()
    data = _real_random(count) if thread is None else random_bytes(thread, count)
    ctypes.memmove(buffer, data, count)
    return 1


def _give_status() -> int:
    return 1


def _now_ns() -> int:
    thread = current_thread()
    if thread is None:
        return _real_time_ns()
    return thread.process.kernel.epoch_ns + thread.scheduler.clock.now


def _give_time(where: Any) -> int:
    seconds = _now_ns() // 1_000_000_000
    if where:
        where[0] = seconds
    return seconds


def _give_time_of_day(where: Any, zone: object) -> int:
    if where:
        nanoseconds = _now_ns()
        where[0] = nanoseconds // 1_000_000_000
        where[1] = nanoseconds % 1_000_000_000 // 1_000
    return 0


def _draw(count: int) -> bytes:
    thread = current_thread()
    return _real_random(count) if thread is None else random_bytes(thread, count)


def _give_number() -> int:
    """``rand()``: from 0 to RAND_MAX."""
    return int.from_bytes(_draw(4), "little") & 0x7FFF_FFFF


def _give_entropy(buffer: int, count: int) -> int:
    ctypes.memmove(buffer, _draw(count), count)
    return 0


def _give_octets(buffer: int, count: int, flags: int) -> int:
    ctypes.memmove(buffer, _draw(count), count)
    return count


# C calls these as long as the process lives.
_RANDOM: Final = _RandomBytes(_give_random)
_METHOD: Final = _RandMethod(None, _RANDOM, None, None, _RANDOM, _Status(_give_status))
_IMPORTS: Final = {"time": _Time(_give_time), "gettimeofday": _TimeOfDay(_give_time_of_day)}
_CALLS: Final = {
    **_IMPORTS,
    "rand": _Status(_give_number),
    "getentropy": _Entropy(_give_entropy),
    "getrandom": _Octets(_give_octets),
}


class _Library:
    """The OpenSSL that ``_ssl`` uses, as far as it can be reached."""

    def __init__(self) -> None:
        self.get_method: Callable[[], int | None] | None = None
        self.set_method: Any = None
        self.control: Any = None
        self.flush_sessions: Any = None
        self.imports: list[imports.Import] = []
        try:
            module = importlib.import_module("_ssl")
        except ImportError:
            return
        handle = ctypes.CDLL(getattr(module, "__file__", None))
        try:
            get_method, set_method = handle.RAND_get_rand_method, handle.RAND_set_rand_method
            control, flush = handle.SSL_CTX_ctrl, handle.SSL_CTX_flush_sessions
        except AttributeError:
            return
        get_method.restype = c_void_p
        set_method.argtypes = [c_void_p]
        control.argtypes = [c_void_p, c_int, c_long, c_void_p]
        control.restype = c_long
        flush.argtypes = [c_void_p, c_long]
        flush.restype = None
        self.get_method, self.set_method = get_method, set_method
        self.control, self.flush_sessions = control, flush
        for function in (set_method, control):
            address = ctypes.cast(function, c_void_p).value or 0
            self.imports += imports.of_library(address, _IMPORTS)


class _Linked:
    """An OpenSSL that is linked into another extension module, as in the wheels of ``cryptography``."""

    def __init__(self, path: str, functions: dict[str, int]) -> None:
        getting, setting = functions["RAND_get_rand_method"], functions["RAND_set_rand_method"]
        self.get_method: Callable[[], int | None] = CFUNCTYPE(c_void_p)(getting)
        self.set_method: Callable[[object], int] = CFUNCTYPE(c_int, c_void_p)(setting)
        self.imports = imports.of_library(setting, _IMPORTS)
        self._former: int | None = None

    def begin(self) -> None:
        self._former = self.get_method()
        self.set_method(ctypes.addressof(_METHOD))
        for place in self.imports:
            place.redirect()

    def end(self) -> None:
        for place in self.imports:
            place.restore()
        self.set_method(self._former)


_linked: Final[list[_Linked]] = []
_running: Final[list[OpensslGuard]] = []


def take_linked(module: ModuleType) -> bool:
    """An extension module that has an OpenSSL inside was loaded. False if that cannot be reached, so that
    what it draws is the machine's."""
    path = getattr(module, "__file__", None) or ""
    functions = local_functions(path, ("RAND_get_rand_method", "RAND_set_rand_method"))
    if not functions:
        return False
    found = _Linked(path, functions)
    _linked.append(found)
    if _running:
        found.begin()
    return True


_calling: Final[dict[str, list[imports.Import]]] = {}


def take_calls(module: ModuleType) -> bool:
    """An extension module that reads the time or draws random numbers in C was loaded. False if its import
    table cannot be reached, so that it has the machine's."""
    path = getattr(module, "__file__", None) or ""
    if path not in _calling:
        started = getattr(ctypes.CDLL(path), f"PyInit_{module.__name__.rpartition('.')[2]}")
        found = imports.of_library(ctypes.cast(started, c_void_p).value or 0, _CALLS)
        _calling[path] = found
        if _running:
            for place in found:
                place.redirect()
    return bool(_calling[path])


_library: _Library | None = None


def library() -> _Library:
    """The one of this interpreter, found at the first call."""
    global _library
    if _library is None:
        _library = _Library()
    return _library


def missing() -> list[str]:
    """What of OpenSSL does not follow the simulation in this interpreter; empty if all does."""
    found = library()
    return [
        what
        for what, there in (("random bytes", found.get_method is not None), ("time", bool(found.imports)))
        if not there
    ]


class OpensslGuard:
    """Gives OpenSSL the simulation's time and randomness during one run, and then its own again."""

    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        self._former: int | None = None
        self._running = False
        # Ticket keys: those a context came with, and those it has in this network.
        self._contexts: WeakKeyDictionary[object, tuple[bytes, bytes]] = WeakKeyDictionary()
        self._adopted = 0

    def begin(self) -> None:
        _running.append(self)
        for linked in _linked:
            linked.begin()
        for places in _calling.values():
            for place in places:
                place.redirect()
        found = library()
        if found.get_method is None:
            return
        self._running = True
        self._former = found.get_method()
        found.set_method(ctypes.byref(_METHOD))
        for place in found.imports:
            place.redirect()
        for context, (_, mine) in self._contexts.items():
            _set_ticket_keys(context, mine)

    def end(self) -> None:
        _running.remove(self)
        for linked in _linked:
            linked.end()
        for places in _calling.values():
            for place in places:
                place.restore()
        if not self._running:
            return
        self._running = False
        found = library()
        for context, (theirs, _) in self._contexts.items():
            _set_ticket_keys(context, theirs)
        for place in found.imports:
            place.restore()
        found.set_method(self._former)

    def adopt(self, context: object) -> None:
        """Give an SSL context used in a simulated process session ticket keys of the network.

        It may have been made outside, with keys from the machine's randomness, and have served
        another run; what it remembers of sessions is forgotten.
        """
        if context in self._contexts or not self._running or not _CONTEXT_LAYOUT_KNOWN:
            return
        found = library()
        pointer = _context_pointer(context)
        size = found.control(pointer, _GET_TICKET_KEYS, 0, None)
        if not 0 < size <= _TICKET_KEYS_MAX:
            return
        theirs = ctypes.create_string_buffer(size)
        if found.control(pointer, _GET_TICKET_KEYS, size, theirs) != 1:
            return
        mine = self._streams.stream(f"openssl/tickets/{self._adopted}").octets(size)
        self._adopted += 1
        self._contexts[context] = (theirs.raw, mine)
        _set_ticket_keys(context, mine)
        found.flush_sessions(pointer, 0)


def _context_pointer(context: object) -> int:
    return c_void_p.from_address(id(context) + object.__basicsize__).value or 0


def _set_ticket_keys(context: object, keys: bytes) -> None:
    library().control(_context_pointer(context), _SET_TICKET_KEYS, len(keys), keys)
