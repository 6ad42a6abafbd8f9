"""TCP sockets through the socket calls, on ours and on Linux."""

import itertools

from builders_kernel import outcome

from fourtuple.kernel.sockaddr import AF_INET, AF_INET6, SOCK_STREAM
from fourtuple.kernel.socket import MSG_OOB, MSG_PEEK, MSG_TRUNC
from fourtuple.stack.poll_bits import POLLERR, POLLHUP, POLLIN, POLLOUT, POLLPRI, POLLRDHUP

SOL_SOCKET, SO_REUSEADDR, SO_ERROR, SO_LINGER, SO_ACCEPTCONN, SO_REUSEPORT = 1, 2, 4, 13, 30, 15
BASIC = POLLIN | POLLPRI | POLLOUT | POLLERR | POLLHUP | POLLRDHUP
LOCAL = ("127.0.0.1", 0)


def tcp(either):
    return either.socket(AF_INET, SOCK_STREAM)


def listener(either, backlog=5):
    s = tcp(either)
    s.bind(LOCAL)
    s.listen(backlog)
    return s


def connect(either, s, where):
    result = outcome(lambda: s.connect(where))
    assert result in (None, "EINPROGRESS")
    either.settle()


def pair(either):
    server = listener(either)
    client = tcp(either)
    connect(either, client, server.getsockname())
    return client, server.accept()


def test_pair_carries_bytes(either):
    a, b = pair(either)
    assert a.send(b"hello") == 5
    either.settle()
    assert b.recv(3, MSG_PEEK) == b"hel"
    assert b.recv(3) == b"hel"
    assert b.recv(9) == b"lo"
    assert outcome(lambda: b.recv(9)) == "EAGAIN"
    assert a.getpeername() == b.getsockname()
    assert b.getpeername() == a.getsockname()


def test_fresh_socket_refuses_what_needs_a_peer(either):
    s = tcp(either)
    assert outcome(lambda: s.recv(1)) == "ENOTCONN"
    assert outcome(lambda: s.send(b"x")) == "EPIPE"
    assert outcome(s.getpeername) == "ENOTCONN"
    assert outcome(s.accept) == "EINVAL"
    assert s.getsockname() == ("0.0.0.0", 0)
    assert s.poll() & BASIC == POLLOUT | POLLHUP
    assert outcome(lambda: s.shutdown(2)) == "ENOTCONN"
    assert s.poll() & BASIC == POLLIN | POLLOUT | POLLHUP | POLLRDHUP


def test_listening_socket_refuses_what_needs_a_peer(either):
    s = listener(either)
    assert outcome(lambda: s.recv(1)) == "ENOTCONN"
    assert outcome(lambda: s.send(b"x")) == "EPIPE"
    assert outcome(lambda: s.connect(("127.0.0.1", 9))) == "EISCONN"
    assert outcome(s.getpeername) == "ENOTCONN"
    assert outcome(lambda: s.bind(LOCAL)) == "EINVAL"
    assert outcome(lambda: s.ioctl(0x541B)) == "EINVAL"
    assert outcome(s.accept) == "EAGAIN"
    assert outcome(lambda: s.listen(9)) is None
    assert s.poll() & BASIC == 0


def test_bind_refusals_before_the_port(either):
    s = tcp(either)
    assert outcome(lambda: s.bind(("8.8.8.8", 0))) == "EADDRNOTAVAIL"
    s.bind(LOCAL)
    port = s.getsockname()[1]
    assert port >= 32768
    assert outcome(lambda: s.bind(LOCAL)) == "EINVAL"
    assert outcome(lambda: s.bind(("8.8.8.8", 0))) == "EADDRNOTAVAIL"
    other = tcp(either)
    assert outcome(lambda: other.bind(("127.0.0.1", port))) == "EADDRINUSE"
    assert outcome(lambda: other.bind(("127.0.0.2", port))) is None


def test_bind_address_of_another_family(host):
    assert outcome(lambda: tcp(host).bind(("::1", 0, 0, 0))) == "EAFNOSUPPORT"
    six = host.socket(AF_INET6, SOCK_STREAM)
    assert outcome(lambda: six.bind(LOCAL)) == "EAFNOSUPPORT"
    assert outcome(lambda: six.bind(("ff02::1", 0, 0, 0))) == "EINVAL"
    assert outcome(lambda: six.bind(("2001:db8::1", 0, 0, 0))) == "EADDRNOTAVAIL"


