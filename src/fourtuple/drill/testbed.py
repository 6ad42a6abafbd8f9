"""The simulated host a script runs against: one interface to the other end, and time that can be stepped."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from ..capture.tap import Tap, TapPoint
from ..clock.clock import Clock
from ..clock.streams import Streams
from ..kernel.process import Process
from ..network.node import Node
from ..stack.base import Device
from ..stack.interface import Interface
from ..wire.address import V4_ANY, V4_LOOPBACK, V6_ANY, format_ip, is_v4
from ..wire.ethernet import ETHERTYPE_IPV4, ETHERTYPE_IPV6, EthernetFrame, parse_frame
from ..wire.ip import IpPacket
from .settings import Settings

START: Final = 1_000_250_000
"""Virtual time of a script's first event: as packetdrill, a quarter of a jiffy behind a tick."""

PEER_MAC: Final = 0x0200_0000_FE01
INTERFACE: Final = "tun0"


class Tun(Device):
    """The outer side of the interface: what the host sends is queued for the script to look at."""

    def __init__(self, clock: Clock, speed: int, bytes_on_wire: bool) -> None:
        self.clock = clock
        self.speed = speed
        """Mbit/s. However fast, no two packets leave at once; that also keeps round trips from being equal to
        the nanosecond, which those of a real host never are."""
        self.bytes_on_wire = bytes_on_wire
        self.sent: deque[tuple[int, IpPacket]] = deque()
        """Each with the time its last bit left."""
        self._idle_at = 0
        self.tap: Tap | None = None
        self.point = TapPoint(1, "host", INTERFACE)
        self.limit = -1
        """Packets a queueing discipline lets through at once, -1 for no limit."""

    def transmit(self, frame: EthernetFrame) -> None:
        if self.bytes_on_wire:
            frame = parse_frame(frame.serialize())
        now = self.clock.now
        if self.tap is not None:
            self.tap.sent(self.point, now, frame)
        packet = frame.payload
        if isinstance(packet, IpPacket):
            self._idle_at = max(now, self._idle_at) + packet.wire_length() * 8000 // self.speed
            self.sent.append((self._idle_at, packet))


class Testbed:
    """The host under test, ``process`` on it, and its interface to the other end.

    With ``bytes_on_wire`` every packet is serialised and parsed on its way, in both directions.
    """

    __test__ = False

    def __init__(self, settings: Settings, seed: int, bytes_on_wire: bool) -> None:
        self.settings = settings
        self.clock = Clock()
        self.clock.advance_to(START)
        names = {"localhost": [V4_LOOPBACK]}
        node = Node("host", 1, self.clock, Streams(seed).stream("host/host"), names)
        self.stack = node.stack
        self.kernel = node.kernel
        self.stack.tcp.layer.receive_unit = settings.mss
        # Scripts are written for Linux, whose slow start ends otherwise than ours by default.
        self.stack.sysctl.set("tcp_cubic.hystart", 1)
        self.tun = Tun(self.clock, settings.speed, bytes_on_wire)
        self.interface: Interface = self.stack.add_interface(
            INTERFACE, 0x0200_0000_0100, settings.mtu, self.tun
        )
        self.interface.peer_mac = PEER_MAC
        self.stack.add_address(self.interface, settings.local, settings.prefix_length)
        self.gateway = self._gateway()
        self._route()
        null = self.kernel.null
        self.process: Process = self.kernel.spawn("script", ["script"], None, null(), null(), null())
        self.kernel.caller = self.process

    def _gateway(self) -> int:
        """The next hop. A point-to-point interface has none, so any other address of the subnet does."""
        settings = self.settings
        if settings.gateway != settings.local:
            return settings.gateway
        return settings.local ^ 3

    def _route(self) -> None:
        """Everything is reached through the interface."""
        stack = self.stack
        gateway = self.gateway
        v4 = is_v4(gateway)
        if stack.routes.lookup(gateway, 0) is None:
            stack.add_route(gateway, 32 if v4 else 128, -1, self.interface, 0, -1)
        stack.add_route(V4_ANY if v4 else V6_ANY, 0, gateway, self.interface, 0, -1)

    def refuse(self, refusing: bool) -> None:
        """Let the interface take no packets (a queueing discipline of length 0), or take them again: what
        the host sends is refused with ENOBUFS, as for a next hop there is no room to remember."""
        table = self.stack.neighbours if is_v4(self.gateway) else self.stack.neighbours_v6
        table.settings.gc_thresh3 = 0 if refusing else 1024
        table.forget_interface(self.interface)

    # Packets

    def inject(self, packet: IpPacket) -> None:
        """Let ``packet`` arrive now."""
        ethertype = ETHERTYPE_IPV4 if is_v4(packet.source) else ETHERTYPE_IPV6
        frame = EthernetFrame(self.interface.mac, PEER_MAC, ethertype, packet)
        if self.tun.bytes_on_wire:
            frame = parse_frame(frame.serialize())
        if self.tun.tap is not None:
            self.tun.tap.delivered(self.tun.point, self.clock.now, frame)
        self.interface.receive(frame)

    # Time

    def now(self) -> int:
        """Ns since the script's first event."""
        return self.clock.now - START

    def run_until(self, when: int, wanted: Callable[[], bool]) -> bool:
        """Let events happen until ``wanted()``, or up to ``when`` (ns since the first event; negative:
        for ever). Returns whether it was wanted; if not, it is ``when``, or nothing more will happen."""
        clock = self.clock
        limit = when + START if when >= 0 else -1
        while not wanted():
            following = clock.next_time()
            if following < 0 or (limit >= 0 and following > limit):
                if limit > clock.now:
                    clock.advance_to(limit)
                return wanted()
            clock.run(following, 1)
        return True

    def close(self) -> None:
        """End the script's process, so that nothing of the host is left."""
        self.kernel.exit(self.process, 0)

    def __repr__(self) -> str:
        return f"Testbed({format_ip(self.settings.local)} > {format_ip(self.settings.remote)})"
