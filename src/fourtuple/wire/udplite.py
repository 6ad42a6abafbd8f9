"""UDP-Lite datagrams (RFC 3828): UDP whose checksum may leave out the end of the payload."""

from __future__ import annotations

from struct import Struct
from typing import Final

from .checksum import internet_checksum, pseudo_header_sum
from .packet import WireError
from .udp import HEADER_LENGTH, UdpDatagram

_PROTOCOL: Final = 136
_HEADER: Final = Struct(">HHHH")


class UdpLiteDatagram(UdpDatagram):
    """``coverage`` is the number of bytes the checksum covers, header included; 0 for all."""

    __slots__ = ("coverage",)

    def __init__(self, source_port: int, destination_port: int, payload: bytes, coverage: int) -> None:
        super().__init__(source_port, destination_port, payload)
        self.coverage = coverage

    def partial(self) -> bool:
        """Does the checksum leave out something?"""
        return 0 < self.coverage < HEADER_LENGTH + len(self.payload)

    def serialize(self, source: int, destination: int) -> bytes:
        """The bytes. Raises WireError if they are more than a packet can carry."""
        length = HEADER_LENGTH + len(self.payload)
        if length > 0xFFFF:
            raise WireError("udplite", "length", length, "a datagram has at most 65535 bytes")
        data = _HEADER.pack(self.source_port, self.destination_port, self.coverage, 0) + self.payload
        covered = data[: self.coverage] if self.partial() else data
        checksum = internet_checksum(covered, pseudo_header_sum(source, destination, _PROTOCOL, length))
        if checksum == 0:
            checksum = 0xFFFF
        return _HEADER.pack(self.source_port, self.destination_port, self.coverage, checksum) + self.payload

    def __repr__(self) -> str:
        ports = f"{self.source_port} > {self.destination_port}"
        return f"UdpLiteDatagram({ports}, {len(self.payload)} bytes, coverage={self.coverage})"


def parse_udplite(data: bytes, source: int, destination: int) -> UdpLiteDatagram:
    """The datagram in ``data``, sent between these addresses.

    Raises WireError if it is cut short, its coverage is 1 to 7 or beyond its end, or its checksum is
    missing or wrong (``udplite_checksum_init``).
    """
    length = len(data)
    if length < HEADER_LENGTH:
        raise WireError("udplite", "length", length, "the header has 8 bytes")
    fields = _HEADER.unpack_from(data)
    source_port: int = fields[0]
    destination_port: int = fields[1]
    coverage: int = fields[2]
    checksum: int = fields[3]
    if checksum == 0:
        raise WireError("udplite", "checksum", 0, "there must be one")
    if coverage != 0 and not HEADER_LENGTH <= coverage <= length:
        raise WireError("udplite", "coverage", coverage, f"neither 0 nor 8 to {length}")
    covered = data[:coverage] if 0 < coverage < length else data
    if internet_checksum(covered, pseudo_header_sum(source, destination, _PROTOCOL, length)) != 0:
        raise WireError("udplite", "checksum", checksum, "does not match the datagram")
    return UdpLiteDatagram(source_port, destination_port, data[HEADER_LENGTH:], coverage)
