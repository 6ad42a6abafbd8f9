"""ICMPv6 messages (RFC 4443) and the parser of all of them.

Neighbour discovery is in :mod:`fourtuple.wire.ndp`, multicast listener discovery in
:mod:`fourtuple.wire.mld`; this has the errors, the echo and what they share.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from .checksum import internet_checksum, pseudo_header_sum_v6
from .icmpv6_base import ICMPV6_HEADER_LENGTH, Icmpv6Payload
from .mld import MLD_DONE, MLD_QUERY, MLDV2_REPORT, parse_mld
from .ndp import ND_REDIRECT, ND_ROUTER_SOLICITATION, parse_ndp
from .packet import WireError

ICMPV6_UNREACHABLE: Final = 1
ICMPV6_PACKET_TOO_BIG: Final = 2
ICMPV6_TIME_EXCEEDED: Final = 3
ICMPV6_PARAMETER_PROBLEM: Final = 4
ICMPV6_ECHO_REQUEST: Final = 128
ICMPV6_ECHO_REPLY: Final = 129

# Codes of ICMPV6_UNREACHABLE.
UNREACHABLE_NO_ROUTE: Final = 0
UNREACHABLE_ADMIN_PROHIBITED: Final = 1
UNREACHABLE_BEYOND_SCOPE: Final = 2
UNREACHABLE_ADDRESS: Final = 3
UNREACHABLE_PORT: Final = 4

# Codes of ICMPV6_TIME_EXCEEDED.
TIME_EXCEEDED_HOP_LIMIT: Final = 0
TIME_EXCEEDED_REASSEMBLY: Final = 1

# Codes of ICMPV6_PARAMETER_PROBLEM.
PARAMETER_HEADER_FIELD: Final = 0
PARAMETER_NEXT_HEADER: Final = 1
PARAMETER_OPTION: Final = 2

_REST: Final = Struct(">I")


class Icmpv6Message(Icmpv6Payload):
    """An error, an echo, or a message of a type without a class of its own.

    ``rest`` is the second 32-bit word: identifier and sequence of an echo, the MTU of a
    packet-too-big, the pointer of a parameter problem. An error's ``payload`` is the start of the
    packet it is about.
    """

    __slots__ = ("payload", "rest")

    def __init__(self, type: int, code: int, rest: int, payload: bytes) -> None:
        self.origin = None
        self.type = type
        self.code = code
        self.rest = rest
        self.payload = payload

    def body(self) -> bytes:
        head: bytes = _REST.pack(self.rest)
        return head + self.payload

    def wire_length(self) -> int:
        return 8 + len(self.payload)

    def is_error(self) -> bool:
        """Whether it reports on another packet, and so may not be answered by an error itself."""
        return self.type < 128

    def __repr__(self) -> str:
        size = len(self.payload)
        return f"Icmpv6Message(type={self.type}, code={self.code}, rest={self.rest:#x}, {size} bytes)"


def parse_icmpv6(data: bytes, source: int, destination: int) -> Icmpv6Payload:
    """The message in ``data``, sent between these addresses, as an object of its type's class.

    Raises WireError if it is too short or malformed, or its checksum is wrong.
    """
    size = len(data)
    if size < 8:
        raise WireError("icmpv6", "length", size, "a message has at least 8 bytes")
    if internet_checksum(data, pseudo_header_sum_v6(source, destination, 58, size)) != 0:
        raise WireError("icmpv6", "checksum", data[2] << 8 | data[3], "does not match the message")
    type = data[0]
    code = data[1]
    if ND_ROUTER_SOLICITATION <= type <= ND_REDIRECT:
        return parse_ndp(type, code, data[ICMPV6_HEADER_LENGTH:])
    if MLD_QUERY <= type <= MLD_DONE or type == MLDV2_REPORT:
        return parse_mld(type, code, data[ICMPV6_HEADER_LENGTH:])
    return Icmpv6Message(type, code, _REST.unpack_from(data, 4)[0], data[8:])
