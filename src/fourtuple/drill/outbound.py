"""Packets of the script that go out: which packet is meant, and whether it is as the script says."""

from __future__ import annotations

from struct import pack, unpack
from typing import Final

from ..wire.icmp import ICMP_ECHO_REQUEST, IcmpMessage
from ..wire.icmpv6 import ICMPV6_ECHO_REQUEST, Icmpv6Message
from ..wire.ip import IpPacket
from ..wire.ipv6 import Ipv6Packet
from ..wire.tcp import ACK, AE, CWR, ECE, FIN, PSH, SYN, TcpSegment
from ..wire.tcp_options import OPTION_SACK, OPTION_TIMESTAMPS
from ..wire.udp import UdpDatagram
from .errors import Difference
from .flow import CONNECTING, MASK, SYN_SENT, Flow
from .icmp_names import icmp_numbers, icmp_text
from .inbound import raw_options, segment_flags
from .script import CHECK_ECN, CHECK_ECT01, CHECK_TOS, Datagram, Icmp, IpInfo, Packet, Segment, TcpOption
from .text import flags_text, option_text

_ECN_FLAGS: Final = ECE | CWR | AE
_ECN_NAMES: Final = ("noecn", "ect1", "ect0", "ce")
Seen = tuple[int, IpPacket]
"""When a packet left, in clock ns, and the packet."""


def is_meant(expected: Packet, packet: IpPacket, flow: Flow) -> bool:
    """Whether ``packet`` is of the flow the script waits for; a connecting one is learnt from it.

    As in packetdrill, an ICMP message is compared by type and code, whatever its identifier.
    """
    if packet.destination != flow.remote:
        return False
    payload = packet.payload
    if isinstance(expected.body, Icmp):
        if not isinstance(payload, (IcmpMessage, Icmpv6Message)) or not _is_scripted(payload):
            return False
        if payload.type in (ICMP_ECHO_REQUEST, ICMPV6_ECHO_REQUEST):
            flow.local_port = payload.rest >> 16
        return True
    wanted = UdpDatagram if isinstance(expected.body, Datagram) else TcpSegment
    if not isinstance(payload, (TcpSegment, UdpDatagram)) or not isinstance(payload, wanted):
        return False
    source, destination = payload.source_port, payload.destination_port
    explicit = expected.body.ports
    if explicit != (0, 0) and explicit == (source, destination):
        return True
    if destination != flow.remote_port:
        return False
    if source == flow.local_port and packet.source == flow.local:
        return True
    if isinstance(payload, TcpSegment):
        connecting = flow.state == SYN_SENT and payload.flags & (SYN | ACK) == SYN
    else:
        connecting = flow.state == CONNECTING
    if connecting:
        flow.local, flow.local_port = packet.source, source
        if isinstance(payload, TcpSegment):
            flow.live_local_isn = payload.seq
    return connecting


def _is_scripted(payload: IcmpMessage | Icmpv6Message) -> bool:
    """Not neighbour discovery and the like, which no script speaks of."""
    return isinstance(payload, IcmpMessage) or payload.type <= 4 or payload.type in (128, 129)


def tuple_of(packet: IpPacket) -> tuple[int, int, int, int]:
    """Addresses and ports; ports of 0 if it has none."""
    payload = packet.payload
    if isinstance(payload, (TcpSegment, UdpDatagram)):
        return packet.source, payload.source_port, packet.destination, payload.destination_port
    return packet.source, 0, packet.destination, 0


def payload_length(packet: IpPacket) -> int:
    payload = packet.payload
    return len(payload.payload) if isinstance(payload, (TcpSegment, UdpDatagram)) else 0


def expected_length(expected: Packet) -> int:
    """Bytes of payload the script expects; of ICMP none are counted."""
    body = expected.body
    return 0 if isinstance(body, Icmp) else body.length


