"""The learning switch."""

import pytest

from fourtuple.clock.clock import SECOND, Clock
from fourtuple.network import switch as switch_module
from fourtuple.network.switch import AGEING_TIME, Switch
from fourtuple.stack.base import Device
from fourtuple.wire.address import MAC_BROADCAST
from fourtuple.wire.ethernet import EthernetFrame, RawFramePayload

MACS = [0x020000000100, 0x020000000200, 0x020000000300]


class Out(Device):
    """Collects what leaves a port."""

    def __init__(self) -> None:
        self.frames: list[EthernetFrame] = []

    def transmit(self, frame: EthernetFrame) -> None:
        self.frames.append(frame)


class Bench:
    """A switch with three ports, host ``n`` at port ``n``."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.switch = Switch("s", self.clock)
        self.out = [Out() for _ in MACS]
        for out in self.out:
            self.switch.add_port().device = out

    def send(self, source: int, destination: int) -> list[int]:
        """Numbers of the ports a frame from host ``source`` leaves."""
        mac = destination if destination > 2 else MACS[destination]
        before = [len(out.frames) for out in self.out]
        self.switch.ports[source].receive(EthernetFrame(mac, MACS[source], 0x1234, RawFramePayload(b"x")))
        return [n for n, out in enumerate(self.out) if len(out.frames) > before[n]]


def test_unknown_destination_floods_all_but_the_way_in() -> None:
    assert Bench().send(0, 1) == [1, 2]


def test_learnt_destination_goes_out_of_one_port() -> None:
    bench = Bench()
    bench.send(1, 0)
    assert bench.send(0, 1) == [1]
    assert bench.switch.known() == [(MACS[1], "port2"), (MACS[0], "port1")]


@pytest.mark.parametrize("group", [MAC_BROADCAST, 0x01005E000001])
def test_broadcast_and_multicast_flood(group: int) -> None:
    assert Bench().send(2, group) == [0, 1]


def test_destination_on_the_port_it_came_from_is_filtered() -> None:
    bench = Bench()
    bench.send(0, 1)
    assert bench.send(0, 0) == []


def test_host_that_moved_is_learnt_anew() -> None:
    bench = Bench()
    bench.send(1, 0)
    bench.switch.ports[2].receive(EthernetFrame(MACS[0], MACS[1], 0x1234, RawFramePayload(b"x")))
    assert bench.send(0, 1) == [2]


def test_aged_entry_floods_again() -> None:
    bench = Bench()
    bench.send(1, 0)
    bench.clock.advance_to(AGEING_TIME - SECOND)
    assert bench.send(0, 1) == [1]
    bench.clock.advance_to(AGEING_TIME)
    assert bench.send(0, 1) == [1, 2]


def test_group_source_address_is_not_learnt() -> None:
    bench = Bench()
    bench.switch.ports[0].receive(EthernetFrame(MACS[1], MAC_BROADCAST, 0x1234, RawFramePayload(b"x")))
    assert bench.switch.known() == []


def test_full_table_learns_only_in_place_of_the_aged() -> None:
    bench = Bench()
    port = bench.switch.ports[0]
    limit = switch_module.TABLE_LIMIT
    for mac in range(limit):
        port.receive(EthernetFrame(MAC_BROADCAST, 0x020000000000 + mac * 2, 0x1234, RawFramePayload(b"x")))
    late = 0x02FFFF000000
    port.receive(EthernetFrame(MAC_BROADCAST, late, 0x1234, RawFramePayload(b"x")))
    assert len(bench.switch.known()) == limit
    bench.clock.advance_to(AGEING_TIME)
    port.receive(EthernetFrame(MAC_BROADCAST, late, 0x1234, RawFramePayload(b"x")))
    assert bench.switch.known() == [(late, "port1")]


def test_port_without_a_link_swallows_frames() -> None:
    switch = Switch("s", Clock())
    first, _ = switch.add_port(), switch.add_port()
    first.receive(EthernetFrame(MACS[1], MACS[0], 0x1234, RawFramePayload(b"x")))
    assert switch.known() == [(MACS[0], "port1")]
