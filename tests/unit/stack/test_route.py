"""Routes, source addresses, and which interface a packet leaves by."""

from __future__ import annotations

import pytest
from builders_stack import Recorder, add_interface, default_route, lone_host, new_stack

from fourtuple.clock.clock import Clock
from fourtuple.stack.base import Route
from fourtuple.stack.stack import Stack
from fourtuple.wire.address import V4_ANY, format_ip, parse_ip
from fourtuple.wire.packet import RawPayload


def host() -> Stack:
    """eth0 10.0.0.1/24 and 10.0.0.7/24 and 10.5.0.1/16, eth1 10.0.1.1/25, eth2 192.0.2.1/24."""
    stack = new_stack(Clock())
    add_interface(stack, 1, Recorder(), "10.0.0.1/24", "10.0.0.7/24", "10.5.0.1/16")
    add_interface(stack, 2, Recorder(), "10.0.1.1/25")
    add_interface(stack, 3, Recorder(), "192.0.2.1/24", mtu=1400)
    return stack


def shown(route: Route | None) -> tuple[int, str, str] | None:
    """(ifindex, gateway or "-", source)"""
    if route is None:
        return None
    return route.ifindex, format_ip(route.gateway) if route.gateway >= 0 else "-", format_ip(route.source)


@pytest.mark.parametrize(
    ("destination", "expected"),
    [
        ("10.0.0.9", (2, "-", "10.0.0.1")),
        ("10.5.7.7", (2, "-", "10.5.0.1")),
        ("10.0.1.9", (3, "-", "10.0.1.1")),
        ("10.0.1.200", (2, "10.5.0.9", "10.5.0.1")),
        ("198.51.100.1", (4, "192.0.2.254", "192.0.2.1")),
        ("198.51.100.77", (3, "10.0.1.2", "10.0.0.7")),
        ("203.0.113.5", (2, "10.0.0.254", "10.0.0.1")),
        ("10.0.0.1", (1, "-", "10.0.0.1")),
        ("10.0.0.7", (1, "-", "10.0.0.1")),  # a secondary address: from the first of its subnet
        ("127.1.2.3", (1, "-", "127.0.0.1")),
        ("0.0.0.0", (1, "-", "127.0.0.1")),
        ("10.0.1.127", (3, "-", "10.0.1.1")),
        ("255.255.255.255", (2, "-", "10.0.0.1")),
        ("224.0.0.251", (2, "-", "10.0.0.1")),
    ],
)
def test_route_is_the_longest_prefix_then_the_lowest_metric(
    destination: str, expected: tuple[int, str, str]
) -> None:
    stack = host()
    default_route(stack, "10.0.0.254")
    stack.add_route(parse_ip("10.0.1.0"), 24, parse_ip("10.5.0.9"), None, 0, -1)
    stack.add_route(parse_ip("198.51.100.0"), 24, parse_ip("10.0.0.9"), None, 100, -1)
    stack.add_route(parse_ip("198.51.100.0"), 24, parse_ip("192.0.2.254"), None, 50, -1)
    stack.add_route(parse_ip("198.51.100.77"), 32, parse_ip("10.0.1.2"), None, 0, parse_ip("10.0.0.7"))
    for _ in range(2):  # worked out, then remembered
        assert shown(stack.route(parse_ip(destination), V4_ANY, 0)) == expected


def test_source_given_is_kept() -> None:
    route = host().route(parse_ip("10.0.0.9"), parse_ip("192.0.2.1"), 0)
    assert shown(route) == (2, "-", "192.0.2.1")


def test_no_route_is_none_and_send_says_network_unreachable() -> None:
    stack = host()
    assert stack.route(parse_ip("8.8.8.8"), V4_ANY, 0) is None
    assert stack.send(V4_ANY, parse_ip("8.8.8.8"), 253, RawPayload(b""), 0, 0, False, 0) == 101
    assert stack.counters.ip.out_no_routes == 1


@pytest.mark.parametrize(
    ("destination", "device", "expected"),
    [
        ("10.0.0.9", 2, (2, "-", "10.0.0.1")),
        ("10.0.0.9", 3, (3, "-", "10.0.1.1")),  # no route there: taken to be on the link
        ("8.8.8.8", 4, (4, "-", "192.0.2.1")),
        ("10.0.0.1", 2, (1, "-", "10.0.0.1")),
        ("10.0.0.1", 1, (1, "-", "10.0.0.1")),
        ("10.0.0.1", 3, (3, "-", "10.0.1.1")),
        ("255.255.255.255", 3, (3, "-", "10.0.1.1")),
        ("224.0.0.251", 4, (4, "-", "192.0.2.1")),
        ("10.0.0.9", 77, None),
    ],
)
def test_route_with_a_device(destination: str, device: int, expected: tuple[int, str, str] | None) -> None:
    assert shown(host().route(parse_ip(destination), V4_ANY, device)) == expected


@pytest.mark.parametrize("destination", ["255.255.255.255", "224.0.0.251"])
def test_group_leaves_by_the_interface_of_the_bound_source(destination: str) -> None:
    stack = host()
    assert stack.route(parse_ip(destination), V4_ANY, 0) is None
    route = stack.route(parse_ip(destination), parse_ip("192.0.2.1"), 0)
    assert shown(route) == (4, "-", "192.0.2.1")
    # That is not remembered for others.
    assert stack.route(parse_ip(destination), V4_ANY, 0) is None


