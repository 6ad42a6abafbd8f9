"""Ethernet frames (IEEE 802.3, without the frame check sequence), and the parser of whole frames.

Short frames are not padded to 60 bytes, as on a virtual interface.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from .address import format_mac
from .arp import parse_arp
from .ipv4 import parse_ipv4
from .ipv6 import parse_ipv6
from .packet import FramePayload, WireError

ETHERTYPE_IPV4: Final = 0x0800
ETHERTYPE_ARP: Final = 0x0806
ETHERTYPE_IPV6: Final = 0x86DD

HEADER_LENGTH: Final = 14

_HEADER: Final = Struct(">HIHIH")


class RawFramePayload(FramePayload):
    """Bytes of an ethertype without a class of its own."""

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data = data

    def wire_length(self) -> int:
        return len(self.data)

    def serialize(self) -> bytes:
        return self.data

    def __repr__(self) -> str:
        return f"RawFramePayload({len(self.data)} bytes)"


class EthernetFrame:
    """A frame. Once sent it is not changed, nor is anything in it: who alters one makes another.

    ``fingerprint`` is kept by :func:`fourtuple.wire.fingerprint.fingerprint`, so that a frame seen at
    several points is condensed once.
    """

    __slots__ = ("destination", "ethertype", "fingerprint", "payload", "source")

    def __init__(self, destination: int, source: int, ethertype: int, payload: FramePayload) -> None:
        self.destination = destination
        self.source = source
        self.ethertype = ethertype
        self.payload = payload
        self.fingerprint: bytes | None = None

    def wire_length(self) -> int:
        """Length in bytes when serialised, header included."""
        return HEADER_LENGTH + self.payload.wire_length()

    def serialize(self) -> bytes:
        """The bytes, all checksums filled in. Raises WireError if a layer cannot be written."""
        destination = self.destination
        source = self.source
        header = _HEADER.pack(
            destination >> 32, destination & 0xFFFF_FFFF, source >> 32, source & 0xFFFF_FFFF, self.ethertype
        )
        return header + self.payload.serialize()

    def __repr__(self) -> str:
        return (
            f"EthernetFrame({format_mac(self.source)} > {format_mac(self.destination)}, "
            f"{self.ethertype:#06x}, {self.payload!r})"
        )


def parse_frame(data: bytes) -> EthernetFrame:
    """The frame in ``data`` parsed down to its innermost layer, every checksum verified.

    Raises WireError if anything in it is malformed.
    """
    destination, source, ethertype = parse_ethernet_header(data)
    rest = data[HEADER_LENGTH:]
    payload: FramePayload
    if ethertype == ETHERTYPE_IPV4:
        payload = parse_ipv4(rest)
    elif ethertype == ETHERTYPE_ARP:
        payload = parse_arp(rest)
    elif ethertype == ETHERTYPE_IPV6:
        payload = parse_ipv6(rest)
    else:
        payload = RawFramePayload(rest)
    return EthernetFrame(destination, source, ethertype, payload)


def parse_ethernet_header(data: bytes) -> tuple[int, int, int]:
    """Destination, source and ethertype. Raises WireError if ``data`` is shorter than the header."""
    if len(data) < HEADER_LENGTH:
        raise WireError("ethernet", "length", len(data), "the header has 14 bytes")
    fields = _HEADER.unpack_from(data)
    destination_high: int = fields[0]
    destination_low: int = fields[1]
    source_high: int = fields[2]
    source_low: int = fields[3]
    ethertype: int = fields[4]
    return destination_high << 32 | destination_low, source_high << 32 | source_low, ethertype
