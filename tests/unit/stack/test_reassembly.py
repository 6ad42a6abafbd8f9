"""Fragmenting and reassembling IPv4."""

from __future__ import annotations

import pytest
from builders_stack import (
    Hub,
    Recorder,
    Upper,
    frame,
    host_on,
    learn,
    lone_host,
    packet,
    settle,
    udp_socket,
)

from fourtuple.clock.clock import SECOND, Clock
from fourtuple.stack.interface import Interface
from fourtuple.stack.stack import Stack
from fourtuple.wire.address import V4_ANY, parse_ip
from fourtuple.wire.ipv4 import Ipv4Packet
from fourtuple.wire.packet import RawPayload

ME = "10.0.0.1"
PEER = "10.0.0.2"
DATA = bytes(range(256)) * 16


def receiver() -> tuple[Stack, Interface, Recorder, Clock, Upper]:
    stack, interface, device, clock = lone_host()
    upper = Upper()
    stack.register(253, upper)
    learn(interface, PEER)
    device.take()
    return stack, interface, device, clock, upper


def piece(start: int, end: int, last: bool = False, ident: int = 7, **fields: object) -> Ipv4Packet:
    made = packet(PEER, ME, 253, RawPayload(DATA[start:end]), **fields)
    made.fragment_offset = start
    made.more_fragments = not last
    made.ident = ident
    return made


def give(interface: Interface, *pieces: Ipv4Packet) -> None:
    for one in pieces:
        interface.receive(frame(one))


def data_of(upper: Upper) -> list[bytes]:
    return [p.payload.serialize(p.source, p.destination) for p in upper.packets]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (1, 0, 2), (0, 0, 1, 1, 2)], ids=str)
def test_fragments_in_any_order_make_the_whole(order: tuple[int, ...]) -> None:
    stack, interface, _, _, upper = receiver()
    parts = (piece(0, 800), piece(800, 1600), piece(1600, 1700, last=True))
    give(interface, *[parts[index] for index in order])
    assert data_of(upper) == [DATA[:1700]]
    assert stack.counters.ip.reasm_oks == 1
    assert stack.counters.ip.reasm_reqds == len(order)
    assert len(stack.reassembly.table) == 0
    assert stack.reassembly.table.memory == 0


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param((piece(0, 800), piece(792, 1600)), id="overlaps the tail"),
        pytest.param((piece(800, 1600), piece(0, 808)), id="overlaps the head"),
        pytest.param((piece(800, 1600), piece(0, 2400)), id="covers another"),
        pytest.param((piece(8, 800, last=True), piece(800, 1600)), id="beyond the end"),
        pytest.param((piece(8, 800, last=True), piece(800, 1600, last=True)), id="two ends"),
        pytest.param((piece(800, 1600), piece(8, 400, last=True)), id="end before what is there"),
        pytest.param((piece(8, 8),), id="empty"),
        pytest.param((piece(8, 12),), id="less than eight bytes, not last"),
    ],
)
def test_spoilt_datagram_is_dropped_whole(parts: tuple[Ipv4Packet, ...]) -> None:
    stack, interface, _, _, upper = receiver()
    give(interface, *parts)
    assert stack.counters.ip.reasm_fails == 1
    assert len(stack.reassembly.table) == 0
    assert stack.reassembly.table.memory == 0
    assert not upper.packets


def test_fragment_within_what_is_there_is_ignored() -> None:
    stack, interface, _, _, upper = receiver()
    give(interface, piece(0, 800), piece(800, 1600), piece(400, 1200), piece(1600, 1608, last=True))
    assert data_of(upper) == [DATA[:1608]]
    assert stack.counters.ip.reasm_fails == 0


