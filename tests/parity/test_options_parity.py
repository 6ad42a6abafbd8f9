"""Options of datagram sockets, peeking at an offset and lingering: one program on Linux and on ours."""

import errno
import select
import socket
import struct
import sys
import threading
import time
from typing import Any

import pytest
from parity_programs import on_both, outcome

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="parity needs Linux")

PEEK = socket.MSG_PEEK
SO_PEEK_OFF, SO_RXQ_OVFL, SO_TIMESTAMPING, SO_MEMINFO = 42, 40, 37, 55
UDP_CORK, UDP_SEGMENT, UDP_GRO = 1, 103, 104
MSG_MORE, MSG_ERRQUEUE = 0x8000, 0x2000


def udp_pair(family: int = socket.AF_INET) -> tuple[socket.socket, socket.socket]:
    a, b = (socket.socket(family, socket.SOCK_DGRAM) for _ in range(2))
    b.bind(("127.0.0.1" if family == socket.AF_INET else "::1", 0))
    a.connect(b.getsockname())
    b.settimeout(0.1)
    return a, b


def tcp_pair(rcvbuf: int = 2304) -> tuple[socket.socket, socket.socket]:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
    server.settimeout(0.1)
    return client, server


def peek_offsets() -> list[Any]:
    seen: list[Any] = []
    pairs = [udp_pair(), *(socket.socketpair(socket.AF_UNIX, kind) for kind in (1, 2, 5)), tcp_pair()]
    for a, b in pairs:
        b.settimeout(0.1)
        seen += [b.getsockopt(1, SO_PEEK_OFF), outcome(lambda b=b: b.setsockopt(1, SO_PEEK_OFF, 1))]
        for data in (b"abcd", b"efgh"):
            a.send(data)
            time.sleep(0.01)
        for count, flags in [
            (2, PEEK),
            (2, PEEK),
            (9, PEEK),
            (9, PEEK),
            (1, 0),
            (9, PEEK),
            (3, 0),
            (9, PEEK),
        ]:
            got = outcome(lambda b=b, count=count, flags=flags: b.recv(count, flags))
            seen.append((got, b.getsockopt(1, SO_PEEK_OFF)))
        b.setsockopt(1, SO_PEEK_OFF, -1)
        a.close()
        b.close()
    return seen


@pytest.mark.slow
def test_peeking_at_an_offset() -> None:
    ours, linux = on_both(peek_offsets)
    assert ours == linux


def segments(family: int) -> list[Any]:
    seen: list[Any] = []
    a, b = udp_pair(family)
    for value in (-1, 65536, 65535, 0, 4):
        seen.append(outcome(lambda value=value: a.setsockopt(17, UDP_SEGMENT, value)))
        seen.append(a.getsockopt(17, UDP_SEGMENT))
    for data in (b"0123456789", b"0123", b"01", b"", bytes(512), bytes(513)):
        seen.append(outcome(lambda data=data: a.send(data)))
        while (got := outcome(lambda: b.recv(20))) != "timeout":
            seen.append(got)
    a.setsockopt(17, UDP_SEGMENT, 0)
    for kind, data in ((UDP_SEGMENT, b"\3\0"), (UDP_SEGMENT, b"\3\0\0\0"), (UDP_GRO, b"\3\0")):
        seen.append(outcome(lambda kind=kind, data=data: a.sendmsg([b"abcdefg"], [(17, kind, data)])))
    seen += [b.recv(9), b.recv(9), b.recv(9)]
    a.setsockopt(17, UDP_SEGMENT, 100)
    b.setsockopt(17, UDP_GRO, 1)
    for size in (350, 50):
        a.send(bytes(size))
        data, control, flags, _ = b.recvmsg(70000, 100)
        seen.append((len(data), control, flags))
    a.close()
    b.close()
    return seen


def segments_of_both() -> list[Any]:
    return [segments(socket.AF_INET), segments(socket.AF_INET6)]


