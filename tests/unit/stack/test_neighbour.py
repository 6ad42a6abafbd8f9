"""The neighbour cache and ARP."""

from __future__ import annotations

import pytest
from builders_stack import (
    FOREVER,
    MAC,
    PEER_MAC,
    Hub,
    Upper,
    arp_reply,
    arp_request,
    frame,
    host_on,
    learn,
    lone_host,
    packet,
    settle,
    udp_socket,
)

from fourtuple.clock.clock import SECOND, Clock
from fourtuple.stack.neighbour import DELAY, FAILED, INCOMPLETE, PROBE, REACHABLE, STALE
from fourtuple.stack.stack import Stack
from fourtuple.wire.address import MAC_BROADCAST, V4_ANY, parse_ip
from fourtuple.wire.arp import ARP_REPLY, ARP_REQUEST, ArpPacket
from fourtuple.wire.packet import RawPayload

ME = "10.0.0.1"
PEER = "10.0.0.2"


def send(stack: Stack, destination: str, size: int = 8) -> int:
    return stack.send(V4_ANY, parse_ip(destination), 253, RawPayload(b"z" * size), 0, 0, False, 0)


def state_of(stack: Stack, address: str = PEER) -> int:
    entry = stack.neighbours.find(stack.interfaces[1], parse_ip(address))
    assert entry is not None
    return entry.current_state()


def test_unknown_neighbour_send_asks_by_broadcast() -> None:
    stack, interface, device, _ = lone_host()
    assert send(stack, PEER) == 0
    [asked] = device.take()
    assert asked.destination == MAC_BROADCAST
    assert asked.source == interface.mac
    assert isinstance(asked.payload, ArpPacket)
    assert asked.payload.operation == ARP_REQUEST
    assert asked.payload.sender_ip == parse_ip(ME)
    assert asked.payload.target_ip == parse_ip(PEER)
    assert asked.payload.target_mac == 0
    assert state_of(stack) == INCOMPLETE


def test_incomplete_reply_sends_what_waited_in_order() -> None:
    stack, interface, device, _ = lone_host()
    for size in (1, 2, 3):
        send(stack, PEER, size)
    device.take()
    interface.receive(arp_reply(PEER, ME))
    sent = device.take()
    assert [f.destination for f in sent] == [PEER_MAC] * 3
    assert [f.payload.wire_length() - 20 for f in sent] == [1, 2, 3]
    assert state_of(stack) == REACHABLE


def test_incomplete_no_answer_asks_three_times_then_reports_host_unreachable() -> None:
    stack, _, device, clock = lone_host()
    upper = Upper()
    stack.register(253, upper)
    send(stack, PEER)
    settle(clock)
    assert len(device.arps()) == 3
    assert state_of(stack) == FAILED
    [error] = upper.errors
    assert (error.type, error.code) == (3, 1)
    assert error.destination == parse_ip(PEER)
    assert error.source == parse_ip(ME)
    # Asked at 0, 1 and 2 s, given up at 3 s; the report takes the loopback.
    assert 3 * SECOND < clock.now < 3 * SECOND + SECOND // 1000


def test_failed_next_packet_asks_again() -> None:
    stack, interface, device, clock = lone_host()
    send(stack, PEER)
    settle(clock)
    device.take()
    send(stack, PEER)
    assert len(device.arps()) == 1
    interface.receive(arp_reply(PEER, ME))
    assert len(device.packets()) == 1


def test_incomplete_queue_over_its_bytes_drops_the_oldest() -> None:
    stack, interface, device, _ = lone_host()
    stack.sysctl.set("net.ipv4.neigh.default.unres_qlen_bytes", 768 * 3)
    for size in range(1, 6):
        send(stack, PEER, size)
    assert stack.neighbours.unresolved_discards == 2
    device.take()
    interface.receive(arp_reply(PEER, ME))
    assert [p.wire_length() - 20 for p in device.packets()] == [3, 4, 5]


def test_reachable_send_goes_at_once() -> None:
    stack, interface, device, _ = lone_host()
    send(stack, PEER)
    interface.receive(arp_reply(PEER, ME))
    device.take()
    send(stack, PEER)
    [sent] = device.take()
    assert sent.destination == PEER_MAC


