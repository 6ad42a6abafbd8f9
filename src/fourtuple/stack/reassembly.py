"""Putting IPv4 fragments together (RFC 791 §3.2, RFC 815; net/ipv4/ip_fragment.c)."""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

from ..clock.timers import Timer
from ..wire.icmp import ICMP_TIME_EXCEEDED, TIME_EXCEEDED_REASSEMBLY
from ..wire.ipv4 import MAX_LENGTH, Ipv4Packet
from ..wire.packet import RawPayload, WireError
from ..wire.payload import parse_payload
from .icmp import Icmp
from .ip_output import IpOutput
from .truesize import truesize

_MOST_SOURCES: Final = 4096

_NOT_ECT: Final = 1 << 0
_CE: Final = 1 << 3

_REPEATED: Final = -1
_OVERLAPS: Final = -2


class Reassembly:
    """The datagrams of which a host has received some fragments.

    A fragment that overlaps another, or disagrees with it about the datagram's end, takes the whole
    datagram down (RFC 5722's answer to overlaps, as Linux applies it to IPv4); an exact repetition is
    ignored. No new datagram is begun while those waiting hold ``ipfrag_high_thresh`` bytes.
    """

    def __init__(self, ip: IpOutput, icmp: Icmp) -> None:
        self.ip = ip
        self.icmp = icmp
        self.mib = ip.counters.ip
        self.memory: int = 0
        """Bytes held, as :func:`truesize` counts them."""
        self._waiting: dict[tuple[int, int, int, int], _Datagram] = {}
        self._arrivals: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, packet: Ipv4Packet) -> Ipv4Packet | None:
        """Take a fragment; the whole datagram if this was the last one missing."""
        self.mib.reasm_reqds += 1
        key = (packet.source, packet.destination, packet.protocol, packet.ident)
        datagram = self._waiting.get(key)
        if datagram is not None and self._is_too_far(datagram):
            self._discard(datagram)
            datagram = None
        if datagram is None:
            if self.memory > self.ip.sysctl.ipfrag_high_thresh:
                self.mib.reasm_fails += 1
                return None
            datagram = _Datagram(self, key)
            self._waiting[key] = datagram
            datagram.arm(self.ip.sysctl.ipfrag_time)
            datagram.arrival = self._next_arrival(packet.source)
        before = datagram.memory
        sound = datagram.insert(packet)
        self.memory += datagram.memory - before
        if not sound:
            self._discard(datagram)
            return None
        if not datagram.is_whole():
            return None
        self._forget(datagram)
        return self._assemble(datagram)

    def timed_out(self, datagram: _Datagram) -> None:
        """Give up; the source is told if the first fragment is there (``ip_expire``)."""
        self._forget(datagram)
        self.mib.reasm_timeout += 1
        self.mib.reasm_fails += 1
        first = datagram.first
        if first is not None:
            self.icmp.send_error(first, ICMP_TIME_EXCEEDED, TIME_EXCEEDED_REASSEMBLY, 0)

    def _assemble(self, datagram: _Datagram) -> Ipv4Packet | None:
        first = datagram.first
        assert first is not None
        ecn = datagram.merged_ecn()
        data = b"".join([datagram.pieces[offset] for offset in sorted(datagram.pieces)])
        if ecn < 0 or first.header_length() + len(data) > MAX_LENGTH:
            self.mib.reasm_fails += 1
            return None
        self.mib.reasm_oks += 1
        try:
            payload = parse_payload(first.protocol, data, first.source, first.destination)
        except WireError:
            self.mib.in_discards += 1
            return None
        payload.origin = first.payload.origin
        whole = Ipv4Packet(first.source, first.destination, first.protocol, payload)
        whole.ttl = first.ttl
        whole.tos = (first.tos & ~3) | ecn
        whole.ident = first.ident
        whole.options = first.options
        return whole

    def _discard(self, datagram: _Datagram) -> None:
        self._forget(datagram)
        self.mib.reasm_fails += 1

    def _forget(self, datagram: _Datagram) -> None:
        datagram.cancel()
        self.memory -= datagram.memory
        del self._waiting[datagram.key]

    def _next_arrival(self, source: int) -> int:
        """Number of fragments that have come from ``source``."""
        if len(self._arrivals) >= _MOST_SOURCES and source not in self._arrivals:
            self._arrivals.clear()
        number = self._arrivals.get(source, 0) + 1
        self._arrivals[source] = number
        return number

    def _is_too_far(self, datagram: _Datagram) -> bool:
        """Whether so many other fragments came from the source since this datagram's last one that the
        identification may have wrapped and be another datagram's (``ip_frag_too_far``)."""
        before = datagram.arrival
        datagram.arrival = self._next_arrival(datagram.key[0])
        distance = self.ip.sysctl.ipfrag_max_dist
        return distance != 0 and datagram.arrival - before > distance


class _Datagram(Timer):
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

    def __init__(self, table: Reassembly, key: tuple[int, int, int, int]) -> None:
        super().__init__(table.ip.clock)
        self.table = table
        self.key = key
        self.first: Ipv4Packet | None = None
        self.pieces: dict[int, bytes] = {}
        self.runs: list[tuple[int, int]] = []
        self.end: int = 0
        """Where the datagram ends, as far as is known."""
        self.end_known: bool = False
        self.received: int = 0
        self.memory: int = 0
        self.ecn: int = 0
        self.arrival: int = 0

    def expired(self) -> None:
        self.table.timed_out(self)

    def insert(self, packet: Ipv4Packet) -> bool:
        """Keep the fragment; False if it spoils the datagram (``ip_frag_queue``)."""
        payload = packet.payload
        if isinstance(payload, RawPayload):
            data = payload.data
        else:
            data = payload.serialize(packet.source, packet.destination)
        offset = packet.fragment_offset
        end = offset + len(data)
        if end > MAX_LENGTH:
            return False
        if not packet.more_fragments:
            if end < self.end or (self.end_known and end != self.end):
                return False
            self.end_known = True
            self.end = end
        else:
            if end & 7:
                end &= ~7
                data = data[: end - offset]
            if end > self.end:
                if self.end_known:
                    return False
                self.end = end
        if end <= offset:
            return False
        place = self._place(offset, end)
        if place < 0:
            return place == _REPEATED
        self._enter_run(place, offset, end)
        self.pieces[offset] = data
        self.received += end - offset
        self.memory += truesize(packet.wire_length())
        self.ecn |= 1 << (packet.tos & 3)
        if offset == 0:
            self.first = packet
        return True

    def is_whole(self) -> bool:
        return self.end_known and self.first is not None and self.received == self.end

    def merged_ecn(self) -> int:
        """The ECN field of the whole (RFC 3168 §5.3), -1 if the fragments' do not go together."""
        seen = self.ecn
        first = self.first
        assert first is not None
        if seen & _NOT_ECT and seen != _NOT_ECT:
            return -1
        return 3 if seen & _CE else first.tos & 3

    def _place(self, start: int, end: int) -> int:
        """Index in ``runs`` where the stretch belongs.

        _REPEATED if it is there already, _OVERLAPS if a part of it is.
        """
        runs = self.runs
        index = bisect_right(runs, (start, MAX_LENGTH + 1))
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
