"""Reading one table of a TOML file key by key, with errors that name file, key, value and rule."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

_BARE = re.compile(r"[A-Za-z0-9_-]+")

TEXT = "a string"
WHOLE = "a whole number"
TRUTH = "true or false"


class NetworkFileError(ValueError):
    """One line: ``FILE: key = value: what is allowed``."""

    def __init__(self, file: Path, key: str, value: object, rule: str) -> None:
        super().__init__(f"{file}: {key} = {as_toml(value)}: {rule}" if key else f"{file}: {rule}")


def as_toml(value: object) -> str:
    """``value`` about as it stands in the file, cut if it is long."""
    if isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, str):
        text = json.dumps(value, ensure_ascii=False)
    elif isinstance(value, list):
        text = f"[{', '.join(as_toml(item) for item in value)}]"
    elif isinstance(value, dict):
        inner = ", ".join(f"{key} = {as_toml(item)}" for key, item in value.items())
        text = f"{{ {inner} }}" if inner else "{}"
    else:
        text = str(value)
    return text if len(text) <= 80 else text[:77] + "..."


def dotted(parent: str, key: str) -> str:
    """``parent.key``, quoted where TOML needs it."""
    shown = key if _BARE.fullmatch(key) else as_toml(key)
    return f"{parent}.{shown}" if parent else shown


class Section:
    """One table: each key is taken once, then :meth:`finish` refuses what is left."""

    def __init__(self, file: Path, name: str, value: object, rule: str = "a table of keys") -> None:
        self.file = file
        self.name = name
        if not isinstance(value, dict):
            raise NetworkFileError(file, name, value, f"must be {rule}")
        self._left: dict[str, object] = dict(value)
        self._known: list[str] = []

    def key(self, key: str) -> str:
        """The full name of ``key``, as errors show it."""
        return dotted(self.name, key)

    def fail(self, key: str, value: object, rule: str) -> NetworkFileError:
        """An error about ``key``; the caller raises it."""
        return NetworkFileError(self.file, self.key(key), value, rule)

    def take(self, key: str, convert: Callable[[object], T], default: T) -> T:
        """The value of ``key``, or ``default``. What ``convert`` says as ValueError is the rule."""
        self._known.append(key)
        if key not in self._left:
            return default
        value = self._left.pop(key)
        try:
            return convert(value)
        except NetworkFileError:
            raise
        except ValueError as error:
            raise self.fail(key, value, _without_value(str(error), value)) from error

    def demand(self, key: str, convert: Callable[[object], T], rule: str) -> T:
        """The value of ``key``, which must be there; ``rule`` says what it is."""
        if key not in self._left:
            raise NetworkFileError(self.file, "", None, f"{self.key(key)} is missing: {rule}")
        found: list[T] = []
        self.take(key, lambda value: found.append(convert(value)), None)
        return found[0]

    def finish(self) -> None:
        """Raises NetworkFileError for a key that was not asked for."""
        for key, value in self._left.items():
            allowed = f"allowed are {', '.join(self._known)}" if self._known else "no key is allowed here"
            raise self.fail(key, value, f"unknown key, {allowed}")


def _without_value(rule: str, value: object) -> str:
    """``rule`` without the repetition of the value a library function begins with."""
    return rule.removeprefix(f"{value!r} is not ")


def text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(TEXT)
    return value


def whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{WHOLE}, 0 or more")
    return value


def truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(TRUTH)
    return value


def texts(value: object) -> list[str]:
    """A string or a list of strings, as a list."""
    items: list[object] = value if isinstance(value, list) else [value]
    strings = [item for item in items if isinstance(item, str)]
    if len(strings) != len(items):
        raise ValueError("a string or a list of strings")
    return strings
