"""Hosts, links, switches: what may be built, what it is called, what may be changed."""

import pytest

import fourtuple
from fourtuple import PASS, Network, drop
from fourtuple.wire.ethernet import EthernetFrame


@pytest.fixture
def network() -> Network:
    return Network()


def test_package_exports_a_dozen_names() -> None:
    assert sorted(fourtuple.__all__) == [
        "BusyLoop",
        "DropEvery",
        "Host",
        "Link",
        "Network",
        "PASS",
        "Process",
        "Rule",
        "Stuck",
        "Switch",
        "alter",
        "current_process",
        "deliver_after",
        "drop",
        "duplicate",
    ]
    assert all(getattr(fourtuple, name) is not None for name in fourtuple.__all__)
    assert set(fourtuple.__all__) <= set(dir(fourtuple))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = fourtuple.nothing


def test_hosts_without_address_get_the_next_free_one(network: Network) -> None:
    network.host("a", "10.0.0.2")
    hosts = [network.host(name) for name in ("b", "c", "d")]
    assert [host.address for host in hosts] == ["10.0.0.1", "10.0.0.3", "10.0.0.4"]


def test_host_with_the_loopback_alone_has_no_address(network: Network) -> None:
    host = network.host("bare", ())
    assert host.addresses == []
    with pytest.raises(ValueError, match="host bare has no address"):
        _ = host.address


@pytest.mark.parametrize(
    ("name", "address", "error"),
    [
        ("", "10.0.0.1", "'' is not a host name"),
        ("two words", "10.0.0.1", "'two words' is not a host name"),
        ("-a", "10.0.0.1", "'-a' is not a host name"),
        ("a", "10.0.0.300", "'10.0.0.300' is not an IP address such as"),
        ("a", "10.0.0.1/33", "'10.0.0.1/33' is not an IP address"),
        ("a", "10.0.0.1/x", "'10.0.0.1/x' is not an IP address"),
        ("a", "10.0.0.0", "it is the network address of its subnet"),
        ("a", "10.0.0.255/24", "it is the broadcast address of its subnet"),
        ("a", "127.0.0.1", "no host's own address"),
        ("a", "224.0.0.1", "no host's own address"),
        ("a", "::1", "no host's own address"),
        ("a", "::ffff:10.0.0.1", "an IPv4 address is written with dots"),
        ("a", "fe80::1", "interfaces get their link-local addresses themselves"),
        ("a", "fd00::1/129", "'fd00::1/129' is not an IP address"),
        ("a", "", "'' is not an IP address"),
    ],
)
def test_bad_host_is_refused(network: Network, name: str, address: str, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        network.host(name, address)
    assert network.hosts == {}


def test_address_ending_in_0_is_fine_in_a_larger_subnet(network: Network) -> None:
    assert network.host("a", "10.0.1.0/16").address == "10.0.1.0"


def test_further_names_lead_to_the_same_addresses(network: Network) -> None:
    host = network.host("db", "10.0.0.1", names=["db.local"])
    assert network.fabric.names["db.local"] == network.fabric.names["db"] == host.node.addresses()
    with pytest.raises(ValueError, match=r"there is a host db\.local already"):
        network.host("db.local")


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"latency": "0s"}, "at least 1ns"),
        ({"latency": "far"}, "'far' is not a duration"),
        ({"jitter": "1"}, "'1' is not a duration"),
        ({"bandwidth": "fast"}, "'fast' is not a rate"),
        ({"queue": "long"}, "'long' is not a number of packets"),
        ({"queue": -1}, "-1 is not a number of packets"),
        ({"mtu": 10}, "68 to 65535 bytes, not 10"),
        ({"loss": 2}, "2 is not a probability"),
        ({"duplicate": -1}, "-1 is not a probability"),
        ({"corrupt": "x"}, "'x' is not a probability"),
        ({"addresses": ("10.0.0.0", "")}, "network address"),
    ],
)
def test_bad_link_is_refused_and_nothing_is_plugged(
    network: Network, settings: dict[str, object], error: str
) -> None:
    a, b = network.host("a"), network.host("b")
    with pytest.raises(ValueError, match=error):
        network.link(a, b, **settings)  # type: ignore[arg-type]
    assert network.links == network.fabric.links == []
    assert a.node.interfaces[0].device is None


def test_link_takes_names_and_objects(network: Network) -> None:
    a, switch = network.host("a"), network.switch("s")
    assert network.link("a", switch).name == "a-s"
    assert network.link("s", network.host("b")).name == "s-b"
    with pytest.raises(ValueError, match="there is no host or switch 'x', only a, b, s"):
        network.link(a, "x")


