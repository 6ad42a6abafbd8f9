"""Small programs of system and network programmers, on Linux and on ours:
epoll, urgent data, shutdowns, signals and threads."""

import os
import select
import signal
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from parity_programs import on_both
from parity_small import at_mark, events, meanwhile, tcp_pair, tried

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="parity needs Linux")

MSG_PEEK = 2
MSG_OOB = 1
MSG_WAITALL = 0x100
EXCLUSIVE = select.EPOLLEXCLUSIVE


def urgent() -> list[Any]:
    seen: list[Any] = []
    for inline in (0, 1):
        a, b = tcp_pair()
        b.settimeout(0.2)
        b.setsockopt(1, socket.SO_OOBINLINE, inline)
        seen.append(tried(b.recv, 9, MSG_OOB))
        a.send(b"abc")
        a.send(b"XY", MSG_OOB)
        a.send(b"def")
        time.sleep(0.05)
        p = select.poll()
        p.register(b, 0xFFF)
        seen.append(events(p))
        ready = select.select([b], [], [b], 0)
        seen.append((len(ready[0]), len(ready[2])))
        seen.append(at_mark(b))
        seen.append(tried(b.recv, 9, MSG_OOB | MSG_PEEK))
        seen.append(tried(b.recv, 9))
        seen.append(at_mark(b))
        seen.append(tried(b.recv, 9, MSG_OOB))
        seen.append(tried(b.recv, 9, MSG_OOB))
        seen.append(tried(b.recv, 9))
        seen.append(at_mark(b))
        seen.append(tried(b.recv, 9))
        a.send(b"1", MSG_OOB)
        a.send(b"2", MSG_OOB)
        time.sleep(0.05)
        seen += [tried(b.recv, 9, MSG_OOB), tried(b.recv, 9), tried(b.recv, 9)]
        seen.append(tried(b.recv, 9, MSG_OOB | MSG_WAITALL))
        a.shutdown(socket.SHUT_WR)
        seen += [tried(b.recv, 9, MSG_OOB), tried(b.recv, 9)]
    u = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    seen.append(tried(u[0].send, b"x", MSG_OOB))
    seen.append(tried(u[0].recv, 1, MSG_OOB))
    return seen


def epoll_edges() -> list[Any]:
    seen: list[Any] = []
    a, b = socket.socketpair()
    ep = select.epoll()
    ep.register(b, select.EPOLLIN | select.EPOLLET)
    a.send(b"1")
    seen += [events(ep), events(ep)]
    a.send(b"2")
    seen.append(events(ep))
    b.recv(1)
    seen.append(events(ep))
    ep.modify(b, select.EPOLLIN | select.EPOLLET)
    seen += [events(ep), events(ep)]
    copy = b.dup()
    seen.append(tried(ep.register, copy, select.EPOLLIN))
    seen.append(sorted(len(events(ep)) for _ in range(2)))
    seen.append(tried(ep.register, b, select.EPOLLIN))
    b_number = b.fileno()
    b.close()
    # The description lives on in the copy, and is still reported by the old number.
    a.send(b"3")
    seen.append(sorted(fd == b_number for fd, _ in ep.poll(0.05)))
    seen.append(tried(ep.unregister, b_number))
    ep.unregister(copy)
    a.send(b"4")
    seen.append(sorted(fd == b_number for fd, _ in ep.poll(0.05)))
    copy.close()
    seen.append(events(ep))
    # One shot.
    c, d = socket.socketpair()
    ep.register(d, select.EPOLLIN | select.EPOLLONESHOT)
    c.send(b"1")
    seen += [events(ep), events(ep)]
    c.send(b"2")
    seen.append(events(ep))
    c.close()
    seen.append(events(ep))
    ep.modify(d, select.EPOLLIN | select.EPOLLONESHOT)
    seen += [events(ep), events(ep)]
    ep.modify(d, 0)
    seen.append(events(ep))
    return seen


