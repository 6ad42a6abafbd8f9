"""Who may bind a TCP port: linux-rules §5.1 to 5.3."""

import pytest
from builders_ports import make

OVERLAP = [
    # owner's socket and address, the new one's, whether they overlap
    ("tcp4", "10.0.0.1:80", "tcp4", "10.0.0.1:80", True),
    ("tcp4", "10.0.0.1:80", "tcp4", "10.0.0.2:80", False),
    ("tcp4", "0.0.0.0:80", "tcp4", "10.0.0.2:80", True),
    ("tcp4", "10.0.0.1:80", "tcp4", "0.0.0.0:80", True),
    ("tcp4", "10.0.0.1:80", "tcp4", "10.0.0.1:81", False),
    ("tcp6", "[::]:80", "tcp4", "10.0.0.1:80", True),
    ("tcp6 v6only", "[::]:80", "tcp4", "10.0.0.1:80", False),
    ("tcp4", "10.0.0.1:80", "tcp6", "[::]:80", True),
    ("tcp4", "10.0.0.1:80", "tcp6 v6only", "[::]:80", False),
    ("tcp6", "[::]:80", "tcp6", "[::1]:80", True),
    ("tcp6 v6only", "[::]:80", "tcp6", "[::1]:80", True),
    ("tcp6", "[::1]:80", "tcp6", "[::1]:80", True),
    ("tcp6", "[::1]:80", "tcp6", "[::2]:80", False),
    ("tcp6", "[::1]:80", "tcp4", "0.0.0.0:80", False),
    ("tcp4", "0.0.0.0:80", "tcp6", "[::1]:80", False),
    ("tcp6", "[::ffff:10.0.0.1]:80", "tcp4", "10.0.0.1:80", True),
    ("tcp6", "[::ffff:10.0.0.1]:80", "tcp4", "10.0.0.2:80", False),
    ("tcp6", "[::ffff:0.0.0.0]:80", "tcp4", "10.0.0.1:80", True),
    ("tcp6", "[::ffff:0.0.0.0]:80", "tcp6", "[::1]:80", False),
    ("tcp6", "[::]:80", "tcp6", "[::ffff:10.0.0.1]:80", True),
    ("tcp6 v6only", "[::]:80", "tcp6", "[::ffff:10.0.0.1]:80", False),
    ("tcp6 v6only", "[::]:80", "tcp6", "[::]:80", True),
    ("tcp4", "0.0.0.0:80", "tcp6", "[::]:80", True),
]


@pytest.mark.parametrize(("owner", "held", "new", "wanted", "overlap"), OVERLAP)
def test_bound_port_bound_again_conflicts_where_addresses_overlap(host, owner, held, new, wanted, overlap):
    host.bound(owner, held)
    assert host.try_bind(new, wanted) == ("EADDRINUSE" if overlap else "ok")


@pytest.mark.parametrize(
    ("owner", "new", "verdict"),
    [
        ("tcp4 dev=1", "tcp4 dev=2", "ok"),
        ("tcp4 dev=1", "tcp4 dev=1", "EADDRINUSE"),
        ("tcp4", "tcp4 dev=2", "EADDRINUSE"),
        ("tcp4 dev=1", "tcp4", "EADDRINUSE"),
        ("tcp4 ra", "tcp4 ra", "ok"),
        ("tcp4 ra", "tcp4", "EADDRINUSE"),
        ("tcp4", "tcp4 ra", "EADDRINUSE"),
        ("tcp4 rp", "tcp4 rp", "ok"),
        ("tcp4 rp", "tcp4", "EADDRINUSE"),
        ("tcp4", "tcp4 rp", "EADDRINUSE"),
        ("tcp4 rp", "tcp4 rp uid=7", "EADDRINUSE"),
        ("tcp4 ra rp", "tcp4 ra rp uid=7", "ok"),
        ("tcp4 ra", "tcp4 rp", "EADDRINUSE"),
    ],
)
def test_bound_port_bound_again_with_options(host, owner, new, verdict):
    host.bound(owner, "10.0.0.1:80")
    assert host.try_bind(new, "10.0.0.1:80") == verdict


