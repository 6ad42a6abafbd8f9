"""MLD: telling IPv6 multicast routers what this host listens to (RFC 3810)."""

from __future__ import annotations

from typing import Final

from ..clock.clock import MILLISECOND
from ..wire.address import V6_ANY, is_link_local, is_v4
from ..wire.ethernet import ETHERTYPE_IPV6, EthernetFrame
from ..wire.extension import OPTION_ROUTER_ALERT, options_header
from ..wire.icmpv6_base import Icmpv6Payload
from ..wire.ip import PROTOCOL_HOP_BY_HOP, PROTOCOL_ICMPV6
from ..wire.ipv6 import Ipv6Packet
from ..wire.mld import MLD_DONE, MLD_REPORT, MldMessage, MldQuery, MldReport
from ..wire.multicast import MulticastRecord, mld_time
from .group_reports import GroupReporter
from .groups import ALL_NODES, ALL_ROUTERS
from .interface import Interface
from .ip_output import IpOutput
from .multicast_v6 import multicast_mac_v6
from .source_v6 import SCOPE_INTERFACE, scope_of

ALL_MLD_ROUTERS: Final = 0xFF02 << 112 | 0x16
"""ff02::16, where version 2 reports go."""

_HEADERS: Final = 40 + 8 + 8


class MldReporter(GroupReporter):
    """Writes MLD messages, and takes those ICMPv6 passes on."""

    def __init__(self, ip: IpOutput) -> None:
        super().__init__(ip, 2)

    def receive(self, packet: Ipv6Packet, message: Icmpv6Payload, interface: Interface) -> None:
        """A message of MLD; what is no neighbour's is forged (RFC 3810 §6.2)."""
        if packet.ttl != 1 or not is_link_local(packet.source) or interface.loopback:
            return
        if isinstance(message, MldQuery):
            delay = message.max_response if message.version < 2 else mld_time(message.max_response)
            group = -1 if message.group == V6_ANY else message.group
            self.query(interface, group, message.sources, delay * MILLISECOND, message.version)
        elif isinstance(message, MldMessage) and message.type == MLD_REPORT:
            self.heard_report(interface, message.group)

    def reports(self, group: int) -> bool:
        return not is_v4(group) and group != ALL_NODES and scope_of(group) > SCOPE_INTERFACE

    def send_records(self, interface: Interface, records: list[MulticastRecord]) -> None:
        """In as many messages as the MTU needs."""
        batch: list[MulticastRecord] = []
        room = interface.mtu_v6() - _HEADERS
        for record in records:
            size = 20 + 16 * len(record.sources)
            if batch and size > room:
                self._send_batch(interface, batch)
                batch = []
                room = interface.mtu_v6() - _HEADERS
            batch.append(record)
            room -= size
        self._send_batch(interface, batch)

    def send_old_report(self, interface: Interface, group: int, version: int) -> None:
        self._send(interface, group, MldMessage(MLD_REPORT, group))

    def send_leave(self, interface: Interface, group: int, version: int) -> None:
        self._send(interface, ALL_ROUTERS, MldMessage(MLD_DONE, group))

    def _send_batch(self, interface: Interface, batch: list[MulticastRecord]) -> None:
        self.ip.counters.icmp6.out_mldv2reports += 1
        self._send(interface, ALL_MLD_ROUTERS, MldReport(batch))

    def _send(self, interface: Interface, destination: int, message: Icmpv6Payload) -> None:
        source = max(interface.link_local(), V6_ANY)
        packet = Ipv6Packet(source, destination, PROTOCOL_ICMPV6, message)
        packet.ttl = 1
        packet.extensions = [options_header(PROTOCOL_HOP_BY_HOP, [(OPTION_ROUTER_ALERT, b"\0\0")])]
        counters = self.ip.counters
        counters.ip6.out_requests += 1
        counters.ip6.out_mcast_pkts += 1
        counters.icmp6.out_msgs += 1
        mac = multicast_mac_v6(destination)
        interface.transmit(EthernetFrame(mac, interface.mac, ETHERTYPE_IPV6, packet))
