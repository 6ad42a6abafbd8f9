"""AF_UNIX datagram and sequenced-packet sockets, on ours and on Linux."""

from builders_kernel import outcome

from fourtuple.kernel.sockaddr import AF_UNIX, SOCK_DGRAM, SOCK_SEQPACKET
from fourtuple.kernel.socket import MSG_PEEK, MSG_TRUNC
from fourtuple.stack.poll_bits import POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDHUP

BASIC = POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDHUP


def bound(either, name, type=SOCK_DGRAM):
    s = either.socket(AF_UNIX, type)
    s.bind(either.path(name))
    return s


def test_datagrams_keep_their_boundaries(either):
    a, b = either.socketpair(SOCK_DGRAM)
    a.send(b"one")
    a.send(b"")
    a.send(b"three")
    assert b.recv(9) == b"one"
    assert b.recv(9) == b""
    assert b.recv(9) == b"three"
    assert outcome(lambda: b.recv(9)) == "EAGAIN"


def test_short_recv_truncates(either):
    a, b = either.socketpair(SOCK_DGRAM)
    a.send(b"0123456789")
    data, _, flags = b.recv_control(4, MSG_PEEK)
    assert (data, flags & MSG_TRUNC) == (b"0123", MSG_TRUNC)
    assert b.recv(4) == b"0123"
    assert outcome(lambda: b.recv(9)) == "EAGAIN"


def test_sender_name_comes_with_the_datagram(either):
    server = bound(either, "srv")
    client = bound(either, "cli")
    client.sendto(b"x", either.path("srv"))
    assert server.recvfrom(9) == (b"x", either.path("cli"))
    nameless = either.socket(AF_UNIX, SOCK_DGRAM)
    nameless.sendto(b"y", either.path("srv"))
    assert server.recvfrom(9) == (b"y", None)


def test_fresh_datagram_socket_refusals(either):
    s = either.socket(AF_UNIX, SOCK_DGRAM)
    assert outcome(lambda: s.recv(1)) == "EAGAIN"
    assert outcome(lambda: s.send(b"x")) == "ENOTCONN"
    assert outcome(lambda: s.listen(1)) == "EOPNOTSUPP"
    assert outcome(s.accept) == "EOPNOTSUPP"
    assert outcome(lambda: s.sendto(b"x", either.path("nobody"))) == "ENOENT"


def test_full_receiver_refuses_the_unconnected(either):
    server = bound(either, "srv")
    client = either.socket(AF_UNIX, SOCK_DGRAM)
    sent = 0
    while outcome(lambda: client.sendto(b"x", either.path("srv"))) == 1:
        sent += 1
    # net.unix.max_dgram_qlen is 10, and one more waits.
    assert sent == 11
    client.connect(either.path("srv"))
    assert client.poll() & POLLOUT == 0
    server.recv(1)
    assert client.poll() & POLLOUT


def test_pair_is_bounded_by_the_send_buffer_only(either):
    for size, count in ((1, 278), (3777, 26), (16065, 11), (32768, 6)):
        a, _ = either.socketpair(SOCK_DGRAM)
        sent = 0
        while outcome(lambda a=a, size=size: a.send(bytes(size))) == size:
            sent += 1
        assert (size, sent) == (size, count)


def test_datagram_larger_than_the_buffer_is_refused(either):
    a, _ = either.socketpair(SOCK_DGRAM)
    assert outcome(lambda: a.send(bytes(212961))) == "EMSGSIZE"
    assert outcome(lambda: a.send(bytes(212960))) == 212960


def test_connected_to_another_refuses_third_parties(either):
    server = bound(either, "srv")
    friend = bound(either, "friend")
    server.connect(either.path("friend"))
    stranger = either.socket(AF_UNIX, SOCK_DGRAM)
    assert outcome(lambda: stranger.sendto(b"x", either.path("srv"))) == "EPERM"
    assert outcome(lambda: stranger.connect(either.path("srv"))) == "EPERM"
    friend.sendto(b"x", either.path("srv"))
    assert server.recv(9) == b"x"


def test_peer_closed_send_is_refused_then_unconnected(either):
    a, b = either.socketpair(SOCK_DGRAM)
    b.close()
    assert outcome(lambda: a.send(b"x")) == "ECONNREFUSED"
    assert outcome(lambda: a.send(b"x")) == "ENOTCONN"


