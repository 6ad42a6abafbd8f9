"""Options of levels IPPROTO_IP and IPPROTO_IPV6 (Linux ``do_ip_setsockopt``, ``do_ipv6_setsockopt``)."""

from __future__ import annotations

from errno import EADDRNOTAVAIL, EINVAL, ENODEV, ENOPROTOOPT, EPERM, EPROTO
from typing import TYPE_CHECKING, Final

from ..stack.flow_label import LABEL_UNWANTED, LABEL_WANTED
from ..wire.address import V4_BASE, is_multicast, is_v4
from .error import KernelError
from .layout import pack_int, read_int
from .process import CAP_NET_ADMIN, CAP_NET_RAW
from .sockaddr import SOCK_STREAM
from .sockopt import (
    IP_ADD_MEMBERSHIP,
    IP_ADD_SOURCE_MEMBERSHIP,
    IP_BIND_ADDRESS_NO_PORT,
    IP_BLOCK_SOURCE,
    IP_DROP_MEMBERSHIP,
    IP_DROP_SOURCE_MEMBERSHIP,
    IP_FREEBIND,
    IP_HDRINCL,
    IP_LOCAL_PORT_RANGE,
    IP_MINTTL,
    IP_MTU,
    IP_MTU_DISCOVER,
    IP_MULTICAST_ALL,
    IP_MULTICAST_IF,
    IP_MULTICAST_LOOP,
    IP_MULTICAST_TTL,
    IP_PKTINFO,
    IP_PMTUDISC_DONT,
    IP_PMTUDISC_OMIT,
    IP_RECVERR,
    IP_RECVORIGDSTADDR,
    IP_RECVTOS,
    IP_RECVTTL,
    IP_TOS,
    IP_TRANSPARENT,
    IP_TTL,
    IP_UNBLOCK_SOURCE,
    IP_UNICAST_IF,
    IPV6_AUTOFLOWLABEL,
    IPV6_DONTFRAG,
    IPV6_FLOWINFO,
    IPV6_FLOWINFO_SEND,
    IPV6_FREEBIND,
    IPV6_JOIN_GROUP,
    IPV6_LEAVE_GROUP,
    IPV6_MINHOPCOUNT,
    IPV6_MTU,
    IPV6_MTU_DISCOVER,
    IPV6_MULTICAST_ALL,
    IPV6_MULTICAST_HOPS,
    IPV6_MULTICAST_IF,
    IPV6_MULTICAST_LOOP,
    IPV6_PATHMTU,
    IPV6_RECVERR,
    IPV6_RECVHOPLIMIT,
    IPV6_RECVORIGDSTADDR,
    IPV6_RECVPATHMTU,
    IPV6_RECVPKTINFO,
    IPV6_RECVTCLASS,
    IPV6_TCLASS,
    IPV6_TRANSPARENT,
    IPV6_UNICAST_HOPS,
    IPV6_UNICAST_IF,
    IPV6_V6ONLY,
    SOL_IP,
    SOL_IPV6,
)
from .sockopt_mcast import MCAST_OPTIONS, set_mcast_option

if TYPE_CHECKING:
    from .inet import InetSocket

_IP6_MTUINFO: Final = 32
_LEAST_MTU_V6: Final = 1280


