"""The neighbour cache: link-layer addresses of next hops, and what is known of their reachability.

The states and their changes are those of RFC 4861 §7.3, which Linux uses for ARP as well
(net/core/neighbour.c). REACHABLE ages without a timer: an entry not confirmed for the reachable time
is stale when it is next used.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from ..clock.clock import SECOND
from ..clock.timers import Timer
from ..wire.ethernet import EthernetFrame
from ..wire.ip import IpPacket
from .base import IpLayer
from .changes import ChangeListener
from .interface import Interface
from .sysctl import NeighbourSettings
from .truesize import truesize

# Linux's numbers (include/uapi/linux/neighbour.h).
INCOMPLETE: Final = 0x01
REACHABLE: Final = 0x02
STALE: Final = 0x04
DELAY: Final = 0x08
PROBE: Final = 0x10
FAILED: Final = 0x20
NOARP: Final = 0x40
PERMANENT: Final = 0x80

NEIGHBOUR_STATE_NAMES: Final = {
    INCOMPLETE: "INCOMPLETE",
    REACHABLE: "REACHABLE",
    STALE: "STALE",
    DELAY: "DELAY",
    PROBE: "PROBE",
    FAILED: "FAILED",
    NOARP: "NOARP",
    PERMANENT: "PERMANENT",
}

_VALID: Final = REACHABLE | STALE | DELAY | PROBE | NOARP | PERMANENT
_CONNECTED: Final = REACHABLE | NOARP | PERMANENT

FOREVER: Final = 1 << 61
"""A time no run reaches, in ns."""

_GC_MIN_AGE: Final = 5 * SECOND
_GC_PAUSE: Final = SECOND // 10


class Neighbour(Timer):
    """One next hop on one interface.

    Until ``usable_until`` (ns) packets may go to ``mac`` at once; after that :meth:`output` decides.
    """

    __slots__ = (
        "address",
        "confirmed",
        "dead",
        "interface",
        "mac",
        "probes",
        "queue",
        "queued_bytes",
        "state",
        "table",
        "updated",
        "usable_until",
    )

    def __init__(self, table: NeighbourTable, interface: Interface, address: int) -> None:
        super().__init__(table.clock)
        self.table = table
        self.interface = interface
        self.address = address
        self.mac: int = 0
        self.state: int = FAILED
        self.usable_until: int = -1
        self.confirmed: int = -FOREVER
        """When it last proved to be reachable."""
        self.updated: int = table.clock.now
        self.probes: int = 0
        self.dead: bool = False
        """Evicted from the table; whoever still holds it looks up another."""
        self.queue: deque[IpPacket] = deque()
        self.queued_bytes: int = 0

    def current_state(self) -> int:
        """The state as Linux shows it: an entry whose reachable time has passed is STALE."""
        if self.state == REACHABLE and self.clock.now >= self.usable_until:
            return STALE
        return self.state

    def output(self, packet: IpPacket) -> None:
        """Send ``packet``, now or when the address is resolved (``neigh_resolve_output``)."""
        state = self.current_state()
        if state == STALE:
            self._enter(DELAY)
            self.arm(self.table.settings.delay_first_probe_time)
            self.usable_until = FOREVER
        elif state == FAILED:
            self._start(packet)
            return
        elif state == INCOMPLETE:
            self._enqueue(packet)
            return
        if self.state & _VALID:
            self._transmit(packet)

    def confirm(self) -> None:
        """An upper layer made progress with this next hop, so it is reachable (``neigh_confirm``)."""
        self.confirmed = self.clock.now
        if self.current_state() == REACHABLE:
            self.usable_until = self.confirmed + self.table.reachable_time()

    def update(self, mac: int, new: int, override: bool) -> None:
        """The neighbour said, or seems to say, that its address is ``mac`` (``neigh_update``).

        ``new`` is REACHABLE, STALE or PERMANENT. Without ``override`` another address is ignored
        while the known one is valid. A ``mac`` of -1 says nothing about the address.
        """
        old = self.current_state()
        if old == PERMANENT and new != PERMANENT:
            return
        if mac < 0:
            if not old & _VALID:
                return
            mac = self.mac
        now = self.clock.now
        if new & _CONNECTED:
            self.confirmed = now
        if old & _VALID:
            if mac != self.mac:
                if not override:
                    return
            elif new == STALE:
                return
        if new != old or mac != self.mac:
            self.updated = now
        self.mac = mac
        if new & _CONNECTED == 0:
            self.confirmed = -FOREVER
        self._enter(new)
        if not old & _VALID:
            self._flush()

    def set(self, mac: int, state: int, override: bool) -> None:
        """Give it an address and a state by hand (``neigh_update`` with NEIGH_UPDATE_F_ADMIN)."""
        if self.current_state() & _VALID and mac != self.mac and not override:
            return
        known = self.current_state() & _VALID
        self.updated = self.clock.now
        if state & _CONNECTED:
            self.confirmed = self.clock.now
        self.mac = mac
        self._enter(state)
        if state in (DELAY, PROBE):
            self.usable_until = FOREVER
            self.probes = 0
            self.arm(self.table.settings.delay_first_probe_time)
        if not known:
            self._flush()

    def doubt(self) -> None:
        """Another link-layer address was claimed: keep this one, but make sure (RFC 4861 §7.2.5)."""
        if self.current_state() == REACHABLE:
            self._enter(STALE)

    def expired(self) -> None:
        """Time to ask again, or to give up (``neigh_timer_handler``)."""
        settings = self.table.settings
        now = self.clock.now
        if self.state == DELAY:
            if now <= self.confirmed + settings.delay_first_probe_time:
                self._enter(REACHABLE)
                self.usable_until = self.confirmed + self.table.reachable_time()
                return
            self._enter(PROBE)
            self.usable_until = FOREVER
            self.probes = 0
        if self.state != PROBE and self.state != INCOMPLETE:
            return
        limit = settings.ucast_solicit
        if self.state == INCOMPLETE:
            limit += settings.mcast_solicit
        if self.probes >= limit:
            self._fail()
            return
        self.arm(settings.retrans_time)
        self._probe()

    def _start(self, packet: IpPacket) -> None:
        """Begin to resolve for ``packet`` (``__neigh_event_send``)."""
        settings = self.table.settings
        self._enqueue(packet)
        self._enter(INCOMPLETE)
        if settings.mcast_solicit == 0:
            self._fail()
            return
        # Counting from here leaves just the multicast questions.
        self.probes = settings.ucast_solicit
        self.arm(settings.retrans_time)
        self._probe()

    def _enter(self, state: int) -> None:
        self.cancel()
        self.state = state
        if state == REACHABLE:
            self.usable_until = self.clock.now + self.table.reachable_time()
        elif state & (NOARP | PERMANENT):
            self.usable_until = FOREVER
        else:
            self.usable_until = -1
        self.table.listener.neighbour_changed(self)

    def _probe(self) -> None:
        self.probes += 1
        source = self.queue[-1].source if self.queue else -1
        # Ask the known address first: a neighbour that moved answers the multicast that may follow.
        self.table.solicit(self, source, self.state == PROBE)

    def _fail(self) -> None:
        self.updated = self.clock.now
        self._enter(FAILED)
        packets = self.queue
        self.queue = deque()
        self.queued_bytes = 0
        # A report may lead to another packet for this very neighbour.
        for packet in packets:
            self.table.unreachable(packet)

    def _flush(self) -> None:
        packets = self.queue
        self.queue = deque()
        self.queued_bytes = 0
        for packet in packets:
            self.output(packet)

    def _transmit(self, packet: IpPacket) -> None:
        interface = self.interface
        interface.transmit(EthernetFrame(self.mac, interface.mac, self.table.ethertype, packet))

    def _enqueue(self, packet: IpPacket) -> None:
        size = truesize(packet.wire_length())
        queue = self.queue
        limit = self.table.settings.unres_qlen_bytes
        while queue and self.queued_bytes + size > limit:
            self.queued_bytes -= truesize(queue.popleft().wire_length())
            self.table.unresolved_discards += 1
        queue.append(packet)
        self.queued_bytes += size


class NeighbourTable:
    """The neighbours of one host in one address family. ARP and NDP derive from it."""

    def __init__(self, ip: IpLayer, ethertype: int, settings: NeighbourSettings) -> None:
        self.ip = ip
        self.clock = ip.clock
        self.settings = settings
        self.ethertype = ethertype
        self.listener: ChangeListener = ChangeListener()
        self.unresolved_discards: int = 0
        """Packets pushed out of a full queue by later ones."""
        self.table_fulls: int = 0
        # RFC 4861 §6.3.2: random, so that hosts do not act in step.
        self._reachable_percent: int = 50 + ip.stream.below(100)
        self._entries: dict[int, Neighbour] = {}
        self._next_collection: int = 0

    def reachable_time(self) -> int:
        """How long a confirmation lasts, in ns: half to one and a half times the setting."""
        return self.settings.base_reachable_time * self._reachable_percent // 100

    def solicit(self, neighbour: Neighbour, source: int, unicast: bool) -> None:
        """Ask for the neighbour's link-layer address, of itself if ``unicast``, else of all.

        ``source`` is that of the packet waiting, -1 if none is.
        """
        raise NotImplementedError

    def unreachable(self, packet: IpPacket) -> None:
        """``packet`` could not be sent since its next hop did not answer."""
        raise NotImplementedError

    def find(self, interface: Interface, address: int) -> Neighbour | None:
        return self._entries.get(address << 16 | interface.ifindex)

    def obtain(self, interface: Interface, address: int) -> Neighbour | None:
        """The entry of ``address``, made if needed; None if the table is full of entries in use."""
        key = address << 16 | interface.ifindex
        found = self._entries.get(key)
        if found is not None:
            return found
        if len(self._entries) >= self.settings.gc_thresh3 and not self._collect():
            self.table_fulls += 1
            return None
        made = Neighbour(self, interface, address)
        if interface.peer_mac >= 0:
            made.mac = interface.peer_mac
            made.state = NOARP
            made.usable_until = FOREVER
        self._entries[key] = made
        return made

    def fixed(self, interface: Interface, mac: int) -> Neighbour:
        """A next hop that needs no resolving: a broadcast, a multicast group, the host itself."""
        made = Neighbour(self, interface, -1)
        made.mac = mac
        made.state = NOARP
        made.usable_until = FOREVER
        return made

    def forget_interface(self, interface: Interface) -> None:
        """Drop all entries of an interface that went down; what they held is lost."""
        for key, entry in list(self._entries.items()):
            if entry.interface is interface:
                self._discard(key, entry)

    def forget(self, entry: Neighbour) -> None:
        """Drop an entry; what it held is lost."""
        self._discard(entry.address << 16 | entry.interface.ifindex, entry)

    def entries(self) -> list[Neighbour]:
        """All entries, oldest first."""
        return list(self._entries.values())

    def _collect(self) -> bool:
        """Evict what is neither in use nor new (``neigh_forced_gc``); False if that made no room.

        A flood that keeps the table full does not have it searched for every frame.
        """
        now = self.clock.now
        if now < self._next_collection:
            return False
        oldest = now - _GC_MIN_AGE
        for key, entry in list(self._entries.items()):
            state = entry.current_state()
            if state == FAILED or (state == STALE and entry.updated <= oldest):
                self._discard(key, entry)
        if len(self._entries) < self.settings.gc_thresh3:
            return True
        self._next_collection = now + _GC_PAUSE
        return False

    def _discard(self, key: int, entry: Neighbour) -> None:
        entry.cancel()
        entry.dead = True
        entry.usable_until = -1
        entry.state = FAILED
        entry.queue.clear()
        entry.queued_bytes = 0
        del self._entries[key]
        self.listener.neighbour_removed(entry)
