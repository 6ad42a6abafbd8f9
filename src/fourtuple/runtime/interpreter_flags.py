"""``sys.flags`` of one process: those of the interpreter with some of them changed.

The type cannot be called, so the object is made as the interpreter makes its own, by
``PyStructSequence_New`` (Python's C API, "Struct Sequence Objects").
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from ctypes import c_ssize_t, c_void_p, py_object
from typing import Any, Final

_make: Final = ctypes.pythonapi.PyStructSequence_New
_make.argtypes, _make.restype = [py_object], py_object
_get: Final = ctypes.pythonapi.PyStructSequence_GetItem
_get.argtypes, _get.restype = [py_object, c_ssize_t], c_void_p
_set: Final = ctypes.pythonapi.PyStructSequence_SetItem
_set.argtypes, _set.restype = [py_object, c_ssize_t, c_void_p], None
_hold: Final = ctypes.pythonapi.Py_IncRef
_hold.argtypes, _hold.restype = [c_void_p], None


def flags_with(flags: Any, changes: Mapping[str, object]) -> Any:
    """A copy of ``flags`` in which the attributes named in ``changes`` have other values.

    Names this version of Python does not have are passed over.
    """
    kind = type(flags)
    names: tuple[str, ...] = kind.__match_args__
    made = _make(kind)
    # Beyond the sequence there are fields without an index (3.13 has one).
    for index in range(kind.n_fields):
        address = _get(flags, index)
        if index < len(names) and names[index] in changes:
            address = id(changes[names[index]])
        # SetItem takes over a reference.
        _hold(address)
        _set(made, index, address)
    return made


def own_flags(outer: Any, changes: Mapping[str, object]) -> Any:
    """``sys.flags`` of a process: what concerns a process alone as in ``changes`` or as python has it by
    default, all else as in those of the interpreter, ``outer``."""
    return flags_with(outer, {**_DEFAULTS, **changes})


_DEFAULTS: Final[dict[str, object]] = {
    "inspect": 0,
    "interactive": 0,
    "dont_write_bytecode": 0,
    "no_user_site": 0,
    "ignore_environment": 0,
    "quiet": 0,
    "isolated": 0,
    "safe_path": False,
}
