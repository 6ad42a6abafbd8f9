"""Reading frames whose contents may be anything, as programs with raw sockets send them.

:func:`read_frame` never fails on what follows the Ethernet header: a layer that is malformed, or whose
checksum is wrong, stays bytes inside the last layer that is sound. Who receives it drops it there, as a
host does, while what looks at lower layers (routers, packet sockets) handles it like any other.
"""

from __future__ import annotations

from .arp import parse_arp
from .ethernet import (
    ETHERTYPE_ARP,
    ETHERTYPE_IPV4,
    ETHERTYPE_IPV6,
    EthernetFrame,
    RawFramePayload,
    parse_ethernet_header,
)
from .ip import IpPacket
from .ipv4 import Ipv4Packet, read_ipv4_header
from .ipv6 import Ipv6Packet, read_ipv6_headers
from .packet import FramePayload, RawPayload, WireError
from .payload import parse_payload


def read_frame(data: bytes) -> EthernetFrame:
    """The frame in ``data``, parsed as far as it is sound.

    Serialised and read again it is the same frame. Raises WireError if it is shorter than 14 bytes.
    """
    destination, source, ethertype = parse_ethernet_header(data)
    rest = data[14:]
    return EthernetFrame(destination, source, ethertype, read_frame_payload(ethertype, rest))


def read_frame_payload(ethertype: int, data: bytes) -> FramePayload:
    """What a frame of ``ethertype`` carries; RawFramePayload if its header is not sound."""
    try:
        if ethertype == ETHERTYPE_IPV4:
            return read_ipv4(data)
        if ethertype == ETHERTYPE_IPV6:
            return read_ipv6(data)
        if ethertype == ETHERTYPE_ARP:
            return parse_arp(data)
    except WireError:
        pass
    return RawFramePayload(data)


def read_ipv4(data: bytes) -> Ipv4Packet:
    """The packet in ``data``; its payload is a RawPayload unless sound. Raises WireError if the header
    is not."""
    packet = read_ipv4_header(data)
    _read_payload(packet, packet.destination)
    return packet


def read_ipv6(data: bytes) -> Ipv6Packet:
    """:func:`read_ipv4` for IPv6; raises WireError if an extension header is not sound."""
    packet = read_ipv6_headers(data)
    _read_payload(packet, packet.final_destination())
    return packet


def _read_payload(packet: IpPacket, destination: int) -> None:
    body = packet.payload
    if packet.is_fragment() or not isinstance(body, RawPayload):
        return
    try:
        packet.payload = parse_payload(packet.protocol, body.data, packet.source, destination)
    except WireError:
        pass
