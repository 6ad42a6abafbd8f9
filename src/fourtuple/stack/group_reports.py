"""What a host tells multicast routers of its groups: the part IGMPv3 and MLDv2 share.

RFC 3376 §5 and RFC 3810 §6 for hosts, with the older versions' reports where an older querier is
heard (RFC 3376 §7, RFC 3810 §8). The groups a host joins for itself, to hear the questions for its
IPv6 addresses, are not reported unasked: no switch here holds multicasts back.
"""

from __future__ import annotations

from typing import Final

from ..clock.clock import SECOND
from ..clock.timers import Timer
from ..wire.multicast import (
    ALLOW_NEW_SOURCES,
    BLOCK_OLD_SOURCES,
    CHANGE_TO_EXCLUDE,
    CHANGE_TO_INCLUDE,
    MODE_IS_EXCLUDE,
    MODE_IS_INCLUDE,
    MulticastRecord,
)
from .groups import SourceFilter
from .interface import Interface
from .ip_output import IpOutput

ROBUSTNESS: Final = 2
"""Times a change is reported (``igmp_qrv``)."""

_UNSOLICITED_INTERVAL: Final = SECOND
_OLD_UNSOLICITED_INTERVAL: Final = 10 * SECOND
_OLD_QUERIER_TIMEOUT: Final = ROBUSTNESS * 125 * SECOND
"""How long an older querier counts as present, its response time aside."""


