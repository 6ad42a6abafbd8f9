"""An interface that goes down and comes up again: what is left was observed on Linux 6.18."""

from __future__ import annotations

from builders_stack import Recorder, add_interface, lone_host, new_stack, settle

from fourtuple.clock.clock import SECOND, Clock
from fourtuple.stack.stack import Stack
from fourtuple.wire.address import V6_LOOPBACK, format_ip, parse_ip

LINK_LOCAL = "fe80::ff:fe00:1"


def addresses(stack: Stack) -> list[str]:
    return [format_ip(own) for own, _ in stack.interfaces[1].addresses]


def routes(stack: Stack) -> list[str]:
    return [f"{format_ip(entry.prefix)}/{entry.length}" for entry in stack.routes.entries()]


def configured() -> Stack:
    stack, interface, _, _ = lone_host("10.0.0.1/24", "fd00::1/64")
    stack.add_route(parse_ip("192.0.2.0"), 24, parse_ip("10.0.0.9"), interface, 0, -1)
    stack.add_route(parse_ip("2001:db8::"), 32, parse_ip("fd00::9"), interface, 1024, -1)
    return stack


def test_interface_down_keeps_ipv4_addresses_alone_and_no_route() -> None:
    stack = configured()
    assert len(routes(stack)) == 5
    stack.set_up(stack.interfaces[1], False)
    assert addresses(stack) == ["10.0.0.1"]
    assert routes(stack) == []
    assert stack.is_local(parse_ip("10.0.0.1"))
    assert not stack.is_local(parse_ip("fd00::1"))


def test_interface_up_again_has_its_subnets_and_a_link_local_address() -> None:
    stack = configured()
    for up in (False, False, True, True):
        stack.set_up(stack.interfaces[1], up)
    assert addresses(stack) == ["10.0.0.1", LINK_LOCAL]
    assert routes(stack) == ["10.0.0.0/24", "fe80::/64"]


def test_addresses_are_kept_where_the_setting_says_so() -> None:
    stack = configured()
    stack.sysctl.set("net.ipv6.conf.all.keep_addr_on_down", "1")
    stack.set_up(stack.interfaces[1], False)
    assert addresses(stack) == ["10.0.0.1", "fd00::1"]
    assert routes(stack) == []
    stack.set_up(stack.interfaces[1], True)
    assert sorted(addresses(stack)) == ["10.0.0.1", "fd00::1", LINK_LOCAL]
    assert sorted(routes(stack)) == ["10.0.0.0/24", "fd00::/64", "fe80::/64"]


def test_autoconfigured_interface_begins_anew() -> None:
    clock = Clock()
    stack = new_stack(clock)
    device = Recorder()
    interface = add_interface(stack, 1, device)
    stack.autoconfigure(interface)
    settle(clock, clock.now + 3 * SECOND)
    stack.set_up(interface, False)
    assert addresses(stack) == []
    device.take()
    settle(clock, clock.now + 20 * SECOND)
    assert not device.frames
    stack.set_up(interface, True)
    assert addresses(stack) == []
    settle(clock, clock.now + 3 * SECOND)
    assert addresses(stack) == [LINK_LOCAL]
    assert device.frames


def test_loopback_loses_and_regains_its_ipv6_address() -> None:
    stack = new_stack(Clock())
    loopback = stack.interfaces[0]
    stack.set_up(loopback, False)
    assert not stack.is_local(V6_LOOPBACK)
    stack.set_up(loopback, True)
    assert stack.is_local(V6_LOOPBACK)
