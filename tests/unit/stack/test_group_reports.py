"""IGMP and MLD: what routers are told of this host's groups."""

from __future__ import annotations

import pytest
from builders_stack import (
    Recorder,
    add_interface,
    default_route,
    frame,
    icmp_v6,
    lone_host,
    packet,
    settle,
    udp_socket,
    udp_socket_v6,
)

from fourtuple.clock.clock import MILLISECOND, SECOND, Clock
from fourtuple.stack.interface import Interface
from fourtuple.stack.stack import Stack
from fourtuple.wire.address import V4_ANY, V6_ANY, parse_ip
from fourtuple.wire.igmp import IgmpMessage, IgmpQuery, IgmpReport
from fourtuple.wire.ip import PROTOCOL_IGMP
from fourtuple.wire.mld import MldMessage, MldQuery, MldReport
from fourtuple.wire.multicast import MulticastRecord

GROUP = "239.1.2.3"
GROUP6 = "ff05::77"
ROUTER = "10.0.0.254"
ALL_HOSTS_MAC = 0x0100_5E00_0001
ALL_NODES_MAC = 0x3333_0000_0001

TO_IN, TO_EX, ALLOW, BLOCK, IS_IN, IS_EX = 3, 4, 5, 6, 1, 2


def host() -> tuple[Stack, Interface, Recorder, Clock]:
    stack, interface, device, clock = lone_host("10.0.0.1/24", "2001:db8::1/64")
    default_route(stack, ROUTER)
    device.take()
    return stack, interface, device, clock


def records(device: Recorder) -> list[tuple[int, int, list[int]]]:
    """(type, group, sources) of every record in the reports sent, which are forgotten."""
    found: list[MulticastRecord] = []
    for one in device.take():
        body = getattr(one.payload, "payload", None)
        if isinstance(body, IgmpReport | MldReport):
            found += body.records
    return [(record.type, record.group, record.sources) for record in found]


def old_messages(device: Recorder) -> list[tuple[int, int]]:
    """(type, group) of the messages of older versions sent, which are forgotten."""
    found: list[tuple[int, int]] = []
    for one in device.take():
        body = getattr(one.payload, "payload", None)
        if isinstance(body, IgmpMessage | MldMessage):
            found.append((body.type, body.group))
    return found


def query(interface: Interface, group: str = "", version: int = 3, sources: tuple[str, ...] = ()) -> None:
    """An IGMP query to be answered within a second, from a router."""
    message = IgmpQuery(version, 0 if version == 1 else 10, parse_ip(group) if group else V4_ANY)
    message.sources = [parse_ip(source) for source in sources]
    made = packet(ROUTER, group or "224.0.0.1", PROTOCOL_IGMP, message, ttl=1)
    interface.receive(frame(made, ALL_HOSTS_MAC))


def query_v6(interface: Interface, group: str = "", version: int = 2) -> None:
    message = MldQuery(version, 1000, parse_ip(group) if group else V6_ANY)
    interface.receive(frame(icmp_v6("fe80::254", group or "ff02::1", message, 1), ALL_NODES_MAC))


def test_join_and_leave_are_reported_twice_each() -> None:
    stack, _, device, clock = host()
    group = parse_ip(GROUP)
    socket = udp_socket(stack)
    assert socket.join_group(group, 0) == 0
    [first] = device.packets()
    assert (first.destination, first.ttl, first.tos, first.options) == (
        parse_ip("224.0.0.22"),
        1,
        0xC0,
        b"\x94\x04\x00\x00",
    )
    settle(clock)
    assert records(device) == [(TO_EX, group, [])] * 2
    assert clock.now <= SECOND
    socket.leave_group(group, 0)
    settle(clock)
    assert records(device) == [(TO_IN, group, [])] * 2


def test_second_member_changes_nothing_and_the_last_to_leave_is_reported() -> None:
    stack, _, device, clock = host()
    group = parse_ip(GROUP)
    first, second = udp_socket(stack), udp_socket(stack)
    first.join_group(group, 0)
    settle(clock)
    device.take()
    second.join_group(group, 0)
    first.close()
    settle(clock)
    assert not device.frames
    second.close()
    assert records(device) == [(TO_IN, group, [])]


