"""The parser of system calls and their arguments."""

from __future__ import annotations

from .cursor import Cursor
from .lexer import CODE, ELLIPSIS, HEX, INTEGER, STRING, WORD
from .script import (
    Assignment,
    Call,
    Ellipsis,
    Expression,
    Function,
    Items,
    Number,
    Opaque,
    Or,
    Structure,
    Text,
    Word,
)

_ESCAPES = {"n": 10, "t": 9, "r": 13, "0": 0, "\\": 92, '"': 34, "'": 39, "a": 7, "b": 8, "f": 12, "v": 11}
_FUNCTIONS = ("htons", "htonl", "inet_addr", "inet6_addr")


class ExpressionParser:
    def __init__(self, cursor: Cursor) -> None:
        self.cursor = cursor

    def call(self, end: int) -> Call:
        """``name(arguments) = result ERRNO (text)``."""
        cursor = self.cursor
        name = cursor.expect_word("the name of a system call").text
        cursor.expect("(", f"behind {name}")
        arguments: list[Expression] = []
        while not cursor.at(")"):
            arguments.append(self.expression())
            if not cursor.accept(","):
                break
        cursor.expect(")", f"behind the arguments of {name}")
        cursor.expect("=", f"and the result of {name}")
        result = self.expression()
        errno = ""
        if cursor.at_word():
            errno = cursor.take().text
            if not cursor.at("("):
                cursor.unexpected(f"expected a note such as (text) behind {errno}")
            self._note()
        if cursor.at("("):
            self._note()
        return Call(name, arguments, result, errno, end)

    def _note(self) -> None:
        """Text in parentheses for the reader only."""
        cursor = self.cursor
        opening = cursor.take()
        depth = 1
        while depth:
            if cursor.at_end() or cursor.peek().kind == CODE:
                cursor.fail("the note is not closed: ')' is missing", opening)
            token = cursor.take()
            depth += {"(": 1, ")": -1}.get(token.text, 0)

    def expression(self) -> Expression:
        """One value; values may be joined by ``|``."""
        value = self._value()
        while self.cursor.accept("|"):
            value = Or(value, self._value())
        return value

    def _value(self) -> Expression:
        cursor = self.cursor
        token = cursor.peek()
        if token.kind == ELLIPSIS:
            cursor.take()
            return Ellipsis()
        if token.kind == INTEGER:
            cursor.take()
            return Number(int(token.text))
        if token.kind == HEX:
            cursor.take()
            return Number(int(token.text, 16))
        if token.kind == STRING:
            return self._text()
        if token.kind == WORD:
            return self._word()
        if cursor.accept("["):
            return Items(self._list("]"))
        if cursor.at("{"):
            return self._braces()
        return cursor.unexpected("expected a value")

    def _word(self) -> Expression:
        cursor = self.cursor
        token = cursor.take()
        if token.text in _FUNCTIONS and cursor.accept("("):
            argument = self.expression()
            cursor.expect(")", f"behind the argument of {token.text}")
            return Function(token.text, argument)
        if cursor.accept("="):
            return Assignment(token.text, self.expression())
        return Word(token.text)

    def _text(self) -> Text:
        """Strings side by side are one, as in C; ``"abc"...`` has more bytes behind."""
        cursor = self.cursor
        value = b""
        while cursor.peek().kind == STRING:
            value += unescape(cursor.take().text)
        cursor.accept("...")
        return Text(value)

    def _list(self, closing: str) -> list[Expression]:
        cursor = self.cursor
        items: list[Expression] = []
        while not cursor.at(closing):
            items.append(self.expression())
            if not cursor.accept(","):
                break
        cursor.expect(closing, "at the end of the list")
        return items

    def _braces(self) -> Expression:
        """``{name=value, …}``, ``{value, …}``, or one of the header values, which begin with words."""
        cursor = self.cursor
        cursor.take()
        if cursor.at("("):
            return self._skip("a stack of MPLS labels")
        if cursor.at_word("flags", "Flags"):
            return self._skip("a GRE header")
        fields: dict[str, Expression] = {}
        sizes: dict[str, Expression] = {}
        items: list[Expression] = []
        while not cursor.at("}"):
            if cursor.at_word():
                name = cursor.take()
                if name.text not in _FUNCTIONS and cursor.accept("("):
                    sizes[name.text] = self.expression()
                    cursor.expect(")", f"behind the size of {name.text}")
                if cursor.accept("="):
                    if name.text.isupper() or name.text.startswith("_"):
                        items.append(Assignment(name.text, self.expression()))
                    elif name.text in fields:
                        cursor.fail(f"field {name.text} is given twice", name)
                    else:
                        fields[name.text] = self.expression()
                else:
                    value: Expression = Word(name.text)
                    while cursor.accept("|"):
                        value = Or(value, self._value())
                    items.append(value)
            else:
                items.append(self.expression())
            if not cursor.accept(","):
                break
        cursor.expect("}", "at the end of the structure")
        if fields:
            if items:
                cursor.unexpected("expected only name=value in a structure")
            return Structure(fields, sizes)
        return Items(items, True)

    def _skip(self, what: str) -> Opaque:
        cursor = self.cursor
        while not cursor.accept("}"):
            if cursor.at_end():
                cursor.unexpected(f"expected '}}' at the end of {what}")
            cursor.take()
        return Opaque(what)


def unescape(text: str) -> bytes:
    """The bytes of a C string literal."""
    out = bytearray()
    at = 0
    while at < len(text):
        char = text[at]
        at += 1
        if char != "\\" or at >= len(text):
            out += char.encode()
            continue
        char = text[at]
        at += 1
        if char == "x":
            digits = ""
            while at < len(text) and len(digits) < 2 and text[at] in "0123456789abcdefABCDEF":
                digits += text[at]
                at += 1
            out.append(int(digits or "0", 16))
        elif char in "01234567":
            digits = char
            while at < len(text) and len(digits) < 3 and text[at] in "01234567":
                digits += text[at]
                at += 1
            out.append(int(digits, 8) & 255)
        elif char in _ESCAPES:
            out.append(_ESCAPES[char])
        else:
            out += char.encode()
    return bytes(out)
