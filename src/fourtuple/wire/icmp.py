"""ICMP messages (RFC 792, RFC 1191, RFC 1122 §3.2.2)."""

from __future__ import annotations

from struct import Struct
from typing import Final

from .checksum import internet_checksum
from .packet import Payload, WireError

ICMP_ECHO_REPLY: Final = 0
ICMP_UNREACHABLE: Final = 3
ICMP_REDIRECT: Final = 5
ICMP_ECHO_REQUEST: Final = 8
ICMP_TIME_EXCEEDED: Final = 11
ICMP_PARAMETER_PROBLEM: Final = 12
ICMP_TIMESTAMP_REQUEST: Final = 13
ICMP_TIMESTAMP_REPLY: Final = 14

# Codes of ICMP_UNREACHABLE.
UNREACHABLE_NET: Final = 0
UNREACHABLE_HOST: Final = 1
UNREACHABLE_PROTOCOL: Final = 2
UNREACHABLE_PORT: Final = 3
UNREACHABLE_FRAGMENTATION_NEEDED: Final = 4
UNREACHABLE_SOURCE_ROUTE_FAILED: Final = 5
UNREACHABLE_NET_PROHIBITED: Final = 9
UNREACHABLE_HOST_PROHIBITED: Final = 10
UNREACHABLE_ADMIN_PROHIBITED: Final = 13

# Codes of ICMP_TIME_EXCEEDED.
TIME_EXCEEDED_TTL: Final = 0
TIME_EXCEEDED_REASSEMBLY: Final = 1

# Codes of ICMP_REDIRECT.
REDIRECT_HOST: Final = 1

HEADER_LENGTH: Final = 8

_HEADER: Final = Struct(">BBHI")


class IcmpMessage(Payload):
    """An ICMP message. ``rest`` is the second 32-bit word of the header.

    In an echo ``rest`` is the identifier and the sequence number, in fragmentation-needed its low 16
    bits are the next hop's MTU. An error's ``payload`` is the start of the packet it is about.
    """

    __slots__ = ("code", "payload", "rest", "type")

    def __init__(self, type: int, code: int, rest: int, payload: bytes) -> None:
        self.origin = None
        self.type = type
        self.code = code
        self.rest = rest
        self.payload = payload

    def wire_length(self) -> int:
        return HEADER_LENGTH + len(self.payload)

    def serialize(self, source: int, destination: int) -> bytes:
        """The bytes; ICMP's checksum covers no pseudo header."""
        body = _HEADER.pack(self.type, self.code, 0, self.rest) + self.payload
        return _HEADER.pack(self.type, self.code, internet_checksum(body, 0), self.rest) + self.payload

    def is_error(self) -> bool:
        """Whether it reports on another packet, and so may not be answered by an error itself."""
        type = self.type
        return (
            type == ICMP_UNREACHABLE
            or type == ICMP_TIME_EXCEEDED
            or type == ICMP_PARAMETER_PROBLEM
            or type == ICMP_REDIRECT
            or type == 4  # source quench, deprecated by RFC 6633
        )

    def __repr__(self) -> str:
        return (
            f"IcmpMessage(type={self.type}, code={self.code}, rest={self.rest:#x}, {len(self.payload)} bytes)"
        )


def echo_rest(ident: int, sequence: int) -> int:
    """``rest`` of an echo request or reply."""
    return ident << 16 | sequence


def parse_icmp(data: bytes) -> IcmpMessage:
    """The message in ``data``. Raises WireError if it is too short or its checksum is wrong."""
    if len(data) < HEADER_LENGTH:
        raise WireError("icmp", "length", len(data), "the header has 8 bytes")
    fields = _HEADER.unpack_from(data)
    if internet_checksum(data, 0) != 0:
        raise WireError("icmp", "checksum", fields[2], "does not match the message")
    return IcmpMessage(fields[0], fields[1], fields[3], data[HEADER_LENGTH:])
