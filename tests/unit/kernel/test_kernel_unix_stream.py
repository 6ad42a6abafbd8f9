"""AF_UNIX stream sockets, on ours and on Linux."""

from builders_kernel import outcome

from fourtuple.kernel.sockaddr import AF_UNIX, SOCK_STREAM
from fourtuple.kernel.socket import MSG_PEEK
from fourtuple.stack.poll_bits import POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDHUP

SOL_SOCKET, SO_ERROR, SO_SNDBUF, SO_PASSCRED, SO_ACCEPTCONN = 1, 4, 7, 16, 30
BASIC = POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDHUP


def listener(either, name="srv", backlog=5):
    server = either.socket(AF_UNIX, SOCK_STREAM)
    server.bind(either.path(name))
    server.listen(backlog)
    return server


def test_pair_carries_bytes_both_ways(either):
    a, b = either.socketpair(SOCK_STREAM)
    assert a.send(b"hello") == 5
    assert b.recv(3) == b"hel"
    assert b.recv(3) == b"lo"
    assert b.send(b"x") == 1
    assert a.recv(9) == b"x"


def test_pair_empty_recv_would_block(either):
    a, _ = either.socketpair(SOCK_STREAM)
    assert outcome(lambda: a.recv(1)) == "EAGAIN"


def test_pair_recv_joins_writes(either):
    a, b = either.socketpair(SOCK_STREAM)
    a.send(b"one")
    a.send(b"two")
    assert b.recv(9) == b"onetwo"


def test_pair_peek_leaves_the_data(either):
    a, b = either.socketpair(SOCK_STREAM)
    a.send(b"one")
    a.send(b"two")
    assert b.recv(5, MSG_PEEK) == b"onetw"
    assert b.recv(2) == b"on"
    assert b.recv(9, MSG_PEEK) == b"etwo"
    assert b.recv(9) == b"etwo"


def test_pair_fills_as_linux(either):
    # What Linux charges for a buffer decides how many writes fit.
    for size, count in ((1, 278), (192, 278), (193, 167), (1000, 93), (3777, 44), (20000, 11)):
        a, b = either.socketpair(SOCK_STREAM)
        sent = 0
        while outcome(lambda a=a, size=size: a.send(bytes(size))) == size:
            sent += 1
        assert (size, sent) == (size, count)
        b.close()


def test_pair_large_write_is_partial(either):
    a, b = either.socketpair(SOCK_STREAM)
    assert a.send(bytes(1_000_000)) == 219264
    assert outcome(lambda: a.send(b"x")) == "EAGAIN"
    assert a.poll() & POLLOUT == 0
    b.recv(1_000_000)
    assert a.poll() & POLLOUT


def test_pair_small_send_buffer_bounds_the_piece(either):
    a, _ = either.socketpair(SOCK_STREAM)
    a.setsockopt(SOL_SOCKET, SO_SNDBUF, 1000)
    assert a.getsockopt(SOL_SOCKET, SO_SNDBUF) == 4608
    assert a.send(bytes(100_000)) == 4480


def test_peer_closed_recv_gives_the_rest_then_the_end(either):
    a, b = either.socketpair(SOCK_STREAM)
    a.send(b"last")
    a.close()
    assert b.recv(9) == b"last"
    assert b.recv(9) == b""
    assert b.recv(9) == b""


def test_peer_closed_send_is_a_broken_pipe(either):
    a, b = either.socketpair(SOCK_STREAM)
    a.close()
    assert outcome(lambda: b.send(b"x")) == "EPIPE"
    assert b.getpeername() == b""


def test_peer_closed_with_unread_data_resets(either):
    a, b = either.socketpair(SOCK_STREAM)
    a.send(b"never read")
    b.close()
    assert a.poll() & POLLERR
    assert outcome(lambda: a.send(b"x")) == "EPIPE"
    assert outcome(lambda: a.recv(5)) == "ECONNRESET"
    assert a.recv(5) == b""
    assert a.getsockopt(SOL_SOCKET, SO_ERROR) == 0


def test_pair_poll_masks(either):
    a, b = either.socketpair(SOCK_STREAM)
    assert a.poll() & BASIC == POLLOUT
    b.send(b"x")
    assert a.poll() & BASIC == POLLIN | POLLOUT
    a.recv(1)
    b.shutdown(1)
    assert a.poll() & BASIC == POLLIN | POLLOUT | POLLRDHUP
    b.close()
    assert a.poll() & BASIC == POLLIN | POLLOUT | POLLRDHUP | POLLHUP


