"""ICMPv6: answering echoes, reporting errors, and passing reports on (RFC 4443)."""

from __future__ import annotations

from typing import Final

from ..ports.endpoint import LISTEN
from ..wire.address import V6_ANY, is_any, is_link_local, is_multicast
from ..wire.icmp import (
    ICMP_PARAMETER_PROBLEM,
    ICMP_TIME_EXCEEDED,
    ICMP_UNREACHABLE,
    UNREACHABLE_ADMIN_PROHIBITED,
    UNREACHABLE_FRAGMENTATION_NEEDED,
    UNREACHABLE_HOST,
    UNREACHABLE_NET,
    UNREACHABLE_PORT,
    UNREACHABLE_PROTOCOL,
)
from ..wire.icmpv6 import (
    ICMPV6_ECHO_REPLY,
    ICMPV6_ECHO_REQUEST,
    ICMPV6_PACKET_TOO_BIG,
    ICMPV6_PARAMETER_PROBLEM,
    ICMPV6_TIME_EXCEEDED,
    ICMPV6_UNREACHABLE,
    PARAMETER_NEXT_HEADER,
    PARAMETER_OPTION,
    Icmpv6Message,
)
from ..wire.icmpv6 import UNREACHABLE_ADDRESS as V6_ADDRESS
from ..wire.icmpv6 import UNREACHABLE_ADMIN_PROHIBITED as V6_ADMIN
from ..wire.icmpv6 import UNREACHABLE_NO_ROUTE as V6_NO_ROUTE
from ..wire.icmpv6 import UNREACHABLE_PORT as V6_PORT
from ..wire.icmpv6_base import ICMPV6_HEADER_LENGTH, Icmpv6Payload
from ..wire.ip import PROTOCOL_ICMPV6, PROTOCOL_TCP, PROTOCOL_UDP
from ..wire.ipv4 import Ipv4Packet
from ..wire.ipv6 import HEADER_LENGTH, Ipv6Packet, parse_quoted_ipv6
from ..wire.mld import MLD_QUERY
from ..wire.ndp import ND_REDIRECT, ND_ROUTER_SOLICITATION, NdOptions, Redirect
from ..wire.packet import RawPayload, WireError
from .base import IcmpError, Transport
from .flow_label import LABEL_DEFAULT
from .icmp_limit import ALLOWED, IcmpLimit
from .ip_output import IpOutput
from .mld import MldReporter
from .ndp_input import NdpInput
from .path import IPV6_LEAST_MTU, LOCAL, Path
from .ping import PingTable
from .raw import RawTable

_REDIRECT_HEADERS: Final = 56
"""Bytes of a redirect before the packet it quotes: its own 40, and two options' headers."""


