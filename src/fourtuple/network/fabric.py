"""The fabric: clock, seed, nodes, switches and links of one network, and the taps that watch it."""

from __future__ import annotations

from ..capture.tap import Tap, TapPoint
from ..capture.trace import Trace
from ..clock.clock import Clock
from ..clock.streams import Streams
from ..stack.base import Device, FrameSink
from ..stack.interface import Interface
from ..wire.address import V4_LOOPBACK, format_ip
from ..wire.ethernet import EthernetFrame
from ..wire.ip import IpPacket
from ..wire.lenient import read_frame
from .addressing import by_interface
from .link import Direction, Link, LinkEnd
from .node import Node, given_addresses
from .switch import Switch, SwitchPort
from .taps import TapGroup


class Reparse(Device):
    """Serialises and parses each frame on its way to another device: bytes on every hop."""

    def __init__(self, device: Device) -> None:
        self.device = device

    def transmit(self, frame: EthernetFrame) -> None:
        parsed = read_frame(frame.serialize())
        before, after = frame.payload, parsed.payload
        if isinstance(before, IpPacket) and isinstance(after, IpPacket):
            # A loopback's tap sees only the parsed frame, and asks it for its sender too.
            after.payload.origin = before.payload.origin
        self.device.transmit(parsed)


class _Plug:
    """What one end of a link is plugged into: an interface of a host, or a port of a switch."""

    __slots__ = ("interface", "name", "node", "port")

    def __init__(self, node: str, name: str, interface: Interface | None, port: SwitchPort | None) -> None:
        self.node = node
        self.name = name
        self.interface = interface
        self.port = port

    def sink(self) -> FrameSink:
        if self.interface is not None:
            return self.interface
        assert self.port is not None
        return self.port

    def connect(self, end: LinkEnd) -> None:
        if self.interface is not None:
            self.interface.device = end
        elif self.port is not None:
            self.port.device = end


