"""Running a socket's filter on what it is about to receive (``sk_filter_trim_cap``)."""

from __future__ import annotations

from typing import Final

from ..clock.streams import Stream
from ..wire.ip import IpPacket
from ..wire.ipv4 import Ipv4Packet
from ..wire.tcp import TcpSegment
from .bpf import BpfProgram, PacketView
from .frame_tap import TappedFrame

DROP: Final = -1

_ETHERTYPE_IPV4: Final = 0x0800
_ETHERTYPE_IPV6: Final = 0x86DD


def kept_of_frame(program: BpfProgram, frame: TappedFrame, raw: bool, stream: Stream) -> int:
    """How many bytes a packet socket keeps of a frame (of its packet, if not ``raw``), DROP for none."""
    packet = frame.packet()
    view = PacketView(frame.data if raw else packet)
    view.network = packet
    view.link = frame.data
    view.protocol = frame.ethertype
    view.pkttype = frame.pkttype
    view.ifindex = frame.ifindex
    view.hatype = frame.hatype
    return _kept(program, view, 1, stream)


def kept_of_packet(
    program: BpfProgram, packet: IpPacket, ifindex: int, skip: int, least: int, stream: Stream
) -> int:
    """How many bytes a socket keeps of an IP packet's bytes from ``skip`` on, DROP for none.

    The filter sees them from there; ``least`` bytes (a header) are kept in any case.
    """
    whole = packet.serialize()
    view = PacketView(whole[skip:])
    view.network = whole
    view.protocol = _ETHERTYPE_IPV4 if isinstance(packet, Ipv4Packet) else _ETHERTYPE_IPV6
    view.ifindex = ifindex
    return _kept(program, view, least, stream)


def filtered_segment(
    program: object, packet: IpPacket, segment: TcpSegment, ifindex: int, stream: Stream
) -> TcpSegment | None:
    """What a TCP socket's filter keeps of a segment, its header in any case; None if it drops it
    (``tcp_filter``)."""
    if not isinstance(program, BpfProgram):
        return segment
    header = segment.header_length()
    kept = kept_of_packet(program, packet, ifindex, packet.header_length(), header, stream)
    if kept == DROP:
        return None
    if kept >= header + len(segment.payload):
        return segment
    cut = TcpSegment(
        segment.source_port,
        segment.destination_port,
        segment.seq,
        segment.ack,
        segment.flags,
        segment.window,
        segment.payload[: kept - header],
        segment.options,
    )
    cut.urgent = segment.urgent
    return cut


def kept_of_data(program: BpfProgram, data: bytes, stream: Stream) -> int:
    """How many bytes of a message without headers are kept (unix sockets), DROP for none."""
    return _kept(program, PacketView(data), 1, stream)


def _kept(program: BpfProgram, view: PacketView, least: int, stream: Stream) -> int:
    if program.wants_random:
        view.random = stream.bits(32)
    kept = program.run(view)
    if kept == 0:
        return DROP
    return min(max(kept, least), len(view.data))
