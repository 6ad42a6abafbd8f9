"""Multicast groups the host receives on its interfaces (RFC 3376 §3.2, RFC 3810 §4.2)."""

from __future__ import annotations

from typing import Final

from ..ports.multicast import Membership
from ..wire.address import V4_BASE

ALL_HOSTS: Final = V4_BASE | 0xE000_0001
"""224.0.0.1, joined on every interface for as long as it exists."""

ALL_NODES: Final = 0xFF02 << 112 | 1
"""ff02::1, likewise."""

ALL_ROUTERS: Final = 0xFF02 << 112 | 2
"""ff02::2, joined by hosts that advertise themselves."""


class SourceFilter:
    """What an interface wants of a group: only ``sources``, or all but them.

    Including nothing is not being a member.
    """

    __slots__ = ("include", "sources")

    def __init__(self, include: bool, sources: list[int]) -> None:
        self.include = include
        self.sources = sources

    def is_member(self) -> bool:
        return not self.include or len(self.sources) > 0


class GroupListener:
    """Who is told when an interface's membership changes: IGMP, MLD."""

    def changed(self, group: int, ifindex: int, before: SourceFilter, after: SourceFilter) -> None:
        raise NotImplementedError


class GroupTable:
    """The memberships of all sockets, and the host's own, by group and interface."""

    def __init__(self) -> None:
        self.listener: GroupListener | None = None
        self._members: dict[int, list[Membership]] = {}

    def joined(self, group: int, ifindex: int) -> bool:
        """Whether packets to ``group`` are received on this interface."""
        return group in (ALL_HOSTS, ALL_NODES) or (group << 16 | ifindex) in self._members

    def accepts(self, group: int, ifindex: int, source: int) -> bool:
        """Whether packets of ``source`` to ``group`` are received on this interface: one membership at
        least wants them (``ip_check_mc_rcu``)."""
        members = self._members.get(group << 16 | ifindex)
        if members is None:
            return group in (ALL_HOSTS, ALL_NODES)
        return len([member for member in members if (source in member.sources) == member.include]) > 0

    def join(self, group: int, ifindex: int) -> None:
        """The host itself takes part, whatever its sockets do; the listener is not told."""
        self._enter(Membership(group, ifindex, False, []))

    def leave(self, group: int, ifindex: int) -> None:
        """Undo one :meth:`join`; harmless if there was none."""
        for membership in self._members.get(group << 16 | ifindex, []):
            if not membership.include and not membership.sources:
                self._drop(membership)
                return

    def add(self, membership: Membership) -> None:
        """A socket joins."""
        before = self.filter_of(membership.group, membership.ifindex)
        self._enter(membership)
        self.notify(membership, before)

    def remove(self, membership: Membership) -> None:
        """A socket gives up a membership it added."""
        before = self.filter_of(membership.group, membership.ifindex)
        self._drop(membership)
        self.notify(membership, before)

    def _enter(self, membership: Membership) -> None:
        key = membership.group << 16 | membership.ifindex
        members = self._members.get(key)
        if members is None:
            self._members[key] = [membership]
        else:
            members.append(membership)

    def _drop(self, membership: Membership) -> None:
        key = membership.group << 16 | membership.ifindex
        left = [other for other in self._members[key] if other is not membership]
        if left:
            self._members[key] = left
        else:
            del self._members[key]

    def notify(self, membership: Membership, before: SourceFilter) -> None:
        """``membership`` is not what it was when its group's filter was ``before``."""
        if self.listener is not None:
            after = self.filter_of(membership.group, membership.ifindex)
            if before.include != after.include or before.sources != after.sources:
                self.listener.changed(membership.group, membership.ifindex, before, after)

    def filter_of(self, group: int, ifindex: int) -> SourceFilter:
        """What all memberships together want: every source that one of them does."""
        members = self._members.get(group << 16 | ifindex)
        if members is None:
            return SourceFilter(True, [])
        wanted: list[int] = []
        unwanted: list[int] = []
        excludes = False
        for member in members:
            if member.include:
                wanted += [source for source in member.sources if source not in wanted]
            elif excludes:
                unwanted = [source for source in unwanted if source in member.sources]
            else:
                excludes = True
                unwanted = member.sources[:]
        if excludes:
            return SourceFilter(False, sorted([source for source in unwanted if source not in wanted]))
        return SourceFilter(True, sorted(wanted))

    def memberships(self) -> list[tuple[int, int, int]]:
        """(ifindex, group, members) in the order the groups were joined, without those joined always."""
        return [(key & 0xFFFF, key >> 16, len(members)) for key, members in self._members.items()]
