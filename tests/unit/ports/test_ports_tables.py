"""Ownership: what is in the tables, and what is gone when it is gone."""

from builders_ports import PortsHost, make, split

from fourtuple.ports.bind import check_bind
from fourtuple.ports.endpoint import CLOSE, ESTABLISHED, LISTEN, NEW_SYN_RECV, TIME_WAIT
from fourtuple.ports.exact import ExactTable, pack_tuple
from fourtuple.wire.address import parse_ip


def test_removed_endpoints_leave_nothing(host):
    server = host.listening("tcp4 rp", "0.0.0.0:80")
    child = host.accepted(server, "10.0.0.1", "10.0.0.9:5000")
    client = host.connected("tcp4", "10.0.0.1:0", "10.0.0.9:80")
    waiting = host.to_time_wait(host.connected("tcp4", "10.0.0.1:0", "10.0.0.9:80"))
    bound = host.bound("udp4 rp", "0.0.0.0:53")
    for endpoint in (server, child, client, waiting, bound):
        host.tables.remove(endpoint)
        host.tables.remove(endpoint)
    assert host.tables.endpoints() == []
    assert host.try_bind("tcp4", "0.0.0.0:80") == "ok"
    assert server.group is None


def test_removed_endpoint_keeps_its_fields(host):
    client = host.connected("tcp4", "10.0.0.1:70", "10.0.0.9:80")
    host.tables.remove(client)
    assert (client.local_port, client.peer_port) == (70, 80)


def test_endpoints_come_in_order_of_ports_then_requests(host):
    first = host.bound("tcp4", "0.0.0.0:90")
    server = host.listening("tcp4", "0.0.0.0:80")
    request = server.child(parse_ip("10.0.0.1"), *split("10.0.0.9:5000"))
    request.state = NEW_SYN_RECV
    host.tables.insert_established(request)
    udp = host.bound("udp4", "0.0.0.0:10")
    child = host.accepted(server, "10.0.0.1", "10.0.0.9:5001")
    assert host.tables.endpoints() == [first, server, child, request, udp]


def test_child_inherits_options_but_not_its_parents_port_lock(host):
    server = host.listening("tcp6 ra rp dev=2 uid=7", "[::]:80")
    child = server.child(parse_ip("::1"), *split("[::9]:5000"))
    assert (child.reuse_addr, child.reuse_port, child.device, child.uid) == (True, True, 2, 7)
    assert (child.local_port, child.peer_port) == (80, 5000)
    assert (child.port_locked, child.owner, child.group) == (False, None, None)


def test_time_wait_keeps_the_four_tuple_and_how_the_port_came(host):
    client = host.connected("tcp4", "10.0.0.1:0", "10.0.0.9:80")
    rest = client.time_wait()
    assert rest.state == TIME_WAIT
    assert rest.port_by_connect
    assert (rest.local, rest.local_port, rest.peer, rest.peer_port) == (
        client.local,
        client.local_port,
        client.peer,
        client.peer_port,
    )


def test_replacing_what_is_no_longer_there_inserts(host):
    client = host.connected("tcp4", "10.0.0.1:70", "10.0.0.9:80")
    rest = client.time_wait()
    host.tables.remove(client)
    host.tables.replace_established(client, rest)
    assert host.tcp("10.0.0.9:80", "10.0.0.1:70") is rest
    assert host.tables.endpoints() == [rest]


def test_many_connections_on_one_port_come_and_go(host):
    server = host.listening("tcp4", "0.0.0.0:80")
    local = parse_ip("10.0.0.1")
    children = [server.child(local, local + index, 5000) for index in range(5000)]
    for child in children:
        host.tables.insert_established(child)
    assert host.tables.lookup_tcp(local + 4999, 5000, local, 80, 1, None) is children[4999]
    assert len(host.tables.tcp.owners(80)) == 5001
    for child in children:
        host.tables.remove(child)
    assert host.tables.endpoints() == [server]


