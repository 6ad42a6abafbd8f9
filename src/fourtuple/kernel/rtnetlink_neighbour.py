"""RTM_GETNEIGH, RTM_NEWNEIGH, RTM_DELNEIGH (Linux ``net/core/neighbour.c``), and the policy rules."""

from __future__ import annotations

from errno import EEXIST, EINVAL, ENOENT, EOPNOTSUPP
from typing import TYPE_CHECKING, Final

from ..stack.neighbour import (
    DELAY,
    FAILED,
    FOREVER,
    INCOMPLETE,
    NOARP,
    PERMANENT,
    PROBE,
    REACHABLE,
    STALE,
    Neighbour,
    NeighbourTable,
)
from .error import KernelError
from .netlink_message import (
    NLM_F_CREATE,
    NLM_F_EXCL,
    NLM_F_REPLACE,
    NetlinkHeader,
    attribute,
    int32s,
    read_attributes,
    read_u32,
    u8,
    u32,
)
from .rtnetlink_message import (
    RT_TABLE_DEFAULT,
    RT_TABLE_LOCAL,
    RT_TABLE_MAIN,
    USER_HZ,
    address_bytes,
    family_of,
    need_body,
    read_address,
    read_interface,
)
from .sockaddr import AF_INET, AF_INET6

if TYPE_CHECKING:
    from ..stack.stack import Stack

_NDA_DST: Final = 1
_NDA_LLADDR: Final = 2
_NDA_CACHEINFO: Final = 3
_NDA_PROBES: Final = 4
_NDA_IFINDEX: Final = 8
_FRA_PRIORITY: Final = 6
_FRA_SUPPRESS_PREFIXLEN: Final = 14
_FRA_TABLE: Final = 15
_FRA_PROTOCOL: Final = 21
_RTN_UNICAST: Final = 1
_HEADER: Final = 12
_VALID: Final = REACHABLE | STALE | DELAY | PROBE | NOARP | PERMANENT


def neighbour_body(neighbour: Neighbour) -> bytes:
    """struct ndmsg and attributes."""
    state = neighbour.current_state()
    now = neighbour.clock.now
    header = bytes((family_of(neighbour.address), 0, 0, 0)) + neighbour.interface.ifindex.to_bytes(
        4, "little"
    )
    parts = [
        header + state.to_bytes(2, "little") + bytes((0, _RTN_UNICAST)),
        attribute(_NDA_DST, address_bytes(neighbour.address)),
    ]
    if state & _VALID:
        parts.append(attribute(_NDA_LLADDR, neighbour.mac.to_bytes(6, "big")))
    parts.append(u32(_NDA_PROBES, neighbour.probes if state & (INCOMPLETE | PROBE) else 0))
    updated = (now - neighbour.updated) // USER_HZ
    confirmed = updated if neighbour.confirmed == -FOREVER else (now - neighbour.confirmed) // USER_HZ
    parts.append(attribute(_NDA_CACHEINFO, int32s([confirmed, updated, updated, 0])))
    return b"".join(parts)


def _table(stack: Stack, family: int) -> NeighbourTable:
    if family == AF_INET:
        return stack.neighbours
    if family == AF_INET6:
        return stack.neighbours_v6
    raise KernelError(EOPNOTSUPP)


def dump_neighbours(stack: Stack, request: NetlinkHeader, strict: bool) -> tuple[list[bytes], bool]:
    """The neighbours, IPv4 first; and whether NDA_IFINDEX limited them. Raises EINVAL."""
    family = request.body[0] if request.body else 0
    if strict:
        need_body(request.body, _HEADER)
        if request.body[4:10] != bytes(6) or request.body[11]:
            raise KernelError(EINVAL, "a dump of neighbours takes no state and interface in its header")
    attributes = read_attributes(request.body[_HEADER:])
    ifindex = read_u32(attributes, _NDA_IFINDEX, 0)
    bodies: list[bytes] = []
    for wanted in (AF_INET, AF_INET6):
        if family in (0, wanted):
            for neighbour in _table(stack, wanted).entries():
                if ifindex in (0, neighbour.interface.ifindex):
                    bodies.append(neighbour_body(neighbour))
    return bodies, ifindex != 0


