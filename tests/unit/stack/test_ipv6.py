"""IPv6 packets: taken, dropped, answered with errors, fragmented and put together."""

from __future__ import annotations

import pytest
from builders_stack import (
    MAC,
    Hub,
    Recorder,
    Upper,
    add_interface,
    frame,
    host_on,
    icmp_v6,
    learn_v6,
    lone_host,
    packet_v6,
    settle,
    udp_packet_v6,
    udp_socket_v6,
)

from fourtuple.clock.clock import SECOND, Clock
from fourtuple.stack.interface import Interface
from fourtuple.stack.stack import Stack
from fourtuple.wire.address import V6_ANY, parse_ip
from fourtuple.wire.extension import ExtensionHeader, options_header
from fourtuple.wire.icmpv6 import Icmpv6Message
from fourtuple.wire.ip import (
    PROTOCOL_DESTINATION_OPTIONS,
    PROTOCOL_HOP_BY_HOP,
    PROTOCOL_NONE,
    PROTOCOL_ROUTING,
)
from fourtuple.wire.ipv6 import Ipv6Packet
from fourtuple.wire.packet import RawPayload
from fourtuple.wire.tcp import SYN, TcpSegment

ME = "2001:db8::1"
PEER = "2001:db8::2"
FAR = "2001:db8:9::9"
LINK = "fe80::ff:fe00:1"
DATA = bytes(range(256)) * 16


def host(mtu: int = 1500) -> tuple[Stack, Interface, Recorder, Clock, Upper]:
    stack, interface, device, clock = lone_host(ME + "/64", mtu=mtu)
    learn_v6(interface, PEER)
    upper = Upper()
    stack.register(253, upper)
    device.take()
    return stack, interface, device, clock, upper


def send(stack: Stack, destination: str, size: int = 8, df: bool = False, device: int = 0) -> int:
    return stack.send(V6_ANY, parse_ip(destination), 253, RawPayload(DATA[:size]), 0, 0, df, device)


# --- what is taken ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "destination"),
    [(PEER, ME), ("fe80::2", LINK), (PEER, "ff02::1"), (PEER, "ff02::1:ff00:1"), (FAR, ME), ("fe80::2", ME)],
)
def test_packet_for_this_host_is_taken(source: str, destination: str) -> None:
    stack, interface, _, _, upper = host()
    interface.receive(frame(packet_v6(source, destination)))
    assert len(upper.packets_v6) == 1
    assert upper.ifindexes == [interface.ifindex]
    assert stack.counters.ip6.in_delivers >= 1


@pytest.mark.parametrize(
    ("source", "destination"),
    [
        pytest.param(ME, ME, id="land"),
        pytest.param("::1", ME, id="source is loopback"),
        pytest.param("ff02::1", ME, id="source is a group"),
        pytest.param(PEER, "::1", id="destination is loopback"),
        pytest.param(PEER, "2001:db8::3", id="destination is another host"),
        pytest.param(PEER, FAR, id="destination is far"),
        pytest.param(PEER, "ff02::5", id="group not joined"),
        pytest.param(PEER, "ff01::1", id="group that never leaves a host"),
        pytest.param(PEER, "fe80::77", id="another's link-local"),
    ],
)
def test_martian_is_dropped_without_an_answer(source: str, destination: str) -> None:
    stack, interface, device, clock, upper = host()
    interface.receive(frame(packet_v6(source, destination)))
    interface.receive(frame(udp_packet_v6(source, destination, 5, 6, b"x")))
    settle(clock)
    assert not upper.packets_v6
    assert not device.frames
    assert stack.counters.ip6.in_receives >= 2


def test_link_local_address_is_taken_on_its_link_only() -> None:
    stack, _, _, _, upper = host()
    other = add_interface(stack, 2, None, "2001:db8:2::1/64")
    other.receive(frame(packet_v6("fe80::2", LINK), MAC | 2))
    assert not upper.packets_v6
    other.receive(frame(packet_v6(PEER, ME), MAC | 2))
    assert len(upper.packets_v6) == 1


@pytest.mark.parametrize("destination", [ME, "ff02::1"])
def test_tcp_in_a_multicast_frame_is_dropped(destination: str) -> None:
    stack, interface, device, _, _ = host()
    upper = Upper()
    stack.register(6, upper)
    syn = TcpSegment(1, 2, 3, 0, SYN, 100, b"", None)
    interface.receive(frame(packet_v6(PEER, destination, 6, syn), 0x3333_0000_0001))
    assert not upper.packets_v6
    assert not device.frames


