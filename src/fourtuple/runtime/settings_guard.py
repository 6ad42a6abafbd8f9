"""Settings of the interpreter that a program may change for itself: as they were when the run ends."""

from __future__ import annotations

import gc
import locale
import sys
import tracemalloc
from typing import Any


class SettingsGuard:
    """Keeps what holds for the whole interpreter: recursion limit, digits of ints, locale, collector and its
    callbacks, flags libraries are loaded with, tools that monitor it, the tracing of memory."""

    def __init__(self) -> None:
        self._former: tuple[Any, ...] = ()

    def begin(self) -> None:
        self._former = _settings()

    def end(self) -> None:
        recursion, digits, places, collecting, debug, callbacks, flags, tools, tracing = self._former
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
        if now[5] != callbacks:
            gc.callbacks[:] = callbacks
        if now[6] != flags:
            sys.setdlopenflags(flags)
        for tool, name in enumerate(tools):
            if name is None and now[7][tool] is not None:
                _end_tool(tool)
        if now[8] and not tracing:
            tracemalloc.stop()


def _settings() -> tuple[Any, ...]:
    return (
        sys.getrecursionlimit(),
        sys.get_int_max_str_digits(),
        locale.setlocale(locale.LC_ALL),
        gc.isenabled(),
        gc.get_debug(),
        list(gc.callbacks),
        sys.getdlopenflags(),
        _tools(),
        tracemalloc.is_tracing(),
    )


def _tools() -> list[str | None]:
    """Who uses each number for a tool of ``sys.monitoring`` (Python 3.12)."""
    if sys.version_info >= (3, 12):
        return [sys.monitoring.get_tool(tool) for tool in range(6)]
    return []


def _end_tool(tool: int) -> None:
    if sys.version_info >= (3, 12):
        sys.monitoring.set_events(tool, 0)
        for event in range(sys.monitoring.events.PY_UNWIND.bit_length()):
            sys.monitoring.register_callback(tool, 1 << event, None)
        sys.monitoring.free_tool_id(tool)