def test_shutdown_write_ends_the_peers_reading(either):
    a, b = either.socketpair(SOCK_STREAM)
    a.send(b"x")
    a.shutdown(1)
    assert outcome(lambda: a.send(b"y")) == "EPIPE"
    assert b.recv(9) == b"x"
    assert b.recv(9) == b""
    assert b.send(b"back") == 4
    assert a.recv(9) == b"back"


def test_shutdown_read_breaks_the_peers_pipe(either):
    a, b = either.socketpair(SOCK_STREAM)
    a.shutdown(0)
    assert outcome(lambda: b.send(b"x")) == "EPIPE"
    assert a.recv(1) == b""


def test_fresh_socket_refuses_what_needs_a_peer(either):
    s = either.socket(AF_UNIX, SOCK_STREAM)
    assert outcome(lambda: s.recv(1)) == "EINVAL"
    assert outcome(lambda: s.send(b"x")) == "ENOTCONN"
    assert outcome(lambda: s.listen(1)) == "EINVAL"
    assert outcome(s.accept) == "EINVAL"
    assert outcome(s.getpeername) == "ENOTCONN"
    assert s.getsockname() == b""
    assert outcome(lambda: s.shutdown(2)) is None
    assert s.poll() & BASIC == POLLIN | POLLOUT | POLLHUP | POLLRDHUP


def test_connect_to_listener_then_accept(either):
    server = listener(either)
    client = either.socket(AF_UNIX, SOCK_STREAM)
    assert outcome(server.accept) == "EAGAIN"
    client.connect(either.path("srv"))
    assert server.poll() & BASIC == POLLIN
    client.send(b"early")
    child = server.accept()
    assert child.recv(9) == b"early"
    assert child.getsockname() == either.path("srv")
    assert client.getpeername() == either.path("srv")
    assert child.getpeername() == b""
    assert server.getsockopt(SOL_SOCKET, SO_ACCEPTCONN) == 1
    assert child.getsockopt(SOL_SOCKET, SO_ACCEPTCONN) == 0


def test_connect_refusals(either):
    client = either.socket(AF_UNIX, SOCK_STREAM)
    assert outcome(lambda: client.connect(either.path("nobody"))) == "ENOENT"
    assert outcome(lambda: client.connect(b"\0fourtuple-nobody")) == "ECONNREFUSED"
    bound = either.socket(AF_UNIX, SOCK_STREAM)
    bound.bind(either.path("bound"))
    assert outcome(lambda: client.connect(either.path("bound"))) == "ECONNREFUSED"
    other = either.socket(AF_UNIX, 2)
    other.bind(either.path("dgram"))
    assert outcome(lambda: client.connect(either.path("dgram"))) == "EPROTOTYPE"


def test_connected_connect_again_is_refused(either):
    server = listener(either)
    client = either.socket(AF_UNIX, SOCK_STREAM)
    client.connect(either.path("srv"))
    assert outcome(lambda: client.connect(either.path("srv"))) == "EISCONN"
    assert outcome(lambda: server.connect(either.path("srv"))) == "EINVAL"


def test_listener_queue_holds_one_more_than_the_backlog(either):
    server = listener(either, backlog=1)
    clients = [either.socket(AF_UNIX, SOCK_STREAM) for _ in range(3)]
    results = [outcome(lambda c=c: c.connect(either.path("srv"))) for c in clients]
    assert results == [None, None, "EAGAIN"]
    server.accept()
    assert outcome(lambda: clients[2].connect(either.path("srv"))) is None


def test_bind_name_in_use_until_unlinked(either):
    one = either.socket(AF_UNIX, SOCK_STREAM)
    one.bind(either.path("n"))
    assert outcome(lambda: one.bind(either.path("m"))) == "EINVAL"
    other = either.socket(AF_UNIX, SOCK_STREAM)
    assert outcome(lambda: other.bind(either.path("n"))) == "EADDRINUSE"
    one.close()
    assert outcome(lambda: other.bind(either.path("n"))) == "EADDRINUSE"
    either.unlink(either.path("n"))
    assert outcome(lambda: other.bind(either.path("n"))) is None
    assert other.getsockname() == either.path("n")
    assert outcome(lambda: either.unlink(either.path("m"))) == "ENOENT"


def test_abstract_name_is_free_when_closed(either):
    one = either.socket(AF_UNIX, SOCK_STREAM)
    one.bind(b"\0fourtuple-a")
    other = either.socket(AF_UNIX, SOCK_STREAM)
    assert outcome(lambda: other.bind(b"\0fourtuple-a")) == "EADDRINUSE"
    one.close()
    assert outcome(lambda: other.bind(b"\0fourtuple-a")) is None
    assert other.getsockname() == b"\0fourtuple-a"


