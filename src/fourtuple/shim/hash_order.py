"""``hash()`` of objects that have none of their own: numbers that follow the seed, where the interpreter's
are addresses, which follow the machine.

A set is gone through in the order of its hashes. Programs go through sets of tasks, connections and
writers: those ``asyncio.wait`` gives, those ``asyncio.run`` cancels at the end, a chat's clients. So an
object of a Python class, a task or a future that is hashed in a simulated process is given a number: how
many of its class that process had hashed before. What was hashed outside, what has no place for a weak
reference, and what C makes (functions and bound methods, most of all) keeps its address.
"""

from __future__ import annotations

import ctypes
import gc
import sys
import weakref
from collections.abc import Callable
from ctypes import PYFUNCTYPE, c_ssize_t, c_void_p, py_object
from types import AsyncGeneratorType, CoroutineType, GeneratorType, ModuleType
from typing import Any, Final

from ..runtime.thread import current_thread
from .import_module import after_import

_PACKAGE: Final = __name__.partition(".")[0]
_HEAP_TYPE: Final = 1 << 9
# PyTypeObject: thirteen words lie between the head of every object and tp_hash.
_HASH_SLOT: Final = object.__basicsize__ + 13 * ctypes.sizeof(c_void_p)
# PyWrapperDescrObject: the class, two names and the slot's description come before d_wrapped.
_WRAPPED: Final = object.__basicsize__ + 4 * ctypes.sizeof(c_void_p)
_C_CLASSES: Final[tuple[type[Any], ...]] = (CoroutineType, GeneratorType, AsyncGeneratorType)

_HashFunction = PYFUNCTYPE(c_ssize_t, py_object)
_real_slot: Final = c_void_p.from_address(id(object) + _HASH_SLOT).value or 0
_real_hash: Final[Callable[[Any], int]] = _HashFunction(_real_slot)


class _Hashed(weakref.ref[Any]):
    """An object that was hashed, and its hash."""

    __slots__ = ("key", "number")

    key: int
    number: int


# By id().
_known: Final[dict[int, _Hashed]] = {}
# How many of each class were hashed as shared modules were executed.
_shared: Final[dict[tuple[str, str], int]] = {}


def _keeping(known: dict[int, _Hashed]) -> Callable[[Any, int], int]:
    """In a closure, as what follows: a module's globals are gone when the interpreter ends."""

    def forget(gone: _Hashed) -> None:
        known.pop(gone.key, None)

    def keep(found: Any, number: int, made: type[_Hashed] = _Hashed) -> int:
        """``number`` is the hash of ``found`` as long as that lives."""
        reference = made(found, forget)
        reference.key = id(found)
        reference.number = number
        known[reference.key] = reference
        return number

    return keep


_keep: Final = _keeping(_known)


def _hashing(known: dict[int, _Hashed]) -> Callable[[Any], int]:
    keep, by_address, thread_now, ending = _keep, _real_hash, current_thread, sys.is_finalizing

    def hash_of(found: Any) -> int:
        kept = known.get(id(found))
        if kept is not None:
            return kept.number
        if isinstance(found, type) or not type(found).__weakrefoffset__ or ending():
            return by_address(found)
        thread = thread_now()
        if thread is None:
            return keep(found, by_address(found))
        counts = _shared if thread.importing else thread.state.hashed
        kind = type(found)
        name = (kind.__module__, kind.__qualname__)
        counts[name] = number = counts.get(name, 0) + 1
        return keep(found, number)

    return hash_of


# Kept for as long as the interpreter lives: C calls it at its very end too.
_HASH: Final = _HashFunction(_hashing(_known))
_SLOT_VALUE: Final = ctypes.cast(_HASH, c_void_p).value or 0


def _hashes_by_address(kind: type[Any]) -> bool:
    return c_void_p.from_address(id(kind) + _HASH_SLOT).value == _real_slot


def _is_ours(kind: type[Any]) -> bool:
    return str(getattr(kind, "__module__", "")).partition(".")[0] == _PACKAGE


def _classes() -> list[type[Any]]:
    """The heap's classes that have no hash of their own, none of them a metaclass."""
    found: list[type[Any]] = []
    for kind in gc.get_objects():
        if not isinstance(kind, type) or issubclass(kind, type) or not kind.__flags__ & _HEAP_TYPE:
            continue
        if "__module__" in vars(kind) and not _is_ours(kind) and _hashes_by_address(kind):
            found.append(kind)
    return found


def _take(kinds: list[type[Any]]) -> None:
    """Have objects of these classes hashed by number; those there are keep their addresses."""
    chosen = set(kinds)
    for found in gc.get_objects():
        if type(found) in chosen and type(found).__weakrefoffset__:
            _keep(found, _real_hash(found))
    for kind in kinds:
        c_void_p.from_address(id(kind) + _HASH_SLOT).value = _SLOT_VALUE


def _take_asyncio(module: ModuleType) -> None:
    # Of asyncio's own the classes in C have no base they could take it from.
    _take([kind for kind in (module.futures.Future, module.Task) if _hashes_by_address(kind)])


def install() -> None:
    # Not the one of ctypes.pythonapi, which others use for addresses.
    increase = ctypes.PyDLL(None).Py_IncRef
    increase.argtypes = [py_object]
    increase(_HASH)
    _take([kind for kind in (*_classes(), *_C_CLASSES) if _hashes_by_address(kind)])
    # What the classes made from now on inherit.
    c_void_p.from_address(id(vars(object)["__hash__"]) + _WRAPPED).value = _SLOT_VALUE
    after_import("asyncio.tasks", _take_asyncio)
