"""The parser of TCP options between ``<`` and ``>``."""

from __future__ import annotations

from struct import pack
from typing import Final

from ..wire.tcp_options import (
    OPTION_END,
    OPTION_FASTOPEN,
    OPTION_MSS,
    OPTION_NOP,
    OPTION_SACK,
    OPTION_SACK_PERMITTED,
    OPTION_TIMESTAMPS,
    OPTION_WSCALE,
)
from .cursor import Cursor
from .lexer import HEX, INTEGER, WORD
from .script import TcpOption

OPTION_MD5: Final = 19
OPTION_ACCECN0: Final = 172
OPTION_ACCECN1: Final = 174
OPTION_EXPERIMENT: Final = 254
FASTOPEN_MAGIC: Final = b"\xf9\x89"

_U32: Final = 0xFFFF_FFFF


def options(cursor: Cursor) -> list[TcpOption]:
    """The list up to the closing ``>``, which is left."""
    found: list[TcpOption] = []
    while True:
        start = cursor.peek().start
        kind, data = _option(cursor)
        text = " ".join(cursor.lexer.text[start : cursor.last_end].split())
        found.append(TcpOption(kind, data, text))
        if not cursor.accept(","):
            return found


def _option(cursor: Cursor) -> tuple[int, bytes | None]:
    if not cursor.at_word():
        cursor.unexpected("expected a TCP option")
    token = cursor.take()
    name = token.text
    if name == "nop":
        return OPTION_NOP, None
    if name == "eol":
        return OPTION_END, None
    if name == "mss":
        return OPTION_MSS, pack(">H", cursor.integer("mss", 0, 0xFFFF))
    if name == "wscale":
        return OPTION_WSCALE, bytes([cursor.integer("wscale", 0, 255)])
    if name == "sackOK":
        return OPTION_SACK_PERMITTED, b""
    if name == "sack":
        return OPTION_SACK, _sack(cursor)
    if name == "TS":
        _word(cursor, "val")
        value = cursor.integer("TS val", 0, _U32)
        _word(cursor, "ecr")
        return OPTION_TIMESTAMPS, pack(">II", value, cursor.integer("TS ecr", 0, _U32))
    if name == "FO":
        return OPTION_FASTOPEN, _blob(cursor, "Fast Open cookie", 38)
    if name == "FOEXP":
        return OPTION_EXPERIMENT, FASTOPEN_MAGIC + _blob(cursor, "Fast Open cookie", 36)
    if name == "md5":
        return OPTION_MD5, _blob(cursor, "MD5 digest", 16)
    if name == "ECN":
        return _accecn(cursor)
    return cursor.fail(
        f"{name!r} is no TCP option: nop, eol, mss, wscale, sackOK, sack, TS, FO, FOEXP, md5 or ECN", token
    )


def _word(cursor: Cursor, name: str) -> None:
    if not cursor.accept_word(name):
        cursor.unexpected(f"expected {name}")


def _sack(cursor: Cursor) -> bytes:
    data = b""
    while cursor.peek().kind == INTEGER:
        left = cursor.integer("left edge of a SACK block", 0, _U32)
        cursor.expect(":", "between the edges of a SACK block")
        data += pack(">II", left, cursor.integer("right edge of a SACK block", 0, _U32))
    if not data:
        cursor.unexpected("expected a SACK block such as 1001:2001")
    return data


def _blob(cursor: Cursor, what: str, longest: int) -> bytes:
    token = cursor.peek()
    if token.kind not in (WORD, INTEGER, HEX):
        return b""
    cursor.take()
    try:
        data = bytes.fromhex(token.text)
    except ValueError:
        cursor.fail(f"{what} {token.text!r} is not a string of hex bytes", token)
    if len(data) > longest:
        cursor.fail(f"{what} of {len(data)} bytes: at most {longest} fit", token)
    return data


def _accecn(cursor: Cursor) -> tuple[int, bytes]:
    """Counters in the order the option's kind gives them; those behind may be left out."""
    order = ("e0b", "ceb", "e1b") if cursor.at_word("e0b") else ("e1b", "ceb", "e0b")
    data = b""
    for name in order:
        if not cursor.accept_word(name):
            if not data:
                cursor.unexpected("expected e0b or e1b")
            break
        data += cursor.integer(f"ECN {name}", 0, 0xFFFFFF).to_bytes(3, "big")
    return (OPTION_ACCECN0 if order[0] == "e0b" else OPTION_ACCECN1), data
