"""The scope of IPv6 addresses in bind() and connect(), one call after the other on a socket: errno and the
device it is bound to then, on the live kernel and on a simulated host."""

import itertools
import socket
from typing import Any

from parity_programs import on_both, outcome, privileged

SO_BINDTOIFINDEX = 62
KINDS = ((socket.SOCK_STREAM, 0), (socket.SOCK_DGRAM, 0), (socket.SOCK_RAW, socket.IPPROTO_ICMPV6))
ABSENT = 9999


def scopes_in_turn() -> dict[Any, Any]:
    lo = socket.if_nametoindex("lo")
    seen: dict[Any, Any] = {}
    calls = [
        (name, address, scope)
        for name, address in (("bind", "fe80::1234"), ("bind", "ff02::77"), ("connect", "fe80::1234"))
        for scope in (0, lo, ABSENT)
    ]
    for (kind, protocol), bound, *pair in itertools.product(KINDS, (False, True), calls, calls):
        with socket.socket(socket.AF_INET6, kind, protocol) as made:
            if bound:
                made.setsockopt(socket.SOL_SOCKET, SO_BINDTOIFINDEX, lo)
            key = (kind, bound, *pair)
            seen[key] = []
            for name, address, scope in pair:
                call = getattr(made, name)
                result = outcome(lambda call=call, address=address, scope=scope: call((address, 7, 0, scope)))
                seen[key].append((result, made.getsockopt(socket.SOL_SOCKET, SO_BINDTOIFINDEX)))
    return seen


@privileged
def test_a_scope_given_to_bind_replaces_the_device_and_one_given_to_connect_must_be_it() -> None:
    ours, linux = on_both(scopes_in_turn)
    assert {key: (ours[key], linux[key]) for key in ours if ours[key] != linux[key]} == {}
    assert ours.keys() == linux.keys()
