"""Signals for what happens to descriptors (F_SETOWN, F_SETSIG, O_ASYNC): one program on Linux and on ours."""

import fcntl
import os
import signal
import socket
import struct
import sys
import time
from typing import Any

import pytest
from parity_programs import on_both, outcome

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="parity needs Linux")

F_SETSIG, F_GETSIG = 10, 11
SIOCSPGRP, FIOGETOWN, FIOASYNC = 0x8902, 0x8903, 0x5452


def signals_of_descriptors() -> list[Any]:
    got: list[int] = []
    numbers = (signal.SIGURG, signal.SIGIO, signal.SIGUSR1)
    before = [signal.signal(number, lambda n, _: got.append(n)) for number in numbers]
    seen: list[Any] = []
    me = os.getpid()

    def told(what: str) -> None:
        time.sleep(0.05)
        seen.append((what, sorted(got)))
        got.clear()

    def set_async(file: Any) -> None:
        fcntl.fcntl(file, fcntl.F_SETFL, fcntl.fcntl(file, fcntl.F_GETFL) | os.O_ASYNC)

    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    a = socket.create_connection(listener.getsockname())
    b, _ = listener.accept()
    seen.append(fcntl.fcntl(b, fcntl.F_GETOWN))
    a.send(b"u", socket.MSG_OOB)
    told("urgent data of nobody's")
    seen.append(outcome(lambda: fcntl.fcntl(b, fcntl.F_SETOWN, 4_000_000)))
    seen.append(fcntl.fcntl(b, fcntl.F_SETOWN, me))
    seen.append(fcntl.fcntl(b, fcntl.F_GETOWN) == me)
    a.send(b"u", socket.MSG_OOB)
    told("urgent data")
    a.send(b"data")
    told("data without O_ASYNC")
    set_async(b)
    for _ in range(2):
        a.send(b"data")
        told("data")
    seen += [fcntl.fcntl(b, F_GETSIG), fcntl.fcntl(b, F_SETSIG, signal.SIGUSR1), fcntl.fcntl(b, F_GETSIG)]
    seen.append(outcome(lambda: fcntl.fcntl(b, F_SETSIG, 99)))
    a.send(b"data")
    told("data, another signal")
    a.send(b"u", socket.MSG_OOB)
    told("urgent data, another signal")
    b.recv(99)
    told("nothing happened")
    duplicate = b.dup()
    b.close()
    a.close()
    told("the end, by a duplicate")
    duplicate.close()
    fcntl.fcntl(listener, fcntl.F_SETOWN, me)
    set_async(listener)
    a = socket.create_connection(listener.getsockname())
    told("a connection to accept")
    b, _ = listener.accept()
    seen += [fcntl.fcntl(b, fcntl.F_GETOWN), fcntl.fcntl(b, fcntl.F_GETFL) & os.O_ASYNC]
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    u.bind(("127.0.0.1", 0))
    fcntl.ioctl(u, SIOCSPGRP, struct.pack("i", me))
    seen.append(struct.unpack("i", fcntl.ioctl(u, FIOGETOWN, bytes(4)))[0] == me)
    fcntl.ioctl(u, FIOASYNC, struct.pack("i", 1))
    u.sendto(b"x", u.getsockname())
    told("a datagram")
    fcntl.ioctl(u, FIOASYNC, struct.pack("i", 0))
    u.sendto(b"x", u.getsockname())
    told("a datagram, O_ASYNC off")
    reader, writer = os.pipe()
    fcntl.fcntl(reader, fcntl.F_SETOWN, me)
    set_async(reader)
    os.write(writer, b"x")
    told("a pipe")
    x, y = socket.socketpair()
    fcntl.fcntl(x, fcntl.F_SETOWN, me)
    set_async(x)
    y.send(b"q")
    told("a Unix socket")
    seen.append(fcntl.fcntl(x, fcntl.F_SETOWN, 0))
    y.send(b"q")
    told("nobody's any more")
    for made in (listener, a, b, u, x, y):
        made.close()
    os.close(reader)
    os.close(writer)
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)
    return seen


def test_signals_of_descriptors() -> None:
    ours, linux = on_both(signals_of_descriptors)
    assert ours == linux
    assert ("urgent data", [signal.SIGURG]) in ours
