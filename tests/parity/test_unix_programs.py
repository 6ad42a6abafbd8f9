"""Small programs of system and network programmers, on Linux and on ours:
passing, names, credentials and buffers of AF_UNIX."""

import array
import fcntl
import os
import select
import socket
import struct
import sys
from collections.abc import Callable
from typing import Any

import pytest
from parity_programs import on_both
from parity_small import events, rights, shape, tcp_pair, tried

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="parity needs Linux")

MSG_DONTWAIT = 0x40
MSG_PEEK = 2
MSG_TRUNC = 0x20
MSG_CMSG_CLOEXEC = 0x40000000
SCM_CREDENTIALS = 2
SO_PASSCRED = 16


def passing_chains() -> list[Any]:
    """Sockets inside sockets inside sockets, and who is left holding what."""
    seen: list[Any] = []
    pairs = [socket.socketpair() for _ in range(4)]
    a, b = tcp_pair()
    pairs[0][0].sendmsg([b"t"], rights(b.fileno()))
    b.close()
    for outer, inner in zip(pairs[1:], pairs, strict=False):
        outer[0].sendmsg([b"s"], rights(inner[1].fileno()))
        inner[1].close()
    carrier = pairs[3][1]
    for _ in range(3):
        data, fds, flags, _ = socket.recv_fds(carrier, 10, 4)
        seen.append((data, len(fds), flags))
        carrier = socket.socket(fileno=fds[0])
    data, fds, _, _ = socket.recv_fds(carrier, 10, 4)
    last = socket.socket(fileno=fds[0])
    last.send(b"through")
    seen.append(a.recv(99))
    last.close()
    seen.append(a.recv(9))
    # One never taken closes with the socket it waits on.
    p, q = socket.socketpair()
    c, d = tcp_pair()
    p.sendmsg([b"x"], rights(d.fileno()))
    d.close()
    c.settimeout(0.1)
    seen.append(tried(c.recv, 9))
    q.close()
    c.settimeout(5)
    seen.append(tried(c.recv, 9))
    # A socket sent through itself.
    p, q = socket.socketpair()
    p.sendmsg([b"x"], rights(q.fileno(), p.fileno()))
    q.close()
    p.close()
    return seen