@pytest.mark.parametrize(
    ("owner", "new", "verdict"),
    [
        ("tcp4 ra", "tcp4 ra", "EADDRINUSE"),
        ("tcp4 rp", "tcp4 rp", "ok"),
        ("tcp4 ra rp", "tcp4 ra", "EADDRINUSE"),
        ("tcp4 rp", "tcp4 rp uid=7", "EADDRINUSE"),
    ],
)
def test_listening_port_bound_again_with_options(host, owner, new, verdict):
    host.listening(owner, "10.0.0.1:80")
    assert host.try_bind(new, "10.0.0.1:80") == verdict


# The old server is gone; what it left decides (§5.2).
@pytest.mark.parametrize("left", ["child", "client", "time-wait"])
@pytest.mark.parametrize(
    ("old", "new", "verdict"),
    [
        ("tcp4", "tcp4", "EADDRINUSE"),
        ("tcp4", "tcp4 ra", "EADDRINUSE"),
        ("tcp4 ra", "tcp4", "EADDRINUSE"),
        ("tcp4 ra", "tcp4 ra", "ok"),
        ("tcp4", "tcp4 rp", "EADDRINUSE"),
        ("tcp4 rp", "tcp4 rp", "ok"),
    ],
)
def test_port_held_by_connection_bound_again(host, left, old, new, verdict):
    if left == "client":
        host.connected(old, "10.0.0.1:80", "10.0.0.9:5000")
    else:
        server = host.listening(old, "0.0.0.0:80")
        child = host.accepted(server, "10.0.0.1", "10.0.0.9:5000")
        host.tables.remove(server)
        if left == "time-wait":
            host.to_time_wait(child)
    assert host.try_bind(new, "0.0.0.0:80") == verdict


def test_time_wait_bound_again_by_another_user_with_reuseport(host):
    server = host.listening("tcp4 rp", "0.0.0.0:80")
    child = host.accepted(server, "10.0.0.1", "10.0.0.9:5000")
    host.tables.remove(server)
    assert host.try_bind("tcp4 rp uid=7", "0.0.0.0:80") == "EADDRINUSE"
    host.to_time_wait(child)
    assert host.try_bind("tcp4 rp uid=7", "0.0.0.0:80") == "ok"


def test_accepted_connection_counts_with_uid_of_who_accepted(host):
    server = host.listening("tcp4 rp", "0.0.0.0:80")
    host.accepted(server, "10.0.0.1", "10.0.0.9:5000", uid=7)
    host.tables.remove(server)
    assert host.try_bind("tcp4 rp uid=8", "0.0.0.0:80") == "EADDRINUSE"
    assert host.try_bind("tcp4 rp uid=7", "0.0.0.0:80") == "ok"


def test_two_bound_sockets_listen_only_first(host):
    first = host.bound("tcp4 ra", "0.0.0.0:80")
    second = host.bound("tcp4 ra", "0.0.0.0:80")
    assert host.listen(first) == "ok"
    assert host.listen(second) == "EADDRINUSE"


def test_failed_listen_leaves_socket_bound(host):
    first = host.bound("tcp4 ra", "0.0.0.0:80")
    second = host.bound("tcp4 ra", "0.0.0.0:80")
    host.listen(first)
    host.listen(second)
    host.tables.remove(first)
    assert host.listen(second) == "ok"


def test_client_port_blocks_server(host):
    client = host.connected("tcp4", "10.0.0.1:0", "10.0.0.9:80")
    assert host.try_bind("tcp4 ra", f"0.0.0.0:{client.local_port}") == "EADDRINUSE"


def test_request_blocks_nobody(host):
    server = host.listening("tcp4", "10.0.0.1:80")
    request = server.child(server.local, server.local + 1, 5000)
    request.state = 12
    host.tables.insert_established(request)
    host.tables.remove(server)
    assert host.try_bind("tcp4", "10.0.0.1:80") == "ok"


def test_concrete_v6_address_sets_v6only(host):
    assert host.bound("tcp6", "[::1]:80").v6only
    assert not host.bound("tcp6", "[::]:81").v6only
    assert not host.bound("tcp6", "[::ffff:10.0.0.1]:82").v6only


