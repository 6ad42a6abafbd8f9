"""UDP sockets through the socket calls, on ours and on Linux."""

from builders_kernel import outcome

from fourtuple.kernel.sockaddr import AF_INET, AF_INET6, SOCK_DGRAM
from fourtuple.kernel.socket import MSG_ERRQUEUE, MSG_MORE, MSG_PEEK, MSG_TRUNC
from fourtuple.stack.poll_bits import POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDHUP

BASIC = POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDHUP
LOCAL = ("127.0.0.1", 0)
V4 = (127, 0, 0, 1)


def udp(either, bind=True):
    s = either.socket(AF_INET, SOCK_DGRAM)
    if bind:
        s.bind(LOCAL)
    return s


def test_datagram_arrives_with_its_sender(either):
    a, b = udp(either), udp(either)
    assert a.sendto(b"hello", b.getsockname()) == 5
    either.settle()
    assert b.poll() & BASIC == POLLIN | POLLOUT
    assert b.recvfrom(9) == (b"hello", a.getsockname())
    assert outcome(lambda: b.recv(9)) == "EAGAIN"


def test_empty_datagram_arrives(either):
    a, b = udp(either), udp(either)
    a.sendto(b"", b.getsockname())
    either.settle()
    assert b.recv(9) == b""


def test_short_recv_truncates(either):
    a, b = udp(either), udp(either)
    a.sendto(b"0123456789", b.getsockname())
    either.settle()
    assert b.recv_control(4, MSG_PEEK)[::2] == (b"0123", MSG_TRUNC)
    assert b.recv(4) == b"0123"
    assert outcome(lambda: b.recv(4)) == "EAGAIN"


def test_fresh_socket_refusals(either):
    s = udp(either, bind=False)
    assert outcome(lambda: s.send(b"x")) == "EDESTADDRREQ"
    assert outcome(s.getpeername) == "ENOTCONN"
    assert outcome(lambda: s.listen(1)) == "EOPNOTSUPP"
    assert outcome(s.accept) == "EOPNOTSUPP"
    assert outcome(lambda: s.recv(1)) == "EAGAIN"
    assert s.poll() & BASIC == POLLOUT
    # Sending takes a port even when it fails.
    assert s.getsockname()[1] != 0


def test_send_refusals(either):
    s = udp(either)
    assert outcome(lambda: s.sendto(b"x", ("127.0.0.1", 0))) == "EINVAL"
    assert outcome(lambda: s.sendto(bytes(65508), s.getsockname())) == "EMSGSIZE"
    assert outcome(lambda: s.sendto(bytes(65507), s.getsockname())) == 65507
    assert outcome(lambda: s.sendto(b"x", ("255.255.255.255", 9))) in ("EACCES", "ENETUNREACH")
    assert outcome(lambda: s.send(b"x", 1)) == "EOPNOTSUPP"


def test_connected_socket_knows_its_peer(either):
    a, b, c = udp(either), udp(either), udp(either)
    a.connect(b.getsockname())
    assert a.getpeername() == b.getsockname()
    a.send(b"x")
    c.sendto(b"stranger", a.getsockname())
    b.sendto(b"friend", a.getsockname())
    either.settle()
    assert b.recv(9) == b"x"
    assert a.recv(9) == b"friend"
    assert outcome(lambda: a.recv(9)) == "EAGAIN"


def test_connect_again_and_dissolve(either):
    a, b, c = udp(either, bind=False), udp(either), udp(either)
    a.connect(b.getsockname())
    a.connect(c.getsockname())
    assert a.getpeername() == c.getsockname()
    a.connect(None)
    assert outcome(a.getpeername) == "ENOTCONN"
    assert a.getsockname() == ("0.0.0.0", 0)


