"""RTM_GETROUTE, RTM_NEWROUTE and RTM_DELROUTE (Linux ``net/ipv4/fib_*.c``, ``net/ipv6/route.c``).

The table ``main`` is the stack's; ``local`` is made of the addresses. There are no others, and no routes
that drop or refuse.
"""

from __future__ import annotations

from errno import (
    EAFNOSUPPORT,
    EEXIST,
    EHOSTUNREACH,
    EINVAL,
    ENETDOWN,
    ENETUNREACH,
    ENODEV,
    ENOENT,
    EOPNOTSUPP,
    ESRCH,
)
from typing import TYPE_CHECKING, Final

from ..stack.interface import Interface
from ..stack.neighbour import FOREVER
from ..stack.path import BROADCAST, LOCAL, MULTICAST, Path
from ..stack.route import RouteEntry
from ..stack.route_metrics import RouteMetrics
from ..wire.address import V4_ANY, V4_LOOPBACK, V6_ANY, is_v4, prefix_mask
from .error import KernelError
from .netlink_message import (
    NLM_F_APPEND,
    NLM_F_CREATE,
    NLM_F_EXCL,
    NLM_F_REPLACE,
    NetlinkHeader,
    attribute,
    int32s,
    read_attributes,
    read_u32,
    text,
    u8,
    u32,
)
from .rtnetlink_message import (
    RT_SCOPE_HOST,
    RT_SCOPE_LINK,
    RT_SCOPE_UNIVERSE,
    RT_TABLE_LOCAL,
    RT_TABLE_MAIN,
    USER_HZ,
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

_RTA_DST: Final = 1
_RTA_SRC: Final = 2
_RTA_IIF: Final = 3
_RTA_OIF: Final = 4
_RTA_GATEWAY: Final = 5
_RTA_PRIORITY: Final = 6
_RTA_PREFSRC: Final = 7
_RTA_METRICS: Final = 8
_RTA_CACHEINFO: Final = 12
_RTA_TABLE: Final = 15
_RTA_PREF: Final = 20
_RTA_UID: Final = 25
_SETTABLE: Final = (
    _RTA_DST,
    _RTA_OIF,
    _RTA_GATEWAY,
    _RTA_PRIORITY,
    _RTA_PREFSRC,
    _RTA_METRICS,
    _RTA_TABLE,
    _RTA_PREF,
)

_RTN_UNICAST: Final = 1
_RTN_LOCAL: Final = 2
_RTN_BROADCAST: Final = 3
_RTN_MULTICAST: Final = 5
_RTPROT_KERNEL: Final = 2
_RTPROT_BOOT: Final = 3
_RTPROT_RA: Final = 9
_RTM_F_CLONED: Final = 0x200
_RTM_F_LOOKUP_TABLE: Final = 0x1000
_RTM_F_FIB_MATCH: Final = 0x2000
_RTCF_LOCAL: Final = 0x8000_0000
_RTCF_BROADCAST: Final = 0x1000_0000
_RTCF_MULTICAST: Final = 0x2000_0000
# RTAX_* numbers of what RouteMetrics holds.
_RTAX_LOCK: Final = 1
_RTAX_MTU: Final = 2
_RTAX_WINDOW: Final = 3
_RTAX_ADVMSS: Final = 8
_RTAX_INITCWND: Final = 11
_RTAX_RTO_MIN: Final = 13
_RTAX_INITRWND: Final = 14
_RTAX_QUICKACK: Final = 15
_RTAX_CC_ALGO: Final = 16
_METRIC_V6: Final = 1024
_HEADER: Final = 12


def _header(family: int, length: int, table: int, protocol: int, scope: int, type: int, flags: int) -> bytes:
    """struct rtmsg."""
    return bytes((family, length, 0, 0, table, protocol, scope, type)) + flags.to_bytes(4, "little")


def _cache_info(expires: int) -> bytes:
    return attribute(_RTA_CACHEINFO, int32s([0, 0, expires, 0, 0, 0, 0, 0]))


def route_body(stack: Stack, entry: RouteEntry) -> bytes:
    """struct rtmsg and attributes of a route of the table ``main``."""
    v4 = is_v4(entry.prefix)
    protocol = entry.protocol
    if entry.connected:
        protocol = _RTPROT_KERNEL
    elif entry.automatic:
        protocol = _RTPROT_RA
    scope = RT_SCOPE_LINK if v4 and entry.gateway < 0 else RT_SCOPE_UNIVERSE
    parts = [_header(family_of(entry.prefix), entry.length, RT_TABLE_MAIN, protocol, scope, _RTN_UNICAST, 0)]
    parts.append(u32(_RTA_TABLE, RT_TABLE_MAIN))
    if entry.length:
        parts.append(attribute(_RTA_DST, address_bytes(entry.prefix)))
    if not v4 and entry.source >= 0 and not entry.connected:
        parts.append(attribute(_RTA_PREFSRC, address_bytes(entry.source)))
    metrics = _pack_metrics(entry.metrics)
    if entry.metric and v4:
        parts.append(u32(_RTA_PRIORITY, entry.metric))
    parts.append(metrics)
    if not v4:
        parts.append(u32(_RTA_PRIORITY, entry.metric))
    elif entry.source >= 0:
        parts.append(attribute(_RTA_PREFSRC, address_bytes(entry.source)))
    if entry.gateway >= 0:
        parts.append(attribute(_RTA_GATEWAY, address_bytes(entry.gateway)))
    parts.append(u32(_RTA_OIF, entry.interface.ifindex))
    if not v4:
        left = 0 if entry.expires == FOREVER else (entry.expires - stack.clock.now) // USER_HZ
        parts += [_cache_info(left), u8(_RTA_PREF, 0)]
    return b"".join(parts)


def local_body(interface: Interface, prefix: int, length: int, source: int, type: int) -> bytes:
    """A route of the table ``local``: to an own address, a broadcast address, or IPv6's groups."""
    v4 = is_v4(prefix)
    scope = RT_SCOPE_UNIVERSE
    if v4:
        scope = RT_SCOPE_LINK if type == _RTN_BROADCAST else RT_SCOPE_HOST
    parts = [
        _header(family_of(prefix), length, RT_TABLE_LOCAL, _RTPROT_KERNEL, scope, type, 0),
        u32(_RTA_TABLE, RT_TABLE_LOCAL),
        attribute(_RTA_DST, address_bytes(prefix)),
    ]
    if v4:
        parts.append(attribute(_RTA_PREFSRC, address_bytes(source)))
    else:
        parts.append(u32(_RTA_PRIORITY, 256 if type == _RTN_MULTICAST else 0))
    parts.append(u32(_RTA_OIF, interface.ifindex))
    if not v4:
        parts += [_cache_info(0), u8(_RTA_PREF, 0)]
    return b"".join(parts)


class LocalRoute:
    """One route of the table ``local``."""

    __slots__ = ("interface", "length", "prefix", "source", "type")

    def __init__(self, interface: Interface, prefix: int, length: int, source: int, type: int) -> None:
        self.interface = interface
        self.prefix = prefix
        self.length = length
        self.source = source
        self.type = type

    def body(self) -> bytes:
        return local_body(self.interface, self.prefix, self.length, self.source, self.type)


def routes_of_address(interface: Interface, address: int, length: int) -> list[LocalRoute]:
    """What an address brings to the table ``local``: a secondary one nothing but itself."""
    if not is_v4(address):
        return [LocalRoute(interface, address, 128, address, _RTN_LOCAL)]
    first = interface.first_of_subnet(address, length)
    found = [LocalRoute(interface, address, 32, first, _RTN_LOCAL)]
    if first != address:
        return found
    last = address | ((1 << (32 - length)) - 1)
    if interface.loopback and length < 32:
        network = address & prefix_mask(address, length)
        found.append(LocalRoute(interface, network, length, address, _RTN_LOCAL))
    if length < 31:
        found.append(LocalRoute(interface, last, 32, address, _RTN_BROADCAST))
    return found


def _local_routes(stack: Stack, v4: bool) -> list[LocalRoute]:
    found: list[LocalRoute] = []
    for interface in stack.interfaces:
        if not interface.up:
            continue
        speaks_v6 = False
        for address, length in interface.addresses:
            if is_v4(address) == v4:
                found += routes_of_address(interface, address, length)
            speaks_v6 = speaks_v6 or not is_v4(address)
        if not v4 and speaks_v6 and not interface.loopback:
            found.append(LocalRoute(interface, 0xFF << 120, 8, -1, _RTN_MULTICAST))
    found.sort(key=_local_order)
    return found


def _local_order(route: LocalRoute) -> tuple[int, int]:
    return route.prefix, -route.length


def _main_order(entry: RouteEntry) -> tuple[int, int, int]:
    return entry.prefix, -entry.length, entry.metric


def dump_routes(stack: Stack, request: NetlinkHeader, strict: bool) -> tuple[list[bytes], bool]:
    """Both tables, IPv4 first; and whether a ``strict`` request limited them. Routes over an interface
    that is down are not there. Raises EINVAL, ENOENT (no such table)."""
    family = request.body[0] if request.body else 0
    table = 0
    oif = 0
    protocol = 0
    kind = 0
    if strict:
        need_body(request.body, _HEADER)
        if request.body[1:4] != bytes(3) or request.body[6]:
            raise KernelError(EINVAL, "a dump of routes takes no prefix, TOS and scope")
        attributes = read_attributes(request.body[_HEADER:])
        table = read_u32(attributes, _RTA_TABLE, request.body[4])
        oif = read_u32(attributes, _RTA_OIF, 0)
        protocol = request.body[5]
        kind = request.body[7]
        if oif:
            read_interface(stack, oif)
        if table not in (0, RT_TABLE_MAIN, RT_TABLE_LOCAL):
            raise KernelError(ENOENT, f"there is no table {table}")
    bodies: list[bytes] = []
    for v4 in (True, False):
        if not family_fits(family, V4_ANY if v4 else V6_ANY):
            continue
        if table in (0, RT_TABLE_MAIN):
            for entry in sorted(stack.routes.entries(), key=_main_order):
                if is_v4(entry.prefix) == v4 and entry.interface.up and stack.clock.now < entry.expires:
                    bodies.append(route_body(stack, entry))
        if table in (0, RT_TABLE_LOCAL):
            bodies += [route.body() for route in _local_routes(stack, v4)]
    bodies = [body for body in bodies if _fits(body, oif, protocol, kind)]
    return bodies, bool(table or oif or protocol or kind)


def _fits(body: bytes, oif: int, protocol: int, kind: int) -> bool:
    if (protocol and body[5] != protocol) or (kind and body[7] != kind):
        return False
    return not oif or read_u32(read_attributes(body[_HEADER:]), _RTA_OIF, 0) == oif


def get_route(stack: Stack, request: NetlinkHeader, uid: int) -> bytes:
    """Where a packet to RTA_DST would go. Raises EINVAL, ENODEV, ENETUNREACH; EOPNOTSUPP with RTA_IIF."""
    need_body(request.body, _HEADER)
    family = request.body[0]
    if family not in (AF_INET, AF_INET6):
        raise KernelError(EOPNOTSUPP)
    attributes = read_attributes(request.body[_HEADER:])
    if _RTA_IIF in attributes:
        raise KernelError(EOPNOTSUPP, "only packets of the host itself are looked up")
    destination = read_address(attributes, _RTA_DST, family)
    source = read_address(attributes, _RTA_SRC, family)
    unspecified = V4_ANY if family == AF_INET else V6_ANY
    if destination < 0:
        destination = unspecified if family == AF_INET6 else V4_LOOPBACK
    oif = read_u32(attributes, _RTA_OIF, 0)
    if oif:
        read_interface(stack, oif)
    flags = int.from_bytes(request.body[8:12], "little")
    if flags & _RTM_F_FIB_MATCH:
        return _matched(stack, destination, oif)
    if family == AF_INET:
        return _route_v4(stack, destination, max(source, unspecified), oif, flags, uid)
    return _route_v6(stack, destination, max(source, unspecified), oif)


def _matched(stack: Stack, destination: int, oif: int) -> bytes:
    for route in _local_routes(stack, is_v4(destination)):
        bits = 32 if is_v4(destination) else 128
        if destination >> (bits - route.length) == route.prefix >> (bits - route.length):
            return route.body()
    entry = stack.routes.lookup(destination, oif)
    if entry is None:
        raise KernelError(ENETUNREACH)
    return route_body(stack, entry)


def _route_v4(stack: Stack, destination: int, source: int, oif: int, flags: int, uid: int) -> bytes:
    path = stack.paths.find(destination, source, oif)
    if path is None:
        raise KernelError(ENETUNREACH)
    type = _RTN_UNICAST
    cast = 0
    if path.kind == LOCAL:
        type, cast = _RTN_LOCAL, _RTCF_LOCAL
    elif path.kind == BROADCAST:
        type, cast = _RTN_BROADCAST, _RTCF_BROADCAST | _RTCF_LOCAL
    elif path.kind == MULTICAST:
        type, cast = _RTN_MULTICAST, _RTCF_MULTICAST
        if stack.groups.joined(destination, path.interface.ifindex):
            cast |= _RTCF_LOCAL
    table = RT_TABLE_LOCAL if path.kind == LOCAL and flags & _RTM_F_LOOKUP_TABLE else RT_TABLE_MAIN
    parts = [
        _header(AF_INET, 32, table, 0, RT_SCOPE_UNIVERSE, type, _RTM_F_CLONED | cast),
        u32(_RTA_TABLE, table),
        attribute(_RTA_DST, address_bytes(destination)),
        u32(_RTA_OIF, path.interface.ifindex),
        attribute(_RTA_PREFSRC, address_bytes(path.source)),
    ]
    if path.gateway >= 0:
        parts.append(attribute(_RTA_GATEWAY, address_bytes(path.gateway)))
    if path.metrics is not None or path.mtu < path.interface.mtu:
        parts.append(_pack_metrics(_of_path(path)))
    parts += [u32(_RTA_UID, uid), _cache_info(0)]
    return b"".join(parts)


def _of_path(path: Path) -> RouteMetrics:
    """The route's metrics, with the MTU that holds now if it is not the interface's."""
    metrics = RouteMetrics()
    given = path.metrics
    if given is not None:
        metrics = _read_metrics(read_attributes(_pack_metrics(given)[4:]))
    if path.mtu != path.interface.mtu:
        metrics.mtu = path.mtu
        metrics.mtu_locked = path.mtu_locked
    return metrics


def _route_v6(stack: Stack, destination: int, source: int, oif: int) -> bytes:
    path = stack.paths.find(destination, source, oif)
    if path is None:
        raise KernelError(ENETUNREACH)
    entry = stack.routes.lookup(destination, oif)
    table, protocol, metric, type = RT_TABLE_MAIN, _RTPROT_KERNEL, 0, _RTN_UNICAST
    if path.kind == LOCAL:
        table, type = RT_TABLE_LOCAL, _RTN_LOCAL
    elif path.kind == MULTICAST:
        table, type, metric = RT_TABLE_LOCAL, _RTN_MULTICAST, 256
    elif entry is not None:
        metric = entry.metric
        protocol = route_body(stack, entry)[5]
    parts = [
        # RTA_SRC has its length too.
        bytes((AF_INET6, 128, 128, 0, table, protocol, RT_SCOPE_UNIVERSE, type)) + bytes(4),
        u32(_RTA_TABLE, table),
        attribute(_RTA_DST, address_bytes(destination)),
        attribute(_RTA_SRC, address_bytes(source)),
        attribute(_RTA_PREFSRC, address_bytes(path.source)),
        _pack_metrics(_of_path(path)),
        u32(_RTA_PRIORITY, metric),
    ]
    if path.gateway >= 0:
        parts.append(attribute(_RTA_GATEWAY, address_bytes(path.gateway)))
    parts += [u32(_RTA_OIF, path.interface.ifindex), _cache_info(0), u8(_RTA_PREF, 0)]
    return b"".join(parts)


# -- changes -----------------------------------------------------------------------------------


class _Wanted:
    """A route as a request names it, read and checked."""

    __slots__ = ("gateway", "interface", "length", "metric", "metrics", "prefix", "protocol", "source")

    def __init__(self, stack: Stack, request: NetlinkHeader, deleting: bool) -> None:
        body = request.body
        need_body(body, _HEADER)
        family = body[0]
        if family not in (AF_INET, AF_INET6):
            raise KernelError(EAFNOSUPPORT if family else EOPNOTSUPP)
        attributes = read_attributes(body[_HEADER:])
        for kind in attributes:
            if kind not in _SETTABLE:
                raise KernelError(EOPNOTSUPP, f"routes have no attribute {kind} here")
        self.length: int = body[1]
        bits = 32 if family == AF_INET else 128
        zero = V4_ANY if family == AF_INET else V6_ANY
        self.prefix: int = read_address(attributes, _RTA_DST, family) if self.length else zero
        if self.length > bits or self.prefix < 0 or body[2]:
            raise KernelError(EINVAL)
        inside = self.prefix & prefix_mask(self.prefix, self.length) if self.length else zero
        if inside != self.prefix and family == AF_INET:
            raise KernelError(EINVAL, "bits are set behind the prefix")
        self.prefix = inside
        table = read_u32(attributes, _RTA_TABLE, body[4])
        if table not in (0, RT_TABLE_MAIN):
            raise KernelError(ESRCH if deleting else EOPNOTSUPP, "routes can be changed in table main only")
        if body[7] not in (0, _RTN_UNICAST):
            raise KernelError(EOPNOTSUPP, "routes are unicast only")
        self.protocol: int = body[5]
        self.metric: int = read_u32(attributes, _RTA_PRIORITY, 0)
        if family == AF_INET6 and self.metric == 0 and not deleting:
            self.metric = _METRIC_V6
        self.gateway: int = read_address(attributes, _RTA_GATEWAY, family)
        self.source: int = read_address(attributes, _RTA_PREFSRC, family)
        oif = read_u32(attributes, _RTA_OIF, 0)
        self.interface: Interface | None = read_interface(stack, oif) if oif else None
        self.metrics: RouteMetrics | None = None
        if _RTA_METRICS in attributes:
            self.metrics = _read_metrics(read_attributes(attributes[_RTA_METRICS]))


def new_route(stack: Stack, request: NetlinkHeader) -> None:
    """RTM_NEWROUTE. Raises as Linux, and EOPNOTSUPP for what is not here."""
    wanted = _Wanted(stack, request, False)
    v4 = is_v4(wanted.prefix)
    interface = wanted.interface
    if wanted.gateway >= 0:
        toward = stack.routes.lookup(wanted.gateway, 0 if interface is None else interface.ifindex, True)
        if toward is None:
            raise KernelError(ENETUNREACH if v4 else EHOSTUNREACH, "no link leads to the gateway")
        interface = toward.interface
    if interface is None:
        raise KernelError(ENODEV, "neither a gateway nor an interface")
    if not interface.up:
        raise KernelError(ENETDOWN)
    if wanted.source >= 0 and stack.local.owner(wanted.source) is None:
        raise KernelError(EINVAL, "the source is no address of this host")
    there = stack.routes.find(wanted.prefix, wanted.length, wanted.metric)
    flags = request.flags
    if there is not None:
        if flags & NLM_F_EXCL:
            raise KernelError(EEXIST)
        if flags & NLM_F_REPLACE:
            stack.remove_route(there)
        elif flags & NLM_F_APPEND and there.gateway != wanted.gateway:
            raise KernelError(EOPNOTSUPP, "a prefix has one route of a metric")
        else:
            raise KernelError(EEXIST)
    elif not flags & NLM_F_CREATE:
        raise KernelError(ENOENT)
    entry = RouteEntry(wanted.prefix, wanted.length, wanted.gateway, interface, wanted.metric, wanted.source)
    entry.protocol = wanted.protocol
    entry.metrics = wanted.metrics
    stack.addressing.insert_route(entry)


def delete_route(stack: Stack, request: NetlinkHeader) -> None:
    """RTM_DELROUTE: the first route that has what is given. Raises ESRCH if there is none."""
    wanted = _Wanted(stack, request, True)
    for entry in stack.routes.entries():
        if (
            entry.prefix == wanted.prefix
            and entry.length == wanted.length
            and wanted.metric in (0, entry.metric)
            and wanted.gateway in (-1, entry.gateway)
            and (wanted.interface is None or wanted.interface is entry.interface)
        ):
            stack.remove_route(entry)
            return
    raise KernelError(ESRCH)


def _read_metrics(values: dict[int, bytes]) -> RouteMetrics:
    metrics = RouteMetrics()
    for kind, data in values.items():
        if kind == _RTAX_CC_ALGO:
            metrics.congestion_control = data.partition(b"\0")[0].decode("utf-8", "replace")
            continue
        number = read_u32(values, kind, 0)
        if kind == _RTAX_MTU:
            metrics.mtu = number
        elif kind == _RTAX_LOCK:
            metrics.mtu_locked = number >> _RTAX_MTU & 1 != 0
        elif kind == _RTAX_WINDOW:
            metrics.window = number
        elif kind == _RTAX_ADVMSS:
            metrics.advmss = number
        elif kind == _RTAX_INITCWND:
            metrics.initcwnd = number
        elif kind == _RTAX_INITRWND:
            metrics.initrwnd = number
        elif kind == _RTAX_RTO_MIN:
            metrics.rto_min_us = number * 1000
        elif kind == _RTAX_QUICKACK:
            metrics.quickack = number != 0
        else:
            raise KernelError(EOPNOTSUPP, f"routes have no metric {kind} here")
    return metrics


def _pack_metrics(metrics: RouteMetrics | None) -> bytes:
    if metrics is None:
        return b""
    numbers = [
        (_RTAX_LOCK, 1 << _RTAX_MTU if metrics.mtu_locked else 0),
        (_RTAX_MTU, metrics.mtu),
        (_RTAX_WINDOW, metrics.window),
        (_RTAX_ADVMSS, metrics.advmss),
        (_RTAX_INITCWND, metrics.initcwnd),
        (_RTAX_RTO_MIN, metrics.rto_min_us // 1000),
        (_RTAX_INITRWND, metrics.initrwnd),
        (_RTAX_QUICKACK, 1 if metrics.quickack else 0),
    ]
    data = b"".join([u32(kind, value) for kind, value in numbers if value])
    if metrics.congestion_control:
        data += text(_RTAX_CC_ALGO, metrics.congestion_control)
    return attribute(_RTA_METRICS, data) if data else b""
