"""IPv6 packets with their extension headers (RFC 8200)."""

from __future__ import annotations

from struct import Struct
from typing import Final

from .address import format_ip, is_v4
from .extension import ExtensionHeader, is_extension, parse_extension
from .ip import DEFAULT_TTL, PROTOCOL_FRAGMENT, PROTOCOL_HOP_BY_HOP, IpPacket
from .packet import Payload, RawPayload, WireError
from .payload import parse_payload

HEADER_LENGTH: Final = 40
"""Of a packet without extension headers, in bytes."""

FRAGMENT_HEADER_LENGTH: Final = 8

MAX_PAYLOAD: Final = 65535
"""Most bytes behind the fixed header; jumbograms (RFC 2675) are not known."""

_HEADER: Final = Struct(">IHBB16s16s")
_FRAGMENT: Final = Struct(">BBHI")
_MORE_FRAGMENTS: Final = 1


class Ipv6Packet(IpPacket):
    """An IPv6 packet.

    ``extensions`` are its extension headers in order, the fragment header aside: that is written,
    last of them, for a fragment or if ``fragment_header`` is set (an atomic fragment, RFC 6946).
    ``dont_fragment`` is always True: only the sender may fragment.
    """

    __slots__ = ("extensions", "flow_label", "fragment_header")

    def __init__(self, source: int, destination: int, protocol: int, payload: Payload) -> None:
        self.source = source
        self.destination = destination
        self.protocol = protocol
        self.payload = payload
        self.ttl = DEFAULT_TTL
        self.tos = 0
        self.ident = 0
        self.dont_fragment = True
        self.more_fragments = False
        self.fragment_offset = 0
        self.flow_label: int = 0
        self.fragment_header: bool = False
        self.extensions: list[ExtensionHeader] = []

    def has_fragment_header(self) -> bool:
        return self.fragment_header or self.more_fragments or self.fragment_offset != 0

    def header_length(self) -> int:
        length = HEADER_LENGTH
        for extension in self.extensions:
            length += extension.wire_length()
        return length + FRAGMENT_HEADER_LENGTH if self.has_fragment_header() else length

    def wire_length(self) -> int:
        return self.header_length() + self.payload.wire_length()

    def final_destination(self) -> int:
        """The address checksums cover: the destination, or where a routing header leads in the end."""
        for extension in self.extensions:
            final = extension.final_destination()
            if final >= 0:
                return final
        return self.destination

    def header_bytes(self) -> list[tuple[int, bytes]]:
        """(protocol number, bytes) of each extension header, as a receiver is told of them."""
        found: list[tuple[int, bytes]] = []
        following = self.protocol
        for at in range(len(self.extensions) - 1, -1, -1):
            extension = self.extensions[at]
            found.insert(0, (extension.kind, extension.serialize(following)))
            following = extension.kind
        return found

    def serialize(self) -> bytes:
        """The bytes. Raises WireError if the packet or a header is longer than IPv6 can say."""
        next_header = self.protocol
        rest = self.payload.serialize(self.source, self.final_destination())
        if self.has_fragment_header():
            if self.fragment_offset & 7:
                raise WireError("ipv6", "fragment offset", self.fragment_offset, "must be a multiple of 8")
            more = _MORE_FRAGMENTS if self.more_fragments else 0
            rest = _FRAGMENT.pack(next_header, 0, self.fragment_offset | more, self.ident) + rest
            next_header = PROTOCOL_FRAGMENT
        extensions = self.extensions
        for at in range(len(extensions) - 1, -1, -1):
            rest = extensions[at].serialize(next_header) + rest
            next_header = extensions[at].kind
        if len(rest) > MAX_PAYLOAD:
            raise WireError("ipv6", "payload length", len(rest), "a packet carries at most 65535 bytes")
        header: bytes = _HEADER.pack(
            6 << 28 | self.tos << 20 | self.flow_label,
            len(rest),
            next_header,
            self.ttl,
            self.source.to_bytes(16, "big"),
            self.destination.to_bytes(16, "big"),
        )
        return header + rest

    def __repr__(self) -> str:
        text = f"Ipv6Packet({format_ip(self.source)} > {format_ip(self.destination)}, ttl={self.ttl}"
        if self.tos:
            text += f", tos={self.tos:#x}"
        if self.flow_label:
            text += f", flow={self.flow_label:#x}"
        if self.has_fragment_header():
            text += f", ident={self.ident}, offset={self.fragment_offset}"
            if self.more_fragments:
                text += ", MF"
        for extension in self.extensions:
            text += f", {extension!r}"
        return f"{text}, protocol={self.protocol}, {self.payload!r})"


