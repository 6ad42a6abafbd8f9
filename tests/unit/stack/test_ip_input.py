"""Which packets a host takes, and from whom."""

from __future__ import annotations

import pytest
from builders_stack import (
    MAC,
    Upper,
    add_interface,
    frame,
    learn,
    lone_host,
    packet,
    settle,
    udp_packet,
    udp_socket,
)

from fourtuple.wire.address import MAC_BROADCAST, V4_ANY, parse_ip
from fourtuple.wire.packet import RawPayload
from fourtuple.wire.tcp import SYN, TcpSegment

ME = "10.0.0.1"
PEER = "10.0.0.2"


def test_packet_to_own_address_reaches_its_protocol() -> None:
    stack, interface, _, _ = lone_host()
    upper = Upper()
    stack.register(253, upper)
    sent = packet(PEER, ME)
    interface.receive(frame(sent))
    assert upper.packets == [sent]
    assert upper.ifindexes == [interface.ifindex]
    counters = stack.counters.ip
    assert (counters.in_receives, counters.in_delivers) == (1, 1)


def test_packet_to_address_of_another_interface_is_taken_where_it_came() -> None:
    stack, interface, _, _ = lone_host()
    add_interface(stack, 2, None, "10.9.0.1/24")
    upper = Upper()
    stack.register(253, upper)
    interface.receive(frame(packet(PEER, "10.9.0.1")))
    assert upper.ifindexes == [interface.ifindex]


@pytest.mark.parametrize(
    ("source", "destination"),
    [
        pytest.param(ME, ME, id="land"),
        pytest.param("255.255.255.255", ME, id="source is the broadcast"),
        pytest.param("10.0.0.255", ME, id="source is the subnet's broadcast"),
        pytest.param("224.0.0.5", ME, id="source is a group"),
        pytest.param("127.0.0.1", ME, id="source is loopback"),
        pytest.param("0.0.0.0", ME, id="source is nobody"),
        pytest.param("0.1.2.3", ME, id="source is net zero"),
        pytest.param(PEER, "127.0.0.1", id="destination is loopback"),
        pytest.param(PEER, "127.9.9.9", id="destination is in the loopback net"),
        pytest.param(PEER, "0.0.0.0", id="destination is nobody"),
        pytest.param(PEER, "10.0.0.3", id="destination is another host"),
        pytest.param(PEER, "8.8.8.8", id="destination is far"),
        pytest.param(PEER, "224.0.0.9", id="group not joined"),
        pytest.param("10.0.0.255", "255.255.255.255", id="broadcast from a broadcast"),
        pytest.param(ME, "10.0.0.255", id="own broadcast come back"),
    ],
)
def test_martian_is_dropped_without_an_answer(source: str, destination: str) -> None:
    stack, interface, device, clock = lone_host()
    upper = Upper()
    stack.register(253, upper)
    interface.receive(frame(packet(source, destination)))
    interface.receive(frame(udp_packet(source, destination, 5, 6, b"x")))
    settle(clock)
    assert not upper.packets
    assert not device.frames
    assert stack.counters.ip.in_receives == 2


def test_source_from_unconfigured_host_may_broadcast() -> None:
    stack, interface, _, _ = lone_host()
    socket = udp_socket(stack, port=67)
    request = udp_packet("0.0.0.0", "255.255.255.255", 68, 67, b"discover")
    interface.receive(frame(request, MAC_BROADCAST))
    got = socket.receive(False)
    assert got is not None
    assert got.source == V4_ANY


@pytest.mark.parametrize("destination", ["10.0.0.255", "255.255.255.255"])
def test_broadcast_is_delivered_to_udp(destination: str) -> None:
    stack, interface, _, _ = lone_host()
    first, second = udp_socket(stack, port=9), udp_socket(stack, port=10)
    interface.receive(frame(udp_packet(PEER, destination, 9, 9, b"all"), MAC_BROADCAST))
    assert first.receive(False) is not None
    assert second.receive(False) is None
    assert stack.counters.ip.in_bcast_pkts == 1


@pytest.mark.parametrize(
    ("destination", "mac"),
    [(ME, MAC_BROADCAST), ("10.0.0.255", MAC_BROADCAST), ("224.0.0.1", 0x0100_5E00_0001)],
)
def test_tcp_to_a_group_is_dropped(destination: str, mac: int) -> None:
    stack, interface, device, _ = lone_host()
    upper = Upper()
    stack.register(6, upper)
    syn = TcpSegment(1, 2, 3, 0, SYN, 100, b"", None)
    interface.receive(frame(packet(PEER, destination, 6, syn), mac))
    assert not upper.packets
    assert not device.frames