class Fabric:
    """One network. Everything in it that is random is drawn from ``seed``.

    With ``bytes_on_wire`` frames travel as bytes on every hop; the run is the same. ``keep_events``
    has the trace keep what it saw, for ladder diagrams.
    """

    __slots__ = (
        "_tap",
        "bytes_on_wire",
        "clock",
        "links",
        "names",
        "nodes",
        "points",
        "seed",
        "streams",
        "switches",
        "taps",
        "trace",
    )

    def __init__(self, seed: int, bytes_on_wire: bool, keep_events: bool) -> None:
        self.seed = seed
        self.bytes_on_wire = bytes_on_wire
        self.clock: Clock = Clock()
        self.streams: Streams = Streams(seed)
        self.trace: Trace = Trace(keep_events)
        self.taps: list[Tap] = [self.trace]
        """All who watch, the trace first. Changed by add_tap and remove_tap."""
        self._tap: Tap = self.trace
        self.nodes: dict[str, Node] = {}
        self.switches: dict[str, Switch] = {}
        self.links: list[Link] = []
        self.points: list[TapPoint] = []
        """Where taps see frames, in the order they were made."""
        self.names: dict[str, list[int]] = {"localhost": [V4_LOOPBACK]}
        """Addresses of each host name; every host resolves from it."""

    # What stands where

    def add_node(self, name: str, addresses: list[tuple[int, int]]) -> Node:
        """A new host with these (address, prefix length), on interfaces as :func:`by_interface` says.

        Raises ValueError if the name or an address is taken.
        """
        self._check_name(name)
        for address, _ in addresses:
            self.check_address(address)
        node = Node(name, len(self.nodes) + 1, self.clock, self.streams.stream(f"host/{name}"), self.names)
        self.nodes[name] = node
        self._tap_loopback(node)
        for pairs in by_interface(addresses):
            node.add_interface(pairs)
        self.names[name] = node.addresses() or [V4_LOOPBACK]
        return node

    def add_name(self, name: str, node: Node) -> None:
        """Another name for a host. Raises ValueError if it is taken."""
        self._check_name(name)
        self.names[name] = self.names[node.name]

    def add_switch(self, name: str) -> Switch:
        """A new switch. Raises ValueError if the name is taken."""
        self._check_name(name)
        switch = Switch(name, self.clock)
        self.switches[name] = switch
        return switch

    def check_address(self, address: int) -> None:
        """Raises ValueError if ``address`` is a host's already."""
        for node in self.nodes.values():
            if address in node.addresses():
                raise ValueError(f"{format_ip(address)} is the address of host {node.name} already")

    def _check_name(self, name: str) -> None:
        if name in self.switches:
            raise ValueError(f"there is a switch {name} already")
        if name in self.names:
            raise ValueError(f"there is a host {name} already")

    # Links

    def connect(
        self,
        a: Node | Switch,
        b: Node | Switch,
        a_addresses: list[tuple[int, int]],
        b_addresses: list[tuple[int, int]],
    ) -> Link:
        """A link with default settings between two hosts or switches.

        Addresses (with prefix lengths) give the host's end a new interface that has them; without any
        the host's next free interface is used. Raises ValueError if the link would close a loop of
        switches, joins a node with itself, or an address is taken or missing.
        """
        if a is b:
            raise ValueError(f"a link cannot join {a.name} with itself")
        if isinstance(a, Switch) and isinstance(b, Switch) and b.name in self._switches_joined_to(a.name):
            raise ValueError(f"a link between {a.name} and {b.name} would close a loop of switches")
        for place, addresses in ((a, a_addresses), (b, b_addresses)):
            if addresses and isinstance(place, Switch):
                raise ValueError(f"switch {place.name} takes no address")
            for address, _ in addresses:
                self.check_address(address)
        plug_a = self._plug(a, a_addresses)
        plug_b = self._plug(b, b_addresses)
        name = self._link_name(a.name, b.name)
        point_a = self._new_point(plug_a.node, plug_a.name, False)
        point_b = self._new_point(plug_b.node, plug_b.name, False)
        there = self._direction(name, point_a, point_b, plug_b.sink())
        back = self._direction(name, point_b, point_a, plug_a.sink())
        link = Link(name, LinkEnd(point_a, there), LinkEnd(point_b, back))
        plug_a.connect(link.a)
        plug_b.connect(link.b)
        if isinstance(a, Node) and isinstance(b, Node):
            self._reach(a, b, link.a, link.b)
            self._reach(b, a, link.b, link.a)
        self.links.append(link)
        return link

    def set_mtu(self, link: Link, mtu: int) -> None:
        """Give the interfaces at both ends of ``link`` this MTU, in bytes."""
        for end in (link.a, link.b):
            node = self.nodes.get(end.point.node)
            if node is not None:
                for interface in node.interfaces:
                    if interface.device is end:
                        node.stack.set_mtu(interface, mtu)

    def last_arrival(self) -> int:
        """When the last frame now on a link will arrive, in ns; -1 if there is none."""
        last = -1
        for link in self.links:
            for end in (link.a, link.b):
                last = max(last, end.outgoing.last_arrival())
        return last

    def _plug(self, place: Node | Switch, addresses: list[tuple[int, int]]) -> _Plug:
        if isinstance(place, Switch):
            port = place.add_port()
            return _Plug(place.name, port.name, None, port)
        interface = place.plug(addresses)
        known = self.names[place.name]
        for own in place.addresses():
            if own not in known:
                if known == [V4_LOOPBACK]:
                    known.clear()
                known.append(own)
        return _Plug(place.name, interface.name, interface, None)

    def _reach(self, node: Node, peer: Node, near: LinkEnd, far: LinkEnd) -> None:
        """See to it that ``node`` reaches the addresses ``peer`` has at ``far`` through ``near``, unless
        an earlier link between the two leads there."""
        interface = node.stack.interface_named(near.point.interface)
        there = peer.stack.interface_named(far.point.interface)
        assert interface is not None
        assert there is not None
        reached: list[int] = []
        for link in self.links:
            if {link.a.point.node, link.b.point.node} == {node.name, peer.name}:
                end = link.a if link.a.point.node == peer.name else link.b
                earlier = peer.stack.interface_named(end.point.interface)
                if earlier is not None:
                    reached.extend(given_addresses(earlier))
        for address in given_addresses(there):
            if address not in reached:
                node.reach(address, interface)

    def _direction(self, link: str, start: TapPoint, end: TapPoint, sink: FrameSink) -> Direction:
        stream = self.streams.stream(f"link/{link}/{start.node}")
        return Direction(self.clock, stream, self._tap, start, end, sink, self.bytes_on_wire)

    def _link_name(self, a: str, b: str) -> str:
        taken = [link.name for link in self.links]
        name = f"{a}-{b}"
        count = 1
        while name in taken:
            count += 1
            name = f"{a}-{b}#{count}"
        return name

    def _switches_joined_to(self, name: str) -> list[str]:
        joined = [name]
        for here in joined:
            for link in self.links:
                a, b = link.a.point.node, link.b.point.node
                for near, far in ((a, b), (b, a)):
                    if near == here and far in self.switches and far not in joined:
                        joined.append(far)
        return joined

    # Taps

    def add_tap(self, tap: Tap) -> None:
        """Let ``tap`` watch every link and loopback from now on."""
        self.taps.append(tap)
        self._taps_changed()

    def remove_tap(self, tap: Tap) -> None:
        """Let ``tap`` watch no more. Raises ValueError if it does not."""
        self.taps.remove(tap)
        self._taps_changed()

    def _taps_changed(self) -> None:
        # The trace alone is told directly: that is the usual case.
        self._tap = self.taps[0] if len(self.taps) == 1 else TapGroup(self.taps)
        for link in self.links:
            link.a.outgoing.taps = self._tap
            link.b.outgoing.taps = self._tap
        for node in self.nodes.values():
            node.stack.loopback.tap = self._tap

    def _tap_loopback(self, node: Node) -> None:
        loopback = node.stack.loopback
        loopback.point = self._new_point(node.name, "lo", True)
        loopback.tap = self._tap
        if self.bytes_on_wire:
            node.stack.interfaces[0].device = Reparse(loopback)

    def _new_point(self, node: str, interface: str, loopback: bool) -> TapPoint:
        point = TapPoint(len(self.points), node, interface, loopback)
        self.points.append(point)
        return point
