"""Hosts joined by links and switches: who reaches whom, and what may not be built."""

import pytest

from fourtuple.capture.tap import Tap, TapPoint
from fourtuple.clock.clock import SECOND
from fourtuple.network.addressing import by_interface, parse_interface_address
from fourtuple.network.annotate import NO_SOCKET, NOT_FOR_A_SOCKET, TAKEN, SocketAnnotator, find_taker
from fourtuple.network.fabric import Fabric
from fourtuple.network.link import Link
from fourtuple.network.node import Node
from fourtuple.network.switch import Switch
from fourtuple.ports.endpoint import AF_INET, AF_INET6, PROTOCOL_UDP, Endpoint
from fourtuple.ports.reason import WINS, Reasons
from fourtuple.stack.udp_socket import UdpSocket
from fourtuple.wire.address import V4_ANY, V4_LOOPBACK, V6_ANY, parse_ip
from fourtuple.wire.ethernet import EthernetFrame
from fourtuple.wire.ip import IpPacket

PORT = 5000


def fabric_of(seed: int = 1, bytes_on_wire: bool = False) -> Fabric:
    return Fabric(seed, bytes_on_wire, True)


def add_host(fabric: Fabric, name: str, *addresses: str) -> Node:
    return fabric.add_node(name, [parse_interface_address(text) for text in addresses])


def join(fabric: Fabric, a: Node | Switch, b: Node | Switch) -> Link:
    return fabric.connect(a, b, [], [])


def udp_socket(node: Node, port: int, family: int = AF_INET) -> UdpSocket:
    endpoint = Endpoint(PROTOCOL_UDP, family, 0)
    socket = node.stack.udp.create(endpoint, None)
    assert node.stack.tables.bind(endpoint, V4_ANY if family == AF_INET else V6_ANY, port) == 0
    return socket


def reaches(fabric: Fabric, sender: Node, receiver: Node, address: str) -> bool:
    """Whether a datagram from one arrives at ``address`` of the other."""
    family = AF_INET6 if ":" in address else AF_INET
    taker = udp_socket(receiver, PORT, family)
    giver = udp_socket(sender, PORT + 1, family)
    giver.send(parse_ip(address), PORT, b"hello", -1, 0, 0)
    fabric.clock.run(fabric.clock.now + SECOND, 10_000)
    datagram = taker.receive(False)
    taker.close()
    giver.close()
    return datagram is not None and datagram.data == b"hello"


def test_linked_hosts_reach_each_other() -> None:
    fabric = fabric_of()
    a, b = add_host(fabric, "a", "10.0.0.1"), add_host(fabric, "b", "10.0.0.2")
    join(fabric, a, b)
    assert reaches(fabric, a, b, "10.0.0.2")
    assert reaches(fabric, b, a, "10.0.0.1")


def test_linked_hosts_in_different_subnets_reach_each_other() -> None:
    fabric = fabric_of()
    a, b = add_host(fabric, "a", "10.0.0.1"), add_host(fabric, "b", "192.168.7.2/28")
    join(fabric, a, b)
    assert reaches(fabric, a, b, "192.168.7.2")
    assert reaches(fabric, b, a, "10.0.0.1")


def test_host_with_one_address_and_three_links_reaches_all() -> None:
    fabric = fabric_of()
    center = add_host(fabric, "center", "10.0.0.1")
    leaves = [add_host(fabric, f"leaf{n}", f"10.0.0.{n}") for n in (2, 3, 4)]
    for leaf in leaves:
        join(fabric, center, leaf)
    assert [interface.name for interface in center.interfaces] == ["eth0", "eth1", "eth2"]
    assert center.addresses() == [parse_ip("10.0.0.1")]
    for n, leaf in enumerate(leaves, start=2):
        assert reaches(fabric, center, leaf, f"10.0.0.{n}")
        assert reaches(fabric, leaf, center, "10.0.0.1")
    assert not reaches(fabric, leaves[0], leaves[1], "10.0.0.3")


