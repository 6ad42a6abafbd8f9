"""Ladder diagrams: each packet's story, and the row it makes."""

import pytest
from rich.console import Console

from fourtuple.api.network import Network
from fourtuple.capture.tap import TapPoint
from fourtuple.capture.trace import DELIVERED, DROPPED, SENT, TraceEvent
from fourtuple.view.ladder import Ladder, clock_text, ladder
from fourtuple.view.packets import PacketStory, stories
from fourtuple.wire.address import parse_ip
from fourtuple.wire.arp import ARP_REQUEST, ArpPacket
from fourtuple.wire.ethernet import ETHERTYPE_ARP, ETHERTYPE_IPV4, EthernetFrame
from fourtuple.wire.ip import PROTOCOL_TCP, PROTOCOL_UDP
from fourtuple.wire.ipv4 import Ipv4Packet
from fourtuple.wire.tcp import ACK, FIN, PSH, RST, SYN, TcpSegment
from fourtuple.wire.udp import UdpDatagram

MS = 1_000_000
A, B, C = (parse_ip(text) for text in ("10.0.0.1", "10.0.0.2", "10.0.0.3"))
ENDS = {"a": [A], "b": [B]}
POINT_A, POINT_B = TapPoint(0, "a", "eth0"), TapPoint(1, "b", "eth0")
SWITCH_IN, SWITCH_OUT = TapPoint(2, "s", "port1"), TapPoint(3, "s", "port2")


def segment(
    flags: int, seq: int = 0, ack: int = 0, data: bytes = b"", back: bool = False, window: int = 1000
) -> EthernetFrame:
    """A segment from port 1000 of a to port 80 of b, or the other way."""
    ports = (80, 1000) if back else (1000, 80)
    tcp = TcpSegment(*ports, seq, ack, flags, window, data, None)
    source, destination = (B, A) if back else (A, B)
    return EthernetFrame(2, 1, ETHERTYPE_IPV4, Ipv4Packet(source, destination, PROTOCOL_TCP, tcp))


def crossing(frame: EthernetFrame, at: int, back: bool = False) -> list[TraceEvent]:
    """A frame sent at ``at`` ms that arrives 10 ms later."""
    start, end = (POINT_B, POINT_A) if back else (POINT_A, POINT_B)
    return [
        TraceEvent(at * MS, start, SENT, frame, ""),
        TraceEvent((at + 10) * MS, end, DELIVERED, frame, ""),
    ]


def labels(events: list[TraceEvent]) -> list[str]:
    return [story.label for story in stories(events, ENDS)]


def test_conversation_is_labelled_with_relative_numbers() -> None:
    events = [
        *crossing(segment(SYN, 4294967295), 0),
        *crossing(segment(SYN | ACK, 500, 0, back=True), 10, back=True),
        *crossing(segment(ACK, 0, 501), 20),
        *crossing(segment(ACK | PSH, 0, 501, b"hello"), 20),
        *crossing(segment(ACK | PSH, 501, 5, b"x", back=True), 30, back=True),
        *crossing(segment(ACK | FIN, 5, 502), 40),
        *crossing(segment(RST, 502, back=True), 50, back=True),
    ]
    assert labels(events) == [
        "SYN",
        "SYN, ACK 1",
        "ACK 1",
        "5 bytes 1:6, ACK 1",
        "1 byte 1:2, ACK 6",
        "FIN 6, ACK 2",
        "RST 2",
    ]


def test_lost_packet_has_its_reason_and_the_next_of_its_kind_is_again() -> None:
    frame = segment(ACK | PSH, 1, 1, b"hello")
    lost = [TraceEvent(0, POINT_A, SENT, frame, ""), TraceEvent(0, POINT_A, DROPPED, frame, "loss")]
    first, second = stories([*lost, *crossing(segment(ACK | PSH, 1, 1, b"hello"), 200)], ENDS)
    assert (first.lost, first.arrived, first.again) == ("loss", None, False)
    assert (second.lost, second.arrived, second.again) == ("", 210 * MS, True)


def test_same_packet_twice_in_one_instant_arrives_in_order() -> None:
    frame = segment(ACK, 1, 1)
    sent = [TraceEvent(0, POINT_A, SENT, frame, "")] * 2
    arrived = [TraceEvent(at * MS, POINT_B, DELIVERED, frame, "") for at in (10, 11)]
    assert [story.arrived for story in stories(sent + arrived, ENDS)] == [10 * MS, 11 * MS]


