"""Who gets a TCP segment: linux-rules §2."""

import pytest

from fourtuple.ports.endpoint import LISTEN

CLIENT = "10.0.0.9:5000"


def test_connection_comes_before_listener(host):
    server = host.listening("tcp4", "10.0.0.1:80")
    child = host.accepted(server, "10.0.0.1", CLIENT)
    assert host.tcp(CLIENT, "10.0.0.1:80") is child
    assert host.tcp("10.0.0.9:5001", "10.0.0.1:80") is server


@pytest.mark.parametrize(
    ("source", "destination"),
    [
        ("10.0.0.8:5000", "10.0.0.1:80"),
        ("10.0.0.9:5001", "10.0.0.1:80"),
        ("10.0.0.9:5000", "10.0.0.2:80"),
        ("10.0.0.9:5000", "10.0.0.1:81"),
    ],
)
def test_connection_needs_all_four(host, source, destination):
    host.connected("tcp4", "10.0.0.1:80", CLIENT)
    assert host.tcp(source, destination) is None


def test_device_bound_connection_takes_only_its_device(host):
    connection = host.connected("tcp4 dev=2", "10.0.0.1:80", CLIENT)
    assert host.tcp(CLIENT, "10.0.0.1:80", device=2) is connection
    assert host.tcp(CLIENT, "10.0.0.1:80", device=1) is None


def test_same_four_tuple_on_two_devices(host):
    older = host.connected("tcp4 dev=1 ra", "10.0.0.1:80", CLIENT)
    newer = host.connected("tcp4 dev=2 ra", "10.0.0.1:80", CLIENT)
    assert host.tcp(CLIENT, "10.0.0.1:80", device=1) is older
    assert host.tcp(CLIENT, "10.0.0.1:80", device=2) is newer
    assert host.tcp(CLIENT, "10.0.0.1:80", device=3) is None
    host.tables.remove(newer)
    assert host.tcp(CLIENT, "10.0.0.1:80", device=1) is older
    host.tables.remove(older)
    assert len(host.tables.tcp.exact) == 0


def test_v4_segment_finds_v6_socket_on_mapped_address(host):
    connection = host.connected("tcp6", "[::ffff:10.0.0.1]:80", f"[::ffff:10.0.0.9]:{5000}")
    assert host.tcp(CLIENT, "10.0.0.1:80") is connection


def test_request_and_time_wait_are_found(host):
    server = host.listening("tcp4", "10.0.0.1:80")
    request = server.child(server.local, server.local + 8, 5000)
    request.state = 12
    host.tables.insert_established(request)
    assert host.tcp(CLIENT, "10.0.0.1:80") is request
    child = server.child(server.local, server.local + 8, 5000)
    host.tables.replace_established(request, child)
    assert host.tcp(CLIENT, "10.0.0.1:80") is child
    rest = host.to_time_wait(child)
    assert host.tcp(CLIENT, "10.0.0.1:80") is rest


def test_syn_for_time_wait_finds_the_listener(host):
    server = host.listening("tcp4", "10.0.0.1:80")
    host.to_time_wait(host.accepted(server, "10.0.0.1", CLIENT))
    address = server.local
    assert host.tables.lookup_listener(address + 8, 5000, address, 80, 1, None) is server


# --- §2.1 ---------------------------------------------------------------------------------------