@pytest.mark.parametrize(("destination", "ifindex"), [("::1", 1), (ME, 2), (LINK, 2), ("::", 1)])
def test_own_address_comes_back_over_loopback_as_its_owner(destination: str, ifindex: int) -> None:
    stack, _, device, clock, upper = host()
    if destination == "::":
        server = udp_socket_v6(stack, port=9)
        assert udp_socket_v6(stack).send(V6_ANY, 9, b"x", -1, 0, 0) == 0
        settle(clock)
        got = server.receive(False)
        assert got is not None
        assert (got.ifindex, got.source) == (1, parse_ip("::1"))
        return
    assert send(stack, destination) == 0
    settle(clock)
    [got_packet] = upper.packets_v6
    assert got_packet.source == parse_ip(destination)
    assert upper.ifindexes == [ifindex]
    assert not device.frames


# --- extension headers -----------------------------------------------------------------------


def with_options(kind: int, option: int, destination: str = ME) -> Ipv6Packet:
    return packet_v6(PEER, destination, extensions=[options_header(kind, [(option, b"\0\0")])])


@pytest.mark.parametrize("kind", [PROTOCOL_HOP_BY_HOP, PROTOCOL_DESTINATION_OPTIONS])
@pytest.mark.parametrize(
    ("option", "taken", "complains"),
    [(0x1E, True, False), (0x5E, False, False), (0x9E, False, True), (0xDE, False, True)],
)
def test_unknown_option_says_itself_what_to_do(kind: int, option: int, taken: bool, complains: bool) -> None:
    _, interface, device, _, upper = host()
    interface.receive(frame(with_options(kind, option)))
    assert len(upper.packets_v6) == taken
    errors = device.errors_v6()
    assert [(e.type, e.code, e.rest) for e in errors] == ([(4, 2, 42)] if complains else [])


@pytest.mark.parametrize(("option", "complains"), [(0x9E, True), (0xDE, False)])
def test_unknown_option_in_a_multicast(option: int, complains: bool) -> None:
    _, interface, device, _, upper = host()
    bad = with_options(PROTOCOL_DESTINATION_OPTIONS, option, "ff02::1")
    interface.receive(frame(bad, 0x3333_0000_0001))
    assert not upper.packets_v6
    assert len(device.errors_v6()) == complains


@pytest.mark.parametrize(
    ("type", "left", "taken"), [(0, 0, True), (0, 1, False), (2, 1, False), (4, 1, False), (99, 1, False)]
)
def test_routing_header_is_only_passed_at_its_end(type: int, left: int, taken: bool) -> None:
    _, interface, device, _, upper = host()
    routing = ExtensionHeader(
        PROTOCOL_ROUTING, bytes((type, left)) + bytes(4) + parse_ip(PEER).to_bytes(16, "big")
    )
    interface.receive(frame(packet_v6(PEER, ME, extensions=[routing])))
    assert len(upper.packets_v6) == taken
    assert [(e.type, e.code, e.rest) for e in device.errors_v6()] == ([] if taken else [(4, 0, 42)])


@pytest.mark.parametrize(
    ("extensions", "atomic", "pointer"),
    [
        ([], False, 6),
        ([options_header(PROTOCOL_DESTINATION_OPTIONS, [])], False, 40),
        ([], True, 40),
    ],
)
def test_unknown_protocol_is_pointed_at(
    extensions: list[ExtensionHeader], atomic: bool, pointer: int
) -> None:
    stack, interface, device, _, _ = host()
    interface.receive(frame(packet_v6(PEER, ME, 99, extensions=extensions, fragment_header=atomic)))
    [error] = device.errors_v6()
    assert (error.type, error.code, error.rest) == (4, 1, pointer)
    assert stack.counters.ip6.in_unknown_protos == 1


def test_no_next_header_is_the_end() -> None:
    _, interface, device, _, _ = host()
    interface.receive(frame(packet_v6(PEER, ME, PROTOCOL_NONE, RawPayload(b""))))
    assert not device.frames


# --- ICMPv6 ----------------------------------------------------------------------------------


def echo(destination: str = ME, source: str = PEER) -> Ipv6Packet:
    return icmp_v6(source, destination, Icmpv6Message(128, 0, 77 << 16 | 1, b"abc"), 64)


@pytest.mark.parametrize(("destination", "answers_from"), [(ME, ME), ("ff02::1", ME), (LINK, LINK)])
def test_echo_is_answered(destination: str, answers_from: str) -> None:
    stack, interface, device, _, _ = host()
    interface.receive(frame(echo(destination), 0x3333_0000_0001))
    [reply] = device.packets_v6()
    assert isinstance(reply.payload, Icmpv6Message)
    assert (reply.payload.type, reply.payload.rest, reply.payload.payload) == (129, 77 << 16 | 1, b"abc")
    assert (reply.source, reply.destination, reply.ttl) == (parse_ip(answers_from), parse_ip(PEER), 64)
    assert stack.counters.icmp6.out_echo_replies == 1


