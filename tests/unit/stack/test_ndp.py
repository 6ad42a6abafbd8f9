"""Neighbour discovery."""

from __future__ import annotations

import pytest
from builders_stack import (
    MAC,
    PEER_MAC,
    Hub,
    Recorder,
    Upper,
    advertisement,
    frame,
    host_on,
    icmp_v6,
    learn_v6,
    lone_host,
    settle,
    solicitation,
    udp_socket_v6,
)

from fourtuple.clock.clock import SECOND, Clock
from fourtuple.stack.interface import Interface
from fourtuple.stack.neighbour import DELAY, FAILED, INCOMPLETE, PROBE, REACHABLE, STALE
from fourtuple.stack.stack import Stack
from fourtuple.wire.address import V6_ANY, parse_ip
from fourtuple.wire.ndp import NdOptions, NeighbourAdvertisement, NeighbourSolicitation, Redirect
from fourtuple.wire.packet import RawPayload

ME = "2001:db8::1"
PEER = "2001:db8::2"
LINK = "fe80::2"
GROUP_MAC = 0x3333_FF00_0002


def host() -> tuple[Stack, Interface, Recorder, Clock]:
    return lone_host(ME + "/64")


def send(stack: Stack, destination: str = PEER, size: int = 8) -> int:
    return stack.send(V6_ANY, parse_ip(destination), 253, RawPayload(b"z" * size), 0, 0, False, 0)


def state_of(stack: Stack, address: str = PEER) -> int:
    entry = stack.neighbours_v6.find(stack.interfaces[1], parse_ip(address))
    assert entry is not None
    return entry.current_state()


def test_first_address_brings_a_link_local_one_made_of_the_mac() -> None:
    _, interface, device, clock = host()
    assert interface.link_local() == parse_ip("fe80::ff:fe00:1")
    settle(clock)
    # A fixed address is not asked for, nor are routers.
    assert not device.frames


def test_unknown_neighbour_send_asks_its_group() -> None:
    stack, interface, device, _ = host()
    assert send(stack) == 0
    [asked] = device.take()
    assert asked.destination == GROUP_MAC
    packet = asked.payload
    [message] = [packet.payload] if hasattr(packet, "payload") else []
    assert isinstance(message, NeighbourSolicitation)
    assert message.target == parse_ip(PEER)
    assert message.options.source_link == interface.mac
    assert packet.source == parse_ip(ME)  # type: ignore[attr-defined]
    assert packet.destination == parse_ip("ff02::1:ff00:2")  # type: ignore[attr-defined]
    assert packet.ttl == 255  # type: ignore[attr-defined]
    assert state_of(stack) == INCOMPLETE


def test_answer_sends_what_waited() -> None:
    stack, interface, device, _ = host()
    send(stack, size=1)
    send(stack, size=2)
    device.take()
    interface.receive(frame(advertisement(PEER, ME)))
    assert [(f.destination, f.payload.wire_length()) for f in device.take()] == [
        (PEER_MAC, 41),
        (PEER_MAC, 42),
    ]
    assert state_of(stack) == REACHABLE


def test_no_answer_asks_three_times_then_reports_address_unreachable() -> None:
    stack, _, device, clock = host()
    upper = Upper()
    stack.register(253, upper)
    send(stack)
    settle(clock)
    assert len(device.messages_v6()) == 3
    assert state_of(stack) == FAILED
    [error] = upper.errors
    assert (error.type_v6, error.code_v6) == (1, 3)
    assert (error.type, error.code) == (3, 1)
    assert error.source == parse_ip(ME)


def test_stale_neighbour_is_probed_by_unicast() -> None:
    stack, interface, device, clock = host()
    learn_v6(interface, PEER)
    device.take()
    assert state_of(stack) == STALE
    send(stack)
    assert state_of(stack) == DELAY
    settle(clock, 5 * SECOND)
    assert state_of(stack) == PROBE
    [probe] = [m for m in device.messages_v6() if isinstance(m, NeighbourSolicitation)]
    assert device.frames[-1].destination == PEER_MAC
    # An answer to a unicast question need not tell the address.
    interface.receive(frame(advertisement(PEER, ME, link=-1)))
    assert state_of(stack) == REACHABLE
    assert probe.target == parse_ip(PEER)


def test_question_by_group_is_answered_with_the_address() -> None:
    stack, interface, device, _ = host()
    interface.receive(frame(solicitation(PEER, ME), 0x3333_FF00_0001))
    [packet] = device.packets_v6()
    answer = packet.payload
    assert isinstance(answer, NeighbourAdvertisement)
    assert (packet.source, packet.destination, packet.ttl) == (parse_ip(ME), parse_ip(PEER), 255)
    assert (answer.solicited, answer.override, answer.router) == (True, True, False)
    assert answer.options.target_link == interface.mac
    assert device.frames[0].destination == PEER_MAC
    assert state_of(stack) == STALE


