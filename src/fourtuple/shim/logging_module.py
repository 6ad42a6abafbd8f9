"""Logging configured per process, though the loggers are shared with the module that keeps them.

Handlers, levels, filters and the rest of a logger's settings are separate in each simulated process.
The root logger begins as in a fresh interpreter; another begins with what it is set to outside, since
libraries set up theirs when they are imported, which happens once for all processes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final

from ..runtime.thread import current_thread

_OF_LOGGER: Final[dict[str, Callable[[], Any]]] = {
    "level": lambda: logging.NOTSET,
    "handlers": list,
    "filters": list,
    "propagate": lambda: True,
    "disabled": lambda: False,
    "_cache": dict,
}
_OF_MANAGER: Final[dict[str, Callable[[], Any]]] = {"_disable": lambda: logging.NOTSET}


class PerProcess:
    """An attribute with a value of its own in each process."""

    def __init__(self, name: str, fresh: Callable[[], Any]) -> None:
        self._name = name
        self._fresh = fresh

    def __get__(self, instance: Any, owner: type[Any]) -> Any:
        if instance is None:
            return self
        thread = current_thread()
        name = self._name
        if thread is None:
            values = instance.__dict__
            if name not in values:
                values[name] = self._fresh()
            return values[name]
        loggers = thread.state.loggers
        values = loggers.get(instance)
        if values is None:
            values = loggers[instance] = {}
        if name not in values:
            values[name] = self._first(instance)
        return values[name]

    def __set__(self, instance: Any, value: Any) -> None:
        thread = current_thread()
        if thread is None:
            instance.__dict__[self._name] = value
        else:
            thread.state.loggers.setdefault(instance, {})[self._name] = value

    def _first(self, instance: Any) -> Any:
        if instance is logging.root:
            return logging.WARNING if self._name == "level" else self._fresh()
        outside = instance.__dict__.get(self._name)
        if outside is None or self._name == "_cache":
            return self._fresh()
        return list(outside) if isinstance(outside, list) else outside


def install() -> None:
    for name, fresh in _OF_LOGGER.items():
        setattr(logging.Logger, name, PerProcess(name, fresh))
    for name, fresh in _OF_MANAGER.items():
        setattr(logging.Manager, name, PerProcess(name, fresh))