class Icmp6(Transport):
    """The ICMPv6 of one host. ``transports`` are the host's, by protocol number."""

    def __init__(
        self,
        ip: IpOutput,
        transports: list[Transport | None],
        ndp: NdpInput,
        mld: MldReporter,
        raw: RawTable,
        pings: PingTable,
    ) -> None:
        self.ip = ip
        self.transports = transports
        self.raw = raw
        self.pings = pings
        self.ndp = ndp
        self.mld = mld
        self.mib = ip.counters.icmp6
        self.limit = IcmpLimit(ip.clock, ip.sysctl)
        self.link_group: bool = False
        """The packet being handled came in a link-layer multicast: few errors may answer it."""
        self.arrival: int = 0
        """The ifindex it came by: an answer to a link-local source leaves there."""

    def input(self, packet: Ipv4Packet, ifindex: int) -> None:
        """Protocol 58 means nothing in IPv4."""

    def input_v6(self, packet: Ipv6Packet, ifindex: int) -> None:
        """``icmpv6_rcv``."""
        mib = self.mib
        mib.in_msgs += 1
        message = packet.payload
        if isinstance(message, Icmpv6Message):
            if message.type == ICMPV6_ECHO_REQUEST:
                mib.in_echos += 1
                self._echo(packet, message, ifindex)
            elif message.type == ICMPV6_ECHO_REPLY:
                mib.in_echo_replies += 1
                self.pings.reply_arrives(packet, message, ifindex)
            elif message.is_error():
                self._count_error(message.type)
                self._error_input(packet, message, ifindex)
            # RFC 4443 §2.4 (b): an informational message of no known type is dropped.
        elif isinstance(message, Icmpv6Payload):
            interface = self.ip.paths.interface(ifindex)
            if interface is None:
                return
            if ND_ROUTER_SOLICITATION <= message.type <= ND_REDIRECT:
                self.ndp.receive(packet, message, interface)
                return
            if message.type == MLD_QUERY:
                mib.in_group_memb_queries += 1
            self.mld.receive(packet, message, interface)
        else:
            mib.in_errors += 1

    def send_error(self, packet: Ipv6Packet, type: int, code: int, rest: int) -> None:
        """Report to the source of ``packet`` (``icmp6_send``).

        Nothing is sent about ICMPv6 errors and redirects, to no single host, beyond the rate limit,
        nor about multicasts but a packet too big or an option that asks for it (RFC 4443 §2.4 (e)).
        """
        source = packet.source
        if is_any(source) or is_multicast(source):
            return
        group = self.link_group or is_multicast(packet.destination)
        asked_for = type == ICMPV6_PARAMETER_PROBLEM and code == PARAMETER_OPTION
        if group and type != ICMPV6_PACKET_TOO_BIG and not asked_for:
            return
        if packet.protocol == PROTOCOL_ICMPV6 and not _may_be_answered(packet):
            return
        own = packet.destination if self.ip.is_local(packet.destination) else V6_ANY
        path = self.ip.paths.find(source, own, self.arrival if is_link_local(source) else 0)
        if path is None:
            self.mib.out_errors += 1
            return
        limited = path.kind != LOCAL and type != ICMPV6_PACKET_TOO_BIG
        if limited and self.limit.take(source, self.ip.sysctl.ipv6_icmp_ratelimit) != ALLOWED:
            self.mib.out_rate_limit_host += 1
            return
        try:
            data = packet.serialize()
        except WireError:
            self.mib.out_errors += 1
            return
        room = IPV6_LEAST_MTU - HEADER_LENGTH - ICMPV6_HEADER_LENGTH - 4
        message = Icmpv6Message(type, code, rest, data[:room])
        report = Ipv6Packet(path.source if own == V6_ANY else own, source, PROTOCOL_ICMPV6, message)
        report.ttl = self.ip.v6.hop_limit(path)
        self.mib.out_msgs += 1
        self._count_sent(type)
        report.flow_label = self.ip.v6.labels.label_for(report, LABEL_DEFAULT, 0)
        if self.ip.v6.send_on(report, path, path.mtu, 0, False, False) != 0:
            self.mib.out_errors += 1

    def send_unreachable(self, packet: Ipv6Packet, code: int) -> None:
        """:meth:`IpLayer.send_unreachable`: ``code`` is ICMP's."""
        if code == UNREACHABLE_PORT:
            self.send_error(packet, ICMPV6_UNREACHABLE, V6_PORT, 0)
        elif code == UNREACHABLE_HOST:
            self.send_error(packet, ICMPV6_UNREACHABLE, V6_ADDRESS, 0)
        elif code == UNREACHABLE_NET:
            self.send_error(packet, ICMPV6_UNREACHABLE, V6_NO_ROUTE, 0)
        else:
            self.send_error(packet, ICMPV6_UNREACHABLE, V6_ADMIN, 0)

    def send_redirect(self, packet: Ipv6Packet, target: int, path: Path) -> None:
        """Tell the source of ``packet`` to send by ``target`` (``ndisc_send_redirect``)."""
        interface = path.interface
        own = interface.link_local()
        if own < 0 or (target != packet.destination and not is_link_local(target)):
            return
        try:
            data = packet.serialize()
        except WireError:
            return
        options = NdOptions()
        neighbour = path.resolve()
        if neighbour is not None and neighbour.mac:
            options.target_link = neighbour.mac
        room = (IPV6_LEAST_MTU - HEADER_LENGTH - _REDIRECT_HEADERS) & ~7
        options.redirected = data[: min(room, len(data) & ~7)]
        back = self.ip.paths.find(packet.source, own, interface.ifindex)
        if back is None:
            return
        message = Redirect(target, packet.destination, options)
        report = Ipv6Packet(own, packet.source, PROTOCOL_ICMPV6, message)
        report.ttl = 255
        self.mib.out_msgs += 1
        self.mib.out_redirects += 1
        self.ip.v6.send_on(report, back, back.mtu, 0, False, False)

    def _echo(self, packet: Ipv6Packet, message: Icmpv6Message, ifindex: int) -> None:
        """``icmpv6_echo_reply``: from the address asked, or one of this host's if that was a group."""
        own = V6_ANY if is_multicast(packet.destination) else packet.destination
        path = self.ip.paths.find(packet.source, own, ifindex if is_link_local(packet.source) else 0)
        if path is None:
            self.mib.out_errors += 1
            return
        reply = Icmpv6Message(ICMPV6_ECHO_REPLY, 0, message.rest, message.payload)
        source = path.source if own == V6_ANY else own
        answer = Ipv6Packet(source, packet.source, PROTOCOL_ICMPV6, reply)
        answer.ttl = self.ip.v6.hop_limit(path)
        answer.tos = packet.tos
        answer.flow_label = self.ip.v6.labels.label_for(answer, LABEL_DEFAULT, 0)
        self.mib.out_msgs += 1
        self.mib.out_echo_replies += 1
        if self.ip.v6.send_on(answer, path, path.mtu, 0, False, False) != 0:
            self.mib.out_errors += 1

    def _error_input(self, packet: Ipv6Packet, message: Icmpv6Message, ifindex: int) -> None:
        """Hand the report to the transport whose packet it quotes (``icmpv6_notify``)."""
        try:
            quoted = parse_quoted_ipv6(message.payload)
        except WireError:
            self.mib.in_errors += 1
            return
        body = quoted.payload
        if not isinstance(body, RawPayload) or len(body.data) < 8 or quoted.fragment_offset != 0:
            self.mib.in_errors += 1
            return
        type, code = icmp_equivalent(message.type, message.code)
        transport = self.transports[quoted.protocol]
        if type < 0:
            return
        mtu = 0
        if message.type == ICMPV6_PACKET_TOO_BIG:
            mtu = message.rest
            if self._is_connected(quoted, body.data, ifindex):
                self.ip.paths.update_mtu(quoted.destination, mtu)
        error = IcmpError(packet.source, type, code, mtu, quoted.source, quoted.destination, body.data)
        error.ifindex = ifindex
        error.ttl = packet.ttl
        error.type_v6 = message.type
        error.code_v6 = message.code
        if self.raw.listening:
            self.raw.icmp_error(quoted.protocol, error, ifindex)
        if transport is not None:
            transport.icmp_error(error)

    def icmp_error(self, error: IcmpError) -> None:
        """An echo of this host was not delivered."""
        self.pings.icmp_error(error)

    def _is_connected(self, quoted: Ipv6Packet, data: bytes, ifindex: int) -> bool:
        """Whether a socket of this host can have sent the quoted packet."""
        if not self.ip.is_local(quoted.source):
            return False
        port = data[0] << 8 | data[1]
        peer_port = data[2] << 8 | data[3]
        tables = self.ip.tables
        if quoted.protocol == PROTOCOL_TCP:
            found = tables.lookup_tcp(quoted.destination, peer_port, quoted.source, port, ifindex, None)
            return found is not None and found.state != LISTEN
        if quoted.protocol == PROTOCOL_UDP:
            sender = tables.lookup_udp(quoted.destination, peer_port, quoted.source, port, ifindex, None)
            return sender is not None
        return True

    def _count_error(self, type: int) -> None:
        if type == ICMPV6_UNREACHABLE:
            self.mib.in_dest_unreachs += 1
        elif type == ICMPV6_PACKET_TOO_BIG:
            self.mib.in_pkt_too_bigs += 1
        elif type == ICMPV6_TIME_EXCEEDED:
            self.mib.in_time_excds += 1
        elif type == ICMPV6_PARAMETER_PROBLEM:
            self.mib.in_parm_problems += 1

    def _count_sent(self, type: int) -> None:
        if type == ICMPV6_UNREACHABLE:
            self.mib.out_dest_unreachs += 1
        elif type == ICMPV6_PACKET_TOO_BIG:
            self.mib.out_pkt_too_bigs += 1
        elif type == ICMPV6_TIME_EXCEEDED:
            self.mib.out_time_excds += 1
        else:
            self.mib.out_parm_problems += 1


