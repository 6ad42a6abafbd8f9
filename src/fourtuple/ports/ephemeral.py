"""In which order ports are tried when a program leaves the choice to the system.

Each search hands out candidates; the tables test them. connect() starts at a keyed hash of the
four-tuple's fixed parts and prefers the parity of the range's low end (Linux
``__inet_hash_connect``), bind() starts at random on the other parity (``inet_csk_find_open_port``),
UDP walks its hash slots from a random one (``udp_lib_get_port``).
"""

from __future__ import annotations

from typing import Final

from .endpoint import Endpoint
from .hashing import port_hash
from .settings import PortSettings

PERTURB_SLOTS: Final = 1 << 16
NO_PORT: Final = -1


class PortRange:
    """The ports an endpoint may be given: the host's range, narrowed by IP_LOCAL_PORT_RANGE.

    An end of IP_LOCAL_PORT_RANGE outside the host's range is ignored. ``own`` tells whether the
    option is set at all, which lifts connect()'s preference of one parity.
    """

    __slots__ = ("high", "low", "own")

    def __init__(self, settings: PortSettings, endpoint: Endpoint) -> None:
        low = settings.local_port_low
        high = settings.local_port_high
        self.low: int = low
        self.high: int = high
        self.own: bool = endpoint.port_low != 0 or endpoint.port_high != 0
        if self.own:
            if low <= endpoint.port_low <= high:
                self.low = endpoint.port_low
            if low <= endpoint.port_high <= high:
                self.high = endpoint.port_high


class ConnectUse:
    """How many ports connect() has given out for one local address, peer and peer port.

    Only a shortcut: a search need not try a parity of which every port is counted here. Ports in
    TIME_WAIT are not counted, they may be reused.
    """

    __slots__ = ("high", "key", "low", "low_parity", "other_parity")

    def __init__(self, key: int, low: int, high: int) -> None:
        self.key = key
        self.low = low
        """The range counted in; another range needs another count."""
        self.high = high
        self.low_parity: int = 0
        """Ports of the parity of ``low``."""
        self.other_parity: int = 0

    def add(self, port: int, count: int) -> None:
        """Count ``port`` in (1) or out (-1)."""
        if (port - self.low) & 1:
            self.other_parity += count
        else:
            self.low_parity += count


class ConnectSearch:
    """Candidates for connect(), for one local address and peer."""

    __slots__ = (
        "_count",
        "_index",
        "_offset",
        "_pass_again",
        "_port",
        "_reserved",
        "_settings",
        "_slot",
        "_step",
        "range",
    )

    def __init__(
        self, settings: PortSettings, endpoint: Endpoint, local: int, peer: int, peer_port: int
    ) -> None:
        self._settings = settings
        self._reserved = settings.reserved_ports
        ports = PortRange(settings, endpoint)
        self.range: PortRange = ports
        self._step: int = 1 if ports.own else 2
        count = ports.high - ports.low + 1
        if not ports.own and count > 1:
            # Of an odd number of ports one is never tried, which one depends on the start: as Linux.
            count &= ~1
        hashed = port_hash(settings.secret, local, peer, peer_port)
        self._slot: int = hashed & (PERTURB_SLOTS - 1)
        offset = 0
        if count > 0:
            offset = (perturbation(settings, self._slot) + (hashed >> 32)) % count
        if not ports.own:
            offset &= ~1
        self._count: int = count
        self._offset: int = offset
        self._port: int = ports.low + offset
        self._index: int = 0
        self._pass_again: bool = not ports.own and count > 1

    def next(self) -> int:
        """The next candidate, or NO_PORT when all have been tried. Reserved ports are left out."""
        while True:
            while self._index < self._count:
                port = self._port
                if port > self.range.high:
                    port -= self._count
                self._port = port + self._step
                self._index += self._step
                if port not in self._reserved:
                    return port
            if not self._pass_again:
                return NO_PORT
            self._pass_again = False
            self._index = 0
            self._port = self.range.low + self._offset + 1

    def skip_used(self, use: ConnectUse) -> None:
        """Leave out the parities of which every port is in use; call before the first candidate."""
        count = self._count
        if count & 1 or count != self.range.high - self.range.low + 1:
            return
        if use.other_parity >= count >> 1:
            self._pass_again = False
        if use.low_parity >= count >> 1:
            self._index = count

    def taken(self) -> None:
        """The last candidate was used: the next search of this slot starts beyond it.

        A little randomness keeps the next port from being guessed while few are in use.
        """
        tried = self._index - self._step
        random = self._settings.stream.below(8) * self._step
        advance = (tried if tried > random else random) + self._step
        slot = self._slot
        self._settings.perturb[slot] = (self._settings.perturb[slot] + advance) & 0xFFFF_FFFF


