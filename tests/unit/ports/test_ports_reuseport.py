"""SO_REUSEPORT groups: linux-rules §2.2."""

from collections import Counter

import pytest
from builders_ports import make

from fourtuple.ports.endpoint import ESTABLISHED
from fourtuple.ports.reuseport import ReuseportGroup


def spread(host, count=300):
    return [host.tcp(f"10.0.0.9:{1000 + index}", "10.0.0.1:80") for index in range(count)]


def test_members_share_connections_evenly(host):
    members = [host.listening("tcp4 rp", "10.0.0.1:80") for _ in range(3)]
    shares = Counter(members.index(found) for found in spread(host, 600))
    assert all(150 < shares[index] < 250 for index in range(3))


def test_same_tuple_same_member_until_the_group_changes(host):
    host.listening("tcp4 rp", "10.0.0.1:80")
    host.listening("tcp4 rp", "10.0.0.1:80")
    before = spread(host)
    assert spread(host) == before
    host.listening("tcp4 rp", "10.0.0.1:80")
    moved = sum(was is not now for was, now in zip(before, spread(host), strict=True))
    assert 60 < moved < 250


def test_secret_decides_the_member(host):
    host.listening("tcp4 rp", "10.0.0.1:80")
    host.listening("tcp4 rp", "10.0.0.1:80")
    before = spread(host)
    host.tables.secret = bytes(16)
    assert spread(host) != before


def test_removed_member_gets_nothing(host):
    first = host.listening("tcp4 rp", "10.0.0.1:80")
    second = host.listening("tcp4 rp", "10.0.0.1:80")
    host.tables.remove(first)
    assert set(spread(host, 50)) == {second}


@pytest.mark.parametrize(
    ("other", "where"),
    [
        ("tcp4 rp", "0.0.0.0:80"),
        ("tcp4 rp dev=1", "10.0.0.1:80"),
        ("tcp6 rp", "[::ffff:10.0.0.1]:80"),
        ("tcp4 rp", "10.0.0.1:81"),
    ],
)
def test_sockets_that_differ_form_groups_of_their_own(host, other, where):
    first = host.listening("tcp4 rp", "10.0.0.1:80")
    second = host.listening(other, where)
    assert first.group is not second.group
    assert len(first.group.members) == 1


def test_tcp_socket_joins_at_listen_not_at_bind(host):
    bound = host.bound("tcp4 rp", "10.0.0.1:80")
    assert bound.group is None
    host.listen(bound)
    assert bound.group is not None
    host.tables.unlisten(bound)
    assert bound.group is None


def test_udp_socket_joins_at_bind(host):
    first = host.bound("udp4 rp", "10.0.0.1:53")
    second = host.bound("udp4 rp", "10.0.0.1:53")
    assert first.group is second.group
    assert first.group.members == [first, second]


def test_option_set_too_late_joins_with_the_next(host):
    first = host.bound("udp4 ra", "10.0.0.1:53")
    first.reuse_port = True
    assert host.udp("10.0.0.9:1", "10.0.0.1:53") is first
    second = host.bound("udp4 ra rp", "10.0.0.1:53")
    assert first.group is second.group


def test_udp_member_leaves_at_connect(host):
    first = host.bound("udp4 rp", "10.0.0.1:53")
    second = host.bound("udp4 rp", "10.0.0.1:53")
    host.udp_connect(first, "10.0.0.1", "10.0.0.9:5000")
    assert second.group.members == [second]
    assert second.group.has_connections
    assert host.udp("10.0.0.9:5000", "10.0.0.1:53") is first
    assert host.udp("10.0.0.9:5001", "10.0.0.1:53") is second


def test_udp_group_that_had_connections_does_not_end_the_search(host):
    on_device = host.bound("udp4 ra dev=1", "10.0.0.1:53")
    first = host.bound("udp4 ra rp", "10.0.0.1:53")
    second = host.bound("udp4 ra rp", "10.0.0.1:53")
    assert host.udp("10.0.0.9:1", "10.0.0.1:53") in (first, second)
    host.udp_connect(first, "10.0.0.1", "10.0.0.9:5000")
    assert host.udp("10.0.0.9:1", "10.0.0.1:53") is on_device


def test_udp_bound_device_leaves_the_group(host):
    first = host.bound("udp4 rp", "10.0.0.1:53")
    second = host.bound("udp4 rp", "10.0.0.1:53")
    host.tables.bind_device(first, 1)
    assert first.group is None
    assert second.group.members == [second]


def members(*words):
    group = ReuseportGroup()
    endpoints = [make(word) for word in words]
    for endpoint in endpoints:
        group.add(endpoint)
    return group, endpoints


def test_select_scales_the_hash_to_the_members():
    group, (first, second, third) = members("udp4", "udp4", "udp4")
    assert group.select(0, 0) is first
    assert group.select(1 << 31, 0) is second
    assert group.select((1 << 32) - 1, 0) is third


def test_select_passes_over_connected_members():
    group, (first, second, third) = members("udp4", "udp4", "udp4")
    third.state = ESTABLISHED
    assert group.select((1 << 32) - 1, 0) is first
    first.state = second.state = ESTABLISHED
    assert group.select(0, 0) is None


def test_select_prefers_the_member_of_this_cpu():
    group, (first, second, third) = members("udp4", "udp4 cpu=3", "udp4 cpu=1")
    assert group.select(0, 3) is second
    assert group.select(0, 1) is third
    assert group.select(0, 2) is first


def test_select_in_empty_group():
    assert ReuseportGroup().select(0, 0) is None


def test_leaving_member_is_replaced_by_the_last():
    group, (first, second, third) = members("udp4", "udp4", "udp4")
    group.leave(first)
    assert group.members == [third, second]
    group.leave(second)
    assert group.members == [third]
