"""ICMP: answers, errors sent and errors received."""

from __future__ import annotations

import pytest
from builders_stack import (
    Recorder,
    Upper,
    default_route,
    frame,
    learn,
    lone_host,
    packet,
    settle,
    udp_packet,
    udp_socket,
)

from fourtuple.clock.clock import SECOND, Clock
from fourtuple.stack.interface import Interface
from fourtuple.stack.stack import Stack
from fourtuple.wire.address import MAC_BROADCAST, parse_ip
from fourtuple.wire.icmp import IcmpMessage, echo_rest
from fourtuple.wire.ip import PROTOCOL_ICMP, PROTOCOL_UDP
from fourtuple.wire.ipv4 import Ipv4Packet, parse_quoted_ipv4
from fourtuple.wire.packet import RawPayload

ME = "10.0.0.1"
PEER = "10.0.0.2"


def host() -> tuple[Stack, Interface, Recorder, Clock]:
    stack, interface, device, clock = lone_host()
    learn(interface, PEER)
    device.take()
    return stack, interface, device, clock


def icmp(source: str, destination: str, type: int, code: int, rest: int, data: bytes) -> Ipv4Packet:
    return packet(source, destination, PROTOCOL_ICMP, IcmpMessage(type, code, rest, data))


def echo(destination: str = ME, data: bytes = b"abc") -> Ipv4Packet:
    return icmp(PEER, destination, 8, 0, echo_rest(77, 1), data)


def test_echo_is_answered_in_kind() -> None:
    stack, interface, device, _ = host()
    asked = echo()
    asked.tos = 0x20
    asked.ttl = 3
    interface.receive(frame(asked))
    [reply] = device.packets()
    assert isinstance(reply.payload, IcmpMessage)
    assert (reply.source, reply.destination) == (parse_ip(ME), parse_ip(PEER))
    assert (reply.payload.type, reply.payload.rest, reply.payload.payload) == (0, echo_rest(77, 1), b"abc")
    assert (reply.ttl, reply.tos) == (64, 0x20)
    counters = stack.counters.icmp
    assert (counters.in_msgs, counters.in_echos, counters.out_msgs, counters.out_echo_reps) == (1, 1, 1, 1)


def test_echo_is_never_rate_limited() -> None:
    _, interface, device, _ = host()
    for _ in range(500):
        interface.receive(frame(echo()))
    assert len(device.messages()) == 500


def test_large_echo_is_answered_in_fragments() -> None:
    _, interface, device, _ = host()
    data = bytes(3000)
    whole = echo(data=data).payload.serialize(0, 0)
    for start in range(0, len(whole), 1480):
        part = packet(PEER, ME, PROTOCOL_ICMP, RawPayload(whole[start : start + 1480]), ident=9)
        part.fragment_offset = start
        part.more_fragments = start + 1480 < len(whole)
        interface.receive(frame(part))
    assert sum(p.wire_length() - 20 for p in device.packets()) == 3008


@pytest.mark.parametrize("destination", ["10.0.0.255", "224.0.0.1"])
@pytest.mark.parametrize("ignored", [1, 0])
def test_echo_to_a_group(destination: str, ignored: int) -> None:
    stack, interface, device, _ = host()
    stack.sysctl.set("net.ipv4.icmp_echo_ignore_broadcasts", ignored)
    interface.receive(frame(echo(destination), MAC_BROADCAST))
    assert [p.source for p in device.packets()] == ([] if ignored else [parse_ip(ME)])


def test_echo_ignore_all() -> None:
    stack, interface, device, _ = host()
    stack.sysctl.set("net.ipv4.icmp_echo_ignore_all", 1)
    interface.receive(frame(echo()))
    assert not device.frames


def test_timestamp_is_answered_with_the_virtual_time() -> None:
    _, interface, device, clock = host()
    settle(clock, 5 * SECOND)
    interface.receive(frame(icmp(PEER, ME, 13, 0, 1, bytes(range(12)))))
    [message] = device.messages()
    assert message.type == 14
    assert message.payload == bytes(range(4)) + (5000).to_bytes(4, "big") * 2


@pytest.mark.parametrize("type", [4, 6, 99])
def test_message_of_no_known_type_is_counted_and_dropped(type: int) -> None:
    stack, interface, device, _ = host()
    interface.receive(frame(icmp(PEER, ME, type, 0, 0, bytes(40))))
    assert not device.frames
    assert stack.counters.icmp.in_errors == 1


# --- errors sent -----------------------------------------------------------------------------


