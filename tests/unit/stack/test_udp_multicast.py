"""Multicast: joining, filters, what loops back and what leaves."""

from __future__ import annotations

import errno

import pytest
from builders_stack import (
    Recorder,
    add_interface,
    default_route,
    frame,
    lone_host,
    settle,
    udp_packet,
    udp_socket,
)

from fourtuple.clock.clock import Clock
from fourtuple.ports.endpoint import AF_INET, PROTOCOL_UDP, Endpoint
from fourtuple.stack.interface import Interface
from fourtuple.stack.stack import Stack
from fourtuple.stack.udp_socket import UdpSocket
from fourtuple.wire.address import parse_ip

GROUP = "239.1.2.3"
GROUP_MAC = 0x0100_5E01_0203
PEER = "10.0.0.2"


def host() -> tuple[Stack, Interface, Recorder, Clock]:
    stack, interface, device, clock = lone_host()
    default_route(stack, "10.0.0.254")
    return stack, interface, device, clock


def shared(stack: Stack, port: int = 9) -> UdpSocket:
    endpoint = Endpoint(PROTOCOL_UDP, AF_INET, 0)
    endpoint.reuse_addr = True
    socket = stack.udp.create(endpoint, None)
    assert stack.tables.bind(endpoint, parse_ip("0.0.0.0"), port) == 0
    return socket


def arrive(interface: Interface, source: str = PEER, group: str = GROUP) -> None:
    interface.receive(frame(udp_packet(source, group, 5, 9, b"m"), GROUP_MAC))


def test_joined_group_is_received_by_every_socket_on_the_port() -> None:
    stack, interface, _, _ = host()
    first, second = shared(stack), shared(stack)
    arrive(interface)
    assert first.queued() == 0
    assert first.join_group(parse_ip(GROUP), 0) == 0
    arrive(interface)
    assert (first.queued(), second.queued()) == (1, 1)
    second.endpoint.multicast_all = False
    arrive(interface)
    assert (first.queued(), second.queued()) == (2, 1)
    got = first.receive(False)
    assert got is not None
    assert got.destination == parse_ip(GROUP)
    assert stack.counters.ip.in_mcast_pkts == 2


def test_group_is_received_until_the_last_socket_leaves() -> None:
    stack, interface, _, _ = host()
    first, second = shared(stack), shared(stack)
    assert first.join_group(parse_ip(GROUP), 0) == 0
    assert second.join_group(parse_ip(GROUP), 2) == 0
    assert stack.groups.memberships() == [(2, parse_ip(GROUP), 2)]
    assert first.leave_group(parse_ip(GROUP), 0) == 0
    arrive(interface)
    assert second.queued() == 1
    second.close()
    assert stack.groups.memberships() == []
    arrive(interface)
    assert first.queued() == 1


def test_group_is_received_on_the_interface_joined_only() -> None:
    stack, interface, _, _ = host()
    other = add_interface(stack, 2, None, "10.9.0.1/24")
    socket = shared(stack)
    socket.join_group(parse_ip(GROUP), other.ifindex)
    arrive(interface)
    arrive(other, "10.9.0.2")
    assert socket.queued() == 1


def test_join_errors() -> None:
    stack, _, _, _ = lone_host()
    socket = shared(stack)
    group = parse_ip(GROUP)
    assert socket.join_group(group, 0) == errno.ENODEV  # no route says which interface
    assert socket.join_group(group, 77) == errno.ENODEV
    assert socket.join_group(parse_ip(PEER), 2) == errno.EINVAL
    assert socket.join_group(group, 2) == 0
    assert socket.join_group(group, 2) == errno.EADDRINUSE
    assert socket.leave_group(group + 1, 2) == errno.EADDRNOTAVAIL
    for number in range(1, 20):
        assert socket.join_group(group + number, 2) == 0
    assert socket.join_group(group + 20, 2) == errno.ENOBUFS


