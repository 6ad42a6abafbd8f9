"""Walking over the tokens of a script, with errors that say where."""

from __future__ import annotations

from typing import NoReturn

from .errors import ScriptError
from .lexer import ELLIPSIS, END, FLOAT, HEX, INTEGER, PUNCTUATION, WORD, Lexer, Token


class Cursor:
    """One token ahead, so that a symbol defined by an option is known to all that follows it."""

    def __init__(self, text: str, defines: dict[str, str]) -> None:
        self.lexer = Lexer(text, defines)
        self.last_end = 0
        """Offset behind the token taken last."""
        self._ahead: Token | None = None

    def peek(self) -> Token:
        if self._ahead is None:
            self._ahead = self.lexer.next()
        return self._ahead

    def take(self) -> Token:
        token = self.peek()
        self._ahead = None
        self.last_end = token.end
        return token

    def at_end(self) -> bool:
        return self.peek().kind == END

    def at(self, text: str) -> bool:
        """Whether the next token is this punctuation."""
        token = self.peek()
        return token.text == text and token.kind in (PUNCTUATION, ELLIPSIS)

    def at_word(self, *names: str) -> bool:
        """Whether the next token is one of these words, or any word if none is given."""
        token = self.peek()
        return token.kind == WORD and (not names or token.text in names)

    def accept(self, text: str) -> bool:
        if self.at(text):
            self.take()
            return True
        return False

    def accept_word(self, name: str) -> bool:
        if self.at_word(name):
            self.take()
            return True
        return False

    def expect(self, text: str, where: str) -> Token:
        if not self.at(text):
            self.unexpected(f"expected {text!r} {where}")
        return self.take()

    def expect_word(self, where: str) -> Token:
        if not self.at_word():
            self.unexpected(f"expected {where}")
        return self.take()

    def unexpected(self, wanted: str) -> NoReturn:
        token = self.peek()
        self.fail(f"{wanted}, not {token.describe()}", token)

    def fail(self, message: str, token: Token) -> NoReturn:
        raise ScriptError(message, token.line, token.column)

    def integer(self, what: str, low: int, high: int) -> int:
        """An integer between ``low`` and ``high``."""
        token = self.peek()
        if token.kind not in (INTEGER, HEX):
            self.unexpected(f"expected a number for {what}")
        self.take()
        value = int(token.text, 16 if token.kind == HEX else 10)
        if not low <= value <= high:
            self.fail(f"{what} {token.text} is not in {low} to {high}", token)
        return value

    def seconds(self, what: str) -> int:
        """A time in seconds, as whole nanoseconds."""
        token = self.peek()
        if token.kind not in (INTEGER, FLOAT):
            self.unexpected(f"expected a time in seconds for {what}")
        self.take()
        if token.text.startswith("-"):
            self.fail(f"{what} {token.text} is negative", token)
        return nanoseconds(token.text)


def nanoseconds(text: str) -> int:
    """``"1.25"`` seconds in ns, without rounding through a float; to the microsecond, as packetdrill."""
    whole, _, fraction = text.partition(".")
    return int(whole or "0") * 1_000_000_000 + int((fraction + "000000")[:6]) * 1000