def test_question_by_unicast_is_answered_without_the_address() -> None:
    _, interface, device, _ = host()
    interface.receive(frame(solicitation(PEER, ME, destination=ME)))
    [answer] = device.messages_v6()
    assert isinstance(answer, NeighbourAdvertisement)
    assert (answer.solicited, answer.override, answer.options.target_link) == (True, False, -1)


def test_check_whether_our_address_is_free_is_answered_to_all() -> None:
    stack, interface, device, _ = host()
    interface.receive(frame(solicitation("::", ME, link=-1), 0x3333_FF00_0001))
    [packet] = device.packets_v6()
    assert packet.destination == parse_ip("ff02::1")
    assert isinstance(packet.payload, NeighbourAdvertisement)
    assert (packet.payload.solicited, packet.payload.override) == (False, True)
    assert not stack.neighbours_v6.entries()


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(solicitation(PEER, ME, ttl=254), id="came through a router"),
        pytest.param(solicitation("::", ME), id="from nobody with an address"),
        pytest.param(solicitation("::", ME, link=-1, destination=ME), id="from nobody by unicast"),
        pytest.param(solicitation(PEER, "2001:db8::9"), id="about another"),
        pytest.param(solicitation(PEER, ME, link=GROUP_MAC), id="with a group's link address"),
        pytest.param(solicitation(ME, ME), id="from ourselves"),
        pytest.param(solicitation("ff02::1", ME), id="from a group"),
        pytest.param(advertisement(PEER, ME), id="answer nobody asked for"),
        pytest.param(advertisement("fe80::9", ME, ME), id="answer that our address is another's"),
    ],
)
def test_message_not_to_be_believed_leaves_no_trace(bad: object) -> None:
    stack, interface, device, clock = host()
    interface.receive(frame(bad, 0x3333_FF00_0001))  # type: ignore[arg-type]
    settle(clock)
    assert not device.frames
    assert not stack.neighbours_v6.entries()
    assert interface.owns(parse_ip(ME))


def test_solicited_answer_to_a_group_is_an_error() -> None:
    stack, interface, _, _ = host()
    send(stack)
    interface.receive(frame(advertisement(PEER, "ff02::1"), 0x3333_0000_0001))
    assert state_of(stack) == INCOMPLETE
    assert stack.counters.icmp6.in_errors == 1


def test_announcement_changes_a_known_address_and_makes_it_stale() -> None:
    stack, interface, device, _ = host()
    send(stack)
    interface.receive(frame(advertisement(PEER, ME)))
    other = MAC | 0xAA
    interface.receive(frame(advertisement(PEER, "ff02::1", link=other, solicited=False), 0x3333_0000_0001))
    entry = stack.neighbours_v6.find(interface, parse_ip(PEER))
    assert entry is not None
    assert (entry.mac, entry.current_state()) == (other, STALE)
    device.take()
    send(stack)
    assert device.take()[0].destination == other


def test_answer_without_override_only_raises_doubt() -> None:
    stack, interface, _, _ = host()
    send(stack)
    interface.receive(frame(advertisement(PEER, ME)))
    interface.receive(frame(advertisement(PEER, ME, link=MAC | 0xAA, override=False)))
    entry = stack.neighbours_v6.find(interface, parse_ip(PEER))
    assert entry is not None
    assert (entry.mac, entry.current_state()) == (PEER_MAC, STALE)


def test_redirect_is_counted_and_not_followed() -> None:
    stack, interface, _, _ = host()
    message = Redirect(parse_ip("fe80::9"), parse_ip("2001:db8:9::1"), NdOptions())
    interface.receive(frame(icmp_v6(LINK, ME, message)))
    assert stack.counters.icmp6.in_redirects == 1
    assert stack.route(parse_ip("2001:db8:9::1"), V6_ANY, 0) is None


def test_flood_of_questions_keeps_the_table_bounded() -> None:
    stack, interface, _, _ = host()
    for number in range(3000):
        interface.receive(frame(solicitation(f"2001:db8::{number + 0x100:x}", ME), 0x3333_FF00_0001))
    assert len(stack.neighbours_v6.entries()) == stack.sysctl.neigh6.gc_thresh3


@pytest.mark.parametrize("as_bytes", [False, True])
def test_two_hosts_resolve_both_ways(as_bytes: bool) -> None:
    clock = Clock()
    hub = Hub(clock, as_bytes)
    a = host_on(hub, "a", 1, ME + "/64")
    b = host_on(hub, "b", 2, PEER + "/64")
    first, second = udp_socket_v6(a, port=1000), udp_socket_v6(b, port=2000)
    assert first.send(parse_ip(PEER), 2000, b"ping", -1, 0, 0) == 0
    settle(clock, SECOND)
    got = second.receive(False)
    assert got is not None
    assert (got.data, got.source, got.destination) == (b"ping", parse_ip(ME), parse_ip(PEER))
    assert second.send(got.source, got.source_port, b"pong", -1, 0, 0) == 0
    settle(clock)
    back = first.receive(False)
    assert back is not None
    assert back.data == b"pong"
    assert not [p for p in hub.packets_v6() if isinstance(p.payload, NeighbourSolicitation)][2:]
