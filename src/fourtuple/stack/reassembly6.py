"""Reassembling IPv6 packets (RFC 8200 §4.5; net/ipv6/reassembly.c)."""

from __future__ import annotations

from typing import Final

from ..wire.icmpv6 import (
    ICMPV6_PARAMETER_PROBLEM,
    ICMPV6_TIME_EXCEEDED,
    PARAMETER_HEADER_FIELD,
    TIME_EXCEEDED_REASSEMBLY,
)
from ..wire.ipv6 import FRAGMENT_HEADER_LENGTH, HEADER_LENGTH, MAX_PAYLOAD, Ipv6Packet, reassembled_ipv6
from ..wire.packet import WireError
from .icmp6 import Icmp6
from .ip_output import IpOutput
from .reassembly import ODD_LENGTH, TAKEN, FragmentedDatagram, FragmentTable, FragmentTimeouts

_PAYLOAD_LENGTH_FIELD: Final = 4
_OFFSET_IN_HEADER: Final = 2


class Reassembly6(FragmentTimeouts):
    """The packets of which a host has received some fragments."""

    def __init__(self, ip: IpOutput, icmp: Icmp6) -> None:
        self.ip = ip
        self.icmp = icmp
        self.mib = ip.counters.ip6
        self.table = FragmentTable()

    def add(self, packet: Ipv6Packet) -> Ipv6Packet | None:
        """Take a fragment; the whole packet if this was the last one missing."""
        self.mib.reasm_reqds += 1
        offset = packet.fragment_offset
        before_data = packet.header_length() - HEADER_LENGTH - FRAGMENT_HEADER_LENGTH
        if before_data + offset + packet.payload.wire_length() > MAX_PAYLOAD:
            self.mib.reasm_fails += 1
            self._complain(packet, packet.header_length() - FRAGMENT_HEADER_LENGTH + _OFFSET_IN_HEADER)
            return None
        # The next header is the first fragment's to say, so it is no part of the key.
        key = (packet.source, packet.destination, 0, packet.ident)
        datagram = self.table.find(key)
        if datagram is None:
            if self.table.memory > self.ip.sysctl.ipv6_ip6frag_high_thresh:
                self.mib.reasm_fails += 1
                return None
            datagram = FragmentedDatagram(self.ip.clock, self, key)
            self.table.enter(datagram, self.ip.sysctl.ipv6_ip6frag_time)
        verdict = self.table.insert(datagram, packet, False)
        if verdict != TAKEN:
            if verdict == ODD_LENGTH:
                self._complain(packet, _PAYLOAD_LENGTH_FIELD)
            self.table.forget(datagram)
            self.mib.reasm_fails += 1
            return None
        if not datagram.is_whole():
            return None
        self.table.forget(datagram)
        return self._assemble(datagram)

    def timed_out(self, datagram: FragmentedDatagram) -> None:
        """Give up; the source is told if the first fragment is there (``ip6frag_expire_frag_queue``)."""
        self.table.forget(datagram)
        self.mib.reasm_timeout += 1
        self.mib.reasm_fails += 1
        first = datagram.first
        if isinstance(first, Ipv6Packet):
            self.icmp.send_error(first, ICMPV6_TIME_EXCEEDED, TIME_EXCEEDED_REASSEMBLY, 0)

    def _assemble(self, datagram: FragmentedDatagram) -> Ipv6Packet | None:
        first = datagram.first
        assert isinstance(first, Ipv6Packet)
        ecn = datagram.merged_ecn(first.tos & 3)
        if ecn < 0:
            self.mib.reasm_fails += 1
            return None
        self.mib.reasm_oks += 1
        try:
            whole = reassembled_ipv6(first, datagram.data())
        except WireError:
            self.mib.in_discards += 1
            return None
        whole.payload.origin = first.payload.origin
        whole.tos = (first.tos & ~3) | ecn
        return whole

    def _complain(self, packet: Ipv6Packet, pointer: int) -> None:
        self.icmp.send_error(packet, ICMPV6_PARAMETER_PROBLEM, PARAMETER_HEADER_FIELD, pointer)