def test_reachable_aged_send_goes_and_probes_five_seconds_later() -> None:
    stack, interface, device, clock = lone_host()
    send(stack, PEER)
    interface.receive(arp_reply(PEER, ME))
    settle(clock, 46 * SECOND)
    assert state_of(stack) == STALE
    device.take()
    send(stack, PEER)
    assert state_of(stack) == DELAY
    assert len(device.take()) == 1
    settle(clock, 50 * SECOND)
    assert not device.take()
    settle(clock, 51 * SECOND)
    [probe] = device.take()
    assert isinstance(probe.payload, ArpPacket)
    assert probe.destination == PEER_MAC
    assert state_of(stack) == PROBE
    interface.receive(arp_reply(PEER, ME))
    assert state_of(stack) == REACHABLE


def test_probe_unanswered_thrice_fails() -> None:
    stack, interface, device, clock = lone_host()
    learn(interface, PEER)
    device.take()
    send(stack, PEER)
    settle(clock)
    probes = [f for f in device.take() if isinstance(f.payload, ArpPacket)]
    assert [f.destination for f in probes] == [PEER_MAC] * 3
    assert clock.now == 8 * SECOND
    assert state_of(stack) == FAILED


def test_delay_confirmed_from_above_stays_reachable_without_a_probe() -> None:
    stack, interface, device, clock = lone_host()
    learn(interface, PEER)
    send(stack, PEER)
    device.take()
    settle(clock, 2 * SECOND)
    stack.confirm(parse_ip(PEER))
    settle(clock)
    assert not device.take()
    assert state_of(stack) == REACHABLE


def test_probe_send_still_goes_at_once() -> None:
    stack, interface, device, clock = lone_host()
    learn(interface, PEER)
    send(stack, PEER)
    settle(clock, 5 * SECOND)
    assert state_of(stack) == PROBE
    device.take()
    send(stack, PEER)
    assert len(device.packets()) == 1


def test_request_for_own_address_is_answered_and_its_sender_remembered() -> None:
    stack, interface, device, _ = lone_host()
    interface.receive(arp_request(PEER, ME))
    [reply] = device.take()
    assert reply.destination == PEER_MAC
    assert isinstance(reply.payload, ArpPacket)
    assert reply.payload.operation == ARP_REPLY
    assert reply.payload.sender_mac == interface.mac
    assert (reply.payload.sender_ip, reply.payload.target_ip) == (parse_ip(ME), parse_ip(PEER))
    assert state_of(stack) == STALE


@pytest.mark.parametrize(
    ("sender", "target"),
    [
        (PEER, "10.0.0.9"),
        (PEER, "127.0.0.1"),
        (PEER, "224.0.0.1"),
        ("224.0.0.1", ME),
        ("10.0.0.255", ME),
        (ME, ME),
        ("127.0.0.1", ME),
    ],
)
def test_request_not_to_be_answered_leaves_no_trace(sender: str, target: str) -> None:
    stack, interface, device, _ = lone_host()
    interface.receive(arp_request(sender, target))
    assert not device.take()
    assert not stack.neighbours.entries()


def test_request_of_unconfigured_host_is_answered_without_an_entry() -> None:
    stack, interface, device, _ = lone_host()
    interface.receive(arp_request("0.0.0.0", ME))
    [reply] = device.arps()
    assert reply.target_ip == V4_ANY
    assert not stack.neighbours.entries()


def test_request_for_an_address_of_another_interface_is_answered() -> None:
    stack, interface, device, _ = lone_host()
    stack.add_address(stack.interfaces[0], parse_ip("192.168.7.7"), 32)
    interface.receive(arp_request(PEER, "192.168.7.7"))
    [reply] = device.arps()
    assert reply.sender_mac == interface.mac


def test_unasked_reply_makes_no_entry() -> None:
    stack, interface, _, _ = lone_host()
    interface.receive(arp_reply(PEER, ME))
    assert not stack.neighbours.entries()


def test_known_neighbour_gratuitous_announcement_changes_its_mac() -> None:
    stack, interface, device, _ = lone_host()
    learn(interface, PEER)
    interface.receive(arp_request(PEER, PEER, mac=MAC | 0xAA))
    entry = stack.neighbours.find(interface, parse_ip(PEER))
    assert entry is not None
    assert entry.mac == MAC | 0xAA
    device.take()
    send(stack, PEER)
    assert device.take()[0].destination == MAC | 0xAA