def set_ip_option(socket: InetSocket, name: int, value: bytes) -> None:
    """Set an IPPROTO_IP option the table says can be set."""
    if name in MCAST_OPTIONS:
        set_mcast_option(socket, SOL_IP, name, value)
        return
    if name == IP_MULTICAST_IF:
        _set_multicast_if(socket, value)
        return
    if name == IP_UNICAST_IF:
        socket.unicast_if = _unicast_interface(socket, value)
        return
    if name in (IP_ADD_MEMBERSHIP, IP_DROP_MEMBERSHIP):
        _change_membership(socket, name, value)
        return
    if name in (IP_ADD_SOURCE_MEMBERSHIP, IP_DROP_SOURCE_MEMBERSHIP, IP_BLOCK_SOURCE, IP_UNBLOCK_SOURCE):
        _change_source(socket, name, value)
        return
    number = _small_int(value)
    on = number != 0
    endpoint = socket.endpoint
    if name == IP_TOS:
        if socket.type == SOCK_STREAM:
            # The ECN bits of a connection are TCP's.
            number = (number & ~3) | (socket.tos & 3)
        if socket.tos != number & 255:
            # One that is set anew leaves a SO_PRIORITY set since alone (``__ip_sock_set_tos``).
            socket.tos = number & 255
            socket.priority = (0, 2, 6, 4)[socket.tos >> 3 & 3]
    elif name == IP_TTL:
        if number != -1 and not 1 <= number <= 255:
            raise KernelError(EINVAL)
        socket.ttl = number
    elif name == IP_MINTTL:
        _need_a_byte(value)
        if not 0 <= number <= 255:
            raise KernelError(EINVAL)
        socket.min_ttl = number
    elif name == IP_MTU_DISCOVER:
        if not IP_PMTUDISC_DONT <= number <= IP_PMTUDISC_OMIT:
            raise KernelError(EINVAL)
        socket.pmtu_discovery = number
    elif name == IP_RECVERR:
        socket.recverr = on
    elif name == IP_PKTINFO:
        socket.recv_pktinfo = on
    elif name == IP_RECVTTL:
        socket.recv_ttl = on
    elif name == IP_RECVTOS:
        socket.recv_tos = on
    elif name == IP_RECVORIGDSTADDR:
        socket.recv_origdst = on
    elif name == IP_FREEBIND:
        _need_a_byte(value)
        socket.freebind = on
    elif name == IP_TRANSPARENT:
        caller = socket.caller()
        if on and not caller.capable(CAP_NET_ADMIN) and not caller.capable(CAP_NET_RAW):
            raise KernelError(EPERM)
        _need_a_byte(value)
        socket.transparent = on
    elif name == IP_BIND_ADDRESS_NO_PORT:
        endpoint.bind_no_port = on
    elif name == IP_LOCAL_PORT_RANGE:
        if len(value) != 4:
            raise KernelError(EINVAL)
        low, high = number & 0xFFFF, number >> 16 & 0xFFFF
        if low and high and low > high:
            raise KernelError(EINVAL)
        endpoint.port_low = low
        endpoint.port_high = high
    elif name == IP_MULTICAST_TTL:
        _need_a_byte(value)
        if socket.type == SOCK_STREAM or not -1 <= number <= 255:
            raise KernelError(EINVAL)
        socket.multicast_ttl = 1 if number == -1 else number
    elif name == IP_MULTICAST_LOOP:
        _need_a_byte(value)
        socket.multicast_loop = on
    elif name == IP_MULTICAST_ALL:
        _need_a_byte(value)
        if number not in (0, 1):
            raise KernelError(EINVAL)
        endpoint.multicast_all = on
    else:
        raise KernelError(ENOPROTOOPT)


def get_ip_option(socket: InetSocket, name: int, length: int) -> bytes:
    """Read an IPPROTO_IP option the table says can be read."""
    if name == IP_UNICAST_IF:
        return socket.unicast_if.to_bytes(4, "big")[:length]
    if name == IP_MULTICAST_IF:
        return (max(socket.multicast_address, 0) & 0xFFFFFFFF).to_bytes(4, "big")
    value = pack_int(_ip_number(socket, name))
    # A short buffer gets a byte if that holds the value.
    return value[:1] if 0 < length < 4 and value[1:] == b"\0\0\0" else value


def _ip_number(socket: InetSocket, name: int) -> int:
    endpoint = socket.endpoint
    if name == IP_TOS:
        return socket.tos
    if name == IP_TTL:
        return socket.kernel.stack.sysctl.ip_default_ttl if socket.ttl < 0 else socket.ttl
    if name == IP_MINTTL:
        return socket.min_ttl
    if name == IP_MTU_DISCOVER:
        return socket.pmtu_discovery
    if name == IP_MTU:
        return socket.path_mtu()
    if name == IP_RECVERR:
        return int(socket.recverr)
    if name == IP_PKTINFO:
        return int(socket.recv_pktinfo)
    if name == IP_RECVTTL:
        return int(socket.recv_ttl)
    if name == IP_RECVTOS:
        return int(socket.recv_tos)
    if name == IP_RECVORIGDSTADDR:
        return int(socket.recv_origdst)
    if name == IP_FREEBIND:
        return int(socket.freebind)
    if name == IP_TRANSPARENT:
        return int(socket.transparent)
    if name == IP_BIND_ADDRESS_NO_PORT:
        return int(endpoint.bind_no_port)
    if name == IP_LOCAL_PORT_RANGE:
        return endpoint.port_low | endpoint.port_high << 16
    if name == IP_MULTICAST_TTL:
        return socket.multicast_ttl
    if name == IP_MULTICAST_LOOP:
        return int(socket.multicast_loop)
    if name == IP_MULTICAST_ALL:
        return int(endpoint.multicast_all)
    if name == IP_HDRINCL:
        # A raw socket answers itself.
        return 0
    # Memberships can be changed, not read.
    raise KernelError(ENOPROTOOPT)