def test_echo_from_a_link_local_address_is_answered_on_that_link() -> None:
    stack, _, first, _, _ = host()
    second = Recorder()
    other = add_interface(stack, 2, second, "2001:db8:2::1/64")
    learn_v6(other, "fe80::2")
    second.take()
    other.receive(frame(echo("2001:db8:2::1", "fe80::2"), MAC | 2))
    assert len(second.packets_v6()) == 1
    assert not first.frames


def test_closed_port_is_answered_quoting_up_to_the_least_mtu() -> None:
    stack, interface, device, _, _ = host()
    bad = udp_packet_v6(PEER, ME, 5, 9, bytes(1400))
    interface.receive(frame(bad))
    [report] = device.packets_v6()
    assert isinstance(report.payload, Icmpv6Message)
    assert (report.payload.type, report.payload.code) == (1, 4)
    assert report.wire_length() == 1280
    assert report.payload.payload == bad.serialize()[: 1280 - 48]
    assert stack.counters.udp6.no_ports == 1


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(udp_packet_v6(PEER, "ff02::1", 5, 9, b""), id="to a group"),
        pytest.param(udp_packet_v6("::", ME, 5, 9, b""), id="from nobody"),
        pytest.param(icmp_v6(PEER, ME, Icmpv6Message(1, 4, 0, b"")), id="an error"),
        pytest.param(icmp_v6(PEER, ME, Icmpv6Message(200, 0, 0, b"")), id="unknown information"),
        pytest.param(icmp_v6(PEER, ME, Icmpv6Message(100, 0, 0, bytes(48))), id="unknown error"),
    ],
)
def test_packet_not_to_be_answered_with_an_error(bad: Ipv6Packet) -> None:
    _, interface, device, clock, _ = host()
    interface.receive(frame(bad))
    settle(clock)
    assert not device.frames


def test_errors_to_one_host_come_in_a_burst_of_six_then_one_a_second() -> None:
    stack, interface, device, clock, _ = host()
    for _ in range(20):
        interface.receive(frame(udp_packet_v6(PEER, ME, 5, 9, b"")))
    assert len(device.errors_v6()) == 6
    assert stack.counters.icmp6.out_rate_limit_host == 14
    settle(clock, SECOND)
    interface.receive(frame(udp_packet_v6(PEER, ME, 5, 9, b"")))
    assert len(device.errors_v6()) == 7


def quoting(about: Ipv6Packet, type: int, code: int, rest: int = 0, size: int = 200) -> Ipv6Packet:
    return icmp_v6(PEER, ME, Icmpv6Message(type, code, rest, about.serialize()[:size]), 64)


@pytest.mark.parametrize(
    ("type", "code", "expected"),
    [
        (1, 0, (3, 0)),
        (1, 1, (3, 13)),
        (1, 3, (3, 1)),
        (1, 4, (3, 3)),
        (1, 9, (3, 1)),
        (2, 0, (3, 4)),
        (3, 0, (11, 0)),
        (4, 0, (12, 0)),
        (4, 1, (3, 2)),
        (99, 0, None),
    ],
)
def test_error_reaches_the_transport_in_both_numberings(
    type: int, code: int, expected: tuple[int, int] | None
) -> None:
    stack, interface, _, _, _ = host()
    upper = Upper()
    stack.register(17, upper)
    interface.receive(frame(quoting(udp_packet_v6(ME, FAR, 1000, 2000, b"data"), type, code, 1300)))
    assert [(e.type, e.code) for e in upper.errors] == ([] if expected is None else [expected])
    assert all((e.type_v6, e.code_v6) == (type, code) for e in upper.errors)
    assert [e.mtu for e in upper.errors] == ([1300] if type == 2 else [0] * len(upper.errors))


@pytest.mark.parametrize("size", [0, 39, 47])
def test_error_quoting_too_little_is_counted(size: int) -> None:
    stack, interface, _, _, _ = host()
    interface.receive(frame(quoting(udp_packet_v6(ME, FAR, 1000, 2000, b"data"), 1, 4, 0, size)))
    assert stack.counters.icmp6.in_errors == 1


# --- path MTU and fragments ------------------------------------------------------------------


def mtu_to(stack: Stack, address: str) -> int:
    route = stack.route(parse_ip(address), V6_ANY, 0)
    assert route is not None
    return route.mtu


