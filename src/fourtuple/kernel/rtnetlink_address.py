"""RTM_GETADDR, RTM_NEWADDR and RTM_DELADDR (Linux ``net/ipv4/devinet.c``, ``net/ipv6/addrconf.c``)."""

from __future__ import annotations

from errno import EADDRNOTAVAIL, EEXIST, EINVAL, ENODEV, EOPNOTSUPP
from typing import TYPE_CHECKING, Final

from ..clock.clock import SECOND
from ..stack.interface import Interface
from ..stack.neighbour import FOREVER
from ..wire.address import is_any, is_link_local, is_loopback, is_multicast, is_v4
from .error import KernelError
from .netlink_message import (
    NLM_F_EXCL,
    NLM_F_REPLACE,
    NetlinkHeader,
    attribute,
    int32s,
    read_attributes,
    read_text,
    read_u32,
    text,
    u8,
    u32,
)
from .rtnetlink_message import (
    RT_SCOPE_HOST,
    RT_SCOPE_LINK,
    RT_SCOPE_UNIVERSE,
    address_bytes,
    family_fits,
    family_of,
    need_body,
    read_address,
    read_interface,
)
from .sockaddr import AF_INET, AF_INET6

if TYPE_CHECKING:
    from ..stack.stack import Stack

_IFA_ADDRESS: Final = 1
_IFA_LOCAL: Final = 2
_IFA_LABEL: Final = 3
_IFA_BROADCAST: Final = 4
_IFA_CACHEINFO: Final = 6
_IFA_FLAGS: Final = 8
_IFA_PROTO: Final = 11
_PROTO_KERNEL_LO: Final = 1
_PROTO_KERNEL_RA: Final = 2
_PROTO_KERNEL_LL: Final = 3

_IFA_F_SECONDARY: Final = 0x01
_IFA_F_NODAD: Final = 0x02
_IFA_F_DEPRECATED: Final = 0x20
_IFA_F_TENTATIVE: Final = 0x40
_IFA_F_PERMANENT: Final = 0x80
_IFA_F_MANAGETEMPADDR: Final = 0x100
_IFA_F_NOPREFIXROUTE: Final = 0x200
_INFINITE: Final = 0xFFFF_FFFF
_HEADER: Final = 8


def address_body(stack: Stack, interface: Interface, address: int, length: int) -> bytes:
    """struct ifaddrmsg and its attributes. Times of change are not kept and read as the start."""
    v4 = is_v4(address)
    now = stack.clock.now
    valid = stack.autoconf.valid_until(interface, address)
    preferred = stack.local.deprecated_at.get(address, FOREVER)
    flags = _IFA_F_PERMANENT if valid == FOREVER else 0
    if preferred <= now:
        flags |= _IFA_F_DEPRECATED
    if stack.autoconf.is_tentative(interface, address):
        flags |= _IFA_F_TENTATIVE
    if v4 and interface.first_of_subnet(address, length) != address:
        flags |= _IFA_F_SECONDARY
    scope = RT_SCOPE_UNIVERSE
    if is_loopback(address):
        scope = RT_SCOPE_HOST
    elif not v4 and is_link_local(address):
        scope = RT_SCOPE_LINK
    header = bytes((family_of(address), length, flags & 0xFF, scope))
    plain = address_bytes(address)
    times = attribute(_IFA_CACHEINFO, int32s([_seconds(preferred, now), _seconds(valid, now), 0, 0]))
    parts = [header, interface.ifindex.to_bytes(4, "little"), attribute(_IFA_ADDRESS, plain)]
    if v4:
        parts.append(attribute(_IFA_LOCAL, plain))
        if length < 31 and not interface.loopback:
            parts.append(attribute(_IFA_BROADCAST, address_bytes(address | ((1 << (32 - length)) - 1))))
        parts += [text(_IFA_LABEL, interface.name), u32(_IFA_FLAGS, flags), times]
    else:
        parts += [times, u32(_IFA_FLAGS, flags)]
        if interface.loopback:
            parts.append(u8(_IFA_PROTO, _PROTO_KERNEL_LO))
        elif address == stack.addressing.link_local_of(interface):
            parts.append(u8(_IFA_PROTO, _PROTO_KERNEL_LL))
        elif valid != FOREVER:
            parts.append(u8(_IFA_PROTO, _PROTO_KERNEL_RA))
    return b"".join(parts)


def _seconds(until: int, now: int) -> int:
    return _INFINITE if until == FOREVER else max(until - now, 0) // SECOND


def dump_addresses(stack: Stack, request: NetlinkHeader, strict: bool) -> tuple[list[bytes], bool]:
    """All addresses, IPv4 first; and whether they were limited to one interface, which only a
    ``strict`` request can ask for. Raises EINVAL, ENODEV."""
    family = request.body[0] if request.body else 0
    ifindex = 0
    if strict:
        need_body(request.body, _HEADER)
        if request.body[1:4] != bytes(3):
            raise KernelError(EINVAL, "a dump of addresses takes a family and an interface only")
        ifindex = int.from_bytes(request.body[4:8], "little")
        if ifindex:
            read_interface(stack, ifindex)
    bodies: list[bytes] = []
    for wanted in (AF_INET, AF_INET6):
        for interface in stack.interfaces:
            if ifindex not in (0, interface.ifindex):
                continue
            for address, length in _with_tentative(stack, interface):
                if family_of(address) == wanted and family_fits(family, address):
                    bodies.append(address_body(stack, interface, address, length))
    return bodies, ifindex != 0