def test_shutdown_read_breaks_the_senders_pipe(either):
    a, b = either.socketpair(SOCK_DGRAM)
    b.shutdown(0)
    assert outcome(lambda: a.send(b"x")) == "EPIPE"
    assert outcome(lambda: b.recv(1)) == "EAGAIN"


def test_seqpacket_keeps_boundaries_and_ends(either):
    a, b = either.socketpair(SOCK_SEQPACKET)
    a.send(b"one")
    a.send(b"two")
    assert b.recv(9) == b"one"
    assert b.recv(2) == b"tw"
    assert outcome(lambda: b.recv(9)) == "EAGAIN"
    a.close()
    assert b.recv(9) == b""
    assert outcome(lambda: b.send(b"x")) == "EPIPE"


def test_seqpacket_connects_and_accepts(either):
    server = bound(either, "seq", SOCK_SEQPACKET)
    server.listen(3)
    client = either.socket(AF_UNIX, SOCK_SEQPACKET)
    assert outcome(lambda: client.recv(1)) == "ENOTCONN"
    assert outcome(lambda: client.send(b"x")) == "ENOTCONN"
    client.connect(either.path("seq"))
    child = server.accept()
    client.send(b"hi")
    assert child.recv(9) == b"hi"


def test_shutdown_write_counts_before_having_no_peer(either):
    s = either.socket(AF_UNIX, SOCK_DGRAM)
    s.shutdown(1)
    assert outcome(lambda: s.send(b"x")) == "EPIPE"
    a, b = either.socketpair(SOCK_DGRAM)
    b.close()
    a.shutdown(1)
    assert outcome(lambda: a.send(b"x")) == "EPIPE"


def test_reconnect_loses_what_the_old_peer_sent(either):
    a, b = either.socketpair(SOCK_DGRAM)
    other = bound(either, "other")
    b.send(b"lost")
    a.send(b"kept")
    a.connect(either.path("other"))
    assert outcome(lambda: a.recv(9)) == "EAGAIN"
    # The old peer is told, before it reads what it has.
    assert outcome(lambda: b.recv(9)) == "ECONNRESET"
    assert b.recv(9) == b"kept"
    a.send(b"new")
    assert other.recv(9) == b"new"


def test_reconnect_without_a_loss_tells_nobody(either):
    a, b = either.socketpair(SOCK_DGRAM)
    bound(either, "other")
    a.connect(either.path("other"))
    assert b.getsockopt(1, 4) == 0


def test_dissolved_association_has_no_peer(either):
    a, b = either.socketpair(SOCK_DGRAM)
    a.connect(None)
    assert outcome(a.getpeername) == "ENOTCONN"
    assert outcome(lambda: a.send(b"x")) == "ENOTCONN"
    assert outcome(lambda: b.send(b"x")) == 1


def test_seqpacket_closed_with_an_empty_message_does_not_reset(either):
    a, b = either.socketpair(SOCK_SEQPACKET)
    a.send(b"")
    b.close()
    assert a.recv(9) == b""


def test_datagram_poll_masks(either):
    a, b = either.socketpair(SOCK_DGRAM)
    assert a.poll() & BASIC == POLLOUT
    b.send(b"x")
    assert a.poll() & BASIC == POLLIN | POLLOUT
    a.shutdown(2)
    assert a.poll() & BASIC == POLLIN | POLLOUT | POLLHUP | POLLRDHUP


def test_trunc_flag_returns_the_real_length(host):
    a, b = host.socketpair(SOCK_DGRAM)
    a.send(b"0123456789")
    received = b.socket.recvmsg(4, MSG_TRUNC)
    assert (received.data, received.length) == (b"0123", 10)


def test_blocking_recv_after_shutdown_ends(host):
    a, _ = host.socketpair(SOCK_DGRAM)
    a.shutdown(0)
    a.socket.set_nonblocking(False)
    assert a.recv(1) == b""


def test_datagram_timestamp_is_the_wall_clock(host):
    a, b = host.socketpair(SOCK_DGRAM)
    b.setsockopt(1, 29, 1)
    host.settle()
    a.send(b"x")
    _, control, _ = b.recv_control(9)
    seconds = int.from_bytes(control[0][2][:8], "little")
    micros = int.from_bytes(control[0][2][8:], "little")
    assert control[0][:2] == (1, 29)
    assert seconds * 10**9 + micros * 1000 == host.kernel.epoch_ns + host.clock.now