def test_segmentation_and_merging_of_datagrams() -> None:
    ours, linux = on_both(segments_of_both)
    assert ours == linux


def corked() -> list[Any]:
    a, b = udp_pair()
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    there = b.getsockname()
    seen = [
        outcome(lambda: s.send(b"x", MSG_MORE)),
        outcome(lambda: s.sendto(b"x", MSG_MORE, ("127.0.0.1", 0))),
    ]
    seen += [s.sendto(b"a", MSG_MORE, there), s.sendto(b"b", 0, ("127.0.0.1", 9)), b.recv(9)]
    seen += [s.sendto(b"a", MSG_MORE, there), outcome(lambda: s.connect(there)), s.send(b"c"), b.recv(9)]
    seen += [s.send(bytes(60000), MSG_MORE), outcome(lambda: s.send(bytes(6000), MSG_MORE))]
    seen += [s.send(b"z"), b.recv(70000), s.send(b"q", MSG_MORE)]
    s.close()
    seen.append(outcome(lambda: b.recv(9)))
    a.setsockopt(17, UDP_CORK, 1)
    a.setsockopt(17, UDP_SEGMENT, 3)
    seen += [a.send(b"ab"), a.send(b"cdef"), outcome(lambda: a.setsockopt(17, UDP_CORK, 0))]
    seen += [b.recv(9), b.recv(9)]
    a.close()
    b.close()
    return seen


def test_corked_datagrams() -> None:
    ours, linux = on_both(corked)
    assert ours == linux


def shown(message: Any) -> Any:
    """A message without the times in it."""
    data, control, flags, address = message
    parts = [
        (kind, [word != 0 for word in struct.unpack("6q", value)] if kind == SO_TIMESTAMPING else value)
        for _, kind, value in control
    ]
    return len(data), parts, flags, address


def time_stamps() -> list[Any]:
    a, b = udp_pair()
    seen: list[Any] = [a.getsockopt(1, SO_TIMESTAMPING)]
    for flags in (1 << 30, 1 << 16, 1 << 12):
        seen.append(outcome(lambda flags=flags: a.setsockopt(1, SO_TIMESTAMPING, flags)))
    b.setsockopt(1, SO_TIMESTAMPING, 8 | 16)
    # Linux switches its stamping on a moment later.
    time.sleep(0.2)
    a.send(b"x")
    seen.append(shown(b.recvmsg(9, 200))[:3])
    for flags in (2 | 16, 2 | 16 | 128, 2 | 16 | 2048, 2 | 16 | 256 | 128, 2):
        a.setsockopt(1, SO_TIMESTAMPING, 0)
        a.setsockopt(1, SO_TIMESTAMPING, flags)
        a.send(b"hello")
        a.send(b"again!")
        time.sleep(0.01)
        poller = select.poll()
        poller.register(a, select.POLLIN)
        seen += [flags, [mask for _, mask in poller.poll(0)], a.getsockopt(1, socket.SO_ERROR)]
        while not isinstance(message := outcome(lambda: a.recvmsg(100, 300, MSG_ERRQUEUE)), str):
            seen.append(shown(message))
        seen.append(message)
    a.setsockopt(1, SO_TIMESTAMPING, 16)
    a.sendmsg([b"z"], [(1, SO_TIMESTAMPING, struct.pack("I", 2))])
    seen.append(shown(a.recvmsg(100, 300, MSG_ERRQUEUE)))
    seen.append(outcome(lambda: a.sendmsg([b"z"], [(1, SO_TIMESTAMPING, struct.pack("I", 8))])))
    a.close()
    b.close()
    return seen


def test_time_stamps_of_what_is_sent_and_received() -> None:
    ours, linux = on_both(time_stamps)
    assert ours == linux