def test_bind_low_port_without_privilege(host):
    host.process.set_credentials(1000, 1000)
    s = tcp(host)
    assert outcome(lambda: s.bind(("8.8.8.8", 80))) == "EADDRNOTAVAIL"
    assert outcome(lambda: s.bind(("0.0.0.0", 80))) == "EACCES"
    assert outcome(lambda: s.bind(("0.0.0.0", 1024))) is None
    # Already bound, but privilege is looked at first.
    assert outcome(lambda: s.bind(("0.0.0.0", 80))) == "EACCES"
    host.stack.sysctl.set("net.ipv4.ip_unprivileged_port_start", 80)
    assert outcome(lambda: tcp(host).bind(("0.0.0.0", 80))) is None


def test_bind_foreign_address_with_freebind(either):
    s = tcp(either)
    s.setsockopt(0, 15, 1)
    assert outcome(lambda: s.bind(("8.8.8.8", 0))) is None
    assert s.getsockname()[0] == "8.8.8.8"


def test_connect_refused_then_again(either):
    port = free_port(either)
    s = tcp(either)
    assert outcome(lambda: s.connect(("127.0.0.1", port))) == "EINPROGRESS"
    either.settle()
    assert s.poll() & BASIC == POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDHUP
    assert outcome(lambda: s.connect(("127.0.0.1", port))) == "ECONNREFUSED"
    assert outcome(lambda: s.connect(("127.0.0.1", port))) == "EINPROGRESS"
    either.settle()
    assert s.getsockopt(SOL_SOCKET, SO_ERROR) == 111
    assert s.getsockopt(SOL_SOCKET, SO_ERROR) == 0
    assert outcome(lambda: s.connect(("127.0.0.1", port))) == "ECONNABORTED"


def test_connect_refused_then_sent(either):
    s = tcp(either)
    outcome(lambda: s.connect(("127.0.0.1", free_port(either))))
    either.settle()
    assert outcome(lambda: s.send(b"x")) == "ECONNREFUSED"
    assert outcome(lambda: s.send(b"x")) == "EPIPE"
    assert s.recv(1) == b""


def free_port(either):
    s = tcp(either)
    s.bind(LOCAL)
    port = s.getsockname()[1]
    s.close()
    return port


def test_connect_to_listener_succeeds_then_again(either):
    server = listener(either)
    s = tcp(either)
    connect(either, s, server.getsockname())
    assert s.poll() & BASIC == POLLOUT
    assert server.poll() & BASIC == POLLIN
    # The call that was under way ends well, once.
    assert outcome(lambda: s.connect(server.getsockname())) is None
    assert outcome(lambda: s.connect(server.getsockname())) == "EISCONN"
    assert outcome(lambda: s.listen(1)) == "EINVAL"
    assert outcome(lambda: s.bind(LOCAL)) == "EINVAL"
    assert outcome(s.accept) == "EINVAL"


def test_connect_under_way_again_is_already(host):
    host.stack.add_interface("eth0", 2, 1500, None)
    host.stack.add_address(host.stack.interfaces[1], 0xFFFF_0A000001, 24)
    s = tcp(host)
    assert outcome(lambda: s.connect(("10.0.0.2", 80))) == "EINPROGRESS"
    assert outcome(lambda: s.connect(("10.0.0.2", 80))) == "EALREADY"
    assert outcome(s.getpeername) == "ENOTCONN"
    assert outcome(lambda: s.send(b"x")) == "EAGAIN"
    assert outcome(lambda: s.recv(1)) == "EAGAIN"
    assert outcome(lambda: s.listen(1)) == "EINVAL"
    assert s.poll() & BASIC == 0


def test_connect_no_route(host):
    s = tcp(host)
    assert outcome(lambda: s.connect(("192.0.2.1", 80))) == "ENETUNREACH"
    assert outcome(lambda: s.connect(("::1", 80, 0, 0))) == "EAFNOSUPPORT"
    assert outcome(lambda: s.connect(("224.0.0.1", 80))) == "ENETUNREACH"


def test_connect_to_the_wildcard_is_to_oneself(either):
    server = tcp(either)
    server.bind(("0.0.0.0", 0))
    server.listen(1)
    s = tcp(either)
    connect(either, s, ("0.0.0.0", server.getsockname()[1]))
    assert s.getpeername() == ("127.0.0.1", server.getsockname()[1])


def test_connect_unspecified_dissolves(either):
    a, b = pair(either)
    a.connect(None)
    either.settle()
    assert outcome(a.getpeername) == "ENOTCONN"
    assert outcome(lambda: b.recv(1)) == "ECONNRESET"
    server = listener(either)
    connect(either, a, server.getsockname())
    assert a.getpeername() == server.getsockname()


