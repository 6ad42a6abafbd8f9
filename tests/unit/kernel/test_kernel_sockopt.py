"""Socket options: what setting one does and reading it shows, on ours and on Linux."""

import errno
import struct

import pytest
from builders_kernel import outcome

from fourtuple.kernel import sockopt
from fourtuple.kernel.sockaddr import (
    AF_INET,
    AF_INET6,
    AF_NETLINK,
    AF_PACKET,
    AF_UNIX,
    SOCK_DGRAM,
    SOCK_RAW,
    SOCK_STREAM,
)
from fourtuple.kernel.sockopt import SOL_IP, SOL_IPV6, SOL_SOCKET, SOL_TCP, SOL_UDP
from fourtuple.kernel.sockopt_table import ACTS, KEPT, OPTIONS, READ_ONLY, REFUSED

TCP = (AF_INET, SOCK_STREAM)
UDP = (AF_INET, SOCK_DGRAM)
TCP6 = (AF_INET6, SOCK_STREAM)
UDP6 = (AF_INET6, SOCK_DGRAM)
UNIX = (AF_UNIX, SOCK_STREAM)

# Socket, level, option; value set and what setting gives; what reading gives then.
SET_THEN_READ = [
    (TCP, SOL_SOCKET, sockopt.SO_REUSEADDR, 5, None, 1),
    (TCP, SOL_SOCKET, sockopt.SO_REUSEADDR, 0, None, 0),
    (TCP, SOL_SOCKET, sockopt.SO_REUSEADDR, b"ab", "EINVAL", 0),
    (TCP, SOL_SOCKET, sockopt.SO_REUSEPORT, 1, None, 1),
    (UNIX, SOL_SOCKET, sockopt.SO_REUSEPORT, 1, "EOPNOTSUPP", 0),
    (UNIX, SOL_SOCKET, sockopt.SO_REUSEPORT, 0, None, 0),
    (UNIX, SOL_SOCKET, sockopt.SO_REUSEADDR, 1, None, 1),
    (TCP, SOL_SOCKET, sockopt.SO_BROADCAST, 1, None, 1),
    (TCP, SOL_SOCKET, sockopt.SO_KEEPALIVE, 1, None, 1),
    (UNIX, SOL_SOCKET, sockopt.SO_KEEPALIVE, 1, None, 1),
    (TCP, SOL_SOCKET, sockopt.SO_OOBINLINE, 1, None, 1),
    (TCP, SOL_SOCKET, sockopt.SO_SNDBUF, 1, None, 4608),
    (TCP, SOL_SOCKET, sockopt.SO_SNDBUF, 50000, None, 100000),
    (TCP, SOL_SOCKET, sockopt.SO_RCVBUF, 1, None, 2304),
    (TCP, SOL_SOCKET, sockopt.SO_RCVBUF, 50000, None, 100000),
    (UDP, SOL_SOCKET, sockopt.SO_RCVBUF, 50000, None, 100000),
    (UNIX, SOL_SOCKET, sockopt.SO_SNDBUF, 50000, None, 100000),
    (UDP, SOL_SOCKET, sockopt.SO_SNDBUFFORCE, 1 << 20, None, 0),
    (UDP, SOL_SOCKET, sockopt.SO_RCVLOWAT, 7, None, 7),
    (UDP, SOL_SOCKET, sockopt.SO_RCVLOWAT, 0, None, 1),
    (UDP, SOL_SOCKET, sockopt.SO_RCVLOWAT, -1, None, 0x7FFFFFFF),
    (TCP, SOL_SOCKET, sockopt.SO_SNDLOWAT, 5, "ENOPROTOOPT", 1),
    (TCP, SOL_SOCKET, sockopt.SO_TYPE, 1, "ENOPROTOOPT", SOCK_STREAM),
    (TCP, SOL_SOCKET, sockopt.SO_DOMAIN, 1, "ENOPROTOOPT", AF_INET),
    (TCP, SOL_SOCKET, sockopt.SO_PROTOCOL, 1, "ENOPROTOOPT", 6),
    (UDP, SOL_SOCKET, sockopt.SO_PROTOCOL, 1, "ENOPROTOOPT", 17),
    (TCP, SOL_SOCKET, sockopt.SO_ERROR, 1, "ENOPROTOOPT", 0),
    (TCP, SOL_SOCKET, sockopt.SO_ACCEPTCONN, 1, "ENOPROTOOPT", 0),
    (TCP, SOL_SOCKET, sockopt.SO_PRIORITY, 6, None, 6),
    (TCP, SOL_SOCKET, sockopt.SO_TIMESTAMP, 1, None, 1),
    (TCP, SOL_SOCKET, sockopt.SO_BSDCOMPAT, 1, None, 0),
    (TCP, SOL_SOCKET, sockopt.SO_INCOMING_CPU, 0, None, 0),
    (TCP, SOL_SOCKET, 9999, 1, "ENOPROTOOPT", "ENOPROTOOPT"),
    (UNIX, SOL_SOCKET, sockopt.SO_PASSCRED, 1, None, 1),
    (TCP, SOL_SOCKET, sockopt.SO_PASSCRED, 1, "EOPNOTSUPP", "EOPNOTSUPP"),
    (UNIX, SOL_SOCKET, sockopt.SO_LINGER, b"\1\0\0\0", "EINVAL", 0),
    (UNIX, SOL_TCP, sockopt.TCP_NODELAY, 1, "EOPNOTSUPP", "EOPNOTSUPP"),
    (UNIX, SOL_IP, sockopt.IP_TOS, 1, "EOPNOTSUPP", "EOPNOTSUPP"),
    (TCP, SOL_IP, sockopt.IP_TOS, 0x13, None, 0x10),
    (UDP, SOL_IP, sockopt.IP_TOS, 0x13, None, 0x13),
    (TCP, SOL_IP, sockopt.IP_TOS, 300, None, 44),
    (TCP, SOL_IP, sockopt.IP_TOS, b"\x10", None, 0x10),
    (TCP, SOL_IP, sockopt.IP_TTL, 0, "EINVAL", 64),
    (TCP, SOL_IP, sockopt.IP_TTL, 255, None, 255),
    (TCP, SOL_IP, sockopt.IP_TTL, 256, "EINVAL", 64),
    (TCP, SOL_IP, sockopt.IP_TTL, -1, None, 64),
    (TCP, SOL_IP, sockopt.IP_MTU_DISCOVER, 5, None, 5),
    (TCP, SOL_IP, sockopt.IP_MTU_DISCOVER, 6, "EINVAL", 1),
    (TCP, SOL_IP, sockopt.IP_MTU_DISCOVER, -1, "EINVAL", 1),
    (TCP, SOL_IP, sockopt.IP_MTU, 1500, "ENOPROTOOPT", "ENOTCONN"),
    (UDP, SOL_IP, sockopt.IP_PKTINFO, 1, None, 1),
    (UDP, SOL_IP, sockopt.IP_RECVTTL, 1, None, 1),
    (UDP, SOL_IP, sockopt.IP_RECVTOS, 1, None, 1),
    (UDP, SOL_IP, sockopt.IP_RECVORIGDSTADDR, 1, None, 1),
    (UDP, SOL_IP, sockopt.IP_RECVERR, 1, None, 1),
    (TCP, SOL_IP, sockopt.IP_FREEBIND, 1, None, 1),
    (TCP, SOL_IP, sockopt.IP_FREEBIND, b"", "EINVAL", 0),
    (TCP, SOL_IP, sockopt.IP_TRANSPARENT, 1, None, 1),
    (TCP, SOL_IP, sockopt.IP_BIND_ADDRESS_NO_PORT, 1, None, 1),
    (TCP, SOL_IP, sockopt.IP_BIND_ADDRESS_NO_PORT, 2, None, 1),
    (TCP, SOL_IP, sockopt.IP_LOCAL_PORT_RANGE, 20000 | 30000 << 16, None, 20000 | 30000 << 16),
    (TCP, SOL_IP, sockopt.IP_LOCAL_PORT_RANGE, 30000 | 20000 << 16, "EINVAL", 0),
    (TCP, SOL_IP, sockopt.IP_MULTICAST_TTL, 5, "EINVAL", 1),
    (UDP, SOL_IP, sockopt.IP_MULTICAST_TTL, 5, None, 5),
    (UDP, SOL_IP, sockopt.IP_MULTICAST_TTL, -1, None, 1),
    (UDP, SOL_IP, sockopt.IP_MULTICAST_TTL, 256, "EINVAL", 1),
    (UDP, SOL_IP, sockopt.IP_MULTICAST_LOOP, 0, None, 0),
    (UDP, SOL_IP, sockopt.IP_MULTICAST_ALL, 0, None, 0),
    (UDP, SOL_IP, sockopt.IP_MULTICAST_ALL, 2, "EINVAL", 1),
    (TCP, SOL_IP, sockopt.IP_MULTICAST_IF, bytes(4), "EINVAL", 0),
    (UDP, SOL_IP, sockopt.IP_MULTICAST_IF, bytes((8, 8, 8, 8)), "EADDRNOTAVAIL", 0),
    (TCP, SOL_IP, sockopt.IP_ADD_MEMBERSHIP, bytes((224, 1, 1, 1)) + bytes(4), "EPROTO", "ENOPROTOOPT"),
    (TCP, SOL_IP, 9999, 1, "ENOPROTOOPT", "ENOPROTOOPT"),
    (TCP, SOL_IPV6, sockopt.IPV6_V6ONLY, 1, "ENOPROTOOPT", "EOPNOTSUPP"),
    (TCP6, SOL_IPV6, sockopt.IPV6_V6ONLY, 1, None, 1),
    (TCP6, SOL_IPV6, sockopt.IPV6_UNICAST_HOPS, 9, None, 9),
    (TCP6, SOL_IPV6, sockopt.IPV6_UNICAST_HOPS, 256, "EINVAL", 64),
    (TCP6, SOL_IPV6, sockopt.IPV6_TCLASS, 0x20, None, 0x20),
    (TCP6, SOL_IPV6, sockopt.IPV6_MULTICAST_HOPS, 5, "ENOPROTOOPT", 1),
    (TCP6, SOL_IPV6, sockopt.IPV6_MULTICAST_IF, 1, "ENOPROTOOPT", 0),
    (TCP6, SOL_IPV6, sockopt.IPV6_JOIN_GROUP, bytes(20), "EPROTO", "ENOPROTOOPT"),
    (UDP6, SOL_IPV6, sockopt.IPV6_JOIN_GROUP, bytes(20), "EINVAL", "ENOPROTOOPT"),
    (UDP6, SOL_IPV6, sockopt.IPV6_JOIN_GROUP, bytes(9), "EINVAL", "ENOPROTOOPT"),
    (UDP6, SOL_IPV6, sockopt.IPV6_MULTICAST_HOPS, 5, None, 5),
    (UDP6, SOL_IPV6, sockopt.IPV6_MULTICAST_HOPS, 256, "EINVAL", 1),
    (UDP6, SOL_IPV6, sockopt.IPV6_MULTICAST_LOOP, 0, None, 0),
    (UDP6, SOL_IPV6, sockopt.IPV6_MULTICAST_LOOP, 5, "EINVAL", 1),
    (UDP6, SOL_IPV6, sockopt.IPV6_MULTICAST_IF, 1, None, 1),
    (UDP6, SOL_IPV6, sockopt.IPV6_MULTICAST_IF, 99, "ENODEV", 0),
    (UDP6, SOL_IPV6, sockopt.IPV6_MULTICAST_ALL, 0, None, 0),
    (UDP6, SOL_IPV6, sockopt.IPV6_RECVERR, 1, None, 1),
    (UDP6, SOL_IPV6, sockopt.IPV6_RECVHOPLIMIT, 1, None, 1),
    (UDP6, SOL_IPV6, sockopt.IPV6_RECVTCLASS, 1, None, 1),
    (UDP6, SOL_IPV6, sockopt.IPV6_RECVPKTINFO, 1, None, 1),
    (TCP6, SOL_IP, sockopt.IP_TOS, 8, None, 8),
    (TCP, SOL_UDP, 1, 1, "ENOPROTOOPT", "EOPNOTSUPP"),
    (TCP6, SOL_UDP, 1, 1, "ENOPROTOOPT", "ENOPROTOOPT"),
    (UDP, SOL_UDP, sockopt.UDP_CORK, 1, None, 1),
    (UDP, SOL_TCP, sockopt.TCP_NODELAY, 1, "ENOPROTOOPT", "EOPNOTSUPP"),
    (TCP, SOL_TCP, sockopt.TCP_NODELAY, 7, None, 1),
    (TCP, SOL_TCP, sockopt.TCP_CORK, 1, None, 1),
    (TCP, SOL_TCP, sockopt.TCP_MAXSEG, 87, "EINVAL", 536),
    (TCP, SOL_TCP, sockopt.TCP_MAXSEG, 88, None, 88),
    (TCP, SOL_TCP, sockopt.TCP_MAXSEG, 32768, "EINVAL", 536),
    (TCP, SOL_TCP, sockopt.TCP_MAXSEG, 0, None, 536),
    (TCP, SOL_TCP, sockopt.TCP_KEEPIDLE, 10, None, 10),
    (TCP, SOL_TCP, sockopt.TCP_KEEPIDLE, 0, "EINVAL", 7200),
    (TCP, SOL_TCP, sockopt.TCP_KEEPIDLE, 32768, "EINVAL", 7200),
    (TCP, SOL_TCP, sockopt.TCP_KEEPINTVL, 10, None, 10),
    (TCP, SOL_TCP, sockopt.TCP_KEEPINTVL, 0, "EINVAL", 75),
    (TCP, SOL_TCP, sockopt.TCP_KEEPCNT, 127, None, 127),
    (TCP, SOL_TCP, sockopt.TCP_KEEPCNT, 128, "EINVAL", 9),
    (TCP, SOL_TCP, sockopt.TCP_SYNCNT, 127, None, 127),
    (TCP, SOL_TCP, sockopt.TCP_SYNCNT, 128, "EINVAL", 6),
    (TCP, SOL_TCP, sockopt.TCP_LINGER2, -5, None, -1),
    (TCP, SOL_TCP, sockopt.TCP_LINGER2, 0, None, 60),
    (TCP, SOL_TCP, sockopt.TCP_LINGER2, 200, None, 120),
    (TCP, SOL_TCP, sockopt.TCP_DEFER_ACCEPT, 1, None, 1),
    (TCP, SOL_TCP, sockopt.TCP_DEFER_ACCEPT, 5, None, 7),
    (TCP, SOL_TCP, sockopt.TCP_DEFER_ACCEPT, 100, None, 127),
    (TCP, SOL_TCP, sockopt.TCP_DEFER_ACCEPT, 1000, None, 1087),
    (TCP, SOL_TCP, sockopt.TCP_DEFER_ACCEPT, -1, None, 0),
    (TCP, SOL_TCP, sockopt.TCP_WINDOW_CLAMP, 5, None, 1152),
    (TCP, SOL_TCP, sockopt.TCP_WINDOW_CLAMP, 100000, None, 100000),
    (TCP, SOL_TCP, sockopt.TCP_QUICKACK, 0, None, 0),
    (TCP, SOL_TCP, sockopt.TCP_USER_TIMEOUT, -1, "EINVAL", 0),
    (TCP, SOL_TCP, sockopt.TCP_USER_TIMEOUT, 5, None, 5),
    (TCP, SOL_TCP, sockopt.TCP_NOTSENT_LOWAT, 5000, None, 5000),
    (TCP, SOL_TCP, sockopt.TCP_INFO, 1, "ENOPROTOOPT", 7),
    (TCP, SOL_TCP, 9999, 1, "ENOPROTOOPT", "ENOPROTOOPT"),
]


