"""Small programs of system and network programmers, on Linux and on ours:
limits, pipes, eventfds, sendfile and flags of descriptors."""

import array
import errno
import fcntl
import os
import resource
import select
import signal
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from parity_programs import on_both
from parity_small import events, rights, shape, tcp_pair, tried

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="parity needs Linux")

MSG_DONTWAIT = 0x40
MSG_PEEK = 2
MSG_TRUNC = 0x20
MSG_OOB = 1
MSG_WAITALL = 0x100


def limits() -> list[Any]:
    seen: list[Any] = []
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    listener = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(listener.getsockname())
    a, b = socket.socketpair()
    r, w = os.pipe()
    a.sendmsg([b"x"], rights(r, w, r))
    limit = max(s if isinstance(s, int) else s.fileno() for s in (listener, client, a, b, r, w)) + 4
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, before[1]))
    held = []
    try:
        while True:
            held.append(os.dup(r))
    except OSError as error:
        seen.append(error.errno == errno.EMFILE)
    seen += [
        tried(socket.socket),
        tried(os.pipe),
        tried(listener.accept),
        tried(socket.socketpair),
        tried(select.epoll),
    ]
    seen += [
        tried(os.dup2, r, limit),
        tried(fcntl.fcntl, r, fcntl.F_DUPFD, limit),
        tried(fcntl.fcntl, r, fcntl.F_DUPFD, 0),
    ]
    seen.append(tried(os.eventfd, 0))
    # Rights that find no room are dropped, and the message says so.
    data, control, flags, _ = b.recvmsg(9, 100)
    seen.append((data, shape(control), flags))
    os.close(held.pop())
    a.sendmsg([b"y"], rights(r, w, r))
    data, control, flags, _ = b.recvmsg(9, 100)
    seen.append((data, shape(control), flags))
    for _, _, d in control:
        held += array.array("i", d)
    os.close(held.pop())
    _server, _ = listener.accept()
    seen.append(tried(lambda: client.send(b"1")))
    resource.setrlimit(resource.RLIMIT_NOFILE, before)
    for fd in held:
        os.close(fd)
    return seen


def timers() -> list[Any]:
    seen: list[Any] = []
    e = os.eventfd(3, os.EFD_NONBLOCK)
    p = select.poll()
    p.register(e, 0xFFF)
    seen += [events(p, 1), os.eventfd_read(e), events(p, 1), tried(os.eventfd_read, e)]
    seen += [
        tried(os.eventfd_write, e, 2**64 - 2),
        events(p, 1),
        tried(os.eventfd_write, e, 1),
        tried(os.eventfd_write, e, 2**64 - 1),
    ]
    seen += [
        os.eventfd_read(e) == 2**64 - 2,
        tried(os.write, e, b"1234567"),
        tried(os.write, e, bytes(8)),
        tried(os.write, e, struct.pack("Q", 5) + b"zz"),
        tried(os.read, e, 7),
        tried(os.read, e, 9),
    ]
    s = os.eventfd(3, os.EFD_NONBLOCK | os.EFD_SEMAPHORE)
    seen += [os.eventfd_read(s), os.eventfd_read(s), os.eventfd_read(s), tried(os.eventfd_read, s)]
    seen += [
        tried(os.lseek, e, 0, 0),
        tried(os.pread, e, 8, 0),
        tried(os.ftruncate, e, 0),
        tried(os.fsync, e),
        tried(lambda: os.fstat(e).st_size),
    ]
    return seen


def closed_and_wrong() -> list[Any]:
    seen: list[Any] = []
    a, b = socket.socketpair()
    number = a.fileno()
    p = select.poll()
    p.register(number, 1)
    a.close()
    seen.append(events(p, 5))
    seen.append(tried(select.select, [number], [], [], 0))
    seen += [
        tried(os.read, number, 1),
        tried(os.write, number, b"x"),
        tried(os.close, number),
        tried(os.dup, number),
    ]
    seen += [tried(fcntl.fcntl, number, fcntl.F_GETFD), tried(lambda: socket.socket(fileno=number))]
    r, w = os.pipe()
    seen += [
        tried(os.read, w, 1),
        tried(os.write, r, b"x"),
        tried(lambda: socket.socket(fileno=r)),
        tried(os.lseek, r, 0, 0),
        tried(os.ftruncate, r, 0),
    ]
    seen += [
        tried(os.read, b.fileno(), 0),
        tried(os.lseek, b.fileno(), 0, 0),
        tried(os.pread, b.fileno(), 1, 0),
        tried(os.fsync, b.fileno()),
    ]
    seen += [tried(os.readv, b.fileno(), [bytearray(1)]), tried(os.writev, b.fileno(), [b"x"])]
    s = socket.socket()
    p = select.poll()
    p.register(s, 0xFFF)
    seen.append(events(p, 1))
    seen += [
        tried(s.recv, 1),
        tried(s.send, b"x"),
        tried(s.shutdown, 2),
        tried(s.getpeername),
        tried(s.accept),
        tried(s.recv, 1, MSG_OOB),
    ]
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    seen += [
        tried(u.send, b"x"),
        tried(u.shutdown, 2),
        tried(u.accept),
        tried(u.listen),
        tried(u.getpeername),
        tried(u.recv, 1, MSG_DONTWAIT | MSG_OOB),
    ]
    seen += [
        tried(u.sendto, b"", ("127.0.0.1", 9)),
        tried(u.sendto, bytes(65508), ("127.0.0.1", 9)),
        tried(u.sendto, b"x", ("127.0.0.1", 0)),
    ]
    listener = socket.create_server(("127.0.0.1", 0))
    seen += [
        tried(listener.send, b"x"),
        tried(listener.recv, 1),
        tried(listener.connect, listener.getsockname()),
        tried(listener.shutdown, 1),
        tried(listener.getpeername),
        tried(listener.shutdown, 0),
    ]
    listener.setblocking(False)
    seen += [tried(listener.accept), tried(listener.listen), tried(listener.accept)]
    return seen


