"""UDP datagrams (RFC 768; over IPv6 RFC 8200 §8.1)."""

from __future__ import annotations

from struct import Struct
from typing import Final

from .address import is_v4
from .checksum import internet_checksum, pseudo_header_sum
from .packet import Payload, WireError

HEADER_LENGTH: Final = 8

_PROTOCOL: Final = 17
_HEADER: Final = Struct(">HHHH")


class UdpDatagram(Payload):
    __slots__ = ("destination_port", "payload", "source_port")

    def __init__(self, source_port: int, destination_port: int, payload: bytes) -> None:
        self.origin = None
        self.source_port = source_port
        self.destination_port = destination_port
        self.payload = payload

    def wire_length(self) -> int:
        return HEADER_LENGTH + len(self.payload)

    def serialize(self, source: int, destination: int) -> bytes:
        """The bytes. Raises WireError if they exceed the 65535 the length field can say."""
        length = HEADER_LENGTH + len(self.payload)
        if length > 0xFFFF:
            raise WireError("udp", "length", length, "a datagram has at most 65535 bytes")
        data = _HEADER.pack(self.source_port, self.destination_port, length, 0) + self.payload
        checksum = internet_checksum(data, pseudo_header_sum(source, destination, _PROTOCOL, length))
        # 0 says that there is no checksum; its other form says that the sum is zero.
        if checksum == 0:
            checksum = 0xFFFF
        return _HEADER.pack(self.source_port, self.destination_port, length, checksum) + self.payload

    def __repr__(self) -> str:
        return f"UdpDatagram({self.source_port} > {self.destination_port}, {len(self.payload)} bytes)"


def parse_udp(data: bytes, source: int, destination: int) -> UdpDatagram:
    """The datagram in ``data``, sent between these addresses.

    Bytes behind the length it states are dropped (``udp_rcv``). Raises WireError if it is cut short,
    states less than its header, or its checksum is wrong; over IPv6 there must be one.
    """
    if len(data) < HEADER_LENGTH:
        raise WireError("udp", "length", len(data), "the header has 8 bytes")
    fields = _HEADER.unpack_from(data)
    source_port: int = fields[0]
    destination_port: int = fields[1]
    length: int = fields[2]
    checksum: int = fields[3]
    if length < HEADER_LENGTH:
        raise WireError("udp", "length", length, "less than the header's 8 bytes")
    if length > len(data):
        raise WireError("udp", "length", length, f"only {len(data)} bytes are there")
    if length < len(data):
        data = data[:length]
    if checksum == 0:
        if not is_v4(source):
            raise WireError("udp", "checksum", 0, "IPv6 requires one")
    elif internet_checksum(data, pseudo_header_sum(source, destination, _PROTOCOL, length)) != 0:
        raise WireError("udp", "checksum", checksum, "does not match the datagram")
    return UdpDatagram(source_port, destination_port, data[HEADER_LENGTH:])
