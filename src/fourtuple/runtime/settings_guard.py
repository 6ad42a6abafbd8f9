"""Settings of the interpreter that a program may change for itself: as they were when the run ends."""

from __future__ import annotations

import gc
import locale
import sys
from typing import Any


class SettingsGuard:
    """Keeps what holds for the whole interpreter: recursion limit, digits of ints, locale, collector."""

    def __init__(self) -> None:
        self._former: tuple[Any, ...] = ()

    def begin(self) -> None:
        self._former = _settings()

    def end(self) -> None:
        recursion, digits, places, collecting, debug = self._former
        now = _settings()
        if now[0] != recursion:
            sys.setrecursionlimit(recursion)
        if now[1] != digits:
            sys.set_int_max_str_digits(digits)
        if now[2] != places:
            locale.setlocale(locale.LC_ALL, places)
        if now[3] != collecting:
            (gc.enable if collecting else gc.disable)()
        if now[4] != debug:
            gc.set_debug(debug)


def _settings() -> tuple[Any, ...]:
    return (
        sys.getrecursionlimit(),
        sys.get_int_max_str_digits(),
        locale.setlocale(locale.LC_ALL),
        gc.isenabled(),
        gc.get_debug(),
    )
