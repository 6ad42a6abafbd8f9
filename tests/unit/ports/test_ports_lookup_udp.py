"""Who gets a UDP datagram: linux-rules §3."""

import pytest
from builders_ports import make

from fourtuple.ports.endpoint import CLOSE, ESTABLISHED
from fourtuple.wire.address import V6_ANY, parse_ip

PEER = "10.0.0.9:5000"

# sockets in the order of bind(), the datagram's destination and device, the index of the winner
SOCKETS = [
    (["udp4 10.0.0.1:53", "udp4 0.0.0.0:53"], "10.0.0.1:53", 1, 0),
    (["udp4 10.0.0.1:53", "udp4 0.0.0.0:53"], "10.0.0.2:53", 1, 1),
    (["udp4 10.0.0.1:53"], "10.0.0.2:53", 1, None),
    # Two on one address: the last bound.
    (["udp4 ra 10.0.0.1:53", "udp4 ra 10.0.0.1:53"], "10.0.0.1:53", 1, 1),
    # The device counts four, AF_INET two against one.
    (["udp4 dev=1 0.0.0.0:53", "udp4 0.0.0.0:53"], "10.0.0.1:53", 1, 0),
    (["udp4 dev=2 0.0.0.0:53", "udp4 0.0.0.0:53"], "10.0.0.1:53", 1, 1),
    (["udp4 10.0.0.1:53", "udp4 dev=1 0.0.0.0:53"], "10.0.0.1:53", 1, 0),
    (["udp4 0.0.0.0:53", "udp6 [::]:53"], "10.0.0.1:53", 1, 0),
    (["udp4 0.0.0.0:53", "udp6 dev=1 [::]:53"], "10.0.0.1:53", 1, 1),
    (["udp6 [::]:53"], "10.0.0.1:53", 1, 0),
    (["udp6 v6only [::]:53"], "10.0.0.1:53", 1, None),
    (["udp4 0.0.0.0:53"], "[::1]:53", 1, None),
    (["udp6 [::ffff:0.0.0.0]:53"], "[::1]:53", 1, None),
    (["udp6 [::]:53", "udp6 [::1]:53"], "[::1]:53", 1, 1),
    (["udp6 dev=1 [::]:53", "udp6 [::]:53"], "[::1]:53", 1, 0),
    (["udp6 dev=2 [::]:53", "udp6 [::]:53"], "[::1]:53", 1, 1),
    # SO_INCOMING_CPU adds one.
    (["udp4 cpu=0 0.0.0.0:53", "udp4 0.0.0.0:53"], "10.0.0.1:53", 1, 0),
    (["udp4 cpu=1 0.0.0.0:53", "udp4 0.0.0.0:53"], "10.0.0.1:53", 1, 1),
    (["udp6 cpu=0 [::]:53", "udp4 0.0.0.0:53"], "10.0.0.1:53", 1, 1),
    (["udp6 cpu=0 [::]:53", "udp6 [::]:53"], "[::1]:53", 1, 0),
]


@pytest.mark.parametrize(("sockets", "destination", "device", "winner"), SOCKETS)
def test_bound_sockets_datagram_arrives(host, sockets, destination, device, winner):
    made = []
    for line in sockets:
        words, _, where = line.rpartition(" ")
        made.append(host.restored(words, where, CLOSE))
    found = host.udp("[::9]:5000" if destination.startswith("[") else PEER, destination, device)
    assert found is (None if winner is None else made[winner])


def test_connected_socket_takes_only_its_peers_datagrams(host):
    server = host.bound("udp4 ra", "10.0.0.1:53")
    connected = host.bound("udp4 ra", "10.0.0.1:53")
    host.udp_connect(connected, "10.0.0.1", PEER)
    newest = host.bound("udp4 ra", "10.0.0.1:53")
    assert host.udp(PEER, "10.0.0.1:53") is connected
    assert host.udp("10.0.0.9:5001", "10.0.0.1:53") is newest
    host.tables.remove(newest)
    assert host.udp("10.0.0.9:5001", "10.0.0.1:53") is server


def test_connected_wildcard_socket_moves_to_its_address(host):
    connected = host.bound("udp4", "0.0.0.0:53")
    host.udp_connect(connected, "10.0.0.1", PEER)
    assert host.udp(PEER, "10.0.0.1:53") is connected
    assert host.udp(PEER, "10.0.0.2:53") is None


def test_disconnected_socket_returns_to_the_wildcard(host):
    endpoint = host.bound("udp4", "0.0.0.0:53")
    host.udp_connect(endpoint, "10.0.0.1", PEER)
    host.tables.disconnect_udp(endpoint)
    assert endpoint.state == CLOSE
    assert host.udp("10.0.0.8:1", "10.0.0.2:53") is endpoint


def test_disconnected_socket_keeps_an_address_it_asked_for(host):
    endpoint = host.bound("udp4", "10.0.0.1:53")
    host.udp_connect(endpoint, "10.0.0.1", PEER)
    host.tables.disconnect_udp(endpoint)
    assert host.udp("10.0.0.8:1", "10.0.0.1:53") is endpoint
    assert host.udp("10.0.0.8:1", "10.0.0.2:53") is None


