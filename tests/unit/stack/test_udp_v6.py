"""UDP over IPv6, and sockets that speak both."""

from __future__ import annotations

import errno

import pytest
from builders_stack import (
    Recorder,
    add_interface,
    frame,
    icmp_v6,
    learn_v6,
    lone_host,
    settle,
    udp_packet,
    udp_packet_v6,
    udp_socket_v6,
)

from fourtuple.clock.clock import Clock
from fourtuple.ports.endpoint import AF_INET6, PROTOCOL_UDP, Endpoint
from fourtuple.stack.datagram_socket import PMTUDISC_DO, PMTUDISC_WANT
from fourtuple.stack.interface import Interface
from fourtuple.stack.poll_bits import POLLERR
from fourtuple.stack.stack import Stack
from fourtuple.stack.udp_socket import UdpSocket
from fourtuple.wire.address import V6_ANY, parse_ip
from fourtuple.wire.icmpv6 import Icmpv6Message

ME = "2001:db8::1"
PEER = "2001:db8::2"
GROUP = "ff05::77"
GROUP_MAC = 0x3333_0000_0077


def host() -> tuple[Stack, Interface, Recorder, Clock]:
    stack, interface, device, clock = lone_host("10.0.0.1/24", ME + "/64")
    learn_v6(interface, PEER)
    device.take()
    return stack, interface, device, clock


def send(socket: UdpSocket, to: str = PEER, data: bytes = b"data", device: int = 0) -> int:
    return socket.send(parse_ip(to), 9, data, -1, 0, device)


def test_header_shows_the_sockets_options_of_this_family() -> None:
    stack, _, device, _ = host()
    socket = udp_socket_v6(stack)
    socket.tos, socket.ttl = 0x10, 7
    send(socket)
    socket.tclass, socket.hop_limit = 0x20, 9
    send(socket)
    socket.send(parse_ip(PEER), 9, b"", 0x40, 3, 0)
    sent = device.packets_v6()
    assert [(p.tos, p.ttl) for p in sent] == [(0, 64), (0x20, 9), (0x40, 3)]
    assert {(p.source, p.destination) for p in sent} == {(parse_ip(ME), parse_ip(PEER))}
    assert stack.counters.udp6.out_datagrams == 3


def test_dual_stack_socket_speaks_both() -> None:
    stack, interface, device, _ = host()
    socket = udp_socket_v6(stack, port=9)
    interface.receive(frame(udp_packet("10.0.0.2", "10.0.0.1", 5, 9, b"four")))
    interface.receive(frame(udp_packet_v6(PEER, ME, 5, 9, b"six")))
    assert socket.queued() == 2
    assert send(socket, "10.0.0.2") == 0
    assert len(device.arps()) == 1


def test_v6only_socket_hears_no_ipv4() -> None:
    stack, interface, _, _ = host()
    endpoint = Endpoint(PROTOCOL_UDP, AF_INET6, 0)
    endpoint.v6only = True
    socket = stack.udp.create(endpoint, None)
    assert stack.tables.bind(endpoint, V6_ANY, 9) == 0
    interface.receive(frame(udp_packet("10.0.0.2", "10.0.0.1", 5, 9, b"four")))
    assert socket.queued() == 0


@pytest.mark.parametrize(
    ("to", "size", "discovery", "code", "fragments"),
    [
        (PEER, 65527, PMTUDISC_WANT, 0, 46),
        (PEER, 65528, PMTUDISC_WANT, errno.EMSGSIZE, 0),
        (PEER, 1453, PMTUDISC_DO, errno.EMSGSIZE, 0),
        (PEER, 1452, PMTUDISC_DO, 0, 1),
        ("2001:db8:9::1", 1, PMTUDISC_WANT, errno.ENETUNREACH, 0),
    ],
)
def test_send_errors(to: str, size: int, discovery: int, code: int, fragments: int) -> None:
    stack, _, device, _ = host()
    socket = udp_socket_v6(stack)
    socket.pmtudisc = discovery
    assert send(socket, to, bytes(size)) == code
    assert len(device.packets_v6()) == fragments