def test_packet_through_a_switch_is_one_packet() -> None:
    frame = segment(SYN)
    events = [
        TraceEvent(0, POINT_A, SENT, frame, ""),
        TraceEvent(5 * MS, SWITCH_IN, DELIVERED, frame, ""),
        TraceEvent(5 * MS, SWITCH_OUT, SENT, frame, ""),
        TraceEvent(10 * MS, POINT_B, DELIVERED, frame, ""),
    ]
    (story,) = stories(events, ENDS)
    assert (story.sender, story.sent, story.arrived) == ("a", 0, 10 * MS)


def test_packet_lost_behind_a_switch_is_lost() -> None:
    frame = segment(SYN)
    events = [
        TraceEvent(0, POINT_A, SENT, frame, ""),
        TraceEvent(5 * MS, SWITCH_OUT, SENT, frame, ""),
        TraceEvent(5 * MS, SWITCH_OUT, DROPPED, frame, "queue full"),
    ]
    (story,) = stories(events, ENDS)
    assert story.lost == "queue full"


def test_other_traffic_is_left_out() -> None:
    loopback = TapPoint(4, "a", "lo", True)
    to_c = EthernetFrame(3, 1, ETHERTYPE_IPV4, Ipv4Packet(A, C, PROTOCOL_UDP, UdpDatagram(1, 2, b"x")))
    arp = EthernetFrame(3, 1, ETHERTYPE_ARP, ArpPacket(ARP_REQUEST, 1, A, 0, B))
    events = [
        TraceEvent(0, loopback, SENT, segment(SYN), ""),
        TraceEvent(0, POINT_A, SENT, to_c, ""),
        TraceEvent(0, POINT_A, SENT, arp, ""),
    ]
    assert stories(events, ENDS) == []


def test_datagram_is_labelled_with_its_size() -> None:
    frame = EthernetFrame(2, 1, ETHERTYPE_IPV4, Ipv4Packet(A, B, PROTOCOL_UDP, UdpDatagram(1, 2, b"hello")))
    (story,) = stories(crossing(frame, 0), ENDS)
    assert (story.label, story.carries_data) == ("UDP 5 bytes", True)


def rows(*packets: PacketStory, width: int = 80) -> list[str]:
    console = Console(width=width, color_system=None)
    with console.capture() as capture:
        console.print(Ladder(("a", "b"), ("a 10.0.0.1", "b 10.0.0.2"), packets))
    return capture.get().splitlines()


def story(sender: str, label: str, arrived: int | None = 110 * MS, lost: str = "") -> PacketStory:
    return PacketStory(sender, segment(ACK), 100 * MS, arrived, lost, label)


def test_times_stand_at_the_ends_they_belong_to() -> None:
    right, left = rows(story("a", "SYN"), story("b", "ACK 1"))[1:]
    assert right.strip().startswith("0.100000 │─")
    assert right.endswith("─▶│ 0.110000")
    assert left.strip().startswith("0.110000 │◀─")
    assert left.endswith("─│ 0.100000")


def test_lost_packet_ends_under_way_and_says_why() -> None:
    right, left = rows(story("a", "SYN", None, "loss"), story("b", "SYN", None, "loss"))[1:]
    assert "─✗ lost: loss " in right
    assert right.endswith("│")
    assert " lost: loss ✗─" in left
    assert left.endswith("│ 0.100000")


def test_packet_that_has_not_arrived_is_under_way() -> None:
    assert rows(story("a", "SYN", None))[1].endswith("▶│ under way")


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_rows_are_aligned_and_fit_the_console(width: int) -> None:
    lines = rows(story("a", "SYN" * 30), story("b", "x"), story("a", "y", None, "reason " * 20), width=width)
    assert len(lines) == 4
    assert len({line.index("│") for line in lines[1:]}) == 1
    assert len({line.rindex("│") for line in lines[1:]}) == 1
    assert max(len(line) for line in lines) <= max(width, 60)


def test_clock_text_has_microseconds() -> None:
    assert [clock_text(time) for time in (0, 110_000_000, 1_000_001_999)] == [
        "0.000000",
        "0.110000",
        "1.000001",
    ]


def test_ladder_of_a_network_needs_its_trace() -> None:
    with Network() as network, pytest.raises(ValueError, match="keep_trace=True"):
        ladder(network.host("a"), network.host("b"))