def icmp_equivalent(type: int, code: int) -> tuple[int, int]:
    """(type, code) of the ICMP error that means what an ICMPv6 one does, (-1, 0) if none."""
    if type == ICMPV6_UNREACHABLE:
        return ICMP_UNREACHABLE, _UNREACHABLE[code] if code < len(_UNREACHABLE) else UNREACHABLE_HOST
    if type == ICMPV6_PACKET_TOO_BIG:
        return ICMP_UNREACHABLE, UNREACHABLE_FRAGMENTATION_NEEDED
    if type == ICMPV6_TIME_EXCEEDED:
        return ICMP_TIME_EXCEEDED, code
    if type == ICMPV6_PARAMETER_PROBLEM:
        if code == PARAMETER_NEXT_HEADER:
            return ICMP_UNREACHABLE, UNREACHABLE_PROTOCOL
        return ICMP_PARAMETER_PROBLEM, 0
    return -1, 0


# By code of ICMPv6's destination unreachable.
_UNREACHABLE: Final = (
    UNREACHABLE_NET,
    UNREACHABLE_ADMIN_PROHIBITED,
    UNREACHABLE_HOST,
    UNREACHABLE_HOST,
    UNREACHABLE_PORT,
    UNREACHABLE_ADMIN_PROHIBITED,
    UNREACHABLE_ADMIN_PROHIBITED,
)


def _may_be_answered(packet: Ipv6Packet) -> bool:
    """Whether an ICMPv6 packet is neither an error nor a redirect, as far as can be told."""
    message = packet.payload
    if isinstance(message, Icmpv6Payload):
        return message.type >= 128 and message.type != ND_REDIRECT
    # The first fragment of a message: its first byte is the type.
    if isinstance(message, RawPayload) and message.data and packet.fragment_offset == 0:
        return message.data[0] >= 128 and message.data[0] != ND_REDIRECT
    return False