class GroupReporter:
    """The reports of one host in one family. IGMP and MLD derive from it and write the messages.

    ``newest`` is the version that has source filters.
    """

    def __init__(self, ip: IpOutput, newest: int) -> None:
        self.ip = ip
        self.newest = newest
        self._changes: dict[int, _Change] = {}
        self._answers: dict[int, _Answer] = {}
        self._old_queriers: dict[int, tuple[int, int]] = {}

    def send_records(self, interface: Interface, records: list[MulticastRecord]) -> None:
        """Send a report of the newest version."""
        raise NotImplementedError

    def send_old_report(self, interface: Interface, group: int, version: int) -> None:
        """Send a report of an older version."""
        raise NotImplementedError

    def send_leave(self, interface: Interface, group: int, version: int) -> None:
        """Tell routers that this host has left, in an older version that can say so."""
        raise NotImplementedError

    def reports(self, group: int) -> bool:
        """Whether routers care for ``group``."""
        raise NotImplementedError

    def changed(self, group: int, ifindex: int, before: SourceFilter, after: SourceFilter) -> None:
        """An interface's membership changed: report it now, and again in case that gets lost."""
        interface = self.ip.paths.interface(ifindex)
        if interface is None or interface.loopback or not self.reports(group):
            return
        key = group << 16 | ifindex
        version = self.version(interface)
        if version < self.newest:
            self._change_old(interface, group, before, after, version)
            return
        change = self._changes.get(key)
        if change is None:
            change = _Change(self, interface, group)
            self._changes[key] = change
        if before.include != after.include:
            change.mode_left = ROBUSTNESS
            change.sources_left.clear()
        else:
            for source in before.sources + after.sources:
                if (source in before.sources) != (source in after.sources):
                    change.sources_left[source] = ROBUSTNESS
        self.report_change(change)

    def report_change(self, change: _Change) -> None:
        """Send what is left to be said of a change, and come back while something is."""
        records = self._change_records(change)
        if records:
            self.send_records(change.interface, records)
        if change.is_done():
            self._changes.pop(change.group << 16 | change.interface.ifindex, None)
        else:
            change.arm(1 + self.ip.stream.below(_UNSOLICITED_INTERVAL))

    def query(
        self, interface: Interface, group: int, sources: list[int], max_delay: int, version: int
    ) -> None:
        """A router asks: for ``group``, or for all if that is -1; answer within ``max_delay`` ns."""
        if version < self.newest:
            until = self.ip.clock.now + _OLD_QUERIER_TIMEOUT + max_delay
            known = self._old_queriers.get(interface.ifindex)
            if known is None or version <= known[0] or self.ip.clock.now >= known[1]:
                self._old_queriers[interface.ifindex] = (version, until)
        when = self.ip.clock.now + self.ip.stream.below(max(max_delay, 1))
        general = self._answers.get(interface.ifindex)
        if general is not None and general.deadline <= when:
            return
        if group < 0:
            self._answer_at(interface, -1, [], when)
        elif self.ip.groups.joined(group, interface.ifindex) and self.reports(group):
            self._answer_at(interface, group, sources, when)

    def heard_report(self, interface: Interface, group: int) -> None:
        """Another host reported ``group`` in an older version: that is enough for its routers."""
        if self.version(interface) < self.newest:
            answer = self._answers.pop(group << 16 | interface.ifindex, None)
            if answer is not None:
                answer.cancel()

    def answer(self, answer: _Answer) -> None:
        """The time to answer a query has come."""
        interface = answer.interface
        self._answers.pop(_answer_key(answer.group, interface), None)
        groups = [answer.group] if answer.group >= 0 else self._groups_on(interface)
        version = self.version(interface)
        if version < self.newest:
            for group in groups:
                if self.ip.groups.joined(group, interface.ifindex):
                    self.send_old_report(interface, group, version)
            return
        records: list[MulticastRecord] = []
        for group in groups:
            record = self._state_record(group, interface.ifindex, answer.sources)
            if record is not None:
                records.append(record)
        if records:
            self.send_records(interface, records)

    def version(self, interface: Interface) -> int:
        """The version spoken on the link: that of the oldest querier heard of late."""
        known = self._old_queriers.get(interface.ifindex)
        if known is None or self.ip.clock.now >= known[1]:
            return self.newest
        return known[0]

    def _change_old(
        self, interface: Interface, group: int, before: SourceFilter, after: SourceFilter, version: int
    ) -> None:
        """Older versions only know members and others."""
        if before.is_member() == after.is_member():
            return
        if after.is_member():
            self.send_old_report(interface, group, version)
            delay = self.ip.stream.below(_OLD_UNSOLICITED_INTERVAL)
            self._answer_at(interface, group, [], self.ip.clock.now + delay)
        else:
            self.send_leave(interface, group, version)

    def _answer_at(self, interface: Interface, group: int, sources: list[int], when: int) -> None:
        key = _answer_key(group, interface)
        known = self._answers.get(key)
        if known is None:
            known = _Answer(self, interface, group, sources)
            self._answers[key] = known
            known.arm_at(when)
            return
        # RFC 3376 §5.2: one answer for both, about all that was asked, by the earlier time.
        if not sources or not known.sources:
            known.sources = []
        else:
            known.sources += [source for source in sources if source not in known.sources]
        known.arm_at(min(when, known.deadline))

    def _change_records(self, change: _Change) -> list[MulticastRecord]:
        group = change.group
        now = self.ip.groups.filter_of(group, change.interface.ifindex)
        if change.mode_left:
            change.mode_left -= 1
            kind = CHANGE_TO_INCLUDE if now.include else CHANGE_TO_EXCLUDE
            return [MulticastRecord(kind, group, now.sources)]
        allowed: list[int] = []
        blocked: list[int] = []
        for source, left in list(change.sources_left.items()):
            if (source in now.sources) == now.include:
                allowed.append(source)
            else:
                blocked.append(source)
            if left > 1:
                change.sources_left[source] = left - 1
            else:
                del change.sources_left[source]
        records: list[MulticastRecord] = []
        if allowed:
            records.append(MulticastRecord(ALLOW_NEW_SOURCES, group, allowed))
        if blocked:
            records.append(MulticastRecord(BLOCK_OLD_SOURCES, group, blocked))
        return records

    def _state_record(self, group: int, ifindex: int, asked: list[int]) -> MulticastRecord | None:
        """The membership as it is; about single sources only which of those are wanted."""
        now = self.ip.groups.filter_of(group, ifindex)
        if asked:
            wanted = [source for source in asked if (source in now.sources) == now.include]
            return MulticastRecord(MODE_IS_INCLUDE, group, wanted) if wanted else None
        if not now.is_member():
            return None
        return MulticastRecord(MODE_IS_INCLUDE if now.include else MODE_IS_EXCLUDE, group, now.sources)

    def _groups_on(self, interface: Interface) -> list[int]:
        return [
            group
            for ifindex, group, _ in self.ip.groups.memberships()
            if ifindex == interface.ifindex and self.reports(group)
        ]


class _Change(Timer):
    """A change of membership that routers may not all have heard of."""

    __slots__ = ("group", "interface", "mode_left", "reporter", "sources_left")

    def __init__(self, reporter: GroupReporter, interface: Interface, group: int) -> None:
        super().__init__(reporter.ip.clock)
        self.reporter = reporter
        self.interface = interface
        self.group = group
        self.mode_left: int = 0
        """Times a change between include and exclude is still to be reported."""
        self.sources_left: dict[int, int] = {}
        """The same for single sources."""

    def is_done(self) -> bool:
        return self.mode_left == 0 and not self.sources_left

    def expired(self) -> None:
        self.reporter.report_change(self)


class _Answer(Timer):
    """An answer to a query, due at a random time."""

    __slots__ = ("group", "interface", "reporter", "sources")

    def __init__(self, reporter: GroupReporter, interface: Interface, group: int, sources: list[int]) -> None:
        super().__init__(reporter.ip.clock)
        self.reporter = reporter
        self.interface = interface
        self.group = group
        """-1: all groups."""
        self.sources = sources

    def expired(self) -> None:
        self.reporter.answer(self)


def _answer_key(group: int, interface: Interface) -> int:
    return interface.ifindex if group < 0 else group << 16 | interface.ifindex
