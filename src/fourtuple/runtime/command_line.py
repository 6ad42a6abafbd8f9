"""Commands as a shell has them: ``python -u server.py 9999``."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from .options import InterpreterOptions
from .program import (
    CommandProgram,
    ModuleProgram,
    Program,
    ScriptProgram,
    StdinProgram,
    VersionProgram,
)

COMMANDS = "python SCRIPT, python -m MODULE, python -c CODE, or a .py script"

_PYTHON = re.compile(r"python(\d+(\.\d+)?)?(\.exe)?")


class Command:
    """What one process is to run: ``script``, ``module``, ``code``, ``stdin`` or ``version``, and its
    arguments."""

    def __init__(
        self, words: list[str], kind: str, target: str, args: list[str], options: InterpreterOptions
    ) -> None:
        self.words = words
        """The whole command, as given."""
        self.kind = kind
        self.target = target
        self.args = args
        self.options = options

    def program(self) -> Program:
        """The program the runtime executes."""
        program: Program
        if self.kind == "module":
            program = ModuleProgram(self.target, self.args)
        elif self.kind == "code":
            program = CommandProgram(self.target, self.args)
        elif self.kind == "stdin":
            program = StdinProgram(self.target, self.args)
        elif self.kind == "version":
            program = VersionProgram()
        else:
            program = ScriptProgram(self.target, self.args)
        program.options = self.options
        program.command = [self.words[0], *self.words[1:]]
        return program

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
    if words and is_python(words[0]) and len(words) > 1:
        try:
            return parse_python(words)
        except ValueError as error:
            raise ValueError(f"{command!r} cannot be simulated: {error} ({COMMANDS})") from error
    if not words or not _is_script(words[0]):
        raise ValueError(f"{command!r} cannot be simulated: {COMMANDS}")
    return Command(words, "script", words[0], words[1:], InterpreterOptions())


def parse_python(words: list[str]) -> Command:
    """Read the command line of python, ``words[0]`` being python itself.

    Without a script the program is read from stdin. Raises ValueError for an option that cannot be
    honoured.
    """
    options = InterpreterOptions()
    letter, value, at = options.read(words[1:])
    rest = words[at + 1 :]
    if letter == "V":
        return Command(words, "version", "", rest, options)
    if letter:
        return Command(words, "module" if letter == "m" else "code", value, rest, options)
    if not rest or rest[0] == "-":
        return Command(words, "stdin", rest[0] if rest else "", rest[1:], options)
    return Command(words, "script", rest[0], rest[1:], options)


def is_python(word: str) -> bool:
    """Is it the name or path of a Python interpreter?"""
    return word == sys.executable or _PYTHON.fullmatch(os.path.basename(word)) is not None


def _is_script(word: str) -> bool:
    return word.endswith((".py", ".pyw", ".pyz"))
