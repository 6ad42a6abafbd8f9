"""Every socket option: what becomes of it here, and why.

This one table decides: an option not in it, or refused, gives its errno before any socket is asked.
Documentation is generated from it.
"""

from __future__ import annotations

from errno import ENOPROTOOPT, EOPNOTSUPP
from typing import Final

from . import sockopt as so
from .error import KernelError

# What becomes of an option.
ACTS: Final = "implemented"
KEPT: Final = "kept"
"""Kept and reported back; what would read it (queueing disciplines, netfilter …) is not there."""
READ_ONLY: Final = "read-only"
REFUSED: Final = "refused"


class SocketOption:
    """One row of the table."""

    __slots__ = ("errno", "level", "name", "note", "status", "symbol")

    def __init__(self, level: int, name: int, symbol: str, status: str, errno: int, note: str) -> None:
        self.level = level
        self.name = name
        self.symbol = symbol
        self.status = status
        """ACTS, KEPT, READ_ONLY or REFUSED."""
        self.errno = errno
        """What setting it (and reading it, if refused) raises; 0 for none."""
        self.note = note


def _rows(level: int, status: str, errno: int, rows: list[tuple[int, str, str]]) -> list[SocketOption]:
    return [SocketOption(level, name, symbol, status, errno, note) for name, symbol, note in rows]


_MCAST: Final = [
    (
        so.MCAST_JOIN_GROUP,
        "MCAST_JOIN_GROUP",
        "TCP too, unlike IP_ADD_MEMBERSHIP",
    ),
    (so.MCAST_LEAVE_GROUP, "MCAST_LEAVE_GROUP", ""),
    (so.MCAST_JOIN_SOURCE_GROUP, "MCAST_JOIN_SOURCE_GROUP", ""),
    (so.MCAST_LEAVE_SOURCE_GROUP, "MCAST_LEAVE_SOURCE_GROUP", ""),
    (so.MCAST_BLOCK_SOURCE, "MCAST_BLOCK_SOURCE", ""),
    (so.MCAST_UNBLOCK_SOURCE, "MCAST_UNBLOCK_SOURCE", ""),
]

_HEADERS: Final = "needs CAP_NET_RAW; UDP and raw, as control data too; ENOPROTOOPT for TCP"