@pytest.mark.parametrize(("kind", "level", "name", "value", "set", "read"), SET_THEN_READ)
def test_option_set_then_read(either, kind, level, name, value, set, read):
    s = either.socket(*kind)
    assert outcome(lambda: s.setsockopt(level, name, value)) == set
    if name == sockopt.SO_SNDBUFFORCE and level == SOL_SOCKET:
        assert s.getsockopt(SOL_SOCKET, sockopt.SO_SNDBUF) == 2 << 20
        return
    assert outcome(lambda: s.getsockopt(level, name)) == read


def test_buffer_beyond_the_maximum_is_the_maximum(host):
    for name in (sockopt.SO_SNDBUF, sockopt.SO_RCVBUF):
        for value in (212993, 0x7FFFFFFF, -1):
            s = host.socket(*TCP)
            s.setsockopt(SOL_SOCKET, name, value)
            assert s.getsockopt(SOL_SOCKET, name) == 425984


def test_timeouts_are_struct_timeval(either):
    s = either.socket(*UNIX)
    for name in (sockopt.SO_RCVTIMEO, sockopt.SO_SNDTIMEO):
        assert s.getsockopt(SOL_SOCKET, name, 16) == bytes(16)
        s.setsockopt(SOL_SOCKET, name, struct.pack("<qq", 1, 500_000))
        assert s.getsockopt(SOL_SOCKET, name, 16) == struct.pack("<qq", 1, 500_000)
        assert outcome(lambda n=name: s.setsockopt(SOL_SOCKET, n, struct.pack("<qq", 1, 10**6))) == "EDOM"
        assert outcome(lambda n=name: s.setsockopt(SOL_SOCKET, n, b"short")) == "EINVAL"
        s.setsockopt(SOL_SOCKET, name, bytes(16))
        assert s.getsockopt(SOL_SOCKET, name, 16) == bytes(16)