def test_connect_unspecified_keeps_what_was_bound(either):
    s = tcp(either)
    s.bind(LOCAL)
    where = s.getsockname()
    s.connect(None)
    assert s.getsockname() == where
    assert outcome(lambda: s.bind(LOCAL)) == "EINVAL"


def test_bind_after_a_failed_connect(either):
    # The port was the system's choice, and is free again.
    s = tcp(either)
    outcome(lambda: s.connect(("127.0.0.1", free_port(either))))
    either.settle()
    assert outcome(lambda: s.recv(1)) == "ECONNREFUSED"
    assert outcome(lambda: s.bind(LOCAL)) is None
    # One asked for by number stays.
    other = tcp(either)
    other.bind(("127.0.0.1", free_port(either)))
    outcome(lambda: other.connect(("127.0.0.1", free_port(either))))
    either.settle()
    assert outcome(lambda: other.bind(LOCAL)) == "EINVAL"


def test_former_listener_shows_its_port(either):
    s = listener(either)
    where = s.getsockname()
    s.shutdown(0)
    assert s.getsockname() == where
    s.listen(1)
    assert s.getsockname() != where


def test_error_outlasts_listen(either):
    s = tcp(either)
    outcome(lambda: s.connect(("127.0.0.1", free_port(either))))
    either.settle()
    s.connect(None)
    s.listen(1)
    assert outcome(lambda: s.send(b"x")) == "ECONNREFUSED"
    assert outcome(lambda: s.send(b"x")) == "EPIPE"


def test_shut_down_before_connecting_stays_so(either):
    server = listener(either)
    s = tcp(either)
    outcome(lambda: s.shutdown(1))
    connect(either, s, server.getsockname())
    assert outcome(lambda: s.send(b"x")) == "EPIPE"


def test_blocking_receive_gathers_what_was_asked(host):
    s = tcp(host).socket
    assert (s.receive_target(9, 0), s.receive_target(9, 0x100)) == (1, 9)
    s.setsockopt(SOL_SOCKET, 18, (4).to_bytes(4, "little"))
    assert (s.receive_target(9, 0), s.receive_target(2, 0)) == (4, 2)


def test_urgent_mark_by_ioctl(either):
    a, b = pair(either)
    assert b.ioctl(0x8905) == 0
    a.send(b"ab", MSG_OOB)
    either.settle()
    assert b.ioctl(0x8905) == 0
    assert b.recv(9) == b"a"
    assert b.ioctl(0x8905) == 1
    assert a.ioctl(0x894B) == 0


def test_error_queue_of_a_stream_is_empty(either):
    a, _ = pair(either)
    assert outcome(lambda: a.recv_control(9, 0x2000)) == "EAGAIN"


def test_shutdown_calls(either):
    a, b = pair(either)
    assert outcome(lambda: a.shutdown(5)) == "EINVAL"
    assert outcome(lambda: a.shutdown(1)) is None
    assert outcome(lambda: a.shutdown(1)) is None
    assert outcome(lambda: a.send(b"x")) == "EPIPE"
    either.settle()
    assert b.poll() & BASIC == POLLIN | POLLOUT | POLLRDHUP
    assert b.recv(9) == b""
    assert b.send(b"back") == 4
    either.settle()
    assert a.recv(9) == b"back"
    assert outcome(lambda: a.shutdown(0)) is None
    assert a.recv(9) == b""


def test_shutdown_read_gives_the_end_at_once(either):
    a, _ = pair(either)
    a.shutdown(0)
    assert a.recv(1) == b""
    assert a.poll() & BASIC == POLLIN | POLLOUT | POLLRDHUP


def test_shutdown_of_listener(either):
    s = listener(either)
    assert outcome(lambda: s.shutdown(1)) is None
    assert s.getsockopt(SOL_SOCKET, SO_ACCEPTCONN) == 1
    assert outcome(lambda: s.shutdown(0)) is None
    assert s.getsockopt(SOL_SOCKET, SO_ACCEPTCONN) == 0
    assert outcome(s.accept) == "EINVAL"
    assert outcome(lambda: s.shutdown(0)) == "ENOTCONN"
    assert outcome(lambda: s.listen(5)) is None


