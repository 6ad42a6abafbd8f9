"""Which program an execve(2) means: Python programs can be simulated, everything else is refused."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from errno import EACCES, EISDIR, ENOENT
from typing import Final

from ..kernel.error import KernelError
from ..runtime.command_line import is_python, parse_python
from ..runtime.program import Program
from .refusal import refuse

INSTEAD: Final = (
    "a simulated host runs Python programs only: use [sys.executable, 'script.py', …], multiprocessing, "
    "or a thread"
)
_SHELLS: Final = ("sh", "bash", "dash", "ash")
# What a shell gives a meaning to; the second also within double quotes.
_SPECIAL: Final = "|&;<>()$`*?[]{}#~!\n"
_IN_QUOTES: Final = "$`"


class Executable:
    """A program found, and what a shell in front of it added to the environment."""

    def __init__(self, program: Program, environ: dict[str, str]) -> None:
        self.program = program
        self.environ = environ


def find_executable(candidates: Sequence[str], argv: Sequence[str], directory: str) -> Executable:
    """The program that execve(2) of ``argv`` starts, by the first of ``candidates`` that can be.

    Relative paths are seen from ``directory``. Raises KernelError: ENOENT, EACCES; NotSimulated,
    naming it, for what is no Python program; ValueError is never raised.
    """
    found_errno = ENOENT
    for candidate in candidates:
        name = os.path.basename(candidate)
        path = os.path.join(directory, candidate)
        if is_python(name) and (candidate == sys.executable or os.path.exists(path)):
            return _python([candidate, *argv[1:]])
        if not os.path.exists(path):
            continue
        if os.path.isdir(path) or not os.access(path, os.X_OK):
            found_errno = EACCES
            continue
        return _file(candidate, path, argv)
    name = os.path.basename(candidates[-1]) if candidates else ""
    # In a virtual environment python may be nowhere on PATH; commands installed in it are beside it.
    if is_python(name) and len(candidates) > 1:
        return _python([sys.executable, *argv[1:]])
    beside = os.path.join(os.path.dirname(sys.executable), name)
    if len(candidates) > 1 and found_errno == ENOENT and os.path.isfile(beside):
        return _file(beside, beside, argv)
    raise KernelError(found_errno)


def search(name: str, environ: dict[str, str]) -> list[str]:
    """The places where a command is looked for (execvp(3))."""
    if os.path.dirname(name):
        return [name]
    return [os.path.join(place, name) for place in environ.get("PATH", os.defpath).split(os.pathsep)]


def _python(words: list[str]) -> Executable:
    try:
        return Executable(parse_python(words).program(), {})
    except ValueError as error:
        refuse(f"{shlex.join(words)}: {error}", "leave it out")


def _file(candidate: str, path: str, argv: Sequence[str]) -> Executable:
    name = os.path.basename(candidate)
    if name in _SHELLS and len(argv) > 2 and argv[1] == "-c":
        return _shell(argv[2])
    if name == "env" and len(argv) > 1 and not argv[1].startswith("-"):
        return _words(list(argv[1:]), shlex.join(argv))
    interpreter = _interpreter_of(path)
    if not interpreter:
        refuse(f"starting {shlex.join([candidate, *argv[1:]])!r}", INSTEAD)
    return _python([*interpreter, candidate, *argv[1:]])


def _interpreter_of(path: str) -> list[str]:
    """The Python interpreter a script names in its first line, with its option; [] if it is none."""
    try:
        with open(path, "rb") as file:
            first = file.readline(4096)
            second = file.readline(4096)
    except OSError as error:
        raise KernelError(error.errno or EISDIR) from None
    if first[:2] != b"#!":
        return []
    words = os.fsdecode(first[2:]).split()
    if words and os.path.basename(words[0]) == "env":
        words = [word for word in words[1:] if word != "-S"]
    elif words and os.path.basename(words[0]) in _SHELLS and second.startswith(b"'''exec'"):
        # What installers write where the interpreter's path is too long for a first line.
        words = shlex.split(os.fsdecode(second[3:]).replace("exec'", "", 1))[:1]
    return words if words and is_python(words[0]) else []


def _shell(command: str) -> Executable:
    """A shell command that does nothing but run one Python program."""
    special = _special_in(command)
    if special:
        refuse(
            f"the shell command {command!r} (with {special!r})",
            "only a plain `python script.py …` is run; pipe and redirect with subprocess",
        )
    try:
        words = shlex.split(command)
    except ValueError as error:
        refuse(f"the shell command {command!r} ({error})", INSTEAD)
    return _words(words, command)


def _words(words: list[str], command: str) -> Executable:
    environ: dict[str, str] = {}
    while words and words[0].partition("=")[0].isidentifier() and "=" in words[0]:
        name, _, value = words.pop(0).partition("=")
        environ[name] = value
    if words and words[0] == "exec":
        words.pop(0)
    if not words:
        refuse(f"the shell command {command!r}", INSTEAD)
    if is_python(words[0]):
        found = _python(words)
    else:
        try:
            found = find_executable(search(words[0], dict(os.environ)), words, os.getcwd())
        except KernelError:
            refuse(f"the shell command {command!r}", INSTEAD)
    found.environ.update(environ)
    return found


def _special_in(command: str) -> str:
    """The first character of ``command`` that a shell would not take as it is; "" for none."""
    quote = ""
    escaped = False
    for character in command:
        if escaped:
            escaped = False
        elif quote == "'":
            quote = "" if character == "'" else quote
        elif character == "\\":
            escaped = True
        elif character == quote:
            quote = ""
        elif quote:
            if character in _IN_QUOTES:
                return character
        elif character in "'\"":
            quote = character
        elif character in _SPECIAL:
            return character
    return ""