def test_check_bind_changes_nothing(host):
    host.bound("tcp4 ra", "0.0.0.0:80")
    endpoint = make("tcp6 ra")
    check_bind(host.tables, endpoint, 1, 80, None)
    assert (endpoint.local, endpoint.local_port, endpoint.v6only, endpoint.state) == (0, 0, False, CLOSE)
    assert len(host.tables.endpoints()) == 1


def test_check_bind_of_port_zero_is_not_searched(host):
    assert check_bind(host.tables, make("tcp4"), parse_ip("0.0.0.0"), 0, None) == 0


def test_snapshot_restored_answers_as_the_host_did(host):
    host.listening("tcp4 rp", "0.0.0.0:80")
    host.bound("udp4 ra", "0.0.0.0:53")
    connected = host.bound("udp4 ra", "0.0.0.0:53")
    host.udp_connect(connected, "10.0.0.1", "10.0.0.9:5000")
    copy = PortsHost()
    listener = copy.restored("tcp4 rp", "0.0.0.0:80", LISTEN)
    server = copy.restored("udp4 ra", "0.0.0.0:53", CLOSE)
    client = make("udp4 ra")
    client.local, client.local_port = split("10.0.0.1:53")
    client.peer, client.peer_port = split("10.0.0.9:5000")
    client.state = ESTABLISHED
    copy.tables.restore(client)
    connection = make("tcp4")
    connection.local, connection.local_port = split("10.0.0.1:80")
    connection.peer, connection.peer_port = split("10.0.0.9:5000")
    connection.state = ESTABLISHED
    copy.tables.restore(connection)
    assert copy.tcp("10.0.0.9:5001", "10.0.0.1:80") is listener
    assert copy.tcp("10.0.0.9:5000", "10.0.0.1:80") is connection
    assert copy.udp("10.0.0.9:5000", "10.0.0.1:53") is client
    assert copy.udp("10.0.0.9:5001", "10.0.0.2:53") is server
    assert copy.try_bind("tcp4", "0.0.0.0:80") == "EADDRINUSE"


def test_device_of_tcp_socket_may_change(host):
    server = host.listening("tcp4", "0.0.0.0:80")
    host.tables.bind_device(server, 2)
    assert host.tcp("10.0.0.9:1", "10.0.0.1:80", device=1) is None


# --- the table of four-tuples -------------------------------------------------------------------


def test_packed_tuples_never_collide():
    addresses = [parse_ip(text) for text in ("0.0.0.1", "255.255.255.255", "::1", "::1:0:0", "ff::")]
    ports = [1, 256, 65535]
    keys = {
        pack_tuple(peer, peer_port, local, port)
        for peer in addresses
        for local in addresses
        if (peer >> 32 == 0xFFFF) == (local >> 32 == 0xFFFF)
        for peer_port in ports
        for port in ports
    }
    assert len(keys) == (4 + 9) * 9


def connection(device):
    endpoint = make(f"tcp4 dev={device}")
    endpoint.local, endpoint.local_port = 1, 2
    endpoint.peer, endpoint.peer_port = 3, 4
    return endpoint


def test_shadowed_entries_are_replaced_and_removed_in_place():
    table = ExactTable()
    entries = [connection(device) for device in (1, 2, 3)]
    for entry in entries:
        table.add(entry)
    key = entries[0].key
    assert table.all_of(key) == entries[::-1]
    assert len(table) == 3
    new = connection(2)
    table.replace(entries[1], new)
    assert table.find(key, 2) is new
    assert table.endpoints() == [entries[2], new, entries[0]]
    table.remove(new)
    table.remove(entries[2])
    assert table.find(key, 1) is entries[0]
    assert table.find(key, 3) is None
    table.remove(entries[0])
    table.remove(entries[0])
    assert len(table) == 0
    assert table.all_of(key) == []
