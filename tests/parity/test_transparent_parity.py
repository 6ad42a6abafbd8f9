"""Filters on streams, addresses that are not this host's, and original destinations. One program on Linux and
on ours."""

import ctypes
import socket
import struct
import sys
from typing import Any

import pytest
from parity_programs import on_both, outcome, privileged

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="parity needs Linux")

SO_ATTACH_FILTER, SO_DETACH_FILTER, SO_LOCK_FILTER, SO_ATTACH_BPF, SO_ATTACH_REUSEPORT_CBPF = (
    26,
    27,
    44,
    50,
    51,
)
IP_FREEBIND, IP_TRANSPARENT, IP_RECVORIGDSTADDR = 15, 19, 20
IPV6_RECVORIGDSTADDR, IPV6_TRANSPARENT, IPV6_FREEBIND = 74, 75, 78
BPF_RET = 0x06


def tried(call: Any, *arguments: Any) -> Any:
    result = outcome(lambda: call(*arguments))
    return "ok" if result is None else result


def attach(s: socket.socket, option: int, *program: tuple[int, int, int, int]) -> Any:
    code = b"".join(struct.pack("HBBI", *instruction) for instruction in program)
    memory = ctypes.create_string_buffer(code, len(code) or 1)
    value = struct.pack("HxxxxxxP", len(program), ctypes.addressof(memory))
    return tried(s.setsockopt, 1, option, value)


def accept_all(keep: int) -> tuple[int, int, int, int]:
    return (BPF_RET, 0, 0, keep)


def filters() -> list[Any]:
    seen: list[Any] = []
    for family, kind in ((2, 1), (10, 1), (2, 2), (1, 1), (1, 2), (1, 5), (17, 3), (16, 3)):
        with socket.socket(family, kind) as s:
            seen.append((family, kind))
            seen.append(attach(s, SO_ATTACH_FILTER))
            seen.append(attach(s, SO_ATTACH_FILTER, accept_all(0xFFFF)))
            seen.append(attach(s, SO_ATTACH_REUSEPORT_CBPF, accept_all(0)))
            seen.append(tried(s.setsockopt, 1, SO_ATTACH_BPF, 9999))
            seen.append(tried(s.setsockopt, 1, SO_LOCK_FILTER, 1))
            seen.append(tried(s.setsockopt, 1, SO_LOCK_FILTER, 0))
            seen.append(tried(s.setsockopt, 1, SO_LOCK_FILTER, 1))
            seen.append(tried(s.setsockopt, 1, SO_DETACH_FILTER, 0))
            seen.append(attach(s, SO_ATTACH_FILTER, accept_all(3)))
            seen.append(s.getsockopt(1, SO_LOCK_FILTER))
    return seen


def filtered_data() -> list[Any]:
    """A filter that drops all, and one that keeps part, on connected sockets."""
    seen: list[Any] = []
    for kind in (1, 2, 5):
        for keep in (0, 3, 0xFFFF):
            a, b = socket.socketpair(socket.AF_UNIX, kind)
            b.settimeout(0.1)
            seen.append(attach(b, SO_ATTACH_FILTER, accept_all(keep)))
            seen += [a.send(b"hello"), tried(b.recv, 9)]
            a.close()
            b.close()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        seen.append(attach(listener, SO_ATTACH_FILTER, accept_all(0)))
        with socket.socket() as client:
            client.settimeout(0.2)
            seen.append(tried(client.connect, listener.getsockname()))
        seen.append(tried(listener.setsockopt, 1, SO_DETACH_FILTER, 0))
        seen.append(tried(listener.setsockopt, 1, SO_DETACH_FILTER, 0))
        with socket.create_connection(listener.getsockname()) as client:
            server, _ = listener.accept()
            with server:
                seen.append(attach(server, SO_ATTACH_FILTER, accept_all(0)))
                server.settimeout(0.1)
                seen += [client.send(b"lost"), tried(server.recv, 9)]
                server.setsockopt(1, SO_DETACH_FILTER, 0)
                server.settimeout(5)
                seen.append(server.recv(9))
    return seen


def other_addresses() -> list[Any]:
    """Bind to and send from what is not this host's."""
    seen: list[Any] = []
    for family, address, level, options in (
        (2, "198.51.100.7", 0, (0, IP_FREEBIND, IP_TRANSPARENT)),
        (10, "2001:db8::7", 41, (0, IPV6_FREEBIND, IPV6_TRANSPARENT)),
        (10, "2001:db8::7", 0, (IP_FREEBIND, IP_TRANSPARENT)),
        (10, "::ffff:198.51.100.7", 41, (0, IPV6_FREEBIND, IPV6_TRANSPARENT)),
        (10, "::ffff:198.51.100.7", 0, (IP_FREEBIND, IP_TRANSPARENT)),
    ):
        for option in options:
            for kind in (1, 2, 3):
                with socket.socket(family, kind, 253 if kind == 3 else 0) as s:
                    seen.append((family, level, option, kind))
                    if option:
                        seen.append(tried(s.setsockopt, level, option, b""))
                        seen.append(tried(s.setsockopt, level, option, 1))
                        seen.append(tried(s.getsockopt, level, option))
                        for other in ((0, IP_FREEBIND), (0, IP_TRANSPARENT), (41, IPV6_FREEBIND)):
                            seen.append(tried(s.getsockopt, *other))
                        if family == 10:
                            seen.append(tried(s.getsockopt, 41, IPV6_TRANSPARENT))
                    seen.append(tried(s.bind, (address, 0)))
                    seen.append(s.getsockname()[0])
    return seen


def original_destinations() -> list[Any]:
    seen: list[Any] = []
    for family, host, level, option in (
        (2, "127.0.0.1", 0, IP_RECVORIGDSTADDR),
        (10, "::1", 41, IPV6_RECVORIGDSTADDR),
        (10, "::ffff:127.0.0.1", 41, IPV6_RECVORIGDSTADDR),
        (10, "::ffff:127.0.0.1", 0, IP_RECVORIGDSTADDR),
    ):
        with socket.socket(family, 2) as a, socket.socket(family, 2) as b:
            b.bind((host, 34567))
            b.settimeout(1)
            seen.append(tried(b.setsockopt, level, option, 1))
            seen.append(tried(b.getsockopt, level, option))
            a.sendto(b"x", b.getsockname())
            seen.append(b.recvmsg(9, 300)[:3])
    return seen


@pytest.mark.parametrize("program", [filters, filtered_data, other_addresses, original_destinations])
@privileged
def test_parity(program: Any) -> None:
    ours, linux = on_both(program)
    assert ours == linux