def test_peer_closed_reading_and_writing(either):
    a, b = pair(either)
    b.send(b"last")
    b.close()
    either.settle()
    assert a.recv(9) == b"last"
    assert a.recv(9) == b""
    # The first write finds no reader and is answered with RST.
    assert a.send(b"x") == 1
    either.settle()
    assert outcome(lambda: a.send(b"x")) == "EPIPE"


def test_peer_closed_with_unread_data_resets(either):
    a, b = pair(either)
    a.send(b"never read")
    either.settle()
    b.close()
    either.settle()
    assert a.poll() & BASIC == POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDHUP
    assert outcome(lambda: a.recv(1)) == "ECONNRESET"
    assert a.recv(1) == b""
    assert outcome(lambda: a.send(b"x")) == "EPIPE"
    assert outcome(a.getpeername) == "ENOTCONN"


def test_linger_zero_resets(either):
    a, b = pair(either)
    a.setsockopt(SOL_SOCKET, SO_LINGER, bytes((1, 0, 0, 0, 0, 0, 0, 0)))
    a.close()
    either.settle()
    assert outcome(lambda: b.send(b"x")) == "ECONNRESET"


def test_closed_socket_leaves_the_port_in_time_wait(either):
    server = listener(either)
    where = server.getsockname()
    s = tcp(either)
    connect(either, s, where)
    child = server.accept()
    child.close()
    either.settle()
    s.close()
    server.close()
    either.settle()
    again = tcp(either)
    assert outcome(lambda: again.bind(where)) == "EADDRINUSE"
    again.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
    # The old server lacked the option.
    assert outcome(lambda: again.bind(where)) == "EADDRINUSE"


def test_second_listen_on_a_shared_port_is_refused(either):
    one, two = tcp(either), tcp(either)
    for s in (one, two):
        s.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
    one.bind(LOCAL)
    two.bind(one.getsockname())
    one.listen(1)
    assert outcome(lambda: two.listen(1)) == "EADDRINUSE"


def test_reuseport_set_after_bind_counts_at_listen(either):
    one, two = tcp(either), tcp(either)
    one.setsockopt(SOL_SOCKET, SO_REUSEPORT, 1)
    one.bind(LOCAL)
    one.listen(1)
    assert outcome(lambda: two.bind(one.getsockname())) == "EADDRINUSE"
    two.setsockopt(SOL_SOCKET, SO_REUSEPORT, 1)
    assert outcome(lambda: two.bind(one.getsockname())) is None
    assert outcome(lambda: two.listen(1)) is None
    assert two.getsockopt(SOL_SOCKET, SO_REUSEPORT) == 1


def test_backlog_holds_one_more(either):
    server = listener(either, backlog=1)
    clients = [tcp(either) for _ in range(3)]
    for client in clients:
        outcome(lambda client=client: client.connect(server.getsockname()))
        either.settle()
    assert [client.poll() & POLLOUT for client in clients] == [POLLOUT, POLLOUT, 0]
    assert [outcome(server.accept) == "EAGAIN" for _ in range(3)] == [False, False, True]


def test_accepted_socket_inherits_options(either):
    server = listener(either)
    server.setsockopt(6, 1, 1)
    server.setsockopt(SOL_SOCKET, 9, 1)
    server.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
    server.setsockopt(SOL_SOCKET, SO_LINGER, (1).to_bytes(4, "little") + (7).to_bytes(4, "little"))
    server.setsockopt(SOL_SOCKET, 8, 40000)
    server.setsockopt(6, 4, 123)
    server.setsockopt(0, 1, 0x10)
    server.setsockopt(0, 2, 33)
    server.setsockopt(SOL_SOCKET, 18, 3)
    client = tcp(either)
    connect(either, client, server.getsockname())
    child = server.accept()
    assert child.getsockopt(6, 1) == 1
    assert child.getsockopt(SOL_SOCKET, 9) == 1
    assert child.getsockopt(SOL_SOCKET, SO_REUSEADDR) == 1
    assert child.getsockopt(SOL_SOCKET, SO_LINGER, 8) == b"\1\0\0\0\7\0\0\0"
    assert child.getsockopt(SOL_SOCKET, 8) == 80000
    assert child.getsockopt(6, 4) == 123
    assert child.getsockopt(0, 1) == 0x10
    assert child.getsockopt(0, 2) == 33
    assert child.getsockopt(SOL_SOCKET, 18) == 3
    assert child.getsockopt(SOL_SOCKET, SO_ACCEPTCONN) == 0