def test_ipv4_and_ipv6_addresses_side_by_side_share_an_interface() -> None:
    def names(*texts: str) -> list[int]:
        return [len(pairs) for pairs in by_interface([parse_interface_address(text) for text in texts])]

    assert names("10.0.0.1", "10.0.1.1") == [1, 1]
    assert names("10.0.0.1", "fd00::1", "10.0.1.1", "fd00:1::1") == [2, 2]
    assert names("fd00::1", "fd00::2", "10.0.0.1") == [1, 2]
    assert names() == []


def test_hosts_reach_each_other_over_ipv6() -> None:
    fabric = fabric_of()
    a, b = add_host(fabric, "a", "10.0.0.1", "fd00::1"), add_host(fabric, "b", "10.0.0.2", "fd00::2")
    c = add_host(fabric, "c", "fd77::1")
    join(fabric, a, b)
    join(fabric, a, c)
    assert fabric.names["a"] == [parse_ip("10.0.0.1"), parse_ip("fd00::1")]
    assert reaches(fabric, a, b, "fd00::2")
    assert reaches(fabric, a, c, "fd77::1")
    assert reaches(fabric, c, a, "fd00::1")
    assert not reaches(fabric, c, b, "fd00::2")


def test_each_address_gets_an_interface_and_links_take_them_in_order() -> None:
    fabric = fabric_of()
    a = add_host(fabric, "a", "10.0.0.1", "10.0.1.1")
    b, c = add_host(fabric, "b", "10.0.0.2"), add_host(fabric, "c", "10.0.1.2")
    join(fabric, a, b)
    join(fabric, a, c)
    assert reaches(fabric, a, b, "10.0.0.2")
    assert reaches(fabric, c, a, "10.0.1.1")


def test_two_addresses_in_one_subnet_do_not_fight_for_its_route() -> None:
    fabric = fabric_of()
    a = add_host(fabric, "a", "10.0.0.1", "10.0.0.2")
    b, c = add_host(fabric, "b", "10.0.0.3"), add_host(fabric, "c", "10.0.0.4")
    join(fabric, a, b)
    join(fabric, a, c)
    assert reaches(fabric, a, b, "10.0.0.3")
    assert reaches(fabric, a, c, "10.0.0.4")


def test_link_with_addresses_of_its_own_makes_new_interfaces() -> None:
    fabric = fabric_of()
    a, b = add_host(fabric, "a", "10.0.0.1"), add_host(fabric, "b", "10.0.0.2")
    fabric.connect(a, b, [(parse_ip("10.9.0.1"), 30)], [(parse_ip("10.9.0.2"), 30)])
    assert reaches(fabric, a, b, "10.9.0.2")
    assert fabric.names["a"] == [parse_ip("10.0.0.1"), parse_ip("10.9.0.1")]
    assert not reaches(fabric, a, b, "10.0.0.2")


def test_switched_hosts_reach_each_other_across_two_switches() -> None:
    fabric = fabric_of()
    left, right = fabric.add_switch("left"), fabric.add_switch("right")
    hosts = [add_host(fabric, f"h{n}", f"10.0.0.{n}") for n in (1, 2, 3)]
    join(fabric, hosts[0], left)
    join(fabric, hosts[1], left)
    join(fabric, left, right)
    join(fabric, hosts[2], right)
    assert reaches(fabric, hosts[0], hosts[1], "10.0.0.2")
    assert reaches(fabric, hosts[0], hosts[2], "10.0.0.3")
    assert [port for _, port in left.known()] == ["port1", "port2", "port3"]
    assert hosts[1].interfaces[0].rx_other_host == 0


def test_host_without_a_link_reaches_its_own_address_only() -> None:
    fabric = fabric_of()
    a, b = add_host(fabric, "a", "10.0.0.1"), add_host(fabric, "b", "10.0.0.2")
    assert reaches(fabric, a, a, "10.0.0.1")
    assert reaches(fabric, a, a, "127.0.0.1")
    assert not reaches(fabric, a, b, "10.0.0.2")


def test_macs_follow_from_the_order_of_hosts_and_interfaces() -> None:
    fabric = fabric_of()
    add_host(fabric, "a", "10.0.0.1")
    b = add_host(fabric, "b", "10.0.0.2", "10.0.1.2")
    assert [interface.mac for interface in b.interfaces] == [0x020000000200, 0x020000000201]


