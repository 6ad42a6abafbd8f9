"""IGMP: telling IPv4 multicast routers what this host listens to (RFC 3376)."""

from __future__ import annotations

from typing import Final

from ..clock.clock import MILLISECOND
from ..wire.address import V4_ANY, V4_BASE, is_v4
from ..wire.ethernet import ETHERTYPE_IPV4, EthernetFrame
from ..wire.igmp import (
    IGMP_LEAVE,
    IGMPV1_REPORT,
    IGMPV2_REPORT,
    IgmpMessage,
    IgmpQuery,
    IgmpReport,
)
from ..wire.ip import PROTOCOL_IGMP
from ..wire.ipv4 import Ipv4Packet
from ..wire.multicast import MulticastRecord, igmp_time
from ..wire.packet import Payload
from .base import Transport
from .group_reports import GroupReporter
from .groups import ALL_HOSTS, GroupListener, SourceFilter
from .interface import Interface
from .ip_output import IpOutput
from .mld import MldReporter
from .routing_v4 import multicast_mac

ALL_IGMP_ROUTERS: Final = V4_BASE | 0xE000_0016
"""224.0.0.22, where version 3 reports go."""

_ALL_ROUTERS: Final = V4_BASE | 0xE000_0002
_ROUTER_ALERT: Final = b"\x94\x04\x00\x00"
_TOS: Final = 0xC0
_TENTH: Final = 100 * MILLISECOND

_HEADERS: Final = 20 + 4 + 8


class IgmpReporter(GroupReporter):
    """Writes IGMP messages."""

    def __init__(self, ip: IpOutput) -> None:
        super().__init__(ip, 3)

    def reports(self, group: int) -> bool:
        return is_v4(group) and group != ALL_HOSTS

    def send_records(self, interface: Interface, records: list[MulticastRecord]) -> None:
        """In as many messages as the MTU needs."""
        batch: list[MulticastRecord] = []
        room = interface.mtu - _HEADERS
        for record in records:
            size = 8 + 4 * len(record.sources)
            if batch and size > room:
                self._send(interface, ALL_IGMP_ROUTERS, IgmpReport(batch))
                batch = []
                room = interface.mtu - _HEADERS
            batch.append(record)
            room -= size
        self._send(interface, ALL_IGMP_ROUTERS, IgmpReport(batch))

    def send_old_report(self, interface: Interface, group: int, version: int) -> None:
        type = IGMPV1_REPORT if version == 1 else IGMPV2_REPORT
        self._send(interface, group, IgmpMessage(type, group))

    def send_leave(self, interface: Interface, group: int, version: int) -> None:
        if version == 2:
            self._send(interface, _ALL_ROUTERS, IgmpMessage(IGMP_LEAVE, group))

    def _send(self, interface: Interface, destination: int, message: Payload) -> None:
        source = interface.primary(destination)
        packet = Ipv4Packet(source if source >= 0 else V4_ANY, destination, PROTOCOL_IGMP, message)
        packet.ttl = 1
        packet.tos = _TOS
        packet.dont_fragment = True
        packet.options = _ROUTER_ALERT
        self.ip.mib.out_requests += 1
        self.ip.mib.out_mcast_pkts += 1
        mac = multicast_mac(destination)
        interface.transmit(EthernetFrame(mac, interface.mac, ETHERTYPE_IPV4, packet))


class Igmp(Transport):
    """Takes IGMP messages (``igmp_rcv``)."""

    def __init__(self, ip: IpOutput, reporter: IgmpReporter) -> None:
        self.ip = ip
        self.reporter = reporter

    def input(self, packet: Ipv4Packet, ifindex: int) -> None:
        interface = self.ip.paths.interface(ifindex)
        message = packet.payload
        if interface is None or interface.loopback:
            return
        if isinstance(message, IgmpQuery):
            # A query that is not for one link, or that a router let through, is forged.
            if packet.ttl != 1:
                return
            delay = message.max_response if message.version < 3 else igmp_time(message.max_response)
            if message.version == 1:
                delay = 100
            group = -1 if message.group == V4_ANY else message.group
            self.reporter.query(interface, group, message.sources, delay * _TENTH, message.version)
        elif isinstance(message, IgmpMessage) and message.type != IGMP_LEAVE:
            self.reporter.heard_report(interface, message.group)


class GroupReports(GroupListener):
    """Passes changes of membership to the reporter of their family."""

    def __init__(self, igmp: IgmpReporter, mld: MldReporter) -> None:
        self.igmp = igmp
        self.mld = mld

    def changed(self, group: int, ifindex: int, before: SourceFilter, after: SourceFilter) -> None:
        if is_v4(group):
            self.igmp.changed(group, ifindex, before, after)
        else:
            self.mld.changed(group, ifindex, before, after)
