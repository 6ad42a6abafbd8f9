"""IPV6_MTU: what may be set, and what it does to what is sent over a link with the MTU of a wire."""

import socket
import sys
from typing import Any

import pytest
from parity_programs import (
    in_a_namespace,
    loopback_like_a_wire,
    on_a_simulated_host,
    on_both,
    outcome,
    privileged,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="parity needs Linux")

IPV6_MTU, IPV6_MTU_DISCOVER, IPV6_DONTFRAG = 24, 23, 62
ETH_P_ALL, ETH_P_IPV6, PACKET_OUTGOING = 3, 0x86DD, 4


def values() -> list[Any]:
    seen: list[Any] = []
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET6, kind) as s:
            for value in (-1, 0, 1, 1279, 1280, 1500, 65536, 1 << 20, b"", b"\0"):
                seen.append(outcome(lambda value=value: s.setsockopt(41, IPV6_MTU, value)))
                seen.append(outcome(lambda: s.getsockopt(41, IPV6_MTU)))
            if kind == socket.SOCK_DGRAM:
                s.connect(("::1", 9))
                seen.append(s.getsockopt(41, IPV6_MTU))
    return seen


def sent() -> list[Any]:
    """(IPv6 payload length, next header) of each packet that leaves, by IPV6_MTU and IPV6_MTU_DISCOVER."""
    loopback_like_a_wire(1500)
    seen: list[Any] = []
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL)) as tap:
        tap.bind(("lo", ETH_P_ALL))
        tap.settimeout(0.02)

        def leaving() -> list[Any]:
            found = []
            while not isinstance(got := outcome(lambda: tap.recvfrom(9999)), str):
                data, address = got
                if address[2] == PACKET_OUTGOING and address[1] == ETH_P_IPV6 and data[6] in (17, 44, 253):
                    found.append((len(data) - 40, data[6], data[40:43:2] if data[6] == 44 else b""))
            return found

        for mtu in (0, 1280, 1400, 1500, 3000):
            for discovery in range(6):
                for dontfrag in (0, 1):
                    with (
                        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s,
                        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as there,
                    ):
                        there.bind(("::1", 0))
                        s.setsockopt(41, IPV6_MTU, mtu)
                        s.setsockopt(41, IPV6_MTU_DISCOVER, discovery)
                        s.setsockopt(41, IPV6_DONTFRAG, dontfrag)
                        for size in (1200, 1300, 1440, 2500, 6000):
                            seen.append(outcome(lambda size=size: s.sendto(bytes(size), there.getsockname())))
                            seen.append(leaving() if seen[-1] == size else [])
                        s.connect(there.getsockname())
                        seen.append(s.getsockopt(41, IPV6_MTU))
    return seen


def test_values() -> None:
    ours, linux = on_both(values)
    assert ours == linux


@privileged
@pytest.mark.slow
def test_what_is_sent() -> None:
    linux = in_a_namespace(sent)
    assert on_a_simulated_host(sent) == linux
    assert len(linux) == 5 * 6 * 2 * 11
    cut = [entry for entry in linux if isinstance(entry, list) and len(entry) > 1]
    assert {entry[0][0] + 40 for entry in cut} > {1280, 1400}