def test_datagram_to_closed_port_is_answered_with_port_unreachable_quoting_it() -> None:
    stack, interface, device, _ = host()
    bad = udp_packet(PEER, ME, 5, 9, bytes(2000)[:1400], tos=0x08)
    interface.receive(frame(bad))
    [report] = device.packets()
    assert isinstance(report.payload, IcmpMessage)
    assert (report.payload.type, report.payload.code, report.payload.rest) == (3, 3, 0)
    assert report.wire_length() == 576
    assert report.tos == 0xC8
    assert report.payload.payload == bad.serialize()[: 576 - 28]
    assert stack.counters.udp.no_ports == 1
    assert stack.counters.icmp.out_dest_unreachs == 1


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(udp_packet(PEER, "10.0.0.255", 5, 9, b""), id="broadcast"),
        pytest.param(udp_packet(PEER, "224.0.0.1", 5, 9, b""), id="multicast"),
        pytest.param(packet(PEER, ME, 99, fragment_offset=8), id="later fragment"),
        pytest.param(packet("0.0.0.0", "255.255.255.255", 99), id="from nobody"),
    ],
)
def test_packet_not_to_be_answered_with_an_error(bad: Ipv4Packet) -> None:
    _, interface, device, clock = host()
    interface.receive(frame(bad))
    settle(clock)
    assert not device.frames


@pytest.mark.parametrize("type", [3, 4, 5, 11, 12, 40])
def test_error_about_an_error_is_never_sent(type: int) -> None:
    stack, _, device, _ = host()
    stack.send_unreachable(icmp(PEER, ME, type, 0, 0, bytes(28)), 1)
    assert not device.frames
    stack.send_unreachable(packet(PEER, ME, PROTOCOL_ICMP, RawPayload(bytes([type]) * 8)), 1)
    assert not device.frames
    stack.send_unreachable(icmp(PEER, ME, 8, 0, 0, b""), 1)
    assert len(device.messages()) == 1


def test_errors_to_one_host_come_in_a_burst_of_six_then_one_a_second() -> None:
    stack, interface, device, clock = host()
    bad = udp_packet(PEER, ME, 5, 9, b"")
    for _ in range(20):
        interface.receive(frame(bad))
    assert len(device.messages()) == 6
    assert stack.counters.icmp.out_rate_limit_host == 14
    settle(clock, SECOND)
    for _ in range(3):
        interface.receive(frame(bad))
    assert len(device.messages()) == 7


def test_errors_to_many_hosts_stay_within_the_burst_of_all() -> None:
    stack, interface, device, clock = lone_host("10.0.0.1/16")
    default_route(stack, PEER)
    learn(interface, PEER)
    device.take()
    for number in range(200):
        interface.receive(frame(udp_packet(f"192.0.2.{number}", ME, 5, 9, b"")))
    assert len(device.messages()) == 50
    assert stack.counters.icmp.out_rate_limit_global == 150
    device.take()
    settle(clock, SECOND // 20)
    for number in range(200):
        interface.receive(frame(udp_packet(f"192.0.3.{number}", ME, 5, 9, b"")))
    assert len(device.messages()) == 50


def test_ratelimit_off_and_loopback_are_not_limited() -> None:
    stack, _, _, clock = host()
    bad = udp_packet("127.0.0.1", "127.0.0.1", 5, 9, b"")
    upper = Upper()
    stack.register(PROTOCOL_UDP, upper)
    for _ in range(20):
        stack.send_unreachable(bad, 3)
    settle(clock)
    assert len(upper.errors) == 20


# --- errors received -------------------------------------------------------------------------


def quoting(
    about: Ipv4Packet, type: int, code: int, rest: int = 0, size: int = 28, via: str = PEER
) -> Ipv4Packet:
    return icmp(via, ME, type, code, rest, about.serialize()[:size])


def test_error_reaches_the_transport_it_quotes() -> None:
    stack, interface, _, _ = host()
    upper = Upper()
    stack.register(PROTOCOL_UDP, upper)
    about = udp_packet(ME, "192.0.2.7", 1000, 2000, b"data")
    interface.receive(frame(quoting(about, 3, 3)))
    [error] = upper.errors
    assert (error.type, error.code, error.mtu, error.reporter) == (3, 3, 0, parse_ip(PEER))
    assert (error.source, error.destination) == (parse_ip(ME), parse_ip("192.0.2.7"))
    assert error.payload == about.serialize()[20:28]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(bytes(28), id="no header"),
        pytest.param(udp_packet(ME, PEER, 1, 2, b"").serialize()[:27], id="seven bytes"),
        pytest.param(packet(ME, PEER, 17, fragment_offset=8).serialize(), id="later fragment"),
        pytest.param(b"\x4f" + udp_packet(ME, PEER, 1, 2, bytes(80)).serialize()[1:40], id="long header"),
    ],
)
def test_error_quoting_rubbish_is_counted_and_dropped(data: bytes) -> None:
    stack, interface, _, _ = host()
    upper = Upper()
    stack.register(PROTOCOL_UDP, upper)
    interface.receive(frame(icmp(PEER, ME, 3, 3, 0, data)))
    assert not upper.errors
    assert stack.counters.icmp.in_errors == 1


