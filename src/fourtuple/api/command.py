"""Commands as a shell has them: ``python server.py 9999``."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from ..runtime.program import CommandProgram, ModuleProgram, Program, ScriptProgram

COMMANDS = "python SCRIPT, python -m MODULE, python -c CODE, or a .py script"

_PYTHON = re.compile(r"python(\d+(\.\d+)?)?(\.exe)?")


class Command:
    """What one process is to run: ``script``, ``module`` or ``code``, and its arguments."""

    def __init__(self, words: list[str], kind: str, target: str, args: list[str]) -> None:
        self.words = words
        """The whole command, as given."""
        self.kind = kind
        self.target = target
        self.args = args

    def program(self) -> Program:
        """The program the runtime executes."""
        if self.kind == "module":
            return ModuleProgram(self.target, self.args)
        if self.kind == "code":
            return CommandProgram(self.target, self.args)
        return ScriptProgram(self.target, self.args)

    def check(self, directory: Path) -> None:
        """Raises ValueError if the script or module is not there, seen from ``directory``."""
        if self.kind == "script" and not (directory / self.target).exists():
            raise ValueError(f"there is no {self.target} in {directory}")
        if self.kind == "module":
            top = self.target.partition(".")[0]
            if (directory / top).is_dir() or (directory / f"{top}.py").is_file():
                return
            if importlib.util.find_spec(top) is None:
                raise ValueError(f"there is no module {self.target}")
        if self.kind == "code":
            try:
                compile(self.target, "<string>", "exec", dont_inherit=True)
            except (SyntaxError, ValueError) as error:
                raise ValueError(f"the code does not compile: {error}") from error


def parse_command(command: str | Sequence[str]) -> Command:
    """Read ``"python server.py 9999"`` or ``["python", "server.py", "9999"]``.

    A string is split as a shell would (:mod:`shlex`). Raises ValueError if it is none of the commands
    that can be simulated.
    """
    try:
        words = shlex.split(command) if isinstance(command, str) else list(command)
    except ValueError as error:
        raise ValueError(f"{command!r} is not a command: {error}") from error
    rest = words[1:] if words and _is_python(words[0]) else words
    if rest and rest[0] in ("-m", "-c") and rest is not words:
        if len(rest) < 2:
            raise ValueError(f"{command!r} is not complete: {COMMANDS}")
        return Command(words, "module" if rest[0] == "-m" else "code", rest[1], rest[2:])
    if not rest or rest[0].startswith("-"):
        raise ValueError(f"{command!r} cannot be simulated: {COMMANDS}")
    if rest is words and not _is_script(rest[0]):
        raise ValueError(f"{command!r} cannot be simulated: {COMMANDS}")
    return Command(words, "script", rest[0], rest[1:])


def _is_python(word: str) -> bool:
    return word == sys.executable or _PYTHON.fullmatch(os.path.basename(word)) is not None


def _is_script(word: str) -> bool:
    return word.endswith((".py", ".pyw", ".pyz"))
