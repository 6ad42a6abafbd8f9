"""The way out of a simulation, with a pair of sockets in place of the TAP interface."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from fourtuple.attach.outside import Outside
from fourtuple.attach.realtime import RealTime
from fourtuple.attach.tap_device import TapDevice
from fourtuple.clock.clock import MILLISECOND, SECOND
from fourtuple.network.addressing import parse_interface_address
from fourtuple.network.fabric import Fabric
from fourtuple.wire.address import MAC_BROADCAST, MAC_NONE, parse_ip
from fourtuple.wire.arp import ARP_REPLY, ARP_REQUEST, ArpPacket
from fourtuple.wire.ethernet import ETHERTYPE_ARP, EthernetFrame, parse_frame

MAC = 0x0242_0000_0001


class FakeTap(TapDevice):
    """Frames go through one end of a socket pair; the test has the other."""

    def __init__(self) -> None:
        self.name = "fake"
        self.refused = 0
        self.inner, self.outer = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.inner.setblocking(False)
        self.outer.setblocking(False)
        self._file = self.inner.fileno()

    def close(self) -> None:
        self._file = -1
        self.inner.close()
        self.outer.close()


@pytest.fixture
def tap() -> Iterator[FakeTap]:
    with FakeTap() as device:
        yield device


def attached(tap: FakeTap) -> tuple[Fabric, Outside]:
    fabric = Fabric(1, False, False)
    switch = fabric.add_switch("switch")
    host = fabric.add_node("host", [parse_interface_address("10.0.0.2/24")])
    fabric.connect(host, switch, [], [])
    return fabric, Outside(switch, tap)


def question() -> bytes:
    packet = ArpPacket(ARP_REQUEST, MAC, parse_ip("10.0.0.1"), MAC_NONE, parse_ip("10.0.0.2"))
    return EthernetFrame(MAC_BROADCAST, MAC, ETHERTYPE_ARP, packet).serialize()


def test_a_frame_from_outside_reaches_the_host_and_its_answer_comes_back(tap: FakeTap) -> None:
    fabric, outside = attached(tap)
    tap.outer.send(question())
    time = RealTime(fabric.clock, [outside])
    answers: list[bytes] = []

    def answered() -> bool:
        try:
            answers.append(tap.outer.recv(2000, socket.MSG_DONTWAIT))
        except BlockingIOError:
            return False
        return True

    assert time.run(answered, 5 * SECOND)
    frame = parse_frame(answers[0])
    assert frame.destination == MAC
    assert isinstance(frame.payload, ArpPacket)
    assert frame.payload.operation == ARP_REPLY


def test_what_no_card_would_take_is_counted(tap: FakeTap) -> None:
    _, outside = attached(tap)
    tap.outer.send(b"short")
    assert outside.take(10) == 1
    assert outside.malformed == 1
    assert outside.last_error is not None


def test_virtual_time_follows_real_time(tap: FakeTap) -> None:
    fabric, outside = attached(tap)
    time = RealTime(fabric.clock, [outside])
    assert not time.run(lambda: False, 20 * MILLISECOND)
    assert 20 * MILLISECOND <= fabric.clock.now <= time.now()


def test_a_closed_device_says_so(tap: FakeTap) -> None:
    tap.close()
    with pytest.raises(ValueError, match="fake is closed"):
        tap.read()


@pytest.mark.parametrize("name", ["", "a b", "a/b", "sixteen-bytes-xx"])
def test_names_no_interface_can_have(name: str) -> None:
    with pytest.raises(ValueError, match="interface name"):
        TapDevice(name)