def drops_and_memory() -> list[Any]:
    a, b = udp_pair()
    b.setsockopt(1, SO_RXQ_OVFL, 1)
    b.setsockopt(1, socket.SO_RCVBUF, 1)
    for _ in range(9):
        a.send(bytes(900))
    memory = struct.unpack("9I", b.getsockopt(1, SO_MEMINFO, 36))
    seen: list[Any] = [memory[0], memory[1], memory[8], b.recvmsg(9, 100)[1]]
    a.send(b"1")
    seen += [b.recvmsg(9, 100)[1], struct.unpack("9I", b.getsockopt(1, SO_MEMINFO, 36))[0]]
    a.close()
    b.close()
    return seen


def test_dropped_datagrams_are_told_and_memory_shown() -> None:
    ours, linux = on_both(drops_and_memory)
    assert ours == linux


# SO_LINGER


def set_linger(s: socket.socket, seconds: int) -> None:
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, seconds))


def fill(s: socket.socket) -> None:
    s.setblocking(False)
    try:
        while True:
            s.send(bytes(10000))
    except BlockingIOError:
        s.setblocking(True)


def took(call: Any) -> Any:
    """How long the call took, in seconds, to the nearest half."""
    began = time.monotonic()
    call()
    return round(2 * (time.monotonic() - began)) / 2


def lingering() -> list[Any]:
    seen: list[Any] = []
    for nonblocking in (False, True):
        a, b = tcp_pair()
        set_linger(a, 1)
        fill(a)
        a.setblocking(not nonblocking)
        seen.append(took(a.close))
        b.close()
    a, b = tcp_pair()
    set_linger(a, 1)
    a.send(b"hi")
    seen += [took(a.close), b.recv(9), b.recv(9)]
    b.close()
    a, b = tcp_pair()
    set_linger(a, 0)
    a.send(b"hi")
    seen += [took(a.close), b.recv(9), outcome(lambda: b.recv(9))]
    b.close()
    a, b = tcp_pair()
    set_linger(a, 1)
    b.send(b"unread")
    time.sleep(0.05)
    seen += [took(a.close), outcome(lambda: b.recv(9))]
    b.close()
    a, b = tcp_pair()
    set_linger(a, 2)
    fill(a)
    copy = a.dup()

    def drain() -> None:
        time.sleep(0.5)
        b.settimeout(5)
        while b.recv(100000):
            pass

    reader = threading.Thread(target=drain)
    reader.start()
    seen += [took(a.close), took(copy.close)]
    reader.join()
    b.close()
    return seen


@pytest.mark.slow
def test_close_lingers_until_all_is_acknowledged() -> None:
    ours, linux = on_both(lingering)
    assert ours == linux
    assert ours[:2] == [1.0, 1.0]


def test_dontroute_leaves_gateways_alone() -> None:
    from fourtuple import Network

    def program(flag: int) -> list[str]:
        results = []
        for where in ("10.1.0.2", "10.9.9.9"):
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            results.append(str(outcome(lambda s=s, where=where: s.sendto(b"x", flag, (where, 9)))))
            s.setsockopt(socket.SOL_SOCKET, socket.SO_DONTROUTE, 1)
            results.append(str(outcome(lambda s=s, where=where: s.sendto(b"x", (where, 9)))))
            s.close()
            t = socket.socket()
            t.setsockopt(socket.SOL_SOCKET, socket.SO_DONTROUTE, 1)
            t.setblocking(False)
            results.append(str(outcome(lambda t=t, where=where: t.connect((where, 9)))))
            t.close()
        return results

    with Network(seed=1) as network:
        a, b = network.host("a", "10.1.0.1/24"), network.host("b", "10.1.0.2/24")
        network.link(a, b)
        stack = a.node.stack
        from fourtuple.wire.address import parse_ip

        stack.add_route(parse_ip("10.9.9.0"), 24, parse_ip("10.1.0.2"), None, 0, -1)
        with_flag = a.spawn(program, socket.MSG_DONTROUTE)
        network.run()
        unreachable = errno.errorcode[errno.ENETUNREACH]
        assert with_flag.result == ["1", "1", "EINPROGRESS", unreachable, unreachable, unreachable]
