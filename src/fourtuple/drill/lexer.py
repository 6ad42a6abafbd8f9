"""The tokens of a packet script.

As packetdrill's scanner does, the longest match wins; a word that is a defined symbol is replaced by
its value.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final

from .errors import ScriptError

# Kinds of token.
INTEGER: Final = "integer"
HEX: Final = "hex integer"
FLOAT: Final = "number"
WORD: Final = "word"
STRING: Final = "string"
COMMAND: Final = "command"
CODE: Final = "code"
OPTION: Final = "option"
ADDRESS: Final = "address"
ELLIPSIS: Final = "..."
PUNCTUATION: Final = "punctuation"
END: Final = "end of file"


@dataclass
class Token:
    """``text`` is what the script says, or a symbol's value; of quoted kinds what is inside the quotes."""

    kind: str
    text: str
    line: int
    column: int
    start: int
    end: int

    def describe(self) -> str:
        """For an error message."""
        if self.kind == END:
            return "the end of the file"
        return f"{self.kind} {self.text!r}" if self.kind in (STRING, COMMAND, CODE) else repr(self.text)


_SPACE: Final = re.compile(r"(?:[ \t\r\n\f\v]+|//[^\n]*(?:\n|\Z)|/\*.*?\*/)*", re.DOTALL)
_CODE: Final = re.compile(r"%\{(.*?)\}%", re.DOTALL)
_STRING: Final = re.compile(r'"((?:\\.|[^"\\])*)"', re.DOTALL)
_COMMAND: Final = re.compile(r"`((?:\\.|[^`\\])*)`", re.DOTALL)
_OPTION: Final = re.compile(r"--[A-Za-z0-9_]+")
_HEX: Final = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT: Final = re.compile(r"-?[0-9]*\.[0-9]+")
_INTEGER: Final = re.compile(r"-?[0-9]+")
_WORD: Final = re.compile(r"sequence#|[A-Za-z0-9_]+")
_IPV4: Final = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+")
_IPV6: Final = re.compile(r"[0-9a-fA-F]*:[0-9a-fA-F:]*(?:\d+\.\d+\.\d+\.\d+)?")
_QUOTES: Final = ((_CODE, "%{", "}%", CODE), (_STRING, '"', '"', STRING), (_COMMAND, "`", "`", COMMAND))

# Of matches of one length the first counts.
_MATCHERS: Final = (
    (_FLOAT, FLOAT),
    (_INTEGER, INTEGER),
    (_HEX, HEX),
    (_WORD, WORD),
    (_OPTION, OPTION),
    (_IPV4, ADDRESS),
)


class Lexer:
    """Reads ``text`` token by token. ``defines`` may grow while it reads."""

    def __init__(self, text: str, defines: dict[str, str]) -> None:
        self.text = text
        self.defines = defines
        self._at = 0
        self._line_starts = [0, *[match.end() for match in re.finditer("\n", text)]]

    def position(self, at: int) -> tuple[int, int]:
        """Line and column of an offset, both from 1."""
        low, high = 0, len(self._line_starts)
        while high - low > 1:
            middle = (low + high) // 2
            if self._line_starts[middle] <= at:
                low = middle
            else:
                high = middle
        return low + 1, at - self._line_starts[low] + 1

    def next(self) -> Token:
        """The next token, of kind END at the end. Raises ScriptError for quotes that are not closed."""
        text = self.text
        space = _SPACE.match(text, self._at)
        start = space.end() if space else self._at
        line, column = self.position(start)
        if start >= len(text):
            self._at = start
            return Token(END, "", line, column, start, start)
        if text.startswith("/*", start):
            raise ScriptError("comment is not closed: '*/' is missing", line, column)
        for pattern, opening, closing, kind in _QUOTES:
            if text.startswith(opening, start):
                match = pattern.match(text, start)
                if match is None:
                    raise ScriptError(f"{kind} is not closed: {closing!r} is missing", line, column)
                self._at = match.end()
                return Token(kind, match.group(1), line, column, start, match.end())
        if text.startswith("...", start):
            self._at = start + 3
            return Token(ELLIPSIS, "...", line, column, start, start + 3)
        kind, end = self._longest(start)
        self._at = end
        token = Token(kind, text[start:end], line, column, start, end)
        return self._substitute(token) if kind == WORD else token

    def _longest(self, start: int) -> tuple[str, int]:
        kind = PUNCTUATION
        end = start
        for pattern, name in _MATCHERS:
            match = pattern.match(self.text, start)
            if match is not None and match.end() > end:
                kind, end = name, match.end()
        v6 = self._ipv6_end(start)
        if v6 > end:
            return ADDRESS, v6
        return (kind, end) if end > start else (PUNCTUATION, start + 1)

    def _ipv6_end(self, start: int) -> int:
        match = _IPV6.match(self.text, start)
        if match is None or match.group().count(":") < 2:
            return -1
        # A colon may follow the address, as in an encapsulation.
        candidate = match.group()
        while candidate:
            try:
                ipaddress.IPv6Address(candidate)
            except ValueError:
                candidate = candidate[:-1]
            else:
                return start + len(candidate)
        return -1

    def _substitute(self, token: Token) -> Token:
        value = self.defines.get(token.text)
        if value is None:
            return token
        if value[:1] == '"':
            token.kind, token.text = STRING, value[1:-1]
        elif value[:1] == "`":
            token.kind, token.text = COMMAND, value[1:-1]
        elif _HEX.fullmatch(value):
            token.kind, token.text = HEX, value
        elif _INTEGER.fullmatch(value):
            token.kind, token.text = INTEGER, value
        else:
            token.text = value
        return token