def test_timeout_is_kept_in_nanoseconds(host):
    s = host.socket(*UNIX)
    assert s.socket.receive_timeout == -1
    s.setsockopt(SOL_SOCKET, sockopt.SO_RCVTIMEO, struct.pack("<qq", 2, 1))
    assert s.socket.receive_timeout == 2_004_000_000
    s.setsockopt(SOL_SOCKET, sockopt.SO_RCVTIMEO, struct.pack("<qq", -1, 0))
    assert s.socket.receive_timeout == 0


def test_linger_keeps_its_seconds(either):
    s = either.socket(*TCP)
    s.setsockopt(SOL_SOCKET, sockopt.SO_LINGER, struct.pack("<ii", 1, 9))
    s.setsockopt(SOL_SOCKET, sockopt.SO_LINGER, struct.pack("<ii", 0, 5))
    assert s.getsockopt(SOL_SOCKET, sockopt.SO_LINGER, 8) == struct.pack("<ii", 0, 9)


def test_congestion_control_by_name(either):
    s = either.socket(*TCP)
    assert outcome(lambda: s.setsockopt(SOL_TCP, sockopt.TCP_CONGESTION, b"nope")) == "ENOENT"
    assert outcome(lambda: s.setsockopt(SOL_TCP, sockopt.TCP_CONGESTION, b"")) == "EINVAL"
    s.setsockopt(SOL_TCP, sockopt.TCP_CONGESTION, b"reno")
    assert s.getsockopt(SOL_TCP, sockopt.TCP_CONGESTION, 32) == b"reno".ljust(16, b"\0")
    assert s.getsockopt(SOL_TCP, sockopt.TCP_CONGESTION, 3) == b"ren"