def parse_ipv6(data: bytes) -> Ipv6Packet:
    """The packet in ``data`` down to its payload; bytes behind its payload length are padding.

    A fragment's payload is a RawPayload, and its protocol may be that of an extension header. Raises
    WireError if a header of any layer is malformed or a checksum wrong.
    """
    packet = read_ipv6_headers(data)
    body = packet.payload
    if isinstance(body, RawPayload):
        _set_payload(packet, body.data)
    return packet


def read_ipv6_headers(data: bytes) -> Ipv6Packet:
    """The packet in ``data`` with its payload as bytes. Raises WireError if a header is malformed."""
    packet = _read_fixed_header(data)
    length = _HEADER.unpack_from(data)[1]
    end: int = HEADER_LENGTH + length
    if end > len(data):
        raise WireError("ipv6", "payload length", length, f"only {len(data) - HEADER_LENGTH} bytes are there")
    at = _read_extensions(packet, data[:end], HEADER_LENGTH)
    packet.payload = RawPayload(data[at:end])
    return packet


def parse_quoted_ipv6(data: bytes) -> Ipv6Packet:
    """The packet an ICMPv6 error quotes in ``data``: its headers and a RawPayload of what is left.

    The payload may be cut off. Raises WireError if a header is cut off or malformed.
    """
    packet = _read_fixed_header(data)
    at = _read_extensions(packet, data, HEADER_LENGTH)
    packet.payload = RawPayload(data[at:])
    return packet


def reassembled_ipv6(first: Ipv6Packet, data: bytes) -> Ipv6Packet:
    """The packet whose first fragment is ``first`` and whose fragments together carry ``data``.

    Raises WireError if what they carry is malformed or its checksum wrong.
    """
    packet = Ipv6Packet(first.source, first.destination, first.protocol, first.payload)
    packet.ttl = first.ttl
    packet.tos = first.tos
    packet.flow_label = first.flow_label
    packet.extensions = first.extensions[:]
    # Refuses another fragment header inside.
    packet.fragment_header = True
    at = _read_extensions(packet, data, 0)
    packet.fragment_header = False
    _set_payload(packet, data[at:])
    return packet


def _read_fixed_header(data: bytes) -> Ipv6Packet:
    """A packet of the first 40 bytes, its protocol the first next header, its payload still empty."""
    size = len(data)
    if size < HEADER_LENGTH:
        raise WireError("ipv6", "length", size, "the header has 40 bytes")
    fields = _HEADER.unpack_from(data)
    first: int = fields[0]
    if first >> 28 != 6:
        raise WireError("ipv6", "version", first >> 28, "must be 6")
    source = int.from_bytes(fields[4], "big")
    destination = int.from_bytes(fields[5], "big")
    # On the wire these would be taken for IPv4 addresses of the same packet (RFC 4942 §2.2).
    if is_v4(source):
        raise WireError("ipv6", "source", format_ip(source), "a v4-mapped address stays off the wire")
    if is_v4(destination):
        raise WireError(
            "ipv6", "destination", format_ip(destination), "a v4-mapped address stays off the wire"
        )
    packet = Ipv6Packet(source, destination, fields[2], RawPayload(b""))
    packet.tos = first >> 20 & 0xFF
    packet.flow_label = first & 0xFFFFF
    packet.ttl = fields[3]
    return packet


def _read_extensions(packet: Ipv6Packet, data: bytes, at: int) -> int:
    """Read the headers from ``at`` on into ``packet``; returns where its payload begins."""
    while not packet.is_fragment():
        kind = packet.protocol
        if is_extension(kind):
            if kind == PROTOCOL_HOP_BY_HOP and at != HEADER_LENGTH:
                raise WireError("ipv6", "next header", kind, "hop-by-hop options come first")
            extension = parse_extension(kind, data, at)
            packet.extensions.append(extension)
            packet.protocol = data[at]
            at += extension.wire_length()
        elif kind == PROTOCOL_FRAGMENT:
            if packet.fragment_header:
                raise WireError("ipv6", "next header", kind, "a packet has one fragment header")
            if len(data) - at < FRAGMENT_HEADER_LENGTH:
                raise WireError("ipv6", "fragment header length", len(data) - at, "it has 8 bytes")
            fields = _FRAGMENT.unpack_from(data, at)
            position: int = fields[2]
            packet.protocol = fields[0]
            packet.ident = fields[3]
            packet.fragment_header = True
            packet.fragment_offset = position & 0xFFF8
            packet.more_fragments = position & _MORE_FRAGMENTS != 0
            at += FRAGMENT_HEADER_LENGTH
        else:
            break
    return at


def _set_payload(packet: Ipv6Packet, data: bytes) -> None:
    if packet.is_fragment():
        packet.payload = RawPayload(data)
    else:
        packet.payload = parse_payload(packet.protocol, data, packet.source, packet.final_destination())