def test_disconnected_socket_gives_back_a_port_the_system_chose(host):
    endpoint = make("udp4")
    host.udp_connect(endpoint, "10.0.0.1", PEER)
    port = endpoint.local_port
    assert endpoint.state == ESTABLISHED
    host.tables.disconnect_udp(endpoint)
    assert endpoint.local_port == 0
    assert host.tables.endpoints() == []
    assert host.try_bind("udp4", f"0.0.0.0:{port}") == "ok"


def test_disconnected_v6_socket_still_refuses_other_v6_addresses(host):
    # Seen on 6.18: the peer address is not reset for IPv6.
    endpoint = host.bound("udp6", "[::]:53")
    host.udp_connect(endpoint, "::1", "[::1]:5000")
    host.tables.disconnect_udp(endpoint)
    assert host.udp("[::1]:6000", "[::1]:53") is endpoint
    assert host.udp("[::2]:5000", "[::1]:53") is None
    assert host.udp("10.0.0.9:5000", "10.0.0.1:53") is endpoint


def test_disconnected_socket_is_bound_to_no_device(host):
    endpoint = host.bound("udp4 dev=2", "0.0.0.0:53")
    host.udp_connect(endpoint, "10.0.0.1", PEER)
    host.tables.disconnect_udp(endpoint)
    assert host.udp("10.0.0.8:1", "10.0.0.2:53", device=1) is endpoint


def test_connected_socket_is_found_by_four_tuple_before_scores(host):
    # The older one is bound to the device, which would score higher.
    on_device = host.bound("udp4 ra dev=1", "10.0.0.1:53")
    anywhere = host.bound("udp4 ra", "10.0.0.1:53")
    host.udp_connect(on_device, "10.0.0.1", PEER)
    host.udp_connect(anywhere, "10.0.0.1", PEER)
    assert host.udp(PEER, "10.0.0.1:53") is anywhere
    host.tables.rules.udp_exact_table = False
    assert host.udp(PEER, "10.0.0.1:53") is on_device


def test_reconnected_socket_is_found_by_score_only(host):
    # Seen on 6.18: a second connect() does not file the socket anew.
    again = host.bound("udp4 ra", "10.0.0.1:53")
    host.udp_connect(again, "10.0.0.1", "10.0.0.9:4000")
    host.udp_connect(again, "10.0.0.1", PEER)
    assert host.udp(PEER, "10.0.0.1:53") is again
    assert host.udp("10.0.0.9:4000", "10.0.0.1:53") is None
    grouped = host.bound("udp4 ra rp", "10.0.0.1:53")
    assert host.udp(PEER, "10.0.0.1:53") is grouped
    host.udp_connect(again, "10.0.0.1", "10.0.0.9:4000")
    assert host.udp("10.0.0.9:4000", "10.0.0.1:53") is again


def test_received_datagram_marks_the_cpu_of_a_connected_socket(host):
    older = host.bound("udp4 ra", "10.0.0.1:53")
    host.udp_connect(older, "10.0.0.1", PEER)
    host.tables.delivered_udp(older, parse_ip("10.0.0.9"))
    host.tables.disconnect_udp(older)
    newer = host.bound("udp4 ra", "10.0.0.1:53")
    assert host.udp("10.0.0.8:1", "10.0.0.1:53") is older
    host.tables.delivered_udp(newer, parse_ip("10.0.0.8"))
    assert newer.incoming_cpu == -1


def test_device_bound_later_is_seen_by_the_lookup(host):
    endpoint = host.bound("udp4", "0.0.0.0:53")
    host.tables.bind_device(endpoint, 2)
    assert host.udp(PEER, "10.0.0.1:53", device=1) is None
    assert host.udp(PEER, "10.0.0.1:53", device=2) is endpoint


def test_closed_socket_gets_nothing(host):
    endpoint = host.bound("udp4", "0.0.0.0:53")
    host.tables.remove(endpoint)
    assert host.udp(PEER, "10.0.0.1:53") is None
    host.tables.remove(endpoint)
    assert host.tables.endpoints() == []


def test_new_socket_has_no_peer(host):
    assert make("udp6").peer == V6_ANY


def test_device_bound_after_connect_files_the_socket_anew(host):
    endpoint = host.bound("udp4", "10.0.0.1:53")
    host.udp_connect(endpoint, "10.0.0.1", "10.0.0.9:4000")
    host.udp_connect(endpoint, "10.0.0.1", PEER)
    host.tables.bind_device(endpoint, 2)
    assert host.udp(PEER, "10.0.0.1:53", device=2) is endpoint
    assert host.udp(PEER, "10.0.0.1:53", device=1) is None


def test_socket_on_any_mapped_address_receives_ipv4_only_on_connect(host):
    endpoint = host.bound("udp6", "[::ffff:0.0.0.0]:53")
    host.udp_connect(endpoint, "10.0.0.1", PEER)
    host.tables.disconnect_udp(endpoint)
    # It had asked for an address, so the one connect() gave it stays.
    assert endpoint.local == parse_ip("10.0.0.1")