def test_short_buffer_gets_the_first_bytes(either):
    s = either.socket(*TCP)
    s.setsockopt(SOL_IP, sockopt.IP_TOS, 0x10)
    assert s.getsockopt(SOL_IP, sockopt.IP_TOS, 1) == b"\x10"
    assert s.getsockopt(SOL_IP, sockopt.IP_TOS, 3) == b"\x10"
    assert s.getsockopt(SOL_SOCKET, sockopt.SO_TYPE, 2) == b"\1\0"
    assert len(s.getsockopt(SOL_TCP, sockopt.TCP_INFO, 8)) == 8
    assert s.getsockopt(SOL_TCP, sockopt.TCP_INFO, 300)[0] == 7


def test_type_of_service_sets_the_priority(either):
    for tos, priority in ((0, 0), (0x08, 2), (0x10, 6), (0x18, 4), (0xE0, 0)):
        s = either.socket(*UDP)
        s.setsockopt(SOL_IP, sockopt.IP_TOS, tos)
        assert s.getsockopt(SOL_SOCKET, sockopt.SO_PRIORITY) == priority


@pytest.mark.parametrize(
    ("level", "name", "value", "error"),
    [
        (SOL_SOCKET, sockopt.SO_MARK, 1, "EPERM"),
        (SOL_SOCKET, sockopt.SO_PRIORITY, 7, "EPERM"),
        (SOL_SOCKET, sockopt.SO_SNDBUFFORCE, 1, "EPERM"),
        (SOL_SOCKET, sockopt.SO_RCVBUFFORCE, 1, "EPERM"),
        (SOL_SOCKET, sockopt.SO_DEBUG, 1, "EACCES"),
        (SOL_IP, sockopt.IP_TRANSPARENT, 1, "EPERM"),
    ],
)
def test_privileged_option_without_privilege(host, level, name, value, error):
    s = host.socket(*TCP)
    assert outcome(lambda: s.setsockopt(level, name, value)) is None
    host.process.set_credentials(1000, 1000)
    assert outcome(lambda: s.setsockopt(level, name, value)) == error


