"""Socket addresses, and the numbers of socket families and types."""

from __future__ import annotations

from typing import Final

from ..wire.address import format_ip, format_mapped

AF_UNSPEC: Final = 0
AF_UNIX: Final = 1
AF_INET: Final = 2
AF_INET6: Final = 10
AF_NETLINK: Final = 16
AF_PACKET: Final = 17

SOCK_STREAM: Final = 1
SOCK_DGRAM: Final = 2
SOCK_RAW: Final = 3
SOCK_SEQPACKET: Final = 5
SOCK_NONBLOCK: Final = 0o4000
SOCK_CLOEXEC: Final = 0o2000000

IPPROTO_IP: Final = 0
IPPROTO_ICMP: Final = 1
IPPROTO_TCP: Final = 6
IPPROTO_UDP: Final = 17
IPPROTO_UDPLITE: Final = 136
IPPROTO_IPV6: Final = 41
IPPROTO_ICMPV6: Final = 58
IPPROTO_RAW: Final = 255


class SockAddr:
    """One address of any family.

    ``ip`` is an address int of :mod:`fourtuple.wire.address`; AF_INET ones lie in the v4-mapped
    block. ``path`` is a unix socket's name: b"" unnamed, a leading NUL for an abstract one.
    """

    __slots__ = ("family", "flowinfo", "ip", "path", "port", "scope_id")

    def __init__(self, family: int, ip: int, port: int) -> None:
        self.family: int = family
        self.ip: int = ip
        self.port: int = port
        self.flowinfo: int = 0
        self.scope_id: int = 0
        self.path: bytes = b""

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, SockAddr)
            and self.family == other.family
            and self.ip == other.ip
            and self.port == other.port
            and self.scope_id == other.scope_id
            and self.path == other.path
        )

    def __hash__(self) -> int:
        return hash((self.family, self.ip, self.port, self.scope_id, self.path))

    def __repr__(self) -> str:
        return f"SockAddr({self})"

    def __str__(self) -> str:
        if self.family == AF_UNIX:
            return self.path.decode("utf-8", "backslashreplace").replace("\0", "@") or "unnamed"
        if self.family == AF_INET:
            return f"{format_ip(self.ip)}:{self.port}"
        if self.family == AF_INET6:
            scope = f"%{self.scope_id}" if self.scope_id else ""
            return f"[{format_mapped(self.ip)}{scope}]:{self.port}"
        return f"family {self.family}"


def inet_address(family: int, ip: int, port: int) -> SockAddr:
    """An AF_INET or AF_INET6 address."""
    return SockAddr(family, ip, port)


def unix_address(path: bytes) -> SockAddr:
    """An AF_UNIX address; b"" for the unnamed one."""
    address = SockAddr(AF_UNIX, 0, 0)
    address.path = path
    return address


def unspecified_address() -> SockAddr:
    """AF_UNSPEC, with which connect() dissolves an association."""
    return SockAddr(AF_UNSPEC, 0, 0)


class LinkAddr(SockAddr):
    """An AF_PACKET address (struct sockaddr_ll). ``port`` is 0; numbers are in host byte order."""

    __slots__ = ("hardware", "hatype", "ifindex", "interface", "pkttype", "protocol")

    def __init__(self, protocol: int, ifindex: int) -> None:
        super().__init__(AF_PACKET, 0, 0)
        self.protocol: int = protocol
        """Ethertype, 3 (ETH_P_ALL) for all."""
        self.ifindex: int = ifindex
        self.interface: str = ""
        """Its name, in an address the kernel gives."""
        self.hatype: int = 0
        self.pkttype: int = 0
        self.hardware: bytes = b""
        """The MAC address."""

    def __str__(self) -> str:
        return f"interface {self.ifindex}, ethertype {self.protocol:#06x}"


class NetlinkAddr(SockAddr):
    """An AF_NETLINK address (struct sockaddr_nl): a port id, 0 for the kernel, and a mask of groups."""

    __slots__ = ("groups", "port_id")

    def __init__(self, port_id: int, groups: int) -> None:
        super().__init__(AF_NETLINK, 0, 0)
        self.port_id: int = port_id
        self.groups: int = groups

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, NetlinkAddr) and self.port_id == other.port_id and self.groups == other.groups
        )

    def __hash__(self) -> int:
        return hash((AF_NETLINK, self.port_id, self.groups))

    def __str__(self) -> str:
        return f"netlink port {self.port_id}, groups {self.groups:#x}"
