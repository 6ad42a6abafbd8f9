"""Ports chosen by the system: linux-rules §7."""

import pytest
from builders_ports import make, name_of

from fourtuple.clock.streams import Stream
from fourtuple.ports.endpoint import FIN_WAIT_2
from fourtuple.ports.ephemeral import NO_PORT, BindSearch, ConnectSearch, UdpSearch
from fourtuple.ports.settings import PortSettings
from fourtuple.wire.address import V4_ANY, parse_ip

LOCAL, PEER = "10.0.0.1", "10.0.0.9:80"


@pytest.fixture
def narrow(host):
    """A host with the port range 40000-40007."""
    set_range(host, 40_000, 40_007)
    return host


def set_range(host, low, high):
    host.tables.local_port_low, host.tables.local_port_high = low, high


def settings(low, high, seed=1):
    made = PortSettings(bytes(16), Stream(seed, "search"))
    made.local_port_low, made.local_port_high = low, high
    return made


def drain(search):
    ports = []
    while (port := search.next()) != NO_PORT:
        ports.append(port)
    return ports


def connect_all(host, peer=PEER, local=LOCAL, words="tcp4"):
    """The ports of connects until there is none left."""
    ports = []
    while True:
        endpoint = make(words)
        code = host.tables.connect_tcp(
            endpoint, parse_ip(local), parse_ip(peer.split(":")[0]), int(peer.split(":")[1])
        )
        if code:
            assert name_of(code) == "EADDRNOTAVAIL"
            return ports
        ports.append(endpoint.local_port)


# --- the searches -------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_connect_search_tries_parity_of_low_first(seed):
    search = ConnectSearch(settings(40_001, 40_010, seed), make("tcp4"), 1, 2, 3)
    ports = drain(search)
    assert sorted(ports) == list(range(40_001, 40_011))
    assert all(port % 2 == 1 for port in ports[:5])
    assert all(port % 2 == 0 for port in ports[5:])


@pytest.mark.parametrize("seed", range(5))
def test_bind_search_tries_the_other_parity_first(seed):
    ports = drain(BindSearch(settings(40_000, 40_009, seed), make("tcp4"), 0))
    assert sorted(ports) == list(range(40_000, 40_010))
    assert all(port % 2 == 1 for port in ports[:5])


@pytest.mark.parametrize(("half", "first", "last"), [(1, 40_000, 40_003), (2, 40_004, 40_009)])
def test_bind_search_of_a_half(half, first, last):
    ports = drain(BindSearch(settings(40_000, 40_009), make("tcp4"), half))
    assert sorted(ports) == list(range(first, last + 1))


@pytest.mark.parametrize(("low", "high"), [(40_000, 40_009), (40_000, 40_000), (1024, 65_535), (0, 65_535)])
@pytest.mark.parametrize("slots", [256, 16_384, 65_536])
def test_udp_search_tries_every_port_once(low, high, slots):
    made = settings(low, high)
    made.udp_slots = slots
    assert sorted(drain(UdpSearch(made, make("udp4")))) == list(range(low, high + 1))


def test_udp_search_has_no_parity():
    made = settings(40_000, 49_999)
    first = [UdpSearch(made, make("udp4")).next() for _ in range(200)]
    assert 60 < sum(port % 2 for port in first) < 140


@pytest.mark.parametrize("search", ["connect", "bind", "udp"])
def test_reserved_ports_are_never_chosen(search):
    made = settings(40_000, 40_003)
    made.reserved_ports = frozenset([40_001, 40_002])
    if search == "connect":
        ports = drain(ConnectSearch(made, make("tcp4"), 1, 2, 3))
    elif search == "bind":
        ports = drain(BindSearch(made, make("tcp4"), 0))
    else:
        ports = drain(UdpSearch(made, make("udp4")))
    assert sorted(ports) == [40_000, 40_003]


@pytest.mark.parametrize(
    ("option", "ports"),
    [
        ("range=40002-40005", range(40_002, 40_006)),
        # An end outside the host's range is ignored.
        ("range=30000-40003", range(40_000, 40_004)),
        ("range=40004-50000", range(40_004, 40_008)),
        ("range=1000-2000", range(40_000, 40_008)),
    ],
)
def test_own_range_narrows_the_hosts(option, ports):
    made = settings(40_000, 40_007)
    assert sorted(drain(ConnectSearch(made, make(f"tcp4 {option}"), 1, 2, 3))) == list(ports)
    assert sorted(drain(UdpSearch(made, make(f"udp4 {option}")))) == list(ports)


