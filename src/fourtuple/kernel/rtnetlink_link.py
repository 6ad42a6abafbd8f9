"""RTM_GETLINK and RTM_NEWLINK: interfaces by netlink (Linux ``net/core/rtnetlink.c``).

Attributes are those Linux gives of a plain Ethernet device without offloads, but for the IPv6 counters
of each interface, which are not kept here.
"""

from __future__ import annotations

from errno import EADDRNOTAVAIL, EEXIST, EINVAL, ENODEV, EOPNOTSUPP
from typing import TYPE_CHECKING, Final

from ..stack.interface import GROUP_BIT, Interface
from ..wire.address import is_v4
from .error import KernelError
from .netdevice import LARGEST_MTU, LEAST_MTU, interface_flags
from .netlink_message import (
    NLA_F_NESTED,
    NLM_F_CREATE,
    NetlinkHeader,
    attribute,
    int32s,
    int64s,
    read_attributes,
    read_text,
    read_u32,
    text,
    u8,
    u16,
    u32,
)
from .rtnetlink_message import USER_HZ, need_body
from .sockaddr import AF_INET, AF_INET6

if TYPE_CHECKING:
    from ..stack.stack import Stack

_IFLA_ADDRESS: Final = 1
_IFLA_BROADCAST: Final = 2
_IFLA_IFNAME: Final = 3
_IFLA_MTU: Final = 4
_IFLA_QDISC: Final = 6
_IFLA_STATS: Final = 7
_IFLA_PROTINFO: Final = 12
_IFLA_TXQLEN: Final = 13
_IFLA_MAP: Final = 14
_IFLA_OPERSTATE: Final = 16
_IFLA_LINKMODE: Final = 17
_IFLA_STATS64: Final = 23
_IFLA_AF_SPEC: Final = 26
_IFLA_EXT_MASK: Final = 29
_IFLA_NUM_TX_QUEUES: Final = 31
_IFLA_NUM_RX_QUEUES: Final = 32
_IFLA_CARRIER: Final = 33
_IFLA_XDP: Final = 43
_IFLA_ALT_IFNAME: Final = 53

_RTEXT_FILTER_SKIP_STATS: Final = 8
_OPER_UNKNOWN: Final = 0
_OPER_DOWN: Final = 2
_OPER_UP: Final = 6
_IFF_UP: Final = 1
_IFNAMSIZ: Final = 16
_TXQLEN: Final = 1000
_ARPHRD_ETHER: Final = 1
_HEADER: Final = 16

# What Linux gives of a device without offloads; the name is that of the attribute.
_GSO: Final = (
    (40, 0xFFFF),  # IFLA_GSO_MAX_SEGS
    (41, 0x10000),  # IFLA_GSO_MAX_SIZE
    (58, 0x10000),  # IFLA_GRO_MAX_SIZE
    (63, 0x10000),  # IFLA_GSO_IPV4_MAX_SIZE
    (64, 0x10000),  # IFLA_GRO_IPV4_MAX_SIZE
    (59, 0x7FFF8),  # IFLA_TSO_MAX_SIZE
    (60, 0xFFFF),  # IFLA_TSO_MAX_SEGS
    (66, 0),  # IFLA_MAX_PACING_OFFLOAD_HORIZON
)
# IPV4_DEVCONF_* and DEVCONF_* (IPv6) in their order, for what is no setting here Linux's default.
_V4_CONF: Final = [0, 0, 0, 1, 1, 1, 1, 0, 1, *([0] * 16), 0, 10000, 1000, 0, 0, 0, 0, 1]
_V6_CONF: Final = [
    *[0, 64, 1500, 1, 1, 1, 1, 3, 4000, 1000, 0, 604800, 86400, 3, 600, 16, 0, 1, 1, 1, 60000],
    *[0, 0, 0, 0, 0, 0, 1, 0, 0, 10000, 1000, 1, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 3600000],
    *[0, 0, 1, 0, 0, 0, 0, 0, 1024, 0, 65535, -1, 1, 0, 0, 0],
]
_IF_READY: Final = 0x8000_0000


