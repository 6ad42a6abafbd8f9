"""Extension headers and their options as a receiver treats them (RFC 8200 §4)."""

from __future__ import annotations

from typing import Final

from ..wire.extension import OPTION_PAD1, OPTION_PADN, OPTION_ROUTER_ALERT, ExtensionHeader
from ..wire.icmpv6 import (
    ICMPV6_PARAMETER_PROBLEM,
    PARAMETER_HEADER_FIELD,
    PARAMETER_NEXT_HEADER,
    PARAMETER_OPTION,
)
from ..wire.ip import PROTOCOL_HOP_BY_HOP, PROTOCOL_ROUTING
from ..wire.ipv6 import HEADER_LENGTH, Ipv6Packet
from .icmp6 import Icmp6

_MOST_PADDING: Final = 7
"""More in one place aligns nothing; Linux drops the packet (``ip6_parse_tlv``)."""

_NEXT_HEADER_FIELD: Final = 6
"""Where the fixed header says what follows."""


class ExtensionReader:
    """Decides whether a packet passes its extension headers, and complains if one asks for it."""

    def __init__(self, icmp: Icmp6) -> None:
        self.icmp = icmp

    def hop_by_hop_passes(self, packet: Ipv6Packet) -> bool:
        """What every node on the way looks at."""
        extensions = packet.extensions
        if not extensions or extensions[0].kind != PROTOCOL_HOP_BY_HOP:
            return True
        return self._options_pass(packet, extensions[0], HEADER_LENGTH)

    def rest_passes(self, packet: Ipv6Packet) -> bool:
        """What only the destination looks at: routing headers at their end, destination options."""
        at = HEADER_LENGTH
        for extension in packet.extensions:
            if extension.kind == PROTOCOL_ROUTING:
                passes = self._routing_passes(packet, extension, at)
            else:
                passes = extension.kind == PROTOCOL_HOP_BY_HOP or self._options_pass(packet, extension, at)
            if not passes:
                return False
            at += extension.wire_length()
        return True

    def unknown_protocol(self, packet: Ipv6Packet) -> None:
        """Nobody here takes what the packet carries: point at the field that says so."""
        at = HEADER_LENGTH
        field = _NEXT_HEADER_FIELD
        for extension in packet.extensions:
            field = at
            at += extension.wire_length()
        if packet.has_fragment_header():
            field = at
        self.icmp.send_error(packet, ICMPV6_PARAMETER_PROBLEM, PARAMETER_NEXT_HEADER, field)

    def _routing_passes(self, packet: Ipv6Packet, extension: ExtensionHeader, at: int) -> bool:
        """This host is no waypoint: type 0 is dead (RFC 5095), and it knows none of the others."""
        data = extension.data
        if len(data) < 2 or data[1] == 0:
            return True
        self.icmp.send_error(packet, ICMPV6_PARAMETER_PROBLEM, PARAMETER_HEADER_FIELD, at + 2)
        return False

    def _options_pass(self, packet: Ipv6Packet, extension: ExtensionHeader, start: int) -> bool:
        """§4.2: the two high bits of an option not known say what to do (``ip6_tlvopt_unknown``)."""
        data = extension.data
        end = len(data)
        at = 0
        padding = 0
        while at < end:
            kind = data[at]
            if kind == OPTION_PAD1:
                at += 1
                padding += 1
                if padding > _MOST_PADDING:
                    return False
                continue
            if at + 1 >= end or at + 2 + data[at + 1] > end:
                return False
            known = kind == OPTION_PADN or (
                kind == OPTION_ROUTER_ALERT and extension.kind == PROTOCOL_HOP_BY_HOP
            )
            if kind == OPTION_PADN:
                padding += 2 + data[at + 1]
                if padding > _MOST_PADDING or data[at + 2 : at + 2 + data[at + 1]].strip(b"\0"):
                    return False
            else:
                padding = 0
            action = kind >> 6
            if not known and action:
                if action == 2 or (action == 3 and packet.destination >> 120 != 0xFF):
                    pointer = start + 2 + at
                    self.icmp.send_error(packet, ICMPV6_PARAMETER_PROBLEM, PARAMETER_OPTION, pointer)
                return False
            at += 2 + data[at + 1]
        return True
