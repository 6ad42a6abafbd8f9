"""Duplicate address detection, router solicitation and stateless autoconfiguration."""

from __future__ import annotations

from builders_stack import (
    PEER_MAC,
    Hub,
    Recorder,
    add_interface,
    advertisement,
    frame,
    host_on,
    icmp_v6,
    new_stack,
    settle,
    solicitation,
    udp_socket_v6,
)

from fourtuple.clock.clock import SECOND, Clock
from fourtuple.stack.interface import Interface
from fourtuple.stack.stack import Stack
from fourtuple.wire.address import V6_ANY, parse_ip
from fourtuple.wire.ipv6 import Ipv6Packet
from fourtuple.wire.ndp import (
    NdOptions,
    NeighbourSolicitation,
    PrefixInformation,
    RouterAdvertisement,
    RouterSolicitation,
)

LINK = "fe80::ff:fe00:1"
GLOBAL = "2001:db8:5::ff:fe00:1"
ROUTER = "fe80::99"


def host() -> tuple[Stack, Interface, Recorder, Clock]:
    clock = Clock()
    stack = new_stack(clock)
    device = Recorder()
    interface = add_interface(stack, 1, device)
    stack.autoconfigure(interface)
    return stack, interface, device, clock


def prefix(
    text: str = "2001:db8:5::",
    length: int = 64,
    on_link: bool = True,
    autonomous: bool = True,
    valid: int = 86400,
    preferred: int = 14400,
) -> PrefixInformation:
    return PrefixInformation(parse_ip(text), length, on_link, autonomous, valid, preferred)


def advertised(
    *prefixes: PrefixInformation, lifetime: int = 1800, mtu: int = -1, hops: int = 0, source: str = ROUTER
) -> Ipv6Packet:
    options = NdOptions()
    options.source_link = PEER_MAC
    options.prefixes = list(prefixes)
    options.mtu = mtu
    message = RouterAdvertisement(lifetime, options)
    message.hop_limit = hops
    return icmp_v6(source, "ff02::1", message)


def receive(interface: Interface, packet: Ipv6Packet) -> None:
    interface.receive(frame(packet, 0x3333_0000_0001))


def test_link_local_address_is_checked_before_it_is_used() -> None:
    stack, interface, device, clock = host()
    settle(clock, SECOND)
    [packet] = device.packets_v6()
    assert isinstance(packet.payload, NeighbourSolicitation)
    assert packet.payload.target == parse_ip(LINK)
    assert (packet.source, packet.destination) == (V6_ANY, parse_ip("ff02::1:ff00:1"))
    assert packet.payload.options.source_link == -1
    assert not interface.owns(parse_ip(LINK))
    assert stack.autoconf.tentative() == [(2, parse_ip(LINK))]
    settle(clock, 2 * SECOND)
    assert interface.owns(parse_ip(LINK))
    assert stack.autoconf.tentative() == []