def perturbation(settings: PortSettings, slot: int) -> int:
    """The slot's offset; random until its first search."""
    value = settings.perturb.get(slot, -1)
    if value < 0:
        value = settings.stream.bits(32)
        settings.perturb[slot] = value
    return value


class BindSearch:
    """Candidates for bind() to port 0 and listen() without bind().

    ``half`` 1: only the lower half of the range, 2: only the upper, 0: all of it.
    """

    __slots__ = ("_count", "_high", "_index", "_low", "_odd", "_offset", "_port", "_reserved")

    def __init__(self, settings: PortSettings, endpoint: Endpoint, half: int) -> None:
        ports = PortRange(settings, endpoint)
        low = ports.low
        high = ports.high + 1
        if half and high - low >= 4:
            middle = low + ((high - low) >> 2 << 1)
            if half == 1:
                high = middle
            else:
                low = middle
        count = high - low
        if count > 1:
            count &= ~1
        self._reserved = settings.reserved_ports
        self._low: int = low
        self._high: int = high
        self._count: int = count
        self._offset: int = settings.stream.below(count) | 1 if count > 0 else 1
        self._port: int = low + self._offset
        self._index: int = 0
        self._odd: bool = count > 1

    def next(self) -> int:
        """The next candidate, or NO_PORT when all have been tried. Reserved ports are left out."""
        while True:
            while self._index < self._count:
                port = self._port
                if port >= self._high:
                    port -= self._count
                self._port = port + 2
                self._index += 2
                if port not in self._reserved:
                    return port
            if not self._odd:
                return NO_PORT
            self._odd = False
            self._index = 0
            self._port = self._low + self._offset - 1


class UdpSearch:
    """Candidates for a UDP socket without a port.

    The first is any port of the range; after it come the other ports of its hash slot, an odd
    multiple of the table's size apart, then the next slots.
    """

    __slots__ = ("_high", "_left", "_low", "_port", "_reserved", "_start", "_stride")

    def __init__(self, settings: PortSettings, endpoint: Endpoint) -> None:
        ports = PortRange(settings, endpoint)
        count = ports.high - ports.low + 1
        random = settings.stream.bits(32)
        self._low: int = ports.low
        self._high: int = ports.high
        self._reserved = settings.reserved_ports
        slots = settings.udp_slots
        # A range no larger than the table has one port to a slot: its slots in order are the ports.
        self._stride: int = (random | 1) * slots & 0xFFFF if count > slots else 0
        self._left: int = slots if count > slots else count
        self._start: int = (random * count >> 32) + ports.low
        self._port: int = self._start

    def next(self) -> int:
        """The next candidate, or NO_PORT when all have been tried. Reserved ports are left out."""
        while self._left > 0:
            port = self._port
            following = (port + self._stride) & 0xFFFF
            if following == self._start:
                self._left -= 1
                following = self._start + 1
                if self._stride == 0 and following > self._high:
                    following = self._low
                following &= 0xFFFF
                self._start = following
            self._port = following
            if self._low <= port <= self._high and port not in self._reserved:
                return port
        return NO_PORT