def epoll_rules() -> list[Any]:
    seen: list[Any] = []
    ep = select.epoll()
    a, b = socket.socketpair()
    for mask in (
        EXCLUSIVE,
        EXCLUSIVE | 1,
        EXCLUSIVE | 1 | select.EPOLLONESHOT,
        EXCLUSIVE | 1 | select.EPOLLET,
        EXCLUSIVE | select.EPOLLRDHUP,
        EXCLUSIVE | 4,
        EXCLUSIVE | select.EPOLLPRI,
    ):
        seen.append(tried(ep.register, a, mask))
        tried(ep.unregister, a)
    ep.register(a, EXCLUSIVE | 1)
    seen.append(tried(ep.modify, a, 1))
    ep.unregister(a)
    ep.register(a, 1)
    seen.append(tried(ep.modify, a, EXCLUSIVE | 1))
    seen.append(tried(ep.register, a, 1))
    seen.append(tried(ep.modify, b, 1))
    seen.append(tried(ep.unregister, b))
    seen.append(tried(ep.register, ep.fileno(), 1))
    other = select.epoll()
    seen.append(tried(ep.register, other, 1))
    seen.append(tried(other.register, ep, 1))
    seen.append(tried(ep.register, other, EXCLUSIVE | 1))
    with open("/dev/null") as null:
        seen.append(tried(ep.register, null, 1))
    seen.append(tried(ep.register, 9999, 1))
    b.close()
    b.close()
    # An epoll within an epoll.
    outer, inner = select.epoll(), select.epoll()
    c, d = socket.socketpair()
    inner.register(d, 1)
    outer.register(inner, 1)
    seen.append(events(outer))
    c.send(b"x")
    seen += [events(outer), events(inner), events(outer)]
    d.recv(9)
    seen += [events(outer), events(inner)]
    p = select.poll()
    p.register(inner, 0xFFF)
    seen.append(events(p, 20))
    c.send(b"y")
    seen.append(events(p, 20))
    depth = [select.epoll() for _ in range(7)]
    for up, down in zip(depth[1:], depth, strict=False):
        seen.append(tried(up.register, down, 1))
    r, w = os.pipe()
    ep2 = select.epoll()
    ep2.register(r, 0)
    os.close(w)
    seen.append(events(ep2))
    ep2.close()
    for maxevents in (1, 2):
        c2, d2 = socket.socketpair()
        e = select.epoll()
        e.register(c2, 4)
        e.register(d2, 4)
        seen.append(sorted(len(e.poll(0, maxevents)) for _ in range(3)))
    return seen


def fair_epoll() -> list[Any]:
    """With maxevents 1 ready descriptors take turns."""
    ep = select.epoll()
    pairs = [socket.socketpair() for _ in range(4)]
    for _, b in pairs:
        ep.register(b, 1)
    for a, _ in pairs:
        a.send(b"x")
    order = {b.fileno(): i for i, (_, b) in enumerate(pairs)}
    return [[order[fd] for fd, _ in ep.poll(0, 1)] for _ in range(9)] + [[order[fd] for fd, _ in ep.poll(0)]]


def shutdowns() -> list[Any]:
    seen: list[Any] = []
    makers: list[Any] = [
        tcp_pair,
        socket.socketpair,
        lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET),
        lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM),
    ]
    for maker in makers:
        for mine in (None, 0, 1, 2):
            for theirs in (None, 0, 1, 2, "close"):
                a, b = maker()
                a.send(b"1")
                b.send(b"2")
                time.sleep(0.02)
                if mine is not None:
                    seen.append(tried(a.shutdown, mine))
                if theirs == "close":
                    b.close()
                elif theirs is not None:
                    seen.append(tried(b.shutdown, theirs))
                time.sleep(0.02)
                for s in (a, b):
                    if s.fileno() < 0:
                        continue
                    s.setblocking(False)
                    p = select.poll()
                    p.register(s, 0x2FFF)
                    seen.append((mine, theirs, events(p, 1)))
                    seen += [
                        tried(s.recv, 9),
                        tried(s.recv, 9),
                        tried(s.send, b"x"),
                        tried(s.getpeername) != "ENOTCONN",
                    ]
                    seen.append(tried(s.shutdown, 2))
                a.close()
                b.close()
    return seen


def lingering_data() -> list[Any]:
    """What the other side sees when a socket goes in its different ways."""
    seen: list[Any] = []
    for how in ("close", "unread", "linger0", "shutdown", "shutdown-unread"):
        a, b = tcp_pair()
        b.settimeout(2)
        if "unread" in how:
            b.send(b"unread")
            time.sleep(0.02)
        a.send(b"last")
        if how == "linger0":
            a.setsockopt(1, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if how.startswith("shutdown"):
            a.shutdown(socket.SHUT_RDWR)
        else:
            a.close()
        time.sleep(0.05)
        p = select.poll()
        p.register(b, 0x2FFF)
        seen += [
            how,
            events(p, 1),
            b.getsockopt(1, socket.SO_ERROR),
            tried(b.recv, 99),
            tried(b.recv, 99),
            tried(b.send, b"x"),
        ]
        time.sleep(0.05)
        seen += [events(p, 1), tried(b.send, b"x"), tried(b.recv, 9), tried(b.send, b"y")]
        a.close()
        b.close()
    return seen


def signals_and_blocking() -> list[Any]:
    """Handlers that run in the middle of a blocking call: PEP 475, and exceptions out of them."""
    seen: list[Any] = []
    hits: list[int] = []

    def count(number: int, frame: Any) -> None:
        hits.append(number)

    class Out(Exception):
        pass

    def leave(number: int, frame: Any) -> None:
        raise Out

    before = signal.signal(signal.SIGALRM, count)
    _a, b = socket.socketpair()
    t0 = time.monotonic()
    b.settimeout(0.3)
    signal.setitimer(signal.ITIMER_REAL, 0.1, 0)
    seen.append(tried(b.recv, 1))
    seen.append((len(hits), round(time.monotonic() - t0, 1)))
    signal.setitimer(signal.ITIMER_REAL, 0.1, 0)
    t0 = time.monotonic()
    seen.append(select.select([b], [], [], 0.3))
    seen.append((len(hits), round(time.monotonic() - t0, 1)))
    signal.signal(signal.SIGALRM, leave)
    for call in (
        lambda: b.recv(1),
        lambda: select.select([b], [], []),
        lambda: time.sleep(9),
        lambda: threading.Event().wait(9),
        lambda: os.read(b.fileno(), 1) if b.gettimeout() is None else b.recv(1),
        lambda: signal.pause(),
    ):
        b.settimeout(None)
        signal.setitimer(signal.ITIMER_REAL, 0.05, 0)
        try:
            call()
        except Out:
            seen.append("out")
    signal.signal(signal.SIGALRM, before)
    r, w = os.pipe()
    os.set_blocking(w, False)
    os.set_blocking(r, False)
    old = signal.set_wakeup_fd(w)
    signal.signal(signal.SIGUSR1, count)
    os.kill(os.getpid(), signal.SIGUSR1)
    seen.append(os.read(r, 9) == bytes([signal.SIGUSR1]))
    signal.set_wakeup_fd(old)
    seen.append(signal.sigpending() == set())
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    n = len(hits)
    # Not to the process: whoever runs this live may have threads that do not block it.
    signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)
    seen += [len(hits) - n, signal.sigpending() == {signal.SIGUSR1}]
    seen.append(signal.sigtimedwait({signal.SIGUSR1}, 1).si_signo == signal.SIGUSR1)
    seen.append(signal.sigtimedwait({signal.SIGUSR1}, 0.01))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGUSR1})
    seen.append(len(hits) - n)
    signal.signal(signal.SIGUSR1, signal.SIG_DFL)
    return seen