class _Named:
    """The neighbour a request names."""

    __slots__ = ("address", "attributes", "found", "state", "table")

    def __init__(self, stack: Stack, request: NetlinkHeader) -> None:
        need_body(request.body, _HEADER)
        family = request.body[0]
        self.attributes: dict[int, bytes] = read_attributes(request.body[_HEADER:])
        self.table: NeighbourTable = _table(stack, family)
        self.address: int = read_address(self.attributes, _NDA_DST, family)
        self.state: int = int.from_bytes(request.body[8:10], "little")
        if self.address < 0:
            raise KernelError(EINVAL)
        interface = read_interface(stack, int.from_bytes(request.body[4:8], "little"))
        self.found: Neighbour | None = self.table.find(interface, self.address)


def get_neighbour(stack: Stack, request: NetlinkHeader) -> bytes:
    """Raises ENOENT if it is not known, EINVAL if the request says more than who it is."""
    named = _Named(stack, request)
    if named.state or _NDA_LLADDR in named.attributes:
        raise KernelError(EINVAL)
    if named.found is None:
        raise KernelError(ENOENT)
    return neighbour_body(named.found)


def new_neighbour(stack: Stack, request: NetlinkHeader) -> None:
    """RTM_NEWNEIGH. Raises EINVAL, ENODEV, EEXIST, ENOENT; EOPNOTSUPP for proxies."""
    named = _Named(stack, request)
    hardware = named.attributes.get(_NDA_LLADDR)
    if hardware is not None and len(hardware) < 6:
        raise KernelError(EINVAL)
    if request.body[10]:
        raise KernelError(EOPNOTSUPP, "neighbours have no flags")
    flags = request.flags
    found = named.found
    if found is None:
        if not flags & NLM_F_CREATE:
            raise KernelError(ENOENT)
        interface = read_interface(stack, int.from_bytes(request.body[4:8], "little"))
        found = named.table.obtain(interface, named.address)
        if found is None:
            raise KernelError(EINVAL, "the table of neighbours is full")
    elif flags & NLM_F_EXCL:
        raise KernelError(EEXIST)
    if named.state not in (0, STALE, REACHABLE, PERMANENT, DELAY, PROBE, NOARP):
        raise KernelError(EINVAL, f"{named.state:#x} is no state to give")
    if hardware is None:
        if not found.current_state() & _VALID:
            raise KernelError(EINVAL)
        mac = found.mac
    else:
        mac = int.from_bytes(hardware[:6], "big")
    found.set(mac, named.state or STALE, flags & NLM_F_REPLACE != 0)


def delete_neighbour(stack: Stack, request: NetlinkHeader) -> None:
    """RTM_DELNEIGH. Raises ENOENT."""
    named = _Named(stack, request)
    if named.found is None or named.found.current_state() == FAILED:
        raise KernelError(ENOENT)
    named.table.forget(named.found)


def dump_rules(request: NetlinkHeader) -> list[bytes]:
    """The rules every Linux begins with; there are no others here."""
    family = request.body[0] if request.body else 0
    bodies: list[bytes] = []
    for wanted in (AF_INET, AF_INET6):
        if family not in (0, wanted):
            continue
        rules = [(0, RT_TABLE_LOCAL), (32766, RT_TABLE_MAIN)]
        if wanted == AF_INET:
            rules.append((32767, RT_TABLE_DEFAULT))
        for priority, table in rules:
            # struct fib_rule_hdr; the action is FR_ACT_TO_TBL, the protocol RTPROT_KERNEL.
            body = bytes((wanted, 0, 0, 0, table, 0, 0, 1)) + bytes(4) + u32(_FRA_TABLE, table)
            body += u32(_FRA_SUPPRESS_PREFIXLEN, 0xFFFF_FFFF) + u8(_FRA_PROTOCOL, 2)
            bodies.append(body + (u32(_FRA_PRIORITY, priority) if priority else b""))
    return bodies