def two_hosts(fabric: Fabric) -> tuple[Node, Node]:
    return add_host(fabric, "a", "10.0.0.1"), add_host(fabric, "b", "10.0.0.2")


def test_taken_address_is_refused() -> None:
    fabric = fabric_of()
    two_hosts(fabric)
    with pytest.raises(ValueError, match=r"10\.0\.0\.1 is the address of host a already"):
        add_host(fabric, "c", "10.0.0.1")
    assert "c" not in fabric.nodes


def test_taken_name_is_refused() -> None:
    fabric = fabric_of()
    a, _ = two_hosts(fabric)
    fabric.add_switch("s")
    with pytest.raises(ValueError, match="there is a host b already"):
        add_host(fabric, "b", "10.0.0.9")
    with pytest.raises(ValueError, match="there is a switch s already"):
        fabric.add_name("s", a)
    with pytest.raises(ValueError, match="there is a host localhost already"):
        fabric.add_switch("localhost")


def test_loop_of_switches_is_refused() -> None:
    fabric = fabric_of()
    x, y, z = (fabric.add_switch(name) for name in "xyz")
    join(fabric, x, y)
    join(fabric, y, z)
    with pytest.raises(ValueError, match="would close a loop of switches"):
        join(fabric, z, x)
    with pytest.raises(ValueError, match="cannot join x with itself"):
        join(fabric, x, x)


def test_link_to_a_host_without_address_is_refused() -> None:
    fabric = fabric_of()
    a, bare = add_host(fabric, "a", "10.0.0.1"), fabric.add_node("bare", [])
    assert fabric.names["bare"] == [V4_LOOPBACK]
    with pytest.raises(ValueError, match="host bare has no address"):
        join(fabric, a, bare)
    fabric.connect(a, bare, [], [(parse_ip("10.0.0.2"), 24)])
    assert fabric.names["bare"] == [parse_ip("10.0.0.2")]
    assert reaches(fabric, a, bare, "10.0.0.2")


def test_address_at_a_switch_is_refused() -> None:
    fabric = fabric_of()
    a = add_host(fabric, "a", "10.0.0.1")
    with pytest.raises(ValueError, match="switch s takes no address"):
        fabric.connect(a, fabric.add_switch("s"), [], [(parse_ip("10.0.0.2"), 24)])


def test_second_link_between_two_has_a_name_of_its_own() -> None:
    fabric = fabric_of()
    a, b = two_hosts(fabric)
    assert [join(fabric, a, b).name for _ in range(3)] == ["a-b", "a-b#2", "a-b#3"]
    assert reaches(fabric, a, b, "10.0.0.2")
    assert [interface.tx_packets for interface in a.interfaces] == [2, 0, 0]  # ARP and the datagram


def test_mtu_is_that_of_the_interfaces_at_the_link() -> None:
    fabric = fabric_of()
    a = add_host(fabric, "a", "10.0.0.1", "10.0.1.1")
    b = add_host(fabric, "b", "10.0.0.2")
    fabric.set_mtu(join(fabric, a, b), 576)
    assert [interface.mtu for interface in a.interfaces] == [576, 1500]
    assert b.interfaces[0].mtu == 576


class Watcher(Tap):
    def __init__(self) -> None:
        self.seen: list[str] = []

    def sent(self, point: TapPoint, now: int, frame: EthernetFrame) -> None:
        self.seen.append(f"{point.node}/{point.interface}")


def test_tap_added_later_sees_links_and_loopbacks_until_removed() -> None:
    fabric = fabric_of()
    a, b = two_hosts(fabric)
    join(fabric, a, b)
    watcher = Watcher()
    fabric.add_tap(watcher)
    assert reaches(fabric, a, a, "127.0.0.1")
    assert reaches(fabric, a, b, "10.0.0.2")
    assert watcher.seen == ["a/lo", "a/eth0", "b/eth0", "a/eth0"]  # lo, ARP, its answer, the datagram
    fabric.remove_tap(watcher)
    assert reaches(fabric, a, b, "10.0.0.2")
    assert len(watcher.seen) == 4


