"""A frame condensed to the bytes that a run's digest covers.

Cheaper than serialising: payloads go in as a CRC and no checksum is computed. It rests only on what
survives parsing, so a frame passed as an object and its re-parsed bytes have the same fingerprint.
"""

from __future__ import annotations

from struct import Struct
from typing import Final
from zlib import crc32

from .ethernet import EthernetFrame
from .ip import PROTOCOL_UDP
from .ipv4 import Ipv4Packet
from .ipv6 import Ipv6Packet
from .packet import FramePayload
from .tcp import AE, TcpSegment
from .tcp_options import TcpOptions
from .udp import UdpDatagram

# The first byte says the kind, which gives the length; a kind of variable length states its own.
_KIND_TCP: Final = 1
_KIND_UDP: Final = 2
_KIND_TCP6: Final = 3
_KIND_UDP6: Final = 4
_KIND_BYTES: Final = 5

_pack_tcp: Final = Struct("<BQQQQQHHHIIBHHIIIB").pack
_pack_udp: Final = Struct("<BQQQQQHHHI").pack
_pack_bytes: Final = Struct("<BI").pack


def fingerprint(frame: EthernetFrame) -> bytes:
    """The fingerprint of ``frame``, computed at the first call and then kept in the frame."""
    known = frame.fingerprint
    if known is not None:
        return known
    made = _condense(frame)
    frame.fingerprint = made
    return made


def _condense(frame: EthernetFrame) -> bytes:
    packet: FramePayload = frame.payload
    if isinstance(packet, Ipv4Packet):
        if not packet.options and not packet.more_fragments and packet.fragment_offset == 0:
            payload = packet.payload
            if isinstance(payload, TcpSegment):
                return _condense_tcp(
                    _KIND_TCP, frame, packet.source, packet.destination, _header_v4(packet), payload
                )
            if isinstance(payload, UdpDatagram) and packet.protocol == PROTOCOL_UDP:
                return _condense_udp(
                    _KIND_UDP, frame, packet.source, packet.destination, _header_v4(packet), payload
                )
    elif isinstance(packet, Ipv6Packet) and not packet.extensions and not packet.has_fragment_header():
        payload = packet.payload
        if isinstance(payload, TcpSegment):
            made = _condense_tcp(_KIND_TCP6, frame, 0, 0, _header_v6(packet), payload)
            return made + _addresses(packet)
        if isinstance(payload, UdpDatagram) and packet.protocol == PROTOCOL_UDP:
            made = _condense_udp(_KIND_UDP6, frame, 0, 0, _header_v6(packet), payload)
            return made + _addresses(packet)
    data = frame.serialize()
    return _pack_bytes(_KIND_BYTES, len(data)) + data


def _addresses(packet: Ipv6Packet) -> bytes:
    return packet.source.to_bytes(16, "big") + packet.destination.to_bytes(16, "big")


def _header_v4(packet: Ipv4Packet) -> int:
    """What the header of an unfragmented packet has beside its addresses."""
    return packet.ident << 32 | packet.tos << 16 | packet.ttl << 8 | (1 if packet.dont_fragment else 0)


def _header_v6(packet: Ipv6Packet) -> int:
    return packet.flow_label << 32 | packet.tos << 16 | packet.ttl << 8


def _condense_udp(
    kind: int, frame: EthernetFrame, source: int, destination: int, header: int, datagram: UdpDatagram
) -> bytes:
    data = datagram.payload
    made: bytes = _pack_udp(
        kind,
        frame.destination,
        frame.source,
        source,
        destination,
        header,
        datagram.source_port,
        datagram.destination_port,
        len(data),
        crc32(data),
    )
    return made


def _condense_tcp(
    kind: int, frame: EthernetFrame, source: int, destination: int, header: int, segment: TcpSegment
) -> bytes:
    data = segment.payload
    ts_val = 0
    ts_ecr = 0
    more = b""
    options: TcpOptions | None = segment.options
    if options is not None:
        if options.timestamps and not _has_more(options):
            ts_val = options.ts_val
            ts_ecr = options.ts_ecr
            more = b"T"
        else:
            more = options.serialize()
    if segment.flags & AE:
        more += b"A"
    made: bytes = _pack_tcp(
        kind,
        frame.destination,
        frame.source,
        source,
        destination,
        header,
        segment.source_port,
        segment.destination_port,
        len(data),
        segment.seq,
        segment.ack,
        segment.flags & 0xFF,
        segment.window,
        segment.urgent,
        ts_val,
        ts_ecr,
        crc32(data) if data else 0,
        len(more),
    )
    return made + more if more else made


def _has_more(options: TcpOptions) -> bool:
    """Whether there is more than timestamps, which most segments have alone."""
    return bool(
        options.mss >= 0
        or options.sack
        or options.wscale >= 0
        or options.sack_permitted
        or options.fastopen is not None
        or options.unknown
    )
