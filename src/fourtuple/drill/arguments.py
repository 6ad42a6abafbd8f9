"""The arguments of a call, evaluated."""

from __future__ import annotations

import ipaddress
from struct import pack

from .errors import ScriptError, Unsupported
from .script import (
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
from .symbols import symbol


def describe(expression: Expression) -> str:
    """What kind of value it is, for an error message."""
    if isinstance(expression, Number):
        return f"the number {expression.value}"
    if isinstance(expression, Word):
        return expression.name
    if isinstance(expression, Ellipsis):
        return "..."
    if isinstance(expression, Text):
        return f"the string {expression.value!r}"
    if isinstance(expression, Items):
        return "a list"
    if isinstance(expression, Structure):
        return "a structure {" + ", ".join(expression.fields) + "}"
    return f"a {type(expression).__name__.lower()}"


class Arguments:
    """Every method raises ScriptError, with the call's line, if a value is of a wrong kind."""

    def __init__(self, call: Call, line: int) -> None:
        self.call = call
        self.line = line

    def fail(self, message: str) -> ScriptError:
        return ScriptError(f"{self.call.name}: {message}", self.line)

    def result(self) -> int:
        """The result the script expects."""
        return self.value(self.call.result, "the result")

    def count(self, *allowed: int) -> int:
        """How many there are, which must be one of ``allowed``."""
        number = len(self.call.arguments)
        if number not in allowed:
            wanted = " or ".join([str(one) for one in allowed])
            raise self.fail(f"takes {wanted} arguments, not {number}")
        return number

    def at(self, index: int) -> Expression:
        return self.call.arguments[index]

    def value(self, expression: Expression, what: str) -> int:
        """A number: an integer, a symbol, several joined by ``|``, htons() …"""
        if isinstance(expression, Number):
            return expression.value
        if isinstance(expression, Word):
            try:
                return symbol(expression.name)
            except ValueError as error:
                raise self.fail(f"{what}: {error}") from None
        if isinstance(expression, Or):
            return self.value(expression.left, what) | self.value(expression.right, what)
        if isinstance(expression, Function) and expression.name in ("htons", "htonl"):
            number = self.value(expression.argument, what)
            return int.from_bytes(pack(">H" if expression.name == "htons" else ">I", number), "little")
        if isinstance(expression, Function) and expression.name == "inet_addr":
            return int.from_bytes(self.address_bytes(expression), "little")
        raise self.fail(f"{what} must be a number, not {describe(expression)}")

    def number(self, index: int, what: str) -> int:
        return self.value(self.at(index), what)

    def bracketed(self, index: int, what: str) -> int:
        """``[5]``."""
        expression = self.at(index)
        if isinstance(expression, Items) and len(expression.items) == 1:
            return self.value(expression.items[0], what)
        raise self.fail(f"{what} must be a number in brackets such as [1], not {describe(expression)}")

    def is_ellipsis(self, index: int) -> bool:
        return isinstance(self.at(index), Ellipsis)

    def ellipsis(self, index: int, what: str) -> None:
        if not self.is_ellipsis(index):
            raise self.fail(f"{what} must be ..., not {describe(self.at(index))}")

    def buffer(self, index: int) -> bool:
        """Whether a buffer is given: ``...``; False for NULL, which is 0."""
        expression = self.at(index)
        if isinstance(expression, Ellipsis):
            return True
        if self.value(expression, "the buffer") == 0:
            return False
        raise self.fail("the buffer must be ... or 0")

    def is_null(self, index: int) -> bool:
        """Whether a NULL pointer is given, as 0 or NULL."""
        expression = self.at(index)
        if isinstance(expression, Word):
            return expression.name == "NULL"
        return isinstance(expression, Number) and expression.value == 0

    def items(self, expression: Expression, what: str) -> list[Expression]:
        if isinstance(expression, Items):
            return expression.items
        raise self.fail(f"{what} must be a list, not {describe(expression)}")

    def structure(self, expression: Expression, what: str, *names: str) -> Structure:
        """A structure that has all of ``names``."""
        if not isinstance(expression, Structure):
            raise self.fail(f"{what} must be a structure, not {describe(expression)}")
        for name in names:
            if name not in expression.fields:
                raise self.fail(f"{what}: field {name} is missing")
        return expression

    def address_bytes(self, expression: Function) -> bytes:
        if not isinstance(expression.argument, Text):
            raise self.fail(f"{expression.name}() takes a string")
        text = expression.argument.value.decode("ascii", "replace")
        try:
            return ipaddress.ip_address(text).packed
        except ValueError:
            raise self.fail(f"{expression.name}({text!r}): no IP address") from None

    def option_value(self, expression: Expression) -> bytes:
        """The bytes of a socket option's value."""
        if isinstance(expression, Structure) and "tv_sec" in expression.fields:
            fields = self.structure(expression, "the value", "tv_sec", "tv_usec").fields
            return pack("=qq", *[self.value(fields[name], name) for name in ("tv_sec", "tv_usec")])
        if isinstance(expression, Structure):
            fields = self.structure(expression, "the value", "onoff", "linger").fields
            on, time = self.value(fields["onoff"], "onoff"), self.value(fields["linger"], "linger")
            return pack("=ii", on, time)
        if isinstance(expression, Text):
            return expression.value + b"\0"
        if isinstance(expression, Items) and len(expression.items) == 1:
            return pack("=I", self.value(expression.items[0], "the value") & 0xFFFF_FFFF)
        if isinstance(expression, Items):
            numbers = [self.value(item, "the value") for item in expression.items]
            return b"".join([pack("=I", number & 0xFFFF_FFFF) for number in numbers])
        if isinstance(expression, Function) and expression.name == "inet6_addr":
            return self.address_bytes(expression)
        if isinstance(expression, Opaque):
            raise Unsupported(f"{expression.what} as a socket option")
        raise self.fail(f"the value must be [number], a string or a structure, not {describe(expression)}")
