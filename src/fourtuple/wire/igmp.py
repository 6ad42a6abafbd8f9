"""IGMP messages, versions 1 to 3 (RFC 1112, RFC 2236, RFC 3376)."""

from __future__ import annotations

from struct import Struct
from typing import Final

from .address import V4_BASE, format_ip
from .checksum import internet_checksum
from .multicast import MulticastRecord
from .packet import Payload, RawPayload, WireError

IGMP_QUERY: Final = 0x11
IGMPV1_REPORT: Final = 0x12
IGMPV2_REPORT: Final = 0x16
IGMP_LEAVE: Final = 0x17
IGMPV3_REPORT: Final = 0x22

_HEADER: Final = Struct(">BBHI")
_QUERY_TAIL: Final = Struct(">BBH")
_RECORD: Final = Struct(">BBHI")
_ADDRESS: Final = Struct(">I")
_SUPPRESS: Final = 8


class IgmpMessage(Payload):
    """A report of version 1 or 2, or a leave: ``type`` says which."""

    __slots__ = ("group", "type")

    def __init__(self, type: int, group: int) -> None:
        self.origin = None
        self.type = type
        self.group = group

    def wire_length(self) -> int:
        return 8

    def serialize(self, source: int, destination: int) -> bytes:
        return _with_checksum(self.type, 0, self.group & 0xFFFF_FFFF, b"")

    def __repr__(self) -> str:
        return f"IgmpMessage(type={self.type:#x}, {format_ip(self.group)})"


class IgmpQuery(Payload):
    """A query; ``group`` is V4_ANY in a general one.

    ``max_response`` and ``interval`` are codes as sent, see :func:`fourtuple.wire.multicast.igmp_time`;
    their values are in 1/10 s and s. The last four attributes are version 3's; 1 and 2 differ in that
    the ``max_response`` of version 1 is 0.
    """

    __slots__ = ("group", "interval", "max_response", "robustness", "sources", "suppress", "version")

    def __init__(self, version: int, max_response: int, group: int) -> None:
        self.origin = None
        self.version = version
        self.max_response = max_response
        self.group = group
        self.suppress: bool = False
        self.robustness: int = 0
        self.interval: int = 0
        self.sources: list[int] = []

    def wire_length(self) -> int:
        return 8 if self.version < 3 else 12 + 4 * len(self.sources)

    def serialize(self, source: int, destination: int) -> bytes:
        tail = b""
        if self.version >= 3:
            flags = self.robustness & 7 | (_SUPPRESS if self.suppress else 0)
            tail = _QUERY_TAIL.pack(flags, self.interval, len(self.sources))
            for address in self.sources:
                tail += _ADDRESS.pack(address & 0xFFFF_FFFF)
        return _with_checksum(IGMP_QUERY, self.max_response, self.group & 0xFFFF_FFFF, tail)

    def __repr__(self) -> str:
        text = f"IgmpQuery(version={self.version}, {format_ip(self.group)}, max_response={self.max_response}"
        if self.sources:
            text += ", sources " + " ".join(format_ip(address) for address in self.sources)
        return text + ")"


class IgmpReport(Payload):
    """A report of version 3."""

    __slots__ = ("records",)

    def __init__(self, records: list[MulticastRecord]) -> None:
        self.origin = None
        self.records = records

    def wire_length(self) -> int:
        length = 8
        for record in self.records:
            length += 8 + 4 * len(record.sources)
        return length

    def serialize(self, source: int, destination: int) -> bytes:
        tail = b""
        for record in self.records:
            tail += _RECORD.pack(record.type, 0, len(record.sources), record.group & 0xFFFF_FFFF)
            for address in record.sources:
                tail += _ADDRESS.pack(address & 0xFFFF_FFFF)
        return _with_checksum(IGMPV3_REPORT, 0, len(self.records), tail)

    def __repr__(self) -> str:
        return f"IgmpReport({self.records!r})"


def _with_checksum(type: int, code: int, word: int, tail: bytes) -> bytes:
    checksum = internet_checksum(_HEADER.pack(type, code, 0, word) + tail, 0)
    head: bytes = _HEADER.pack(type, code, checksum, word)
    return head + tail


def parse_igmp(data: bytes) -> Payload:
    """The message in ``data``; a RawPayload if its type is none of ours.

    A query of 8 bytes is of version 1 or 2, one of 12 and more of version 3 (RFC 3376 §7.1). Raises
    WireError if it is cut short or its checksum is wrong.
    """
    size = len(data)
    if size < 8:
        raise WireError("igmp", "length", size, "a message has at least 8 bytes")
    fields = _HEADER.unpack_from(data)
    type: int = fields[0]
    word: int = fields[3]
    if internet_checksum(data, 0) != 0:
        raise WireError("igmp", "checksum", fields[2], "does not match the message")
    if type == IGMP_QUERY:
        return _parse_query(data)
    if type == IGMPV3_REPORT:
        return IgmpReport(_parse_records(data, word & 0xFFFF))
    if type in (IGMPV1_REPORT, IGMPV2_REPORT, IGMP_LEAVE):
        return IgmpMessage(type, V4_BASE | word)
    return RawPayload(data)


def _parse_query(data: bytes) -> IgmpQuery:
    size = len(data)
    fields = _HEADER.unpack_from(data)
    max_response: int = fields[1]
    word: int = fields[3]
    if size == 8:
        return IgmpQuery(2 if max_response else 1, max_response, V4_BASE | word)
    if size < 12:
        raise WireError("igmp", "length", size, "a query has 8 bytes, or 12 and more")
    query = IgmpQuery(3, max_response, V4_BASE | word)
    tail = _QUERY_TAIL.unpack_from(data, 8)
    flags: int = tail[0]
    query.suppress = flags & _SUPPRESS != 0
    query.robustness = flags & 7
    query.interval = tail[1]
    query.sources = _parse_sources(data, 12, tail[2])
    return query


def _parse_sources(data: bytes, at: int, count: int) -> list[int]:
    if at + 4 * count > len(data):
        raise WireError("igmp", "number of sources", count, f"only {(len(data) - at) // 4} are there")
    sources: list[int] = []
    for position in range(at, at + 4 * count, 4):
        address: int = _ADDRESS.unpack_from(data, position)[0]
        sources.append(V4_BASE | address)
    return sources


def _parse_records(data: bytes, count: int) -> list[MulticastRecord]:
    records: list[MulticastRecord] = []
    at = 8
    for _ in range(count):
        if at + 8 > len(data):
            raise WireError("igmp", "number of records", count, f"only {len(records)} are there")
        fields = _RECORD.unpack_from(data, at)
        auxiliary: int = fields[1]
        sources: int = fields[2]
        group: int = fields[3]
        records.append(MulticastRecord(fields[0], V4_BASE | group, _parse_sources(data, at + 8, sources)))
        # Auxiliary data has no meaning in version 3 and is skipped (RFC 3376 §4.2.10).
        at += 8 + 4 * sources + 4 * auxiliary
        if at > len(data):
            raise WireError("igmp", "auxiliary length", auxiliary, "runs past the message")
    return records
