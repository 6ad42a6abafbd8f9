"""Reassembling IPv4 datagrams (RFC 791 §3.2; net/ipv4/ip_fragment.c)."""

from __future__ import annotations

from typing import Final

from ..wire.icmp import ICMP_TIME_EXCEEDED, TIME_EXCEEDED_REASSEMBLY
from ..wire.ipv4 import MAX_LENGTH, Ipv4Packet
from ..wire.packet import WireError
from ..wire.payload import parse_payload
from .icmp import Icmp
from .ip_output import IpOutput
from .reassembly import TAKEN, FragmentedDatagram, FragmentTable, FragmentTimeouts

_MOST_SOURCES: Final = 4096


class Reassembly(FragmentTimeouts):
    """The datagrams of which a host has received some fragments.

    No new one is begun while those waiting hold ``ipfrag_high_thresh`` bytes.
    """

    def __init__(self, ip: IpOutput, icmp: Icmp) -> None:
        self.ip = ip
        self.icmp = icmp
        self.mib = ip.counters.ip
        self.table = FragmentTable()
        self._arrivals: dict[int, int] = {}

    def add(self, packet: Ipv4Packet) -> Ipv4Packet | None:
        """Take a fragment; the whole datagram if this was the last one missing."""
        self.mib.reasm_reqds += 1
        key = (packet.source, packet.destination, packet.protocol, packet.ident)
        datagram = self.table.find(key)
        if datagram is not None and self._is_too_far(datagram):
            self._discard(datagram)
            datagram = None
        if datagram is None:
            if self.table.memory > self.ip.sysctl.ipfrag_high_thresh:
                self.mib.reasm_fails += 1
                return None
            datagram = FragmentedDatagram(self.ip.clock, self, key)
            datagram.arrival = self._next_arrival(packet.source)
            self.table.enter(datagram, self.ip.sysctl.ipfrag_time)
        if self.table.insert(datagram, packet, True) != TAKEN:
            self._discard(datagram)
            return None
        if not datagram.is_whole():
            return None
        self.table.forget(datagram)
        return self._assemble(datagram)

    def timed_out(self, datagram: FragmentedDatagram) -> None:
        """Give up; the source is told if the first fragment is there (``ip_expire``)."""
        self.table.forget(datagram)
        self.mib.reasm_timeout += 1
        self.mib.reasm_fails += 1
        first = datagram.first
        if isinstance(first, Ipv4Packet):
            self.icmp.send_error(first, ICMP_TIME_EXCEEDED, TIME_EXCEEDED_REASSEMBLY, 0)

    def _assemble(self, datagram: FragmentedDatagram) -> Ipv4Packet | None:
        first = datagram.first
        assert isinstance(first, Ipv4Packet)
        ecn = datagram.merged_ecn(first.tos & 3)
        data = datagram.data()
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

    def _discard(self, datagram: FragmentedDatagram) -> None:
        self.table.forget(datagram)
        self.mib.reasm_fails += 1

    def _next_arrival(self, source: int) -> int:
        """Number of fragments that have come from ``source``."""
        if len(self._arrivals) >= _MOST_SOURCES and source not in self._arrivals:
            self._arrivals.clear()
        number = self._arrivals.get(source, 0) + 1
        self._arrivals[source] = number
        return number

    def _is_too_far(self, datagram: FragmentedDatagram) -> bool:
        """Whether so many other fragments came from the source since this datagram's last one that the
        identification may have wrapped and be another datagram's (``ip_frag_too_far``)."""
        before = datagram.arrival
        datagram.arrival = self._next_arrival(datagram.key[0])
        distance = self.ip.sysctl.ipfrag_max_dist
        return distance != 0 and datagram.arrival - before > distance
