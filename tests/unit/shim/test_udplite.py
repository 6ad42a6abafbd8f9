"""UDP-Lite sockets. The expected values are what Linux 6.18 answers to the same program."""

import errno
import socket

import pytest

SEND, RECV = 10, 11
LITE, PLAIN = 136, 17


def option(sock, level, name, value=None):
    try:
        if value is not None:
            sock.setsockopt(level, name, value)
        return sock.getsockopt(level, name)
    except OSError as error:
        return error.errno


def options(family):
    with (
        socket.socket(family, socket.SOCK_DGRAM, LITE) as lite,
        socket.socket(family, socket.SOCK_DGRAM) as udp,
    ):
        return (
            [option(lite, LITE, SEND), option(lite, LITE, RECV), option(lite, PLAIN, SEND)],
            [option(udp, LITE, SEND), option(udp, PLAIN, SEND), option(udp, PLAIN, SEND, 9)],
            [option(lite, LITE, 1), option(lite, LITE, 1, 1), option(lite, LITE, 1, 0)],
            [option(lite, LITE, SEND, value) for value in (5, -3, 70_000, 0)],
            [option(lite, PLAIN, RECV, value) for value in (20, 0)],
            [option(lite, LITE, 12), option(lite, LITE, 12, 1)],
            (lite.getsockopt(socket.SOL_SOCKET, socket.SO_PROTOCOL), lite.type, lite.proto),
        )


def traffic(family, address):
    """Sizes received for each (coverage sent, coverage asked for, size); None: dropped."""
    received = []
    with (
        socket.socket(family, socket.SOCK_DGRAM, LITE) as one,
        socket.socket(family, socket.SOCK_DGRAM, LITE) as other,
        socket.socket(family, socket.SOCK_DGRAM) as udp,
    ):
        other.bind((address, 0))
        # UDP-Lite has ports of its own.
        udp.bind((address, other.getsockname()[1]))
        udp.setblocking(False)
        other.settimeout(0.1)
        one.sendto(b"full by default", other.getsockname())
        received.append(len(other.recv(100)))
        for sent, asked, size in (
            (0, 0, 50),
            (20, 0, 50),
            (20, 20, 50),
            (20, 21, 50),
            (20, 8, 50),
            (100, 0, 50),
            (20, 0, 12),
            (20, 0, 11),
        ):
            one.setsockopt(LITE, SEND, sent)
            other.setsockopt(LITE, RECV, asked)
            one.sendto(bytes(size), other.getsockname())
            try:
                received.append(len(other.recv(100)))
            except TimeoutError:
                received.append(None)
        try:
            udp.recv(1)
        except BlockingIOError:
            received.append("nothing for udp")
    return received


def refused(family, address):
    with socket.socket(family, socket.SOCK_DGRAM, LITE) as sock:
        sock.connect((address, 9))
        sock.send(b"1")
        try:
            sock.send(b"2")
        except OSError as error:
            return error.errno
    return None


EXPECTED_OPTIONS = (
    [0, 0, 0],
    [0, 0, errno.ENOPROTOOPT],
    [0, 1, 0],
    [8, 8, 65535, 0],
    [20, 0],
    [errno.ENOPROTOOPT, errno.ENOPROTOOPT],
    (LITE, socket.SOCK_DGRAM, LITE),
)


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_options_coverage_and_errors_are_those_of_linux(world, family, address):
    assert world.call(options, family) == EXPECTED_OPTIONS
    expected = [15, 50, None, 50, None, 50, 50, 12, 11, "nothing for udp"]
    assert world.call(traffic, family, address) == expected
    assert world.call(refused, family, address) == errno.ECONNREFUSED
