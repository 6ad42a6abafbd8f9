"""Who may bind a UDP port: linux-rules §5.4."""

import pytest


@pytest.mark.parametrize(
    ("owner", "new", "verdict"),
    [
        ("udp4", "udp4", "EADDRINUSE"),
        ("udp4 ra", "udp4 ra", "ok"),
        ("udp4 ra", "udp4", "EADDRINUSE"),
        ("udp4", "udp4 ra", "EADDRINUSE"),
        ("udp4 rp", "udp4 rp", "ok"),
        ("udp4 rp", "udp4 rp uid=7", "EADDRINUSE"),
        ("udp4 ra rp", "udp4 ra rp uid=7", "ok"),
        ("udp4 dev=1", "udp4 dev=2", "ok"),
        ("udp4 dev=1", "udp4", "EADDRINUSE"),
    ],
)
def test_bound_port_bound_again_with_options(host, owner, new, verdict):
    host.bound(owner, "10.0.0.1:53")
    assert host.try_bind(new, "10.0.0.1:53") == verdict


@pytest.mark.parametrize(
    ("owner", "held", "new", "wanted", "verdict"),
    [
        ("udp4", "0.0.0.0:53", "udp4", "10.0.0.1:53", "EADDRINUSE"),
        ("udp4", "10.0.0.1:53", "udp4", "10.0.0.2:53", "ok"),
        ("udp6", "[::]:53", "udp4", "10.0.0.1:53", "EADDRINUSE"),
        ("udp6 v6only", "[::]:53", "udp4", "10.0.0.1:53", "ok"),
        ("udp6", "[::1]:53", "udp4", "0.0.0.0:53", "ok"),
        ("udp6", "[::ffff:10.0.0.1]:53", "udp4", "10.0.0.1:53", "EADDRINUSE"),
    ],
)
def test_bound_port_bound_again_on_another_address(host, owner, held, new, wanted, verdict):
    host.bound(owner, held)
    assert host.try_bind(new, wanted) == verdict


def test_first_socket_in_the_way_decides(host):
    # The newest one shares by SO_REUSEPORT; the older one, which does not, is never looked at.
    host.bound("udp4 ra", "10.0.0.1:53")
    host.bound("udp4 ra rp", "10.0.0.1:53")
    assert host.try_bind("udp4 rp", "10.0.0.1:53") == "ok"


def test_first_decides_off_the_same_bind_conflicts(host):
    host.tables.rules.udp_first_decides = False
    host.bound("udp4 ra", "10.0.0.1:53")
    host.bound("udp4 ra rp", "10.0.0.1:53")
    assert host.try_bind("udp4 rp", "10.0.0.1:53") == "EADDRINUSE"


def test_first_socket_in_the_way_refuses_what_an_older_would_allow(host):
    host.bound("udp4 ra rp", "10.0.0.1:53")
    host.bound("udp4 ra", "10.0.0.1:53")
    assert host.try_bind("udp4 rp", "10.0.0.1:53") == "EADDRINUSE"


def test_reuseport_v6_sockets_stand_at_the_end_of_the_chain(host):
    host.bound("udp4 ra", "10.0.0.1:53")
    host.bound("udp6 ra rp", "[::]:53")
    # Newest, but behind: the AF_INET socket without SO_REUSEPORT decides.
    assert host.try_bind("udp4 rp", "10.0.0.1:53") == "EADDRINUSE"


def test_crowded_slot_asks_address_chain_then_wildcard_chain(host):
    # One chain: the newest in the way is the exact-address RP socket, which decides. Two chains:
    # that one passes the first, and the wildcard one refuses in the second.
    host.bound("udp4 ra", "0.0.0.0:53")
    host.bound("udp4 ra rp", "10.0.0.1:53")
    assert host.try_bind("udp4 rp", "10.0.0.1:53") == "ok"
    for index in range(9):
        host.bound("udp4 ra", f"10.0.1.{index + 1}:53")
    assert host.try_bind("udp4 rp", "10.0.0.1:53") == "EADDRINUSE"


def test_ten_sockets_on_slot_are_no_crowd(host):
    host.bound("udp4 ra", "0.0.0.0:53")
    host.bound("udp4 ra rp", "10.0.0.1:53")
    for index in range(8):
        host.bound("udp4 ra", f"10.0.1.{index + 1}:53")
    assert host.try_bind("udp4 rp", "10.0.0.1:53") == "ok"


def test_other_ports_of_the_slot_count_as_crowd(host):
    host.bound("udp4 ra", "0.0.0.0:53")
    host.bound("udp4 ra rp", "10.0.0.1:53")
    for index in range(9):
        host.bound("udp4 ra", f"10.0.1.{index + 1}:{53 + host.tables.udp_slots}")
    assert host.try_bind("udp4 rp", "10.0.0.1:53") == "EADDRINUSE"


def test_wildcard_bind_in_a_crowd_looks_at_all(host):
    for index in range(12):
        host.bound("udp4", f"10.0.1.{index + 1}:53")
    assert host.try_bind("udp4", "0.0.0.0:53") == "EADDRINUSE"


def test_closed_sockets_leave_the_crowd(host):
    host.bound("udp4 ra", "0.0.0.0:53")
    host.bound("udp4 ra rp", "10.0.0.1:53")
    crowd = [host.bound("udp4 ra", f"10.0.1.{index + 1}:53") for index in range(9)]
    host.tables.remove(crowd[4])
    assert host.try_bind("udp4 rp", "10.0.0.1:53") == "ok"
