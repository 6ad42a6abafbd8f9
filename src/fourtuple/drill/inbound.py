"""Packets of the script that come in: made of what it says and of what the flow's numbers map to."""

from __future__ import annotations

from struct import pack, unpack
from typing import Final

from ..wire.icmp import IcmpMessage
from ..wire.icmpv6 import Icmpv6Message
from ..wire.ip import PROTOCOL_ICMP, PROTOCOL_ICMPV6, PROTOCOL_TCP, PROTOCOL_UDP, IpPacket
from ..wire.ipv4 import Ipv4Packet
from ..wire.ipv6 import Ipv6Packet
from ..wire.packet import Payload
from ..wire.tcp import ACK, AE, CWR, ECE, SYN, TcpSegment
from ..wire.tcp_options import (
    OPTION_NOP,
    OPTION_SACK,
    OPTION_TIMESTAMPS,
    TcpOptions,
    parse_tcp_options,
)
from ..wire.udp import UdpDatagram
from .encapsulation import PSP
from .errors import Failure, Unsupported
from .flow import MASK, Flow
from .icmp_names import icmp_numbers
from .script import Datagram, Icmp, Packet, Segment, TcpOption
from .settings import Settings

INBOUND_TTL: Final = 255
_QUOTED: Final = 8
"""Bytes of the transport header that an ICMP error quotes."""


def build(packet: Packet, flow: Flow, settings: Settings) -> IpPacket:
    """The packet to inject, without what it is to be wrapped in. Raises Failure if a number of it cannot
    be mapped."""
    if packet.layers and packet.layers[-1].kind == PSP:
        raise Unsupported("PSP encapsulation")
    body = packet.body
    payload: Payload
    if isinstance(body, Segment):
        payload = _segment(body, flow, settings)
        protocol = PROTOCOL_TCP
    elif isinstance(body, Datagram):
        ports = (body.ports[0] or flow.remote_port, body.ports[1] or flow.local_port)
        payload = UdpDatagram(ports[0], ports[1], bytes(body.length))
        protocol = PROTOCOL_UDP
    else:
        payload = _icmp(body, flow, settings)
        protocol = PROTOCOL_ICMPV6 if settings.wire_v6() else PROTOCOL_ICMP
    made: IpPacket
    if settings.wire_v6():
        v6 = Ipv6Packet(settings.remote, settings.local, protocol, payload)
        v6.flow_label = packet.info.flow_label
        made = v6
    else:
        made = Ipv4Packet(settings.remote, settings.local, protocol, payload)
    made.tos = packet.info.tos
    made.ttl = packet.info.ttl or INBOUND_TTL
    return made


def segment_flags(segment: Segment) -> int:
    """The flags with the ACE field's bits."""
    flags = segment.flags
    if segment.ace >= 0:
        flags |= (ECE if segment.ace & 1 else 0) | (CWR if segment.ace & 2 else 0)
        flags |= AE if segment.ace & 4 else 0
    return flags


def _segment(segment: Segment, flow: Flow, settings: Settings) -> TcpSegment:
    flags = segment_flags(segment)
    syn = flags & SYN != 0
    made = TcpSegment(
        segment.ports[0] or flow.remote_port,
        segment.ports[1] or flow.local_port,
        flow.seq_to_live(segment.seq, syn),
        flow.ack_to_live(segment.ack, syn) if flags & ACK else segment.ack,
        flags,
        segment.window,
        bytes(segment.length),
        _options(segment, flow, settings),
    )
    made.urgent = segment.urgent
    return made


def _options(segment: Segment, flow: Flow, settings: Settings) -> TcpOptions | None:
    if not segment.options:
        return None
    syn = segment.flags & SYN != 0
    data = b""
    for option in segment.options:
        if option.data is None:
            data += bytes([option.kind])
            continue
        value = option.data
        if option.kind == OPTION_SACK:
            edges = unpack(f">{len(value) // 4}I", value)
            value = pack(f">{len(edges)}I", *[flow.ack_to_live(edge, syn) for edge in edges])
        elif option.kind == OPTION_TIMESTAMPS and segment.flags & ACK:
            value = _echo(value, flow, settings)
        data += bytes([option.kind, 2 + len(value)]) + value
    return parse_tcp_options(data)


def _echo(value: bytes, flow: Flow, settings: Settings) -> bytes:
    """TS with its ecr as the host sent it."""
    sent, echo = unpack(">II", value)
    live = flow.ts_live.get(echo)
    if live is None:
        if not settings.ts_ecr_scaled or flow.ts_base is None:
            raise Failure(f"TS ecr {echo}: no outbound packet had TS val {echo}")
        live = (echo - flow.ts_base[0] + flow.ts_base[1]) & MASK
    return pack(">II", sent, live)


def _icmp(message: Icmp, flow: Flow, settings: Settings) -> Payload:
    v6 = settings.wire_v6()
    kind, code = icmp_numbers(message, v6)
    rest = max(message.mtu, 0)
    ident = message.ident
    if not ident and message.type == "echo_reply" and flow.protocol in (PROTOCOL_ICMP, PROTOCOL_ICMPV6):
        # The identifier of a ping socket is its port, which a script that binds none cannot know.
        ident = flow.local_port
    if ident:
        rest = ident << 16
    if message.echoed == "raw":
        body = bytes(max(message.length - 8, 0))
    else:
        if flow.protocol == 0 or not flow.local_port:
            raise Failure("there is no socket whose packet the ICMP message could quote")
        body = _quoted(message, flow, settings)
    if v6:
        return Icmpv6Message(kind, code, rest, body)
    return IcmpMessage(kind, code, rest, body)


def _quoted(message: Icmp, flow: Flow, settings: Settings) -> bytes:
    """The IP header and the first bytes of the packet of the host that the message is about."""
    payload: Payload
    protocol = PROTOCOL_TCP
    if message.echoed == "udp":
        payload = UdpDatagram(flow.local_port, flow.remote_port, bytes(message.length))
        protocol = PROTOCOL_UDP
    else:
        # Numbers of an error are relative, whatever flags the packet had.
        seq = flow.ack_to_live(message.seq, False)
        payload = TcpSegment(flow.local_port, flow.remote_port, seq, 0, ACK, 0, bytes(message.length), None)
    source, destination = settings.local, settings.remote
    packet: IpPacket
    if settings.wire_v6():
        packet = Ipv6Packet(source, destination, protocol, payload)
    else:
        packet = Ipv4Packet(source, destination, protocol, payload)
        packet.dont_fragment = True
    data = packet.serialize()
    return data[: packet.header_length() + _QUOTED]


def raw_options(options: TcpOptions | None) -> list[TcpOption]:
    """The options of a segment one by one in the order of the wire, NOPs too."""
    found: list[TcpOption] = []
    if options is None:
        return found
    data = options.serialize()
    at = 0
    while at < len(data):
        kind = data[at]
        if kind <= OPTION_NOP:
            found.append(TcpOption(kind, None, ""))
            at += 1
            continue
        length = data[at + 1]
        found.append(TcpOption(kind, data[at + 2 : at + length], ""))
        at += length
    return found
