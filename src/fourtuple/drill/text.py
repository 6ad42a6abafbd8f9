"""Live packets in the script's notation."""

from __future__ import annotations

from struct import unpack

from ..wire.icmp import IcmpMessage
from ..wire.icmpv6 import Icmpv6Message
from ..wire.ip import IpPacket
from ..wire.tcp import ACK, AE, CWR, ECE, FIN, PSH, RST, SYN, URG, TcpSegment
from ..wire.tcp_options import (
    OPTION_END,
    OPTION_FASTOPEN,
    OPTION_MSS,
    OPTION_NOP,
    OPTION_SACK,
    OPTION_SACK_PERMITTED,
    OPTION_TIMESTAMPS,
    OPTION_WSCALE,
)
from ..wire.udp import UdpDatagram
from .flow import Flow
from .icmp_names import icmp_text
from .inbound import raw_options
from .option_parser import FASTOPEN_MAGIC, OPTION_ACCECN0, OPTION_ACCECN1, OPTION_EXPERIMENT, OPTION_MD5
from .script import TcpOption

_LETTERS = ((SYN, "S"), (FIN, "F"), (RST, "R"), (PSH, "P"), (URG, "U"), (ECE, "E"), (CWR, "W"), (AE, "A"))
_ECN = ("noecn", "ect1", "ect0", "ce")


def flags_text(flags: int) -> str:
    """``P.`` for PSH and ACK, ``-`` for none."""
    text = "".join([letter for bit, letter in _LETTERS if flags & bit])
    return text + ("." if flags & ACK else "") or "-"


def seconds(ns: int) -> str:
    """A script time, to the microsecond."""
    return f"{ns / 1e9:.6f}"


def packet_text(packet: IpPacket, flow: Flow | None, inbound: bool) -> str:
    """The packet as a script would write it, its numbers mapped by ``flow``."""
    direction = "<" if inbound else ">"
    payload = packet.payload
    info = f"[{_ECN[packet.tos & 3]}] " if packet.tos & 3 else ""
    if packet.tos & ~3:
        info = f"[tos {packet.tos:#x}] "
    if isinstance(payload, TcpSegment):
        return f"{direction} {info}{segment_text(payload, flow, inbound)}"
    if isinstance(payload, UdpDatagram):
        ports = f"{payload.source_port} > {payload.destination_port} "
        return f"{direction} {info}udp {ports if flow is None else ''}({len(payload.payload)})"
    if isinstance(payload, IcmpMessage):
        mtu = f" mtu {payload.rest & 0xFFFF}" if (payload.type, payload.code) == (3, 4) else ""
        return f"{direction} {info}icmp {icmp_text(payload.type, payload.code, False)}{mtu}"
    if isinstance(payload, Icmpv6Message):
        mtu = f" mtu {payload.rest}" if payload.type == 2 else ""
        return f"{direction} {info}icmp {icmp_text(payload.type, payload.code, True)}{mtu}"
    return f"{direction} {info}{payload!r}"


def segment_text(segment: TcpSegment, flow: Flow | None, inbound: bool) -> str:
    syn = segment.flags & SYN != 0
    seq, ack = segment.seq, segment.ack
    ports = ""
    if flow is None:
        ports = f"{segment.source_port} > {segment.destination_port} "
    elif inbound:
        seq = (seq - (0 if syn else flow.live_remote_isn)) & 0xFFFFFFFF
        ack = flow.seq_to_script(ack, syn)
    else:
        seq, ack = flow.seq_to_script(seq, syn), flow.ack_to_script(ack, syn)
    length = len(segment.payload)
    text = f"{ports}{flags_text(segment.flags)} {seq}:{seq + length}({length})"
    if segment.flags & ACK:
        text += f" ack {ack}"
    text += f" win {segment.window}"
    if segment.urgent:
        text += f" urg {segment.urgent}"
    options = [option_text(option, flow, inbound, syn) for option in raw_options(segment.options)]
    if options:
        text += f" <{','.join(options)}>"
    return text


def option_text(option: TcpOption, flow: Flow | None, inbound: bool, syn: bool) -> str:
    """One option of a live packet; script options know their own text."""
    kind, data = option.kind, option.data or b""
    if kind == OPTION_END:
        return "eol"
    if kind == OPTION_NOP:
        return "nop"
    if kind == OPTION_MSS and len(data) == 2:
        return f"mss {int.from_bytes(data, 'big')}"
    if kind == OPTION_WSCALE and len(data) == 1:
        return f"wscale {data[0]}"
    if kind == OPTION_SACK_PERMITTED:
        return "sackOK"
    if kind == OPTION_TIMESTAMPS and len(data) == 8:
        value, echo = unpack(">II", data)
        if flow is not None and flow.ts_base is not None and not inbound:
            value = (value - flow.ts_base[1] + flow.ts_base[0]) & 0xFFFFFFFF
        return f"TS val {value} ecr {echo}"
    if kind == OPTION_SACK and len(data) % 8 == 0:
        edges = list(unpack(f">{len(data) // 4}I", data))
        if flow is not None:
            mapped = flow.seq_to_script if inbound else flow.ack_to_script
            edges = [mapped(edge, syn) for edge in edges]
        return "sack " + " ".join([f"{edges[at]}:{edges[at + 1]}" for at in range(0, len(edges), 2)])
    if kind == OPTION_FASTOPEN:
        return f"FO {data.hex()}".strip()
    if kind == OPTION_EXPERIMENT and data[:2] == FASTOPEN_MAGIC:
        return f"FOEXP {data[2:].hex()}".strip()
    if kind == OPTION_MD5:
        return f"md5 {data.hex()}".strip()
    if kind in (OPTION_ACCECN0, OPTION_ACCECN1) and len(data) % 3 == 0:
        names = ("e0b", "ceb", "e1b") if kind == OPTION_ACCECN0 else ("e1b", "ceb", "e0b")
        counts = [
            f"{names[at // 3]} {int.from_bytes(data[at : at + 3], 'big')}" for at in range(0, len(data), 3)
        ]
        return "ECN " + " ".join(counts)
    return f"option {kind} {data.hex()}".strip()
