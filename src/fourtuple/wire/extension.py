"""IPv6 extension headers and the options in them (RFC 8200 §4)."""

from __future__ import annotations

from typing import Final

from .ip import PROTOCOL_DESTINATION_OPTIONS, PROTOCOL_HOP_BY_HOP, PROTOCOL_ROUTING
from .packet import WireError

OPTION_PAD1: Final = 0
OPTION_PADN: Final = 1
OPTION_ROUTER_ALERT: Final = 5

MAX_LENGTH: Final = 2048
"""Of one extension header, in bytes."""

_ROUTING_SEGMENTS: Final = 4
"""Routing type of segment routing (RFC 8754), whose list begins with the last segment."""


class ExtensionHeader:
    """One extension header other than a fragment header, which the packet's own fields stand for.

    ``kind`` is its protocol number; ``data`` what follows its next-header and length bytes.
    """

    __slots__ = ("data", "kind")

    def __init__(self, kind: int, data: bytes) -> None:
        self.kind = kind
        self.data = data

    def wire_length(self) -> int:
        return 2 + len(self.data)

    def serialize(self, next_header: int) -> bytes:
        """The bytes. Raises WireError unless the length is a multiple of 8 up to 2048."""
        length = 2 + len(self.data)
        if length & 7 or length > MAX_LENGTH:
            raise WireError("ipv6", "extension length", length, "a multiple of 8 up to 2048")
        return bytes((next_header, (length >> 3) - 1)) + self.data

    def options(self) -> list[tuple[int, bytes]]:
        """(type, data) of each option of a hop-by-hop or destination options header, no padding.

        Raises WireError if an option runs past the header.
        """
        data = self.data
        end = len(data)
        found: list[tuple[int, bytes]] = []
        at = 0
        while at < end:
            kind = data[at]
            if kind == OPTION_PAD1:
                at += 1
                continue
            if at + 1 >= end:
                raise WireError("ipv6", "option length", kind, "the option ends before its length")
            length = data[at + 1]
            if at + 2 + length > end:
                raise WireError("ipv6", "option length", length, f"option {kind} runs past its header")
            if kind != OPTION_PADN:
                found.append((kind, data[at + 2 : at + 2 + length]))
            at += 2 + length
        return found

    def final_destination(self) -> int:
        """Last address of a routing header with segments left; -1 if this names no destination.

        Checksums cover that address, not the one the packet is on its way to (RFC 8200 §8.1).
        """
        data = self.data
        if self.kind != PROTOCOL_ROUTING or len(data) < 22 or data[1] == 0:
            return -1
        if data[0] == _ROUTING_SEGMENTS:
            return int.from_bytes(data[6:22], "big")
        if data[0] == 0 or data[0] == 2:
            return int.from_bytes(data[-16:], "big")
        return -1

    def __repr__(self) -> str:
        return f"ExtensionHeader({self.kind}, {self.data.hex()})"


def is_extension(protocol: int) -> bool:
    """Whether ``protocol`` is an extension header we know, fragment headers aside."""
    return protocol in (PROTOCOL_HOP_BY_HOP, PROTOCOL_ROUTING, PROTOCOL_DESTINATION_OPTIONS)


def options_header(kind: int, options: list[tuple[int, bytes]]) -> ExtensionHeader:
    """A hop-by-hop or destination options header of these (type, data) options, padded behind."""
    data = b""
    for option, value in options:
        data += bytes((option, len(value))) + value
    missing = -(2 + len(data)) & 7
    if missing == 1:
        data += b"\0"
    elif missing:
        data += bytes((OPTION_PADN, missing - 2)) + bytes(missing - 2)
    return ExtensionHeader(kind, data)


def parse_extension(kind: int, data: bytes, at: int) -> ExtensionHeader:
    """The header of ``kind`` that begins at ``at``. Raises WireError if it or an option is cut off."""
    left = len(data) - at
    if left < 8:
        raise WireError("ipv6", "extension length", left, f"header {kind} has at least 8 bytes")
    length = (data[at + 1] + 1) << 3
    if length > left:
        raise WireError("ipv6", "extension length", length, f"only {left} bytes are there")
    header = ExtensionHeader(kind, data[at + 2 : at + length])
    if kind != PROTOCOL_ROUTING:
        header.options()
    elif data[at + 2] in (0, 2) and data[at + 3] != 0 and length & 15 != 8:
        raise WireError("ipv6", "extension length", length, "a routing header holds whole addresses")
    return header
