"""Putting fragments together, whichever IP they are of (RFC 815; net/ipv4/inet_fragment.c).

A fragment that overlaps another, or disagrees with it about the datagram's end, takes the whole
datagram down (RFC 5722, which Linux applies to IPv4 as well); an exact repetition is ignored.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

from ..clock.clock import Clock
from ..clock.timers import Timer
from ..wire.ip import IpPacket
from ..wire.packet import RawPayload
from .truesize import truesize

MOST_DATA: Final = 65535
"""No datagram's data is longer, in bytes."""

_REPEATED: Final = -1
_OVERLAPS: Final = -2

TAKEN: Final = 0
SPOILT: Final = 1
"""The datagram is to be dropped."""
ODD_LENGTH: Final = 2
"""A fragment that is not the last has a length that is no multiple of 8."""


class FragmentTimeouts:
    """Who is told that a datagram's time is over."""

    def timed_out(self, datagram: FragmentedDatagram) -> None:
        raise NotImplementedError


class FragmentedDatagram(Timer):
    """One datagram's fragments. ``runs`` are the stretches [start, end) received, in order."""

    __slots__ = (
        "arrival",
        "ecn",
        "end",
        "end_known",
        "first",
        "key",
        "memory",
        "pieces",
        "received",
        "runs",
        "table",
    )

    def __init__(self, clock: Clock, table: FragmentTimeouts, key: tuple[int, int, int, int]) -> None:
        super().__init__(clock)
        self.table = table
        self.key = key
        self.first: IpPacket | None = None
        self.pieces: dict[int, bytes] = {}
        self.runs: list[tuple[int, int]] = []
        self.end: int = 0
        """Where the datagram ends, as far as is known."""
        self.end_known: bool = False
        self.received: int = 0
        self.memory: int = 0
        """What its fragments take, as :func:`truesize` counts it."""
        self.ecn: int = 0
        """A bit for each value of the ECN field seen."""
        self.arrival: int = 0

    def expired(self) -> None:
        self.table.timed_out(self)

    def insert(self, packet: IpPacket, trims: bool) -> int:
        """Keep a fragment: TAKEN, SPOILT or ODD_LENGTH (``ip_frag_queue``).

        With ``trims`` what is beyond a multiple of 8 is cut off, as IPv4 does.
        """
        payload = packet.payload
        if isinstance(payload, RawPayload):
            data = payload.data
        else:
            data = payload.serialize(packet.source, packet.destination)
        offset = packet.fragment_offset
        end = offset + len(data)
        if end > MOST_DATA:
            return SPOILT
        if not packet.more_fragments:
            if end < self.end or (self.end_known and end != self.end):
                return SPOILT
            self.end_known = True
            self.end = end
        else:
            if end & 7:
                if not trims:
                    return ODD_LENGTH
                end &= ~7
                data = data[: end - offset]
            if end > self.end:
                if self.end_known:
                    return SPOILT
                self.end = end
        if end <= offset:
            return SPOILT
        place = self._place(offset, end)
        if place < 0:
            return TAKEN if place == _REPEATED else SPOILT
        self._enter_run(place, offset, end)
        self.pieces[offset] = data
        self.received += end - offset
        self.memory += truesize(packet.wire_length())
        self.ecn |= 1 << (packet.tos & 3)
        if offset == 0:
            self.first = packet
        return TAKEN

    def is_whole(self) -> bool:
        return self.end_known and self.first is not None and self.received == self.end

    def data(self) -> bytes:
        """All of it, once it is whole."""
        return b"".join([self.pieces[offset] for offset in sorted(self.pieces)])

    def merged_ecn(self, first: int) -> int:
        """The ECN field of the whole whose first fragment has ``first`` (RFC 3168 §5.3), -1 if the
        fragments' do not go together."""
        if self.ecn & 1 and self.ecn != 1:
            return -1
        return 3 if self.ecn & 8 else first

    def _place(self, start: int, end: int) -> int:
        """Index in ``runs`` where the stretch belongs.

        _REPEATED if it is there already, _OVERLAPS if a part of it is.
        """
        runs = self.runs
        index = bisect_right(runs, (start, MOST_DATA + 1))
        if index > 0:
            high = runs[index - 1][1]
            if start < high:
                return _REPEATED if end <= high else _OVERLAPS
        if index < len(runs) and runs[index][0] < end:
            return _OVERLAPS
        return index

    def _enter_run(self, place: int, start: int, end: int) -> None:
        """Add the stretch, joining the run before it if it follows directly."""
        runs = self.runs
        if place > 0 and runs[place - 1][1] == start:
            runs[place - 1] = (runs[place - 1][0], end)
        else:
            runs.insert(place, (start, end))


class FragmentTable:
    """The datagrams waiting for fragments, and the memory they take."""

    def __init__(self) -> None:
        self.memory: int = 0
        self._waiting: dict[tuple[int, int, int, int], FragmentedDatagram] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def find(self, key: tuple[int, int, int, int]) -> FragmentedDatagram | None:
        return self._waiting.get(key)

    def enter(self, datagram: FragmentedDatagram, timeout: int) -> None:
        """Keep a new datagram for ``timeout`` ns."""
        self._waiting[datagram.key] = datagram
        datagram.arm(timeout)

    def insert(self, datagram: FragmentedDatagram, packet: IpPacket, trims: bool) -> int:
        """:meth:`FragmentedDatagram.insert`, its memory accounted for."""
        before = datagram.memory
        verdict = datagram.insert(packet, trims)
        self.memory += datagram.memory - before
        return verdict

    def forget(self, datagram: FragmentedDatagram) -> None:
        datagram.cancel()
        self.memory -= datagram.memory
        del self._waiting[datagram.key]
