"""Redirects: a router with a better next hop on the sender's own link says so, and the sender follows."""

from builders_stack import Hub, Upper, add_interface, default_route, host_on, new_stack, settle

from fourtuple.clock.clock import SECOND, Clock
from fourtuple.stack.stack import Stack
from fourtuple.wire.address import V4_ANY, V6_ANY, parse_ip
from fourtuple.wire.icmp import IcmpMessage
from fourtuple.wire.ndp import Redirect
from fourtuple.wire.packet import RawPayload

FAR = "203.0.113.9"
FAR6 = "2001:db8:9::9"


class Net:
    """a and two routers on one link; a knows r1 only, and what is far is behind r2."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.link = Hub(self.clock)
        self.a = host_on(self.link, "a", 1, "10.1.0.10/24")
        self.r1 = host_on(self.link, "r1", 2, "10.1.0.1/24")
        self.r2 = host_on(self.link, "r2", 3, "10.1.0.2/24")
        far = Hub(self.clock)
        self.far = host_on(far, "far", 4, FAR + "/24")
        far.attach(add_interface(self.r2, 5, None, "203.0.113.1/24"))
        for router in (self.r1, self.r2):
            router.sysctl.set("net.ipv4.ip_forward", 1)
        default_route(self.a, "10.1.0.1")
        default_route(self.far, "203.0.113.1")
        default_route(self.r1, "10.1.0.2")
        self.upper = Upper()
        self.far.register(17, self.upper)

    def send(self) -> list[int]:
        """The MAC addresses a datagram of a's to the far host was sent to on the link."""
        before = len(self.link.frames)
        socket = self.a.udp.create(udp_endpoint(), None)
        assert socket.send(parse_ip(FAR), 9, b"x", -1, 0, 0) == 0
        settle(self.clock)
        sent = [f for f in self.link.frames[before:] if getattr(f.payload, "protocol", 0) == 17]
        return [f.destination for f in sent]


def udp_endpoint():
    from fourtuple.ports.endpoint import AF_INET, PROTOCOL_UDP, Endpoint

    return Endpoint(PROTOCOL_UDP, AF_INET, 0)


def redirects(net: Net) -> list[IcmpMessage]:
    found = [f.payload.payload for f in net.link.frames if getattr(f.payload, "protocol", 0) == 1]
    return [message for message in found if message.type == 5]


def test_router_redirects_and_the_host_follows() -> None:
    net = Net()
    assert len(net.send()) == 2
    [message] = redirects(net)
    assert (message.code, message.rest) == (1, 0x0A010002)
    assert net.a.paths.find(parse_ip(FAR), V4_ANY, 0).gateway == parse_ip("10.1.0.2")
    assert len(net.send()) == 1
    assert len(net.upper.packets) == 2


def test_redirect_is_forgotten_after_five_minutes() -> None:
    net = Net()
    net.send()
    settle(net.clock, net.clock.now + 301 * SECOND)
    assert net.a.paths.find(parse_ip(FAR), V4_ANY, 0).gateway == parse_ip("10.1.0.1")


def test_host_told_not_to_does_not_follow() -> None:
    net = Net()
    net.a.sysctl.set("net.ipv4.conf.all.accept_redirects", 0)
    net.send()
    assert len(redirects(net)) == 1
    assert len(net.send()) == 2


def test_router_told_not_to_does_not_redirect() -> None:
    net = Net()
    net.r1.sysctl.set("net.ipv4.conf.all.send_redirects", 0)
    net.send()
    assert redirects(net) == []


def test_redirect_of_another_than_the_present_gateway_is_ignored() -> None:
    net = Net()
    net.send()
    forged = redirects(net)[0]
    net = Net()
    net.send()
    net.a.paths.redirect(parse_ip(FAR), parse_ip("10.1.0.1"), parse_ip("10.1.0.2"), SECOND)
    # r2 says what only r1 may.
    net.r2.send(V4_ANY, parse_ip("10.1.0.10"), 1, RawPayload(forged.serialize(0, 0)), 0, 0, False, 0)
    settle(net.clock)
    assert net.a.paths.find(parse_ip(FAR), V4_ANY, 0).gateway == parse_ip("10.1.0.1")


def test_router_tires_of_redirecting_one_host() -> None:
    net = Net()
    net.a.sysctl.set("net.ipv4.conf.all.accept_redirects", 0)
    for _ in range(30):
        net.send()
        settle(net.clock, net.clock.now + SECOND)
    assert 5 <= len(redirects(net)) <= 9


def ipv6_host(link: Hub, clock: Clock, name: str, mac: int, address: str) -> Stack:
    stack = new_stack(clock, name)
    link.attach(add_interface(stack, mac, None, address))
    return stack


def test_ipv6_router_redirects_and_the_host_follows() -> None:
    clock = Clock()
    link = Hub(clock)
    a = ipv6_host(link, clock, "a", 1, "fd00::a/64")
    r1 = ipv6_host(link, clock, "r1", 2, "fd00::1/64")
    r2 = ipv6_host(link, clock, "r2", 3, "fd00::2/64")
    for router in (r1, r2):
        router.sysctl.set("net.ipv6.conf.all.forwarding", 1)
    first, second = (router.interfaces[1].link_local() for router in (r1, r2))
    a.add_route(V6_ANY, 0, first, a.interfaces[1], 0, -1)
    r1.add_route(V6_ANY, 0, second, r1.interfaces[1], 0, -1)
    a.send(V6_ANY, parse_ip(FAR6), 253, RawPayload(b"x"), 0, 0, False, 0)
    settle(clock)
    found = [f.payload.payload for f in link.frames if getattr(f.payload, "protocol", 0) == 58]
    [message] = [one for one in found if isinstance(one, Redirect)]
    assert (message.target, message.destination) == (second, parse_ip(FAR6))
    assert a.paths.find(parse_ip(FAR6), V6_ANY, 0).gateway == second