def test_leave_soon_after_join_is_what_is_repeated() -> None:
    stack, _, device, clock = host()
    group = parse_ip(GROUP)
    socket = udp_socket(stack)
    socket.join_group(group, 0)
    socket.leave_group(group, 0)
    settle(clock)
    assert records(device) == [(TO_EX, group, []), (TO_IN, group, []), (TO_IN, group, [])]


def test_filters_of_all_sockets_are_reported_as_one() -> None:
    stack, _, device, clock = host()
    group = parse_ip(GROUP)
    one, two = parse_ip("10.0.0.11"), parse_ip("10.0.0.12")
    first, second = udp_socket(stack), udp_socket(stack)
    first.join_source_group(group, 0, one)
    settle(clock)
    assert records(device) == [(ALLOW, group, [one])] * 2
    second.join_source_group(group, 0, two)
    assert records(device) == [(ALLOW, group, [two])]
    settle(clock)
    device.take()
    first.leave_source_group(group, 0, one)
    assert records(device) == [(BLOCK, group, [one])]
    first.join_group(group, 0)
    assert records(device) == [(TO_EX, group, [])]
    settle(clock)
    device.take()
    first.block_source(group, 0, one)
    assert records(device) == [(BLOCK, group, [one])]
    settle(clock)
    device.take()
    # The other socket wants it, so the host does.
    first.block_source(group, 0, two)
    settle(clock)
    assert not device.frames


def test_query_is_answered_once_within_its_time() -> None:
    stack, interface, device, clock = host()
    group = parse_ip(GROUP)
    udp_socket(stack).join_group(group, 0)
    blocking = udp_socket(stack)
    blocking.join_group(group + 1, 0)
    blocking.block_source(group + 1, 0, parse_ip("10.0.0.9"))
    settle(clock)
    device.take()
    start = clock.now
    query(interface)
    query(interface, GROUP)
    query(interface)
    settle(clock)
    answer = records(device)
    assert (IS_EX, group, []) in answer
    assert answer.count((IS_EX, group + 1, [parse_ip("10.0.0.9")])) == 1
    assert clock.now <= start + SECOND


def test_query_for_sources_is_answered_about_those() -> None:
    stack, interface, device, clock = host()
    group = parse_ip(GROUP)
    socket = udp_socket(stack)
    socket.join_group(group, 0)
    socket.block_source(group, 0, parse_ip("10.0.0.9"))
    settle(clock)
    device.take()
    query(interface, GROUP, sources=("10.0.0.9", "10.0.0.8"))
    settle(clock)
    assert records(device) == [(IS_IN, group, [parse_ip("10.0.0.8")])]
    query(interface, GROUP, sources=("10.0.0.9",))
    query(interface, "239.9.9.9")
    settle(clock)
    assert records(device) == []


@pytest.mark.parametrize(
    ("version", "report", "leaves"), [(1, 0x12, []), (2, 0x16, [(0x17, parse_ip(GROUP))])]
)
def test_older_querier_is_answered_in_its_version(
    version: int, report: int, leaves: list[tuple[int, int]]
) -> None:
    stack, interface, device, clock = host()
    group = parse_ip(GROUP)
    query(interface, version=version)
    settle(clock)
    socket = udp_socket(stack)
    socket.join_group(group, 0)
    settle(clock)
    assert old_messages(device) == [(report, group)] * 2
    query(interface, version=version)
    settle(clock)
    assert old_messages(device) == [(report, group)]
    socket.leave_group(group, 0)
    settle(clock)
    assert old_messages(device) == leaves
    # Long after the last query the newest version is spoken again.
    settle(clock, clock.now + 300 * SECOND)
    socket.join_group(group, 0)
    assert records(device) == [(TO_EX, group, [])]


def test_report_of_another_host_in_an_older_version_is_enough() -> None:
    stack, interface, device, clock = host()
    group = parse_ip(GROUP)
    udp_socket(stack).join_group(group, 0)
    settle(clock)
    query(interface, GROUP, version=2)
    device.take()
    other = packet("10.0.0.7", GROUP, PROTOCOL_IGMP, IgmpMessage(0x16, group), ttl=1)
    interface.receive(frame(other, 0x0100_5E01_0203))
    settle(clock)
    assert old_messages(device) == []