def test_more_than_65535_bytes_is_dropped() -> None:
    stack, interface, _, _, upper = receiver()
    bomb = packet(PEER, ME, 253, RawPayload(b"x" * 1000), fragment_offset=65528, ident=7)
    give(interface, bomb)
    assert stack.counters.ip.reasm_fails == 1
    assert not upper.packets
    # With a header of 20 bytes even 65520 bytes of data are too many.
    give(interface, piece(0, 8))
    filling = [
        packet(
            PEER,
            ME,
            253,
            RawPayload(bytes(8 * 819)),
            fragment_offset=8 + 6552 * n,
            ident=7,
            more_fragments=True,
        )
        for n in range(9)
    ]
    end = packet(
        PEER, ME, 253, RawPayload(bytes(65524 - 8 - 6552 * 9)), fragment_offset=8 + 6552 * 9, ident=7
    )
    give(interface, *filling, end)
    assert stack.counters.ip.reasm_fails == 2
    assert not upper.packets


def test_missing_fragment_times_out_and_the_source_is_told() -> None:
    stack, interface, device, clock, _ = receiver()
    give(interface, piece(0, 800))
    settle(clock)
    assert clock.now >= 30 * SECOND
    assert (stack.counters.ip.reasm_timeout, stack.counters.ip.reasm_fails) == (1, 1)
    [message] = device.messages()
    assert (message.type, message.code) == (11, 1)
    assert stack.reassembly.table.memory == 0


def test_first_fragment_missing_times_out_in_silence() -> None:
    _, interface, device, clock, _ = receiver()
    give(interface, piece(800, 1600))
    settle(clock)
    assert clock.now == 30 * SECOND
    assert not device.frames


def test_late_fragment_begins_a_datagram_of_its_own() -> None:
    stack, interface, _, clock, upper = receiver()
    give(interface, piece(0, 800))
    settle(clock, 31 * SECOND)
    give(interface, piece(800, 900, last=True))
    assert not upper.packets
    assert len(stack.reassembly.table) == 1


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"ident": 8}, id="ident"),
        pytest.param({"protocol": 252}, id="protocol"),
        pytest.param({"source": parse_ip("10.0.0.3")}, id="source"),
    ],
)
def test_fragments_of_different_datagrams_do_not_mix(other: dict[str, object]) -> None:
    stack, interface, _, _, upper = receiver()
    stranger = piece(800, 900, last=True)
    for name, value in other.items():
        setattr(stranger, name, value)
    give(interface, piece(0, 800), stranger)
    assert not upper.packets
    assert len(stack.reassembly.table) == 2


def test_bomb_of_first_fragments_stays_within_the_memory_limit() -> None:
    stack, interface, _, _, upper = receiver()
    stack.sysctl.set("net.ipv4.ipfrag_high_thresh", 100_000)
    stack.sysctl.set("net.ipv4.ipfrag_max_dist", 0)
    for number in range(2000):
        give(interface, piece(0, 800, ident=number))
    assert stack.reassembly.table.memory <= 100_000 + 2304
    assert stack.counters.ip.reasm_fails > 1900
    # What was begun before can still be completed.
    give(interface, piece(800, 808, last=True, ident=0))
    assert data_of(upper) == [DATA[:808]]


def test_many_small_fragments_are_taken_in_reasonable_time() -> None:
    _, interface, _, _, upper = receiver()
    spots = list(range(0, 32768, 8))
    for start in spots[::-1][::2] + spots[::2]:
        last = start == spots[-1]
        data = RawPayload(bytes(8))
        one = packet(PEER, ME, 253, data, fragment_offset=start, ident=7, more_fragments=not last)
        interface.receive(frame(one))
    assert len(data_of(upper)[0]) == 32768


def test_source_sent_many_others_since_so_the_old_datagram_is_given_up() -> None:
    stack, interface, _, _, upper = receiver()
    give(interface, piece(0, 800, ident=1))
    for number in range(65):
        give(interface, piece(0, 8, ident=100 + number))
    give(interface, piece(800, 900, last=True, ident=1))
    assert not upper.packets
    assert stack.counters.ip.reasm_fails == 1


