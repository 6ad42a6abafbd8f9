"""TCP segments (RFC 9293 §3.1)."""

from __future__ import annotations

from struct import Struct
from typing import Final

from .checksum import internet_checksum, pseudo_header_sum
from .packet import Payload, WireError
from .tcp_options import TcpOptions, parse_tcp_options

FIN: Final = 1
SYN: Final = 2
RST: Final = 4
PSH: Final = 8
ACK: Final = 16
URG: Final = 32
ECE: Final = 64
CWR: Final = 128
AE: Final = 256
"""Of accurate ECN (RFC 9768); the bit before the eight of RFC 9293."""

HEADER_LENGTH: Final = 20
"""Of a segment without options, in bytes."""

_PROTOCOL: Final = 6
_HEADER: Final = Struct(">HHIIBBHHH")


class TcpSegment(Payload):
    """A segment. ``window`` is the field as sent, not scaled; ``urgent`` the urgent pointer."""

    __slots__ = (
        "ack",
        "destination_port",
        "flags",
        "options",
        "payload",
        "seq",
        "source_port",
        "urgent",
        "window",
    )

    def __init__(
        self,
        source_port: int,
        destination_port: int,
        seq: int,
        ack: int,
        flags: int,
        window: int,
        payload: bytes,
        options: TcpOptions | None,
    ) -> None:
        self.origin = None
        self.source_port = source_port
        self.destination_port = destination_port
        self.seq = seq
        self.ack = ack
        self.flags = flags
        self.window = window
        self.payload = payload
        self.options = options
        self.urgent: int = 0

    def header_length(self) -> int:
        """Bytes of the header with its options."""
        options = self.options
        return HEADER_LENGTH if options is None else HEADER_LENGTH + options.wire_length()

    def seq_length(self) -> int:
        """Sequence numbers it occupies: its payload, SYN and FIN (SEG.LEN of RFC 9293)."""
        flags = self.flags
        return len(self.payload) + (flags & FIN) + (flags >> 1 & 1)

    def wire_length(self) -> int:
        return self.header_length() + len(self.payload)

    def serialize(self, source: int, destination: int) -> bytes:
        """The bytes. Raises WireError if the options do not fit the header."""
        options = self.options
        rest = self.payload if options is None else options.serialize() + self.payload
        header_length = HEADER_LENGTH + len(rest) - len(self.payload)
        data = self._header(header_length, 0) + rest
        checksum = internet_checksum(data, pseudo_header_sum(source, destination, _PROTOCOL, len(data)))
        return self._header(header_length, checksum) + rest

    def _header(self, header_length: int, checksum: int) -> bytes:
        return _HEADER.pack(
            self.source_port,
            self.destination_port,
            self.seq,
            self.ack,
            header_length << 2 | (self.flags >> 8 & 1),
            self.flags & 0xFF,
            self.window,
            checksum,
            self.urgent,
        )

    def __repr__(self) -> str:
        text = (
            f"TcpSegment({self.source_port} > {self.destination_port}, {format_flags(self.flags)}, "
            f"seq={self.seq}, ack={self.ack}, window={self.window}, {len(self.payload)} bytes"
        )
        if self.urgent:
            text += f", urgent={self.urgent}"
        if self.options is not None:
            text += f", {self.options!r}"
        return text + ")"


def format_flags(flags: int) -> str:
    """The flags' names, as in ``SYN ACK``; ``none`` for 0."""
    names: list[str] = []
    for bit, name in _FLAG_NAMES:
        if flags & bit:
            names.append(name)
    return " ".join(names) if names else "none"


_FLAG_NAMES: Final = (
    (SYN, "SYN"),
    (FIN, "FIN"),
    (RST, "RST"),
    (PSH, "PSH"),
    (ACK, "ACK"),
    (URG, "URG"),
    (ECE, "ECE"),
    (CWR, "CWR"),
    (AE, "AE"),
)


def parse_tcp(data: bytes, source: int, destination: int) -> TcpSegment:
    """The segment in ``data``, sent between these addresses. The reserved bits but AE are ignored.

    Raises WireError if it is cut short, or its data offset or its checksum is wrong.
    """
    size = len(data)
    if size < HEADER_LENGTH:
        raise WireError("tcp", "length", size, "the header has at least 20 bytes")
    fields = _HEADER.unpack_from(data)
    offset_bits: int = fields[4]
    header_length = (offset_bits >> 4) << 2
    if header_length < HEADER_LENGTH:
        raise WireError("tcp", "data offset", header_length, "less than the header's 20 bytes")
    if header_length > size:
        raise WireError("tcp", "data offset", header_length, f"only {size} bytes are there")
    if internet_checksum(data, pseudo_header_sum(source, destination, _PROTOCOL, size)) != 0:
        raise WireError("tcp", "checksum", fields[7], "does not match the segment")
    options: TcpOptions | None = None
    if header_length > HEADER_LENGTH:
        options = parse_tcp_options(data[HEADER_LENGTH:header_length])
    segment = TcpSegment(
        fields[0],
        fields[1],
        fields[2],
        fields[3],
        fields[5] | (offset_bits & 1) << 8,
        fields[6],
        data[header_length:],
        options,
    )
    segment.urgent = fields[8]
    return segment
