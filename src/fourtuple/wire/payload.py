"""The parser of what IP packets carry, whichever protocol it is."""

from __future__ import annotations

from .address import is_v4
from .icmp import parse_icmp
from .icmpv6 import parse_icmpv6
from .igmp import parse_igmp
from .ip import PROTOCOL_ICMP, PROTOCOL_ICMPV6, PROTOCOL_IGMP, PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_UDPLITE
from .packet import Payload, RawPayload
from .tcp import parse_tcp
from .udp import parse_udp
from .udplite import parse_udplite


def parse_payload(protocol: int, data: bytes, source: int, destination: int) -> Payload:
    """The whole payload of an IP packet between these addresses; RawPayload if it is none we know.

    Raises WireError if it is malformed or its checksum wrong.
    """
    if protocol == PROTOCOL_TCP:
        return parse_tcp(data, source, destination)
    if protocol == PROTOCOL_UDP:
        return parse_udp(data, source, destination)
    if protocol == PROTOCOL_UDPLITE:
        return parse_udplite(data, source, destination)
    if is_v4(source):
        if protocol == PROTOCOL_ICMP:
            return parse_icmp(data)
        if protocol == PROTOCOL_IGMP:
            return parse_igmp(data)
    elif protocol == PROTOCOL_ICMPV6:
        return parse_icmpv6(data, source, destination)
    return RawPayload(data)