def passing_limits() -> list[Any]:
    seen: list[Any] = []
    a, b = socket.socketpair()
    r, w = os.pipe()
    seen.append(tried(a.sendmsg, [b"x"], rights(*[r] * 254)))
    seen.append(tried(a.sendmsg, [b"x"], rights(*[r] * 253)))
    data, control, flags, _ = b.recvmsg(9, socket.CMSG_SPACE(4 * 253))
    fds = array.array("i", control[0][2])
    seen.append((data, len(fds), flags))
    for fd in fds:
        os.close(fd)
    seen.append(tried(a.sendmsg, [b"x"], rights(9999)))
    seen.append(tried(a.sendmsg, [b"x"], rights(-1)))
    seen.append(tried(a.sendmsg, [], rights(r)))
    b.setblocking(False)
    seen.append(tried(b.recv, 9))
    b.setblocking(True)
    # Control data cut off, in bytes too few for one descriptor, for two.
    for space in (
        0,
        socket.CMSG_LEN(0),
        socket.CMSG_LEN(3),
        socket.CMSG_LEN(4),
        socket.CMSG_SPACE(4),
        socket.CMSG_LEN(8),
    ):
        a.sendmsg([b"x"], rights(r, w, r))
        data, control, flags, _ = b.recvmsg(9, space)
        seen.append((space, data, shape(control), flags))
        for _, _, d in control:
            for fd in array.array("i", d[: len(d) // 4 * 4]):
                os.close(fd)
    a.sendmsg([b"x"], rights(r))
    data, control, flags, _ = b.recvmsg(9, 100, MSG_CMSG_CLOEXEC)
    fd = array.array("i", control[0][2])[0]
    seen.append((fcntl.fcntl(fd, fcntl.F_GETFD), flags))
    os.close(fd)
    a.sendmsg([b"x"], rights(r))
    data, control, flags, _ = b.recvmsg(9, 100)
    fd = array.array("i", control[0][2])[0]
    seen.append((fcntl.fcntl(fd, fcntl.F_GETFD), flags))
    os.close(fd)
    # Rights keep reads apart.
    for s in (b"ab", b"cd"):
        a.sendmsg([s], rights(r))
    a.send(b"ef")
    for _ in range(3):
        data, control, flags, _ = b.recvmsg(99, 100)
        seen.append((data, len(control), flags))
        for _, _, d in control:
            os.close(array.array("i", d)[0])
    t1, _t2 = tcp_pair()
    seen.append(tried(t1.sendmsg, [b"x"], rights(r)))
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    seen.append(tried(u.sendmsg, [b"x"], rights(r), 0, ("127.0.0.1", 9)))
    return seen


def credentials() -> list[Any]:
    seen: list[Any] = []
    a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    me = (os.getpid(), os.getuid(), os.getgid())

    def cred(*who: int) -> list[Any]:
        return [(1, SCM_CREDENTIALS, struct.pack("3i", *who))]

    def got(flags: int = 0) -> Any:
        data, control, mflags, _ = b.recvmsg(9, 100, flags)
        return (
            data,
            [
                (level, kind, struct.unpack("3i", d) == me if len(d) == 12 else len(d))
                for level, kind, d in control
            ],
            mflags,
        )

    a.sendmsg([b"1"], cred(*me))
    seen.append(got())
    b.setsockopt(1, SO_PASSCRED, 1)
    a.sendmsg([b"2"], cred(*me))
    seen.append(got())
    a.send(b"3")
    seen.append(got())
    seen.append(tried(a.sendmsg, [b"x"], [(1, SCM_CREDENTIALS, b"abc")]))
    seen.append(tried(a.sendmsg, [b"x"], [(1, SCM_CREDENTIALS, bytes(16))]))
    seen.append(tried(a.sendmsg, [b"x"], cred(99999999, me[1], me[2])))
    seen.append(tried(a.sendmsg, [b"x"], cred(me[0], -1, me[2])))
    seen.append(tried(a.sendmsg, [b"x"], cred(me[0], me[1], -1)))
    seen.append(tried(a.sendmsg, [b"x"], [(1, 77, bytes(4))]))
    seen.append(tried(a.sendmsg, [b"x"], [(77, 1, bytes(4))]))
    while True:
        b.setblocking(False)
        if isinstance(tried(b.recv, 9), str):
            break
    b.setblocking(True)
    r, _w = os.pipe()
    a.sendmsg([b"4"], cred(*me) + rights(r))
    _, control, flags, _ = b.recvmsg(9, 100)
    seen.append(shape(control))
    a.sendmsg([b"5"], rights(r))
    _data, control, flags, _ = b.recvmsg(9, socket.CMSG_SPACE(12))
    seen.append((shape(control), flags))
    seen.append(a.getsockopt(1, socket.SO_PEERCRED, 12) == struct.pack("3i", *me))
    # Stream: two writers' bytes are not read in one piece, one writer's are.
    a, b = socket.socketpair()
    b.setsockopt(1, SO_PASSCRED, 1)
    a.send(b"1")
    a.sendmsg([b"2"], cred(*me))
    a.send(b"3")
    seen.append(got())
    return seen


def passed_peercred() -> list[Any]:
    """SO_PEERCRED is of whoever connected, wherever the socket goes."""
    seen: list[Any] = []
    name = f"\0parity-peercred-{os.getpid()}"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(name)
    seen.append(struct.unpack("3i", listener.getsockopt(1, socket.SO_PEERCRED, 12)))
    listener.listen()
    me = struct.pack("3i", os.getpid(), os.getuid(), os.getgid())
    seen.append(listener.getsockopt(1, socket.SO_PEERCRED, 12) == me)
    client = socket.socket(socket.AF_UNIX)
    client.connect(name)
    server, _ = listener.accept()
    seen += [s.getsockopt(1, socket.SO_PEERCRED, 12) == me for s in (client, server)]
    lone = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    seen.append(struct.unpack("3i", lone.getsockopt(1, socket.SO_PEERCRED, 12)))
    tcp = socket.socket()
    seen.append(struct.unpack("3i", tcp.getsockopt(1, socket.SO_PEERCRED, 12)))
    for size in (0, 1, 4, 11, 13):
        seen.append(
            tried(lambda size=size: len(client.getsockopt(1, socket.SO_PEERCRED, size))) if size else None
        )
    return seen


def seqpackets() -> list[Any]:
    seen: list[Any] = []
    a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    a.send(b"hello")
    a.send(b"")
    a.send(b"world")
    seen.append(b.recvmsg(3)[::2])
    seen.append(b.recvmsg(9)[::2])
    seen.append(b.recvmsg(9, 0, MSG_PEEK | MSG_TRUNC)[::2])
    buffer = bytearray(2)
    seen.append(b.recv_into(buffer, 2, MSG_TRUNC))
    seen.append(tried(a.send, bytes(300000)))
    seen.append(tried(a.sendmsg, [b"ab", b"cd"], [], 0x80))
    seen.append(b.recvmsg(9)[::2])
    a.setblocking(False)
    count = 0
    while tried(a.send, b"x") == 1:
        count += 1
    seen.append(count)
    seen.append(tried(a.sendto, b"x", "/nowhere"))
    b.recv(9)
    seen.append(tried(a.sendto, b"x", "/nowhere"))
    b.close()
    seen += [tried(a.send, b"x"), tried(a.recv, 9), tried(a.recv, 9)]
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    seen += [tried(s.recv, 9), tried(s.send, b"x"), tried(s.listen), tried(s.getpeername)]
    name = f"\0parity-seq-{os.getpid()}"
    s.bind(name)
    s.listen()
    t = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    seen.append(tried(t.connect, name))
    d = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    seen.append(tried(d.connect, name))
    seen.append(tried(d.sendto, b"x", name))
    return seen


def names() -> list[Any]:
    seen: list[Any] = []
    tag = f"\0parity-{os.getpid()}"
    s = [socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(6)]
    seen.append(tried(s[0].bind, tag))
    seen.append(tried(s[1].bind, tag))
    seen.append(tried(s[1].bind, tag + "\0"))
    seen.append(s[1].getsockname() == (tag + "\0").encode())
    seen.append(tried(s[1].bind, tag + "2"))
    stream = socket.socket(socket.AF_UNIX)
    seen.append(tried(stream.bind, tag))
    seen.append(tried(s[2].bind, ""))
    auto = s[2].getsockname()
    seen.append((len(auto), auto[:1]))
    seen.append(tried(s[2].bind, ""))
    seen.append(tried(s[3].bind, "\0" + "x" * 107))
    seen.append(len(s[3].getsockname()))
    seen.append(tried(s[4].bind, "/nonexistent/dir/sock"))
    seen.append(tried(s[4].connect, "/nonexistent"))
    seen.append(tried(s[4].sendto, b"x", "/nonexistent"))
    seen.append(tried(s[4].sendto, b"x", tag + "none"))
    seen.append(tried(s[4].connect, ""))
    seen.append(s[4].getsockname())
    s[4].connect(tag)
    seen.append(tried(s[0].connect, auto))
    seen.append(tried(s[4].send, b"x"))
    seen.append(tried(s[4].getpeername) == tag.encode())
    s[0].close()
    seen.append(tried(s[4].send, b"x"))
    seen.append(tried(s[4].send, b"x"))
    seen.append(tried(s[5].bind, tag))
    return seen


def buffers() -> list[Any]:
    """How much goes into socketpairs before they are full, and when they are writable again."""
    seen: list[Any] = []
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
        for sndbuf in (None, 1, 5000, 20000):
            for size in (1, 700, 3000):
                a, b = socket.socketpair(socket.AF_UNIX, kind)
                if sndbuf:
                    a.setsockopt(1, socket.SO_SNDBUF, sndbuf)
                a.setblocking(False)
                count = total = 0
                while isinstance(n := tried(a.send, bytes(size)), int):
                    count, total = count + 1, total + n
                p = select.poll()
                p.register(a, 4)
                row = [kind, sndbuf, size, count, total, n, events(p, 1)]
                reads = 0
                while not events(p, 1) and reads < 400:
                    if isinstance(tried(b.recv, size, MSG_DONTWAIT), str):
                        break
                    reads += 1
                seen.append((*row, reads))
                a.close()
                b.close()
    return seen


PROGRAMS: list[Callable[[], Any]] = [
    passing_chains,
    passing_limits,
    credentials,
    passed_peercred,
    seqpackets,
    names,
    buffers,
]


@pytest.mark.slow
@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_parity(program: Callable[[], Any]) -> None:
    ours, linux = on_both(program)
    assert ours == linux
