"""A link, and what can be done to it while the network runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..network.link import Direction
from ..network.link import Link as FabricLink
from ..network.rules import FunctionRule, Rule, Verdict
from ..network.switch import Switch as FabricSwitch
from ..network.units import parse_duration, parse_probability, parse_queue, parse_rate
from ..wire.ethernet import EthernetFrame

if TYPE_CHECKING:
    from .host import Host

RuleFunction = Callable[[EthernetFrame, int], Verdict | None]


class Switch:
    """A learning switch. Made by :meth:`Network.switch`."""

    def __init__(self, switch: FabricSwitch) -> None:
        self.switch = switch

    @property
    def name(self) -> str:
        return self.switch.name

    def __repr__(self) -> str:
        return f"<Switch {self.name}>"


class LinkSettings:
    """Settings of a link as given by a user, read and checked; None for those not given.

    Raises ValueError for a value that is not allowed.
    """

    def __init__(
        self,
        *,
        latency: int | str | None = None,
        jitter: int | str | None = None,
        in_order: bool | None = None,
        bandwidth: int | str | None = None,
        queue: int | str | None = None,
        mtu: int | None = None,
        loss: float | None = None,
        duplicate: float | None = None,
        corrupt: float | None = None,
    ) -> None:
        self.latency = None if latency is None else parse_latency(latency)
        self.bandwidth = None if bandwidth is None else 0 if bandwidth == 0 else parse_rate(bandwidth)
        self.queue = None if queue is None else parse_queue(queue)
        self.faults: dict[str, float | None] = {
            "jitter": None if jitter is None else parse_duration(jitter),
            "in_order": in_order,
            "mtu": None if mtu is None else parse_mtu(mtu),
            "loss": None if loss is None else parse_probability(loss),
            "duplicate": None if duplicate is None else parse_probability(duplicate),
            "corrupt": None if corrupt is None else parse_probability(corrupt),
        }

    def apply(self, direction: Direction) -> None:
        """Give ``direction`` the settings that were given."""
        if self.latency is not None:
            direction.latency = self.latency
        if self.bandwidth is not None:
            direction.bandwidth = self.bandwidth
        if self.queue is not None:
            direction.queue_packets, direction.queue_bytes = self.queue
        for name, value in self.faults.items():
            # A direction that never had a fault keeps its short way.
            if value is not None and (value or direction.faults is not None):
                setattr(direction.make_faults(), name, value)


class Link:
    """A link between two hosts or switches. Made by :meth:`Network.link`.

    Every method that changes it takes ``sender``, the host or switch (or its name) whose sending
    direction is meant; left out, both are. Raises ValueError if it is at neither end.
    """

    def __init__(self, link: FabricLink, calls_out: Callable[[], None]) -> None:
        self.link = link
        self._calls_out = calls_out

    @property
    def name(self) -> str:
        """``a-b``; a second link between the same two is ``a-b#2``."""
        return self.link.name

    def set(
        self,
        *,
        sender: Host | Switch | str = "",
        latency: int | str | None = None,
        jitter: int | str | None = None,
        in_order: bool | None = None,
        bandwidth: int | str | None = None,
        queue: int | str | None = None,
        mtu: int | None = None,
        loss: float | None = None,
        duplicate: float | None = None,
        corrupt: float | None = None,
    ) -> None:
        """Change the given settings; those left out stay. Units as in :meth:`Network.link`.

        ``bandwidth`` 0 is no limit. ``mtu`` is the link's alone: the interfaces keep theirs, so what
        is larger gets lost without notice; 0 takes that back. Frames on the way are not affected.

        Raises ValueError for a value that is not allowed; then nothing is changed.
        """
        settings = LinkSettings(
            latency=latency,
            jitter=jitter,
            in_order=in_order,
            bandwidth=bandwidth,
            queue=queue,
            mtu=mtu,
            loss=loss,
            duplicate=duplicate,
            corrupt=corrupt,
        )
        for direction in self._directions(sender):
            settings.apply(direction)

    def partition(self, sender: Host | Switch | str = "") -> None:
        """Lose everything sent from now on, as a cut cable does; what is on the way arrives."""
        for direction in self._directions(sender):
            direction.make_faults().partitioned = True

    def repair(self, sender: Host | Switch | str = "") -> None:
        """End a partition."""
        for direction in self._directions(sender):
            direction.make_faults().partitioned = False

    def hold(self, sender: Host | Switch | str = "") -> None:
        """Keep back everything sent from now on, until :meth:`release`."""
        for direction in self._directions(sender):
            direction.hold()

    def release(self, sender: Host | Switch | str = "") -> None:
        """Send what was kept back, in order, and hold no more."""
        for direction in self._directions(sender):
            direction.release()

    def add_rule(self, rule: Rule | RuleFunction, sender: Host | Switch | str = "") -> Rule:
        """Have ``rule`` judge each frame, after the rules added before it; returns it for removal.

        A rule is a :class:`~fourtuple.network.rules.Rule`, or a function of the frame and the time
        (ns) that answers ``drop()``, ``deliver_after(ns)``, ``duplicate()``, ``alter(frame)``, or None
        to let it pass; :class:`~fourtuple.network.periodic.DropEvery` is one that loses every n-th. The
        first rule that does not pass a frame decides about it, and chance (loss, jitter …) is not asked
        any more.
        """
        added = rule if isinstance(rule, Rule) else FunctionRule(rule)
        for direction in self._directions(sender):
            direction.make_faults().rules.append(added)
        self._calls_out()
        return added

    def remove_rule(self, rule: Rule) -> None:
        """Remove a rule in both directions. Raises ValueError if it is in neither."""
        found = [
            faults
            for direction in self._directions("")
            if (faults := direction.faults) and rule in faults.rules
        ]
        if not found:
            raise ValueError(f"link {self.name} has no rule {rule!r}")
        for faults in found:
            faults.rules.remove(rule)

    def _directions(self, sender: Host | Switch | str) -> list[Direction]:
        return self.link.directions(sender if isinstance(sender, str) else sender.name)

    def __repr__(self) -> str:
        return f"<Link {self.name}>"


def parse_latency(value: int | str) -> int:
    """Nanoseconds, at least 1. Raises ValueError otherwise."""
    latency = parse_duration(value)
    if latency == 0:
        raise ValueError("a latency is at least 1ns, so that time passes")
    return latency


def parse_mtu(value: int) -> int:
    """Bytes, 0 or 68 to 65535. Raises ValueError otherwise."""
    if isinstance(value, bool) or not isinstance(value, int) or (value and not 68 <= value <= 65535):
        raise ValueError(f"an mtu has 68 to 65535 bytes, not {value!r}")
    return value
