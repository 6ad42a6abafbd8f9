"""Where a UDP socket's errors go (SO_ERROR, IP_RECVERR, IPV6_RECVERR), and what the loopback's subnet and
groups are: on the live kernel and on a simulated host."""

import socket
import time
from typing import Any

import pytest
from parity_programs import on_both, outcome, privileged

IP_RECVERR = 11
IPV6_RECVERR = 25
IP_MTU_DISCOVER = 10
PMTUDISC_DO = 2
CLOSED = 9
V4, V6 = socket.AF_INET, socket.AF_INET6


def udp(family: int = V4) -> socket.socket:
    made = socket.socket(family, socket.SOCK_DGRAM)
    made.setblocking(False)
    return made


def taken(made: socket.socket) -> Any:
    return outcome(lambda: made.recvmsg(100_000, 512, socket.MSG_ERRQUEUE))


def errors_by_family_and_option() -> list[Any]:
    """A datagram to a closed port of either family, with either option: what later calls say."""
    seen: list[Any] = []
    for family, address in ((V4, "127.0.0.1"), (V6, "::1"), (V6, "::ffff:127.0.0.1")):
        for option in (None, (0, IP_RECVERR), (41, IPV6_RECVERR)):
            if option == (41, IPV6_RECVERR) and family == V4:
                continue
            for connected in (False, True):
                made = udp(family)
                if option:
                    made.setsockopt(*option, 1)
                if connected:
                    made.connect((address, CLOSED))
                seen.append((address, option, connected))
                for after in ("send", "queue", "SO_ERROR"):
                    made.sendto(b"lost", (address, CLOSED))
                    time.sleep(0.01)
                    if after == "send":
                        seen.append(outcome(lambda made=made, to=address: made.sendto(b"x", (to, CLOSED))))
                        time.sleep(0.01)
                    while after != "SO_ERROR" and (entry := taken(made)) != "EAGAIN":
                        seen.append(entry)
                    seen.append(made.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
                    while taken(made) != "EAGAIN":
                        pass
                    made.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                made.close()
    return seen


def too_long() -> list[Any]:
    """EMSGSIZE leaves an entry that names an MTU, and a port only for IPv6 or a connected socket."""
    seen: list[Any] = []
    for family, address, size in (
        (V4, "127.0.0.1", 65508),
        (V6, "::1", 65528),
        (V6, "::ffff:127.0.0.1", 65508),
    ):
        for option in ((0, IP_RECVERR), (41, IPV6_RECVERR)):
            if option == (41, IPV6_RECVERR) and family == V4:
                continue
            for connected in (False, True):
                with udp(family) as made:
                    made.setsockopt(*option, 1)
                    if connected:
                        made.connect((address, CLOSED))
                    sent = outcome(
                        lambda made=made, size=size, to=address: made.sendto(bytes(size), (to, CLOSED))
                    )
                    seen.append((address, option, connected, sent, taken(made)))
    return seen


def loopback_broadcast() -> list[Any]:
    """127.255.255.255 is a broadcast: SO_BROADCAST, delivery to every socket that matches, none for TCP."""
    address = "127.255.255.255"
    with udp() as sender:
        seen = [outcome(lambda: sender.sendto(b"x", (address, CLOSED)))]
        seen.append(outcome(lambda: sender.connect((address, CLOSED))))
    with socket.socket() as stream:
        seen.append(outcome(lambda: stream.connect((address, CLOSED))))
    sender = udp()
    sender.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    sender.bind(("127.0.0.1", 0))
    ports = (sender.getsockname()[1], 1)
    receivers = []
    for family, host in ((V4, "0.0.0.0"), (V4, "0.0.0.0"), (V4, address), (V4, "127.0.0.1"), (V6, "::")):
        made = udp(family)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, receivers[0].getsockname()[1] if receivers else 0))
        receivers.append(made)
    for peer in ports:
        made = udp()
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(("0.0.0.0", receivers[0].getsockname()[1]))
        made.connect(("127.0.0.1", peer))
        receivers.append(made)
    seen.append(sender.sendto(b"to all", (address, receivers[0].getsockname()[1])))
    time.sleep(0.01)
    seen += [outcome(lambda made=made: made.recv(100)) for made in receivers]
    for made in (sender, *receivers):
        made.close()
    return seen


def groups_over_the_loopback() -> list[Any]:
    """IPv6 has no way to a group over the loopback; TCP finds out before it looks for a scope."""
    lo = socket.if_nametoindex("lo")
    seen: list[Any] = []
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        for address in (("ff02::1", CLOSED, 0, lo), ("ff01::1", CLOSED, 0, lo), ("ff0e::1", CLOSED, 0, lo)):
            with socket.socket(V6, kind) as made:
                seen.append(outcome(lambda made=made: made.setsockopt(41, socket.IPV6_MULTICAST_IF, lo)))
                seen.append(
                    (kind, address[0], outcome(lambda made=made, address=address: made.connect(address)))
                )
        with socket.socket(V6, kind) as made:
            seen.append((kind, outcome(lambda made=made: made.connect(("ff02::1", CLOSED)))))
    return seen


@pytest.mark.parametrize(
    "function", [errors_by_family_and_option, too_long, loopback_broadcast, groups_over_the_loopback]
)
@privileged
def test_errors_and_broadcasts(function: Any) -> None:
    ours, linux = on_both(function)
    assert ours == linux