def set_ipv6_option(socket: InetSocket, name: int, value: bytes) -> None:
    """Set an IPPROTO_IPV6 option the table says can be set."""
    if name in MCAST_OPTIONS:
        set_mcast_option(socket, SOL_IPV6, name, value)
        return
    if name in (IPV6_JOIN_GROUP, IPV6_LEAVE_GROUP):
        _change_membership_v6(socket, name, value)
        return
    if name == IPV6_UNICAST_IF:
        socket.unicast_if6 = _unicast_interface(socket, value)
        return
    if name == IPV6_DONTFRAG:
        socket.dontfrag = len(value) >= 4 and read_int(value) != 0
        return
    if name == IPV6_AUTOFLOWLABEL:
        wanted = len(value) >= 4 and read_int(value) != 0
        socket.auto_label = LABEL_WANTED if wanted else LABEL_UNWANTED
        return
    if name in (IPV6_MULTICAST_HOPS, IPV6_MULTICAST_IF) and socket.type == SOCK_STREAM:
        raise KernelError(ENOPROTOOPT)
    number = read_int(value)
    on = number != 0
    if name == IPV6_V6ONLY:
        if socket.endpoint.local_port != 0:
            raise KernelError(EINVAL, "bound already")
        socket.endpoint.v6only = on
    elif name == IPV6_UNICAST_HOPS:
        if not -1 <= number <= 255:
            raise KernelError(EINVAL)
        socket.hop_limit = number
    elif name == IPV6_FREEBIND:
        socket.freebind = on
    elif name == IPV6_TRANSPARENT:
        caller = socket.caller()
        if on and not caller.capable(CAP_NET_ADMIN) and not caller.capable(CAP_NET_RAW):
            raise KernelError(EPERM)
        socket.transparent = on
    elif name == IPV6_RECVORIGDSTADDR:
        socket.recv_origdst6 = on
    elif name == IPV6_MTU:
        if number and number < _LEAST_MTU_V6:
            raise KernelError(EINVAL)
        socket.fragment_size = number
    elif name == IPV6_MINHOPCOUNT:
        if not 0 <= number <= 255:
            raise KernelError(EINVAL)
        socket.min_hop_limit = number
    elif name == IPV6_TCLASS:
        if not -1 <= number <= 255:
            raise KernelError(EINVAL)
        number = max(number, 0)
        if socket.type == SOCK_STREAM:
            number = (number & ~3) | (socket.tclass & 3)
        socket.tclass = number
    elif name == IPV6_MTU_DISCOVER:
        if not IP_PMTUDISC_DONT <= number <= IP_PMTUDISC_OMIT:
            raise KernelError(EINVAL)
        socket.pmtu_discovery = number
    elif name == IPV6_FLOWINFO:
        socket.recv_flow = on
    elif name == IPV6_FLOWINFO_SEND:
        socket.send_flow = on
    elif name == IPV6_RECVPATHMTU:
        socket.recv_path_mtu = on
    elif name == IPV6_RECVPKTINFO:
        socket.recv_pktinfo6 = on
    elif name == IPV6_RECVHOPLIMIT:
        socket.recv_hop_limit = on
    elif name == IPV6_RECVTCLASS:
        socket.recv_tclass = on
    elif name == IPV6_RECVERR:
        socket.recverr6 = on
    elif name == IPV6_MULTICAST_HOPS:
        if not -1 <= number <= 255:
            raise KernelError(EINVAL)
        socket.multicast_hops = 1 if number == -1 else number
    elif name == IPV6_MULTICAST_LOOP:
        if number not in (0, 1):
            raise KernelError(EINVAL)
        socket.multicast_loop6 = on
    elif name == IPV6_MULTICAST_IF:
        _set_multicast_if_v6(socket, number)
    elif name == IPV6_MULTICAST_ALL:
        socket.endpoint.multicast_all = on
    else:
        raise KernelError(ENOPROTOOPT)


