"""Numbers of rtnetlink(7), and what its parts share."""

from __future__ import annotations

from errno import EINVAL, ENODEV
from typing import TYPE_CHECKING, Final

from ..clock.clock import SECOND
from ..stack.interface import Interface
from ..wire.address import V4_BASE, is_v4
from .error import KernelError
from .sockaddr import AF_INET, AF_INET6

if TYPE_CHECKING:
    from ..stack.stack import Stack

RTM_NEWLINK: Final = 16
RTM_DELLINK: Final = 17
RTM_GETLINK: Final = 18
RTM_SETLINK: Final = 19
RTM_NEWADDR: Final = 20
RTM_DELADDR: Final = 21
RTM_GETADDR: Final = 22
RTM_NEWROUTE: Final = 24
RTM_DELROUTE: Final = 25
RTM_GETROUTE: Final = 26
RTM_NEWNEIGH: Final = 28
RTM_DELNEIGH: Final = 29
RTM_GETNEIGH: Final = 30
RTM_NEWRULE: Final = 32
RTM_GETRULE: Final = 34

RTNLGRP_LINK: Final = 1
RTNLGRP_NEIGH: Final = 3
RTNLGRP_IPV4_IFADDR: Final = 5
RTNLGRP_IPV4_ROUTE: Final = 7
RTNLGRP_IPV6_IFADDR: Final = 9
RTNLGRP_IPV6_ROUTE: Final = 11

RT_TABLE_DEFAULT: Final = 253
RT_TABLE_MAIN: Final = 254
RT_TABLE_LOCAL: Final = 255

RT_SCOPE_UNIVERSE: Final = 0
RT_SCOPE_LINK: Final = 253
RT_SCOPE_HOST: Final = 254

USER_HZ: Final = SECOND // 100
"""Nanoseconds of the unit in which ages are given (clock_t)."""


def family_of(address: int) -> int:
    return AF_INET if is_v4(address) else AF_INET6


def address_bytes(address: int) -> bytes:
    """4 bytes or 16."""
    if is_v4(address):
        return (address & 0xFFFF_FFFF).to_bytes(4, "big")
    return address.to_bytes(16, "big")


def read_address(attributes: dict[int, bytes], kind: int, family: int) -> int:
    """An address among ``attributes``, -1 if it is not there. Raises EINVAL if it has not its length."""
    data = attributes.get(kind)
    if data is None:
        return -1
    if len(data) != (4 if family == AF_INET else 16):
        raise KernelError(EINVAL, f"attribute {kind} is not an address of the family")
    number = int.from_bytes(data, "big")
    return V4_BASE | number if family == AF_INET else number


def family_fits(wanted: int, address: int) -> bool:
    """Whether a dump for family ``wanted`` (0: any) shows ``address``."""
    return wanted in (0, family_of(address))


def read_interface(stack: Stack, ifindex: int) -> Interface:
    """Raises ENODEV if there is none of this number."""
    interface = stack.interface(ifindex)
    if interface is None:
        raise KernelError(ENODEV)
    return interface


def need_body(body: bytes, length: int) -> None:
    """Raises EINVAL if a request has less than ``length`` bytes behind its header."""
    if len(body) < length:
        raise KernelError(EINVAL, f"the request needs {length} bytes behind its header, not {len(body)}")
