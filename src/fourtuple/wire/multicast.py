"""What IGMPv3 and MLDv2 share: the record of a report, and times written as small floats."""

from __future__ import annotations

from typing import Final

from .address import format_ip

# Types of a record (RFC 3376 §4.2.12, RFC 3810 §5.2.12).
MODE_IS_INCLUDE: Final = 1
MODE_IS_EXCLUDE: Final = 2
CHANGE_TO_INCLUDE: Final = 3
CHANGE_TO_EXCLUDE: Final = 4
ALLOW_NEW_SOURCES: Final = 5
BLOCK_OLD_SOURCES: Final = 6


class MulticastRecord:
    """What a host wants of one group: ``sources`` are included or excluded, as ``type`` says."""

    __slots__ = ("group", "sources", "type")

    def __init__(self, type: int, group: int, sources: list[int]) -> None:
        self.type = type
        self.group = group
        self.sources = sources

    def __repr__(self) -> str:
        sources = ", ".join(format_ip(source) for source in self.sources)
        return f"MulticastRecord(type={self.type}, {format_ip(self.group)}, [{sources}])"


def igmp_time(code: int) -> int:
    """The value of an 8-bit max response or querier's interval code (RFC 3376 §4.1.1, §4.1.7)."""
    if code < 128:
        return code
    return (code & 15 | 16) << ((code >> 4 & 7) + 3)


def mld_time(code: int) -> int:
    """The value of a 16-bit maximum response code, in ms (RFC 3810 §5.1.3)."""
    if code < 32768:
        return code
    return (code & 0xFFF | 0x1000) << ((code >> 12 & 7) + 3)
