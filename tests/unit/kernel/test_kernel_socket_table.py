"""The host's sockets as ss lists them."""

from builders_kernel import outcome

from fourtuple.kernel.sockaddr import AF_INET, AF_INET6, AF_UNIX, SOCK_DGRAM, SOCK_STREAM


def rows(host, protocol):
    return [row for row in host.kernel.sockets() if row.protocol == protocol]


def test_listener_shows_its_queue(host):
    server = host.socket(AF_INET, SOCK_STREAM)
    server.bind(("127.0.0.1", 8080))
    server.listen(7)
    client = host.socket(AF_INET, SOCK_STREAM)
    outcome(lambda: client.connect(("127.0.0.1", 8080)))
    host.settle()
    listening, *others = rows(host, "tcp")
    assert (listening.state, listening.recv_q, listening.send_q) == ("LISTEN", 1, 7)
    assert (listening.local, listening.peer) == ("127.0.0.1:8080", "0.0.0.0:*")
    assert listening.holders == [(host.process, server.fd)]
    by_holder = {len(row.holders): row for row in others}
    # The connection nobody accepted has no holder and no inode.
    assert by_holder[0].ino == 0
    assert by_holder[1].ino == client.ino
    assert host.kernel.holders(by_holder[1].endpoint) == [(host.process, client.fd)]


def test_connection_shows_queues_timer_and_all_holders(host):
    server = host.socket(AF_INET, SOCK_STREAM)
    server.bind(("127.0.0.1", 8080))
    server.listen(7)
    client = host.socket(AF_INET, SOCK_STREAM)
    outcome(lambda: client.connect(("127.0.0.1", 8080)))
    host.settle()
    child = server.accept()
    client.setsockopt(1, 9, 1)
    client.send(b"12345")
    host.settle()
    worker = host.kernel.fork(host.process, "worker", ["worker"])
    row = next(row for row in rows(host, "tcp") if row.ino == child.ino)
    assert (row.state, row.recv_q, row.send_q) == ("ESTAB", 5, 0)
    assert row.info is not None
    assert row.info.bytes_received == 5
    assert row.holders == [(host.process, child.fd), (worker, child.fd)]
    row = next(row for row in rows(host, "tcp") if row.ino == client.ino)
    assert row.timer == "keepalive,119min,0"
    assert row.info is not None
    assert (row.info.bytes_acked, row.info.unacked) == (6, 0)  # the SYN counts, as in Linux


def test_connecting_shows_its_retransmission_timer(host):
    host.stack.add_interface("eth0", 2, 1500, None)
    host.stack.add_address(host.stack.interfaces[1], 0xFFFF_0A000001, 24)
    client = host.socket(AF_INET, SOCK_STREAM)
    outcome(lambda: client.connect(("10.0.0.2", 80)))
    row = rows(host, "tcp")[0]
    assert (row.state, row.peer, row.timer) == ("SYN-SENT", "10.0.0.2:80", "on,1.000sec,0")


def test_time_wait_shows_how_long(host):
    server = host.socket(AF_INET, SOCK_STREAM)
    server.bind(("127.0.0.1", 8080))
    server.listen(7)
    client = host.socket(AF_INET, SOCK_STREAM)
    outcome(lambda: client.connect(("127.0.0.1", 8080)))
    host.settle()
    child = server.accept()
    client.close()
    host.settle()
    child.close()
    host.settle()
    row = next(row for row in rows(host, "tcp") if row.state == "TIME-WAIT")
    assert row.timer == "timewait,59sec,0"
    assert (row.ino, row.holders) == (0, [])


def test_udp_and_dual_stack_addresses(host):
    host.socket(AF_INET6, SOCK_DGRAM).bind(("::", 53, 0, 0))
    only = host.socket(AF_INET6, SOCK_DGRAM)
    only.setsockopt(41, 26, 1)
    only.bind(("::", 54, 0, 0))
    mapped = host.socket(AF_INET6, SOCK_DGRAM)
    mapped.bind(("::ffff:127.0.0.1", 55, 0, 0))
    assert [row.local for row in rows(host, "udp")] == ["*:53", "[::]:54", "[::ffff:127.0.0.1]:55"]
    assert {row.state for row in rows(host, "udp")} == {"UNCONN"}


def test_unix_sockets_show_names_and_peers(host):
    server = host.socket(AF_UNIX, SOCK_STREAM)
    server.bind(b"/run/x")
    server.listen(3)
    client = host.socket(AF_UNIX, SOCK_STREAM)
    client.connect(b"/run/x")
    shown = rows(host, "u_str")
    assert [(row.state, row.recv_q, row.local) for row in shown] == [
        ("LISTEN", 1, f"/run/x {server.ino}"),
        ("ESTAB", 0, f"* {client.ino}"),
    ]
    datagram = host.socket(AF_UNIX, SOCK_DGRAM)
    datagram.bind(b"\0here")
    assert rows(host, "u_dgr")[0].local == f"@here {datagram.ino}"


def test_raw_ping_and_packet_sockets_are_listed(host):
    host.stack.sysctl.set("net.ipv4.ping_group_range", "0 0")
    raw = host.socket(AF_INET, 3, 253)
    ping = host.socket(AF_INET, SOCK_DGRAM, 1)
    ping.bind(("127.0.0.1", 77))
    host.socket(17, 3, 0x0300)
    rows = {row.protocol: row for row in host.kernel.sockets()}
    assert (rows["raw"].local, rows["raw"].ino) == ("0.0.0.0:253", raw.ino)
    assert rows["icmp"].local == "127.0.0.1:77"
    assert (rows["p_raw"].local, rows["p_raw"].state) == ("*:*", "UNCONN")
    assert rows["raw"].holders == [(host.process, raw.fd)]