def test_connected_to_a_dead_port_is_told(either):
    a, b = udp(either), udp(either)
    a.connect(b.getsockname())
    b.close()
    assert a.send(b"x") == 1
    either.settle()
    assert a.poll() & BASIC == POLLOUT | POLLERR
    assert outcome(lambda: a.recv(1)) == "ECONNREFUSED"
    assert outcome(lambda: a.recv(1)) == "EAGAIN"
    a.send(b"x")
    either.settle()
    assert outcome(lambda: a.send(b"x")) == "ECONNREFUSED"
    a.send(b"x")
    either.settle()
    assert a.getsockopt(1, 4) == 111


def test_unconnected_to_a_dead_port_is_not_told(either):
    a, b = udp(either), udp(either)
    where = b.getsockname()
    b.close()
    a.sendto(b"x", where)
    either.settle()
    assert outcome(lambda: a.recv(1)) == "EAGAIN"


def test_error_queue_tells_the_unconnected(either):
    a, b = udp(either), udp(either)
    where = b.getsockname()
    b.close()
    a.setsockopt(0, 11, 1)
    assert outcome(lambda: a.recv_control(9, MSG_ERRQUEUE)) == "EAGAIN"
    a.sendto(b"payload", where)
    either.settle()
    assert outcome(lambda: a.recv(1)) == "ECONNREFUSED"
    data, control, flags = a.recv_control(20, MSG_ERRQUEUE)
    assert data == b"payload"
    assert flags == MSG_ERRQUEUE
    assert [(level, kind) for level, kind, _ in control] == [(0, 11)]
    value = control[0][2]
    # ECONNREFUSED from ICMP type 3 code 3, reported by 127.0.0.1.
    assert value[:8] == bytes((111, 0, 0, 0, 2, 3, 3, 0))
    assert value[16:24] == bytes((2, 0, 0, 0, *V4))


def test_shutdown_takes_effect_even_unconnected(either):
    s = udp(either)
    assert outcome(lambda: s.shutdown(7)) == "EINVAL"
    assert outcome(lambda: s.shutdown(1)) == "ENOTCONN"
    assert outcome(lambda: s.sendto(b"x", s.getsockname())) == "EPIPE"
    assert outcome(lambda: s.shutdown(0)) == "ENOTCONN"
    assert s.poll() & BASIC == POLLIN | POLLOUT | POLLHUP | POLLRDHUP
    assert outcome(lambda: s.recv(1)) == "EAGAIN"


def test_blocking_recv_after_shutdown_ends(host):
    s = udp(host)
    outcome(lambda: s.shutdown(0))
    s.socket.set_nonblocking(False)
    assert s.recv(1) == b""


def test_bind_sharing_rules(either):
    a = udp(either)
    b = udp(either, bind=False)
    assert outcome(lambda: b.bind(a.getsockname())) == "EADDRINUSE"
    a.setsockopt(1, 2, 1)
    b.setsockopt(1, 2, 1)
    assert outcome(lambda: b.bind(a.getsockname())) is None
    c = udp(either)
    c.sendto(b"newest", a.getsockname())
    either.settle()
    assert b.recv(9) == b"newest"
    assert outcome(lambda: a.recv(9)) == "EAGAIN"


def test_packet_information_of_a_datagram(either):
    a, b = udp(either), udp(either)
    for name in (8, 12, 13, 20):
        b.setsockopt(0, name, 1)
    a.setsockopt(0, 1, 0x28)
    a.setsockopt(0, 2, 77)
    a.sendto(b"x", b.getsockname())
    either.settle()
    _, control, _ = b.recv_control(9)
    port = b.getsockname()[1].to_bytes(2, "big")
    assert control == [
        (0, 8, bytes((1, 0, 0, 0, *V4, *V4))),
        (0, 2, (77).to_bytes(4, "little")),
        (0, 1, b"\x28"),
        (0, 20, bytes((2, 0, *port, *V4)) + bytes(8)),
    ]


