"""The shell lines of a script: read as a shell would, run as settings of the simulated host.

Nothing runs on the real machine. What is understood is in :mod:`.commands`; anything else is an error
that names it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

_ARITHMETIC: Final = re.compile(r"\$\(\(([0-9+\-*/%() \t]*)\)\)")
_VARIABLE: Final = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_WORD_END: Final = " \t\n;|&<>"


class ShellError(Exception):
    """A line that cannot be understood, or a command that failed."""


@dataclass
class Simple:
    """One command: its words, and whether its output goes elsewhere than to the next in the pipe.

    ``target`` is the file its output goes to, empty for none.
    """

    words: list[str] = field(default_factory=list)
    target: str = ""


@dataclass
class Pipeline:
    """Commands joined by ``|``; ``join`` says when it runs: ``;``, ``&&`` or ``||`` of the one before."""

    join: str
    commands: list[Simple] = field(default_factory=list)


Runner = Callable[[list[str], str], tuple[int, str]]
"""Runs words with some input; returns exit status and output."""


def run_shell(text: str, run: Runner, write: Callable[[str, str], None]) -> int:
    """Run ``text``; ``write`` takes path and content of what is redirected. Returns the exit status."""
    status = 0
    for pipeline in parse(text):
        if (pipeline.join == "&&" and status != 0) or (pipeline.join == "||" and status == 0):
            continue
        flowing = ""
        for command in pipeline.commands:
            status, output = run(command.words, flowing)
            if command.target:
                if command.target != "/dev/null":
                    write(command.target, output)
                output = ""
            flowing = output
    return status


def parse(text: str) -> list[Pipeline]:
    """The pipelines of ``text``. Raises ShellError for what no simple shell line has."""
    return _Reader(text).read()


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text.replace("\\\n", " ")
        self.at = 0

    def read(self) -> list[Pipeline]:
        pipelines: list[Pipeline] = []
        join = ";"
        while True:
            pipeline = Pipeline(join)
            join = self._pipeline(pipeline)
            if pipeline.commands:
                pipelines.append(pipeline)
            if not join:
                return pipelines

    def _pipeline(self, pipeline: Pipeline) -> str:
        """Fill ``pipeline``; returns how the next is joined, empty at the end."""
        command = Simple()
        while True:
            self._blanks()
            rest = self.text[self.at :]
            ending = ""
            if not rest:
                ending = "end"
            elif rest.startswith(("&&", "||")):
                ending = rest[:2]
            elif rest[0] in ";\n":
                ending = ";"
            elif rest.startswith(("&>", "2>", "1>", ">")):
                self._redirect(command)
                continue
            elif rest[0] == "|":
                self.at += 1
                pipeline.commands.append(command)
                command = Simple()
                continue
            elif rest[0] in "<&":
                raise ShellError(f"{rest[0]!r} is not supported in a command: {self._line()}")
            else:
                command.words.append(self._word())
                continue
            self.at += 2 if ending in ("&&", "||") else 1
            if command.words:
                pipeline.commands.append(command)
            return "" if ending == "end" else ending

    def _blanks(self) -> None:
        while self.at < len(self.text) and self.text[self.at] in " \t\r":
            self.at += 1
        if self.text[self.at : self.at + 1] == "#":
            end = self.text.find("\n", self.at)
            self.at = len(self.text) if end < 0 else end

    def _redirect(self, command: Simple) -> None:
        match = re.compile(r"(&>>?|[12]?>>?)[ \t]*(&[12]|)").match(self.text, self.at)
        assert match is not None
        self.at = match.end()
        target = ""
        if not match.group(2):
            self._blanks()
            target = self._word()
        if not match.group(1).startswith("2") and target:
            command.target = target

    def _word(self) -> str:
        out = ""
        start = self.at
        while self.at < len(self.text):
            char = self.text[self.at]
            if char in _WORD_END:
                break
            if char == "'":
                end = self.text.find("'", self.at + 1)
                if end < 0:
                    raise ShellError(f"a quote is not closed: {self._line()}")
                out += self.text[self.at + 1 : end]
                self.at = end + 1
            elif char == '"':
                out += self._quoted()
            elif char == "\\":
                out += self.text[self.at + 1 : self.at + 2]
                self.at += 2
            elif char == "$":
                out += self._dollar()
            elif char == "`":
                raise ShellError(f"a command in a command is not supported: {self._line()}")
            else:
                out += char
                self.at += 1
        if self.at == start:
            raise ShellError(f"{self.text[start]!r} is not supported in a command: {self._line()}")
        return out

    def _quoted(self) -> str:
        self.at += 1
        out = ""
        while self.at < len(self.text):
            char = self.text[self.at]
            if char == '"':
                self.at += 1
                return out
            if char == "$":
                out += self._dollar()
            elif char == "\\" and self.text[self.at + 1 : self.at + 2] in ('"', "\\", "$", "`"):
                out += self.text[self.at + 1]
                self.at += 2
            else:
                out += char
                self.at += 1
        raise ShellError(f"a quote is not closed: {self._line()}")

    def _dollar(self) -> str:
        match = _ARITHMETIC.match(self.text, self.at)
        if match is not None:
            self.at = match.end()
            return str(_calculate(match.group(1)))
        match = _VARIABLE.match(self.text, self.at)
        if match is not None:
            self.at = match.end()
            # Only names of files that commands make have any: one per run, so that any will do.
            return "0"
        raise ShellError(f"this expansion is not supported: {self._line()}")

    def _line(self) -> str:
        start = self.text.rfind("\n", 0, self.at) + 1
        end = self.text.find("\n", self.at)
        return self.text[start : end if end >= 0 else len(self.text)].strip()


def _calculate(text: str) -> int:
    """Products and sums of integers, as in ``15*1024*1024``."""
    total = 0
    for sign, term in re.findall(r"([+-]?)\s*([^+-]+)", text.strip()):
        product = 1
        try:
            for factor in term.split("*"):
                product *= int(factor.strip(), 0)
        except ValueError:
            raise ShellError(f"this arithmetic is not supported: {text}") from None
        total += -product if sign == "-" else product
    return total