def test_own_range_drops_connects_parity():
    ports = drain(ConnectSearch(settings(40_000, 40_009), make("tcp4 range=40000-40009"), 1, 2, 3))
    start = ports.index(40_000)
    assert ports[start:] + ports[:start] == list(range(40_000, 40_010))


def test_connect_search_of_an_odd_range_leaves_one_port_out():
    ports = drain(ConnectSearch(settings(40_000, 40_004), make("tcp4"), 1, 2, 3))
    assert len(ports) == len(set(ports)) == 4


def test_one_port_range():
    assert drain(ConnectSearch(settings(40_000, 40_000), make("tcp4"), 1, 2, 3)) == [40_000]
    assert drain(BindSearch(settings(40_000, 40_000), make("tcp4"), 0)) == [40_000]


def test_search_start_depends_on_secret_and_destination():
    starts = set()
    for secret in (bytes(16), bytes([1] * 16)):
        for peer in (2, 3):
            made = PortSettings(secret, Stream(1, "search"))
            starts.add(ConnectSearch(made, make("tcp4"), 1, peer, 80).next())
    assert len(starts) == 4


def test_slot_advances_past_the_port_taken():
    made = settings(32_768, 60_999)
    before = None
    for _ in range(20):
        search = ConnectSearch(made, make("tcp4"), 1, 2, 3)
        port = search.next()
        search.taken()
        if before is not None:
            assert 2 <= (port - before) % 28_232 <= 16
        before = port


# --- TCP connect() ------------------------------------------------------------------------------


def test_connects_take_each_port_once_then_fail(narrow):
    ports = connect_all(narrow)
    assert sorted(ports) == list(range(40_000, 40_008))
    assert all(port % 2 == 0 for port in ports[:4])


def test_another_destination_shares_the_ports(narrow):
    connect_all(narrow)
    for peer in ("10.0.0.9:81", "10.0.0.8:80"):
        assert len(connect_all(narrow, peer)) == 8


def test_another_source_address_shares_the_ports(narrow):
    connect_all(narrow)
    assert len(connect_all(narrow, local="10.0.0.2")) == 8


def test_freed_port_is_found_again(narrow):
    connect_all(narrow)
    gone = narrow.tables.endpoints()[3]
    narrow.tables.remove(gone)
    assert connect_all(narrow) == [gone.local_port]


def test_range_changed_while_connected(narrow):
    connect_all(narrow)
    set_range(narrow, 40_000, 40_009)
    assert sorted(connect_all(narrow)) == [40_008, 40_009]
    set_range(narrow, 40_000, 40_003)
    assert connect_all(narrow) == []


def test_bound_ports_are_lost_to_connect_on_every_address(narrow):
    for port in range(40_000, 40_008):
        narrow.bound("tcp4", f"10.0.0.2:{port}")
    assert connect_all(narrow) == []


def test_listener_keeps_its_port_from_connect(narrow):
    narrow.listening("tcp4", "10.0.0.2:40000")
    assert 40_000 not in connect_all(narrow)


def test_port_left_by_its_last_binder_is_shared_again(narrow):
    client = narrow.connected("tcp4 ra", f"{LOCAL}:0", PEER)
    port = client.local_port
    set_range(narrow, port, port)
    binder = narrow.bound("tcp4 ra", f"10.0.0.2:{port}")
    assert connect_all(narrow, "10.0.0.8:80") == []
    narrow.tables.remove(binder)
    assert connect_all(narrow, "10.0.0.8:80") == [port]


def test_before_6_18_such_a_port_stays_closed(narrow):
    narrow.tables.rules.connect_shares_again = False
    client = narrow.connected("tcp4 ra", f"{LOCAL}:0", PEER)
    port = client.local_port
    set_range(narrow, port, port)
    narrow.tables.remove(narrow.bound("tcp4 ra", f"10.0.0.2:{port}"))
    assert connect_all(narrow, "10.0.0.8:80") == []


