"""F_SETOWN_EX and F_GETOWN_EX: who is sent signals of a descriptor. One program on Linux and on ours."""

import fcntl
import os
import socket
import struct
import sys
from collections.abc import Callable
from typing import Any

import pytest
from parity_programs import on_both, outcome

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="parity needs Linux")

F_SETOWN_EX, F_GETOWN_EX = 15, 16


def tried(call: Callable[..., Any], *arguments: Any) -> Any:
    result = outcome(lambda: call(*arguments))
    return "ok" if result is None else result


def owners() -> list[Any]:
    seen: list[Any] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        me = os.getpid()

        def shown() -> Any:
            kind, number = struct.unpack("ii", fcntl.fcntl(s, F_GETOWN_EX, bytes(8)))
            return kind, number == 0 or number == (os.getpgid(0) if kind == 2 else me), number == 0

        seen.append(tried(shown))
        for kind, number in (
            (1, me),
            (0, me),
            (2, os.getpgid(0)),
            (1, 0),
            (3, me),
            (1, 99999999),
            (-1, me),
            (1, -me),
        ):
            seen.append(
                tried(lambda k=kind, n=number: fcntl.fcntl(s, F_SETOWN_EX, struct.pack("ii", k, n)) and None)
            )
            seen.append(tried(shown))
        for number in (me, 0, -os.getpgid(0)):
            seen.append(tried(lambda n=number: fcntl.fcntl(s, fcntl.F_SETOWN, n)))
            seen.append(tried(shown))
    return seen


def test_owners() -> None:
    ours, linux = on_both(owners)
    assert ours == linux
