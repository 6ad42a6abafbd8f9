"""Multicast groups the host receives on its interfaces (RFC 1112 §7, ``ip_mc_join_group``)."""

from __future__ import annotations

from typing import Final

from ..wire.address import V4_BASE

ALL_HOSTS: Final = V4_BASE | 0xE000_0001
"""224.0.0.1, joined on every interface for as long as it exists."""


class GroupTable:
    """How many sockets have joined each group on each interface."""

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}

    def join(self, group: int, ifindex: int) -> None:
        key = group << 16 | ifindex
        self._counts[key] = self._counts.get(key, 0) + 1

    def leave(self, group: int, ifindex: int) -> None:
        """One socket less; harmless if none had joined."""
        key = group << 16 | ifindex
        count = self._counts.get(key, 0)
        if count > 1:
            self._counts[key] = count - 1
        elif count == 1:
            del self._counts[key]

    def joined(self, group: int, ifindex: int) -> bool:
        """Whether packets to ``group`` are received on this interface."""
        return group == ALL_HOSTS or (group << 16 | ifindex) in self._counts

    def memberships(self) -> list[tuple[int, int, int]]:
        """(ifindex, group, sockets) in the order the groups were joined, without 224.0.0.1."""
        return [(key & 0xFFFF, key >> 16, count) for key, count in self._counts.items()]