def test_reachable_second_answer_within_a_second_is_ignored() -> None:
    stack, interface, _, clock = lone_host()
    send(stack, PEER)
    interface.receive(arp_reply(PEER, ME))
    interface.receive(arp_reply(PEER, ME, mac=MAC | 0xAA))
    entry = stack.neighbours.find(interface, parse_ip(PEER))
    assert entry is not None
    assert entry.mac == PEER_MAC
    settle(clock, 2 * SECOND)
    interface.receive(arp_reply(PEER, ME, mac=MAC | 0xAA))
    assert entry.mac == MAC | 0xAA


def test_reply_with_a_group_mac_is_not_believed() -> None:
    stack, interface, _, _ = lone_host()
    send(stack, PEER)
    interface.receive(arp_reply(PEER, ME, mac=MAC_BROADCAST))
    assert state_of(stack) == INCOMPLETE


def test_flood_of_requests_keeps_the_table_bounded_and_the_neighbour_in_use() -> None:
    stack, interface, device, clock = lone_host("10.0.0.1/8")
    send(stack, PEER)
    interface.receive(arp_reply(PEER, ME))
    settle(clock, SECOND)
    for number in range(3000):
        address = f"10.1.{number >> 8}.{number & 255}"
        interface.receive(arp_request(address, ME, mac=MAC | 0xF0_0000 | number))
    limit = stack.sysctl.neigh4.gc_thresh3
    assert len(stack.neighbours.entries()) == limit
    assert stack.neighbours.table_fulls == 3000 - (limit - 1)
    device.take()
    send(stack, PEER)
    assert device.take()[0].destination == PEER_MAC
    # Later the flood's entries make room.
    settle(clock, 10 * SECOND)
    assert send(stack, "10.2.0.1") == 0
    assert len(stack.neighbours.entries()) < limit


def test_full_table_new_destination_is_refused() -> None:
    stack, _, _, _ = lone_host("10.0.0.1/8")
    stack.sysctl.set("net.ipv4.neigh.default.gc_thresh3", 2)
    send(stack, "10.0.0.2")
    send(stack, "10.0.0.3")
    assert send(stack, "10.0.0.4") == 105
    assert stack.counters.ip.out_discards == 1


def test_evicted_neighbour_is_resolved_again_by_who_held_it() -> None:
    stack, interface, device, clock = lone_host()
    learn(interface, PEER)
    send(stack, PEER)
    stack.set_up(interface, False)
    stack.set_up(interface, True)
    device.take()
    send(stack, PEER)
    assert len(device.arps()) == 1
    settle(clock)


def test_interface_down_nothing_waits_nor_is_sent() -> None:
    stack, interface, device, clock = lone_host()
    send(stack, PEER)
    device.take()
    stack.set_up(interface, False)
    assert send(stack, PEER) == 101
    settle(clock)
    assert not device.frames
    interface.receive(arp_request(PEER, ME))
    assert not device.frames


def test_two_hosts_udp_resolves_both_ways_with_one_exchange() -> None:
    clock = Clock()
    hub = Hub(clock)
    a = host_on(hub, "a", 1, "10.0.0.1/24")
    b = host_on(hub, "b", 2, "10.0.0.2/24")
    first, second = udp_socket(a, port=1000), udp_socket(b, port=2000)
    assert first.send(parse_ip("10.0.0.2"), 2000, b"ping", -1, 0, 0) == 0
    settle(clock, SECOND)
    assert second.send(parse_ip("10.0.0.1"), 1000, b"pong", -1, 0, 0) == 0
    settle(clock, 2 * SECOND)
    assert first.receive(False) is not None
    # b learnt a from its question, so nobody had to ask for a.
    assert len(hub.arps()) == 2


def test_frame_for_another_mac_is_ignored() -> None:
    stack, interface, _, _ = lone_host()
    upper = Upper()
    stack.register(253, upper)
    interface.receive(frame(packet(PEER, ME), destination=MAC | 9))
    assert not upper.packets
    assert interface.rx_other_host == 1


def test_clock_holds_no_timer_of_an_idle_reachable_neighbour() -> None:
    stack, interface, _, clock = lone_host()
    send(stack, PEER)
    interface.receive(arp_reply(PEER, ME))
    settle(clock)
    assert clock.pending() == 0
    assert clock.now <= SECOND
    assert clock.now < FOREVER
