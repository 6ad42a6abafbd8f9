"""Options of level SOL_SOCKET that are kept and given back, and move nothing on a host without hardware."""

from __future__ import annotations

from errno import EINVAL, ENOPROTOOPT, EOPNOTSUPP, EPERM
from typing import TYPE_CHECKING, Final

from .error import KernelError
from .process import CAP_NET_ADMIN
from .sockaddr import AF_NETLINK, AF_UNIX, IPPROTO_TCP
from .sockopt import (
    SO_BUSY_POLL,
    SO_BUSY_POLL_BUDGET,
    SO_NO_CHECK,
    SO_NOFCS,
    SO_PASSSEC,
    SO_PREFER_BUSY_POLL,
    SO_TXREHASH,
    SO_WIFI_STATUS,
)

if TYPE_CHECKING:
    from .socket import Socket

KEPT_OPTIONS: Final = (
    SO_NO_CHECK,
    SO_PASSSEC,
    SO_WIFI_STATUS,
    SO_NOFCS,
    SO_BUSY_POLL,
    SO_PREFER_BUSY_POLL,
    SO_BUSY_POLL_BUDGET,
    SO_TXREHASH,
)
_BUDGET_MAX: Final = 0xFFFF
_TXREHASH_DEFAULT: Final = 255


def set_kept_option(socket: Socket, name: int, number: int) -> None:
    """Keep one of KEPT_OPTIONS. Raises EINVAL, EPERM, EOPNOTSUPP."""
    _check_family(socket, name)
    if name in (SO_BUSY_POLL, SO_BUSY_POLL_BUDGET):
        if number > socket.kept.get(name, 0):
            _need_admin(socket)
        if number < 0 or (name == SO_BUSY_POLL_BUDGET and number > _BUDGET_MAX):
            raise KernelError(EINVAL)
    elif name == SO_TXREHASH:
        if not -1 <= number <= 1:
            raise KernelError(EINVAL)
        # -1 and 255 stand for the setting of the host, which is 1.
        number = 1 if number in (-1, _TXREHASH_DEFAULT) else number
    else:
        if name == SO_PREFER_BUSY_POLL and number:
            _need_admin(socket)
        number = 1 if number else 0
    socket.kept[name] = number


def get_kept_option(socket: Socket, name: int) -> int:
    """One of KEPT_OPTIONS. Raises EOPNOTSUPP, and ENOPROTOOPT for SO_BUSY_POLL_BUDGET, which Linux does
    not give back."""
    if name == SO_BUSY_POLL_BUDGET:
        raise KernelError(ENOPROTOOPT)
    _check_family(socket, name)
    return socket.kept.get(name, 1 if name == SO_TXREHASH else 0)


def _check_family(socket: Socket, name: int) -> None:
    if name == SO_PASSSEC:
        fits = socket.family in (AF_UNIX, AF_NETLINK)
    elif name == SO_TXREHASH:
        fits = socket.protocol == IPPROTO_TCP
    else:
        fits = True
    if not fits:
        raise KernelError(EOPNOTSUPP)


def _need_admin(socket: Socket) -> None:
    if not socket.caller().capable(CAP_NET_ADMIN):
        raise KernelError(EPERM)
