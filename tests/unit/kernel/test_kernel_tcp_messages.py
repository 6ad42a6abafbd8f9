"""What TCP sockets tell in control messages and options: timestamps, what is left, saved SYNs."""

import struct
import time

from builders_kernel import outcome
from test_kernel_tcp_socket import connect, listener, pair, tcp

from fourtuple.kernel.socket import MSG_ERRQUEUE, MSG_TRUNC
from fourtuple.stack.poll_bits import POLLERR

SOL_SOCKET, SOL_IP, SOL_TCP = 1, 0, 6
SO_TIMESTAMP, SO_TIMESTAMPNS, SO_TIMESTAMPING, IP_RECVERR = 29, 35, 37, 11
TCP_INQ, TCP_SAVE_SYN, TCP_SAVED_SYN, TCP_CC_INFO = 36, 27, 28, 26
TX_SOFTWARE, RX_SOFTWARE, SOFTWARE, OPT_ID, TX_SCHED, TX_ACK, TSONLY = 2, 8, 16, 128, 256, 512, 2048
OPT_STATS, SCM_OPT_STATS = 1 << 12, 54
OPT_ID_TCP = 1 << 16


def entry(control):
    """(errno, origin, info, key) of an entry of the error queue."""
    (data,) = [data for level, type, data in control if (level, type) == (SOL_IP, IP_RECVERR)]
    errno, origin, _, _, _, info, key = struct.unpack("<I4B2I", data[:16])
    return errno, origin, info, key


def test_timestamping_takes_what_linux_takes(either):
    s = tcp(either)
    assert outcome(lambda: s.setsockopt(SOL_SOCKET, SO_TIMESTAMPING, 1 << 25)) == "EINVAL"
    assert outcome(lambda: s.setsockopt(SOL_SOCKET, SO_TIMESTAMPING, OPT_ID)) == "EINVAL"
    assert outcome(lambda: s.setsockopt(SOL_SOCKET, SO_TIMESTAMPING, OPT_ID_TCP)) == "EINVAL"
    s.setsockopt(SOL_SOCKET, SO_TIMESTAMPING, TX_ACK | SOFTWARE)
    assert s.getsockopt(SOL_SOCKET, SO_TIMESTAMPING) == TX_ACK | SOFTWARE
    assert len(s.getsockopt(SOL_SOCKET, SO_TIMESTAMPING, 16)) == 8


def statistics(data):
    """(number, length, value) of each attribute."""
    found, at = [], 0
    while at < len(data):
        length, number = struct.unpack_from("<HH", data, at)
        found.append((number, length - 4, int.from_bytes(data[at + 4 : at + length], "little")))
        at += (length + 3) & ~3
    return found