def get_ipv6_option(socket: InetSocket, name: int, length: int) -> bytes:
    """Read an IPPROTO_IPV6 option the table says can be read."""
    if name == IPV6_PATHMTU:
        if length < _IP6_MTUINFO:
            raise KernelError(EINVAL)
        return bytes(28) + pack_int(socket.path_mtu())
    if name == IPV6_FLOWINFO:
        return pack_int(socket.recv_flow)
    if name == IPV6_FLOWINFO_SEND:
        return pack_int(socket.send_flow)
    if name == IPV6_AUTOFLOWLABEL:
        return pack_int(socket.kernel.stack.v6.labels.automatic(socket.auto_label))
    if name == IPV6_UNICAST_IF:
        return socket.unicast_if6.to_bytes(4, "big")
    if name == IPV6_DONTFRAG:
        return pack_int(socket.dontfrag)
    if name == IPV6_RECVPATHMTU:
        return pack_int(socket.recv_path_mtu)
    if name == IPV6_V6ONLY:
        return pack_int(socket.endpoint.v6only)
    if name == IPV6_UNICAST_HOPS:
        limit = socket.kernel.stack.sysctl.ip_default_ttl if socket.hop_limit < 0 else socket.hop_limit
        return pack_int(limit)
    if name == IPV6_MINHOPCOUNT:
        return pack_int(socket.min_hop_limit)
    if name == IPV6_TCLASS:
        return pack_int(socket.tclass)
    if name == IPV6_MTU_DISCOVER:
        return pack_int(socket.pmtu_discovery)
    if name == IPV6_RECVPKTINFO:
        return pack_int(socket.recv_pktinfo6)
    if name == IPV6_RECVHOPLIMIT:
        return pack_int(socket.recv_hop_limit)
    if name == IPV6_RECVTCLASS:
        return pack_int(socket.recv_tclass)
    if name == IPV6_RECVERR:
        return pack_int(socket.recverr6)
    if name == IPV6_FREEBIND:
        return pack_int(socket.freebind)
    if name == IPV6_TRANSPARENT:
        return pack_int(socket.transparent)
    if name == IPV6_RECVORIGDSTADDR:
        return pack_int(socket.recv_origdst6)
    if name == IPV6_MTU:
        return pack_int(socket.path_mtu())
    if name == IPV6_MULTICAST_HOPS:
        return pack_int(socket.multicast_hops)
    if name == IPV6_MULTICAST_LOOP:
        return pack_int(socket.multicast_loop6)
    if name == IPV6_MULTICAST_IF:
        return pack_int(socket.multicast_if6)
    if name == IPV6_MULTICAST_ALL:
        return pack_int(socket.endpoint.multicast_all)
    raise KernelError(ENOPROTOOPT)


def _unicast_interface(socket: InetSocket, value: bytes) -> int:
    """The ifindex IP_UNICAST_IF or IPV6_UNICAST_IF gives, in network byte order; 0 for none."""
    if len(value) != 4:
        raise KernelError(EINVAL)
    ifindex = int.from_bytes(value, "big")
    if ifindex:
        if socket.kernel.stack.interface(ifindex) is None:
            raise KernelError(EADDRNOTAVAIL)
        if socket.endpoint.device:
            raise KernelError(EINVAL)
    return ifindex


def _small_int(value: bytes) -> int:
    """An int, or one byte of one: options of IPPROTO_IP take either. Nothing is 0."""
    if len(value) >= 4:
        return int.from_bytes(value[:4], "little", signed=True)
    return value[0] if value else 0


def _need_a_byte(value: bytes) -> None:
    if not value:
        raise KernelError(EINVAL)