# listeners in the order of listen(), the segment's destination and device, the index of the winner
LISTENERS = [
    (["tcp4 10.0.0.1:80", "tcp4 0.0.0.0:80"], "10.0.0.1:80", 1, 0),
    (["tcp4 ra 0.0.0.0:80", "tcp4 ra 10.0.0.1:80"], "10.0.0.2:80", 1, 0),
    # An exact address beats a wildcard even if that is bound to the device.
    (["tcp4 10.0.0.1:80", "tcp4 dev=1 0.0.0.0:80"], "10.0.0.1:80", 1, 0),
    # A listener of the device beats one of none, whatever the order.
    (["tcp4 dev=1 0.0.0.0:80", "tcp4 0.0.0.0:80"], "10.0.0.1:80", 1, 0),
    (["tcp4 0.0.0.0:80", "tcp4 dev=1 0.0.0.0:80"], "10.0.0.1:80", 1, 1),
    (["tcp4 dev=2 0.0.0.0:80", "tcp4 0.0.0.0:80"], "10.0.0.1:80", 1, 1),
    (["tcp4 dev=2 0.0.0.0:80"], "10.0.0.1:80", 1, None),
    # IPv4 prefers AF_INET to a dual-stack socket; v6only sees none.
    (["tcp4 0.0.0.0:80", "tcp6 [::]:80"], "10.0.0.1:80", 1, 0),
    (["tcp6 [::]:80"], "10.0.0.1:80", 1, 0),
    (["tcp6 v6only [::]:80"], "10.0.0.1:80", 1, None),
    (["tcp6 [::]:80"], "[::1]:80", 1, 0),
    (["tcp6 v6only [::]:80"], "[::1]:80", 1, 0),
    (["tcp4 0.0.0.0:80"], "[::1]:80", 1, None),
    (["tcp6 [::ffff:0.0.0.0]:80"], "[::1]:80", 1, None),
    (["tcp6 [::ffff:0.0.0.0]:80"], "10.0.0.1:80", 1, 0),
    (["tcp6 [::ffff:10.0.0.1]:80"], "10.0.0.1:80", 1, 0),
    (["tcp6 [::1]:80", "tcp6 dev=1 [::]:80"], "[::1]:80", 1, 0),
    # A device-bound dual-stack socket equals an unbound AF_INET one; the later listen() wins.
    (["tcp4 0.0.0.0:80", "tcp6 dev=1 [::]:80"], "10.0.0.1:80", 1, 1),
    (["tcp6 dev=1 [::]:80", "tcp4 0.0.0.0:80"], "10.0.0.1:80", 1, 1),
    # SO_INCOMING_CPU adds one; the host receives on CPU 0.
    (["tcp4 rp cpu=0 0.0.0.0:80", "tcp4 rp cpu=1 0.0.0.0:80"], "10.0.0.1:80", 1, 0),
]


@pytest.mark.parametrize(("listeners", "destination", "device", "winner"), LISTENERS)
def test_listeners_of_one_port_syn_arrives(host, listeners, destination, device, winner):
    made = []
    for line in listeners:
        words, _, where = line.rpartition(" ")
        made.append(host.restored(words, where, LISTEN))
    found = host.tcp("[::9]:5000" if destination.startswith("[") else CLIENT, destination, device)
    assert found is (None if winner is None else made[winner])


def test_no_listener_on_port(host):
    assert host.tcp(CLIENT, "10.0.0.1:80") is None


def test_bound_socket_is_no_listener(host):
    host.bound("tcp4", "10.0.0.1:80")
    assert host.tcp(CLIENT, "10.0.0.1:80") is None


def test_unlistened_socket_gets_nothing_and_keeps_a_port_asked_for(host):
    server = host.listening("tcp4", "10.0.0.1:80")
    host.tables.unlisten(server)
    assert host.tcp(CLIENT, "10.0.0.1:80") is None
    assert host.try_bind("tcp4", "10.0.0.1:80") == "EADDRINUSE"
    assert host.listen(server) == "ok"
    assert host.tcp(CLIENT, "10.0.0.1:80") is server


def test_unlistened_socket_gives_back_a_port_the_system_chose(host):
    server = host.listening("tcp4", "10.0.0.1:0")
    port = server.local_port
    host.tables.unlisten(server)
    assert server.local_port == 0
    assert host.try_bind("tcp4", f"10.0.0.1:{port}") == "ok"


def test_reuseport_listeners_of_different_devices_last_listen_wins(host):
    # Two groups; the first of rising score is returned at once.
    on_device = host.bound("tcp4 rp dev=1", "0.0.0.0:80")
    anywhere = host.bound("tcp4 rp", "0.0.0.0:80")
    host.listen(on_device)
    host.listen(anywhere)
    assert host.tcp(CLIENT, "10.0.0.1:80") is anywhere


def test_reuseport_at_once_off_higher_score_wins(host):
    host.tables.rules.reuseport_at_once = False
    on_device = host.bound("tcp4 rp dev=1", "0.0.0.0:80")
    anywhere = host.bound("tcp4 rp", "0.0.0.0:80")
    host.listen(on_device)
    host.listen(anywhere)
    assert host.tcp(CLIENT, "10.0.0.1:80") is on_device


def test_reuseport_v6_listener_stands_at_the_end_of_the_list(host):
    v6 = host.bound("tcp6 rp dev=1", "[::]:80")
    v4 = host.bound("tcp4 rp", "0.0.0.0:80")
    host.listen(v4)
    host.listen(v6)
    # Equal scores, and the later listen() is the one at the end.
    assert host.tcp(CLIENT, "10.0.0.1:80") is v4
