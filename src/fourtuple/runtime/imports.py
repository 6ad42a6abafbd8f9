"""Functions a loaded shared library imports, redirected while a simulation runs.

A shared library of Linux calls another's function through a pointer in its import table (the GOT), which
the dynamic linker filled in. :func:`of_library` finds the pointers of given names by the library's
own dynamic section, as ``link.h`` and the ELF specification (gabi, chapter 5) lay it out.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Mapping
from ctypes import POINTER, c_char_p, c_int, c_size_t, c_void_p
from typing import Any, Final

_DT_STRTAB: Final = 5
_DT_SYMTAB: Final = 6
_DT_RELA: Final = 7
_DT_RELASZ: Final = 8
_DT_JMPREL: Final = 23
_DT_PLTRELSZ: Final = 2
_RELA: Final = struct.Struct("<QQq")
_SYMBOL_SIZE: Final = 24
# GLOB_DAT and JUMP_SLOT of x86-64 and AArch64.
_IMPORTS: Final = {"x86_64": (6, 7), "aarch64": (1025, 1026)}.get(os.uname().machine, ())
_PROT_READ: Final = 1
_PROT_WRITE: Final = 2


class LinkMap(ctypes.Structure):
    """struct link_map."""


LinkMap._fields_ = (
    ("l_addr", c_size_t),
    ("l_name", c_char_p),
    ("l_ld", c_size_t),
    ("l_next", POINTER(LinkMap)),
    ("l_prev", POINTER(LinkMap)),
)


class _DlInfo(ctypes.Structure):
    """Dl_info of dlfcn.h."""

    _fields_ = (
        ("dli_fname", c_char_p),
        ("dli_fbase", c_size_t),
        ("dli_sname", c_char_p),
        ("dli_saddr", c_size_t),
    )


class Import:
    """One pointer of an import table, at ``address``, and the function that is to stand there.

    Until :meth:`restore` the page stays writable.
    """

    def __init__(self, address: int, function: Any) -> None:
        self._slot = c_size_t.from_address(address)
        self._real = self._slot.value
        # The callback must live as long as it may be called.
        self._function = function
        self._mine = ctypes.cast(function, c_void_p).value or 0

    def redirect(self) -> None:
        self._slot.value = self._mine

    def restore(self) -> None:
        self._slot.value = self._real


def of_library(address: int, functions: Mapping[str, Any]) -> list[Import]:
    """The imports named in ``functions`` of the shared library that holds ``address``.

    Empty if the platform is none we know, or the library is the interpreter itself: what is
    linked together shares its imports.
    """
    if not _IMPORTS or ctypes.sizeof(c_void_p) != 8:
        return []
    this = ctypes.CDLL(None)
    try:
        dladdr, mprotect = this.dladdr, this.mprotect
        python = ctypes.cast(this.Py_IsInitialized, c_void_p).value or 0
    except AttributeError:
        return []
    base = _base_of(dladdr, address)
    if base in (0, _base_of(dladdr, python)):
        return []
    entry = ctypes.cast(c_void_p(this._handle), POINTER(LinkMap))
    while entry and entry.contents.l_addr != base:
        entry = entry.contents.l_next
    if not entry:
        return []
    found = []
    mprotect.argtypes = [c_void_p, c_size_t, c_int]
    page = os.sysconf("SC_PAGE_SIZE")
    for slot, name in _slots(entry.contents):
        if name in functions and mprotect(slot & -page, page, _PROT_READ | _PROT_WRITE) == 0:
            found.append(Import(slot, functions[name]))
    return found


def _base_of(dladdr: Any, address: int) -> int:
    info = _DlInfo()
    dladdr.argtypes = [c_void_p, POINTER(_DlInfo)]
    return int(info.dli_fbase) if dladdr(address, ctypes.byref(info)) else 0


def _slots(library: LinkMap) -> list[tuple[int, str]]:
    """(address of the pointer, name of the function) of each import."""
    dynamic: dict[int, int] = {}
    place = library.l_ld
    while (tag := c_size_t.from_address(place).value) != 0:
        dynamic[tag] = c_size_t.from_address(place + 8).value
        place += 16
    if _DT_STRTAB not in dynamic or _DT_SYMTAB not in dynamic:
        return []
    base = library.l_addr

    def pointer(tag: int) -> int:
        # glibc has added the base to what it keeps of these, musl has not.
        value = dynamic[tag]
        return value if value >= base else value + base

    names, symbols = pointer(_DT_STRTAB), pointer(_DT_SYMTAB)
    found = []
    for table, size in ((_DT_JMPREL, _DT_PLTRELSZ), (_DT_RELA, _DT_RELASZ)):
        if table not in dynamic or size not in dynamic:
            continue
        content = ctypes.string_at(pointer(table), dynamic[size])
        for offset, info, _ in _RELA.iter_unpack(content):
            if info & 0xFFFFFFFF in _IMPORTS:
                name = ctypes.c_uint32.from_address(symbols + (info >> 32) * _SYMBOL_SIZE).value
                found.append((base + offset, ctypes.string_at(names + name).decode("ascii", "replace")))
    return found
