"""Interface ioctls on a socket: SIOCGIFADDR and its kin on a struct ifreq (netdevice(7))."""

from __future__ import annotations

from errno import EADDRNOTAVAIL, EINVAL, ENODEV, ENOTTY, EOPNOTSUPP, EPERM
from typing import TYPE_CHECKING, Final

from ..wire.address import is_v4, prefix_mask
from .error import KernelError
from .sockaddr import AF_INET, AF_INET6, AF_PACKET

if TYPE_CHECKING:
    from ..stack.interface import Interface
    from ..stack.stack import Stack

SIOCGIFNAME: Final = 0x8910
SIOCGIFCONF: Final = 0x8912
SIOCGIFFLAGS: Final = 0x8913
SIOCSIFFLAGS: Final = 0x8914
SIOCGIFADDR: Final = 0x8915
SIOCGIFDSTADDR: Final = 0x8917
SIOCGIFBRDADDR: Final = 0x8919
SIOCGIFNETMASK: Final = 0x891B
SIOCGIFMETRIC: Final = 0x891D
SIOCGIFMTU: Final = 0x8921
SIOCSIFMTU: Final = 0x8922
SIOCGIFHWADDR: Final = 0x8927
SIOCGIFSLAVE: Final = 0x8929
SIOCGIFINDEX: Final = 0x8933
SIOCGIFTXQLEN: Final = 0x8942
SIOCETHTOOL: Final = 0x8946
SIOCGMIIPHY: Final = 0x8947
SIOCGIFMAP: Final = 0x8970

IFREQ_LENGTH: Final = 40
_NAME: Final = 16

_IFF_UP: Final = 0x1
_IFF_BROADCAST: Final = 0x2
_IFF_LOOPBACK: Final = 0x8
_IFF_RUNNING: Final = 0x40
_IFF_MULTICAST: Final = 0x1000
_IFF_LOWER_UP: Final = 0x10000
_AF_PACKET: Final = 17
_ARPHRD_ETHER: Final = 1
_ARPHRD_LOOPBACK: Final = 772
_TXQLEN: Final = 1000
LEAST_MTU: Final = 68
LARGEST_MTU: Final = 65535

# Of IPv4 addresses, which AF_INET and AF_PACKET sockets know.
_OF_ADDRESSES: Final = (SIOCGIFADDR, SIOCGIFDSTADDR, SIOCGIFBRDADDR, SIOCGIFNETMASK)
_CHANGES: Final = (SIOCSIFFLAGS, SIOCSIFMTU)
_REQUESTS: Final = (
    SIOCGIFFLAGS,
    *_OF_ADDRESSES,
    *_CHANGES,
    SIOCGIFMETRIC,
    SIOCGIFMTU,
    SIOCGIFHWADDR,
    SIOCGIFINDEX,
    SIOCGIFTXQLEN,
    SIOCGIFMAP,
    SIOCGIFSLAVE,
    SIOCETHTOOL,
    SIOCGMIIPHY,
)


def device_ioctl(stack: Stack, request: int, argument: bytes, family: int, admin: bool) -> bytes:
    """The struct ifreq filled in, for a socket of ``family``; ``admin`` may change interfaces.

    Raises ENODEV, EADDRNOTAVAIL, EINVAL, EPERM, EOPNOTSUPP or ENOTTY.
    """
    if request == SIOCGIFNAME:
        _check_length(argument)
        found = stack.interface(int.from_bytes(argument[_NAME : _NAME + 4], "little"))
        if found is None:
            raise KernelError(ENODEV)
        return found.name.encode()[: _NAME - 1].ljust(_NAME, b"\0") + argument[_NAME:]
    if request not in _REQUESTS or (request in _OF_ADDRESSES and family not in (AF_INET, AF_PACKET)):
        raise KernelError(ENOTTY)
    _check_length(argument)
    name = argument[:_NAME].partition(b"\0")[0].decode("utf-8", "replace")
    interface = stack.interface_named(name)
    if interface is None:
        raise KernelError(ENODEV, name)
    if request in _CHANGES:
        if not admin:
            raise KernelError(EPERM)
        _change(stack, interface, request, argument)
        return argument
    answer = _answer(interface, request)
    return argument[:_NAME] + answer + argument[_NAME + len(answer) :]


