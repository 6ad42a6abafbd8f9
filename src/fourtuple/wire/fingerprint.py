"""A frame condensed to the bytes that a run's digest covers.

Cheaper than serialising: payloads go in as a CRC and no checksum is computed. It rests only on what
survives parsing, so a frame passed as an object and its re-parsed bytes have the same fingerprint.
"""

from __future__ import annotations

from struct import Struct
from typing import Final
from zlib import crc32

from .ethernet import EthernetFrame
from .ipv4 import Ipv4Packet
from .packet import FramePayload
from .tcp import TcpSegment
from .tcp_options import TcpOptions
from .udp import UdpDatagram

# The first byte says the kind, which gives the length; a kind of variable length states its own.
_KIND_TCP: Final = 1
_KIND_UDP: Final = 2
_KIND_BYTES: Final = 3

_TCP: Final = Struct("<BQQQIHHHHIIBHHIIIB")
_UDP: Final = Struct("<BQQQIHHHHI")
_BYTES: Final = Struct("<BI")


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
    if isinstance(packet, Ipv4Packet) and not packet.options:
        payload = packet.payload
        if isinstance(payload, TcpSegment):
            return _condense_tcp(frame, packet, payload)
        if isinstance(payload, UdpDatagram):
            data = payload.payload
            return _UDP.pack(
                _KIND_UDP,
                frame.destination,
                frame.source,
                _addresses(packet),
                _header_word(packet),
                packet.ident,
                payload.source_port,
                payload.destination_port,
                len(data),
                crc32(data),
            )
    data = frame.serialize()
    return _BYTES.pack(_KIND_BYTES, len(data)) + data


def _addresses(packet: Ipv4Packet) -> int:
    return (packet.source & 0xFFFF_FFFF) << 32 | packet.destination & 0xFFFF_FFFF


def _header_word(packet: Ipv4Packet) -> int:
    return (
        packet.tos << 24
        | packet.ttl << 16
        | packet.fragment_offset
        | (1 if packet.more_fragments else 0)
        | (2 if packet.dont_fragment else 0)
    )


def _condense_tcp(frame: EthernetFrame, packet: Ipv4Packet, segment: TcpSegment) -> bytes:
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
    made: bytes = _TCP.pack(
        _KIND_TCP,
        frame.destination,
        frame.source,
        _addresses(packet),
        _header_word(packet),
        packet.ident,
        segment.source_port,
        segment.destination_port,
        len(data),
        segment.seq,
        segment.ack,
        segment.flags,
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
