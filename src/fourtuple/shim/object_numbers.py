"""``id()`` for a library that sends it: numbers that follow the seed, where addresses follow the machine.

An object keeps its number as long as it lives; one that cannot tell when it dies is kept, with its number,
until the process has ended.
"""

from __future__ import annotations

import runpy
import weakref
from types import ModuleType, SimpleNamespace
from typing import Any, Final

from ..runtime.thread import current_thread

# As addresses of objects look, which are multiples of 16.
_FIRST: Final = 0x7F00_0000_0000
_FIRST_SHARED: Final = 0x5600_0000_0000
_STEP: Final = 16


class ObjectNumbers:
    """Those of one process, or of all."""

    def __init__(self, first: int = _FIRST) -> None:
        self._next = first
        self._known: dict[int, tuple[int, object]] = {}

    def has(self, found: object) -> bool:
        return id(found) in self._known

    def of(self, found: object) -> int:
        key = id(found)
        known = self._known.get(key)
        if known is not None:
            return known[0]
        number = self._next
        self._next += _STEP
        kept = self._known

        def gone(_: object) -> None:
            kept.pop(key, None)

        try:
            kept[key] = number, weakref.ref(found, gone)
        except TypeError:
            kept[key] = number, found
        return number


# What the library numbers while it is imported, once for all runs: types, most of all.
_shared: Final = ObjectNumbers(_FIRST_SHARED)


def _number_of(found: object, /) -> int:
    thread = current_thread()
    if thread is None:
        return id(found)
    if thread.importing or _shared.has(found):
        return _shared.of(found)
    state = thread.state
    numbers = state.object_numbers
    if not isinstance(numbers, ObjectNumbers):
        numbers = state.object_numbers = ObjectNumbers()
    return numbers.of(found)


def _repr_of(found: object, /) -> str:
    """With such numbers for the addresses of the object and of whom it is bound to."""
    text = repr(found)
    for each in (found, getattr(found, "__self__", None)):
        address = hex(id(each))
        if address in text:
            text = text.replace(address, hex(_number_of(each)))
    return text


def name_objects(module: ModuleType) -> None:
    """Have what ``module`` calls ``repr`` give such numbers in simulated processes."""
    vars(module)["repr"] = _repr_of


def number_objects(module: ModuleType) -> None:
    """Have what ``module`` calls ``id`` give such numbers in simulated processes."""
    vars(module)["id"] = _number_of


def number_executed(module: ModuleType) -> None:
    """The same for the files ``module`` executes by ``runpy.run_path``."""

    def run_path(path: str, init_globals: dict[str, Any] | None = None, run_name: str | None = None) -> Any:
        return runpy.run_path(path, {"id": _number_of, **(init_globals or {})}, run_name)

    vars(module)["runpy"] = SimpleNamespace(run_path=run_path)