def test_urgent_byte(either):
    a, b = pair(either)
    assert outcome(lambda: b.recv(1, MSG_OOB)) == "EINVAL"
    a.send(b"abc", MSG_OOB)
    either.settle()
    assert b.poll() & POLLPRI
    assert b.recv(1, MSG_OOB) == b"c"
    assert outcome(lambda: b.recv(1, MSG_OOB)) == "EINVAL"
    assert b.recv(9) == b"ab"


def test_receive_with_trunc_discards(either):
    a, b = pair(either)
    a.send(b"0123456789")
    either.settle()
    assert len(b.recv(4, MSG_TRUNC)) == 4
    assert b.recv(9) == b"456789"


def test_queue_sizes_by_ioctl(either):
    a, b = pair(either)
    a.send(b"12345")
    either.settle()
    assert b.ioctl(0x541B) == 5
    assert a.ioctl(0x5411) == 0
    assert outcome(lambda: b.ioctl(0x9999)) == "ENOTTY"


def test_send_more_than_fits_is_partial(either):
    a, b = pair(either)
    sent = a.send(bytes(50_000_000))
    assert 0 < sent < 50_000_000
    assert a.poll() & POLLOUT == 0
    while True:
        either.settle()
        if not isinstance(outcome(lambda: b.recv(1 << 22)), bytes):
            break
    assert a.poll() & POLLOUT


def test_dual_stack_listener_takes_v4(either):
    server = either.socket(AF_INET6, SOCK_STREAM)
    server.bind(("::", 0, 0, 0))
    server.listen(1)
    port = server.getsockname()[1]
    assert server.getsockname() == ("::", port, 0, 0)
    client = tcp(either)
    connect(either, client, ("127.0.0.1", port))
    child = server.accept()
    assert child.getsockname() == ("::ffff:127.0.0.1", port, 0, 0)
    assert child.getpeername() == ("::ffff:127.0.0.1", client.getsockname()[1], 0, 0)
    other = tcp(either)
    assert outcome(lambda: other.bind(("127.0.0.1", port))) == "EADDRINUSE"


def test_v6only_listener_refuses_v4(either):
    server = either.socket(AF_INET6, SOCK_STREAM)
    server.setsockopt(41, 26, 1)
    server.bind(("::", 0, 0, 0))
    assert outcome(lambda: server.setsockopt(41, 26, 0)) == "EINVAL"
    server.listen(1)
    s = tcp(either)
    assert outcome(lambda: s.connect(("127.0.0.1", server.getsockname()[1]))) == "EINPROGRESS"
    either.settle()
    assert s.getsockopt(SOL_SOCKET, SO_ERROR) == 111


def test_v6_socket_reaches_v4_by_mapped_address(either):
    server = listener(either)
    s = either.socket(AF_INET6, SOCK_STREAM)
    connect(either, s, ("::ffff:127.0.0.1", server.getsockname()[1], 0, 0))
    assert s.getpeername() == ("::ffff:127.0.0.1", server.getsockname()[1], 0, 0)
    only = either.socket(AF_INET6, SOCK_STREAM)
    only.setsockopt(41, 26, 1)
    where = ("::ffff:127.0.0.1", server.getsockname()[1], 0, 0)
    assert outcome(lambda: only.connect(where)) == "ENETUNREACH"
    assert outcome(lambda: only.bind(("::ffff:127.0.0.1", 0, 0, 0))) == "EINVAL"


def test_bind_address_no_port_waits_for_connect(either):
    server = listener(either)
    s = tcp(either)
    s.setsockopt(0, 24, 1)
    s.bind(("127.0.0.2", 0))
    assert s.getsockname() == ("127.0.0.2", 0)
    connect(either, s, server.getsockname())
    assert s.getsockname()[0] == "127.0.0.2"
    assert s.getsockname()[1] != 0


def test_accept_wakes_one_waiter_per_connection(host):
    server = listener(host)
    woken: list[int] = []
    host.watch(server.file, woken)
    for count in (1, 2):
        connect(host, tcp(host), server.getsockname())
        assert len([mask for mask in woken if mask & POLLIN]) == count


def test_shared_connection_ends_with_its_last_holder(host):
    a, b = pair(host)
    child = host.kernel.fork(host.process, "child", ["child"])
    b.close()
    host.settle()
    assert outcome(lambda: a.recv(1)) == "EAGAIN"
    host.kernel.exit(child, 0)
    host.settle()
    assert a.recv(1) == b""


