"""Functions inside a loaded shared library that it does not export, found by its symbol table.

A library that has another one linked into it hides that one's functions, but its file may still list them
(section ``.symtab``; ELF specification, gabi chapter 4).
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Sequence
from ctypes import POINTER, c_void_p
from pathlib import Path
from typing import Final

from .imports import LinkMap

_SHT_SYMTAB: Final = 2
_HEADER: Final = struct.Struct("<16x HHIQQQIHHHHHH")
_SECTION: Final = struct.Struct("<IIQQQQIIQQ")
_SYMBOL: Final = struct.Struct("<IBBHQQ")


def local_functions(path: str, names: Sequence[str]) -> dict[str, int]:
    """Addresses of the functions ``names`` in the loaded library with the file ``path``; empty unless all
    are there."""
    if ctypes.sizeof(c_void_p) != 8:
        return {}
    base = _base_of(path)
    offsets = _offsets(path, names) if base else {}
    return {name: base + offset for name, offset in offsets.items()} if len(offsets) == len(names) else {}


def _base_of(path: str) -> int:
    this = ctypes.CDLL(None)
    entry = ctypes.cast(c_void_p(this._handle), POINTER(LinkMap))
    while entry:
        if entry.contents.l_name == path.encode():
            return int(entry.contents.l_addr)
        entry = entry.contents.l_next
    return 0


def _offsets(path: str, names: Sequence[str]) -> dict[str, int]:
    data = Path(path).read_bytes()
    if data[:6] != b"\x7fELF\x02\x01":
        return {}
    header = _HEADER.unpack_from(data)
    start, size, count = header[5], header[10], header[11]
    sections = [_SECTION.unpack_from(data, start + number * size) for number in range(count)]
    for section in sections:
        if section[1] != _SHT_SYMTAB:
            continue
        strings = sections[section[6]]
        text = data[strings[4] : strings[4] + strings[5]]
        wanted = {text.find(f"\0{name}\0".encode()) + 1: name for name in names}
        symbols = memoryview(data)[section[4] : section[4] + section[5]]
        return {
            wanted[symbol[0]]: symbol[4]
            for symbol in _SYMBOL.iter_unpack(symbols)
            if symbol[0] in wanted and symbol[0] and symbol[4]
        }
    return {}