def _with_tentative(stack: Stack, interface: Interface) -> list[tuple[int, int]]:
    found = list(interface.addresses)
    for ifindex, address in stack.autoconf.tentative():
        if ifindex == interface.ifindex:
            found.append((address, stack.autoconf.tentative_length(interface, address)))
    # Linux keeps IPv6 addresses by scope, the global ones first.
    return [pair for pair in found if not is_link_local(pair[0])] + [
        pair for pair in found if is_link_local(pair[0])
    ]


def get_address(stack: Stack, request: NetlinkHeader) -> bytes:
    """One IPv6 address; Linux has this for IPv6 only. Raises EOPNOTSUPP, EINVAL, EADDRNOTAVAIL."""
    need_body(request.body, _HEADER)
    if request.body[0] != AF_INET6:
        raise KernelError(EOPNOTSUPP)
    address = _requested(request)
    if address < 0:
        raise KernelError(EINVAL)
    ifindex = int.from_bytes(request.body[4:8], "little")
    for interface in stack.interfaces:
        if ifindex in (0, interface.ifindex):
            for own, length in _with_tentative(stack, interface):
                if own == address:
                    return address_body(stack, interface, address, length)
    raise KernelError(EADDRNOTAVAIL)


def _requested(request: NetlinkHeader) -> int:
    attributes = read_attributes(request.body[_HEADER:])
    family = request.body[0]
    local = read_address(attributes, _IFA_LOCAL, family)
    peer = read_address(attributes, _IFA_ADDRESS, family)
    if local < 0:
        return peer if family == AF_INET6 else -1
    if peer not in (-1, local):
        raise KernelError(EOPNOTSUPP, "there are no point-to-point addresses")
    return local


def new_address(stack: Stack, request: NetlinkHeader) -> None:
    """RTM_NEWADDR. Raises EINVAL, ENODEV, EEXIST, EADDRNOTAVAIL; EOPNOTSUPP for what an address
    cannot be here: limited in time, a broadcast address or label not its own, without its prefix's
    route.

    An IPv6 address becomes the host's once duplicate address detection passed, unless with IFA_F_NODAD.
    """
    need_body(request.body, _HEADER)
    family, length = request.body[0], request.body[1]
    if family not in (AF_INET, AF_INET6):
        raise KernelError(EOPNOTSUPP)
    attributes = read_attributes(request.body[_HEADER:])
    address = _requested(request)
    if length > (32 if family == AF_INET else 128) or address < 0:
        raise KernelError(EINVAL)
    interface = stack.interface(int.from_bytes(request.body[4:8], "little"))
    if interface is None:
        raise KernelError(ENODEV)
    if family == AF_INET6 and (is_multicast(address) or is_any(address) or is_loopback(address)):
        raise KernelError(EADDRNOTAVAIL)
    flags = read_u32(attributes, _IFA_FLAGS, request.body[2])
    _check_supported(interface, attributes, flags, address, length)
    if interface.owns(address) or stack.autoconf.is_tentative(interface, address):
        if request.flags & NLM_F_EXCL or not request.flags & NLM_F_REPLACE:
            raise KernelError(EEXIST)
        return
    if family == AF_INET or flags & _IFA_F_NODAD or interface.loopback:
        stack.add_address(interface, address, length)
    else:
        stack.autoconf.add_tentative(interface, address, length)


def _check_supported(
    interface: Interface, attributes: dict[int, bytes], flags: int, address: int, length: int
) -> None:
    """Raises EOPNOTSUPP for an address that would differ from what is asked for."""
    times = attributes.get(_IFA_CACHEINFO)
    if times is not None and times[:8] != b"\xff" * 8:
        raise KernelError(EOPNOTSUPP, "lifetimes come from routers only")
    if flags & (_IFA_F_NOPREFIXROUTE | _IFA_F_MANAGETEMPADDR):
        raise KernelError(EOPNOTSUPP, "every address brings its prefix's route, and no temporary ones")
    if read_text(attributes, _IFA_LABEL) not in ("", interface.name):
        raise KernelError(EOPNOTSUPP, "the label is the interface's name")
    broadcast = read_address(attributes, _IFA_BROADCAST, family_of(address))
    if broadcast >= 0 and broadcast != address | ((1 << (32 - length)) - 1):
        raise KernelError(EOPNOTSUPP, "the broadcast address is the last of the subnet")


def delete_address(stack: Stack, request: NetlinkHeader) -> None:
    """RTM_DELADDR. Raises EINVAL, ENODEV, EADDRNOTAVAIL."""
    need_body(request.body, _HEADER)
    family, length = request.body[0], request.body[1]
    if family not in (AF_INET, AF_INET6):
        raise KernelError(EOPNOTSUPP)
    interface = read_interface(stack, int.from_bytes(request.body[4:8], "little"))
    address = _requested(request)
    if address < 0:
        attributes = read_attributes(request.body[_HEADER:])
        address = read_address(attributes, _IFA_ADDRESS, family)
    if address < 0:
        raise KernelError(EINVAL)
    for own, prefix in _with_tentative(stack, interface):
        if own == address and (
            prefix == length or (family == AF_INET and _IFA_ADDRESS not in _kinds(request))
        ):
            if stack.autoconf.is_tentative(interface, address):
                stack.autoconf.abandon(interface, address)
            else:
                stack.remove_address(interface, address)
            return
    raise KernelError(EADDRNOTAVAIL)


def _kinds(request: NetlinkHeader) -> list[int]:
    return list(read_attributes(request.body[_HEADER:]))