def test_failed_bind_leaves_socket_as_it_was(host):
    host.bound("tcp6", "[::1]:80")
    endpoint = make("tcp6")
    assert host.tables.bind(endpoint, 1, 80) != 0
    assert (endpoint.local, endpoint.local_port, endpoint.v6only) == (0, 0, False)


def test_dual_stack_connection_over_v6_blocks_v4_wildcard(host):
    # Seen on 6.18: an AF_INET6 socket that is not v6only has some IPv4 address in any case.
    client = make("tcp6")
    host.connect(client, "::1", "[::1]:9000")
    port = client.local_port
    assert host.try_bind("tcp4", f"0.0.0.0:{port}") == "EADDRINUSE"
    assert host.try_bind("tcp4", f"10.0.0.1:{port}") == "ok"


# --- §5.3, the bucket cache ---------------------------------------------------------------------


def test_cache_waves_reuseport_socket_through_despite_other_owner(host):
    host.bound("tcp4 ra", "0.0.0.0:80")
    host.bound("tcp4 ra rp", "0.0.0.0:80")
    assert host.try_bind("tcp4 rp", "10.0.0.1:80") == "ok"


def test_cache_off_the_same_bind_conflicts(host):
    host.tables.rules.bucket_cache = False
    host.bound("tcp4 ra", "0.0.0.0:80")
    host.bound("tcp4 ra rp", "0.0.0.0:80")
    assert host.try_bind("tcp4 rp", "10.0.0.1:80") == "EADDRINUSE"


@pytest.mark.parametrize(
    ("remembered", "where", "new", "wanted", "verdict"),
    [
        ("tcp4 ra rp", "0.0.0.0:80", "tcp4 rp uid=7", "10.0.0.1:80", "EADDRINUSE"),
        ("tcp4 ra rp", "0.0.0.0:80", "tcp4", "10.0.0.1:80", "EADDRINUSE"),
        ("tcp4 ra rp", "10.0.0.1:80", "tcp4 rp", "10.0.0.1:80", "ok"),
        ("tcp4 ra rp", "10.0.0.2:80", "tcp4 rp", "10.0.0.1:80", "EADDRINUSE"),
        ("tcp4 ra rp", "10.0.0.1:80", "tcp4 rp", "0.0.0.0:80", "EADDRINUSE"),
        ("tcp6 ra rp", "[::]:80", "tcp4 rp", "10.0.0.1:80", "ok"),
        ("tcp6 ra rp v6only", "[::]:80", "tcp4 rp", "10.0.0.1:80", "EADDRINUSE"),
    ],
)
def test_cache_covers_same_user_and_its_address(host, remembered, where, new, wanted, verdict):
    host.bound("tcp4 ra", "0.0.0.0:80")
    host.bound(remembered, where)
    assert host.try_bind(new, wanted) == verdict


def test_cache_is_cleared_by_bind_without_reuseport(host):
    host.bound("tcp4 ra", "0.0.0.0:80")
    host.bound("tcp4 ra rp", "0.0.0.0:80")
    host.bound("tcp4 ra", "0.0.0.0:80")
    assert host.try_bind("tcp4 rp", "10.0.0.1:80") == "EADDRINUSE"


def test_cache_dies_with_last_owner(host):
    endpoint = host.bound("tcp4 rp", "0.0.0.0:80")
    host.tables.remove(endpoint)
    host.bound("tcp4 ra", "0.0.0.0:80")
    assert host.try_bind("tcp4 rp", "0.0.0.0:80") == "EADDRINUSE"


def test_cache_ignores_devices(host):
    host.bound("tcp4 ra", "0.0.0.0:80")
    host.bound("tcp4 ra rp dev=1", "0.0.0.0:80")
    assert host.try_bind("tcp4 rp dev=2", "0.0.0.0:80") == "ok"


def test_grouped_listener_rebinding_is_not_waved_through(host):
    # "sk not already in a group": only a listener is, and it cannot bind again; listen() twice is
    # answered before the rule.
    listener = host.listening("tcp4 rp", "0.0.0.0:80")
    assert host.listen(listener) == "ok"
