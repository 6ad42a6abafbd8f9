"""Sockets bound to an interface nobody has, or of families that route nothing. One program on Linux and on
ours."""

import socket
import sys
from typing import Any

import pytest
from parity_programs import on_both, outcome, privileged

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="parity needs Linux")

SO_BINDTODEVICE, SO_BINDTOIFINDEX = 25, 62
NOBODY = 7777
IPV4 = [(socket.AF_INET, "127.0.0.1", "0.0.0.0"), (socket.AF_INET6, "::1", "::")]


def tried(call: Any, *arguments: Any) -> Any:
    result = outcome(lambda: call(*arguments))
    return "ok" if result is None else result


def inet() -> list[Any]:
    seen: list[Any] = []
    for family, host, wildcard in IPV4:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            for address in (host, wildcard):
                with socket.socket(family, kind) as s:
                    seen.append(tried(s.setsockopt, 1, SO_BINDTOIFINDEX, NOBODY))
                    seen.append(s.getsockopt(1, SO_BINDTOIFINDEX))
                    seen.append(tried(s.getsockopt, 1, SO_BINDTODEVICE, 16))
                    seen.append(tried(s.bind, (address, 0)))
                    seen.append(s.getsockname()[0])
                    if kind == socket.SOCK_STREAM:
                        seen.append(tried(s.listen))
                    seen.append(tried(s.setsockopt, 1, SO_BINDTOIFINDEX, -1))
                    seen.append(tried(s.setsockopt, 1, SO_BINDTODEVICE, b"nobody0\0"))
                    seen.append(tried(s.setsockopt, 1, SO_BINDTODEVICE, b"lo\0"))
                    seen.append(s.getsockopt(1, SO_BINDTODEVICE, 16))
            for nonblocking in (False, True):
                with socket.socket(family, kind) as s, socket.socket(family, kind) as server:
                    server.bind((host, 0))
                    if kind == socket.SOCK_STREAM:
                        server.listen()
                    s.setsockopt(1, SO_BINDTOIFINDEX, NOBODY)
                    s.setblocking(not nonblocking)
                    if kind == socket.SOCK_DGRAM:
                        seen.append(tried(s.sendto, b"x", server.getsockname()))
                    seen.append(tried(s.connect, server.getsockname()))
                    seen.append(tried(s.send, b"x"))
                    s.setsockopt(1, SO_BINDTOIFINDEX, 0)
                    seen.append(tried(s.connect, server.getsockname()))
                    s.setsockopt(1, SO_BINDTOIFINDEX, NOBODY)
                    seen.append(tried(s.send, b"x"))
            # One that moved to no interface hears nothing any more.
            with socket.socket(family, kind) as s, socket.socket(family, kind) as client:
                s.bind((host, 0))
                if kind == socket.SOCK_STREAM:
                    s.listen()
                s.setsockopt(1, SO_BINDTOIFINDEX, NOBODY)
                s.settimeout(0.1)
                client.settimeout(0.1)
                seen.append(tried(client.connect, s.getsockname()))
                if kind == socket.SOCK_DGRAM:
                    seen += [client.send(b"x"), tried(client.recv, 9), tried(s.recv, 9)]
    return seen


def multicast() -> list[Any]:
    seen: list[Any] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.setsockopt(1, SO_BINDTOIFINDEX, NOBODY)
        s.setsockopt(1, socket.SO_BROADCAST, 1)
        for there in ("224.0.0.251", "255.255.255.255", "127.255.255.255", "0.0.0.0"):
            seen.append(tried(s.sendto, b"x", (there, 9999)))
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
        s.setsockopt(1, SO_BINDTOIFINDEX, NOBODY)
        for there in (("ff02::fb", 9999), ("ff02::fb", 9999, 0, 1), ("fe80::1", 9999, 0, 1), ("fe80::1", 9)):
            seen.append(tried(s.sendto, b"x", there))
        seen.append(tried(s.bind, ("fe80::1", 9999, 0, 1)))
    return seen


def others() -> list[Any]:
    """Families that route nothing keep what they are told."""
    seen: list[Any] = []
    for arguments in ((1, 1), (1, 2), (1, 5), (16, 3), (17, 3)):
        with socket.socket(*arguments) as s:
            for option, value in (
                (SO_BINDTOIFINDEX, NOBODY),
                (SO_BINDTOIFINDEX, 1),
                (SO_BINDTODEVICE, b"nobody0"),
                (SO_BINDTODEVICE, b"lo"),
                (SO_BINDTODEVICE, b""),
                (SO_BINDTOIFINDEX, -1),
            ):
                seen.append(tried(s.setsockopt, 1, option, value))
                seen.append(tried(s.getsockopt, 1, SO_BINDTOIFINDEX))
                seen.append(tried(s.getsockopt, 1, SO_BINDTODEVICE, 16))
    with socket.socket(17, 3) as s:
        s.bind(("lo", 0x88B5))
        seen += [s.getsockopt(1, SO_BINDTOIFINDEX), s.getsockopt(1, SO_BINDTODEVICE, 16)]
    a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    a.setsockopt(1, SO_BINDTOIFINDEX, NOBODY)
    seen += [a.send(b"x"), b.recv(9)]
    a.close()
    b.close()
    return seen


@privileged
def test_an_interface_nobody_has() -> None:
    ours, linux = on_both(inet)
    assert ours == linux


@privileged
def test_groups_through_an_interface_nobody_has() -> None:
    ours, linux = on_both(multicast)
    assert ours == linux


@privileged
def test_families_that_route_nothing() -> None:
    ours, linux = on_both(others)
    assert ours == linux