OPTIONS: Final[list[SocketOption]] = [
    *_rows(
        so.SOL_SOCKET,
        ACTS,
        0,
        [
            (so.SO_DEBUG, "SO_DEBUG", "needs CAP_NET_ADMIN; kept and given back"),
            (so.SO_REUSEADDR, "SO_REUSEADDR", ""),
            (so.SO_BROADCAST, "SO_BROADCAST", ""),
            (
                so.SO_DONTROUTE,
                "SO_DONTROUTE",
                "IPv4 without gateways; IPv6 takes no notice, in Linux neither",
            ),
            (so.SO_SNDBUF, "SO_SNDBUF", "doubled, bounded by net.core.wmem_max, at least 4608"),
            (so.SO_RCVBUF, "SO_RCVBUF", "doubled, bounded by net.core.rmem_max, at least 2304"),
            (so.SO_SNDBUFFORCE, "SO_SNDBUFFORCE", "needs CAP_NET_ADMIN"),
            (so.SO_RCVBUFFORCE, "SO_RCVBUFFORCE", "needs CAP_NET_ADMIN"),
            (so.SO_KEEPALIVE, "SO_KEEPALIVE", ""),
            (so.SO_OOBINLINE, "SO_OOBINLINE", "TCP and AF_UNIX streams"),
            (
                so.SO_LINGER,
                "SO_LINGER",
                "0: close() resets; with a time, close() waits, O_NONBLOCK or not",
            ),
            (so.SO_BSDCOMPAT, "SO_BSDCOMPAT", "taken and forgotten, as in Linux"),
            (so.SO_REUSEPORT, "SO_REUSEPORT", "EOPNOTSUPP for AF_UNIX"),
            (so.SO_PASSCRED, "SO_PASSCRED", "AF_UNIX and AF_NETLINK; EOPNOTSUPP for others"),
            (so.SO_PASSPIDFD, "SO_PASSPIDFD", "AF_UNIX; EOPNOTSUPP for others"),
            (so.SO_RCVLOWAT, "SO_RCVLOWAT", ""),
            (so.SO_RCVTIMEO, "SO_RCVTIMEO", "rounded up to 4 ms, as with HZ=250"),
            (so.SO_SNDTIMEO, "SO_SNDTIMEO", "rounded up to 4 ms, as with HZ=250"),
            (so.SO_RCVTIMEO_NEW, "SO_RCVTIMEO_NEW", ""),
            (so.SO_SNDTIMEO_NEW, "SO_SNDTIMEO_NEW", ""),
            (so.SO_BINDTODEVICE, "SO_BINDTODEVICE", ""),
            (so.SO_BINDTOIFINDEX, "SO_BINDTOIFINDEX", ""),
            (so.SO_TXREHASH, "SO_TXREHASH", "TCP: another IPv6 flow label after a timeout"),
            (so.SO_MAX_PACING_RATE, "SO_MAX_PACING_RATE", "TCP; kept for others, as Linux without fq"),
            (so.SO_TIMESTAMP, "SO_TIMESTAMP", "datagram sockets and TCP"),
            (so.SO_TIMESTAMPNS, "SO_TIMESTAMPNS", "datagram sockets and TCP"),
            (
                so.SO_TIMESTAMP_NEW,
                "SO_TIMESTAMP_NEW",
                "reads 1 with SO_TIMESTAMPNS_NEW too, as in Linux",
            ),
            (so.SO_TIMESTAMPNS_NEW, "SO_TIMESTAMPNS_NEW", ""),
            (so.SO_TIMESTAMPING_NEW, "SO_TIMESTAMPING_NEW", ""),
            (so.SO_ATTACH_FILTER, "SO_ATTACH_FILTER", "classic BPF"),
            (so.SO_DETACH_FILTER, "SO_DETACH_FILTER", ""),
            (so.SO_LOCK_FILTER, "SO_LOCK_FILTER", ""),
            (
                so.SO_ATTACH_BPF,
                "SO_ATTACH_BPF",
                "EBADF or EINVAL: no descriptor here is an eBPF program",
            ),
            (so.SO_ATTACH_REUSEPORT_CBPF, "SO_ATTACH_REUSEPORT_CBPF", "classic BPF"),
            (so.SO_ATTACH_REUSEPORT_EBPF, "SO_ATTACH_REUSEPORT_EBPF", "as SO_ATTACH_BPF"),
            (so.SO_DETACH_REUSEPORT_BPF, "SO_DETACH_REUSEPORT_BPF", ""),
            (
                so.SO_TIMESTAMPING,
                "SO_TIMESTAMPING",
                "by software; AF_UNIX datagrams with SO_TIMESTAMP only",
            ),
            (so.SO_RXQ_OVFL, "SO_RXQ_OVFL", "datagram sockets"),
            (
                so.SO_ZEROCOPY,
                "SO_ZEROCOPY",
                "TCP, UDP; notices say that data was copied, as over loopback",
            ),
            (so.SO_PEEK_OFF, "SO_PEEK_OFF", "UDP, TCP, AF_UNIX; EOPNOTSUPP for others"),
            (
                so.SO_INCOMING_CPU,
                "SO_INCOMING_CPU",
                "decides among SO_REUSEPORT members; there is one CPU",
            ),
        ],
    ),
    *_rows(
        so.SOL_SOCKET,
        KEPT,
        0,
        [
            (so.SO_PRIORITY, "SO_PRIORITY", "above 6 needs CAP_NET_ADMIN"),
            (so.SO_MARK, "SO_MARK", "needs CAP_NET_ADMIN"),
            (so.SO_NO_CHECK, "SO_NO_CHECK", "checksums are filled in all the same"),
            (so.SO_PASSSEC, "SO_PASSSEC", "AF_UNIX and AF_NETLINK; there is no security module"),
            (so.SO_WIFI_STATUS, "SO_WIFI_STATUS", ""),
            (so.SO_NOFCS, "SO_NOFCS", ""),
            (so.SO_BUSY_POLL, "SO_BUSY_POLL", "raising it needs CAP_NET_ADMIN"),
            (so.SO_PREFER_BUSY_POLL, "SO_PREFER_BUSY_POLL", "needs CAP_NET_ADMIN"),
            (so.SO_BUSY_POLL_BUDGET, "SO_BUSY_POLL_BUDGET", "cannot be read, as in Linux"),
        ],
    ),
    *_rows(
        so.SOL_SOCKET,
        READ_ONLY,
        ENOPROTOOPT,
        [
            (so.SO_TYPE, "SO_TYPE", ""),
            (so.SO_ERROR, "SO_ERROR", "reading clears it"),
            (so.SO_PROTOCOL, "SO_PROTOCOL", ""),
            (so.SO_DOMAIN, "SO_DOMAIN", ""),
            (so.SO_ACCEPTCONN, "SO_ACCEPTCONN", ""),
            (so.SO_PEERCRED, "SO_PEERCRED", ""),
            (so.SO_PEERPIDFD, "SO_PEERPIDFD", "AF_UNIX; ENODATA for others"),
            (so.SO_INCOMING_NAPI_ID, "SO_INCOMING_NAPI_ID", "0, as of a device without NAPI"),
            (so.SO_SNDLOWAT, "SO_SNDLOWAT", "always 1"),
            (so.SO_COOKIE, "SO_COOKIE", ""),
            (
                so.SO_MEMINFO,
                "SO_MEMINFO",
                "what the buffers hold, their limits, and datagrams dropped",
            ),
            (so.SO_BPF_EXTENSIONS, "SO_BPF_EXTENSIONS", "64, as Linux"),
        ],
    ),
    *_rows(
        so.SOL_SOCKET,
        REFUSED,
        ENOPROTOOPT,
        [
            (so.SO_PEERNAME, "SO_PEERNAME", "use getpeername()"),
            (so.SO_PEERSEC, "SO_PEERSEC", "no security module, as Linux answers without one"),
            (so.SO_TXTIME, "SO_TXTIME", ""),
        ],
    ),
    *_rows(
        so.SOL_IP,
        ACTS,
        0,
        [
            (so.IP_TOS, "IP_TOS", "the ECN bits of a TCP socket are TCP's own"),
            (so.IP_TTL, "IP_TTL", ""),
            (so.IP_MINTTL, "IP_MINTTL", "TCP; kept for others, as in Linux"),
            (so.IP_HDRINCL, "IP_HDRINCL", "raw sockets; on by itself for IPPROTO_RAW"),
            (so.IP_PKTINFO, "IP_PKTINFO", "UDP; as control data of sendmsg() too"),
            (so.IP_MTU_DISCOVER, "IP_MTU_DISCOVER", ""),
            (so.IP_RECVERR, "IP_RECVERR", "TCP fails at once on an ICMP error"),
            (so.IP_RECVTTL, "IP_RECVTTL", "UDP"),
            (so.IP_RECVTOS, "IP_RECVTOS", "UDP"),
            (so.IP_RECVORIGDSTADDR, "IP_RECVORIGDSTADDR", "UDP"),
            (so.IP_FREEBIND, "IP_FREEBIND", ""),
            (so.IP_TRANSPARENT, "IP_TRANSPARENT", "for bind(); needs CAP_NET_ADMIN or CAP_NET_RAW"),
            (so.IP_BIND_ADDRESS_NO_PORT, "IP_BIND_ADDRESS_NO_PORT", ""),
            (so.IP_LOCAL_PORT_RANGE, "IP_LOCAL_PORT_RANGE", ""),
            (
                so.IP_UNICAST_IF,
                "IP_UNICAST_IF",
                "not TCP, as in Linux",
            ),
            (so.IP_MULTICAST_IF, "IP_MULTICAST_IF", ""),
            (so.IP_MULTICAST_TTL, "IP_MULTICAST_TTL", ""),
            (so.IP_MULTICAST_LOOP, "IP_MULTICAST_LOOP", ""),
            (so.IP_MULTICAST_ALL, "IP_MULTICAST_ALL", ""),
            (so.IP_ADD_MEMBERSHIP, "IP_ADD_MEMBERSHIP", ""),
            (so.IP_DROP_MEMBERSHIP, "IP_DROP_MEMBERSHIP", ""),
            (so.IP_ADD_SOURCE_MEMBERSHIP, "IP_ADD_SOURCE_MEMBERSHIP", ""),
            (so.IP_DROP_SOURCE_MEMBERSHIP, "IP_DROP_SOURCE_MEMBERSHIP", ""),
            (so.IP_BLOCK_SOURCE, "IP_BLOCK_SOURCE", ""),
            (so.IP_UNBLOCK_SOURCE, "IP_UNBLOCK_SOURCE", ""),
        ],
    ),
    *_rows(so.SOL_IP, READ_ONLY, ENOPROTOOPT, [(so.IP_MTU, "IP_MTU", "of a connected socket's route")]),
    *_rows(
        so.SOL_IP,
        REFUSED,
        ENOPROTOOPT,
        [
            (so.IP_OPTIONS, "IP_OPTIONS", "no IP options"),
            (so.IP_RECVOPTS, "IP_RECVOPTS", "no IP options"),
        ],
    ),
    *_rows(
        so.SOL_IPV6,
        ACTS,
        0,
        [
            (so.IPV6_V6ONLY, "IPV6_V6ONLY", ""),
            (so.IPV6_CHECKSUM, "IPV6_CHECKSUM", "raw sockets; of level IPPROTO_RAW too"),
            (so.IPV6_HDRINCL, "IPV6_HDRINCL", "raw sockets; on by itself for IPPROTO_RAW"),
            (so.IPV6_UNICAST_HOPS, "IPV6_UNICAST_HOPS", ""),
            (so.IPV6_MINHOPCOUNT, "IPV6_MINHOPCOUNT", "TCP; kept for others, as in Linux"),
            (so.IPV6_TCLASS, "IPV6_TCLASS", ""),
            (so.IPV6_MTU_DISCOVER, "IPV6_MTU_DISCOVER", ""),
            (so.IPV6_RECVPKTINFO, "IPV6_RECVPKTINFO", "UDP"),
            (so.IPV6_RECVERR, "IPV6_RECVERR", "the error queue is UDP's"),
            (so.IPV6_RECVHOPLIMIT, "IPV6_RECVHOPLIMIT", "UDP"),
            (so.IPV6_RECVTCLASS, "IPV6_RECVTCLASS", "UDP"),
            (
                so.IPV6_UNICAST_IF,
                "IPV6_UNICAST_IF",
                "not TCP, as in Linux",
            ),
            (so.IPV6_DONTFRAG, "IPV6_DONTFRAG", "UDP and ICMPv6; as control data of sendmsg() too"),
            (so.IPV6_AUTOFLOWLABEL, "IPV6_AUTOFLOWLABEL", ""),
            (so.IPV6_FLOWINFO, "IPV6_FLOWINFO", "UDP and raw"),
            (so.IPV6_FLOWINFO_SEND, "IPV6_FLOWINFO_SEND", "labels need no lease, as while none is exclusive"),
            (so.IPV6_HOPOPTS, "IPV6_HOPOPTS", _HEADERS),
            (so.IPV6_RTHDRDSTOPTS, "IPV6_RTHDRDSTOPTS", "as IPV6_HOPOPTS; sent with a routing header only"),
            (so.IPV6_DSTOPTS, "IPV6_DSTOPTS", "as IPV6_HOPOPTS"),
            (so.IPV6_RTHDR, "IPV6_RTHDR", "EINVAL for every type: Linux knows but SRv6, which is not here"),
            (so.IPV6_RECVHOPOPTS, "IPV6_RECVHOPOPTS", "UDP and raw"),
            (so.IPV6_RECVRTHDR, "IPV6_RECVRTHDR", "UDP and raw"),
            (so.IPV6_RECVDSTOPTS, "IPV6_RECVDSTOPTS", "UDP and raw"),
            (so.IPV6_RECVPATHMTU, "IPV6_RECVPATHMTU", "tells of what IPV6_DONTFRAG refused"),
            (so.IPV6_MULTICAST_IF, "IPV6_MULTICAST_IF", ""),
            (so.IPV6_MULTICAST_HOPS, "IPV6_MULTICAST_HOPS", ""),
            (so.IPV6_MULTICAST_LOOP, "IPV6_MULTICAST_LOOP", ""),
            (so.IPV6_MULTICAST_ALL, "IPV6_MULTICAST_ALL", ""),
            (so.IPV6_MTU, "IPV6_MTU", "set: the longest fragment of UDP; read: the MTU of a peer's route"),
            (so.IPV6_FREEBIND, "IPV6_FREEBIND", "the flag of IP_FREEBIND"),
            (so.IPV6_TRANSPARENT, "IPV6_TRANSPARENT", "the flag of IP_TRANSPARENT"),
            (so.IPV6_RECVORIGDSTADDR, "IPV6_RECVORIGDSTADDR", "UDP"),
            (so.IPV6_JOIN_GROUP, "IPV6_JOIN_GROUP", ""),
            (so.IPV6_LEAVE_GROUP, "IPV6_LEAVE_GROUP", ""),
        ],
    ),
    *_rows(
        so.SOL_IPV6,
        READ_ONLY,
        ENOPROTOOPT,
        [
            (so.IPV6_PATHMTU, "IPV6_PATHMTU", "of a connected socket's route; as control data too"),
        ],
    ),
    *_rows(
        so.SOL_IPV6,
        REFUSED,
        ENOPROTOOPT,
        [
            (so.IPV6_PKTINFO, "IPV6_PKTINFO", "as control data of sendmsg() only"),
            (so.IPV6_HOPLIMIT, "IPV6_HOPLIMIT", "as control data of sendmsg() only"),
        ],
    ),
    *_rows(
        so.SOL_TCP,
        ACTS,
        0,
        [
            (so.TCP_NODELAY, "TCP_NODELAY", ""),
            (so.TCP_MAXSEG, "TCP_MAXSEG", ""),
            (so.TCP_CORK, "TCP_CORK", ""),
            (so.TCP_KEEPIDLE, "TCP_KEEPIDLE", ""),
            (so.TCP_KEEPINTVL, "TCP_KEEPINTVL", ""),
            (so.TCP_KEEPCNT, "TCP_KEEPCNT", ""),
            (so.TCP_SYNCNT, "TCP_SYNCNT", ""),
            (so.TCP_LINGER2, "TCP_LINGER2", ""),
            (so.TCP_DEFER_ACCEPT, "TCP_DEFER_ACCEPT", ""),
            (so.TCP_WINDOW_CLAMP, "TCP_WINDOW_CLAMP", ""),
            (so.TCP_QUICKACK, "TCP_QUICKACK", ""),
            (so.TCP_CONGESTION, "TCP_CONGESTION", "reno, bbr, cubic"),
            (so.TCP_USER_TIMEOUT, "TCP_USER_TIMEOUT", ""),
            (so.TCP_NOTSENT_LOWAT, "TCP_NOTSENT_LOWAT", ""),
            (
                so.TCP_FASTOPEN,
                "TCP_FASTOPEN",
                "data in the SYN is taken if net.ipv4.tcp_fastopen has bit 2",
            ),
            (so.TCP_FASTOPEN_CONNECT, "TCP_FASTOPEN_CONNECT", ""),
            (so.TCP_FASTOPEN_KEY, "TCP_FASTOPEN_KEY", ""),
            (so.TCP_FASTOPEN_NO_COOKIE, "TCP_FASTOPEN_NO_COOKIE", ""),
            (so.TCP_INQ, "TCP_INQ", ""),
            (so.TCP_SAVE_SYN, "TCP_SAVE_SYN", ""),
            (so.TCP_THIN_LINEAR_TIMEOUTS, "TCP_THIN_LINEAR_TIMEOUTS", ""),
            (so.TCP_THIN_DUPACK, "TCP_THIN_DUPACK", "taken and without effect, as in Linux since 4.16"),
            (so.TCP_RTO_MAX_MS, "TCP_RTO_MAX_MS", ""),
            (so.TCP_RTO_MIN_US, "TCP_RTO_MIN_US", ""),
            (so.TCP_DELACK_MAX_US, "TCP_DELACK_MAX_US", ""),
        ],
    ),
    *_rows(
        so.SOL_TCP,
        READ_ONLY,
        ENOPROTOOPT,
        [
            (so.TCP_INFO, "TCP_INFO", ""),
            (so.TCP_CC_INFO, "TCP_CC_INFO", "of bbr; empty for others, as in Linux"),
            (
                so.TCP_SAVED_SYN,
                "TCP_SAVED_SYN",
                "once for each connection of a listener with TCP_SAVE_SYN",
            ),
            (so.TCP_IS_MPTCP, "TCP_IS_MPTCP", "always 0"),
        ],
    ),
    *_rows(
        so.SOL_TCP,
        REFUSED,
        ENOPROTOOPT,
        [
            (so.TCP_MD5SIG, "TCP_MD5SIG", "as a kernel built without it"),
            (so.TCP_MD5SIG_EXT, "TCP_MD5SIG_EXT", "as a kernel built without it"),
            (so.TCP_AO_ADD_KEY, "TCP_AO_ADD_KEY", "as a kernel built without it"),
            (so.TCP_TIMESTAMP, "TCP_TIMESTAMP", "for TCP_REPAIR, which is not there"),
            (so.TCP_QUEUE_SEQ, "TCP_QUEUE_SEQ", "for TCP_REPAIR"),
            (so.TCP_REPAIR_QUEUE, "TCP_REPAIR_QUEUE", "for TCP_REPAIR"),
            (so.TCP_REPAIR_OPTIONS, "TCP_REPAIR_OPTIONS", "for TCP_REPAIR"),
            (so.TCP_REPAIR_WINDOW, "TCP_REPAIR_WINDOW", "for TCP_REPAIR"),
            (so.TCP_ZEROCOPY_RECEIVE, "TCP_ZEROCOPY_RECEIVE", "no memory to map"),
            (
                so.TCP_TX_DELAY,
                "TCP_TX_DELAY",
                "no queueing discipline that would delay; use a link's latency",
            ),
            (so.TCP_ULP, "TCP_ULP", "no kernel TLS; programs fall back to their own"),
        ],
    ),
    *_rows(
        so.SOL_TCP,
        REFUSED,
        EOPNOTSUPP,
        [
            (so.TCP_REPAIR, "TCP_REPAIR", ""),
        ],
    ),
    *_rows(
        so.SOL_RAW,
        ACTS,
        0,
        [
            (so.ICMP_FILTER, "ICMP_FILTER", "of an AF_INET raw socket of IPPROTO_ICMP"),
            (so.IPV6_CHECKSUM, "IPV6_CHECKSUM", "of an AF_INET6 raw socket"),
        ],
    ),
    *_rows(
        so.SOL_ICMPV6,
        ACTS,
        0,
        [(so.ICMPV6_FILTER, "ICMPV6_FILTER", "of a raw socket of IPPROTO_ICMPV6")],
    ),
    *_rows(
        so.SOL_PACKET,
        ACTS,
        0,
        [
            (
                so.PACKET_ADD_MEMBERSHIP,
                "PACKET_ADD_MEMBERSHIP",
                "interfaces take all multicasts by themselves",
            ),
            (so.PACKET_DROP_MEMBERSHIP, "PACKET_DROP_MEMBERSHIP", ""),
            (so.PACKET_AUXDATA, "PACKET_AUXDATA", "checksums are always filled in"),
            (so.PACKET_ORIGDEV, "PACKET_ORIGDEV", "there are no stacked devices"),
            (
                so.PACKET_QDISC_BYPASS,
                "PACKET_QDISC_BYPASS",
                "other packet sockets do not see what is sent",
            ),
            (
                so.PACKET_FANOUT,
                "PACKET_FANOUT",
                "one CPU and one queue; EINVAL for a choice by BPF",
            ),
            (so.PACKET_IGNORE_OUTGOING, "PACKET_IGNORE_OUTGOING", ""),
        ],
    ),
    *_rows(
        so.SOL_PACKET,
        READ_ONLY,
        ENOPROTOOPT,
        [(so.PACKET_STATISTICS, "PACKET_STATISTICS", "reading clears it")],
    ),
    *_rows(
        so.SOL_PACKET,
        REFUSED,
        ENOPROTOOPT,
        [
            (so.PACKET_RX_RING, "PACKET_RX_RING", "no memory to share with programs"),
            (so.PACKET_TX_RING, "PACKET_TX_RING", "no memory to share with programs"),
            (so.PACKET_VERSION, "PACKET_VERSION", "of rings"),
            (so.PACKET_HDRLEN, "PACKET_HDRLEN", "of rings"),
            (so.PACKET_RESERVE, "PACKET_RESERVE", "of rings"),
            (so.PACKET_COPY_THRESH, "PACKET_COPY_THRESH", "of rings"),
            (so.PACKET_LOSS, "PACKET_LOSS", "of rings"),
            (so.PACKET_TX_HAS_OFF, "PACKET_TX_HAS_OFF", "of rings"),
            (so.PACKET_TIMESTAMP, "PACKET_TIMESTAMP", "no hardware"),
            (so.PACKET_VNET_HDR, "PACKET_VNET_HDR", "no offloads"),
        ],
    ),
    *_rows(
        so.SOL_UDP,
        ACTS,
        0,
        [
            (so.UDP_CORK, "UDP_CORK", ""),
            (so.UDP_SEGMENT, "UDP_SEGMENT", "as control data of sendmsg() too"),
            (so.UDP_GRO, "UDP_GRO", "merges datagrams of a flow that arrive at one moment"),
        ],
    ),
    *_rows(
        so.SOL_UDPLITE,
        ACTS,
        0,
        [
            (so.UDPLITE_SEND_CSCOV, "UDPLITE_SEND_CSCOV", ""),
            (so.UDPLITE_RECV_CSCOV, "UDPLITE_RECV_CSCOV", ""),
        ],
    ),
    *_rows(
        so.SOL_NETLINK,
        ACTS,
        0,
        [
            (so.NETLINK_ADD_MEMBERSHIP, "NETLINK_ADD_MEMBERSHIP", ""),
            (so.NETLINK_DROP_MEMBERSHIP, "NETLINK_DROP_MEMBERSHIP", ""),
            (so.NETLINK_PKTINFO, "NETLINK_PKTINFO", ""),
            (
                so.NETLINK_BROADCAST_ERROR,
                "NETLINK_BROADCAST_ERROR",
                "the kernel here has nobody to tell",
            ),
            (so.NETLINK_NO_ENOBUFS, "NETLINK_NO_ENOBUFS", ""),
            (so.NETLINK_LISTEN_ALL_NSID, "NETLINK_LISTEN_ALL_NSID", "there is one namespace"),
            (so.NETLINK_CAP_ACK, "NETLINK_CAP_ACK", ""),
            (so.NETLINK_EXT_ACK, "NETLINK_EXT_ACK", "the words are our own"),
            (so.NETLINK_GET_STRICT_CHK, "NETLINK_GET_STRICT_CHK", ""),
        ],
    ),
    *_rows(
        so.SOL_NETLINK,
        READ_ONLY,
        ENOPROTOOPT,
        [(so.NETLINK_LIST_MEMBERSHIPS, "NETLINK_LIST_MEMBERSHIPS", "")],
    ),
    *_rows(so.SOL_IP, ACTS, 0, _MCAST),
    *_rows(so.SOL_IPV6, ACTS, 0, _MCAST),
]

_BY_NUMBER: Final[dict[int, SocketOption]] = {option.level << 16 | option.name: option for option in OPTIONS}


def check_option(level: int, name: int, setting: bool) -> None:
    """Raises the errno of an option that cannot be set (``setting``) or read."""
    if not 0 <= name < 65536:
        raise KernelError(ENOPROTOOPT)
    option = _BY_NUMBER.get(level << 16 | name)
    if option is None:
        raise KernelError(ENOPROTOOPT, f"option {name} of level {level}")
    if option.errno != 0 and (setting or option.status == REFUSED):
        raise KernelError(option.errno, option.symbol)
