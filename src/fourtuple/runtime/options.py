"""The options of the interpreter that a command such as ``python -u -W error x.py`` gives.

Those that can be honoured for one simulated process are; one that would need another interpreter is
refused, unless the interpreter that runs the simulation has it as well.
"""

from __future__ import annotations

import site
import sys
import warnings
from collections.abc import Sequence
from typing import Any, Final

from ..kernel.process import Process
from .interpreter_flags import own_flags
from .stdio import unbuffered_streams

# By letter, the attribute of sys.flags that has the same meaning.
_NEED_INTERPRETER: Final = {
    "O": "optimize",
    "S": "no_site",
    "b": "bytes_warning",
    "d": "debug",
    "v": "verbose",
}
_REFUSED: Final = {
    "i": "there is no terminal to type at",
    "x": "remove the first line of the script",
    "h": "ask the real python",
    "?": "ask the real python",
    "J": "it is not an option of CPython's",
}
# What makes no difference: streams are UTF-8, modules of the library are loaded already, and no crash of
# the real interpreter is that of one process.
_HARMLESS_X: Final = (
    "utf8",
    "utf8=1",
    "faulthandler",
    "frozen_modules",
    "frozen_modules=on",
    "frozen_modules=off",
)


class InterpreterOptions:
    """What was given before the script, ``-m`` or ``-c``."""

    def __init__(self) -> None:
        self.words: list[str] = []
        """As given."""
        self.unbuffered = False
        self.ignore_environment = False
        self.safe_path = False
        self.no_user_site = False
        self.dont_write_bytecode = False
        self.isolated = False
        self.dev_mode = False
        self.quiet = False
        self.warnings: list[str] = []
        self.x_options: list[str] = []

    def read(self, words: Sequence[str]) -> tuple[str, str, int]:
        """Take the options off the front of ``words``.

        Returns what follows: ``("c" | "m", its argument, index of the rest)``, ``("V", "", index)`` if
        the version is asked for, or ``("", "", index)`` of the script. Raises ValueError for an
        option that is unknown, incomplete, or cannot be honoured.
        """
        at = 0
        while at < len(words):
            word = words[at]
            if len(word) < 2 or word[0] != "-":
                break
            at += 1
            if word == "--version":
                return "V", "", at
            if word == "--":
                break
            if word.startswith("--"):
                raise ValueError(f"option {word} of python cannot be simulated")
            for place, letter in enumerate(word[1:], start=2):
                if letter in "cmWX":
                    value = word[place:]
                    if not value:
                        if at >= len(words):
                            raise ValueError(f"argument expected for the -{letter} option")
                        value = words[at]
                        at += 1
                    if letter in "cm":
                        self.words = list(words[:at])
                        return letter, value, at
                    self._take_valued(letter, value)
                    break
                if letter == "V":
                    return "V", "", at
                self._take(letter)
        self.words = list(words[:at])
        return "", "", at

    def _take(self, letter: str) -> None:
        if letter == "u":
            self.unbuffered = True
        elif letter == "B":
            self.dont_write_bytecode = True
        elif letter == "E":
            self.ignore_environment = True
        elif letter == "I":
            self.isolated = self.ignore_environment = self.safe_path = self.no_user_site = True
        elif letter == "P":
            self.safe_path = True
        elif letter == "s":
            self.no_user_site = True
        elif letter == "q":
            self.quiet = True
        elif letter in _NEED_INTERPRETER:
            if not getattr(sys.flags, _NEED_INTERPRETER[letter]):
                raise ValueError(
                    f"option -{letter} of python holds for a whole interpreter, which simulated processes"
                    f" share: start fourtuple itself with python -{letter}"
                )
        elif letter != "R":
            reason = _REFUSED.get(letter, "it is unknown")
            raise ValueError(f"option -{letter} of python cannot be simulated: {reason}")

    def _take_valued(self, letter: str, value: str) -> None:
        if letter == "W":
            self.warnings.append(value)
            return
        name, _, setting = value.partition("=")
        if value == "dev":
            self.dev_mode = True
        elif value not in _HARMLESS_X and sys._xoptions.get(name) != (setting or True):
            raise ValueError(f"option -X {value} of python cannot be simulated for one process")
        self.x_options.append(value)

    def apply(self, process: Process, environ: dict[str, str]) -> None:
        """Set up the interpreter for ``process``, whose view is installed and whose program has not
        begun. ``environ`` is its environment, of which the PYTHON variables that can be are honoured."""
        known = {} if self.ignore_environment else environ
        self.dont_write_bytecode |= bool(known.get("PYTHONDONTWRITEBYTECODE"))
        self.no_user_site |= bool(known.get("PYTHONNOUSERSITE"))
        self.safe_path |= bool(known.get("PYTHONSAFEPATH"))
        self.dev_mode |= bool(known.get("PYTHONDEVMODE"))
        sys.dont_write_bytecode = self.dont_write_bytecode
        sys.flags = self._flags()
        if self.unbuffered or known.get("PYTHONUNBUFFERED"):
            sys.stdout, sys.stderr = unbuffered_streams(process)
            sys.__dict__["__stdout__"], sys.__dict__["__stderr__"] = sys.stdout, sys.stderr
        sys._xoptions.update(_parsed_x(option) for option in self.x_options)
        if self.dev_mode:
            sys.warnoptions.append("default")
        sys.warnoptions.extend(word for word in known.get("PYTHONWARNINGS", "").split(",") if word)
        sys.warnoptions.extend(self.warnings)
        if sys.warnoptions:
            vars(warnings)["_processoptions"](sys.warnoptions)
        if self.no_user_site:
            user = site.getusersitepackages()
            sys.path[:] = [place for place in sys.path if place != user]

    def _flags(self) -> Any:
        return own_flags(
            sys.flags,
            {
                "dont_write_bytecode": int(self.dont_write_bytecode),
                "no_user_site": int(self.no_user_site),
                "ignore_environment": int(self.ignore_environment),
                "quiet": int(self.quiet),
                "isolated": int(self.isolated),
                # What it has C code check is as in the interpreter, see docs/processes.md.
                "dev_mode": self.dev_mode or sys.flags.dev_mode,
                "safe_path": self.safe_path,
            },
        )

    def search_path(self, environ: dict[str, str]) -> list[str]:
        """The places of PYTHONPATH."""
        if self.ignore_environment:
            return []
        return [place for place in environ.get("PYTHONPATH", "").split(":") if place]


def _parsed_x(option: str) -> tuple[str, str | bool]:
    name, equals, value = option.partition("=")
    return name, value if equals else True
