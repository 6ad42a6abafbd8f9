"""TCP and UDP over IPv6, on ours and on Linux."""

import pytest
from builders_kernel import outcome

from fourtuple.kernel.sockaddr import AF_INET6, SOCK_DGRAM, SOCK_STREAM
from fourtuple.kernel.socket import MSG_ERRQUEUE, MSG_PEEK
from fourtuple.stack.tcp.protocol import TcpProtocol
from fourtuple.wire.address import parse_ip

LOCAL = ("::1", 0, 0, 0)
ONE = bytes(15) + b"\1"
over_tcp = pytest.mark.skipif("input_v6" not in vars(TcpProtocol), reason="TCP takes no IPv6 packets")


def connect(either, s, where):
    assert outcome(lambda: s.connect(where)) in (None, "EINPROGRESS")
    either.settle()


def udp(either):
    s = either.socket(AF_INET6, SOCK_DGRAM)
    s.bind(LOCAL)
    return s


@over_tcp
def test_stream_over_the_loopback(either):
    server = either.socket(AF_INET6, SOCK_STREAM)
    server.bind(LOCAL)
    server.listen(1)
    client = either.socket(AF_INET6, SOCK_STREAM)
    connect(either, client, server.getsockname())
    child = server.accept()
    assert client.getpeername() == ("::1", server.getsockname()[1], 0, 0)
    client.send(b"hello")
    either.settle()
    assert child.recv(9) == b"hello"


@over_tcp
def test_connect_to_the_wildcard_is_to_oneself(either):
    server = either.socket(AF_INET6, SOCK_STREAM)
    server.bind(("::", 0, 0, 0))
    server.listen(1)
    s = either.socket(AF_INET6, SOCK_STREAM)
    connect(either, s, ("::", server.getsockname()[1], 0, 0))
    assert s.getpeername()[0] == "::1"


@over_tcp
def test_refused_connect_is_told(either):
    free = either.socket(AF_INET6, SOCK_STREAM)
    free.bind(LOCAL)
    where = free.getsockname()
    free.close()
    s = either.socket(AF_INET6, SOCK_STREAM)
    connect(either, s, where)
    assert s.getsockopt(1, 4) == 111


def test_link_local_address_needs_a_scope(either):
    s = either.socket(AF_INET6, SOCK_STREAM)
    assert outcome(lambda: s.bind(("fe80::9", 0, 0, 0))) == "EINVAL"
    assert outcome(lambda: s.bind(("fe80::9", 0, 0, 4242))) in ("ENODEV", "EINVAL")
    assert outcome(lambda: s.bind(("fe80::9", 0, 0, 1))) == "EADDRNOTAVAIL"
    assert outcome(lambda: s.connect(("fe80::9", 9, 0, 0))) in ("EINVAL", "ENETUNREACH")


def test_group_address_of_a_stream_is_refused(either):
    s = either.socket(AF_INET6, SOCK_STREAM)
    assert outcome(lambda: s.bind(("ff02::1", 0, 0, 1))) == "EINVAL"
    assert outcome(lambda: s.connect(("ff02::1", 9, 0, 1))) == "ENETUNREACH"


def test_bound_to_v6_cannot_reach_v4(either):
    s = udp(either)
    assert outcome(lambda: s.sendto(b"x", ("::ffff:127.0.0.1", 9, 0, 0))) == "ENETUNREACH"
    assert outcome(lambda: s.connect(("::ffff:127.0.0.1", 9, 0, 0))) == "ENETUNREACH"


def test_datagram_tells_its_packet(either):
    a, b = udp(either), udp(either)
    for name in (49, 51, 66):
        b.setsockopt(41, name, 1)
    a.setsockopt(41, 16, 33)
    a.setsockopt(41, 67, 0x20)
    a.sendto(b"x", b.getsockname())
    either.settle()
    _, control, _ = b.recv_control(9, MSG_PEEK)
    assert control == [
        (41, 50, ONE + (1).to_bytes(4, "little")),
        (41, 52, (33).to_bytes(4, "little")),
        (41, 67, (0x20).to_bytes(4, "little")),
    ]
    assert b.recvfrom(9) == (b"x", a.getsockname())


