"""The hash of objects that are equal to none but themselves.

CPython takes their address for it, and a set goes through its members in the order of their hashes: a
server that sends to a set of connections would send in another order in each run. In simulated processes
their hashes are counted, for each class from 1 on with the seed's bits above, when they are first asked for.
Outside they are addresses as ever, and whatever was hashed outside keeps its hash inside.

``object.__hash__`` becomes a Python function, which classes made from now on find; those that exist get
the slot of types that have one (``slot_tp_hash``), through which what it raises is raised (RecursionError,
KeyboardInterrupt). C types keep theirs, but for asyncio's tasks and futures, coroutines and generators; so
do functions, classes, and objects without weak references, which could not tell when they are gone.
"""

from __future__ import annotations

import ctypes
import functools
import gc
import weakref
import zlib
from collections.abc import Callable
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import Any, Final

from ..runtime.thread import SimThread, current_thread
from .import_module import after_import
from .patching import replace_in_type

# PyTypeObject.tp_hash, in all versions on machines of 64 bits.
_TP_HASH: Final = 120
_HEAP_TYPE: Final = 1 << 9
_METATYPE: Final = 1 << 31
_NAME_SHIFT: Final = 28
_C_TYPES: Final[tuple[type, ...]] = (CoroutineType, GeneratorType, AsyncGeneratorType)
# Classes of the simulator itself, whose objects no program sees.
_OUR_ROOMS: Final = tuple(
    f"fourtuple.{room}."
    for room in ("wire", "clock", "ports", "stack", "kernel", "network", "runtime", "capture", "api")
)

_real: Final[Callable[[object], int]] = object.__hash__
_name_of: Final[Callable[[type], str]] = type.__dict__["__qualname__"].__get__
# By id(): the hash, and what tells when the object is gone.
_known: Final[dict[int, tuple[int, object]]] = {}
# Of what shared modules make while they are imported, once for all runs.
_imported: Final[dict[str, int]] = {}


def _next(counts: dict[str, int], salt: bytes, name: str) -> int:
    value = counts.get(name)
    if value is None:
        value = zlib.crc32(name.encode("utf-8", "surrogatepass"), zlib.crc32(salt)) << _NAME_SHIFT
    counts[name] = value = value + 1
    return value


def _number(thread: SimThread, of: object) -> int:
    name = _name_of(type(of))
    if thread.importing:
        module = thread.importing[-1].name
        return _next(_imported, b"", f"{module}/{name}")
    return _next(thread.state.hashed, thread.state.view.secret, name)


def _make_hash() -> Callable[[object], int]:
    # Cells, since a module's globals are gone before the last object is.
    real, known, weak, number, running = _real, _known, weakref.ref, _number, current_thread
    get, forget, address = known.get, known.pop, id

    def first(of: object) -> int:
        kind = type(of)
        if not kind.__weakrefoffset__ or kind.__flags__ & _METATYPE:
            return real(of)
        thread = running()
        value = real(of) if thread is None else number(thread, of)
        key = address(of)
        known[key] = value, weak(of, lambda gone: forget(key, None))
        return value

    def identity_hash(self: object, /) -> int:
        found = get(address(self))
        return first(self) if found is None else found[0]

    return functools.update_wrapper(identity_hash, real)


def _types() -> list[type]:
    """All that exist but for metatypes."""
    found: dict[int, type] = {}
    ahead: list[type] = [object]
    while ahead:
        owner = ahead.pop()
        if id(owner) not in found and owner is not type:
            found[id(owner)] = owner
            ahead += type.__subclasses__(owner)
    return list(found.values())


def _slot(owner: type) -> Any:
    return ctypes.c_void_p.from_address(id(owner) + _TP_HASH)


class _Own:
    def __hash__(self) -> int:
        return 1


class _Plain:
    pass


_BY_ADDRESS: Final[int] = _slot(object).value
_BY_METHOD: Final[int] = _slot(_Own).value


def _take(kinds: list[type]) -> None:
    """Have what is made of ``kinds`` hashed by ``object.__hash__`` as it is looked up. What exists of them
    may have been hashed."""
    by_method = object.__dict__["__hash__"]
    taken = set(map(id, kinds))
    for each in gc.get_objects():
        if id(type(each)) in taken:
            by_method(each)
    for kind in kinds:
        _slot(kind).value = _BY_METHOD
        ctypes.pythonapi.PyType_Modified(ctypes.py_object(kind))


def _take_tasks(module: Any) -> None:
    """They are C's, in Python 3.11 static types."""
    _take([each for each in (module.Task, module.futures.Future) if _slot(each).value == _BY_ADDRESS])


def install() -> None:
    """Raises RuntimeError if the interpreter's types are not laid out as expected."""
    if _slot(_Plain).value != _BY_ADDRESS or _BY_METHOD == _BY_ADDRESS:
        raise RuntimeError("the types of this interpreter have their hash elsewhere")
    kinds = [
        each
        for each in _types()
        if (each.__flags__ & _HEAP_TYPE or each in _C_TYPES)
        and _slot(each).value == _BY_ADDRESS
        and not str(each.__dict__.get("__module__", "")).startswith(_OUR_ROOMS)
    ]
    replace_in_type(object, "__hash__", _make_hash())
    _take(kinds)
    after_import("asyncio.tasks", _take_tasks)
