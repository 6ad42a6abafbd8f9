"""The parser: options, commands, events and their times."""

from __future__ import annotations

from typing import Final

from .cursor import Cursor
from .errors import ScriptError
from .expression_parser import ExpressionParser
from .lexer import CODE, COMMAND, ELLIPSIS, FLOAT, HEX, INTEGER, OPTION, STRING, WORD, Token
from .packet_parser import PacketParser
from .script import (
    ABSOLUTE,
    ANY,
    NO_TIME,
    RELATIVE,
    Call,
    Code,
    Command,
    Event,
    Packet,
    Script,
    Time,
)
from .settings import Settings

_OPTION_VALUES: Final = (INTEGER, HEX, FLOAT, WORD, STRING)


def parse_script(path: str, text: str, settings: Settings) -> Script:
    """The script in ``text``; its ``--options`` are applied to ``settings``.

    Raises ScriptError naming line, column, field and value of what is wrong.
    """
    return _Parser(path, text, settings).parse()


class _Parser:
    def __init__(self, path: str, text: str, settings: Settings) -> None:
        self.path = path
        self.text = text
        self.settings = settings
        self.cursor = Cursor(text, settings.defines)
        self.packets: PacketParser | None = None
        self.expressions = ExpressionParser(self.cursor)

    def parse(self) -> Script:
        cursor = self.cursor
        options: list[tuple[str, str | None, int]] = []
        while cursor.peek().kind == OPTION:
            options.append(self._option())
        self.settings.finish()
        self.packets = PacketParser(cursor, self.settings.wire_v6())
        init: Command | None = None
        if cursor.peek().kind == COMMAND:
            init = self._command()
        events: list[Event] = []
        cleanup: Command | None = None
        while not cursor.at_end():
            if cursor.peek().kind == COMMAND:
                cleanup = self._command()
                if not cursor.at_end():
                    cursor.unexpected("expected a time before an event; only the last command has none")
                break
            events.append(self._event())
        if not events:
            cursor.unexpected("expected an event")
        self._check_times(events)
        return Script(self.path, self.text, options, init, events, cleanup)

    def _option(self) -> tuple[str, str | None, int]:
        cursor = self.cursor
        token = cursor.take()
        name = token.text[2:]
        value: str | None = None
        if cursor.accept("="):
            value = self._option_value()
        try:
            self.settings.apply(name, value)
        except ValueError as error:
            raise ScriptError(str(error), token.line, token.column) from None
        return name, value, token.line

    def _option_value(self) -> str:
        """A value runs to the next space: addresses, lists and NAME=VALUE are more than one token."""
        cursor = self.cursor
        first = cursor.peek()
        if first.kind == COMMAND or first.line == 0:
            cursor.unexpected("expected the option's value")
        parts: list[Token] = [cursor.take()]
        while not cursor.at_end():
            token = cursor.peek()
            if token.start != parts[-1].end or token.kind == OPTION:
                break
            parts.append(cursor.take())
        if len(parts) == 1 and parts[0].kind == STRING:
            return parts[0].text
        return self.text[parts[0].start : parts[-1].end]

    def _command(self) -> Command:
        token = self.cursor.take()
        return Command(token.text, token.line)

    # Events

    def _event(self) -> Event:
        cursor = self.cursor
        first = cursor.peek()
        time = self._time()
        end = NO_TIME
        if cursor.peek().kind == ELLIPSIS:
            cursor.take()
            end = cursor.seconds("the end of a blocking call")
        action = self._action(time, end, first)
        text = " ".join(self.text[first.start : cursor.last_end].split())
        return Event(first.line, first.column, time, action, text)

    def _time(self) -> Time:
        cursor = self.cursor
        if cursor.accept("*"):
            return Time(ANY)
        kind = RELATIVE if cursor.accept("+") else ABSOLUTE
        first = cursor.peek()
        if first.kind not in (INTEGER, FLOAT):
            cursor.unexpected("expected the time of an event")
        time = Time(kind, cursor.seconds("the time"))
        if cursor.accept("~"):
            if kind == RELATIVE:
                cursor.expect("+", "before the end of a relative time range")
            time.end = cursor.seconds("the end of a time range")
            if time.end < time.start:
                cursor.fail("the time range is backwards", first)
        return time

    def _action(self, time: Time, end: int, first: Token) -> Packet | Call | Command | Code:
        cursor = self.cursor
        token = cursor.peek()
        outbound = False
        action: Packet | Call | Command | Code
        if cursor.at("<") or cursor.at(">"):
            assert self.packets is not None
            packet = self.packets.packet()
            outbound = not packet.inbound
            action = packet
        elif token.kind == COMMAND:
            action = self._command()
        elif token.kind == CODE:
            cursor.take()
            action = Code(token.text, token.line)
        elif token.kind == WORD:
            action = self.expressions.call(end)
        else:
            cursor.unexpected("expected a packet (< or >), a system call, a `command` or %{ code }%")
        if end != NO_TIME:
            if not isinstance(action, Call):
                cursor.fail("only a system call can have the time of its end", first)
            if end < time.start:
                cursor.fail("the call would end before it starts", first)
        if time.kind == ANY and not outbound:
            cursor.fail("the time * can only be used with outbound packets", first)
        if time.end != NO_TIME and not outbound:
            cursor.fail("a time range can only be used with outbound packets", first)
        return action

    def _check_times(self, events: list[Event]) -> None:
        if events[0].time.start != 0 or events[0].time.kind == ANY:
            raise ScriptError("the first event must be at time 0", events[0].line, events[0].column)
        before = events[0]
        for event in events[1:]:
            if (
                event.time.kind == ABSOLUTE
                and before.time.kind == ABSOLUTE
                and event.time.start < before.time.start
            ):
                raise ScriptError("time goes backward from the event before", event.line, event.column)
            before = event
