"""Who gets copies of a multicast or broadcast datagram: linux-rules §3."""

import pytest
from builders_ports import make

from fourtuple.ports.multicast import Membership
from fourtuple.wire.address import parse_ip

GROUP = "239.1.2.3"
SOURCE = "10.0.0.9:5000"


def join(endpoint, group=GROUP, device=1, include=False, sources=()):
    endpoint.memberships = [
        Membership(parse_ip(group), device, include, [parse_ip(source) for source in sources])
    ]


@pytest.mark.parametrize(
    ("words", "where", "gets"),
    [
        ("udp4", "0.0.0.0:53", True),
        ("udp4", f"{GROUP}:53", True),
        ("udp4", "239.1.2.4:53", False),
        ("udp4", "10.0.0.1:53", False),
        ("udp4 dev=1", "0.0.0.0:53", True),
        ("udp4 dev=2", "0.0.0.0:53", False),
        ("udp4", "0.0.0.0:54", False),
        ("udp6 v6only", "[::]:53", False),
        # IP_MULTICAST_ALL is off on AF_INET6 sockets.
        ("udp6", "[::]:53", False),
    ],
)
def test_bound_socket_group_datagram(host, words, where, gets):
    endpoint = host.bound(words, where)
    assert host.multicast(SOURCE, f"{GROUP}:53") == ([endpoint] if gets else [])


def test_every_matching_socket_gets_a_copy(host):
    first = host.bound("udp4 ra", "0.0.0.0:53")
    second = host.bound("udp4 ra", f"{GROUP}:53")
    assert host.multicast(SOURCE, f"{GROUP}:53") == [second, first]


def test_connected_socket_gets_its_peers_only(host):
    endpoint = host.bound("udp4", f"{GROUP}:53")
    host.udp_connect(endpoint, GROUP, SOURCE)
    assert host.multicast(SOURCE, f"{GROUP}:53") == [endpoint]
    assert host.multicast("10.0.0.9:5001", f"{GROUP}:53") == []


@pytest.mark.parametrize(
    ("include", "sources", "gets"),
    [
        (False, [], True),
        (False, ["10.0.0.9"], False),
        (False, ["10.0.0.8"], True),
        (True, ["10.0.0.9"], True),
        (True, ["10.0.0.8"], False),
    ],
)
def test_member_source_filter(host, include, sources, gets):
    endpoint = host.bound("udp4", "0.0.0.0:53")
    join(endpoint, include=include, sources=sources)
    assert bool(host.multicast(SOURCE, f"{GROUP}:53")) == gets


def test_multicast_all_off_only_own_groups(host):
    endpoint = host.bound("udp4", "0.0.0.0:53")
    endpoint.multicast_all = False
    assert host.multicast(SOURCE, f"{GROUP}:53") == []
    join(endpoint)
    assert host.multicast(SOURCE, f"{GROUP}:53") == [endpoint]
    assert host.multicast(SOURCE, f"{GROUP}:53", device=2) == []


def test_v6_socket_that_joined_a_v4_group_gets_it(host):
    endpoint = host.bound("udp6", "[::]:53")
    join(endpoint)
    assert host.multicast(SOURCE, f"{GROUP}:53") == [endpoint]


def test_v6_group_datagram(host):
    any6 = host.bound("udp6 ra", "[::]:53")
    host.bound("udp4 ra", "0.0.0.0:53")
    host.bound("udp6 ra", "[::1]:53")
    assert host.multicast("[fe80::9]:5000", "[ff02::1]:53") == [any6]


def test_no_socket_no_copy(host):
    assert host.multicast(SOURCE, f"{GROUP}:53") == []
    assert make("udp4").memberships is None


@pytest.mark.parametrize("words", ["udp4", "udp6"])
def test_broadcast_asks_no_membership(host, words):
    where = "0.0.0.0:53" if words == "udp4" else "[::]:53"
    endpoint = host.bound(words, where)
    endpoint.multicast_all = False
    join(endpoint, include=True, sources=["10.0.0.8"])
    assert host.multicast(SOURCE, "255.255.255.255:53") == [endpoint]
    assert host.multicast(SOURCE, "10.0.0.255:53") == [endpoint]
