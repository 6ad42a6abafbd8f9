"""Groups and sources by MCAST_*: one program on Linux and on ours."""

import errno
import functools
import socket
import struct
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
from parity_programs import on_both

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="parity needs Linux")

GROUP = "239.2.2.2"
JOIN, BLOCK, UNBLOCK, LEAVE, JOIN_SOURCE, LEAVE_SOURCE = 42, 43, 44, 45, 46, 47
LOOPBACK = 1


def outcome(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except OSError as error:
        return errno.errorcode[error.errno]


def storage(address: str) -> bytes:
    """struct sockaddr_storage."""
    if ":" in address:
        return struct.pack("HHI16s", 10, 0, 0, socket.inet_pton(socket.AF_INET6, address)).ljust(128, b"\0")
    return struct.pack("HH4s", 2, 0, socket.inet_aton(address)).ljust(128, b"\0")


def request(*addresses: str, ifindex: int = LOOPBACK) -> bytes:
    return struct.pack("I4x", ifindex) + b"".join(storage(address) for address in addresses)


def receiver(port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(("", port))
    # IP_MULTICAST_ALL: of the groups it joined only.
    made.setsockopt(socket.IPPROTO_IP, 49, 0)
    made.settimeout(0.02)
    return made


def sources() -> list[Any]:
    """Three members, and who gets what as they change what they want to hear."""
    receivers = [receiver(0)]
    port = receivers[0].getsockname()[1]
    receivers += [receiver(port), receiver(port)]
    everybody, other, mine = receivers
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, struct.pack("8xi", LOOPBACK))
    sender.bind(("127.0.0.1", 0))
    seen: list[Any] = []

    def send() -> None:
        sender.sendto(b"x", (GROUP, port))
        time.sleep(0.01)
        for one in receivers:
            try:
                seen.append(one.recv(9))
            except TimeoutError:
                seen.append(None)

    def change(one: socket.socket, option: int, *addresses: str) -> None:
        seen.append(outcome(lambda: one.setsockopt(socket.IPPROTO_IP, option, request(*addresses))))

    change(everybody, JOIN, GROUP)
    change(everybody, JOIN, GROUP)
    change(other, JOIN_SOURCE, GROUP, "127.0.0.9")
    change(mine, JOIN_SOURCE, GROUP, "127.0.0.1")
    send()
    change(everybody, BLOCK, GROUP, "127.0.0.1")
    send()
    change(mine, LEAVE_SOURCE, GROUP, "127.0.0.1")
    # Nobody on the host wants the source any more: not even who hears every group does.
    mine.setsockopt(socket.IPPROTO_IP, 49, 1)
    send()
    change(everybody, UNBLOCK, GROUP, "127.0.0.1")
    send()
    change(everybody, LEAVE, GROUP)
    change(everybody, LEAVE, GROUP)
    send()
    for one in (*receivers, sender):
        one.close()
    return seen


def errors() -> list[Any]:
    v4 = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    v6 = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    tries = [
        (v4, 0, JOIN, request("ff02::7")),
        (v4, 0, JOIN, request("10.0.0.9")),
        (v4, 0, JOIN, request(GROUP, ifindex=77)),
        (v4, 0, JOIN, request(GROUP)[:100]),
        (v4, 0, JOIN_SOURCE, request(GROUP, "::1")),
        (v4, 0, JOIN_SOURCE, request("ff02::9", "127.0.0.1")),
        (v4, 0, LEAVE, request("10.0.0.9")),
        (v6, 41, JOIN, request("ff02::77")),
        (v6, 41, JOIN, request("ff02::77")),
        (v6, 41, JOIN, request(GROUP)),
        (v6, 41, JOIN, request("fd00::1")),
        (v6, 41, JOIN_SOURCE, request("ff02::79", "::1")),
        (v6, 41, LEAVE, request("ff02::77")),
        (v6, 41, LEAVE, request("ff02::77")),
    ]
    seen = [outcome(lambda t=t: t[0].setsockopt(*t[1:])) for t in tries]  # type: ignore[misc]
    seen.append(outcome(lambda: v4.getsockopt(0, JOIN)))
    v4.close()
    v6.close()
    return seen


@pytest.mark.slow
def test_members_hear_the_sources_they_want() -> None:
    ours, linux = on_both(sources)
    assert ours == linux


@pytest.mark.slow
def test_what_cannot_be_joined() -> None:
    ours, linux = on_both(errors)
    assert ours == linux


GROUP_OPTIONS = range(42, 48)


def group_request(family: int, *addresses: str) -> bytes:
    """struct group_req or group_source_req for the loopback."""
    value = struct.pack("=I4x", 1)
    for text in addresses:
        packed = socket.inet_pton(family, text)
        head = (
            struct.pack("=HH", family, 0) if family == socket.AF_INET else struct.pack("=HHI", family, 0, 0)
        )
        value += (head + packed).ljust(128, b"\0")
    return value


def received(s: socket.socket) -> Any:
    try:
        return s.recv(9)
    except TimeoutError:
        return "timeout"


def groups_of_tcp_sockets() -> list[Any]:
    seen: list[Any] = []
    for own, family, group, source in [
        (socket.AF_INET, socket.AF_INET, "224.1.2.3", "10.0.0.1"),
        (socket.AF_INET6, socket.AF_INET, "224.1.2.3", "10.0.0.1"),
        (socket.AF_INET6, socket.AF_INET6, "ff02::77", "fe80::1"),
    ]:
        level = socket.IPPROTO_IP if family == socket.AF_INET else socket.IPPROTO_IPV6
        for option in GROUP_OPTIONS:
            for first in (group, source):
                request = group_request(family, *([first] if option in (42, 45) else [first, source]))
                with socket.socket(own, socket.SOCK_STREAM) as s:
                    change = functools.partial(s.setsockopt, level, option, request)
                    seen += [outcome(change), outcome(change)]
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind(("224.1.2.3", 0))
    receiver.settimeout(0.1)
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
    with socket.socket() as member:
        member.setsockopt(socket.IPPROTO_IP, 42, group_request(socket.AF_INET, "224.1.2.3"))
        sender.sendto(b"joined", receiver.getsockname())
        seen.append(received(receiver))
    sender.sendto(b"left", receiver.getsockname())
    seen.append(received(receiver))
    sender.close()
    receiver.close()
    return seen


def test_a_tcp_socket_joins_a_group_for_others_until_it_is_closed() -> None:
    ours, linux = on_both(groups_of_tcp_sockets)
    assert ours == linux
    assert ours[-2:] == [b"joined", "timeout"]
