"""Exceptions that asyncio's loop logs since nobody took them are told with host, process and virtual time.

asyncio itself stays CPython's. A program that sets an exception handler of its own has handled them.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from ..runtime.thread import SimThread
from ..runtime.unhandled import tell_unhandled
from .import_module import after_import
from .patching import dispatch_method


def _patch(base_events: ModuleType) -> None:
    owner: Any = vars(base_events)["BaseEventLoop"]
    real: Any = owner.default_exception_handler

    def handle(thread: SimThread, loop: Any, context: dict[str, Any]) -> None:
        real(loop, context)
        error = context.get("exception")
        if error is not None:
            never = str(context.get("message")).endswith("exception was never retrieved")
            what = "It was never retrieved from a task of" if never else "It was left to the event loop of"
            tell_unhandled(thread.state, type(error), what)

    dispatch_method(owner, "default_exception_handler", handle)


def install() -> None:
    after_import("asyncio.base_events", _patch)
