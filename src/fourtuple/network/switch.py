"""A learning Ethernet switch (IEEE 802.1D without spanning tree: a network has no loop of switches)."""

from __future__ import annotations

from typing import Final

from ..clock.clock import SECOND, Clock
from ..stack.base import Device, FrameSink
from ..wire.address import MAC_NONE
from ..wire.ethernet import EthernetFrame

AGEING_TIME: Final = 300 * SECOND
"""Nanoseconds after which a MAC address not seen again is forgotten."""

TABLE_LIMIT: Final = 16384
"""MAC addresses a switch remembers; further ones are not learnt, frames to them flood."""

GROUP_BIT: Final = 1 << 40
"""Set in multicast and broadcast MAC addresses."""


class _Learnt:
    """Where a MAC address was seen last, and when."""

    __slots__ = ("port", "seen")

    def __init__(self, port: SwitchPort, seen: int) -> None:
        self.port = port
        self.seen = seen


class Switch:
    """Sends a frame where its destination was last seen, and to every other port if nowhere.

    Forwarding takes no time of its own; the links at its ports do.
    """

    __slots__ = ("_table", "clock", "name", "ports")

    def __init__(self, name: str, clock: Clock) -> None:
        self.name = name
        self.clock = clock
        self.ports: list[SwitchPort] = []
        self._table: dict[int, _Learnt] = {}

    def add_port(self) -> SwitchPort:
        """A new port, named ``port1``, ``port2`` …; its device is set when a link is plugged in."""
        port = SwitchPort(self, f"port{len(self.ports) + 1}")
        self.ports.append(port)
        return port

    def known(self) -> list[tuple[int, str]]:
        """The MAC addresses it would not flood, each with its port's name, oldest learnt first."""
        now = self.clock.now
        return [
            (mac, entry.port.name) for mac, entry in self._table.items() if now - entry.seen < AGEING_TIME
        ]

    def forward(self, source_port: SwitchPort, frame: EthernetFrame) -> None:
        """Learn from ``frame``, which came in at ``source_port``, and send it on."""
        self._learn(source_port, frame.source)
        destination = frame.destination
        if not destination & GROUP_BIT:
            entry = self._table.get(destination)
            if entry is not None and self.clock.now - entry.seen < AGEING_TIME:
                if entry.port is not source_port:
                    entry.port.transmit(frame)
                return
        for port in self.ports:
            if port is not source_port:
                port.transmit(frame)

    def _learn(self, port: SwitchPort, mac: int) -> None:
        if mac & GROUP_BIT or mac == MAC_NONE:
            return
        entry = self._table.get(mac)
        if entry is not None:
            entry.port = port
            entry.seen = self.clock.now
            return
        if len(self._table) >= TABLE_LIMIT:
            self._forget_aged()
            if len(self._table) >= TABLE_LIMIT:
                return
        self._table[mac] = _Learnt(port, self.clock.now)

    def _forget_aged(self) -> None:
        now = self.clock.now
        for mac in [mac for mac, entry in self._table.items() if now - entry.seen >= AGEING_TIME]:
            del self._table[mac]


class SwitchPort(FrameSink):
    """One port of a switch."""

    __slots__ = ("device", "name", "switch")

    def __init__(self, switch: Switch, name: str) -> None:
        self.switch = switch
        self.name = name
        self.device: Device | None = None

    def receive(self, frame: EthernetFrame) -> None:
        self.switch.forward(self, frame)

    def transmit(self, frame: EthernetFrame) -> None:
        """Send ``frame`` out of this port; nothing happens while no link is plugged in."""
        device = self.device
        if device is not None:
            device.transmit(frame)