def test_send_control_sets_source_ttl_and_tos(either):
    a, b = udp(either, bind=False), udp(either)
    for name in (12, 13):
        b.setsockopt(0, name, 1)
    info = bytes((0, 0, 0, 0, 127, 0, 0, 9, 0, 0, 0, 0))
    a.send_control(b"x", b.getsockname(), [(0, 8, info), (0, 2, (5).to_bytes(4, "little")), (0, 1, b"\x10")])
    either.settle()
    data, control, _ = b.recv_control(9, MSG_PEEK)
    assert control == [(0, 2, (5).to_bytes(4, "little")), (0, 1, b"\x10")]
    assert b.recvfrom(9) == (data, ("127.0.0.9", a.getsockname()[1]))


def test_send_control_refusals(either):
    a, b = udp(either), udp(either)
    foreign = bytes((0, 0, 0, 0, 8, 8, 8, 8, 0, 0, 0, 0))
    for control in (
        (0, 8, b"short"),
        (0, 8, bytes((0, 0, 0, 0, 224, 0, 0, 1, 0, 0, 0, 0))),
        (0, 2, (256).to_bytes(4, "little")),
        (0, 99, b"1234"),
        (1, 77, b"1234"),
    ):
        assert outcome(lambda c=control: a.send_control(b"x", b.getsockname(), [c])) == "EINVAL"
    assert outcome(lambda: a.send_control(b"x", b.getsockname(), [(0, 8, foreign)])) == "ENETUNREACH"
    # Other levels are passed over.
    assert outcome(lambda: a.send_control(b"x", b.getsockname(), [(99, 1, b"1234")])) == 1


def test_more_to_come_makes_one_datagram(either):
    a, b = udp(either), udp(either)
    assert a.sendto(b"one", b.getsockname(), MSG_MORE) == 3
    either.settle()
    assert outcome(lambda: b.recv(9)) == "EAGAIN"
    assert a.sendto(b"two", b.getsockname()) == 3
    either.settle()
    assert b.recv(9) == b"onetwo"


def test_corked_socket_sends_when_uncorked(either):
    a, b = udp(either), udp(either)
    a.connect(b.getsockname())
    a.setsockopt(17, 1, 1)
    a.send(b"one")
    a.send(b"two")
    either.settle()
    assert outcome(lambda: b.recv(9)) == "EAGAIN"
    a.setsockopt(17, 1, 0)
    either.settle()
    assert b.recv(9) == b"onetwo"


def test_timestamps_come_first(either):
    a, b = udp(either), udp(either)
    b.setsockopt(0, 12, 1)
    b.setsockopt(1, 35, 1)
    a.sendto(b"x", b.getsockname())
    either.settle()
    _, control, _ = b.recv_control(9)
    assert [(level, kind, len(value)) for level, kind, value in control] == [(1, 35, 16), (0, 2, 4)]


def test_queue_size_by_ioctl(either):
    a, b = udp(either), udp(either)
    a.sendto(b"12345", b.getsockname())
    a.sendto(b"1234567", b.getsockname())
    either.settle()
    assert b.ioctl(0x541B) == 5
    assert b.ioctl(0x5411) == 0


def test_full_receive_buffer_drops(either):
    a, b = udp(either), udp(either)
    b.setsockopt(1, 8, 1)
    assert b.getsockopt(1, 8) == 2304
    for _ in range(9):
        a.sendto(bytes(100), b.getsockname())
    either.settle()
    received = 0
    while outcome(lambda: b.recv(200)) == bytes(100):
        received += 1
    assert 0 < received < 9


def test_multicast_reaches_its_members(either):
    a, b, c = udp(either), udp(either, bind=False), udp(either, bind=False)
    for s in (b, c):
        s.setsockopt(1, 2, 1)
    b.bind(("0.0.0.0", 0))
    c.bind(("0.0.0.0", b.getsockname()[1]))
    group = bytes((224, 1, 2, 3))
    for s in (b, c):
        s.setsockopt(0, 35, group + bytes(V4))
    a.setsockopt(0, 32, bytes(V4))
    assert a.getsockopt(0, 32, 4) == bytes(V4)
    a.sendto(b"all", ("224.1.2.3", b.getsockname()[1]))
    either.settle()
    assert b.recv(9) == b"all"
    assert c.recv(9) == b"all"
    assert outcome(lambda: b.setsockopt(0, 35, group + bytes(V4))) == "EADDRINUSE"
    b.setsockopt(0, 36, group + bytes(V4))
    assert outcome(lambda: b.setsockopt(0, 36, group + bytes(V4))) == "EADDRNOTAVAIL"
    assert outcome(lambda: b.setsockopt(0, 35, bytes((10, 1, 2, 3)) + bytes(4))) == "EINVAL"
    assert outcome(lambda: b.setsockopt(0, 35, b"short")) == "EINVAL"