def test_accepted_socket_belongs_to_the_accepting_user(host):
    server = listener(host)
    client = tcp(host)
    connect(host, client, server.getsockname())
    worker = host.kernel.fork(host.process, "worker", ["worker"])
    worker.set_credentials(1000, 1000)
    host.kernel.caller = worker
    child = server.socket.accept()
    host.kernel.caller = None
    assert child.creator is worker
    assert child.endpoint.uid == 1000


def test_listeners_by_port_sequence_are_distinct(either):
    ports = [listener(either).getsockname()[1] for _ in range(4)]
    assert all(a != b for a, b in itertools.combinations(ports, 2))


SOL_TCP, TCP_FASTOPEN, TCP_FASTOPEN_CONNECT, TCP_FASTOPEN_KEY, TCP_FASTOPEN_NO_COOKIE = 6, 23, 30, 33, 34
MSG_FASTOPEN = 0x2000_0000


def test_fast_open_options_take_what_linux_takes(either):
    s = tcp(either)
    for name in (TCP_FASTOPEN_CONNECT, TCP_FASTOPEN_NO_COOKIE):
        assert s.getsockopt(SOL_TCP, name) == 0
        assert outcome(lambda name=name: s.setsockopt(SOL_TCP, name, 2)) == "EINVAL"
        assert outcome(lambda name=name: s.setsockopt(SOL_TCP, name, -1)) == "EINVAL"
        s.setsockopt(SOL_TCP, name, 1)
        assert s.getsockopt(SOL_TCP, name) == 1
        s.setsockopt(SOL_TCP, name, 0)
    assert outcome(lambda: s.setsockopt(SOL_TCP, TCP_FASTOPEN, -1)) == "EINVAL"
    s.setsockopt(SOL_TCP, TCP_FASTOPEN, 7)
    assert s.getsockopt(SOL_TCP, TCP_FASTOPEN) == 7
    s.setsockopt(SOL_TCP, TCP_FASTOPEN, 1 << 20)
    assert s.getsockopt(SOL_TCP, TCP_FASTOPEN) == 4096
    for length in (0, 3, 15, 17, 33):
        assert (
            outcome(lambda length=length: s.setsockopt(SOL_TCP, TCP_FASTOPEN_KEY, bytes(length))) == "EINVAL"
        )
    assert s.getsockopt(SOL_TCP, TCP_FASTOPEN_KEY, 64) == b""
    for key in (bytes(range(16)), bytes(range(32))):
        s.setsockopt(SOL_TCP, TCP_FASTOPEN_KEY, key)
        assert s.getsockopt(SOL_TCP, TCP_FASTOPEN_KEY, 64) == key


def test_fast_open_is_settled_before_the_connection(either):
    client, server = pair(either)
    for name in (TCP_FASTOPEN, TCP_FASTOPEN_CONNECT, TCP_FASTOPEN_NO_COOKIE):
        assert outcome(lambda name=name: client.setsockopt(SOL_TCP, name, 1)) == "EINVAL"
    # The first call finds out that the connection is there, as a second connect() does.
    assert client.sendto(b"x", server.getsockname(), MSG_FASTOPEN) == 1
    assert outcome(lambda: client.sendto(b"x", server.getsockname(), MSG_FASTOPEN)) == "EISCONN"


def test_first_fast_open_asks_for_a_cookie(either):
    where = listener(either).getsockname()
    s = tcp(either)
    assert outcome(lambda: s.send(b"x", MSG_FASTOPEN)) == "EINVAL"
    assert outcome(lambda: s.sendto(b"x", where, MSG_FASTOPEN)) == "EINPROGRESS"
    either.settle()
    assert s.send(b"x") == 1


def test_cookieless_connect_waits_for_the_first_write(either):
    server = listener(either)
    s = tcp(either)
    s.setsockopt(SOL_TCP, TCP_FASTOPEN_NO_COOKIE, 1)
    s.setsockopt(SOL_TCP, TCP_FASTOPEN_CONNECT, 1)
    assert outcome(lambda: s.connect(server.getsockname())) is None
    either.settle()
    assert outcome(server.accept) == "EAGAIN"
    assert outcome(lambda: s.connect(server.getsockname())) == "EISCONN"
    assert s.poll() & BASIC == POLLOUT
    assert outcome(lambda: s.recv(1)) == "EAGAIN"
    assert outcome(s.getpeername) == "ENOTCONN"
    assert s.send(b"hello") == 5
    either.settle()
    assert server.accept().recv(9) == b"hello"
    assert outcome(lambda: s.connect(server.getsockname())) is None
    assert outcome(lambda: s.connect(server.getsockname())) == "EISCONN"
