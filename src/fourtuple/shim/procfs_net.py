"""/proc/net beyond the socket tables: neighbours, counters, groups, IPv6 routes, sockets in use.

Formats are those of Linux 6.18. Columns of ``snmp``, ``netstat`` and ``snmp6`` that the stack keeps no
counter for are 0; pointers are 0, as for a reader without privileges.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from ..kernel.kernel import Kernel
from ..runtime.process_state import ProcessState
from ..stack.interface import Interface
from ..stack.neighbour import NOARP, PERMANENT, REACHABLE, Neighbour
from ..stack.route import RouteEntry
from ..wire.address import V4_BASE, format_ip, format_mac, is_v4
from . import procfs_columns as columns

# include/uapi/linux/if_arp.h: complete, permanent.
_ATF_COM: Final = 0x02
_ATF_PERM: Final = 0x04
# include/uapi/linux/route.h and ipv6_route.h.
_RTF_UP: Final = 0x0001
_RTF_GATEWAY: Final = 0x0002
_RTF_HOST: Final = 0x0004
_RTF_LOCAL: Final = 0x8000_0000
_ALL_NODES: Final = 0xFF02 << 112 | 1
_ALL_NODES_OF_INTERFACE: Final = 0xFF01 << 112 | 1
_ALL_HOSTS: Final = V4_BASE | 0xE0000001


def _kernel(state: ProcessState) -> Kernel:
    return state.process.kernel


def arp(state: ProcessState) -> str:
    """IPv4 neighbours, the oldest first."""
    lines = ["IP address       HW type     Flags       HW address            Mask     Device"]
    for each in _kernel(state).stack.neighbours.entries():
        if each.current_state() == NOARP:
            continue
        lines.append(
            f"{format_ip(each.address):<16} 0x{1:<10x}0x{_arp_flags(each):<10x}{format_mac(each.mac):<17}"
            f"     *        {each.interface.name}"
        )
    return "\n".join(lines) + "\n"


def _arp_flags(neighbour: Neighbour) -> int:
    if neighbour.current_state() == PERMANENT:
        return _ATF_COM | _ATF_PERM
    return _ATF_COM if neighbour.mac or neighbour.current_state() == REACHABLE else 0


# Counters


def counters(kernel: Kernel) -> dict[str, int]:
    """Every counter that is kept, by group and name as ``nstat`` prints them: ``TcpInSegs``."""
    stack = kernel.stack
    found = {f"{group}{name}": value for group, name, value in stack.counters.rows()}
    found.update(stack.tcp.counters.items())
    return found


def _table(values: dict[str, int], groups: Iterable[tuple[str, list[str]]]) -> str:
    lines = []
    for group, names in groups:
        lines.append(f"{group}: {' '.join(names)}")
        lines.append(f"{group}: {' '.join(str(values.get(group + name, 0)) for name in names)}")
    return "\n".join(lines) + "\n"


def snmp(state: ProcessState) -> str:
    kernel = _kernel(state)
    values = counters(kernel)
    forwarding = int(kernel.stack.sysctl.get("net.ipv4.ip_forward"))
    values.update(
        IpForwarding=1 if forwarding else 2,
        IpDefaultTTL=int(kernel.stack.sysctl.get("net.ipv4.ip_default_ttl")),
        IpOutTransmits=values.get("IpOutRequests", 0) + values.get("IpForwDatagrams", 0),
        # RFC 2012's numbers: van Jacobson's algorithm, and no limit on connections.
        TcpRtoAlgorithm=1,
        TcpRtoMin=200,
        TcpRtoMax=120_000,
        TcpMaxConn=-1,
    )
    groups = (
        ("Ip", columns.IP),
        ("Icmp", columns.ICMP),
        ("Tcp", columns.TCP),
        ("Udp", columns.UDP),
        ("UdpLite", columns.UDP),
    )
    return _table(values, groups)


def netstat(state: ProcessState) -> str:
    groups = (("TcpExt", columns.TCP_EXT), ("IpExt", columns.IP_EXT))
    return _table(counters(_kernel(state)), groups)


def snmp6(state: ProcessState) -> str:
    values = counters(_kernel(state))
    return "".join(f"{name:<32}\t{values.get(name, 0)}\n" for name in columns.SNMP6)


def sockstat(state: ProcessState) -> str:
    count = _counted(state, False)
    every = _kernel(state).sockets()
    waiting = sum(row.protocol == "tcp" and row.state == "TIME-WAIT" for row in every)
    held = sum(row.state != "TIME-WAIT" for row in every)
    inuse = count("tcp")
    allocated = sum(row.protocol == "tcp" and row.state != "TIME-WAIT" for row in every)
    return (
        f"sockets: used {held}\nTCP: inuse {inuse} orphan 0 tw {waiting} alloc {allocated} mem 0\n"
        f"UDP: inuse {count('udp')} mem 0\nUDPLITE: inuse {count('udplite')}\nRAW: inuse {count('raw')}\n"
        "FRAG: inuse 0 memory 0\n"
    )


def sockstat6(state: ProcessState) -> str:
    count = _counted(state, True)
    return (
        f"TCP6: inuse {count('tcp')}\nUDP6: inuse {count('udp')}\nUDPLITE6: inuse {count('udplite')}\n"
        f"RAW6: inuse {count('raw')}\nFRAG6: inuse 0 memory 0\n"
    )


def _counted(state: ProcessState, v6: bool) -> Callable[[str], int]:
    rows = _kernel(state).sockets()

    def count(protocol: str) -> int:
        return sum(
            row.protocol == protocol
            and row.state != "TIME-WAIT"
            and row.endpoint is not None
            and (row.endpoint.family != 2) is v6
            for row in rows
        )

    return count


# Groups


def _groups(state: ProcessState, interface: Interface, v6: bool) -> list[tuple[int, int]]:
    """(group, users) on ``interface``, the latest first; the one every host is in last."""
    joined = [
        (group, users)
        for ifindex, group, users in _kernel(state).stack.groups.memberships()
        if ifindex == interface.ifindex and is_v4(group) is not v6
    ]
    if not v6:
        return [*reversed(joined), (_ALL_HOSTS, 1)]
    solicited = dict.fromkeys(
        0xFF02 << 112 | 0x1FF000000 | address & 0xFFFFFF
        for address, _ in reversed(interface.addresses)
        if not is_v4(address) and not interface.loopback
    )
    always = [*solicited, _ALL_NODES, _ALL_NODES_OF_INTERFACE]
    return [*reversed(joined), *((group, 1) for group in always)]


def igmp(state: ProcessState) -> str:
    lines = ["Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter"]
    for interface in _kernel(state).stack.interfaces:
        groups = _groups(state, interface, False)
        lines.append(f"{interface.ifindex}\t{interface.name:<10}: {len(groups):5d} {'V3':>7}")
        for group, users in groups:
            word = int.from_bytes((group & 0xFFFFFFFF).to_bytes(4, "big"), "little")
            lines.append(f"\t\t\t\t{word:08X} {users:5d} 0:00000000\t\t0")
    return "\n".join(lines) + "\n"


def igmp6(state: ProcessState) -> str:
    lines = []
    for interface in _kernel(state).stack.interfaces:
        for group, users in _groups(state, interface, True):
            flags = 0x8 if group == _ALL_NODES_OF_INTERFACE else 0xC if group == _ALL_NODES else 0x4
            lines.append(
                f"{interface.ifindex:<4d} {interface.name:<15} {group:032x} {users:5d} {flags:08X} 0\n"
            )
    return "".join(lines)


def dev_mcast(state: ProcessState) -> str:
    lines = []
    for interface in _kernel(state).stack.interfaces:
        if interface.loopback:
            continue
        macs = [
            0x01005E000000 | group & 0x7FFFFF if is_v4(group) else 0x333300000000 | group & 0xFFFFFFFF
            for v6 in (True, False)
            for group, _ in _groups(state, interface, v6)
        ]
        for mac in dict.fromkeys(macs):
            lines.append(f"{interface.ifindex:<4d} {interface.name:<15} 1     0     {mac:012x}\n")
    return "".join(lines)


# Routes


def ipv6_route(state: ProcessState) -> str:
    stack = _kernel(state).stack
    lines = [_route_line(entry) for entry in stack.routes.entries() if not is_v4(entry.prefix)]
    for interface in stack.interfaces:
        for address, _ in interface.addresses:
            if not is_v4(address):
                lines.append(_line(address, 128, -1, 0, _RTF_UP | _RTF_LOCAL, "lo"))
    return "".join(lines)


def _route_line(entry: RouteEntry) -> str:
    flags = _RTF_UP | (_RTF_GATEWAY if entry.gateway >= 0 else 0) | (_RTF_HOST if entry.length == 128 else 0)
    return _line(entry.prefix, entry.length, entry.gateway, entry.metric, flags, entry.interface.name)


def _line(prefix: int, length: int, gateway: int, metric: int, flags: int, device: str) -> str:
    return (
        f"{prefix:032x} {length:02x} {0:032x} 00 {max(gateway, 0):032x} {metric:08x} 00000001 00000000"
        f" {flags:08x} {device:>8}\n"
    )


FILES: Final[dict[str, Callable[[ProcessState], str]]] = {
    "arp": arp,
    "dev_mcast": dev_mcast,
    "igmp": igmp,
    "igmp6": igmp6,
    "ipv6_route": ipv6_route,
    "netstat": netstat,
    "snmp": snmp,
    "snmp6": snmp6,
    "sockstat": sockstat,
    "sockstat6": sockstat6,
}
