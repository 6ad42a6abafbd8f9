"""MCAST_JOIN_GROUP and its kin: multicast groups without regard to the family (RFC 3678 §5)."""

from __future__ import annotations

from errno import EADDRNOTAVAIL, EINVAL
from typing import TYPE_CHECKING, Final

from ..wire.address import V4_BASE, is_multicast, is_v4
from .error import KernelError
from .sockaddr import AF_INET, AF_INET6
from .sockopt import (
    MCAST_BLOCK_SOURCE,
    MCAST_JOIN_GROUP,
    MCAST_JOIN_SOURCE_GROUP,
    MCAST_LEAVE_GROUP,
    MCAST_LEAVE_SOURCE_GROUP,
    MCAST_UNBLOCK_SOURCE,
    SOL_IP,
)

if TYPE_CHECKING:
    from .inet import InetSocket

MCAST_OPTIONS: Final = (
    MCAST_JOIN_GROUP,
    MCAST_BLOCK_SOURCE,
    MCAST_UNBLOCK_SOURCE,
    MCAST_LEAVE_GROUP,
    MCAST_JOIN_SOURCE_GROUP,
    MCAST_LEAVE_SOURCE_GROUP,
)
# struct group_req and group_source_req: an ifindex, padding, struct sockaddr_storage once or twice.
_GROUP_AT: Final = 8
_SOURCE_AT: Final = 136
_GROUP_REQUEST: Final = 136
_SOURCE_REQUEST: Final = 264


def set_mcast_option(socket: InetSocket, level: int, name: int, value: bytes) -> None:
    """Set one of MCAST_OPTIONS. Raises EINVAL, EADDRNOTAVAIL, EADDRINUSE, ENODEV."""
    alone = name in (MCAST_JOIN_GROUP, MCAST_LEAVE_GROUP)
    if len(value) < (_GROUP_REQUEST if alone else _SOURCE_REQUEST):
        raise KernelError(EINVAL)
    family = AF_INET if level == SOL_IP else AF_INET6
    if family == AF_INET and not alone and len(value) != _SOURCE_REQUEST:
        raise KernelError(EINVAL)
    wrong = EINVAL if alone and family == AF_INET else EADDRNOTAVAIL
    ifindex = int.from_bytes(value[:4], "little")
    group = _read_address(value, _GROUP_AT, family, wrong)
    if alone:
        if name == MCAST_JOIN_GROUP:
            if not is_multicast(group) or is_v4(group) != (family == AF_INET):
                raise KernelError(EINVAL)
            code = socket.join_group(group, ifindex, -1)
        else:
            if family == AF_INET6 and not is_multicast(group):
                raise KernelError(EINVAL)
            code = socket.leave_group(group, ifindex, -1)
    else:
        source = _read_address(value, _SOURCE_AT, family, EADDRNOTAVAIL)
        if name == MCAST_JOIN_SOURCE_GROUP:
            code = socket.join_group(group, ifindex, source)
        elif name == MCAST_LEAVE_SOURCE_GROUP:
            code = socket.leave_group(group, ifindex, source)
        else:
            code = socket.block_source(group, ifindex, source, name == MCAST_BLOCK_SOURCE)
    if code != 0:
        raise KernelError(code)


def _read_address(value: bytes, at: int, family: int, wrong: int) -> int:
    if int.from_bytes(value[at : at + 2], "little") != family:
        raise KernelError(wrong)
    if family == AF_INET:
        return V4_BASE | int.from_bytes(value[at + 4 : at + 8], "big")
    return int.from_bytes(value[at + 8 : at + 24], "big")