def copying() -> list[Any]:
    seen: list[Any] = []
    a, b = tcp_pair()
    r, w = os.pipe()
    seen += [
        tried(os.sendfile, a.fileno(), r, None, 9),
        tried(os.sendfile, a.fileno(), b.fileno(), 0, 9),
        tried(os.sendfile, a.fileno(), 9999, 0, 9),
    ]
    path = f"/tmp/parity-sendfile-{os.getpid()}"
    with open(path, "wb") as f:
        f.write(b"0123456789" * 10)
    f = open(path, "rb")  # noqa: SIM115
    seen += [os.sendfile(a.fileno(), f.fileno(), 5, 10), b.recv(99), f.tell()]
    seen += [os.sendfile(a.fileno(), f.fileno(), None, 10), b.recv(99), os.lseek(f.fileno(), 0, 1)]
    seen += [
        os.sendfile(a.fileno(), f.fileno(), 95, 10),
        b.recv(99),
        os.sendfile(a.fileno(), f.fileno(), 200, 10),
        os.sendfile(a.fileno(), f.fileno(), 0, 0),
    ]
    seen += [
        tried(os.sendfile, a.fileno(), f.fileno(), -1, 5),
        tried(os.sendfile, f.fileno(), f.fileno(), 0, 5),
    ]
    u, v = socket.socketpair()
    seen += [tried(os.sendfile, u.fileno(), f.fileno(), 0, 10), tried(v.recv, 99)]
    d1, d2 = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    seen += [tried(os.sendfile, d1.fileno(), f.fileno(), 0, 10), tried(d2.recv, 99)]
    seen += [tried(os.sendfile, w, f.fileno(), 0, 10), tried(os.read, r, 99)]
    b.close()
    signal_before = signal.getsignal(signal.SIGPIPE)
    time.sleep(0.02)
    a.send(b"x")
    time.sleep(0.02)
    seen += [tried(os.sendfile, a.fileno(), f.fileno(), 0, 10), signal_before == signal.SIG_IGN]
    f.close()
    os.unlink(path)
    return seen


def pipes() -> list[Any]:
    seen: list[Any] = []
    r, w = os.pipe2(os.O_NONBLOCK)
    p = select.poll()
    p.register(r, 0xFFF)
    p.register(w, 0xFFF)
    seen += [
        events(p, 1),
        fcntl.fcntl(w, fcntl.F_GETPIPE_SZ),
        os.write(w, bytes(70000)),
        events(p, 1),
        tried(os.write, w, b"x"),
        len(os.read(r, 4095)),
        tried(os.write, w, b"x"),
        len(os.read(r, 1)),
        tried(os.write, w, bytes(4096)),
        tried(os.write, w, bytes(4097)),
    ]
    seen += [
        tried(fcntl.fcntl, w, fcntl.F_SETPIPE_SZ, 4096),
        len(os.read(r, 99999)),
        tried(fcntl.fcntl, w, fcntl.F_SETPIPE_SZ, 4096),
        tried(fcntl.fcntl, w, fcntl.F_SETPIPE_SZ, 5000),
        tried(os.write, w, bytes(9000)),
    ]
    os.close(r)
    seen += [events(p, 1), tried(os.write, w, b"x")]
    os.close(w)
    r, w = os.pipe2(os.O_NONBLOCK)
    os.write(w, b"rest")
    os.close(w)
    p = select.poll()
    p.register(r, 0xFFF)
    seen += [events(p, 1), os.read(r, 2), events(p, 1), os.read(r, 9), events(p, 1), os.read(r, 9)]
    r, w = os.pipe2(os.O_DIRECT | os.O_NONBLOCK)
    os.write(w, b"abc")
    os.write(w, b"def")
    seen += [os.read(r, 2), os.read(r, 9), tried(os.read, r, 9)]
    return seen