def test_bind_without_a_name_takes_five_hex_digits(either):
    s = either.socket(AF_UNIX, SOCK_STREAM)
    s.bind(b"")
    name = s.getsockname()
    assert name[0] == 0
    assert len(name) == 6
    assert int(name[1:], 16) >= 0
    s.bind(b"")
    assert s.getsockname() == name


def test_listener_closed_resets_the_waiting(either):
    server = listener(either)
    client = either.socket(AF_UNIX, SOCK_STREAM)
    client.connect(either.path("srv"))
    server.close()
    assert outcome(lambda: client.recv(1)) == "ECONNRESET"
    assert outcome(lambda: client.connect(either.path("srv"))) in ("EISCONN", "ECONNREFUSED")


def test_listener_shut_down_for_reading(either):
    server = listener(either)
    client = either.socket(AF_UNIX, SOCK_STREAM)
    client.connect(either.path("srv"))
    server.shutdown(0)
    late = either.socket(AF_UNIX, SOCK_STREAM)
    assert outcome(lambda: late.connect(either.path("srv"))) == "ECONNREFUSED"
    assert outcome(server.accept).getsockname() == either.path("srv")
    assert outcome(server.accept) == "EAGAIN"


def test_blocking_accept_on_a_shut_listener_fails(host):
    server = listener(host)
    server.shutdown(0)
    server.socket.set_nonblocking(False)
    assert outcome(server.accept) == "EINVAL"


def test_passcred_socket_binds_itself_to_connect(either):
    listener(either)
    client = either.socket(AF_UNIX, SOCK_STREAM)
    client.setsockopt(SOL_SOCKET, SO_PASSCRED, 1)
    client.connect(either.path("srv"))
    assert len(client.getsockname()) == 6


def test_blocking_receive_gathers_what_was_asked(host):
    a, _ = host.socketpair(SOCK_STREAM)
    assert a.socket.receive_target(100, 0) == 1
    assert a.socket.receive_target(100, 0x100) == 100
    a.setsockopt(SOL_SOCKET, 18, 7)
    assert a.socket.receive_target(100, 0) == 7
    assert a.socket.receive_target(5, 0) == 5
    assert a.socket.receive_target(0, 0) == 1


def test_blocking_connect_waits_for_room(host):
    server = listener(host, backlog=0)
    path = host.path("srv")
    host.socket(AF_UNIX, SOCK_STREAM).connect(path)
    waiting = host.socket(AF_UNIX, SOCK_STREAM).socket
    waiting.set_nonblocking(False)
    assert waiting.connect(host.socket(AF_UNIX, SOCK_STREAM).address(path)) is False
    assert waiting.connect_result() is False
    woken = []
    host.watch(waiting, woken)
    server.accept()
    assert woken
    assert waiting.connect_result() is True


def test_peer_credentials_are_those_of_the_connecting(either):
    server = listener(either)
    client = either.socket(AF_UNIX, SOCK_STREAM)
    assert client.getsockopt(SOL_SOCKET, 17, 12) == bytes(4) + b"\xff" * 8
    client.connect(either.path("srv"))
    child = server.accept()
    here = child.getsockopt(SOL_SOCKET, 17, 12)
    assert here == client.getsockopt(SOL_SOCKET, 17, 12)
    assert here[:4] != bytes(4)


def test_passcred_reader_gets_credentials(either):
    a, b = either.socketpair(SOCK_STREAM)
    a.send(b"before")
    b.setsockopt(SOL_SOCKET, SO_PASSCRED, 1)
    a.send(b"after")
    # Pieces of different writers are never joined, and one sent before is nobody's.
    data, control, _ = b.recv_control(20)
    assert data == b"before"
    assert control == [(1, 2, bytes(4) + b"\xfe\xff\0\0" * 2)]
    data, control, _ = b.recv_control(20)
    assert data == b"after"
    assert control[0][2] == b.getsockopt(SOL_SOCKET, 17, 12)


def test_unix_ioctl_counts_bytes(either):
    a, b = either.socketpair(SOCK_STREAM)
    a.send(b"12345")
    assert b.ioctl(0x541B) == 5
    assert a.ioctl(0x5411) == 768
    b.recv(2)
    assert b.ioctl(0x541B) == 3
    assert outcome(lambda: b.ioctl(0x9999)) == "ENOTTY"


def test_sendto_with_address_is_refused(either):
    a, _ = either.socketpair(SOCK_STREAM)
    assert outcome(lambda: a.sendto(b"x", b"/anywhere")) == "EISCONN"
    fresh = either.socket(AF_UNIX, SOCK_STREAM)
    assert outcome(lambda: fresh.sendto(b"x", b"/anywhere")) == "EOPNOTSUPP"