@pytest.mark.parametrize(("reported", "believed"), [(1400, 1400), (1280, 1280), (1279, 1500), (9000, 1500)])
def test_packet_too_big_lowers_the_mtu_not_below_1280_for_ten_minutes(reported: int, believed: int) -> None:
    stack, interface, _, clock, _ = host()
    stack.add_route(V6_ANY, 0, parse_ip(PEER), None, 0, -1)
    socket = udp_socket_v6(stack, port=1000)
    about = udp_packet_v6(ME, FAR, 1000, 2000, bytes(1400))
    assert socket.connect(parse_ip(FAR), 2000) == 0
    interface.receive(frame(quoting(about, 2, 0, reported)))
    assert mtu_to(stack, FAR) == believed
    settle(clock, 600 * SECOND)
    assert mtu_to(stack, FAR) == 1500


def test_packet_too_big_about_nobodys_connection_changes_nothing() -> None:
    stack, interface, _, _, _ = host()
    stack.add_route(V6_ANY, 0, parse_ip(PEER), None, 0, -1)
    udp_socket_v6(stack, port=1000).connect(parse_ip(FAR), 2000)
    interface.receive(frame(quoting(udp_packet_v6(ME, FAR, 1000, 2001, b"data"), 2, 0, 1300)))
    assert mtu_to(stack, FAR) == 1500


def test_packet_over_the_mtu_leaves_in_fragments_or_is_refused() -> None:
    stack, _, device, _, _ = host()
    assert send(stack, PEER, 4000, df=True) == 90
    assert send(stack, PEER, 4000) == 0
    sent = device.packets_v6()
    assert [(p.fragment_offset, p.wire_length(), p.more_fragments) for p in sent] == [
        (0, 1496, True),
        (1448, 1496, True),
        (2896, 1152, False),
    ]
    assert len({p.ident for p in sent}) == 1
    counters = stack.counters.ip6
    assert (counters.frag_oks, counters.frag_creates, counters.frag_fails) == (1, 3, 1)


@pytest.mark.parametrize("as_bytes", [False, True])
@pytest.mark.parametrize("size", [1452, 1453, 9000, 65527])
def test_udp_of_any_size_arrives_whole(size: int, as_bytes: bool) -> None:
    clock = Clock()
    hub = Hub(clock, as_bytes)
    a = host_on(hub, "a", 1, ME + "/64")
    b = host_on(hub, "b", 2, PEER + "/64")
    here, there = udp_socket_v6(a), udp_socket_v6(b, port=9)
    assert here.send(parse_ip(PEER), 9, (DATA * 17)[:size], -1, 0, 0) == 0
    settle(clock)
    got = there.receive(False)
    assert got is not None
    assert got.data == (DATA * 17)[:size]


def piece(start: int, end: int, last: bool = False, ident: int = 7) -> Ipv6Packet:
    made = packet_v6(PEER, ME, 253, RawPayload(DATA[start:end]))
    made.fragment_offset = start
    made.more_fragments = not last
    made.ident = ident
    return made


def test_fragments_in_any_order_make_the_whole() -> None:
    stack, interface, _, _, upper = host()
    for part in (piece(1600, 1700, last=True), piece(0, 800), piece(800, 1600)):
        interface.receive(frame(part))
    [whole] = upper.packets_v6
    assert whole.payload.serialize(0, 0) == DATA[:1700]
    assert not whole.has_fragment_header()
    assert stack.counters.ip6.reasm_oks == 1
    assert stack.reassembly_v6.table.memory == 0


@pytest.mark.parametrize(
    ("parts", "complaint"),
    [
        pytest.param((piece(0, 800), piece(792, 1600)), None, id="overlap"),
        pytest.param((piece(8, 800, last=True), piece(800, 1600)), None, id="beyond the end"),
        pytest.param((piece(0, 12),), (4, 0, 4), id="odd length"),
        pytest.param(
            (packet_v6(PEER, ME, payload=RawPayload(bytes(16)), fragment_offset=65528, ident=7),),
            (4, 0, 42),
            id="too far",
        ),
    ],
)
def test_spoilt_packet_is_dropped_whole(
    parts: tuple[Ipv6Packet, ...], complaint: tuple[int, int, int] | None
) -> None:
    stack, interface, device, _, upper = host()
    for part in parts:
        interface.receive(frame(part))
    assert stack.counters.ip6.reasm_fails == 1
    assert len(stack.reassembly_v6.table) == 0
    assert not upper.packets_v6
    assert [(e.type, e.code, e.rest) for e in device.errors_v6()] == ([complaint] if complaint else [])


