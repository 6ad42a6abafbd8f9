"""What an ICMP error means to a socket (``icmp_err_convert``, ``icmpv6_err_convert``)."""

from __future__ import annotations

from errno import (
    EACCES,
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
from ..wire.icmpv6 import (
    ICMPV6_PACKET_TOO_BIG,
    ICMPV6_PARAMETER_PROBLEM,
    ICMPV6_TIME_EXCEEDED,
    ICMPV6_UNREACHABLE,
)

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

# The same for ICMPv6.
_UNREACHABLE_V6: Final = (
    (ENETUNREACH, False),
    (EACCES, True),
    (EHOSTUNREACH, False),
    (EHOSTUNREACH, False),
    (ECONNREFUSED, True),
    (EACCES, True),
    (EACCES, True),
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


def icmpv6_errno(type: int, code: int) -> tuple[int, bool]:
    """:func:`icmp_errno` of an ICMPv6 error."""
    if type == ICMPV6_UNREACHABLE:
        if 0 <= code < len(_UNREACHABLE_V6):
            return _UNREACHABLE_V6[code]
        return EPROTO, True
    if type == ICMPV6_PACKET_TOO_BIG:
        return EMSGSIZE, False
    if type == ICMPV6_TIME_EXCEEDED:
        return EHOSTUNREACH, False
    if type == ICMPV6_PARAMETER_PROBLEM:
        return EPROTO, True
    return 0, False