def test_statistics_come_with_each_timestamp(either):
    a, _ = pair(either)
    assert outcome(lambda: a.setsockopt(SOL_SOCKET, SO_TIMESTAMPING, OPT_STATS)) == "EINVAL"
    bits = TX_SOFTWARE | TX_SCHED | TX_ACK | SOFTWARE | OPT_ID | TSONLY | OPT_STATS
    a.setsockopt(SOL_SOCKET, SO_TIMESTAMPING, bits)
    assert a.send(b"x" * 1000) == 1000
    either.settle()
    seen = []
    for _ in range(3):
        data, control, flags = a.recv_control(1000, MSG_ERRQUEUE)
        assert [(level, type) for level, type, _ in control] == [(1, 37), (1, SCM_OPT_STATS), (0, 11)]
        assert control[1][2] == data
        assert flags == MSG_ERRQUEUE
        seen.append((entry(control)[2], statistics(data)))
    sizes = [(n, 8) for n in range(1, 8)] + [(8, 4), (9, 4), (10, 4), (11, 1), (12, 1)]
    sizes += [(15, 4), (16, 4), (17, 4), (13, 4), (14, 1), (18, 8), (19, 8)]
    sizes += [(20, 4), (21, 4), (22, 4), (23, 2), (24, 4), (25, 8)]
    for kind, found in seen:
        more = [(26, 1), (27, 4)] if kind == 2 else [(27, 4)]
        assert [(number, size) for number, size, _ in found] == sizes + more
        values = {number: value for number, _, value in found}
        # Segments and bytes sent, cwnd, reordering, ssthresh; and what only the ACK changes: delivered
        # (the handshake counts one), what is queued, what is not sent yet.
        assert [values[n] for n in (4, 5, 18, 19, 8, 9, 15)] == [1, 0, 1000, 0, 10, 3, 0x7FFFFFFF]
        changing = [values[n] for n in (16, 13, 24)]
        assert changing == ([2, 0, 0] if kind == 2 else [1, 1000, 1000])
        assert values[22] > 0
        assert values[26] == 64 if kind == 2 else 26 not in values
    # A buffer too small shortens the data and not the control message.
    assert a.send(b"y") == 1
    either.settle()
    data, control, flags = a.recv_control(10, MSG_ERRQUEUE)
    assert (len(data), len(control[1][2]), flags) == (10, 248, MSG_ERRQUEUE | MSG_TRUNC)
    # Without SOFTWARE no time is given, nor what comes with it.
    a.setsockopt(SOL_SOCKET, SO_TIMESTAMPING, TX_ACK | TSONLY | OPT_STATS)
    data, control, _ = a.recv_control(1000, MSG_ERRQUEUE)
    assert (len(data), len(control)) == (248, 1)


def test_last_byte_of_each_write_is_followed(either):
    a, b = pair(either)
    bits = TX_SOFTWARE | TX_SCHED | TX_ACK | SOFTWARE | OPT_ID | TSONLY
    a.setsockopt(SOL_SOCKET, SO_TIMESTAMPING, bits)
    assert outcome(lambda: a.recv_control(100, MSG_ERRQUEUE)) == "EAGAIN"
    for size in (10, 5):
        assert a.send(b"x" * size) == size
        either.settle()
    assert b.recv(100) == b"x" * 15
    either.settle()
    assert a.poll() & POLLERR
    seen = []
    for _ in range(6):
        data, control, flags = a.recv_control(100, MSG_ERRQUEUE)
        assert (data, flags & MSG_ERRQUEUE) == (b"", MSG_ERRQUEUE)
        (times,) = [data for level, type, data in control if (level, type) == (SOL_SOCKET, SO_TIMESTAMPING)]
        assert len(times) == 48
        assert any(times[:16])
        assert not any(times[16:])
        seen.append(entry(control))
    # ENOMSG from SO_EE_ORIGIN_TIMESTAMPING; scheduled 1, sent 0, acknowledged 2; the last byte's number.
    assert sorted(seen) == sorted((42, 4, kind, key) for kind in (0, 1, 2) for key in (9, 14))
    assert outcome(lambda: a.recv_control(100, MSG_ERRQUEUE)) == "EAGAIN"
    assert not a.poll() & POLLERR


def test_acknowledgment_alone_with_the_data(either):
    a, b = pair(either)
    a.setsockopt(SOL_SOCKET, SO_TIMESTAMPING, TX_ACK | SOFTWARE)
    a.send(b"hello")
    either.settle()
    b.recv(100)
    either.settle()
    data, control, flags = a.recv_control(3, MSG_ERRQUEUE)
    assert data == b"hel"
    assert flags & MSG_TRUNC
    assert entry(control) == (42, 4, 2, 0)