def test_interface_down_its_routes_give_way_and_its_addresses_stay() -> None:
    stack = host()
    default_route(stack, "10.0.0.254")
    stack.add_route(V4_ANY, 0, parse_ip("192.0.2.254"), None, 100, -1)
    assert shown(stack.route(parse_ip("8.8.8.8"), V4_ANY, 0)) == (2, "10.0.0.254", "10.0.0.1")
    stack.set_up(stack.interfaces[1], False)
    assert shown(stack.route(parse_ip("8.8.8.8"), V4_ANY, 0)) == (4, "192.0.2.254", "192.0.2.1")
    assert shown(stack.route(parse_ip("10.0.0.1"), V4_ANY, 0)) == (1, "-", "10.0.0.1")
    assert stack.route(parse_ip("10.0.0.9"), V4_ANY, 2) is None
    stack.set_up(stack.interfaces[1], True)
    # The subnet's route comes back, what was configured does not.
    assert shown(stack.route(parse_ip("10.0.0.9"), V4_ANY, 0)) == (2, "-", "10.0.0.1")
    assert shown(stack.route(parse_ip("8.8.8.8"), V4_ANY, 0)) == (4, "192.0.2.254", "192.0.2.1")


def test_mtu_is_the_interfaces_and_follows_it() -> None:
    stack = host()
    address = parse_ip("192.0.2.9")
    route = stack.route(address, V4_ANY, 0)
    assert route is not None
    assert route.mtu == 1400
    stack.set_mtu(stack.interfaces[3], 600)
    route = stack.route(address, V4_ANY, 0)
    assert route is not None
    assert route.mtu == 600
    with pytest.raises(ValueError, match="68"):
        stack.set_mtu(stack.interfaces[3], 67)


def test_address_removed_is_no_longer_local_and_its_subnet_stays_while_another_is_on_it() -> None:
    stack = host()
    stack.remove_address(stack.interfaces[1], parse_ip("10.0.0.1"))
    assert not stack.is_local(parse_ip("10.0.0.1"))
    assert shown(stack.route(parse_ip("10.0.0.9"), V4_ANY, 0)) == (2, "-", "10.0.0.7")
    stack.remove_address(stack.interfaces[1], parse_ip("10.0.0.7"))
    assert stack.route(parse_ip("10.0.0.9"), V4_ANY, 0) is None
    with pytest.raises(ValueError, match=r"10\.0\.0\.7"):
        stack.remove_address(stack.interfaces[1], parse_ip("10.0.0.7"))


def test_route_removed_is_not_used_even_if_remembered() -> None:
    stack = host()
    entry = stack.add_route(V4_ANY, 0, parse_ip("10.0.0.254"), None, 0, -1)
    assert stack.route(parse_ip("8.8.8.8"), V4_ANY, 0) is not None
    stack.remove_route(entry)
    assert stack.route(parse_ip("8.8.8.8"), V4_ANY, 0) is None


def test_wrong_routes_and_addresses_are_refused_by_name() -> None:
    stack = host()
    default_route(stack, "10.0.0.254")
    with pytest.raises(ValueError, match="already"):
        default_route(stack, "10.0.0.253")
    with pytest.raises(ValueError, match=r"8\.8\.8\.8"):
        stack.add_route(parse_ip("9.0.0.0"), 8, parse_ip("8.8.8.8"), None, 0, -1)
    with pytest.raises(ValueError, match="behind the prefix"):
        stack.add_route(parse_ip("9.0.0.1"), 8, parse_ip("10.0.0.9"), None, 0, -1)
    with pytest.raises(ValueError, match="0 to 32"):
        stack.add_address(stack.interfaces[1], parse_ip("10.9.0.1"), 33)
    with pytest.raises(ValueError, match="already"):
        stack.add_address(stack.interfaces[1], parse_ip("10.0.0.1"), 24)
    with pytest.raises(ValueError, match="eth0"):
        stack.add_interface("eth0", 1, 1500, None)


def test_scan_of_many_destinations_takes_bounded_room() -> None:
    stack, _, _, _ = lone_host("10.0.0.1/8")
    default_route(stack, "10.0.0.254")
    for number in range(10_000):
        stack.route(parse_ip(f"11.{number >> 8}.{number & 255}.1"), V4_ANY, 0)
    assert len(stack.paths.known) <= 4096


def test_point_to_point_subnets_have_no_broadcast() -> None:
    stack = new_stack(Clock())
    add_interface(stack, 1, None, "10.0.0.0/31", "10.9.0.1/32")
    assert not stack.is_broadcast(parse_ip("10.0.0.1"))
    assert not stack.is_broadcast(parse_ip("10.9.0.1"))
    assert shown(stack.route(parse_ip("10.0.0.1"), V4_ANY, 0)) == (2, "-", "10.0.0.0")


def test_two_interfaces_on_one_subnet_the_first_is_used_until_it_is_down() -> None:
    stack = new_stack(Clock())
    add_interface(stack, 1, None, "10.0.0.1/24")
    add_interface(stack, 2, None, "10.0.0.2/24")
    assert shown(stack.route(parse_ip("10.0.0.9"), V4_ANY, 0)) == (2, "-", "10.0.0.1")
    stack.set_up(stack.interfaces[1], False)
    assert shown(stack.route(parse_ip("10.0.0.9"), V4_ANY, 0)) == (3, "-", "10.0.0.2")