def test_unicast_in_a_broadcast_frame_is_taken_but_not_answered_with_an_error() -> None:
    stack, interface, device, _ = lone_host()
    learn(interface, PEER)
    device.take()
    socket = udp_socket(stack, port=9)
    interface.receive(frame(udp_packet(PEER, ME, 5, 9, b"x"), MAC_BROADCAST))
    assert socket.receive(False) is not None
    interface.receive(frame(udp_packet(PEER, ME, 5, 10, b"x"), MAC_BROADCAST))
    assert not device.frames
    interface.receive(frame(udp_packet(PEER, ME, 5, 10, b"x")))
    assert len(device.messages()) == 1


def test_unknown_protocol_is_answered_with_protocol_unreachable() -> None:
    stack, interface, device, _ = lone_host()
    learn(interface, PEER)
    device.take()
    interface.receive(frame(packet(PEER, ME, 99)))
    [message] = device.messages()
    assert (message.type, message.code) == (3, 2)
    assert stack.counters.ip.in_unknown_protos == 1


@pytest.mark.parametrize(
    ("options", "taken"),
    [
        (b"\x01\x01\x01\x00", True),
        (b"\x94\x04\x00\x00", True),  # router alert
        (b"\x07\x07\x04\x00\x00\x00\x00\x00", True),  # record route
        (b"\x83\x07\x04\x0a\x00\x00\x09\x00", False),  # loose source route
        (b"\x89\x07\x04\x0a\x00\x00\x09\x00", False),  # strict source route
        (b"\x07\x01\x00\x00", False),
        (b"\x07\x09\x00\x00", False),
        (b"\x01\x01\x01\x07", False),
    ],
)
def test_options(options: bytes, taken: bool) -> None:
    stack, interface, _, _ = lone_host()
    upper = Upper()
    stack.register(253, upper)
    interface.receive(frame(packet(PEER, ME, options=options)))
    assert len(upper.packets) == taken
    assert stack.counters.ip.in_hdr_errors == (not taken)


@pytest.mark.parametrize(
    ("mode", "source", "taken"),
    [
        (0, "192.0.2.9", True),
        (1, "192.0.2.9", False),
        (2, "192.0.2.9", False),
        (0, "10.9.0.9", True),
        (1, "10.9.0.9", False),
        (2, "10.9.0.9", True),
        (1, PEER, True),
    ],
)
def test_rp_filter(mode: int, source: str, taken: bool) -> None:
    stack, interface, _, _ = lone_host()
    add_interface(stack, 2, None, "10.9.0.1/24")
    stack.sysctl.set("net.ipv4.conf.all.rp_filter", mode)
    upper = Upper()
    stack.register(253, upper)
    interface.receive(frame(packet(source, ME)))
    assert len(upper.packets) == taken


def test_rp_filter_switched_on_holds_for_known_sources_too() -> None:
    stack, interface, _, _ = lone_host()
    upper = Upper()
    stack.register(253, upper)
    interface.receive(frame(packet("192.0.2.9", ME)))
    stack.sysctl.set("net.ipv4.conf.all.rp_filter", 1)
    interface.receive(frame(packet("192.0.2.9", ME)))
    assert len(upper.packets) == 1


def test_flood_of_sources_is_not_remembered_without_bound() -> None:
    stack, interface, _, _ = lone_host()
    for number in range(10_000):
        interface.receive(frame(packet(f"10.{number >> 8}.{number & 255}.7", ME, 253, RawPayload(b""))))
    assert len(interface.sources) <= 4096
    assert stack.counters.ip.in_unknown_protos == 10_000


# --- loopback --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("destination", "source", "ifindex"),
    [("127.0.0.1", "127.0.0.1", 1), ("127.8.8.8", "127.0.0.1", 1), (ME, ME, 2)],
)
def test_own_address_comes_back_over_loopback_as_its_owner(
    destination: str, source: str, ifindex: int
) -> None:
    stack, _, device, clock = lone_host()
    upper = Upper()
    stack.register(253, upper)
    stack.send(V4_ANY, parse_ip(destination), 253, RawPayload(b"me"), 0, 0, False, 0)
    assert not upper.packets
    settle(clock)
    assert clock.now == 10_000
    [got] = upper.packets
    assert got.source == parse_ip(source)
    assert upper.ifindexes == [ifindex]
    assert not device.frames


def test_loopback_keeps_the_order() -> None:
    stack, _, _, clock = lone_host()
    upper = Upper()
    stack.register(253, upper)
    for number in range(20):
        stack.send(V4_ANY, parse_ip("127.0.0.1"), 253, RawPayload(bytes([number])), 0, 0, False, 0)
        settle(clock, clock.now + 3_000)
    settle(clock)
    assert [p.payload.serialize(0, 0)[0] for p in upper.packets] == list(range(20))


def test_same_mac_on_frame_without_understood_payload_is_counted() -> None:
    from fourtuple.wire.ethernet import EthernetFrame, RawFramePayload

    _, interface, _, _ = lone_host()
    interface.receive(EthernetFrame(MAC | 1, MAC | 2, 0x88CC, RawFramePayload(b"lldp")))
    assert interface.rx_dropped == 1
