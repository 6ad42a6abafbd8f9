"""Choosing an IPv6 source address: the examples of RFC 6724 §10.1 and what Linux adds."""

from __future__ import annotations

import pytest
from builders_stack import add_interface, new_stack

from fourtuple.clock.clock import Clock
from fourtuple.stack.source_v6 import choose_source, label_of, scope_of
from fourtuple.wire.address import V6_ANY, format_ip, parse_ip


def chosen(destination: str, first: list[str], second: list[str] | None = None, old: str = "") -> str:
    """Source for a packet that leaves by an interface with the addresses ``first``."""
    stack = new_stack(Clock())
    outgoing = add_interface(stack, 1, None)
    other = add_interface(stack, 2, None)
    outgoing.addresses = [(parse_ip(text), 64) for text in first]
    other.addresses = [(parse_ip(text), 64) for text in second or []]
    stack.local.rebuild(stack.interfaces)
    if old:
        stack.local.deprecated_at[parse_ip(old)] = 0
    return format_ip(choose_source(parse_ip(destination), outgoing, stack.interfaces, stack.local, 0))


@pytest.mark.parametrize(
    ("destination", "candidates", "expected"),
    [
        ("2001:db8:1::1", ["2001:db8:3::1", "fe80::1"], "2001:db8:3::1"),
        ("ff05::1", ["2001:db8:3::1", "fe80::1"], "2001:db8:3::1"),
        ("2001:db8:1::1", ["2001:db8:1::1", "2001:db8:2::1"], "2001:db8:1::1"),
        ("fe80::1", ["fe80::2", "2001:db8:1::1"], "fe80::2"),
        ("2001:db8:1::1", ["2001:db8:1::2", "2001:db8:3::2"], "2001:db8:1::2"),
        ("2001:db8:1::1", ["2001:db8:3::2", "2001:db8:1::2"], "2001:db8:1::2"),
        (
            "2002:c633:6401::1",
            ["2002:c633:6401::d5e3:7953:13eb:22e8", "2001:db8:1::2"],
            "2002:c633:6401:0:d5e3:7953:13eb:22e8",
        ),
        ("2002:c633:6401::d5e3:0:0:1", ["2001:db8::2", "2002:c633:6401::1"], "2002:c633:6401::1"),
        ("fc00::9", ["2001:db8::2", "fd00::2"], "fd00::2"),
        ("2001:db8::9", ["fe80::2"], "fe80::2"),
        ("2001:db8::9", [], "::"),
    ],
)
def test_choice_among_the_outgoing_interfaces_addresses(
    destination: str, candidates: list[str], expected: str
) -> None:
    assert chosen(destination, candidates) == expected


def test_deprecated_address_is_second_choice() -> None:
    assert chosen("2001:db8:1::1", ["2001:db8:1::2", "2001:db8:3::2"], old="2001:db8:1::2") == "2001:db8:3::2"


def test_outgoing_interface_comes_before_a_longer_prefix_elsewhere() -> None:
    assert chosen("2001:db8:1::1", ["2001:db8:3::2"], ["2001:db8:1::2"]) == "2001:db8:3::2"


def test_another_interface_serves_if_the_outgoing_has_none_wide_enough() -> None:
    assert chosen("2001:db8:1::1", ["fe80::1"], ["2001:db8:3::2"]) == "2001:db8:3::2"


@pytest.mark.parametrize("destination", ["fe80::9", "ff02::1"])
def test_link_local_and_groups_take_addresses_of_their_link_only(destination: str) -> None:
    assert chosen(destination, [], ["fe80::1", "2001:db8::1"]) == "::"


@pytest.mark.parametrize(
    ("address", "scope", "label"),
    [
        ("::1", 2, 0),
        ("fe80::1", 2, 1),
        ("2001:db8::1", 14, 1),
        ("2002::1", 14, 2),
        ("2001::1", 14, 6),
        ("2001:10::1", 14, 7),
        ("fd00::1", 14, 5),
        ("fec0::1", 5, 1),
        ("::1.2.3.4", 14, 3),
        ("ff01::1", 1, 1),
        ("ff02::1", 2, 1),
        ("ff0e::1", 14, 1),
    ],
)
def test_scope_and_label(address: str, scope: int, label: int) -> None:
    assert (scope_of(parse_ip(address)), label_of(parse_ip(address))) == (scope, label)


def test_route_to_a_link_local_neighbour_follows_the_source() -> None:
    stack = new_stack(Clock())
    add_interface(stack, 1, None, "2001:db8:1::1/64")
    second = add_interface(stack, 2, None, "2001:db8:2::1/64")
    peer = parse_ip("fe80::9")
    any_link = stack.route(peer, V6_ANY, 0)
    assert any_link is not None
    assert any_link.ifindex == 2
    by_source = stack.route(peer, second.link_local(), 0)
    assert by_source is not None
    assert by_source.ifindex == second.ifindex
    again = stack.route(peer, V6_ANY, 0)
    assert again is not None
    assert again.ifindex == 2
    scoped = stack.route(peer, V6_ANY, second.ifindex)
    assert scoped is not None
    assert (scoped.ifindex, scoped.source) == (second.ifindex, second.link_local())


def test_no_route_is_none_and_a_down_link_has_none() -> None:
    stack = new_stack(Clock())
    interface = add_interface(stack, 1, None, "2001:db8:1::1/64")
    assert stack.route(parse_ip("2001:db8:9::1"), V6_ANY, 0) is None
    assert stack.route(parse_ip("2001:db8:9::1"), V6_ANY, interface.ifindex) is None
    stack.set_up(interface, False)
    assert stack.route(parse_ip("2001:db8:1::9"), V6_ANY, 0) is None
    assert stack.route(parse_ip("ff02::1"), V6_ANY, 0) is None
