"""Forwarding, and errors on the way."""

from __future__ import annotations

import pytest
from builders_stack import Hub, Upper, add_interface, default_route, host_on, new_stack, settle, udp_socket

from fourtuple.clock.clock import SECOND, Clock
from fourtuple.stack.stack import Stack
from fourtuple.wire.address import V4_ANY, parse_ip
from fourtuple.wire.packet import RawPayload

A = "10.1.0.2"
B = "10.2.0.2"


class Net:
    """a — left — r — right — b; the right link's MTU may be smaller."""

    def __init__(self, mtu: int = 1500, as_bytes: bool = False) -> None:
        self.clock = Clock()
        self.left = Hub(self.clock, as_bytes)
        self.right = Hub(self.clock, as_bytes)
        self.a = host_on(self.left, "a", 1, A + "/24")
        self.b = host_on(self.right, "b", 2, B + "/24", mtu=mtu)
        self.router = new_stack(self.clock, "r")
        self.left.attach(add_interface(self.router, 3, None, "10.1.0.1/24"))
        self.right.attach(add_interface(self.router, 4, None, "10.2.0.1/24", mtu=mtu))
        self.router.sysctl.set("net.ipv4.ip_forward", 1)
        default_route(self.a, "10.1.0.1")
        default_route(self.b, "10.2.0.1")
        self.upper_a = Upper()
        self.upper_b = Upper()
        self.a.register(253, self.upper_a)
        self.b.register(253, self.upper_b)


def send(stack: Stack, destination: str, size: int = 8, ttl: int = 0, df: bool = False, tos: int = 0) -> int:
    return stack.send(V4_ANY, parse_ip(destination), 253, RawPayload(bytes(size)), tos, ttl, df, 0)


@pytest.mark.parametrize("as_bytes", [False, True])
def test_packet_through_a_router_is_one_hop_older_and_else_the_same(as_bytes: bool) -> None:
    net = Net(as_bytes=as_bytes)
    send(net.a, B, ttl=9, df=True, tos=0x28)
    settle(net.clock)
    [got] = net.upper_b.packets
    assert (got.source, got.destination) == (parse_ip(A), parse_ip(B))
    assert (got.ttl, got.tos, got.dont_fragment) == (8, 0x28, True)
    [before] = net.left.packets()
    assert before.ttl == 9
    assert got.ident == before.ident
    assert net.router.counters.ip.forw_datagrams == 1


def test_forwarding_off_drops() -> None:
    net = Net()
    net.router.sysctl.set("net.ipv4.ip_forward", 0)
    send(net.a, B)
    settle(net.clock)
    assert not net.upper_b.packets
    assert net.router.counters.ip.in_addr_errors == 1
    assert not net.router.counters.icmp.out_msgs


@pytest.mark.parametrize("ttl", [1])
def test_ttl_at_its_end_is_reported_by_the_router_facing_the_source(ttl: int) -> None:
    net = Net()
    send(net.a, B, ttl=ttl)
    settle(net.clock)
    [error] = net.upper_a.errors
    assert (error.type, error.code) == (11, 0)
    assert error.reporter == parse_ip("10.1.0.1")
    assert error.destination == parse_ip(B)
    assert not net.upper_b.packets


def test_router_takes_packets_to_its_far_address() -> None:
    net = Net()
    upper = Upper()
    net.router.register(253, upper)
    send(net.a, "10.2.0.1", ttl=1)
    settle(net.clock)
    assert len(upper.packets) == 1


def test_too_long_with_df_is_reported_with_the_mtu() -> None:
    net = Net(mtu=1000)
    send(net.a, B, size=1200, df=True)
    settle(net.clock)
    [error] = net.upper_a.errors
    assert (error.type, error.code, error.mtu) == (3, 4, 1000)
    route = net.a.route(parse_ip(B), V4_ANY, 0)
    assert route is not None
    assert route.mtu == 1000


def test_too_long_without_df_is_fragmented_on_the_way_fragments_too() -> None:
    net = Net(mtu=604)
    send(net.a, B, size=3000)
    settle(net.clock)
    [got] = net.upper_b.packets
    assert got.wire_length() == 3020
    assert all(p.wire_length() <= 604 for p in net.right.packets())
    assert len(net.left.packets()) == 3


def test_no_route_is_reported_as_net_unreachable() -> None:
    net = Net()
    send(net.a, "203.0.113.9")
    settle(net.clock)
    assert [(e.type, e.code) for e in net.upper_a.errors] == [(3, 0)]
    assert net.router.counters.ip.in_no_routes == 1


def test_silent_neighbour_is_reported_as_host_unreachable_to_the_source() -> None:
    net = Net()
    send(net.a, "10.2.0.99")
    settle(net.clock)
    [error] = net.upper_a.errors
    assert (error.type, error.code) == (3, 1)
    assert error.reporter == parse_ip("10.1.0.1")
    assert net.clock.now > 3 * SECOND


@pytest.mark.parametrize("destination", ["10.2.0.255", "224.0.0.251", "255.255.255.255"])
def test_groups_are_not_forwarded(destination: str) -> None:
    net = Net()
    send(net.a, destination)
    settle(net.clock)
    assert not net.right.packets()
    assert not net.upper_a.errors


def test_routing_loop_ends() -> None:
    net = Net()
    net.router.add_route(parse_ip("203.0.113.0"), 24, parse_ip(A), None, 0, -1)
    net.a.sysctl.set("net.ipv4.ip_forward", 1)
    send(net.b, "203.0.113.9", ttl=20)
    settle(net.clock)
    [error] = net.upper_b.errors
    assert (error.type, error.code) == (11, 0)
    assert len([p for p in net.left.packets() if p.protocol == 253]) == 19


def test_own_packet_come_back_is_not_taken_round_again() -> None:
    net = Net()
    net.router.add_route(parse_ip("203.0.113.0"), 24, parse_ip(A), None, 0, -1)
    net.a.sysctl.set("net.ipv4.ip_forward", 1)
    send(net.a, "203.0.113.9", ttl=20)
    settle(net.clock)
    # There, back, and the router's word that it was the wrong way.
    assert [p.protocol for p in net.left.packets()] == [253, 1, 253]


def test_udp_port_unreachable_crosses_the_router_to_the_connected_socket() -> None:
    net = Net()
    socket = udp_socket(net.a)
    socket.connect(parse_ip(B), 9)
    assert socket.send(-1, 0, b"x", -1, 0, 0) == 0
    settle(net.clock)
    assert socket.take_error() == 111
