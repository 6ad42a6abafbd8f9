"""IPv4 packets (RFC 791)."""

from __future__ import annotations

from struct import Struct
from typing import Final

from .address import V4_BASE, format_ip
from .checksum import internet_checksum
from .ip import DEFAULT_TTL, IpPacket
from .packet import Payload, RawPayload, WireError
from .payload import parse_payload as parse_payload

HEADER_LENGTH: Final = 20
"""Of a packet without options, in bytes."""

MAX_LENGTH: Final = 65535
"""Largest packet, in bytes with its header."""

_HEADER: Final = Struct(">BBHHHBBHII")

_DONT_FRAGMENT: Final = 0x4000
_MORE_FRAGMENTS: Final = 0x2000
_OFFSET_MASK: Final = 0x1FFF

_OPTION_END: Final = 0
_OPTION_NOP: Final = 1


class Ipv4Packet(IpPacket):
    """An IPv4 packet. ``options`` are the header's, as bytes, a multiple of 4 long."""

    __slots__ = ("options",)

    def __init__(self, source: int, destination: int, protocol: int, payload: Payload) -> None:
        self.source = source
        self.destination = destination
        self.protocol = protocol
        self.payload = payload
        self.ttl = DEFAULT_TTL
        self.tos = 0
        self.ident = 0
        self.dont_fragment = False
        self.more_fragments = False
        self.fragment_offset = 0
        self.options: bytes = b""

    def header_length(self) -> int:
        return HEADER_LENGTH + len(self.options)

    def wire_length(self) -> int:
        return HEADER_LENGTH + len(self.options) + self.payload.wire_length()

    def serialize(self) -> bytes:
        """The bytes. Raises WireError if the packet or its options are longer than IPv4 can say."""
        options = self.options
        header_length = HEADER_LENGTH + len(options)
        if header_length > 60 or header_length & 3:
            raise WireError("ipv4", "options length", len(options), "at most 40, a multiple of 4")
        if self.fragment_offset & 7:
            raise WireError("ipv4", "fragment offset", self.fragment_offset, "must be a multiple of 8")
        body = self.payload.serialize(self.source, self.destination)
        total = header_length + len(body)
        if total > MAX_LENGTH:
            raise WireError("ipv4", "total length", total, "a packet has at most 65535 bytes")
        checksum = internet_checksum(self._header(header_length, total, 0) + options, 0)
        return self._header(header_length, total, checksum) + options + body

    def _header(self, header_length: int, total: int, checksum: int) -> bytes:
        fragment = self.fragment_offset >> 3
        if self.dont_fragment:
            fragment |= _DONT_FRAGMENT
        if self.more_fragments:
            fragment |= _MORE_FRAGMENTS
        return _HEADER.pack(
            0x40 | header_length >> 2,
            self.tos,
            total,
            self.ident,
            fragment,
            self.ttl,
            self.protocol,
            checksum,
            self.source & 0xFFFF_FFFF,
            self.destination & 0xFFFF_FFFF,
        )

    def __repr__(self) -> str:
        text = f"Ipv4Packet({format_ip(self.source)} > {format_ip(self.destination)}, ttl={self.ttl}"
        if self.tos:
            text += f", tos={self.tos:#x}"
        if self.ident:
            text += f", ident={self.ident}"
        if self.dont_fragment:
            text += ", DF"
        if self.more_fragments:
            text += ", MF"
        if self.fragment_offset:
            text += f", offset={self.fragment_offset}"
        if self.options:
            text += f", options={self.options.hex()}"
        return f"{text}, protocol={self.protocol}, {self.payload!r})"


def parse_ipv4(data: bytes) -> Ipv4Packet:
    """The packet in ``data`` down to its payload; bytes behind its total length are padding.

    A fragment's payload is a RawPayload. Raises WireError if a header of any layer is malformed or
    a checksum wrong.
    """
    packet = read_ipv4_header(data)
    body = packet.payload
    if not packet.is_fragment() and isinstance(body, RawPayload):
        packet.payload = parse_payload(packet.protocol, body.data, packet.source, packet.destination)
    return packet


def read_ipv4_header(data: bytes) -> Ipv4Packet:
    """The packet in ``data`` with its payload as bytes. Raises WireError if the header is malformed."""
    header_length = _check_header(data)
    fields = _HEADER.unpack_from(data)
    total: int = fields[2]
    if total < header_length:
        raise WireError("ipv4", "total length", total, f"less than the header's {header_length} bytes")
    if total > len(data):
        raise WireError("ipv4", "total length", total, f"only {len(data)} bytes are there")
    if internet_checksum(data[:header_length], 0) != 0:
        raise WireError("ipv4", "checksum", fields[7], "does not match the header")
    return _packet_of(data, header_length, RawPayload(data[header_length:total]))


def parse_quoted_ipv4(data: bytes) -> Ipv4Packet:
    """The packet an ICMP error quotes in ``data``: its header and a RawPayload of what is left.

    The payload may be cut off, so the total length is not compared, nor are the checksums, which a
    router on the way may have left stale. Raises WireError if the header itself is cut or malformed.
    """
    header_length = _check_header(data)
    return _packet_of(data, header_length, RawPayload(data[header_length:]))


def _check_header(data: bytes) -> int:
    """Length of the header at the start of ``data``, its options sound."""
    size = len(data)
    if size < HEADER_LENGTH:
        raise WireError("ipv4", "length", size, "the header has at least 20 bytes")
    first = data[0]
    if first >> 4 != 4:
        raise WireError("ipv4", "version", first >> 4, "must be 4")
    header_length = (first & 15) << 2
    if header_length < HEADER_LENGTH:
        raise WireError("ipv4", "header length", header_length, "less than 20 bytes")
    if header_length > size:
        raise WireError("ipv4", "header length", header_length, f"only {size} bytes are there")
    if header_length > HEADER_LENGTH:
        _check_options(data, header_length)
    return header_length


def _check_options(data: bytes, end: int) -> None:
    at = HEADER_LENGTH
    while at < end:
        kind = data[at]
        if kind == _OPTION_END:
            return
        if kind == _OPTION_NOP:
            at += 1
            continue
        if at + 1 >= end:
            raise WireError("ipv4", "option length", kind, "the option ends before its length")
        length = data[at + 1]
        if length < 2:
            raise WireError("ipv4", "option length", length, f"option {kind} has at least 2 bytes")
        if at + length > end:
            raise WireError("ipv4", "option length", length, f"option {kind} runs past the header")
        at += length


def _packet_of(data: bytes, header_length: int, payload: Payload) -> Ipv4Packet:
    fields = _HEADER.unpack_from(data)
    fragment: int = fields[4]
    source: int = fields[8]
    destination: int = fields[9]
    packet = Ipv4Packet(V4_BASE | source, V4_BASE | destination, fields[6], payload)
    packet.tos = fields[1]
    packet.ident = fields[3]
    packet.ttl = fields[5]
    packet.dont_fragment = fragment & _DONT_FRAGMENT != 0
    packet.more_fragments = fragment & _MORE_FRAGMENTS != 0
    packet.fragment_offset = (fragment & _OFFSET_MASK) << 3
    if header_length > HEADER_LENGTH:
        packet.options = data[HEADER_LENGTH:header_length]
    return packet