def _address(value: bytes, start: int) -> int:
    return V4_BASE | int.from_bytes(value[start : start + 4], "big")


def _set_multicast_if(socket: InetSocket, value: bytes) -> None:
    if socket.type == SOCK_STREAM:
        raise KernelError(EINVAL)
    # struct ip_mreqn, struct ip_mreq or a bare address.
    address = V4_BASE
    ifindex = 0
    if len(value) >= 8:
        address = _address(value, 4)
        if len(value) >= 12:
            ifindex = read_int(value[8:])
    elif len(value) >= 4:
        address = _address(value, 0)
    else:
        raise KernelError(EINVAL)
    stack = socket.kernel.stack
    if ifindex == 0 and address != V4_BASE:
        owner = stack.local.owner(address)
        if owner is None:
            raise KernelError(EADDRNOTAVAIL)
        ifindex = owner.ifindex
    elif ifindex != 0 and stack.interface(ifindex) is None:
        raise KernelError(EADDRNOTAVAIL)
    if ifindex != 0 and socket.endpoint.device not in (0, ifindex):
        raise KernelError(EINVAL)
    socket.multicast_if = ifindex
    socket.multicast_address = -1 if address == V4_BASE else address


def _change_membership(socket: InetSocket, name: int, value: bytes) -> None:
    if socket.type == SOCK_STREAM:
        raise KernelError(EPROTO)
    if len(value) < 8:
        raise KernelError(EINVAL)
    group = _address(value, 0)
    ifindex = read_int(value[8:]) if len(value) >= 12 else 0
    joining = name == IP_ADD_MEMBERSHIP
    if joining and not is_multicast(group):
        raise KernelError(EINVAL)
    if ifindex == 0:
        ifindex = _interface_of(socket, _address(value, 4))
    if joining:
        _check(socket.join_group(group, ifindex, -1))
    else:
        _check(socket.leave_group(group, ifindex, -1))


def _set_multicast_if_v6(socket: InetSocket, ifindex: int) -> None:
    if socket.type == SOCK_STREAM:
        raise KernelError(ENOPROTOOPT)
    if ifindex != 0:
        if socket.kernel.stack.interface(ifindex) is None:
            raise KernelError(ENODEV)
        if socket.endpoint.device not in (0, ifindex):
            raise KernelError(EINVAL)
    socket.multicast_if6 = ifindex


def _change_membership_v6(socket: InetSocket, name: int, value: bytes) -> None:
    # struct ipv6_mreq: group, interface number.
    if len(value) < 20:
        raise KernelError(EINVAL)
    if socket.type == SOCK_STREAM:
        raise KernelError(EPROTO)
    group = int.from_bytes(value[:16], "big")
    ifindex = read_int(value[16:])
    if name == IPV6_JOIN_GROUP:
        if is_v4(group) or not is_multicast(group):
            raise KernelError(EINVAL)
        _check(socket.join_group(group, ifindex, -1))
    else:
        if not is_multicast(group):
            raise KernelError(EINVAL)
        _check(socket.leave_group(group, ifindex, -1))


def _change_source(socket: InetSocket, name: int, value: bytes) -> None:
    # struct ip_mreq_source: group, interface, source.
    if len(value) != 12:
        raise KernelError(EINVAL)
    if socket.type == SOCK_STREAM:
        raise KernelError(EPROTO)
    group = _address(value, 0)
    ifindex = _interface_of(socket, _address(value, 4))
    source = _address(value, 8)
    if name == IP_ADD_SOURCE_MEMBERSHIP:
        _check(socket.join_group(group, ifindex, source))
    elif name == IP_DROP_SOURCE_MEMBERSHIP:
        _check(socket.leave_group(group, ifindex, source))
    else:
        _check(socket.block_source(group, ifindex, source, name == IP_BLOCK_SOURCE))


def _interface_of(socket: InetSocket, address: int) -> int:
    """The ifindex of a local address, 0 for the wildcard. Raises ENODEV for another's address."""
    if address == V4_BASE:
        return 0
    owner = socket.kernel.stack.local.owner(address)
    if owner is None:
        raise KernelError(ENODEV)
    return owner.ifindex


def _check(code: int) -> None:
    if code != 0:
        raise KernelError(code)
