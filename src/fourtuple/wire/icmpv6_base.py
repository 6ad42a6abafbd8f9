"""The base class of all ICMPv6 messages: type, code and a checksum over the pseudo header."""

from __future__ import annotations

from struct import Struct
from typing import Final

from .checksum import internet_checksum, pseudo_header_sum_v6
from .packet import Payload

ICMPV6_HEADER_LENGTH: Final = 4
"""Type, code and checksum, in bytes."""

_HEADER: Final = Struct(">BBH")
_PROTOCOL: Final = 58


class Icmpv6Payload(Payload):
    """An ICMPv6 message. Subclasses say what follows the checksum."""

    __slots__ = ("code", "type")

    def __init__(self, type: int, code: int) -> None:
        self.origin = None
        self.type = type
        self.code = code

    def body(self) -> bytes:
        """The bytes behind the checksum."""
        raise NotImplementedError

    def wire_length(self) -> int:
        return ICMPV6_HEADER_LENGTH + len(self.body())

    def serialize(self, source: int, destination: int) -> bytes:
        body = self.body()
        data = _HEADER.pack(self.type, self.code, 0) + body
        covered = pseudo_header_sum_v6(source, destination, _PROTOCOL, len(data))
        head: bytes = _HEADER.pack(self.type, self.code, internet_checksum(data, covered))
        return head + body