@pytest.mark.parametrize(
    ("fields", "merged"),
    [
        ((0, 0), 0),
        ((2, 2), 2),
        ((1, 1), 1),
        ((2, 3), 3),
        ((3, 2), 3),
        ((3, 3), 3),
        ((0, 3), -1),
        ((0, 2), -1),
    ],
)
def test_ecn_of_the_whole(fields: tuple[int, int], merged: int) -> None:
    _, interface, _, _, upper = receiver()
    give(interface, piece(0, 8, tos=0x10 | fields[0]), piece(8, 16, last=True, tos=0x10 | fields[1]))
    assert [p.tos & 3 for p in upper.packets] == ([] if merged < 0 else [merged])


def test_reassembled_rubbish_of_a_known_protocol_is_discarded() -> None:
    stack, interface, _, _, _ = receiver()
    socket = udp_socket(stack, port=9)
    head = packet(PEER, ME, 17, RawPayload(b"\x00\x01\x00\x09\x00\x10\x12\x34"), ident=1, more_fragments=True)
    tail = packet(PEER, ME, 17, RawPayload(bytes(8)), ident=1, fragment_offset=8)
    give(interface, head, tail)
    assert socket.receive(False) is None
    assert stack.counters.ip.in_discards == 1


# --- sending ---------------------------------------------------------------------------------


def test_packet_over_the_mtu_leaves_in_fragments() -> None:
    stack, interface, device, _ = lone_host()
    learn(interface, PEER)
    device.take()
    assert stack.send(V4_ANY, parse_ip(PEER), 253, RawPayload(DATA[:4000]), 0, 0, False, 0) == 0
    sent = device.packets()
    assert [(p.fragment_offset, p.wire_length(), p.more_fragments) for p in sent] == [
        (0, 1500, True),
        (1480, 1500, True),
        (2960, 1060, False),
    ]
    assert len({p.ident for p in sent}) == 1
    counters = stack.counters.ip
    assert (counters.frag_oks, counters.frag_creates, counters.out_requests) == (1, 3, 1)


def test_last_fragment_may_use_the_odd_bytes_of_the_mtu() -> None:
    stack, interface, device, _ = lone_host(mtu=1006)
    learn(interface, PEER)
    device.take()
    stack.send(V4_ANY, parse_ip(PEER), 253, RawPayload(bytes(984 + 986)), 0, 0, False, 0)
    assert [p.wire_length() - 20 for p in device.packets()] == [984, 986]


def test_dont_fragment_over_the_mtu_is_refused() -> None:
    stack, _, device, _ = lone_host()
    assert stack.send(V4_ANY, parse_ip(PEER), 253, RawPayload(bytes(1481)), 0, 0, True, 0) == 90
    assert stack.counters.ip.frag_fails == 1
    assert not device.frames


def test_consecutive_packets_have_consecutive_idents() -> None:
    stack, interface, device, _ = lone_host()
    learn(interface, PEER)
    device.take()
    for _ in range(3):
        stack.send(V4_ANY, parse_ip(PEER), 253, RawPayload(b"x"), 0, 0, False, 0)
    first, second, third = [p.ident for p in device.packets()]
    assert (second - first) & 0xFFFF == 1
    assert (third - second) & 0xFFFF == 1


@pytest.mark.parametrize("as_bytes", [False, True])
@pytest.mark.parametrize("size", [1472, 1473, 9000, 65507])
def test_udp_of_any_size_arrives_whole(size: int, as_bytes: bool) -> None:
    clock = Clock()
    hub = Hub(clock, as_bytes)
    a = host_on(hub, "a", 1, "10.0.0.1/24")
    b = host_on(hub, "b", 2, "10.0.0.2/24")
    here, there = udp_socket(a), udp_socket(b, port=9)
    payload = (DATA * 16)[:size]
    assert here.send(parse_ip("10.0.0.2"), 9, payload, -1, 0, 0) == 0
    settle(clock)
    got = there.receive(False)
    assert got is not None
    assert got.data == payload
    assert there.receive(False) is None
