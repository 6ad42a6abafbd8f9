"""ICMP: answering echoes, reporting errors, and passing reports on (RFC 792, RFC 1122 §3.2.2)."""

from __future__ import annotations

from typing import Final

from ..clock.clock import MILLISECOND
from ..ports.endpoint import LISTEN
from ..wire.address import V4_ANY, is_any, is_multicast
from ..wire.icmp import (
    HEADER_LENGTH,
    ICMP_ECHO_REPLY,
    ICMP_ECHO_REQUEST,
    ICMP_PARAMETER_PROBLEM,
    ICMP_REDIRECT,
    ICMP_TIME_EXCEEDED,
    ICMP_TIMESTAMP_REPLY,
    ICMP_TIMESTAMP_REQUEST,
    ICMP_UNREACHABLE,
    UNREACHABLE_FRAGMENTATION_NEEDED,
    IcmpMessage,
)
from ..wire.ip import PROTOCOL_ICMP, PROTOCOL_TCP, PROTOCOL_UDP
from ..wire.ipv4 import HEADER_LENGTH as IP_HEADER_LENGTH
from ..wire.ipv4 import Ipv4Packet, parse_quoted_ipv4
from ..wire.packet import RawPayload, WireError
from .base import IcmpError, Transport
from .icmp_limit import ALLOWED, TOO_MANY, TOO_MANY_TO_HOST, IcmpLimit
from .ip_output import IpOutput
from .path import LOCAL
from .ping import PingTable
from .raw import RawTable
from .redirect import follow

_LARGEST_ERROR: Final = 576
"""Bytes of an ICMP error with all headers (RFC 1812 §4.3.2.3)."""

_MOST_CODE: Final = 15
"""The last code of destination unreachable that means anything."""

_MOST_REDIRECT: Final = 3
"""The last code of redirect."""

_MS_PER_DAY: Final = 86_400_000


