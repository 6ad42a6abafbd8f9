"""What IPv4 and IPv6 packets have in common, so that a transport takes either."""

from __future__ import annotations

from typing import Final

from .packet import FramePayload, Payload

PROTOCOL_HOP_BY_HOP: Final = 0
PROTOCOL_ICMP: Final = 1
PROTOCOL_IGMP: Final = 2
PROTOCOL_TCP: Final = 6
PROTOCOL_UDP: Final = 17
PROTOCOL_UDPLITE: Final = 136
PROTOCOL_ROUTING: Final = 43
PROTOCOL_FRAGMENT: Final = 44
PROTOCOL_ICMPV6: Final = 58
PROTOCOL_NONE: Final = 59
PROTOCOL_DESTINATION_OPTIONS: Final = 60

DEFAULT_TTL: Final = 64


class IpPacket(FramePayload):
    """A packet of either family.

    ``tos`` is IPv6's traffic class and ``ttl`` its hop limit. ``protocol`` is the payload's, behind
    IPv6's extension headers. A fragment has ``more_fragments`` or a ``fragment_offset`` (bytes, a
    multiple of 8), and a :class:`~fourtuple.wire.packet.RawPayload`.
    """

    __slots__ = (
        "destination",
        "dont_fragment",
        "fragment_offset",
        "ident",
        "more_fragments",
        "payload",
        "protocol",
        "source",
        "tos",
        "ttl",
    )

    def __init__(self, source: int, destination: int, protocol: int, payload: Payload) -> None:
        self.source = source
        self.destination = destination
        self.protocol = protocol
        self.payload = payload
        self.ttl: int = DEFAULT_TTL
        self.tos: int = 0
        self.ident: int = 0
        self.dont_fragment: bool = False
        self.more_fragments: bool = False
        self.fragment_offset: int = 0

    def header_length(self) -> int:
        """Bytes in front of the payload, options or extension headers included."""
        raise NotImplementedError

    def is_fragment(self) -> bool:
        return self.more_fragments or self.fragment_offset != 0