def continues(packet: IpPacket, before: IpPacket, left: int) -> list[Difference]:
    """What keeps ``packet`` from going on where ``before`` ended, ``left`` bytes being still expected."""
    one, other = before.payload, packet.payload
    if not isinstance(one, TcpSegment) or not isinstance(other, TcpSegment):
        return [Difference("next segment", "TCP", type(other).__name__)]
    found: list[Difference] = []
    end = (one.seq + len(one.payload)) & MASK
    _check(
        found,
        "next segment's seq",
        f"+{len(one.payload)}",
        f"{(other.seq - one.seq) & MASK:+}",
        other.seq == end,
    )
    loose = FIN | PSH | CWR
    _check(
        found,
        "next segment's flags",
        flags_text(one.flags & ~loose),
        flags_text(other.flags & ~loose),
        one.flags & ~loose == other.flags & ~loose,
    )
    _check(found, "next segment's ack", one.ack, other.ack, one.ack == other.ack)
    _check(found, "next segment's win", one.window, other.window, one.window == other.window)
    size = len(other.payload)
    # Only the last may be shorter than those before it.
    same = size >= left or size == len(one.payload)
    _check(found, "next segment's length", len(one.payload), size, same)
    return found


def differences(
    expected: Packet, seen: list[Seen], flow: Flow, ts_tick: int, ts_tolerance: int
) -> list[Difference]:
    """All that is not as the script says. ``seen`` are the segments that make up the packet."""
    last = seen[-1][1]
    found: list[Difference] = []
    _check_ip(found, expected.info, last, flow)
    body = expected.body
    if isinstance(body, Segment):
        _check_segment(found, body, seen, flow, ts_tick, ts_tolerance)
    elif isinstance(body, Datagram):
        got = payload_length(last)
        _check(found, "length", body.length, got, got == body.length)
    else:
        _check_icmp(found, body, last)
    for _, packet in seen:
        payload = packet.payload
        if isinstance(payload, (TcpSegment, UdpDatagram)) and payload.payload.strip(b"\0"):
            _check(found, "payload", "zero bytes", repr(payload.payload[:16]), False)
            break
    return found


def _check(found: list[Difference], name: str, expected: object, seen: object, right: bool) -> None:
    if not right:
        found.append(Difference(name, str(expected), str(seen)))


def _check_ip(found: list[Difference], info: IpInfo, packet: IpPacket, flow: Flow) -> None:
    ecn = packet.tos & 3
    if info.check == CHECK_ECN:
        _check(found, "ECN", _ECN_NAMES[info.tos], _ECN_NAMES[ecn], ecn == info.tos)
    elif info.check == CHECK_ECT01:
        _check(found, "ECN", "ect0 or ect1", _ECN_NAMES[ecn], ecn in (1, 2))
    elif info.check == CHECK_TOS:
        _check(found, "tos", hex(info.tos), hex(packet.tos), packet.tos == info.tos)
    if info.ttl:
        _check(found, "ttl", info.ttl, packet.ttl, packet.ttl == info.ttl)
    if info.flow_label and isinstance(packet, Ipv6Packet):
        _check_label(found, info.flow_label, packet.flow_label, flow)


def _check_label(found: list[Difference], script: int, live: int, flow: Flow) -> None:
    """Labels are the host's choice; the script says only where one stays and where it changes."""
    if live == 0:
        _check(found, "flowlabel", hex(script), "none", False)
    elif flow.labels is None:
        flow.labels = script, live
    elif flow.labels[0] == script:
        _check(found, "flowlabel", hex(flow.labels[1]), hex(live), live == flow.labels[1])
    else:
        _check(found, "flowlabel", f"another than {hex(live)}", hex(live), live != flow.labels[1])
        flow.labels = script, live