class Icmp(Transport):
    """The ICMP of one host. ``transports`` are the host's, by protocol number."""

    def __init__(
        self, ip: IpOutput, transports: list[Transport | None], raw: RawTable, pings: PingTable
    ) -> None:
        self.ip = ip
        self.transports = transports
        self.raw = raw
        self.pings = pings
        self.mib = ip.counters.icmp
        self.limit = IcmpLimit(ip.clock, ip.sysctl)
        self.link_group: bool = False
        """The packet being handled came in a link-layer broadcast: no error may answer it."""

    def input(self, packet: Ipv4Packet, ifindex: int) -> None:
        """``icmp_rcv``."""
        mib = self.mib
        mib.in_msgs += 1
        message = packet.payload
        if not isinstance(message, IcmpMessage):
            mib.in_errors += 1
            return
        type = message.type
        to_group = is_multicast(packet.destination) or self.ip.is_broadcast(packet.destination)
        answers_groups = not self.ip.sysctl.icmp_echo_ignore_broadcasts
        if to_group and not (answers_groups and type in (ICMP_ECHO_REQUEST, ICMP_TIMESTAMP_REQUEST)):
            mib.in_errors += 1
            return
        if type == ICMP_ECHO_REQUEST:
            mib.in_echos += 1
            if not self.ip.sysctl.icmp_echo_ignore_all:
                reply = IcmpMessage(ICMP_ECHO_REPLY, 0, message.rest, message.payload)
                if self._reply(packet, reply, to_group):
                    mib.out_echo_reps += 1
        elif type == ICMP_ECHO_REPLY:
            mib.in_echo_reps += 1
            self.pings.reply_arrives(packet, message, ifindex)
        elif type in (ICMP_UNREACHABLE, ICMP_TIME_EXCEEDED, ICMP_PARAMETER_PROBLEM):
            self._count_error(type)
            self._error_input(packet, message, ifindex)
        elif type == ICMP_TIMESTAMP_REQUEST:
            mib.in_timestamps += 1
            self._timestamp(packet, message, to_group)
        elif type == ICMP_REDIRECT:
            mib.in_redirects += 1
            self._redirected(packet, message, ifindex)
        else:
            mib.in_errors += 1

    def icmp_error(self, error: IcmpError) -> None:
        """An echo of this host was not delivered."""
        self.pings.icmp_error(error)

    def send_error(self, packet: Ipv4Packet, type: int, code: int, rest: int) -> None:
        """Report to the source of ``packet`` (``__icmp_send``).

        Nothing is sent about broadcasts and multicasts, fragments but the first, ICMP errors
        (RFC 1122 §3.2.2), a packet without a host as source, or beyond the rate limits.
        """
        source = packet.source
        destination = packet.destination
        if self.link_group or packet.fragment_offset != 0:
            return
        if is_multicast(destination) or self.ip.is_broadcast(destination):
            return
        if is_any(source) or is_multicast(source) or self.ip.is_broadcast(source):
            return
        if packet.protocol == PROTOCOL_ICMP and not _may_be_answered(packet):
            return
        own = destination if self.ip.is_local(destination) else V4_ANY
        path = self.ip.paths.find(source, own, 0)
        if path is None:
            self.mib.out_errors += 1
            return
        if path.kind != LOCAL and not self._may_send(source, type, code):
            return
        try:
            data = packet.serialize()
        except WireError:
            self.mib.out_errors += 1
            return
        room = min(path.mtu, _LARGEST_ERROR) - IP_HEADER_LENGTH - HEADER_LENGTH
        message = IcmpMessage(type, code, rest, data[:room])
        report = Ipv4Packet(path.source if own == V4_ANY else own, source, PROTOCOL_ICMP, message)
        report.ttl = self.ip.sysctl.ip_default_ttl
        report.tos = (packet.tos & 0x1E) | 0xC0
        self.mib.out_msgs += 1
        if type == ICMP_UNREACHABLE:
            self.mib.out_dest_unreachs += 1
        elif type == ICMP_TIME_EXCEEDED:
            self.mib.out_time_excds += 1
        elif type == ICMP_PARAMETER_PROBLEM:
            self.mib.out_parm_probs += 1
        elif type == ICMP_REDIRECT:
            self.mib.out_redirects += 1
        if self.ip.send_on(report, path, path.mtu, False) != 0:
            self.mib.out_errors += 1

    def _may_send(self, destination: int, type: int, code: int) -> bool:
        """Whether the rate limits let an error go; path MTU discovery is never held back."""
        sysctl = self.ip.sysctl
        if not sysctl.icmp_ratemask >> type & 1:
            return True
        if type == ICMP_UNREACHABLE and code == UNREACHABLE_FRAGMENTATION_NEEDED:
            return True
        verdict = self.limit.take(destination, sysctl.icmp_ratelimit)
        if verdict == TOO_MANY:
            self.mib.out_rate_limit_global += 1
        elif verdict == TOO_MANY_TO_HOST:
            self.mib.out_rate_limit_host += 1
        return verdict == ALLOWED

    def _reply(self, packet: Ipv4Packet, message: IcmpMessage, to_group: bool) -> bool:
        """Answer from the address asked, or one of this host's if that was a group (``icmp_reply``)."""
        own = V4_ANY if to_group else packet.destination
        path = self.ip.paths.find(packet.source, own, 0)
        if path is None:
            self.mib.out_errors += 1
            return False
        answer = Ipv4Packet(path.source if own == V4_ANY else own, packet.source, PROTOCOL_ICMP, message)
        answer.ttl = self.ip.sysctl.ip_default_ttl
        answer.tos = packet.tos
        self.mib.out_msgs += 1
        if self.ip.send_on(answer, path, path.mtu, False) != 0:
            self.mib.out_errors += 1
            return False
        return True

    def _timestamp(self, packet: Ipv4Packet, message: IcmpMessage, to_group: bool) -> None:
        """Milliseconds since midnight, at which virtual time begins (``icmp_timestamp``)."""
        if len(message.payload) < 4:
            self.mib.in_errors += 1
            return
        stamp = (self.ip.clock.now // MILLISECOND % _MS_PER_DAY).to_bytes(4, "big")
        reply = IcmpMessage(ICMP_TIMESTAMP_REPLY, 0, message.rest, message.payload[:4] + stamp + stamp)
        if self._reply(packet, reply, to_group):
            self.mib.out_timestamp_reps += 1

    def _count_error(self, type: int) -> None:
        if type == ICMP_UNREACHABLE:
            self.mib.in_dest_unreachs += 1
        elif type == ICMP_TIME_EXCEEDED:
            self.mib.in_time_excds += 1
        else:
            self.mib.in_parm_probs += 1

    def _error_input(self, packet: Ipv4Packet, message: IcmpMessage, ifindex: int) -> None:
        """Hand the report to the transport whose packet it quotes (``icmp_unreach``)."""
        try:
            quoted = parse_quoted_ipv4(message.payload)
        except WireError:
            self.mib.in_errors += 1
            return
        body = quoted.payload
        if not isinstance(body, RawPayload) or len(body.data) < 8 or quoted.fragment_offset != 0:
            self.mib.in_errors += 1
            return
        mtu = 0
        if message.type == ICMP_UNREACHABLE:
            if message.code > _MOST_CODE or self.ip.is_broadcast(quoted.destination):
                return
            if message.code == UNREACHABLE_FRAGMENTATION_NEEDED:
                if self.ip.sysctl.ip_no_pmtu_disc:
                    return
                mtu = message.rest & 0xFFFF
                if self._is_connected(quoted, body.data, ifindex):
                    self.ip.paths.update_mtu(quoted.destination, mtu)
        error = IcmpError(
            packet.source, message.type, message.code, mtu, quoted.source, quoted.destination, body.data
        )
        error.ifindex = ifindex
        error.ttl = quoted.ttl
        if self.raw.listening:
            self.raw.icmp_error(quoted.protocol, error, ifindex)
        transport = self.transports[quoted.protocol]
        if transport is not None:
            transport.icmp_error(error)

    def _redirected(self, packet: Ipv4Packet, message: IcmpMessage, ifindex: int) -> None:
        """``icmp_redirect``: about a packet a socket of this host can have sent."""
        try:
            quoted = parse_quoted_ipv4(message.payload)
        except WireError:
            self.mib.in_errors += 1
            return
        body = quoted.payload
        interface = self.ip.paths.interface(ifindex)
        if interface is None or not isinstance(body, RawPayload) or len(body.data) < 8:
            return
        if message.code <= _MOST_REDIRECT and self._is_connected(quoted, body.data, ifindex):
            follow(self.ip, packet.source, V4_ANY | message.rest, quoted.destination, interface)

    def _is_connected(self, quoted: Ipv4Packet, data: bytes, ifindex: int) -> bool:
        """Whether a socket of this host can have sent the quoted packet.

        Anyone can send the report; the ports at least must be right.
        """
        if not self.ip.is_local(quoted.source):
            return False
        port = data[0] << 8 | data[1]
        peer_port = data[2] << 8 | data[3]
        tables = self.ip.tables
        if quoted.protocol == PROTOCOL_TCP:
            found = tables.lookup_tcp(quoted.destination, peer_port, quoted.source, port, ifindex, None)
            return found is not None and found.state != LISTEN
        if quoted.protocol == PROTOCOL_UDP:
            return (
                tables.lookup_udp(quoted.destination, peer_port, quoted.source, port, ifindex, None)
                is not None
            )
        return True


def _may_be_answered(packet: Ipv4Packet) -> bool:
    """Whether an ICMP packet is no error itself, as far as can be told."""
    message = packet.payload
    if isinstance(message, IcmpMessage):
        return not message.is_error() and message.type <= 18
    # The first fragment of a message: its first byte is the type.
    if isinstance(message, RawPayload) and message.data:
        return message.data[0] in (0, 8, 13, 14, 15, 16, 17, 18)
    return False
