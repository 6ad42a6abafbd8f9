"""epoll, on ours and on Linux."""

import itertools

from builders_kernel import Note, OurEpoll, outcome

from fourtuple.kernel.epoll import (
    EPOLL_CTL_ADD,
    EPOLL_CTL_DEL,
    EPOLL_CTL_MOD,
    EPOLLET,
    EPOLLEXCLUSIVE,
    EPOLLONESHOT,
)
from fourtuple.kernel.sockaddr import SOCK_STREAM
from fourtuple.stack.poll_bits import POLLHUP, POLLIN, POLLOUT, POLLRDHUP


def test_epoll_level_reports_until_read(either):
    a, b = either.socketpair(SOCK_STREAM)
    ep = either.epoll()
    ep.control(EPOLL_CTL_ADD, a, POLLIN)
    assert ep.wait() == []
    b.send(b"x")
    assert ep.wait() == [(a.fd, POLLIN)]
    assert ep.wait() == [(a.fd, POLLIN)]
    a.recv(1)
    assert ep.wait() == []


def test_epoll_edge_reports_each_arrival_once(either):
    a, b = either.socketpair(SOCK_STREAM)
    ep = either.epoll()
    ep.control(EPOLL_CTL_ADD, a, POLLIN | EPOLLET)
    b.send(b"x")
    assert ep.wait() == [(a.fd, POLLIN)]
    assert ep.wait() == []
    b.send(b"y")
    assert ep.wait() == [(a.fd, POLLIN)]
    assert a.recv(9) == b"xy"
    assert ep.wait() == []


def test_epoll_oneshot_reports_once_until_rearmed(either):
    a, b = either.socketpair(SOCK_STREAM)
    ep = either.epoll()
    ep.control(EPOLL_CTL_ADD, a, POLLIN | EPOLLONESHOT)
    b.send(b"x")
    assert ep.wait() == [(a.fd, POLLIN)]
    b.send(b"y")
    assert ep.wait() == []
    ep.control(EPOLL_CTL_MOD, a, POLLIN | EPOLLONESHOT)
    assert ep.wait() == [(a.fd, POLLIN)]


def test_epoll_add_of_ready_file_reports_at_once(either):
    a, _ = either.socketpair(SOCK_STREAM)
    ep = either.epoll()
    ep.control(EPOLL_CTL_ADD, a, POLLIN | POLLOUT | EPOLLET)
    assert ep.wait() == [(a.fd, POLLOUT)]
    assert ep.wait() == []
    ep.control(EPOLL_CTL_MOD, a, POLLOUT | EPOLLET)
    assert ep.wait() == [(a.fd, POLLOUT)]


def test_epoll_reports_hang_up_unasked(either):
    a, b = either.socketpair(SOCK_STREAM)
    ep = either.epoll()
    ep.control(EPOLL_CTL_ADD, a, 0)
    b.close()
    assert ep.wait() == [(a.fd, POLLHUP)]
    ep.control(EPOLL_CTL_MOD, a, POLLRDHUP)
    assert ep.wait() == [(a.fd, POLLHUP | POLLRDHUP)]


def test_epoll_control_refusals(either):
    a, _ = either.socketpair(SOCK_STREAM)
    ep = either.epoll()
    assert outcome(lambda: ep.control(EPOLL_CTL_MOD, a, POLLIN)) == "ENOENT"
    assert outcome(lambda: ep.control(EPOLL_CTL_DEL, a, 0)) == "ENOENT"
    ep.control(EPOLL_CTL_ADD, a, POLLIN)
    assert outcome(lambda: ep.control(EPOLL_CTL_ADD, a, POLLIN)) == "EEXIST"
    assert outcome(lambda: ep.control(EPOLL_CTL_ADD, ep, POLLIN)) == "EINVAL"
    ep.control(EPOLL_CTL_DEL, a, 0)
    assert outcome(lambda: ep.control(EPOLL_CTL_DEL, a, 0)) == "ENOENT"


def test_epoll_exclusive_refusals(either):
    a, b = either.socketpair(SOCK_STREAM)
    ep, inner = either.epoll(), either.epoll()
    ep.control(EPOLL_CTL_ADD, a, POLLIN | EPOLLEXCLUSIVE)
    assert outcome(lambda: ep.control(EPOLL_CTL_MOD, a, POLLIN)) == "EINVAL"
    assert outcome(lambda: ep.control(EPOLL_CTL_MOD, a, POLLIN | EPOLLEXCLUSIVE)) == "EINVAL"
    assert outcome(lambda: ep.control(EPOLL_CTL_ADD, inner, POLLIN | EPOLLEXCLUSIVE)) == "EINVAL"
    assert outcome(lambda: ep.control(EPOLL_CTL_ADD, b, POLLIN | EPOLLONESHOT | EPOLLEXCLUSIVE)) == "EINVAL"


def test_epoll_forgets_a_closed_file(either):
    a, b = either.socketpair(SOCK_STREAM)
    ep = either.epoll()
    ep.control(EPOLL_CTL_ADD, a, POLLIN)
    b.send(b"x")
    a.close()
    assert ep.wait() == []