def close_under_a_reader() -> list[Any]:
    """Another thread shuts down or closes what one waits on."""
    seen: list[Any] = []
    for maker in (tcp_pair, socket.socketpair):
        for act in ("shutdown", "peer", "send"):
            a, b = maker()
            b.settimeout(1)
            acts: dict[str, Callable[[], Any]] = {
                "shutdown": partial(b.shutdown, 2),
                "peer": a.close,
                "send": partial(a.send, b"x"),
            }
            seen.append(meanwhile(partial(b.recv, 9), acts[act]))
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(1)
    seen.append(meanwhile(listener.accept, partial(listener.shutdown, 2)))
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    u.bind(("127.0.0.1", 0))
    u.settimeout(0.5)
    seen.append(meanwhile(partial(u.recv, 9), partial(u.shutdown, 2)))
    return seen


def connecting() -> list[Any]:
    """Non-blocking connects, twice, to nobody, to oneself."""
    seen: list[Any] = []
    listener = socket.create_server(("127.0.0.1", 0))
    there = listener.getsockname()
    s = socket.socket()
    s.setblocking(False)
    seen += [s.connect_ex(there)]
    p = select.poll()
    p.register(s, 0xFFF)
    seen += [events(p, 200), s.getsockopt(1, socket.SO_ERROR), s.connect_ex(there), s.connect_ex(there)]
    listener.close()
    s = socket.socket()
    s.setblocking(False)
    seen.append(s.connect_ex(there))
    time.sleep(0.05)
    p = select.poll()
    p.register(s, 0xFFF)
    seen += [
        events(p, 200),
        s.getsockopt(1, socket.SO_ERROR),
        events(p, 1),
        s.connect_ex(there),
        s.connect_ex(there),
        s.connect_ex(there),
    ]
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    seen.append(tried(s.connect, s.getsockname()))
    seen.append(tried(s.send, b"me"))
    seen.append(tried(s.recv, 9))
    seen.append(s.getpeername() == s.getsockname())
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    seen += [tried(u.connect, ("127.0.0.1", 9)), u.getpeername(), u.getsockname()[0]]
    u.send(b"x")
    time.sleep(0.05)
    p = select.poll()
    p.register(u, 0xFFF)
    seen += [events(p, 1), tried(u.send, b"x"), tried(u.send, b"x")]
    return seen


def two_accepters() -> list[Any]:
    """Threads and copies that accept on one listener; each connection is taken once."""
    listener = socket.create_server(("127.0.0.1", 0))
    copy = listener.dup()
    taken: list[int] = []
    lock = threading.Lock()

    def work(s: socket.socket) -> None:
        s.settimeout(0.5)
        while True:
            try:
                c, address = s.accept()
            except TimeoutError:
                return
            with lock:
                taken.append(address[1])
            c.close()

    threads = [threading.Thread(target=work, args=(s,)) for s in (listener, copy)]
    for t in threads:
        t.start()
    mine = []
    for _ in range(20):
        c = socket.create_connection(listener.getsockname())
        mine.append(c.getsockname()[1])
        c.recv(1)
        c.close()
    for t in threads:
        t.join()
    listener.close()
    # The copy still holds the port.
    s = socket.socket()
    return [sorted(taken) == sorted(mine), tried(s.bind, copy.getsockname())]


PROGRAMS: list[Callable[[], Any]] = [
    urgent,
    epoll_edges,
    epoll_rules,
    fair_epoll,
    shutdowns,
    lingering_data,
    signals_and_blocking,
    close_under_a_reader,
    connecting,
    two_accepters,
]


@pytest.mark.slow
@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_parity(program: Callable[[], Any]) -> None:
    ours, linux = on_both(program)
    assert ours == linux