def interface_configuration(stack: Stack) -> bytes:
    """What SIOCGIFCONF fills in: a struct ifreq for each IPv4 address."""
    found: list[bytes] = []
    for interface in stack.interfaces:
        name = interface.name.encode()[: _NAME - 1].ljust(_NAME, b"\0")
        for address, _ in interface.addresses:
            if is_v4(address):
                found.append((name + sockaddr_in(address, 0)).ljust(IFREQ_LENGTH, b"\0"))
    return b"".join(found)


def _change(stack: Stack, interface: Interface, request: int, argument: bytes) -> None:
    if request == SIOCSIFFLAGS:
        up = argument[_NAME] & _IFF_UP != 0
        if up != interface.up:
            stack.set_up(interface, up)
        return
    mtu = int.from_bytes(argument[_NAME : _NAME + 4], "little", signed=True)
    if not LEAST_MTU <= mtu <= LARGEST_MTU:
        raise KernelError(EINVAL)
    stack.set_mtu(interface, mtu)


def _check_length(argument: bytes) -> None:
    # Programs in Python pass fewer bytes than sizeof(struct ifreq); what they read back fits.
    if len(argument) < _NAME + 16:
        raise KernelError(EINVAL, "struct ifreq too short")


def _answer(interface: Interface, request: int) -> bytes:
    if request == SIOCGIFFLAGS:
        return (interface_flags(interface) & 0xFFFF).to_bytes(2, "little")
    if request == SIOCGIFMTU:
        return interface.mtu.to_bytes(4, "little")
    if request == SIOCGIFINDEX:
        return interface.ifindex.to_bytes(4, "little")
    if request == SIOCGIFMETRIC:
        return bytes(4)
    if request == SIOCGIFTXQLEN:
        return _TXQLEN.to_bytes(4, "little")
    if request == SIOCGIFMAP:
        return bytes(24)
    if request == SIOCGIFSLAVE:
        raise KernelError(EINVAL)
    if request in (SIOCETHTOOL, SIOCGMIIPHY):
        raise KernelError(EOPNOTSUPP)
    if request == SIOCGIFHWADDR:
        kind = _ARPHRD_LOOPBACK if interface.loopback else _ARPHRD_ETHER
        return kind.to_bytes(2, "little") + interface.mac.to_bytes(6, "big") + bytes(8)
    for address, length in interface.addresses:
        if is_v4(address):
            if request == SIOCGIFNETMASK:
                address = prefix_mask(address, length)
            elif request == SIOCGIFBRDADDR:
                address = 0 if interface.loopback else address | ((1 << (32 - length)) - 1)
            return sockaddr_in(address, 0)
    raise KernelError(EADDRNOTAVAIL)


def interface_flags(interface: Interface) -> int:
    """IFF_* as ``getifaddrs`` and netlink give them (SIOCGIFFLAGS has the low 16 bits)."""
    flags = _IFF_LOOPBACK if interface.loopback else _IFF_BROADCAST | _IFF_MULTICAST
    if interface.up:
        flags |= _IFF_UP | _IFF_RUNNING | _IFF_LOWER_UP
    return flags


def link_address(interface: Interface, broadcast: bool) -> bytes:
    """struct sockaddr_ll of the interface's hardware address, or of its link's broadcast address."""
    kind = _ARPHRD_LOOPBACK if interface.loopback else _ARPHRD_ETHER
    mac = interface.mac
    if broadcast and not interface.loopback:
        mac = 0xFFFF_FFFF_FFFF
    return (
        _AF_PACKET.to_bytes(2, "little")
        + bytes(2)
        + interface.ifindex.to_bytes(4, "little")
        + kind.to_bytes(2, "little")
        + b"\0\6"
        + mac.to_bytes(6, "big")
        + bytes(2)
    )


def sockaddr_in(address: int, port: int) -> bytes:
    """struct sockaddr_in."""
    return (
        AF_INET.to_bytes(2, "little")
        + port.to_bytes(2, "big")
        + (address & 0xFFFFFFFF).to_bytes(4, "big")
        + bytes(8)
    )


def sockaddr_in6(address: int, port: int, scope: int = 0) -> bytes:
    """struct sockaddr_in6 without flow; ``scope`` is an ifindex."""
    return (
        AF_INET6.to_bytes(2, "little")
        + port.to_bytes(2, "big")
        + bytes(4)
        + address.to_bytes(16, "big")
        + scope.to_bytes(4, "little")
    )