def link_body(stack: Stack, interface: Interface, change: int, extensions: int) -> bytes:
    """struct ifinfomsg and its attributes; ``extensions`` is IFLA_EXT_MASK."""
    flags = interface_flags(interface)
    loopback = interface.loopback
    state = _OPER_UP if interface.up else _OPER_DOWN
    carrier = 1 if interface.up else 0
    parts = [
        b"\0\0" + interface.hatype().to_bytes(2, "little"),
        interface.ifindex.to_bytes(4, "little") + flags.to_bytes(4, "little") + change.to_bytes(4, "little"),
        text(_IFLA_IFNAME, interface.name),
        u32(_IFLA_TXQLEN, _TXQLEN),
        u8(_IFLA_OPERSTATE, _OPER_UNKNOWN if loopback and interface.up else state),
        u8(_IFLA_LINKMODE, 0),
        u8(67, 1 if loopback else 0),  # IFLA_NETNS_IMMUTABLE
        u32(_IFLA_MTU, interface.mtu),
        u32(50, 0 if loopback else LEAST_MTU),  # IFLA_MIN_MTU
        u32(51, 0 if loopback else LARGEST_MTU),  # IFLA_MAX_MTU
        u32(27, 0),  # IFLA_GROUP
        u32(30, interface.promiscuous),  # IFLA_PROMISCUITY
        u32(61, 0),  # IFLA_ALLMULTI
        u32(_IFLA_NUM_TX_QUEUES, 1),
        *[u32(kind, value) for kind, value in _GSO],
        u32(_IFLA_NUM_RX_QUEUES, 1),
        u8(_IFLA_CARRIER, carrier),
        u32(35, 0),  # IFLA_CARRIER_CHANGES
        u32(47, 0),  # IFLA_CARRIER_UP_COUNT
        u32(48, 0),  # IFLA_CARRIER_DOWN_COUNT
        u16(68, 0),  # IFLA_HEADROOM
        u16(69, 0),  # IFLA_TAILROOM
        u8(39, 0),  # IFLA_PROTO_DOWN
        attribute(_IFLA_ADDRESS, interface.mac.to_bytes(6, "big")),
        attribute(_IFLA_BROADCAST, bytes(6) if loopback else b"\xff" * 6),
    ]
    if extensions & _RTEXT_FILTER_SKIP_STATS == 0:
        counters = _counters(interface)
        parts.append(attribute(_IFLA_STATS64, int64s([*counters, 0])))
        parts.append(attribute(_IFLA_STATS, int32s(counters)))
    parts += [
        attribute(_IFLA_XDP, u8(2, 0)),
        text(_IFLA_QDISC, "noqueue"),
        attribute(_IFLA_AF_SPEC, _families(stack, interface)),
        attribute(_IFLA_MAP, bytes(32)),
        attribute(62 | NLA_F_NESTED, b""),  # IFLA_DEVLINK_PORT
        attribute(65 | NLA_F_NESTED, b""),  # IFLA_DPLL_PIN
    ]
    return b"".join(parts)


def _counters(interface: Interface) -> list[int]:
    """struct rtnl_link_stats: 24 counters, of which a simulated link can move these."""
    packets = [interface.rx_packets, interface.tx_packets, interface.rx_bytes, interface.tx_bytes]
    return [*packets, 0, 0, interface.rx_dropped, interface.tx_dropped, *([0] * 16)]


def _families(stack: Stack, interface: Interface) -> bytes:
    v4 = list(_V4_CONF)
    v4[0] = stack.sysctl.ip_forward
    v4[7] = stack.sysctl.rp_filter
    inet6 = attribute(AF_INET6, _inet6(stack, interface))
    return attribute(AF_INET, attribute(1, int32s(v4))) + inet6