def test_tentative_address_nobody_is_told_of_it() -> None:
    stack, interface, device, clock = host()
    settle(clock, SECOND // 2)
    device.take()
    interface.receive(frame(solicitation("fe80::2", LINK), 0x3333_FF00_0001))
    assert not [p for p in device.packets_v6() if p.destination == parse_ip("fe80::2")]
    assert not stack.is_local(parse_ip(LINK))


def test_address_another_has_is_given_up() -> None:
    stack, interface, _, clock = host()
    settle(clock, SECOND)
    receive(interface, advertisement("fe80::7", "ff02::1", LINK, solicited=False))
    settle(clock)
    assert not interface.owns(parse_ip(LINK))
    assert stack.autoconf.failed == [(2, parse_ip(LINK))]


def test_address_another_checks_at_the_same_time_is_given_up() -> None:
    stack, interface, _, clock = host()
    interface.receive(frame(solicitation("::", LINK, link=-1), 0x3333_FF00_0001))
    settle(clock)
    assert stack.autoconf.failed == [(2, parse_ip(LINK))]


def test_two_hosts_of_one_mac_both_find_out() -> None:
    clock = Clock()
    hub = Hub(clock)
    stacks = []
    for name in ("a", "b"):
        stack = new_stack(clock, name)
        hub.attach(add_interface(stack, 7, None))
        stack.autoconfigure(stack.interfaces[1])
        stacks.append(stack)
    settle(clock)
    assert sum(len(stack.autoconf.failed) for stack in stacks) >= 1
    assert sum(stack.interfaces[1].link_local() >= 0 for stack in stacks) <= 1


def test_no_dad_transmits_uses_the_address_at_once() -> None:
    clock = Clock()
    stack = new_stack(clock)
    stack.sysctl.set("net.ipv6.conf.all.dad_transmits", 0)
    interface = add_interface(stack, 1, Recorder())
    stack.autoconfigure(interface)
    assert interface.owns(parse_ip(LINK))


def test_routers_are_asked_for_three_times() -> None:
    _, _, device, clock = host()
    settle(clock)
    asked = [p for p in device.packets_v6() if isinstance(p.payload, RouterSolicitation)]
    assert [p.destination for p in asked] == [parse_ip("ff02::2")] * 3
    assert {p.source for p in asked} == {parse_ip(LINK)}
    assert 9 * SECOND < clock.now < 12 * SECOND


def test_answer_ends_the_asking() -> None:
    _, interface, device, clock = host()
    settle(clock, 3 * SECOND)
    receive(interface, advertised())
    settle(clock)
    assert len([m for m in device.messages_v6() if isinstance(m, RouterSolicitation)]) == 1


def test_advertisement_brings_address_routes_mtu_and_hop_limit() -> None:
    stack, interface, device, clock = host()
    settle(clock, 3 * SECOND)
    receive(interface, advertised(prefix(), mtu=1400, hops=33))
    settle(clock, 6 * SECOND)
    assert interface.owns(parse_ip(GLOBAL))
    on_link = stack.route(parse_ip("2001:db8:5::77"), V6_ANY, 0)
    assert on_link is not None
    assert (on_link.gateway, on_link.source, on_link.mtu) == (-1, parse_ip(GLOBAL), 1400)
    far = stack.route(parse_ip("2001:db8:9::1"), V6_ANY, 0)
    assert far is not None
    assert (far.gateway, far.source) == (parse_ip(ROUTER), parse_ip(GLOBAL))
    device.take()
    udp_socket_v6(stack).send(parse_ip("2001:db8:9::1"), 9, b"x", -1, 0, 0)
    # The router's link address came with the advertisement.
    [sent] = device.take()
    assert sent.destination == PEER_MAC
    assert isinstance(sent.payload, Ipv6Packet)
    assert sent.payload.ttl == 33


def test_router_gone_after_its_lifetime() -> None:
    stack, interface, _, clock = host()
    settle(clock, 3 * SECOND)
    receive(interface, advertised(prefix(), lifetime=60))
    far = parse_ip("2001:db8:9::1")
    settle(clock, 62 * SECOND)
    assert stack.route(far, V6_ANY, 0) is not None
    settle(clock, 63 * SECOND)
    assert stack.route(far, V6_ANY, 0) is None


def test_router_that_resigns_is_dropped_at_once() -> None:
    stack, interface, _, clock = host()
    settle(clock, 3 * SECOND)
    receive(interface, advertised(prefix()))
    receive(interface, advertised(lifetime=0))
    assert stack.route(parse_ip("2001:db8:9::1"), V6_ANY, 0) is None


def test_second_router_takes_over() -> None:
    stack, interface, _, clock = host()
    settle(clock, 3 * SECOND)
    receive(interface, advertised())
    receive(interface, advertised(source="fe80::98"))
    far = parse_ip("2001:db8:9::1")
    first = stack.route(far, V6_ANY, 0)
    assert first is not None
    assert first.gateway == parse_ip(ROUTER)
    receive(interface, advertised(lifetime=0))
    second = stack.route(far, V6_ANY, 0)
    assert second is not None
    assert second.gateway == parse_ip("fe80::98")


def test_address_deprecated_after_its_preferred_and_gone_after_its_valid_lifetime() -> None:
    stack, interface, _, clock = host()
    settle(clock, 3 * SECOND)
    receive(interface, advertised(prefix(valid=100, preferred=50)))
    settle(clock, 6 * SECOND)
    stack.add_address(interface, parse_ip("2001:db8:5::77"), 64)
    far = parse_ip("2001:db8:9::1")
    route = stack.route(far, V6_ANY, 0)
    assert route is not None
    assert route.source == parse_ip(GLOBAL)
    settle(clock, 60 * SECOND)
    stack.paths.flush()
    route = stack.route(far, V6_ANY, 0)
    assert route is not None
    assert route.source == parse_ip("2001:db8:5::77")
    assert interface.owns(parse_ip(GLOBAL))
    settle(clock, 104 * SECOND)
    assert not interface.owns(parse_ip(GLOBAL))


def test_forged_short_lifetime_leaves_two_hours() -> None:
    _, interface, _, clock = host()
    settle(clock, 3 * SECOND)
    receive(interface, advertised(prefix()))
    receive(interface, advertised(prefix(valid=1, preferred=0)))
    settle(clock, 7200 * SECOND)
    assert interface.owns(parse_ip(GLOBAL))
    settle(clock, 7204 * SECOND)
    assert not interface.owns(parse_ip(GLOBAL))


def test_advertisements_not_to_be_believed() -> None:
    stack, interface, _, clock = host()
    settle(clock, 3 * SECOND)
    receive(interface, advertised(prefix(), source="2001:db8::9"))
    far_away = advertised(prefix())
    far_away.ttl = 64
    receive(interface, far_away)
    receive(
        interface, advertised(prefix(length=48), prefix("fe80::"), prefix(valid=10, preferred=20), lifetime=0)
    )
    settle(clock, 9 * SECOND)
    assert [address for address, _ in interface.addresses] == [parse_ip(LINK)]
    assert stack.route(parse_ip("2001:db8:9::1"), V6_ANY, 0) is None


def test_settings_refuse_advertisements() -> None:
    for name, value in (("accept_ra", 0), ("forwarding", 1)):
        stack, interface, device, clock = host()
        stack.sysctl.set(f"net.ipv6.conf.all.{name}", value)
        settle(clock)
        receive(interface, advertised(prefix()))
        assert stack.route(parse_ip("2001:db8:9::1"), V6_ANY, 0) is None
        assert not [m for m in device.messages_v6() if isinstance(m, RouterSolicitation)]


def test_autoconf_off_takes_the_route_but_no_address() -> None:
    stack, interface, _, clock = host()
    stack.sysctl.set("net.ipv6.conf.all.autoconf", 0)
    settle(clock, 3 * SECOND)
    receive(interface, advertised(prefix()))
    settle(clock, 6 * SECOND)
    assert not interface.owns(parse_ip(GLOBAL))
    assert stack.route(parse_ip("2001:db8:9::1"), V6_ANY, 0) is not None


def test_host_and_advertising_router_end_to_end() -> None:
    clock = Clock()
    hub = Hub(clock)
    router = host_on(hub, "r", 9, "2001:db8:5::1/64")
    router.sysctl.set("net.ipv6.conf.all.forwarding", 1)
    a = new_stack(clock, "a")
    hub.attach(add_interface(a, 1, None))
    router.advertiser.start(router.interfaces[1], [prefix()], 1800, -1, 64, 0)
    settle(clock, SECOND)
    a.autoconfigure(a.interfaces[1])
    settle(clock, 10 * SECOND)
    assert a.interfaces[1].owns(parse_ip(GLOBAL))
    server = udp_socket_v6(router, port=9)
    udp_socket_v6(a).send(parse_ip("2001:db8:5::1"), 9, b"hi", -1, 0, 0)
    settle(clock, 11 * SECOND)
    got = server.receive(False)
    assert got is not None
    assert got.source == parse_ip(GLOBAL)
    router.advertiser.stop(router.interfaces[1])
    before = len(hub.frames)
    receive(router.interfaces[1], icmp_v6("fe80::5", "ff02::2", RouterSolicitation(NdOptions())))
    settle(clock, 20 * SECOND)
    assert len(hub.frames) == before


def test_solicitations_are_answered_at_most_every_three_seconds() -> None:
    clock = Clock()
    stack = new_stack(clock)
    device = Recorder()
    interface = add_interface(stack, 1, device, "2001:db8:5::1/64")
    stack.sysctl.set("net.ipv6.conf.all.forwarding", 1)
    stack.advertiser.start(interface, [prefix()], 1800, 1400, 64, 0)
    for second in range(8):
        for _ in range(20):
            asked = icmp_v6("fe80::5", "ff02::2", RouterSolicitation(NdOptions()))
            interface.receive(frame(asked, 0x3333_0000_0002))
        settle(clock, (second + 1) * SECOND)
    assert len([m for m in device.messages_v6() if isinstance(m, RouterAdvertisement)]) == 3
