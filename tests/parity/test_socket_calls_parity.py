"""socket() of every family, type and protocol, and every option of the table on every kind of socket: the
errno of each call on the live kernel and on a simulated host."""

import errno
import socket
from typing import Any

import pytest
from parity_programs import on_both, privileged

from fourtuple.kernel.sockopt_table import OPTIONS, REFUSED

pytestmark = privileged

FAMILIES = (0, 1, 2, 10, 17, 45)
TYPES = (0, 1, 2, 3, 4, 5, 6, 11, 99)
PROTOCOLS = (-1, 0, 1, 2, 6, 17, 58, 132, 136, 253, 255, 256, 263, 1000)

# What a Linux has if a kernel module is there, and a simulated host has not.
MISSING = {
    (2, 1, 132): "SCTP",
    (2, 5, 132): "SCTP",
    (10, 1, 132): "SCTP",
    (10, 5, 132): "SCTP",
}

KINDS = {
    "tcp": (2, 1, 0),
    "udp": (2, 2, 0),
    "raw": (2, 3, 253),
    "tcp6": (10, 1, 0),
    "udp6": (10, 2, 0),
    "raw6": (10, 3, 253),
    "unix stream": (1, 1, 0),
    "unix datagram": (1, 2, 0),
    "unix seqpacket": (1, 5, 0),
    "packet": (17, 3, 0),
}


def name_of(error: OSError) -> str:
    return errno.errorcode[error.errno or 0].replace("ENOTSUP", "EOPNOTSUPP")


def creations() -> dict[tuple[int, int, int], str]:
    found = {}
    for family in FAMILIES:
        for kind in TYPES:
            for protocol in PROTOCOLS:
                try:
                    # -1 would be Python's default.
                    socket.socket(family, kind, protocol if protocol >= 0 else -2).close()
                    found[family, kind, protocol] = "made"
                except OSError as error:
                    found[family, kind, protocol] = name_of(error)
    return found


def test_every_socket_that_can_be_asked_for() -> None:
    ours, linux = on_both(creations)
    different = {
        key: (ours[key], linux[key]) for key in ours if ours[key] != linux[key] and key not in MISSING
    }
    assert not different


def options() -> dict[tuple[str, str], tuple[str, str]]:
    """What reading and setting each gives: "ok" or an errno."""

    def result(call: Any) -> str:
        try:
            call()
        except OSError as error:
            return name_of(error)
        return "ok"

    found = {}
    for kind, arguments in KINDS.items():
        for option in OPTIONS:
            with socket.socket(*arguments) as s:
                read = result(lambda s=s, o=option: s.getsockopt(o.level, o.name))
                written = result(lambda s=s, o=option: s.setsockopt(o.level, o.name, 1))
            found[kind, option.symbol] = (read, written)
    return found


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_every_option_on_every_kind_of_socket() -> None:
    refused = {option.symbol for option in OPTIONS if option.status == REFUSED}
    ours, linux = on_both(options)
    assert len(ours) == len(KINDS) * len({option.symbol for option in OPTIONS})
    different = {
        key: (ours[key], linux[key]) for key in ours if ours[key] != linux[key] and key[1] not in refused
    }
    assert not different