def test_missing_fragment_times_out_after_a_minute_and_the_source_is_told() -> None:
    stack, interface, device, clock, _ = host()
    interface.receive(frame(piece(0, 800)))
    settle(clock, 59 * SECOND)
    assert not device.errors_v6()
    settle(clock)
    [error] = device.errors_v6()
    assert (error.type, error.code) == (3, 1)
    assert stack.counters.ip6.reasm_timeout == 1


def test_bomb_of_first_fragments_stays_within_the_memory_limit() -> None:
    stack, interface, _, _, _ = host()
    stack.sysctl.set("net.ipv6.ip6frag_high_thresh", 100_000)
    for number in range(2000):
        interface.receive(frame(piece(0, 800, ident=number)))
    assert stack.reassembly_v6.table.memory <= 100_000 + 2304


# --- forwarding ------------------------------------------------------------------------------


class Net:
    """a — left — r — right — b; the right link's MTU may be smaller."""

    def __init__(self, mtu: int = 1500) -> None:
        self.clock = Clock()
        self.left = Hub(self.clock, True)
        self.right = Hub(self.clock)
        self.a = host_on(self.left, "a", 1, "2001:db8:1::2/64")
        self.b = host_on(self.right, "b", 2, "2001:db8:2::2/64", mtu=mtu)
        self.router = Stack("r", self.clock, self.a.stream)
        self.left.attach(add_interface(self.router, 3, None, "2001:db8:1::1/64"))
        self.right.attach(add_interface(self.router, 4, None, "2001:db8:2::1/64", mtu=mtu))
        self.router.sysctl.set("net.ipv6.conf.all.forwarding", 1)
        self.a.add_route(V6_ANY, 0, parse_ip("2001:db8:1::1"), None, 0, -1)
        self.b.add_route(V6_ANY, 0, parse_ip("2001:db8:2::1"), None, 0, -1)
        self.upper_a = Upper()
        self.upper_b = Upper()
        self.a.register(253, self.upper_a)
        self.b.register(253, self.upper_b)

    def send(self, destination: str, size: int = 8, ttl: int = 0, source: str = "::") -> int:
        body = RawPayload(bytes(size))
        return self.a.send(parse_ip(source), parse_ip(destination), 253, body, 0x28, ttl, True, 0)


def test_packet_through_a_router_is_one_hop_older() -> None:
    net = Net()
    net.send("2001:db8:2::2", ttl=9)
    settle(net.clock)
    [got] = net.upper_b.packets_v6
    assert (got.ttl, got.tos) == (8, 0x28)
    assert net.router.counters.ip6.out_forw_datagrams == 1


@pytest.mark.parametrize(
    ("destination", "size", "ttl", "mtu", "expected"),
    [
        ("2001:db8:2::2", 8, 1, 1500, (3, 0, 0)),
        ("2001:db8:2::2", 1400, 0, 1400, (2, 0, 1400)),
        ("2001:db8:77::1", 8, 0, 1500, (1, 0, 0)),
        ("2001:db8:2::99", 8, 0, 1500, (1, 3, 0)),
    ],
)
def test_packet_that_cannot_go_on_is_reported(
    destination: str, size: int, ttl: int, mtu: int, expected: tuple[int, int, int]
) -> None:
    net = Net(mtu)
    net.send(destination, size, ttl)
    settle(net.clock)
    assert [(e.type_v6, e.code_v6, e.mtu) for e in net.upper_a.errors] == [expected]
    assert net.upper_a.errors[0].reporter == parse_ip("2001:db8:1::1")
    assert not net.upper_b.packets_v6


def test_link_local_source_goes_no_further() -> None:
    net = Net()
    net.send("2001:db8:2::2", source="fe80::ff:fe00:1")
    settle(net.clock)
    assert [(e.type_v6, e.code_v6) for e in net.upper_a.errors] == [(1, 2)]
    assert not net.upper_b.packets_v6


def test_link_local_and_group_destinations_stay_on_their_link() -> None:
    net = Net()
    left = net.router.interfaces[1]
    for destination in ("fe80::77", "ff05::77"):
        left.receive(frame(packet_v6("2001:db8:1::2", destination), MAC | 3))
    settle(net.clock)
    assert not net.right.frames


def test_forwarding_off_drops() -> None:
    net = Net()
    net.router.sysctl.set("net.ipv6.conf.all.forwarding", 0)
    net.send("2001:db8:2::2")
    settle(net.clock)
    assert not net.upper_b.packets_v6
    assert not net.upper_a.errors