def test_bind_without_port_leaves_the_choice_to_connect(narrow):
    ports = []
    for peer in ("10.0.0.9", "10.0.0.8"):
        for _ in range(8):
            endpoint = narrow.bound("tcp4 no-port", f"{LOCAL}:0")
            assert endpoint.local_port == 0
            assert narrow.connect(endpoint, LOCAL, f"{peer}:80") == "ok"
            ports.append(endpoint.local_port)
    assert sorted(ports) == sorted([*range(40_000, 40_008)] * 2)


def test_bind_without_port_but_with_number_takes_it(narrow):
    assert narrow.bound("tcp4 no-port", f"{LOCAL}:80").local_port == 80


def test_bound_socket_connects_from_its_port(narrow):
    endpoint = narrow.bound("tcp4 ra", "0.0.0.0:70")
    assert narrow.connect(endpoint, LOCAL, PEER) == "ok"
    assert endpoint.local == parse_ip(LOCAL)
    second = narrow.bound("tcp4 ra", "0.0.0.0:70")
    assert narrow.connect(second, LOCAL, PEER) == "EADDRNOTAVAIL"
    assert second.local == V4_ANY
    assert narrow.connect(second, LOCAL, "10.0.0.9:81") == "ok"


def test_failed_connect_gives_back_what_the_system_chose(narrow):
    chosen = narrow.connected("tcp4", f"{LOCAL}:0", PEER)
    narrow.tables.disconnect_tcp(chosen)
    assert (chosen.local, chosen.local_port, chosen.port_by_connect) == (V4_ANY, 0, False)
    assert narrow.tables.endpoints() == []


def test_failed_connect_keeps_what_was_bound(narrow):
    bound = narrow.connected("tcp4", f"{LOCAL}:70", PEER)
    narrow.tables.disconnect_tcp(bound)
    assert (bound.local, bound.local_port) == (parse_ip(LOCAL), 70)
    assert narrow.try_bind("tcp4", f"{LOCAL}:70") == "EADDRINUSE"
    assert narrow.connect(bound, LOCAL, PEER) == "ok"


# --- TIME_WAIT ----------------------------------------------------------------------------------

SECOND = 10**9


@pytest.mark.parametrize(
    ("tw_reuse", "local", "age", "timestamps", "substate", "reused"),
    [
        (2, "127.0.0.1", 2 * SECOND, True, 6, True),
        (2, "127.0.0.1", SECOND, True, 6, False),
        (2, "127.0.0.1", SECOND + 1, True, 6, True),
        (2, "10.0.0.1", 2 * SECOND, True, 6, False),
        (1, "10.0.0.1", 2 * SECOND, True, 6, True),
        (0, "127.0.0.1", 2 * SECOND, True, 6, False),
        (1, "127.0.0.1", 2 * SECOND, False, 6, False),
        (1, "127.0.0.1", 2 * SECOND, True, FIN_WAIT_2, False),
    ],
)
def test_time_wait_in_the_way_of_a_chosen_port(host, tw_reuse, local, age, timestamps, substate, reused):
    set_range(host, 40_000, 40_000)
    host.tables.tw_reuse = tw_reuse
    peer = f"{local}:80"
    rest = host.to_time_wait(host.connected("tcp4", f"{local}:0", peer), age, timestamps, substate)
    endpoint = make("tcp4")
    assert host.connect(endpoint, local, peer) == ("ok" if reused else "EADDRNOTAVAIL")
    assert rest.owner.successor is (endpoint if reused else None)
    assert host.tables.endpoints() == ([endpoint] if reused else [rest])


@pytest.mark.parametrize(("timestamps", "verdict"), [(True, "ok"), (False, "EADDRNOTAVAIL")])
def test_time_wait_in_the_way_of_a_bound_port_needs_timestamps_only(host, timestamps, verdict):
    host.tables.tw_reuse = 0
    host.to_time_wait(host.connected("tcp4 ra", f"{LOCAL}:70", PEER), 0, timestamps)
    again = host.bound("tcp4 ra", f"{LOCAL}:70")
    assert host.connect(again, LOCAL, PEER) == verdict


def test_time_wait_shares_its_port_with_other_destinations(host):
    set_range(host, 40_000, 40_000)
    host.to_time_wait(host.connected("tcp4", f"{LOCAL}:0", PEER))
    assert connect_all(host, "10.0.0.8:80") == [40_000]