def test_trace_is_equal_in_objects_and_in_bytes() -> None:
    digests = []
    for bytes_on_wire in (False, True):
        fabric = fabric_of(bytes_on_wire=bytes_on_wire)
        a, b = two_hosts(fabric)
        join(fabric, a, b)
        assert reaches(fabric, a, a, "127.0.0.1")
        assert reaches(fabric, a, b, "10.0.0.2")
        digests.append(fabric.trace.digest())
    assert digests[0] == digests[1]


def test_frames_on_the_wire_are_known_until_they_arrive() -> None:
    fabric = fabric_of()
    a, b = two_hosts(fabric)
    join(fabric, a, b)
    assert fabric.last_arrival() == -1
    udp_socket(a, PORT).send(parse_ip("10.0.0.2"), PORT, b"x", -1, 0, 0)
    assert fabric.last_arrival() == 100_000
    fabric.clock.run(SECOND, 10_000)
    assert fabric.last_arrival() == -1


# Who takes a packet


class Arrivals(Tap):
    """Asks who takes each packet as it arrives, before it is processed."""

    def __init__(self, fabric: Fabric) -> None:
        self.annotator = SocketAnnotator(fabric.nodes)
        self.comments: list[str] = []
        self.outcomes: list[int] = []
        self.nodes = fabric.nodes
        self.reasons: list[Reasons] = []

    def sent(self, point: TapPoint, now: int, frame: EthernetFrame) -> None:
        self.comments.append(self.annotator.comment_sent(point, frame))

    def delivered(self, point: TapPoint, now: int, frame: EthernetFrame) -> None:
        self.comments.append(self.annotator.comment_delivered(point, frame))
        if isinstance(frame.payload, IpPacket):
            node = self.nodes[point.node]
            interface = node.stack.interface_named(point.interface)
            assert interface is not None
            why = Reasons()
            self.reasons.append(why)
            self.outcomes.append(find_taker(node, frame.payload, interface, why).outcome)


@pytest.fixture
def watched() -> tuple[Fabric, Node, Node, Arrivals]:
    fabric = fabric_of()
    a, b = two_hosts(fabric)
    join(fabric, a, b)
    arrivals = Arrivals(fabric)
    fabric.add_tap(arrivals)
    return fabric, a, b, arrivals


def test_datagram_with_a_socket_is_taken_with_reasons(watched: tuple[Fabric, Node, Node, Arrivals]) -> None:
    fabric, a, b, arrivals = watched
    assert reaches(fabric, a, b, "10.0.0.2")
    assert arrivals.outcomes == [TAKEN]
    assert [step.verdict for step in arrivals.reasons[0].steps][-1] == WINS
    assert arrivals.comments[-1].startswith("taken by b: ")


def test_datagram_without_a_socket_is_taken_by_nobody(watched: tuple[Fabric, Node, Node, Arrivals]) -> None:
    fabric, a, _, arrivals = watched
    udp_socket(a, PORT).send(parse_ip("10.0.0.2"), 9, b"x", -1, 0, 0)
    fabric.clock.run(SECOND, 10_000)
    assert arrivals.outcomes == [NO_SOCKET, NOT_FOR_A_SOCKET]  # the datagram, and the ICMP error to it
    assert "taken by nobody on b: no socket" in arrivals.comments


def test_fragment_is_not_for_a_socket(watched: tuple[Fabric, Node, Node, Arrivals]) -> None:
    fabric, a, b, arrivals = watched
    taker = udp_socket(b, PORT)
    udp_socket(a, PORT).send(parse_ip("10.0.0.2"), PORT, bytes(2000), -1, 0, 0)
    fabric.clock.run(SECOND, 10_000)
    assert arrivals.outcomes == [NOT_FOR_A_SOCKET, NOT_FOR_A_SOCKET]
    assert taker.receive(False) is not None


def test_broadcast_is_taken_by_every_socket_on_the_port(watched: tuple[Fabric, Node, Node, Arrivals]) -> None:
    fabric, a, b, arrivals = watched
    udp_socket(b, PORT)
    sender = udp_socket(a, PORT)
    sender.broadcast = True
    sender.send(parse_ip("10.0.0.255"), PORT, b"x", -1, 0, 0)
    fabric.clock.run(SECOND, 10_000)
    assert arrivals.outcomes == [TAKEN]
