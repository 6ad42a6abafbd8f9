"""The story of each packet between two hosts, put together from what the trace saw."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from ..capture.trace import DELIVERED, DROPPED, SENT, TraceEvent
from ..wire.ethernet import EthernetFrame
from ..wire.fingerprint import fingerprint
from ..wire.ip import IpPacket
from ..wire.tcp import ACK, FIN, RST, SYN, TcpSegment
from ..wire.udp import UdpDatagram

SEQUENCE_SPACE = 1 << 32


@dataclass
class PacketStory:
    """One packet from the host that made it to the host it is for. Times are in ns."""

    sender: str
    frame: EthernetFrame
    sent: int
    arrived: int | None = None
    lost: str = ""
    """Why it never arrived, empty if it did (or is still on the way)."""
    label: str = ""
    again: bool = False
    """A TCP segment whose data or flags were sent before."""
    carries_data: bool = False


def stories(events: Iterable[TraceEvent], ends: Mapping[str, Collection[int]]) -> list[PacketStory]:
    """The TCP and UDP packets between two hosts in the order they were sent.

    ``ends`` gives the addresses of each by name.
    """
    found: list[PacketStory] = []
    # Packets alike (a retransmission in the same nanosecond) arrive in the order they were sent.
    on_the_way: dict[bytes, list[PacketStory]] = {}
    for event in events:
        packet = event.frame.payload
        if event.point.loopback or not isinstance(packet, IpPacket):
            continue
        if not isinstance(packet.payload, (TcpSegment, UdpDatagram)):
            continue
        here = ends.get(event.point.node, ())
        waiting = on_the_way.setdefault(fingerprint(event.frame), [])
        if event.verb == SENT:
            others = [own for name, own in ends.items() if name != event.point.node]
            if packet.source in here and any(packet.destination in own for own in others):
                story = PacketStory(event.point.node, event.frame, event.time)
                found.append(story)
                waiting.append(story)
        elif event.verb == DELIVERED:
            if packet.destination in here and waiting:
                waiting.pop(0).arrived = event.time
        elif event.verb == DROPPED and waiting:
            waiting.pop(0).lost = event.reason
    _label(found)
    return found


def _label(found: list[PacketStory]) -> None:
    """Describe each packet, with sequence numbers counted from the first of its direction."""
    first: dict[tuple[int, int, int, int], int] = {}
    seen: set[tuple[int, int, int, int, int, int, int]] = set()
    for story in found:
        packet = story.frame.payload
        assert isinstance(packet, IpPacket)
        payload = packet.payload
        if isinstance(payload, UdpDatagram):
            story.carries_data = True
            story.label = f"UDP {count(len(payload.payload))}"
        elif isinstance(payload, TcpSegment):
            way = (packet.source, payload.source_port, packet.destination, payload.destination_port)
            back = (packet.destination, payload.destination_port, packet.source, payload.source_port)
            if payload.flags & SYN:
                first[way] = payload.seq
            length = payload.seq_length()
            if length:
                data = (*way, payload.seq, len(payload.payload), payload.flags & (SYN | FIN))
                story.again = data in seen
                seen.add(data)
            story.carries_data = bool(payload.payload)
            story.label = describe_segment(
                payload, first.setdefault(way, payload.seq), first.setdefault(back, payload.ack)
            )


def describe_segment(segment: TcpSegment, first_seq: int, first_ack: int) -> str:
    """``SYN``, ``ACK 15``, ``14 bytes 1:15, ACK 1``, ``FIN 15, ACK 15`` with relative numbers."""
    seq = (segment.seq - first_seq) % SEQUENCE_SPACE
    parts = []
    if segment.flags & SYN:
        parts.append("SYN")
    if segment.payload:
        parts.append(f"{count(len(segment.payload))} {seq}:{seq + len(segment.payload)}")
    if segment.flags & FIN:
        parts.append(f"FIN {seq + len(segment.payload)}")
    if segment.flags & RST:
        parts.append(f"RST {seq}")
    if segment.flags & ACK:
        parts.append(f"ACK {(segment.ack - first_ack) % SEQUENCE_SPACE}")
    return ", ".join(parts) or "no flags"


def count(number: int) -> str:
    return f"{number} byte" if number == 1 else f"{number} bytes"