def test_time_wait_of_unknown_owner_is_left_alone(host):
    set_range(host, 40_000, 40_000)
    host.tables.tw_reuse = 1
    rest = host.to_time_wait(host.connected("tcp4", f"{LOCAL}:0", PEER))
    rest.owner = None
    assert connect_all(host) == []


# --- bind(0) and listen() -----------------------------------------------------------------------


def test_bind_zero_prefers_the_other_parity(narrow):
    ports = [narrow.bound("tcp4", "0.0.0.0:0").local_port for _ in range(8)]
    assert sorted(ports) == list(range(40_000, 40_008))
    assert all(port % 2 for port in ports[:4])
    assert name_of(narrow.tables.bind(make("tcp4"), V4_ANY, 0)) == "EADDRINUSE"


def test_bind_zero_with_reuseaddr_takes_the_lower_half_first(narrow):
    ports = [narrow.bound("tcp4 ra", "0.0.0.0:0").local_port for _ in range(8)]
    assert sorted(ports[:4]) == list(range(40_000, 40_004))


def test_bind_zero_does_not_share(narrow):
    # Neither by SO_REUSEADDR nor by SO_REUSEPORT.
    for _ in range(8):
        narrow.bound("tcp4 ra rp", "0.0.0.0:0")
    assert name_of(narrow.tables.bind(make("tcp4 ra rp"), V4_ANY, 0)) == "EADDRINUSE"


def test_autobind_reuse_shares_by_reuseaddr_when_nothing_is_left(narrow):
    for _ in range(8):
        narrow.bound("tcp4 ra", "0.0.0.0:0")
    narrow.tables.autobind_reuse = True
    assert narrow.tables.bind(make("tcp4 ra"), V4_ANY, 0) == 0
    assert name_of(narrow.tables.bind(make("tcp4"), V4_ANY, 0)) == "EADDRINUSE"


def test_bind_zero_counts_per_local_address(narrow):
    for address in ("10.0.0.1", "10.0.0.2"):
        assert len({narrow.bound("tcp4", f"{address}:0").local_port for _ in range(8)}) == 8


def test_reserved_port_may_be_asked_for(narrow):
    narrow.tables.reserved_ports = frozenset(range(40_000, 40_008))
    assert name_of(narrow.tables.bind(make("tcp4"), V4_ANY, 0)) == "EADDRINUSE"
    assert narrow.try_bind("tcp4", "0.0.0.0:40003") == "ok"


def test_listen_without_bind_takes_a_port(narrow):
    endpoint = make("tcp4")
    assert narrow.listen(endpoint) == "ok"
    assert endpoint.local_port % 2 == 1
    assert narrow.tcp("10.0.0.9:1", f"10.0.0.1:{endpoint.local_port}") is endpoint


def test_listen_without_bind_none_left(narrow):
    for port in range(40_000, 40_008):
        narrow.bound("tcp4", f"0.0.0.0:{port}")
    endpoint = make("tcp4")
    assert narrow.listen(endpoint) == "EADDRINUSE"
    assert endpoint.state == 7


# --- UDP ----------------------------------------------------------------------------------------


def test_udp_capacity_is_the_range_whatever_the_peer(narrow):
    for index in range(8):
        assert narrow.udp_connect(make("udp4"), LOCAL, f"10.0.0.{index + 2}:53") == "ok"
    assert narrow.udp_connect(make("udp4"), LOCAL, "10.0.0.99:53") == "EAGAIN"
    assert name_of(narrow.tables.autobind_udp(make("udp4"))) == "EAGAIN"
    assert name_of(narrow.tables.bind(make("udp4"), V4_ANY, 0)) == "EADDRINUSE"


def test_udp_bind_zero_may_share_by_options(narrow):
    set_range(narrow, 40_000, 40_000)
    for words in ("udp4 ra", "udp4 rp"):
        first = narrow.bound(words, "0.0.0.0:0")
        assert narrow.bound(words, "0.0.0.0:0").local_port == 40_000
        for endpoint in narrow.tables.endpoints():
            narrow.tables.remove(endpoint)
        assert first.group is None


def test_udp_autobind_of_bound_socket_changes_nothing(narrow):
    endpoint = narrow.bound("udp4", "0.0.0.0:53")
    assert narrow.tables.autobind_udp(endpoint) == 0
    assert endpoint.local_port == 53