def test_multicast_source_filter(either):
    a, b = udp(either), udp(either, bind=False)
    b.bind(("0.0.0.0", 0))
    group = bytes((224, 1, 2, 4))
    b.setsockopt(0, 49, 0)
    b.setsockopt(0, 39, group + bytes(V4) + bytes((127, 0, 0, 7)))
    a.setsockopt(0, 32, bytes(V4))
    a.sendto(b"unwanted", ("224.1.2.4", b.getsockname()[1]))
    either.settle()
    assert outcome(lambda: b.recv(9)) == "EAGAIN"
    b.setsockopt(0, 39, group + bytes(V4) + bytes(V4))
    a.sendto(b"wanted", ("224.1.2.4", b.getsockname()[1]))
    either.settle()
    assert b.recv(9) == b"wanted"
    assert outcome(lambda: b.setsockopt(0, 39, b"short")) == "EINVAL"


def test_v6_socket_exchanges_with_v4(either):
    six = either.socket(AF_INET6, SOCK_DGRAM)
    six.bind(("::", 0, 0, 0))
    six.setsockopt(41, 49, 1)
    four = udp(either)
    four.sendto(b"x", ("127.0.0.1", six.getsockname()[1]))
    either.settle()
    data, control, _ = six.recv_control(9)
    assert data == b"x"
    mapped = bytes(10) + b"\xff\xff" + bytes(V4)
    assert control == [(41, 50, mapped + (1).to_bytes(4, "little"))]
    six.sendto(b"y", ("::ffff:127.0.0.1", four.getsockname()[1], 0, 0))
    either.settle()
    assert four.recvfrom(9) == (b"y", ("127.0.0.1", six.getsockname()[1]))
    only = either.socket(AF_INET6, SOCK_DGRAM)
    only.setsockopt(41, 26, 1)
    assert outcome(lambda: only.sendto(b"y", ("::ffff:127.0.0.1", 9, 0, 0))) == "ENETUNREACH"
    assert outcome(lambda: only.connect(("::ffff:127.0.0.1", 9, 0, 0))) == "ENETUNREACH"


def test_bound_device_and_broadcast(host):
    eth = host.stack.add_interface("eth0", 2, 1500, None)
    host.stack.add_address(eth, 0xFFFF_0A000001, 24)
    s = udp(host, bind=False)
    s.setsockopt(1, 25, b"eth0\0")
    assert s.getsockopt(1, 25, 16) == b"eth0\0"
    assert s.getsockopt(1, 62) == 2
    assert outcome(lambda: s.getsockopt(1, 25, 5)) == "EINVAL"
    assert outcome(lambda: s.setsockopt(1, 25, b"eth9")) == "ENODEV"
    assert outcome(lambda: s.sendto(b"x", ("10.0.0.255", 9))) == "EACCES"
    s.setsockopt(1, 6, 1)
    assert outcome(lambda: s.sendto(b"x", ("10.0.0.255", 9))) == 1
    host.process.set_credentials(1000, 1000)
    assert outcome(lambda: s.setsockopt(1, 25, b"")) == "EPERM"


def test_path_mtu_of_a_connected_socket(either):
    s = udp(either)
    assert outcome(lambda: s.getsockopt(0, 14)) == "ENOTCONN"
    s.connect(s.getsockname())
    assert s.getsockopt(0, 14) == 65535