def _inet6(stack: Stack, interface: Interface) -> bytes:
    """The attributes IFLA_INET6_*."""
    sysctl = stack.sysctl
    v6 = list(_V6_CONF)
    v6[0] = sysctl.ipv6_forwarding
    v6[1] = interface.hop_limit or sysctl.ipv6_hop_limit
    v6[2] = interface.mtu_v6()
    v6[3] = sysctl.ipv6_accept_ra
    v6[4] = sysctl.ipv6_accept_redirects
    v6[5] = sysctl.ipv6_autoconf
    v6[6] = sysctl.ipv6_dad_transmits
    v6[7] = sysctl.ipv6_router_solicitations
    reachable = stack.neighbours_v6.reachable_time() // 1_000_000
    retransmit = sysctl.neigh6.retrans_time // 1_000_000
    inet6 = [
        u32(1, _IF_READY if interface.up else 0),
        attribute(
            5, int32s([65535, stack.clock.now // USER_HZ if interface.up else 0, reachable, retransmit])
        ),
        attribute(2, int32s(v6)),
        attribute(7, bytes(16)),
        u8(8, 0),
    ]
    return b"".join(inet6)


def _link_body_v6(stack: Stack, interface: Interface) -> bytes:
    """What a dump for AF_INET6 shows of an interface (``inet6_fill_ifinfo``)."""
    state = _OPER_UP if interface.up else _OPER_DOWN
    parts = [
        bytes((AF_INET6, 0)) + interface.hatype().to_bytes(2, "little"),
        interface.ifindex.to_bytes(4, "little"),
        interface_flags(interface).to_bytes(4, "little") + bytes(4),
        text(_IFLA_IFNAME, interface.name),
        attribute(_IFLA_ADDRESS, interface.mac.to_bytes(6, "big")),
        u32(_IFLA_MTU, interface.mtu),
        u8(_IFLA_OPERSTATE, _OPER_UNKNOWN if interface.loopback and interface.up else state),
        attribute(_IFLA_PROTINFO, _inet6(stack, interface)),
    ]
    return b"".join(parts)


def find_link(stack: Stack, request: NetlinkHeader) -> Interface:
    """The interface a request names by number or name. Raises EINVAL (neither), ENODEV."""
    need_body(request.body, _HEADER)
    attributes = read_attributes(request.body[_HEADER:])
    ifindex = int.from_bytes(request.body[4:8], "little", signed=True)
    if ifindex > 0:
        found = stack.interface(ifindex)
    else:
        name = read_text(attributes, _IFLA_IFNAME) or read_text(attributes, _IFLA_ALT_IFNAME)
        if not name:
            raise KernelError(EINVAL, "neither a number nor a name of an interface")
        found = stack.interface_named(name)
    if found is None:
        raise KernelError(ENODEV)
    return found


def extension_mask(request: NetlinkHeader) -> int:
    """IFLA_EXT_MASK of a request."""
    return read_u32(read_attributes(request.body[_HEADER:]), _IFLA_EXT_MASK, 0)


def dump_links(stack: Stack, request: NetlinkHeader, strict: bool) -> list[bytes]:
    """Raises EINVAL for a strict request with more than Linux takes."""
    if strict:
        need_body(request.body, _HEADER)
        if request.body[1:_HEADER] != bytes(_HEADER - 1):
            raise KernelError(EINVAL, "a dump of interfaces takes no values in its header")
    if request.body and request.body[0] == AF_INET6:
        return [
            _link_body_v6(stack, interface)
            for interface in stack.interfaces
            if [own for own, _ in interface.addresses if not is_v4(own)]
        ]
    extensions = extension_mask(request)
    return [link_body(stack, interface, 0, extensions) for interface in stack.interfaces]


def change_link(stack: Stack, request: NetlinkHeader) -> None:
    """RTM_SETLINK, and RTM_NEWLINK of an interface that is there: up or down, MTU, name, MAC address.

    Raises ENODEV, EINVAL, EEXIST, EADDRNOTAVAIL; EOPNOTSUPP for any other change and for new interfaces,
    which links of the network bring.
    """
    need_body(request.body, _HEADER)
    attributes = read_attributes(request.body[_HEADER:])
    ifindex = int.from_bytes(request.body[4:8], "little", signed=True)
    if ifindex <= 0 and request.flags & NLM_F_CREATE:
        name = read_text(attributes, _IFLA_IFNAME)
        if not name or stack.interface_named(name) is None:
            raise KernelError(EOPNOTSUPP, "interfaces come with the network's links")
    interface = find_link(stack, request)
    flags = int.from_bytes(request.body[8:12], "little")
    change = int.from_bytes(request.body[12:16], "little")
    known = [_IFLA_IFNAME, _IFLA_MTU, _IFLA_ADDRESS, _IFLA_EXT_MASK, _IFLA_ALT_IFNAME]
    for kind in attributes:
        if kind not in known:
            raise KernelError(EOPNOTSUPP, f"attribute {kind} of an interface cannot be changed")
    if _IFLA_ADDRESS in attributes:
        stack.set_mac(interface, _new_mac(interface, attributes[_IFLA_ADDRESS]))
    if _IFLA_MTU in attributes:
        mtu = read_u32(attributes, _IFLA_MTU, 0)
        if not interface.loopback and not LEAST_MTU <= mtu <= LARGEST_MTU:
            raise KernelError(EINVAL, f"an MTU has {LEAST_MTU} to {LARGEST_MTU} bytes")
        stack.set_mtu(interface, mtu)
    name = read_text(attributes, _IFLA_IFNAME)
    if ifindex > 0 and name and name != interface.name:
        if stack.interface_named(name) is not None:
            raise KernelError(EEXIST)
        if len(name.encode()) >= _IFNAMSIZ or name in (".", "..") or "/" in name or " " in name:
            raise KernelError(EINVAL)
        stack.rename(interface, name)
    # Linux takes no mask for all of them.
    if change == 0 and flags:
        change = 0xFFFF_FFFF
    if change & _IFF_UP and interface.up != (flags & _IFF_UP != 0):
        stack.set_up(interface, flags & _IFF_UP != 0)


def _new_mac(interface: Interface, data: bytes) -> int:
    if interface.loopback:
        raise KernelError(EOPNOTSUPP)
    mac = int.from_bytes(data[:6], "big")
    if len(data) < 6 or mac == 0 or mac & GROUP_BIT:
        raise KernelError(EADDRNOTAVAIL)
    return mac