@pytest.mark.parametrize(("type", "code"), [(3, 16), (5, 1), (4, 0)])
def test_error_that_says_nothing_to_a_transport(type: int, code: int) -> None:
    stack, interface, _, _ = host()
    upper = Upper()
    stack.register(PROTOCOL_UDP, upper)
    interface.receive(frame(quoting(udp_packet(ME, PEER, 1, 2, b""), type, code)))
    assert not upper.errors


def test_error_about_an_own_broadcast_is_ignored() -> None:
    stack, interface, _, _ = host()
    upper = Upper()
    stack.register(PROTOCOL_UDP, upper)
    interface.receive(frame(quoting(udp_packet(ME, "10.0.0.255", 1, 2, b""), 3, 3)))
    assert not upper.errors


# --- path MTU --------------------------------------------------------------------------------

FAR = "192.0.2.7"


def sender() -> tuple[Stack, Interface, Recorder, Clock, Ipv4Packet]:
    stack, interface, device, clock = host()
    default_route(stack, PEER)
    socket = udp_socket(stack, port=1000)
    assert socket.connect(parse_ip(FAR), 2000) == 0
    return stack, interface, device, clock, udp_packet(ME, FAR, 1000, 2000, b"data")


def mtu_to(stack: Stack, address: str = FAR) -> int:
    route = stack.route(parse_ip(address), parse_ip(ME), 0)
    assert route is not None
    return route.mtu


def test_fragmentation_needed_lowers_the_mtu_of_that_destination_for_ten_minutes() -> None:
    stack, interface, _, clock, about = sender()
    assert mtu_to(stack) == 1500
    interface.receive(frame(quoting(about, 3, 4, 1300)))
    assert mtu_to(stack) == 1300
    assert mtu_to(stack, "192.0.2.8") == 1500
    assert stack.send(parse_ip(ME), parse_ip(FAR), 253, RawPayload(bytes(1281)), 0, 0, True, 0) == 90
    settle(clock, 599 * SECOND)
    assert mtu_to(stack) == 1300
    settle(clock, 600 * SECOND)
    assert mtu_to(stack) == 1500
    assert stack.send(parse_ip(ME), parse_ip(FAR), 253, RawPayload(bytes(1281)), 0, 0, True, 0) == 0


def test_mtu_learnt_outlives_a_change_of_routes() -> None:
    stack, interface, _, _, about = sender()
    interface.receive(frame(quoting(about, 3, 4, 1300)))
    stack.paths.flush()
    assert mtu_to(stack) == 1300


@pytest.mark.parametrize("reported", [1500, 1501, 9000, 65535])
def test_mtu_never_rises(reported: int) -> None:
    stack, interface, _, _, about = sender()
    interface.receive(frame(quoting(about, 3, 4, reported)))
    assert mtu_to(stack) == 1500


@pytest.mark.parametrize("reported", [0, 68, 551])
def test_mtu_below_the_least_believed_locks_it_and_clears_df(reported: int) -> None:
    stack, interface, device, _, about = sender()
    interface.receive(frame(quoting(about, 3, 4, reported)))
    assert mtu_to(stack) == 552
    device.take()
    stack.send(parse_ip(ME), parse_ip(FAR), 253, RawPayload(bytes(500)), 0, 0, True, 0)
    assert [p.dont_fragment for p in device.packets()] == [False]


def test_report_about_a_connection_nobody_has_changes_nothing() -> None:
    stack, interface, _, _, _ = sender()
    stack.register(6, Upper())
    for about in (
        udp_packet(ME, FAR, 1001, 2000, b"data"),
        udp_packet(ME, FAR, 1000, 2001, b"data"),
        udp_packet("10.0.0.77", FAR, 1000, 2000, b"data"),
        packet(ME, FAR, 6, RawPayload(bytes(20))),
    ):
        interface.receive(frame(quoting(about, 3, 4, 1300)))
    assert mtu_to(stack) == 1500


def test_no_pmtu_disc_ignores_reports() -> None:
    stack, interface, _, _, about = sender()
    stack.sysctl.set("net.ipv4.ip_no_pmtu_disc", 1)
    interface.receive(frame(quoting(about, 3, 4, 1300)))
    assert mtu_to(stack) == 1500


def test_quoted_packet_of_a_report_sent_can_be_read_back() -> None:
    _, interface, device, _ = host()
    interface.receive(frame(udp_packet(PEER, ME, 5, 9, b"hello")))
    quoted = parse_quoted_ipv4(device.messages()[0].payload)
    assert quoted.source == parse_ip(PEER)