def test_arrival_is_told_if_asked_for(either):
    a, b = pair(either)
    for name, size in ((SO_TIMESTAMP, 16), (SO_TIMESTAMPNS, 16)):
        b.setsockopt(SOL_SOCKET, name, 1)
        for _ in range(50):
            a.send(b"hello")
            either.settle()
            data, control, _ = b.recv_control(100)
            assert data == b"hello"
            if control:
                break
            # Linux begins to take the time of packets a moment after the first socket asks.
            time.sleep(0.01)
        assert [(level, type, len(data)) for level, type, data in control] == [(SOL_SOCKET, name, size)]
        b.setsockopt(SOL_SOCKET, name, 0)
    b.setsockopt(SOL_SOCKET, SO_TIMESTAMPING, RX_SOFTWARE | SOFTWARE)
    a.send(b"hello")
    either.settle()
    _, control, _ = b.recv_control(100)
    assert [(level, type, len(data)) for level, type, data in control] == [(SOL_SOCKET, SO_TIMESTAMPING, 48)]


def test_what_is_left_to_read_is_told_if_asked_for(either):
    a, b = pair(either)
    assert outcome(lambda: b.setsockopt(SOL_TCP, TCP_INQ, 2)) == "EINVAL"
    b.setsockopt(SOL_TCP, TCP_INQ, 1)
    assert b.getsockopt(SOL_TCP, TCP_INQ) == 1
    a.send(b"x" * 100)
    either.settle()
    assert b.recv_control(30)[1] == [(SOL_TCP, TCP_INQ, struct.pack("<i", 70))]
    assert b.recv_control(70)[1] == [(SOL_TCP, TCP_INQ, struct.pack("<i", 0))]
    a.send(b"y")
    a.shutdown(1)
    either.settle()
    # One more: the end of the stream.
    assert b.recv_control(30)[1] == [(SOL_TCP, TCP_INQ, struct.pack("<i", 1))]


def test_saved_syn_is_read_once(either):
    server = listener(either)
    for value in (-1, 3):
        assert outcome(lambda value=value: server.setsockopt(SOL_TCP, TCP_SAVE_SYN, value)) == "EINVAL"
    server.setsockopt(SOL_TCP, TCP_SAVE_SYN, 1)
    assert server.getsockopt(SOL_TCP, TCP_SAVE_SYN) == 1
    client = tcp(either)
    connect(either, client, server.getsockname())
    child = server.accept()
    assert outcome(lambda: child.getsockopt(SOL_TCP, TCP_SAVED_SYN, 10)) == "EINVAL"
    saved = child.getsockopt(SOL_TCP, TCP_SAVED_SYN, 500)
    assert saved[0] == 0x45
    ports = client.getsockname()[1].to_bytes(2, "big") + server.getsockname()[1].to_bytes(2, "big")
    assert saved[20:24] == ports
    assert len(saved) == 20 + (saved[32] >> 4) * 4
    assert child.getsockopt(SOL_TCP, TCP_SAVED_SYN, 500) == b""


def test_times_of_the_timers_can_be_set(either):
    s = tcp(either)
    for name, bad, good, default in (
        (44, (999, 120_001), 5000, 120_000),
        (45, (0, -1), 48_000, 200_000),
        (46, (0, 200_001), 48_000, 200_000),
    ):
        assert s.getsockopt(SOL_TCP, name) == default
        for value in bad:
            assert outcome(lambda name=name, value=value: s.setsockopt(SOL_TCP, name, value)) == "EINVAL"
        s.setsockopt(SOL_TCP, name, good)
        assert s.getsockopt(SOL_TCP, name) == good


def test_switches_without_more_to_them(either):
    s = tcp(either)
    for name in (16, 17):
        assert outcome(lambda name=name: s.setsockopt(SOL_TCP, name, 2)) == "EINVAL"
        s.setsockopt(SOL_TCP, name, 1)
    assert s.getsockopt(SOL_TCP, 16) == 1
    assert s.getsockopt(SOL_TCP, 17) == 0
    assert s.getsockopt(SOL_TCP, 43) == 0
    s.setsockopt(SOL_TCP, 13, b"cubic")
    assert s.getsockopt(SOL_TCP, TCP_CC_INFO, 100) == b""