def receive_flags() -> list[Any]:
    seen: list[Any] = []
    a, b = tcp_pair()
    b.settimeout(0.2)
    a.send(b"abcdef")
    time.sleep(0.02)
    seen += [
        b.recv(3, MSG_PEEK),
        b.recv_into(bytearray(3), 3, MSG_TRUNC),
        b.recv(9, MSG_PEEK),
        tried(b.recv, 9, MSG_WAITALL),
        tried(b.recv, 9, MSG_DONTWAIT),
    ]
    b.settimeout(None)

    def later() -> None:
        for part in (b"12", b"34", b"56"):
            time.sleep(0.03)
            a.send(part)

    for size, flags in ((5, MSG_WAITALL), (6, MSG_WAITALL | MSG_PEEK)):
        thread = threading.Thread(target=later)
        thread.start()
        seen.append(b.recv(size, flags))
        thread.join()
    b.setblocking(False)
    seen.append(b.recv(99))
    b.setblocking(True)
    seen.append(tried(b.recv_into, bytearray(0)))
    b.setsockopt(1, socket.SO_RCVLOWAT, 4)
    p = select.poll()
    p.register(b, 1)
    a.send(b"123")
    time.sleep(0.02)
    seen.append(events(p, 1))
    a.send(b"4")
    time.sleep(0.02)
    seen += [events(p, 1), b.recv(9)]
    a.send(b"12")
    a.shutdown(1)
    time.sleep(0.02)
    seen += [events(p, 1), b.recv(9, MSG_WAITALL), b.recv(9)]
    c, d = socket.socketpair()
    d.settimeout(0.2)
    c.send(b"abc")
    seen += [d.recv(2, MSG_PEEK), tried(d.recv, 9, MSG_TRUNC), tried(d.recv, 9, MSG_WAITALL)]
    c.send(b"zz")
    c.close()
    seen.append(tried(d.recv, 9, MSG_WAITALL))
    return seen


def flags_shared() -> list[Any]:
    """O_NONBLOCK belongs to the description, FD_CLOEXEC to the number."""
    seen: list[Any] = []
    a, b = socket.socketpair()
    c = b.dup()
    fcntl.fcntl(c, fcntl.F_SETFL, os.O_NONBLOCK)
    seen += [
        fcntl.fcntl(b, fcntl.F_GETFL) & os.O_NONBLOCK != 0,
        fcntl.fcntl(b, fcntl.F_GETFD),
        fcntl.fcntl(c, fcntl.F_GETFD),
    ]
    os.set_inheritable(c.fileno(), True)
    seen += [os.get_inheritable(b.fileno()), os.get_inheritable(c.fileno())]
    seen.append(fcntl.fcntl(b, fcntl.F_GETFL) & ~os.O_NONBLOCK)
    n = fcntl.fcntl(b, fcntl.F_DUPFD_CLOEXEC, 100)
    seen += [n >= 100, fcntl.fcntl(n, fcntl.F_GETFD), tried(fcntl.fcntl, b, fcntl.F_DUPFD, -1)]
    os.close(n)
    n = os.dup2(b.fileno(), 200, False)
    seen += [n, os.get_inheritable(200), os.dup2(200, 200)]
    os.close(200)
    seen += [tried(os.dup2, 9999, 5), tried(os.dup2, b.fileno(), -1)]
    fcntl.ioctl(b, 0x5421, struct.pack("i", 0))
    seen.append(fcntl.fcntl(c, fcntl.F_GETFL) & os.O_NONBLOCK)
    fcntl.ioctl(b, 0x5451)
    seen.append(fcntl.fcntl(b, fcntl.F_GETFD))
    a.send(b"abc")
    seen.append(struct.unpack("i", fcntl.ioctl(b, 0x541B, bytes(4)))[0])
    for value in (os.O_APPEND, os.O_DIRECT, os.O_RDONLY, 0):
        seen.append((tried(fcntl.fcntl, b, fcntl.F_SETFL, value), fcntl.fcntl(b, fcntl.F_GETFL)))
    seen += [tried(os.isatty, b.fileno()), tried(os.ttyname, b.fileno())]
    return seen


PROGRAMS: list[Callable[[], Any]] = [
    limits,
    timers,
    closed_and_wrong,
    copying,
    pipes,
    receive_flags,
    flags_shared,
]


@pytest.mark.slow
@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_parity(program: Callable[[], Any]) -> None:
    ours, linux = on_both(program)
    assert ours == linux