def test_table_has_each_option_once():
    numbers = [(option.level, option.name) for option in OPTIONS]
    assert len(numbers) == len(set(numbers))
    assert {option.status for option in OPTIONS} == {ACTS, KEPT, READ_ONLY, REFUSED}


def test_table_numbers_are_linux_numbers():
    import socket

    levels = {
        sockopt.SOL_RAW: "",
        sockopt.SOL_ICMPV6: "",
        sockopt.SOL_PACKET: "",
        sockopt.SOL_NETLINK: "",
        SOL_SOCKET: "",
        SOL_IP: "",
        SOL_IPV6: "",
        SOL_TCP: "",
        SOL_UDP: "",
        sockopt.SOL_UDPLITE: "",
    }
    for option in OPTIONS:
        assert option.level in levels
        real = getattr(socket, option.symbol, None)
        assert real is None or real == option.name, option.symbol


def kind_that_knows(option):
    """Family, type and protocol of a socket an option is for."""
    if option.symbol in ("SO_PASSCRED", "SO_PEERCRED"):
        return AF_UNIX, SOCK_DGRAM
    if option.level == sockopt.SOL_PACKET:
        return AF_PACKET, SOCK_RAW
    if option.symbol in ("IP_HDRINCL", "ICMP_FILTER"):
        return AF_INET, SOCK_RAW, 1
    if option.symbol == "ICMPV6_FILTER":
        return AF_INET6, SOCK_RAW, 58
    if option.symbol in ("IPV6_CHECKSUM", "IPV6_HDRINCL"):
        return AF_INET6, SOCK_RAW, 253
    if option.symbol in ("SO_PASSPIDFD", "SO_PASSSEC"):
        return AF_UNIX, SOCK_STREAM
    if option.symbol == "SO_TXREHASH":
        return AF_INET, SOCK_STREAM
    if option.level == sockopt.SOL_NETLINK:
        return AF_NETLINK, SOCK_RAW, 0
    if option.level == sockopt.SOL_UDPLITE:
        return AF_INET, SOCK_DGRAM, 136
    family = AF_INET6 if option.level == SOL_IPV6 else AF_INET
    return family, SOCK_STREAM if option.level == SOL_TCP else SOCK_DGRAM


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.symbol)
def test_every_row_does_what_it_says(host, option):
    """Refused rows raise their errno both ways, the rest can be read, and set unless read-only."""
    s = host.socket(*kind_that_knows(option))
    name = errno.errorcode.get(option.errno, "").replace("ENOTSUP", "EOPNOTSUPP")
    read = outcome(lambda: s.getsockopt(option.level, option.name, 128))
    written = outcome(lambda: s.setsockopt(option.level, option.name, 1))
    if option.status == REFUSED:
        assert (read, written) == (name, name)
        return
    if option.status == READ_ONLY:
        assert written == name
    else:
        # A value of another form may be wrong; the option itself is known.
        assert written in (None, "EINVAL", "ENODEV", "ENOENT", "EADDRNOTAVAIL", "EBADF")
    write_only = (
        "MEMBERSHIP" in option.symbol,
        "SOURCE" in option.symbol,
        "FORCE" in option.symbol,
        "_GROUP" in option.symbol,
        "BPF" in option.symbol and option.symbol != "SO_BPF_EXTENSIONS",
        option.symbol in ("SO_DETACH_FILTER", "SO_BUSY_POLL_BUDGET", "SO_PEERPIDFD"),
    )
    if not any(write_only) and option.symbol not in ("IP_MTU", "IPV6_MTU", "IPV6_PATHMTU"):
        assert isinstance(read, bytes)
