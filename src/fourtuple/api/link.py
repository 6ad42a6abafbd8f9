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


class Link:
    """A link between two hosts or switches. Made by :meth:`Network.link`.

    Every method that changes it takes ``sender``, the host or switch (or its name) whose sending
    direction is meant; left out, both are. Raises ValueError if it is at neither end.
    """

    def __init__(self, link: FabricLink) -> None:
        self.link = link

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
        delay = None if latency is None else parse_latency(latency)
        spread = None if jitter is None else parse_duration(jitter)
        rate = None if bandwidth is None else 0 if bandwidth == 0 else parse_rate(bandwidth)
        limits = None if queue is None else parse_queue(queue)
        chances = [
            None if chance is None else parse_probability(chance) for chance in (loss, duplicate, corrupt)
        ]
        if mtu is not None and mtu != 0 and not 68 <= mtu <= 65535:
            raise ValueError(f"an mtu has 68 to 65535 bytes, not {mtu}")
        for direction in self._directions(sender):
            if delay is not None:
                direction.latency = delay
            if rate is not None:
                direction.bandwidth = rate
            if limits is not None:
                direction.queue_packets, direction.queue_bytes = limits
            if spread is not None and (spread or direction.faults):
                direction.make_faults().jitter = spread
            if in_order is not None and (in_order or direction.faults):
                direction.make_faults().in_order = in_order
            if mtu is not None and (mtu or direction.faults):
                direction.make_faults().mtu = mtu
            for name, chance in zip(("loss", "duplicate", "corrupt"), chances, strict=True):
                if chance is not None and (chance or direction.faults):
                    setattr(direction.make_faults(), name, chance)

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
        to let it pass. The first rule that does not pass a frame decides about it, and chance (loss,
        jitter …) is not asked any more.
        """
        added = rule if isinstance(rule, Rule) else FunctionRule(rule)
        for direction in self._directions(sender):
            direction.make_faults().rules.append(added)
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
