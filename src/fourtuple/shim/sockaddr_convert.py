"""Socket addresses: Python's tuples and paths to the kernel's ``SockAddr`` and back.

Conversions and refusals are those of CPython's ``getsockaddrarg`` and ``makesockaddr``
(Modules/socketmodule.c); a host may be a name, which the network's name service answers.
"""

from __future__ import annotations

import os
from errno import ENODEV
from operator import index
from typing import TYPE_CHECKING, Any, Final

from ..kernel.sockaddr import (
    AF_INET,
    AF_INET6,
    AF_NETLINK,
    AF_PACKET,
    AF_UNIX,
    LinkAddr,
    NetlinkAddr,
    SockAddr,
    inet_address,
    unix_address,
)
from ..wire.address import format_ip, format_mapped
from . import resolver

if TYPE_CHECKING:
    from ..kernel.kernel import Kernel

UNIX_PATH_MAX: Final = 108
_FLOWINFO_MAX: Final = 0xFFFFF
_HARDWARE_MAX: Final = 8


def buffer_bytes(value: Any) -> bytes:
    """The bytes of a bytes-like object. Raises TypeError."""
    if type(value) is bytes:
        return value
    try:
        return bytes(memoryview(value))
    except TypeError:
        raise TypeError(f"a bytes-like object is required, not '{type(value).__name__}'") from None


def to_sockaddr(kernel: Kernel, family: int, address: Any, caller: str) -> SockAddr:
    """The address a program passed to ``caller`` on a socket of ``family``.

    Raises TypeError, OverflowError and OSError as CPython, and gaierror for a name not known.
    """
    if family == AF_INET:
        return _to_inet(kernel, address, caller)
    if family == AF_INET6:
        return _to_inet6(kernel, address, caller)
    if family == AF_UNIX:
        return unix_address(_unix_path(address))
    if family == AF_PACKET:
        return _to_packet(kernel, address, caller)
    if family == AF_NETLINK:
        return _to_netlink(address, caller)
    raise OSError(f"{caller}(): bad family")


def from_sockaddr(address: SockAddr | None) -> Any:
    """The address as a program sees it: a pair, a 4-tuple, a path (str; bytes if abstract), None."""
    if address is None:
        return None
    if address.family == AF_INET:
        return format_ip(address.ip), address.port
    if address.family == AF_INET6:
        return format_mapped(address.ip), address.port, address.flowinfo, address.scope_id
    if address.family == AF_UNIX:
        return address.path if address.path.startswith(b"\0") else os.fsdecode(address.path)
    if isinstance(address, LinkAddr):
        return address.interface, address.protocol, address.pkttype, address.hatype, address.hardware
    if isinstance(address, NetlinkAddr):
        return address.port_id, address.groups
    return address.family, b""


def _to_inet(kernel: Kernel, address: Any, caller: str) -> SockAddr:
    if not isinstance(address, tuple):
        raise TypeError(f"{caller}(): AF_INET address must be tuple, not {type(address).__name__}")
    if len(address) != 2:
        raise TypeError("AF_INET address must be a pair (host, port)")
    name = resolver.host_bytes(address[0])
    number = index(address[1])
    ip = resolver.resolve_one(kernel, name, AF_INET)
    return inet_address(AF_INET, ip, _port(number, caller))


def _to_inet6(kernel: Kernel, address: Any, caller: str) -> SockAddr:
    if not isinstance(address, tuple):
        raise TypeError(f"{caller}(): AF_INET6 address must be tuple, not {type(address).__name__}")
    if not 2 <= len(address) <= 4:
        raise TypeError("AF_INET6 address must be a tuple (host, port[, flowinfo[, scopeid]])")
    name = resolver.host_bytes(address[0])
    numbers = [index(number) for number in address[1:]]
    ip = resolver.resolve_one(kernel, name, AF_INET6)
    result = inet_address(AF_INET6, ip, _port(numbers[0], caller))
    if len(numbers) > 1:
        if not 0 <= numbers[1] <= _FLOWINFO_MAX:
            raise OverflowError(f"{caller}(): flowinfo must be 0-{_FLOWINFO_MAX}.")
        result.flowinfo = numbers[1]
    if len(numbers) > 2:
        result.scope_id = numbers[2] & 0xFFFFFFFF
    return result


def _to_packet(kernel: Kernel, address: Any, caller: str) -> SockAddr:
    if not isinstance(address, tuple):
        raise TypeError(f"{caller}(): AF_PACKET address must be tuple, not {type(address).__name__}")
    if not 2 <= len(address) <= 5:
        raise TypeError("AF_PACKET address must be a tuple of two to five elements")
    name = address[0]
    if not isinstance(name, str):
        raise TypeError("AF_PACKET address must be a tuple of two to five elements")
    protocol = index(address[1])
    numbers = [index(number) for number in address[2:4]]
    hardware = buffer_bytes(address[4]) if len(address) > 4 else b""
    interface = kernel.stack.interface_named(name)
    if interface is None:
        raise OSError(ENODEV, os.strerror(ENODEV))
    if len(hardware) > _HARDWARE_MAX:
        raise ValueError("Hardware address must be 8 bytes or less")
    if not 0 <= protocol <= 0xFFFF:
        raise OverflowError(f"{caller}(): proto must be 0-65535.")
    result = LinkAddr(protocol, interface.ifindex)
    result.interface = name
    result.hardware = hardware
    if numbers:
        result.pkttype = numbers[0] & 0xFF
    if len(numbers) > 1:
        result.hatype = numbers[1] & 0xFFFF
    return result


def _to_netlink(address: Any, caller: str) -> SockAddr:
    if not isinstance(address, tuple):
        raise TypeError(f"{caller}(): AF_NETLINK address must be tuple, not {type(address).__name__}")
    if len(address) != 2:
        raise TypeError("AF_NETLINK address must be a pair (pid, groups)")
    return NetlinkAddr(index(address[0]) & 0xFFFF_FFFF, index(address[1]) & 0xFFFF_FFFF)


def _port(number: int, caller: str) -> int:
    if not 0 <= number <= 0xFFFF:
        raise OverflowError(f"{caller}(): port must be 0-65535.")
    return number


def _unix_path(address: Any) -> bytes:
    """The sun_path of an address; a file path ends at its first NUL, as the kernel reads it."""
    path = os.fsencode(address) if isinstance(address, str) else buffer_bytes(address)
    if path.startswith(b"\0"):
        if len(path) > UNIX_PATH_MAX:
            raise OSError("AF_UNIX path too long")
        return path
    # The terminating NUL must fit too.
    if len(path) >= UNIX_PATH_MAX:
        raise OSError("AF_UNIX path too long")
    return path.partition(b"\0")[0]