def test_send_control_sets_hop_limit_and_class(either):
    a, b = udp(either), udp(either)
    for name in (51, 66):
        b.setsockopt(41, name, 1)
    control = [(41, 52, (9).to_bytes(4, "little")), (41, 67, (0x40).to_bytes(4, "little"))]
    a.send_control(b"x", b.getsockname(), control)
    either.settle()
    assert b.recv_control(9)[1] == control
    wrong = [(41, 52, (256).to_bytes(4, "little"))]
    assert outcome(lambda: a.send_control(b"x", b.getsockname(), wrong)) == "EINVAL"
    assert outcome(lambda: a.send_control(b"x", b.getsockname(), [(41, 50, b"short")])) == "EINVAL"


def test_dead_port_is_told(either):
    a, b = udp(either), udp(either)
    where = b.getsockname()
    b.close()
    a.connect(where)
    a.send(b"x")
    either.settle()
    assert outcome(lambda: a.recv(1)) == "ECONNREFUSED"


def test_error_queue_of_ipv6(either):
    a, b = udp(either), udp(either)
    where = b.getsockname()
    b.close()
    a.setsockopt(41, 25, 1)
    a.sendto(b"payload", where)
    either.settle()
    assert outcome(lambda: a.recv(1)) == "ECONNREFUSED"
    data, control, flags = a.recv_control(20, MSG_ERRQUEUE)
    assert (data, flags) == (b"payload", MSG_ERRQUEUE)
    level, kind, value = control[0]
    assert (level, kind) == (41, 25)
    # ICMPv6 type 1 code 4, reported by ::1.
    assert value[:8] == bytes((111, 0, 0, 0, 3, 1, 4, 0))
    assert value[24:40] == ONE


def test_multicast_reaches_the_senders_own_host(host):
    eth = host.stack.add_interface("eth0", 0x020000000001, 1500, None)
    host.stack.add_address(eth, parse_ip("2001:db8::7"), 64)
    a, b = host.socket(AF_INET6, SOCK_DGRAM), host.socket(AF_INET6, SOCK_DGRAM)
    b.bind(("::", 0, 0, 0))
    joined = parse_ip("ff05::1234").to_bytes(16, "big") + (2).to_bytes(4, "little")
    b.setsockopt(41, 20, joined)
    assert outcome(lambda: b.setsockopt(41, 20, joined)) == "EADDRINUSE"
    where = ("ff05::1234", b.getsockname()[1], 0, 0)
    a.setsockopt(41, 17, 2)
    a.sendto(b"all", where)
    host.settle()
    assert b.recvfrom(9) == (b"all", ("2001:db8::7", a.getsockname()[1], 0, 0))
    a.setsockopt(41, 19, 0)
    a.sendto(b"others", where)
    host.settle()
    assert outcome(lambda: b.recv(9)) == "EAGAIN"
    b.setsockopt(41, 21, joined)
    assert outcome(lambda: b.setsockopt(41, 21, joined)) == "EADDRNOTAVAIL"


def test_link_local_peers_show_their_scope(host):
    eth = host.stack.add_interface("eth0", 0x020000000001, 1500, None)
    host.stack.add_address(eth, parse_ip("fe80::7"), 64)
    s = host.socket(AF_INET6, SOCK_DGRAM)
    s.bind(("fe80::7", 0, 0, 2))
    assert s.getsockname() == ("fe80::7", s.getsockname()[1], 0, 2)
    assert s.getsockopt(1, 62) == 2
    s.sendto(b"me", ("fe80::7", s.getsockname()[1], 0, 2))
    host.settle()
    assert s.recvfrom(9) == (b"me", s.getsockname())
    other = host.socket(AF_INET6, SOCK_DGRAM)
    other.setsockopt(1, 25, b"eth0")
    assert outcome(lambda: other.bind(("::1", 0, 0, 0))) == "EADDRNOTAVAIL"
    assert outcome(lambda: other.bind(("fe80::7", 0, 0, 1))) == "EADDRNOTAVAIL"
    assert other.getsockopt(1, 62) == 1