def _check_segment(
    found: list[Difference], body: Segment, seen: list[Seen], flow: Flow, ts_tick: int, ts_tolerance: int
) -> None:
    first, last = seen[0][1].payload, seen[-1][1].payload
    assert isinstance(first, TcpSegment)
    assert isinstance(last, TcpSegment)
    _note_timestamp(body, last, flow)
    flags = (last.flags & ~CWR) | (first.flags & CWR)
    wanted = segment_flags(body)
    if body.ace >= 0:
        ace = (1 if flags & ECE else 0) | (2 if flags & CWR else 0) | (4 if flags & AE else 0)
        _check(found, "ACE", body.ace, ace, body.ace == ace)
        flags, wanted = flags & ~_ECN_FLAGS, wanted & ~_ECN_FLAGS
    _check(found, "flags", flags_text(wanted), flags_text(flags), flags == wanted)
    syn = last.flags & SYN != 0
    seq = flow.seq_to_script(first.seq, syn)
    length = sum([payload_length(packet) for _, packet in seen])
    _check(found, "seq", body.seq, seq, seq == body.seq)
    _check(found, "length", body.length, length, length == body.length)
    ack = flow.ack_to_script(last.ack, syn) if last.flags & ACK else last.ack
    _check(found, "ack", body.ack, ack, ack == body.ack)
    if body.window >= 0:
        _check(found, "win", body.window, last.window, last.window == body.window)
    _check(found, "urg", body.urgent, last.urgent, last.urgent == body.urgent)
    if body.options is not None:
        _check_options(found, body.options, last, flow, ts_tick, ts_tolerance)


def _timestamp(options: list[TcpOption]) -> int:
    """TS val among ``options``, -1 if there is none."""
    for option in options:
        if option.kind == OPTION_TIMESTAMPS and option.data is not None and len(option.data) == 8:
            value: int = unpack(">I", option.data[:4])[0]
            return value
    return -1


def _note_timestamp(body: Segment, last: TcpSegment, flow: Flow) -> None:
    """Learn which live timestamp the script's stands for."""
    script = _timestamp(body.options or [])
    if script >= 0 and last.options is not None and last.options.timestamps:
        live = last.options.ts_val
        flow.ts_live[script] = live
        if flow.ts_base is None:
            flow.ts_base = script, live


def _check_options(
    found: list[Difference],
    expected: list[TcpOption],
    last: TcpSegment,
    flow: Flow,
    ts_tick: int,
    ts_tolerance: int,
) -> None:
    seen = raw_options(last.options)
    syn = last.flags & SYN != 0
    texts = [option_text(option, flow, False, syn) for option in seen]
    if [option.kind for option in expected] != [option.kind for option in seen]:
        wanted = ",".join([option.text for option in expected])
        _check(found, "options", f"<{wanted}>", f"<{','.join(texts)}>", False)
        return
    for option, other, text in zip(expected, seen, texts, strict=True):
        if option.data is None or other.data is None:
            continue
        if option.kind == OPTION_TIMESTAMPS:
            _check_timestamp(found, option, other, flow, ts_tick, ts_tolerance)
            continue
        data = other.data
        if option.kind == OPTION_SACK:
            edges = unpack(f">{len(data) // 4}I", data)
            data = pack(f">{len(edges)}I", *[flow.ack_to_script(edge, syn) for edge in edges])
        _check(found, "option", option.text, text, option.data == data)


def _check_timestamp(
    found: list[Difference], option: TcpOption, other: TcpOption, flow: Flow, tick: int, tolerance: int
) -> None:
    """The value only, and that only if ticks are checked; the echo is what came in."""
    if not tick or flow.ts_base is None:
        return
    script, live = _timestamp([option]), _timestamp([other])
    mapped = (live - flow.ts_base[1] + flow.ts_base[0]) & MASK
    off = (mapped - script) & MASK
    off = min(off, MASK + 1 - off)
    _check(found, "TS val", script, mapped, off * tick <= tolerance)


def _check_icmp(found: list[Difference], body: Icmp, packet: IpPacket) -> None:
    payload = packet.payload
    v6 = isinstance(packet, Ipv6Packet)
    assert isinstance(payload, (IcmpMessage, Icmpv6Message))
    kind, code = icmp_numbers(body, v6)
    right = (payload.type, payload.code) == (kind, code)
    _check(found, "icmp", icmp_text(kind, code, v6), icmp_text(payload.type, payload.code, v6), right)
    if body.echoed == "raw":
        size = payload.wire_length()
        _check(found, "length", body.length, size, size == body.length)
    if body.mtu >= 0:
        _check(found, "mtu", body.mtu, payload.rest & 0xFFFF, payload.rest == body.mtu)
