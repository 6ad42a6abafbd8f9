"""What an ICMP error means to a socket (``icmp_err_convert``, ``__udp4_lib_err``)."""

from __future__ import annotations

from errno import (
    ECONNREFUSED,
    EHOSTDOWN,
    EHOSTUNREACH,
    EMSGSIZE,
    ENETUNREACH,
    ENONET,
    ENOPROTOOPT,
    EOPNOTSUPP,
    EPROTO,
)
from typing import Final

from ..wire.icmp import ICMP_PARAMETER_PROBLEM, ICMP_TIME_EXCEEDED, ICMP_UNREACHABLE

# (errno, whether it is final) by code of destination unreachable.
_UNREACHABLE: Final = (
    (ENETUNREACH, False),
    (EHOSTUNREACH, False),
    (ENOPROTOOPT, True),
    (ECONNREFUSED, True),
    (EMSGSIZE, False),
    (EOPNOTSUPP, False),
    (ENETUNREACH, True),
    (EHOSTDOWN, True),
    (ENONET, True),
    (ENETUNREACH, True),
    (EHOSTUNREACH, True),
    (ENETUNREACH, False),
    (EHOSTUNREACH, False),
    (EHOSTUNREACH, True),
    (EHOSTUNREACH, True),
    (EHOSTUNREACH, True),
)


def icmp_errno(type: int, code: int) -> tuple[int, bool]:
    """(errno, final) of an ICMP error; (0, False) if it says nothing to a socket.

    An error that is not final may be over by the next packet.
    """
    if type == ICMP_UNREACHABLE:
        if 0 <= code < len(_UNREACHABLE):
            return _UNREACHABLE[code]
        return EHOSTUNREACH, False
    if type == ICMP_TIME_EXCEEDED:
        return EHOSTUNREACH, False
    if type == ICMP_PARAMETER_PROBLEM:
        return EPROTO, True
    return 0, False