def test_source_filters() -> None:
    stack, interface, _, _ = host()
    group = parse_ip(GROUP)
    socket = shared(stack)
    good, bad = "10.0.0.5", "10.0.0.6"
    assert socket.block_source(group, 2, parse_ip(bad)) == errno.EINVAL
    assert socket.join_group(group, 2) == 0
    assert socket.block_source(group, 2, parse_ip(bad)) == 0
    assert socket.block_source(group, 2, parse_ip(bad)) == errno.EADDRNOTAVAIL
    arrive(interface, bad)
    arrive(interface, good)
    assert socket.queued() == 1
    # A filter that names sources cannot change its mode.
    assert socket.join_source_group(group, 2, parse_ip(good)) == errno.EINVAL
    assert socket.unblock_source(group, 2, parse_ip(good)) == errno.EADDRNOTAVAIL
    assert socket.unblock_source(group, 2, parse_ip(bad)) == 0
    arrive(interface, bad)
    assert socket.queued() == 2


def test_source_memberships() -> None:
    stack, interface, _, _ = host()
    group = parse_ip(GROUP)
    socket = shared(stack)
    good, bad = "10.0.0.5", "10.0.0.6"
    assert socket.join_source_group(group, 2, parse_ip(good)) == 0
    arrive(interface, bad)
    arrive(interface, good)
    assert socket.queued() == 1
    for number in range(9):
        assert socket.join_source_group(group, 2, parse_ip("10.0.1.0") + number) == 0
    assert socket.join_source_group(group, 2, parse_ip("10.0.2.0")) == errno.ENOBUFS
    for number in range(9):
        assert socket.leave_source_group(group, 2, parse_ip("10.0.1.0") + number) == 0
    assert socket.leave_source_group(group, 2, parse_ip(good)) == 0
    assert stack.groups.memberships() == []


@pytest.mark.parametrize(("ttl", "leaves"), [(1, True), (0, False), (9, True)])
def test_multicast_ttl(ttl: int, leaves: bool) -> None:
    stack, _, device, clock = host()
    socket = udp_socket(stack)
    assert socket.multicast_ttl == 1
    socket.multicast_ttl = ttl
    assert socket.send(parse_ip(GROUP), 9, b"m", -1, 0, 0) == 0
    settle(clock)
    assert [p.ttl for p in device.packets()] == ([ttl] if leaves else [])
    assert [f.destination for f in device.frames] == ([GROUP_MAC] if leaves else [])


@pytest.mark.parametrize(("joined", "loop", "heard"), [(True, True, 1), (True, False, 0), (False, True, 0)])
def test_multicast_loop(joined: bool, loop: bool, heard: int) -> None:
    stack, _, device, clock = host()
    listener = shared(stack)
    if joined:
        listener.join_group(parse_ip(GROUP), 0)
    socket = udp_socket(stack)
    socket.multicast_loop = loop
    socket.send(parse_ip(GROUP), 9, b"m", -1, 0, 0)
    settle(clock)
    assert listener.queued() == heard
    assert len([packet for packet in device.packets() if packet.protocol == 17]) == 1


def test_multicast_interface_options_choose_the_way_and_the_source() -> None:
    stack, _, first, _ = host()
    second = Recorder()
    other = add_interface(stack, 2, second, "10.9.0.1/24", "10.9.0.7/24")
    socket = udp_socket(stack)
    socket.multicast_if = other.ifindex
    socket.send(parse_ip(GROUP), 9, b"m", -1, 0, 0)
    socket.multicast_source = parse_ip("10.9.0.7")
    socket.send(parse_ip(GROUP), 9, b"m", -1, 0, 0)
    assert socket.connect(parse_ip(GROUP), 9) == 0
    assert socket.endpoint.local == parse_ip("10.9.0.7")
    assert not first.frames
    assert [p.source for p in second.packets()] == [parse_ip("10.9.0.1"), parse_ip("10.9.0.7")]


def test_source_address_decides_the_interface_of_a_multicast() -> None:
    stack, _, first, _ = host()
    second = Recorder()
    add_interface(stack, 2, second, "10.9.0.1/24")
    socket = udp_socket(stack, "10.9.0.1")
    socket.send(parse_ip(GROUP), 9, b"m", -1, 0, 0)
    assert not first.frames
    assert len(second.packets()) == 1


def test_loopback_multicast_comes_once() -> None:
    stack, _, _, clock = host()
    listener = shared(stack)
    assert listener.join_group(parse_ip(GROUP), 1) == 0
    socket = udp_socket(stack)
    socket.multicast_if = 1
    socket.send(parse_ip(GROUP), 9, b"m", -1, 0, 0)
    settle(clock)
    assert listener.queued() == 1