def test_epoll_order_is_that_of_becoming_ready(either):
    pairs = [either.socketpair(SOCK_STREAM) for _ in range(3)]
    ep = either.epoll()
    for a, _ in pairs:
        ep.control(EPOLL_CTL_ADD, a, POLLIN)
    for index in (2, 0, 1):
        pairs[index][1].send(b"x")
    assert [fd for fd, _ in ep.wait()] == [pairs[index][0].fd for index in (2, 0, 1)]


def test_epoll_few_at_a_time_go_round(either):
    pairs = [either.socketpair(SOCK_STREAM) for _ in range(3)]
    ep = either.epoll()
    for a, b in pairs:
        ep.control(EPOLL_CTL_ADD, a, POLLIN)
        b.send(b"x")
    fds = [a.fd for a, _ in pairs]
    seen = [ep.wait(1)[0][0] for _ in range(6)]
    assert seen == fds + fds


def test_epoll_nested_is_readable_while_the_inner_is(either):
    a, b = either.socketpair(SOCK_STREAM)
    outer, inner = either.epoll(), either.epoll()
    inner.control(EPOLL_CTL_ADD, a, POLLIN)
    outer.control(EPOLL_CTL_ADD, inner, POLLIN)
    assert outer.wait() == []
    b.send(b"x")
    assert inner.poll() & POLLIN
    assert outer.wait() == [(inner.fd, POLLIN)]
    a.recv(1)
    assert inner.poll() == 0
    assert outer.wait() == []


def test_epoll_cycle_is_refused(either):
    one, two = either.epoll(), either.epoll()
    one.control(EPOLL_CTL_ADD, two, POLLIN)
    assert outcome(lambda: two.control(EPOLL_CTL_ADD, one, POLLIN)) == "ELOOP"


def test_epoll_deep_nesting_is_refused(either):
    chain = [either.epoll() for _ in range(8)]
    results = [
        outcome(lambda a=a, b=b: a.control(EPOLL_CTL_ADD, b, POLLIN)) for a, b in itertools.pairwise(chain)
    ]
    assert results == [None] * 4 + ["ELOOP"] + [None] * 2


def test_epoll_listener_becomes_ready(either):
    listener = either.socket(2, SOCK_STREAM)
    listener.bind(("127.0.0.1", 0))
    listener.listen(5)
    ep = either.epoll()
    ep.control(EPOLL_CTL_ADD, listener, POLLIN)
    client = either.socket(2, SOCK_STREAM)
    assert outcome(lambda: client.connect(listener.getsockname())) in (None, "EINPROGRESS")
    either.settle()
    assert ep.wait() == [(listener.fd, POLLIN)]


def test_epoll_duplicated_descriptor_keeps_the_watch(host):
    a, b = host.socketpair(SOCK_STREAM)
    ep = host.epoll()
    ep.control(EPOLL_CTL_ADD, a, POLLIN)
    copy = host.process.fds.dup(a.fd, 0, False)
    a.close()
    b.send(b"x")
    assert ep.wait() == [(a.fd, POLLIN)]
    host.process.fds.close(copy)
    assert ep.wait() == []


def test_epoll_exclusive_wakes_one_with_a_waiter(host):
    a, b = host.socketpair(SOCK_STREAM)
    epolls = [host.epoll() for _ in range(3)]
    woken = [[], [], []]
    for ep in epolls:
        ep.control(EPOLL_CTL_ADD, a, POLLIN | EPOLLEXCLUSIVE)
    # Nobody waits on the first: it lets the wake-up pass.
    host.watch(epolls[1].file, woken[1])
    host.watch(epolls[2].file, woken[2])
    b.send(b"x")
    assert [len(masks) for masks in woken] == [0, 1, 0]


def test_epoll_wake_reaches_its_waiters(host):
    a, b = host.socketpair(SOCK_STREAM)
    ep = host.epoll()
    ep.control(EPOLL_CTL_ADD, a, POLLIN)
    woken: list[int] = []
    note = Note(woken)
    ep.file.wait_queue.add(note, POLLIN, False)
    b.send(b"x")
    assert woken
    ep.file.wait_queue.remove(note)
    woken.clear()
    b.send(b"y")
    assert woken == []


def test_epoll_closed_leaves_no_watch_behind(host):
    a, _ = host.socketpair(SOCK_STREAM)
    ep = host.epoll()
    ep.control(EPOLL_CTL_ADD, a, POLLIN)
    ep.close()
    assert a.file.watches == []
    assert len(a.file.wait_queue) == 0


def test_epoll_null_device_cannot_be_watched(host):
    ep = host.epoll()
    null = host.file(host.kernel.null())
    assert outcome(lambda: ep.control(EPOLL_CTL_ADD, null, POLLIN)) == "EPERM"
    assert isinstance(ep, OurEpoll)
    assert outcome(lambda: ep.wait(0)) == "EINVAL"