def test_link_settings_reach_both_directions(network: Network) -> None:
    network.host("a"), network.host("b")
    link = network.link(
        "a", "b", latency="5ms", bandwidth="1mbit", queue="64kB", loss=0.5, jitter="1ms", mtu=1000
    )
    for direction in link.link.directions(""):
        assert (direction.latency, direction.bandwidth) == (5_000_000, 1_000_000)
        assert (direction.queue_packets, direction.queue_bytes) == (-1, 64_000)
        assert direction.faults is not None
        assert (direction.faults.loss, direction.faults.jitter, direction.faults.mtu) == (0.5, 1_000_000, 0)
    assert [host.node.interfaces[0].mtu for host in network.hosts.values()] == [1000, 1000]


def test_link_without_faults_takes_the_short_way(network: Network) -> None:
    network.host("a"), network.host("b")
    link = network.link("a", "b")
    assert [direction.faults for direction in link.link.directions("")] == [None, None]


def test_set_changes_one_direction_and_only_what_is_given(network: Network) -> None:
    a, b = network.host("a"), network.host("b")
    link = network.link(a, b, latency="5ms", loss=0.5)
    link.set(sender=a, loss=0, bandwidth="1mbit")
    from_a, from_b = link.link.directions("a")[0], link.link.directions("b")[0]
    assert from_a.faults is not None
    assert from_b.faults is not None
    assert (from_a.latency, from_a.bandwidth, from_a.faults.loss) == (5_000_000, 1_000_000, 0)
    assert (from_b.latency, from_b.bandwidth, from_b.faults.loss) == (5_000_000, 0, 0.5)
    link.set(bandwidth=0)
    assert from_a.bandwidth == 0


def test_bad_set_changes_nothing(network: Network) -> None:
    network.host("a"), network.host("b")
    link = network.link("a", "b", latency="5ms")
    with pytest.raises(ValueError, match="not a probability"):
        link.set(latency="1ms", loss=7)
    with pytest.raises(ValueError, match="link a-b is between a and b, not 'c'"):
        link.set(sender="c", latency="1ms")
    assert link.link.directions("a")[0].latency == 5_000_000


def test_one_way_partition_hold_and_rules_touch_that_way_only(network: Network) -> None:
    a, b = network.host("a"), network.host("b")
    link = network.link(a, b)
    link.partition(sender=a)
    link.hold(sender=b)
    from_a, from_b = (link.link.directions(name)[0].make_faults() for name in "ab")
    assert (from_a.partitioned, from_a.held) == (True, None)
    assert (from_b.partitioned, from_b.held) == (False, [])
    link.repair()
    link.release()
    assert (from_a.partitioned, from_b.held) == (False, None)


def test_rule_added_to_both_directions_is_removed_from_both(network: Network) -> None:
    network.host("a"), network.host("b")
    link = network.link("a", "b")

    def function(frame: EthernetFrame, now: int) -> None:
        return None

    rule = link.add_rule(function)
    assert [direction.make_faults().rules for direction in link.link.directions("")] == [[rule], [rule]]
    link.remove_rule(rule)
    assert [direction.make_faults().rules for direction in link.link.directions("")] == [[], []]
    with pytest.raises(ValueError, match="link a-b has no rule"):
        link.remove_rule(rule)
    assert (PASS.action, drop().action) == (0, 1)


def test_sysctl_is_read_and_written_by_linuxs_names(network: Network) -> None:
    sysctl = network.host("a").sysctl
    sysctl["net.ipv4.ip_local_port_range"] = "2000 3000"
    sysctl["net.ipv4.tcp_sack"] = 0
    assert sysctl["net.ipv4.ip_local_port_range"].split() == ["2000", "3000"]
    assert sysctl["net.ipv4.tcp_sack"] == "0"
    assert "net.ipv4.tcp_sack" in list(sysctl)
    assert len(sysctl) > 50
    with pytest.raises(ValueError, match="nonsense"):
        sysctl["net.ipv4.nonsense"] = 1
    with pytest.raises(TypeError, match="cannot be deleted"):
        del sysctl["net.ipv4.tcp_sack"]


def test_capture_of_an_unknown_host_is_refused(network: Network) -> None:
    network.host("a")
    with pytest.raises(ValueError, match="there is no host 'x', only a"):
        network.capture("/nonexistent/x.pcapng", hosts=["x"])
    with pytest.raises(FileNotFoundError):
        network.capture("/nonexistent/x.pcapng")
