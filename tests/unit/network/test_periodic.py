"""DropEvery: loss at equal distances."""

import pytest

from fourtuple.network.periodic import DropEvery
from fourtuple.network.rules import ACTION_DROP, PASS
from fourtuple.wire.address import parse_ip
from fourtuple.wire.ethernet import ETHERTYPE_IPV4, EthernetFrame
from fourtuple.wire.ip import IpPacket
from fourtuple.wire.tcp import ACK, TcpSegment
from fourtuple.wire.udp import UdpDatagram


def frame(payload: bytes, udp: bool = False) -> EthernetFrame:
    inner = UdpDatagram(1, 2, payload) if udp else TcpSegment(1, 2, 0, 0, ACK, 0, payload, None)
    packet = IpPacket(parse_ip("10.0.0.1"), parse_ip("10.0.0.2"), 17 if udp else 6, inner)
    return EthernetFrame(1, 2, ETHERTYPE_IPV4, packet)


def lost(rule: DropEvery, frames: list[EthernetFrame]) -> list[int]:
    """Numbers, from 1, of those it drops."""
    return [number for number, each in enumerate(frames, 1) if rule.judge(each, 0).action == ACTION_DROP]


def test_every_third_frame_with_data_is_lost() -> None:
    rule = DropEvery(3)
    frames = [frame(b"x"), frame(b""), frame(b"x", udp=True), frame(b"", udp=True)] * 3
    # With data: 1, 3, 5, 7, 9, 11.
    assert lost(rule, frames) == [5, 11]
    assert (rule.seen, rule.lost) == (6, 2)


def test_the_first_to_be_lost_may_be_another() -> None:
    assert lost(DropEvery(4, first=1), [frame(b"x")] * 9) == [1, 5, 9]
    assert lost(DropEvery(4, first=6), [frame(b"x")] * 11) == [6, 10]


def test_a_function_says_what_counts() -> None:
    rule = DropEvery(2, counts=lambda each: each.payload.payload.payload == b"")
    assert lost(rule, [frame(b""), frame(b"x"), frame(b""), frame(b"")]) == [3]
    assert rule.judge(frame(b"x"), 0) is PASS


@pytest.mark.parametrize("arguments", [(0, 0), (-1, 0), (2, -1)])
def test_what_cannot_be_is_refused_by_name(arguments: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=r"(every|first) -?\d: must be at least 1"):
        DropEvery(*arguments)
