"""Multicast listener discovery, versions 1 and 2 (RFC 2710, RFC 3810)."""

from __future__ import annotations

from struct import Struct
from typing import Final

from .address import format_ip
from .icmpv6_base import ICMPV6_HEADER_LENGTH, Icmpv6Payload
from .multicast import MulticastRecord
from .packet import WireError

MLD_QUERY: Final = 130
MLD_REPORT: Final = 131
MLD_DONE: Final = 132
MLDV2_REPORT: Final = 143

_DELAY: Final = Struct(">HH")
_QUERY_TAIL: Final = Struct(">BBH")
_COUNT: Final = Struct(">HH")
_RECORD: Final = Struct(">BBH")
_SUPPRESS: Final = 8


class MldMessage(Icmpv6Payload):
    """A report of version 1 or a done: ``type`` says which."""

    __slots__ = ("group",)

    def __init__(self, type: int, group: int) -> None:
        self.origin = None
        self.type = type
        self.code = 0
        self.group = group

    def body(self) -> bytes:
        return bytes(4) + self.group.to_bytes(16, "big")

    def __repr__(self) -> str:
        return f"MldMessage(type={self.type}, {format_ip(self.group)})"


class MldQuery(Icmpv6Payload):
    """A query; ``group`` is V6_ANY in a general one.

    ``max_response`` is a code as sent, in ms in version 1, see :func:`fourtuple.wire.multicast.mld_time`
    for version 2; ``interval`` one of :func:`~fourtuple.wire.multicast.igmp_time`, in s. The last four
    attributes are version 2's.
    """

    __slots__ = ("group", "interval", "max_response", "robustness", "sources", "suppress", "version")

    def __init__(self, version: int, max_response: int, group: int) -> None:
        self.origin = None
        self.type = MLD_QUERY
        self.code = 0
        self.version = version
        self.max_response = max_response
        self.group = group
        self.suppress: bool = False
        self.robustness: int = 0
        self.interval: int = 0
        self.sources: list[int] = []

    def body(self) -> bytes:
        head: bytes = _DELAY.pack(self.max_response, 0)
        head += self.group.to_bytes(16, "big")
        if self.version < 2:
            return head
        flags = self.robustness & 7 | (_SUPPRESS if self.suppress else 0)
        head += _QUERY_TAIL.pack(flags, self.interval, len(self.sources))
        for address in self.sources:
            head += address.to_bytes(16, "big")
        return head

    def __repr__(self) -> str:
        text = f"MldQuery(version={self.version}, {format_ip(self.group)}, max_response={self.max_response}"
        if self.sources:
            text += ", sources " + " ".join(format_ip(address) for address in self.sources)
        return text + ")"


class MldReport(Icmpv6Payload):
    """A report of version 2."""

    __slots__ = ("records",)

    def __init__(self, records: list[MulticastRecord]) -> None:
        self.origin = None
        self.type = MLDV2_REPORT
        self.code = 0
        self.records = records

    def body(self) -> bytes:
        data: bytes = _COUNT.pack(0, len(self.records))
        for record in self.records:
            data += _RECORD.pack(record.type, 0, len(record.sources)) + record.group.to_bytes(16, "big")
            for address in record.sources:
                data += address.to_bytes(16, "big")
        return data

    def __repr__(self) -> str:
        return f"MldReport({self.records!r})"


def parse_mld(type: int, code: int, body: bytes) -> Icmpv6Payload:
    """The message of a listener discovery ``type``; ``body`` is what follows its checksum.

    A query of 24 bytes is of version 1, one of 28 and more of version 2 (RFC 3810 §8.1). The code is
    ignored, as receivers must. Raises WireError if the message is cut short.
    """
    if type == MLDV2_REPORT:
        return MldReport(_parse_records(body))
    size = len(body)
    if size < 20:
        raise WireError("mld", "length", ICMPV6_HEADER_LENGTH + size, "the message has at least 24 bytes")
    group = int.from_bytes(body[4:20], "big")
    if type != MLD_QUERY:
        return MldMessage(type, group)
    max_response: int = _DELAY.unpack_from(body)[0]
    if size == 20:
        return MldQuery(1, max_response, group)
    if size < 24:
        raise WireError("mld", "length", ICMPV6_HEADER_LENGTH + size, "a query has 24 bytes, or 28 and more")
    query = MldQuery(2, max_response, group)
    tail = _QUERY_TAIL.unpack_from(body, 20)
    flags: int = tail[0]
    query.suppress = flags & _SUPPRESS != 0
    query.robustness = flags & 7
    query.interval = tail[1]
    query.sources = _parse_sources(body, 24, tail[2])
    return query


def _parse_sources(body: bytes, at: int, count: int) -> list[int]:
    if at + 16 * count > len(body):
        raise WireError("mld", "number of sources", count, f"only {(len(body) - at) // 16} are there")
    return [int.from_bytes(body[place : place + 16], "big") for place in range(at, at + 16 * count, 16)]


def _parse_records(body: bytes) -> list[MulticastRecord]:
    count: int = _COUNT.unpack_from(body)[1]
    records: list[MulticastRecord] = []
    at = 4
    for _ in range(count):
        if at + 20 > len(body):
            raise WireError("mld", "number of records", count, f"only {len(records)} are there")
        fields = _RECORD.unpack_from(body, at)
        auxiliary: int = fields[1]
        sources: int = fields[2]
        group = int.from_bytes(body[at + 4 : at + 20], "big")
        records.append(MulticastRecord(fields[0], group, _parse_sources(body, at + 20, sources)))
        # Auxiliary data has no meaning in version 2 and is skipped (RFC 3810 §5.2.10).
        at += 20 + 16 * sources + 4 * auxiliary
        if at > len(body):
            raise WireError("mld", "auxiliary length", auxiliary, "runs past the message")
    return records