@pytest.mark.parametrize(
    ("type", "code", "connected", "recverr"),
    [
        (1, 0, 0, errno.ENETUNREACH),
        (1, 1, errno.EACCES, errno.EACCES),
        (1, 3, 0, errno.EHOSTUNREACH),
        (1, 4, errno.ECONNREFUSED, errno.ECONNREFUSED),
        (2, 0, errno.EMSGSIZE, errno.EMSGSIZE),
        (3, 0, 0, errno.EHOSTUNREACH),
        (4, 1, errno.EPROTO, errno.EPROTO),
    ],
)
def test_icmp_error_tells_a_connected_socket(type: int, code: int, connected: int, recverr: int) -> None:
    for asked, expected in ((False, connected), (True, recverr)):
        stack, interface, _, _ = host()
        socket = udp_socket_v6(stack, port=1000)
        assert socket.connect(parse_ip(PEER), 9) == 0
        socket.recverr6 = asked
        about = udp_packet_v6(ME, PEER, 1000, 9, b"lost").serialize()
        interface.receive(frame(icmp_v6(PEER, ME, Icmpv6Message(type, code, 1400, about), 64)))
        assert bool(socket.poll() & POLLERR) == (expected != 0)
        assert socket.take_error() == expected
        entry = socket.receive_error()
        if asked:
            assert entry is not None
            assert (entry.origin, entry.type, entry.code, entry.data) == (3, type, code, b"lost")


def test_multicast_is_received_where_joined_and_sent_with_one_hop() -> None:
    stack, interface, device, clock = host()
    group = parse_ip(GROUP)
    listener, sender = udp_socket_v6(stack, port=9), udp_socket_v6(stack)
    interface.receive(frame(udp_packet_v6(PEER, GROUP, 5, 9, b"m"), GROUP_MAC))
    assert listener.queued() == 0
    assert listener.join_group(group, 0) == 0
    interface.receive(frame(udp_packet_v6(PEER, GROUP, 5, 9, b"m"), GROUP_MAC))
    assert listener.queued() == 1
    device.take()
    assert send(sender, GROUP) == 0
    settle(clock)
    assert listener.queued() == 2
    [packet] = [p for p in device.packets_v6() if p.protocol == 17]
    assert (packet.ttl, packet.source) == (1, parse_ip(ME))
    sender.multicast_loop_v6 = False
    sender.multicast_hops = 5
    assert send(sender, GROUP) == 0
    settle(clock)
    assert listener.queued() == 2
    assert device.packets_v6()[-1].ttl == 5
    assert listener.leave_group(group, 0) == 0
    assert not stack.groups.joined(group, interface.ifindex)


def test_multicast_interface_option_and_device_choose_the_link() -> None:
    stack, _, first, _ = host()
    second = Recorder()
    other = add_interface(stack, 2, second, "2001:db8:2::1/64")
    socket = udp_socket_v6(stack)
    socket.multicast_if_v6 = other.ifindex
    send(socket, GROUP)
    assert len(second.packets_v6()) == 1
    send(socket, "ff02::9", device=2)
    assert len([p for p in first.packets_v6() if p.protocol == 17]) == 1


def test_groups_have_no_limit_but_sources_do() -> None:
    stack, _, _, _ = host()
    socket = udp_socket_v6(stack)
    for number in range(50):
        assert socket.join_group(parse_ip("ff05::1000") + number, 2) == 0
    group = parse_ip("ff05::2000")
    for number in range(64):
        assert socket.join_source_group(group, 2, parse_ip("2001:db8::100") + number) == 0
    assert socket.join_source_group(group, 2, parse_ip("2001:db8::99")) == errno.ENOBUFS