@pytest.mark.parametrize("group", ["224.0.0.1"])
def test_all_hosts_is_never_reported(group: str) -> None:
    stack, interface, device, clock = host()
    udp_socket(stack).join_group(parse_ip(group), 2)
    query(interface)
    settle(clock)
    assert not device.frames


def test_forged_query_is_not_answered() -> None:
    stack, interface, device, clock = host()
    udp_socket(stack).join_group(parse_ip(GROUP), 0)
    settle(clock)
    device.take()
    far = packet("192.0.2.1", "224.0.0.1", PROTOCOL_IGMP, IgmpQuery(3, 10, V4_ANY), ttl=63)
    interface.receive(frame(far, ALL_HOSTS_MAC))
    settle(clock)
    assert not device.frames


def test_many_groups_are_reported_in_as_many_messages_as_the_mtu_needs() -> None:
    stack, interface, device, clock = host()
    stack.set_mtu(interface, 200)
    stack.sysctl.set("net.ipv4.igmp_max_memberships", 100)
    socket = udp_socket(stack)
    for number in range(60):
        socket.join_group(parse_ip(GROUP) + number, 2)
    settle(clock)
    device.take()
    query(interface)
    settle(clock)
    assert all(p.wire_length() <= 200 for p in device.packets())
    assert len(device.packets()) == 3
    assert len(records(device)) == 60


def test_loopback_and_interfaces_without_the_group_say_nothing() -> None:
    stack, _, device, clock = host()
    other = Recorder()
    add_interface(stack, 2, other, "10.9.0.1/24")
    udp_socket(stack).join_group(parse_ip(GROUP), 1)
    udp_socket(stack).join_group(parse_ip(GROUP), 3)
    settle(clock)
    assert not device.frames
    assert len(other.frames) == 2


# --- IPv6 ------------------------------------------------------------------------------------


def test_mld_join_and_leave_are_reported() -> None:
    stack, interface, device, clock = host()
    group = parse_ip(GROUP6)
    socket = udp_socket_v6(stack)
    socket.join_group(group, 2)
    [first] = device.packets_v6()
    assert (first.source, first.destination, first.ttl) == (interface.link_local(), parse_ip("ff02::16"), 1)
    assert first.extensions[0].options() == [(5, b"\0\0")]
    settle(clock)
    assert records(device) == [(TO_EX, group, [])] * 2
    socket.close()
    settle(clock)
    assert records(device) == [(TO_IN, group, [])] * 2
    assert stack.counters.icmp6.out_mldv2reports == 4


def test_mld_query_is_answered_with_all_groups() -> None:
    stack, interface, device, clock = host()
    udp_socket_v6(stack).join_group(parse_ip(GROUP6), 2)
    settle(clock)
    device.take()
    query_v6(interface)
    settle(clock)
    answer = records(device)
    assert (IS_EX, parse_ip(GROUP6), []) in answer
    # The groups its own addresses are asked for in.
    assert (IS_EX, parse_ip("ff02::1:ff00:1"), []) in answer
    assert stack.counters.icmp6.in_group_memb_queries == 1


def test_mld_older_querier_is_answered_in_its_version() -> None:
    stack, interface, device, clock = host()
    group = parse_ip(GROUP6)
    query_v6(interface, version=1)
    settle(clock, 2 * SECOND)
    device.take()
    socket = udp_socket_v6(stack)
    socket.join_group(group, 2)
    assert old_messages(device) == [(131, group)]
    socket.leave_group(group, 2)
    settle(clock)
    assert old_messages(device) == [(132, group)]


@pytest.mark.parametrize("group", ["ff02::1", "ff01::5"])
def test_mld_groups_of_no_router_are_never_reported(group: str) -> None:
    stack, _, device, clock = host()
    udp_socket_v6(stack).join_group(parse_ip(group), 2)
    settle(clock)
    assert not device.frames


def test_mld_query_that_is_no_neighbours_is_not_answered() -> None:
    stack, interface, device, clock = host()
    for source, hops in (("2001:db8::254", 1), ("fe80::254", 64)):
        message = MldQuery(2, 1000, V6_ANY)
        interface.receive(frame(icmp_v6(source, "ff02::1", message, hops), ALL_NODES_MAC))
    settle(clock)
    assert not device.frames
    assert clock.now < 10 * MILLISECOND
    assert stack.counters.icmp6.in_group_memb_queries == 2
