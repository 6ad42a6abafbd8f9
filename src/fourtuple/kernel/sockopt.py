"""Every socket option: its number, what becomes of it here, and why.

This one table decides: an option not in it, or refused, gives its errno before any socket is asked.
Documentation is generated from it.
"""

from __future__ import annotations

from errno import ENOPROTOOPT, EOPNOTSUPP
from typing import Final

from .error import KernelError

SOL_SOCKET: Final = 1
SOL_IP: Final = 0
SOL_TCP: Final = 6
SOL_UDP: Final = 17
SOL_UDPLITE: Final = 136
SOL_IPV6: Final = 41
SOL_ICMPV6: Final = 58
SOL_RAW: Final = 255
SOL_PACKET: Final = 263
SOL_NETLINK: Final = 270

# What becomes of an option.
ACTS: Final = "implemented"
KEPT: Final = "kept"
"""Kept and reported back; what would read it (queueing disciplines, netfilter …) is not there."""
READ_ONLY: Final = "read-only"
REFUSED: Final = "refused"

SO_DEBUG: Final = 1
SO_REUSEADDR: Final = 2
SO_TYPE: Final = 3
SO_ERROR: Final = 4
SO_DONTROUTE: Final = 5
SO_BROADCAST: Final = 6
SO_SNDBUF: Final = 7
SO_RCVBUF: Final = 8
SO_KEEPALIVE: Final = 9
SO_OOBINLINE: Final = 10
SO_NO_CHECK: Final = 11
SO_PRIORITY: Final = 12
SO_LINGER: Final = 13
SO_BSDCOMPAT: Final = 14
SO_REUSEPORT: Final = 15
SO_PASSCRED: Final = 16
SO_PEERCRED: Final = 17
SO_RCVLOWAT: Final = 18
SO_SNDLOWAT: Final = 19
SO_RCVTIMEO: Final = 20
SO_SNDTIMEO: Final = 21
SO_BINDTODEVICE: Final = 25
SO_ATTACH_FILTER: Final = 26
SO_DETACH_FILTER: Final = 27
SO_PEERNAME: Final = 28
SO_TIMESTAMP: Final = 29
SO_ACCEPTCONN: Final = 30
SO_PEERSEC: Final = 31
SO_SNDBUFFORCE: Final = 32
SO_RCVBUFFORCE: Final = 33
SO_PASSSEC: Final = 34
SO_TIMESTAMPNS: Final = 35
SO_MARK: Final = 36
SO_TIMESTAMPING: Final = 37
SO_PROTOCOL: Final = 38
SO_DOMAIN: Final = 39
SO_RXQ_OVFL: Final = 40
SO_WIFI_STATUS: Final = 41
SO_PEEK_OFF: Final = 42
SO_NOFCS: Final = 43
SO_LOCK_FILTER: Final = 44
SO_BUSY_POLL: Final = 46
SO_BPF_EXTENSIONS: Final = 48
SO_MAX_PACING_RATE: Final = 47
SO_INCOMING_CPU: Final = 49
SO_ATTACH_BPF: Final = 50
SO_ATTACH_REUSEPORT_CBPF: Final = 51
SO_ATTACH_REUSEPORT_EBPF: Final = 52
SO_MEMINFO: Final = 55
SO_INCOMING_NAPI_ID: Final = 56
SO_COOKIE: Final = 57
SO_ZEROCOPY: Final = 60
SO_TXTIME: Final = 61
SO_BINDTOIFINDEX: Final = 62
SO_DETACH_REUSEPORT_BPF: Final = 68
SO_PREFER_BUSY_POLL: Final = 69
SO_BUSY_POLL_BUDGET: Final = 70
SO_TXREHASH: Final = 74
SO_PASSPIDFD: Final = 76
SO_PEERPIDFD: Final = 77

IP_TOS: Final = 1
IP_TTL: Final = 2
IP_HDRINCL: Final = 3
IP_OPTIONS: Final = 4
IP_RECVOPTS: Final = 6
IP_PKTINFO: Final = 8
IP_MTU_DISCOVER: Final = 10
IP_RECVERR: Final = 11
IP_RECVTTL: Final = 12
IP_RECVTOS: Final = 13
IP_MTU: Final = 14
IP_FREEBIND: Final = 15
IP_TRANSPARENT: Final = 19
IP_RECVORIGDSTADDR: Final = 20
IP_MINTTL: Final = 21
IP_BIND_ADDRESS_NO_PORT: Final = 24
IP_MULTICAST_IF: Final = 32
IP_MULTICAST_TTL: Final = 33
IP_MULTICAST_LOOP: Final = 34
IP_ADD_MEMBERSHIP: Final = 35
IP_DROP_MEMBERSHIP: Final = 36
IP_UNBLOCK_SOURCE: Final = 37
IP_BLOCK_SOURCE: Final = 38
IP_ADD_SOURCE_MEMBERSHIP: Final = 39
IP_DROP_SOURCE_MEMBERSHIP: Final = 40
MCAST_JOIN_GROUP: Final = 42
MCAST_LEAVE_GROUP: Final = 45
IP_MULTICAST_ALL: Final = 49
IP_UNICAST_IF: Final = 50
IP_LOCAL_PORT_RANGE: Final = 51

IP_PMTUDISC_DONT: Final = 0
IP_PMTUDISC_WANT: Final = 1
IP_PMTUDISC_DO: Final = 2
IP_PMTUDISC_PROBE: Final = 3
IP_PMTUDISC_INTERFACE: Final = 4
IP_PMTUDISC_OMIT: Final = 5

IPV6_UNICAST_HOPS: Final = 16
IPV6_MULTICAST_IF: Final = 17
IPV6_MULTICAST_HOPS: Final = 18
IPV6_MULTICAST_LOOP: Final = 19
IPV6_JOIN_GROUP: Final = 20
IPV6_LEAVE_GROUP: Final = 21
IPV6_CHECKSUM: Final = 7
IPV6_MTU_DISCOVER: Final = 23
IPV6_MTU: Final = 24
IPV6_RECVERR: Final = 25
IPV6_V6ONLY: Final = 26
IPV6_MULTICAST_ALL: Final = 29
IPV6_HDRINCL: Final = 36
IPV6_RECVPKTINFO: Final = 49
IPV6_PKTINFO: Final = 50
IPV6_RECVHOPLIMIT: Final = 51
IPV6_HOPLIMIT: Final = 52
IPV6_RECVTCLASS: Final = 66
IPV6_TCLASS: Final = 67
IPV6_DONTFRAG: Final = 62

TCP_NODELAY: Final = 1
TCP_MAXSEG: Final = 2
TCP_CORK: Final = 3
TCP_KEEPIDLE: Final = 4
TCP_KEEPINTVL: Final = 5
TCP_KEEPCNT: Final = 6
TCP_SYNCNT: Final = 7
TCP_LINGER2: Final = 8
TCP_DEFER_ACCEPT: Final = 9
TCP_WINDOW_CLAMP: Final = 10
TCP_INFO: Final = 11
TCP_QUICKACK: Final = 12
TCP_CONGESTION: Final = 13
TCP_MD5SIG: Final = 14
TCP_THIN_LINEAR_TIMEOUTS: Final = 16
TCP_THIN_DUPACK: Final = 17
TCP_USER_TIMEOUT: Final = 18
TCP_REPAIR: Final = 19
TCP_FASTOPEN: Final = 23
TCP_REPAIR_QUEUE: Final = 20
TCP_QUEUE_SEQ: Final = 21
TCP_REPAIR_OPTIONS: Final = 22
TCP_TIMESTAMP: Final = 24
TCP_NOTSENT_LOWAT: Final = 25
TCP_CC_INFO: Final = 26
TCP_SAVE_SYN: Final = 27
TCP_SAVED_SYN: Final = 28
TCP_REPAIR_WINDOW: Final = 29
TCP_FASTOPEN_CONNECT: Final = 30
TCP_ULP: Final = 31
TCP_MD5SIG_EXT: Final = 32
TCP_FASTOPEN_KEY: Final = 33
TCP_FASTOPEN_NO_COOKIE: Final = 34
TCP_ZEROCOPY_RECEIVE: Final = 35
TCP_INQ: Final = 36
TCP_TX_DELAY: Final = 37
TCP_AO_ADD_KEY: Final = 38
TCP_IS_MPTCP: Final = 43
TCP_RTO_MAX_MS: Final = 44
TCP_RTO_MIN_US: Final = 45
TCP_DELACK_MAX_US: Final = 46

UDP_CORK: Final = 1
UDPLITE_SEND_CSCOV: Final = 10
UDPLITE_RECV_CSCOV: Final = 11
UDP_SEGMENT: Final = 103
UDP_GRO: Final = 104

ICMP_FILTER: Final = 1
ICMPV6_FILTER: Final = 1

PACKET_ADD_MEMBERSHIP: Final = 1
PACKET_DROP_MEMBERSHIP: Final = 2
PACKET_RX_RING: Final = 5
PACKET_STATISTICS: Final = 6
PACKET_COPY_THRESH: Final = 7
PACKET_AUXDATA: Final = 8
PACKET_ORIGDEV: Final = 9
PACKET_VERSION: Final = 10
PACKET_HDRLEN: Final = 11
PACKET_RESERVE: Final = 12
PACKET_TX_RING: Final = 13
PACKET_LOSS: Final = 14
PACKET_VNET_HDR: Final = 15
PACKET_TIMESTAMP: Final = 17
PACKET_FANOUT: Final = 18
PACKET_TX_HAS_OFF: Final = 19
PACKET_QDISC_BYPASS: Final = 20
PACKET_IGNORE_OUTGOING: Final = 23


NETLINK_ADD_MEMBERSHIP: Final = 1
NETLINK_DROP_MEMBERSHIP: Final = 2
NETLINK_PKTINFO: Final = 3
NETLINK_BROADCAST_ERROR: Final = 4
NETLINK_NO_ENOBUFS: Final = 5
NETLINK_LISTEN_ALL_NSID: Final = 8
NETLINK_LIST_MEMBERSHIPS: Final = 9
NETLINK_CAP_ACK: Final = 10
NETLINK_EXT_ACK: Final = 11
NETLINK_GET_STRICT_CHK: Final = 12


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


OPTIONS: Final[list[SocketOption]] = [
    *_rows(
        SOL_SOCKET,
        ACTS,
        0,
        [
            (SO_DEBUG, "SO_DEBUG", "needs CAP_NET_ADMIN; does nothing, in Linux neither"),
            (SO_REUSEADDR, "SO_REUSEADDR", ""),
            (SO_BROADCAST, "SO_BROADCAST", ""),
            (SO_DONTROUTE, "SO_DONTROUTE", "IPv4 without gateways; IPv6 takes no notice, in Linux neither"),
            (SO_SNDBUF, "SO_SNDBUF", "doubled, bounded by net.core.wmem_max, at least 4608"),
            (SO_RCVBUF, "SO_RCVBUF", "doubled, bounded by net.core.rmem_max, at least 2304"),
            (SO_SNDBUFFORCE, "SO_SNDBUFFORCE", "needs CAP_NET_ADMIN"),
            (SO_RCVBUFFORCE, "SO_RCVBUFFORCE", "needs CAP_NET_ADMIN"),
            (SO_KEEPALIVE, "SO_KEEPALIVE", ""),
            (SO_OOBINLINE, "SO_OOBINLINE", "TCP and AF_UNIX streams"),
            (SO_LINGER, "SO_LINGER", "0: close() resets; with a time, close() waits, O_NONBLOCK or not"),
            (SO_BSDCOMPAT, "SO_BSDCOMPAT", "taken and forgotten, as in Linux"),
            (SO_REUSEPORT, "SO_REUSEPORT", "EOPNOTSUPP for AF_UNIX"),
            (SO_PASSCRED, "SO_PASSCRED", "AF_UNIX and AF_NETLINK; EOPNOTSUPP for others"),
            (SO_PASSPIDFD, "SO_PASSPIDFD", "AF_UNIX; EOPNOTSUPP for others"),
            (SO_RCVLOWAT, "SO_RCVLOWAT", ""),
            (SO_RCVTIMEO, "SO_RCVTIMEO", "rounded up to 4 ms, as with HZ=250"),
            (SO_SNDTIMEO, "SO_SNDTIMEO", "rounded up to 4 ms, as with HZ=250"),
            (SO_BINDTODEVICE, "SO_BINDTODEVICE", ""),
            (SO_BINDTOIFINDEX, "SO_BINDTOIFINDEX", ""),
            (SO_MAX_PACING_RATE, "SO_MAX_PACING_RATE", "TCP; kept for others, as Linux without fq"),
            (SO_TIMESTAMP, "SO_TIMESTAMP", "datagram sockets and TCP"),
            (SO_TIMESTAMPNS, "SO_TIMESTAMPNS", "datagram sockets and TCP"),
            (SO_ATTACH_FILTER, "SO_ATTACH_FILTER", "classic BPF"),
            (SO_DETACH_FILTER, "SO_DETACH_FILTER", ""),
            (SO_LOCK_FILTER, "SO_LOCK_FILTER", ""),
            (SO_ATTACH_BPF, "SO_ATTACH_BPF", "EBADF or EINVAL: no descriptor here is an eBPF program"),
            (SO_ATTACH_REUSEPORT_CBPF, "SO_ATTACH_REUSEPORT_CBPF", "classic BPF"),
            (SO_ATTACH_REUSEPORT_EBPF, "SO_ATTACH_REUSEPORT_EBPF", "as SO_ATTACH_BPF"),
            (SO_DETACH_REUSEPORT_BPF, "SO_DETACH_REUSEPORT_BPF", ""),
            (SO_TIMESTAMPING, "SO_TIMESTAMPING", "TCP, UDP, raw, ping; by software; no OPT_STATS"),
            (SO_RXQ_OVFL, "SO_RXQ_OVFL", "datagram sockets"),
            (
                SO_ZEROCOPY,
                "SO_ZEROCOPY",
                "TCP, UDP; notices say that data was copied, as over loopback",
            ),
            (SO_PEEK_OFF, "SO_PEEK_OFF", "UDP, TCP, AF_UNIX; EOPNOTSUPP for others"),
            (SO_INCOMING_CPU, "SO_INCOMING_CPU", "decides among SO_REUSEPORT members; there is one CPU"),
        ],
    ),
    *_rows(
        SOL_SOCKET,
        KEPT,
        0,
        [
            (SO_PRIORITY, "SO_PRIORITY", "above 6 needs CAP_NET_ADMIN"),
            (SO_MARK, "SO_MARK", "needs CAP_NET_ADMIN"),
            (SO_NO_CHECK, "SO_NO_CHECK", "checksums are filled in all the same"),
            (SO_PASSSEC, "SO_PASSSEC", "AF_UNIX and AF_NETLINK; there is no security module"),
            (SO_WIFI_STATUS, "SO_WIFI_STATUS", ""),
            (SO_NOFCS, "SO_NOFCS", ""),
            (SO_BUSY_POLL, "SO_BUSY_POLL", "raising it needs CAP_NET_ADMIN"),
            (SO_PREFER_BUSY_POLL, "SO_PREFER_BUSY_POLL", "needs CAP_NET_ADMIN"),
            (SO_BUSY_POLL_BUDGET, "SO_BUSY_POLL_BUDGET", "cannot be read, as in Linux"),
            (SO_TXREHASH, "SO_TXREHASH", "TCP; there is one way to a destination"),
        ],
    ),
    *_rows(
        SOL_SOCKET,
        READ_ONLY,
        ENOPROTOOPT,
        [
            (SO_TYPE, "SO_TYPE", ""),
            (SO_ERROR, "SO_ERROR", "reading clears it"),
            (SO_PROTOCOL, "SO_PROTOCOL", ""),
            (SO_DOMAIN, "SO_DOMAIN", ""),
            (SO_ACCEPTCONN, "SO_ACCEPTCONN", ""),
            (SO_PEERCRED, "SO_PEERCRED", ""),
            (SO_PEERPIDFD, "SO_PEERPIDFD", "AF_UNIX; ENODATA for others"),
            (SO_INCOMING_NAPI_ID, "SO_INCOMING_NAPI_ID", "0, as of a device without NAPI"),
            (SO_SNDLOWAT, "SO_SNDLOWAT", "always 1"),
            (SO_COOKIE, "SO_COOKIE", ""),
            (
                SO_MEMINFO,
                "SO_MEMINFO",
                "what the buffers hold, their limits, and datagrams dropped",
            ),
            (SO_BPF_EXTENSIONS, "SO_BPF_EXTENSIONS", "64, as Linux"),
        ],
    ),
    *_rows(
        SOL_SOCKET,
        REFUSED,
        ENOPROTOOPT,
        [
            (SO_PEERNAME, "SO_PEERNAME", "use getpeername()"),
            (SO_PEERSEC, "SO_PEERSEC", "no security module, as Linux answers without one"),
            (SO_TXTIME, "SO_TXTIME", ""),
        ],
    ),
    *_rows(
        SOL_IP,
        ACTS,
        0,
        [
            (IP_TOS, "IP_TOS", "the ECN bits of a TCP socket are TCP's own"),
            (IP_TTL, "IP_TTL", ""),
            (IP_HDRINCL, "IP_HDRINCL", "raw sockets; on by itself for IPPROTO_RAW"),
            (IP_PKTINFO, "IP_PKTINFO", "UDP; as control data of sendmsg() too"),
            (IP_MTU_DISCOVER, "IP_MTU_DISCOVER", ""),
            (IP_RECVERR, "IP_RECVERR", "TCP fails at once on an ICMP error"),
            (IP_RECVTTL, "IP_RECVTTL", "UDP"),
            (IP_RECVTOS, "IP_RECVTOS", "UDP"),
            (IP_RECVORIGDSTADDR, "IP_RECVORIGDSTADDR", "UDP"),
            (IP_FREEBIND, "IP_FREEBIND", ""),
            (IP_TRANSPARENT, "IP_TRANSPARENT", "for bind(); needs CAP_NET_ADMIN or CAP_NET_RAW"),
            (IP_BIND_ADDRESS_NO_PORT, "IP_BIND_ADDRESS_NO_PORT", ""),
            (IP_LOCAL_PORT_RANGE, "IP_LOCAL_PORT_RANGE", ""),
            (IP_MULTICAST_IF, "IP_MULTICAST_IF", ""),
            (IP_MULTICAST_TTL, "IP_MULTICAST_TTL", ""),
            (IP_MULTICAST_LOOP, "IP_MULTICAST_LOOP", ""),
            (IP_MULTICAST_ALL, "IP_MULTICAST_ALL", ""),
            (IP_ADD_MEMBERSHIP, "IP_ADD_MEMBERSHIP", ""),
            (IP_DROP_MEMBERSHIP, "IP_DROP_MEMBERSHIP", ""),
            (IP_ADD_SOURCE_MEMBERSHIP, "IP_ADD_SOURCE_MEMBERSHIP", ""),
            (IP_DROP_SOURCE_MEMBERSHIP, "IP_DROP_SOURCE_MEMBERSHIP", ""),
            (IP_BLOCK_SOURCE, "IP_BLOCK_SOURCE", ""),
            (IP_UNBLOCK_SOURCE, "IP_UNBLOCK_SOURCE", ""),
        ],
    ),
    *_rows(SOL_IP, READ_ONLY, ENOPROTOOPT, [(IP_MTU, "IP_MTU", "of a connected socket's route")]),
    *_rows(
        SOL_IP,
        REFUSED,
        ENOPROTOOPT,
        [
            (IP_OPTIONS, "IP_OPTIONS", "no IP options"),
            (IP_RECVOPTS, "IP_RECVOPTS", "no IP options"),
            (IP_MINTTL, "IP_MINTTL", ""),
            (IP_UNICAST_IF, "IP_UNICAST_IF", ""),
            (MCAST_JOIN_GROUP, "MCAST_JOIN_GROUP", "use IP_ADD_MEMBERSHIP"),
            (MCAST_LEAVE_GROUP, "MCAST_LEAVE_GROUP", "use IP_DROP_MEMBERSHIP"),
        ],
    ),
    *_rows(
        SOL_IPV6,
        ACTS,
        0,
        [
            (IPV6_V6ONLY, "IPV6_V6ONLY", ""),
            (IPV6_CHECKSUM, "IPV6_CHECKSUM", "raw sockets; of level IPPROTO_RAW too"),
            (IPV6_HDRINCL, "IPV6_HDRINCL", "raw sockets; on by itself for IPPROTO_RAW"),
            (IPV6_UNICAST_HOPS, "IPV6_UNICAST_HOPS", ""),
            (IPV6_TCLASS, "IPV6_TCLASS", ""),
            (IPV6_MTU_DISCOVER, "IPV6_MTU_DISCOVER", ""),
            (IPV6_RECVPKTINFO, "IPV6_RECVPKTINFO", "UDP"),
            (IPV6_RECVERR, "IPV6_RECVERR", "the error queue is UDP's"),
            (IPV6_RECVHOPLIMIT, "IPV6_RECVHOPLIMIT", "UDP"),
            (IPV6_RECVTCLASS, "IPV6_RECVTCLASS", "UDP"),
            (IPV6_MULTICAST_IF, "IPV6_MULTICAST_IF", ""),
            (IPV6_MULTICAST_HOPS, "IPV6_MULTICAST_HOPS", ""),
            (IPV6_MULTICAST_LOOP, "IPV6_MULTICAST_LOOP", ""),
            (IPV6_MULTICAST_ALL, "IPV6_MULTICAST_ALL", ""),
            (IPV6_JOIN_GROUP, "IPV6_JOIN_GROUP", ""),
            (IPV6_LEAVE_GROUP, "IPV6_LEAVE_GROUP", ""),
        ],
    ),
    *_rows(SOL_IPV6, READ_ONLY, ENOPROTOOPT, [(IPV6_MTU, "IPV6_MTU", "of a connected socket's route")]),
    *_rows(
        SOL_IPV6,
        REFUSED,
        ENOPROTOOPT,
        [
            (IPV6_PKTINFO, "IPV6_PKTINFO", "as control data of sendmsg() only"),
            (IPV6_HOPLIMIT, "IPV6_HOPLIMIT", "as control data of sendmsg() only"),
            (IPV6_DONTFRAG, "IPV6_DONTFRAG", ""),
        ],
    ),
    *_rows(
        SOL_TCP,
        ACTS,
        0,
        [
            (TCP_NODELAY, "TCP_NODELAY", ""),
            (TCP_MAXSEG, "TCP_MAXSEG", ""),
            (TCP_CORK, "TCP_CORK", ""),
            (TCP_KEEPIDLE, "TCP_KEEPIDLE", ""),
            (TCP_KEEPINTVL, "TCP_KEEPINTVL", ""),
            (TCP_KEEPCNT, "TCP_KEEPCNT", ""),
            (TCP_SYNCNT, "TCP_SYNCNT", ""),
            (TCP_LINGER2, "TCP_LINGER2", ""),
            (TCP_DEFER_ACCEPT, "TCP_DEFER_ACCEPT", ""),
            (TCP_WINDOW_CLAMP, "TCP_WINDOW_CLAMP", ""),
            (TCP_QUICKACK, "TCP_QUICKACK", ""),
            (TCP_CONGESTION, "TCP_CONGESTION", "reno, bbr, cubic"),
            (TCP_USER_TIMEOUT, "TCP_USER_TIMEOUT", ""),
            (TCP_NOTSENT_LOWAT, "TCP_NOTSENT_LOWAT", ""),
            (TCP_FASTOPEN, "TCP_FASTOPEN", "data in the SYN is taken if net.ipv4.tcp_fastopen has bit 2"),
            (TCP_FASTOPEN_CONNECT, "TCP_FASTOPEN_CONNECT", ""),
            (TCP_FASTOPEN_KEY, "TCP_FASTOPEN_KEY", ""),
            (TCP_FASTOPEN_NO_COOKIE, "TCP_FASTOPEN_NO_COOKIE", ""),
            (TCP_INQ, "TCP_INQ", ""),
            (TCP_SAVE_SYN, "TCP_SAVE_SYN", ""),
            (TCP_THIN_LINEAR_TIMEOUTS, "TCP_THIN_LINEAR_TIMEOUTS", ""),
            (TCP_THIN_DUPACK, "TCP_THIN_DUPACK", "taken and without effect, as in Linux since 4.16"),
            (TCP_RTO_MAX_MS, "TCP_RTO_MAX_MS", ""),
            (TCP_RTO_MIN_US, "TCP_RTO_MIN_US", ""),
            (TCP_DELACK_MAX_US, "TCP_DELACK_MAX_US", ""),
        ],
    ),
    *_rows(
        SOL_TCP,
        READ_ONLY,
        ENOPROTOOPT,
        [
            (TCP_INFO, "TCP_INFO", ""),
            (TCP_CC_INFO, "TCP_CC_INFO", "of bbr; empty for others, as in Linux"),
            (TCP_SAVED_SYN, "TCP_SAVED_SYN", "once for each connection of a listener with TCP_SAVE_SYN"),
            (TCP_IS_MPTCP, "TCP_IS_MPTCP", "always 0"),
        ],
    ),
    *_rows(
        SOL_TCP,
        REFUSED,
        ENOPROTOOPT,
        [
            (TCP_MD5SIG, "TCP_MD5SIG", "as a kernel built without it"),
            (TCP_MD5SIG_EXT, "TCP_MD5SIG_EXT", "as a kernel built without it"),
            (TCP_AO_ADD_KEY, "TCP_AO_ADD_KEY", "as a kernel built without it"),
            (TCP_TIMESTAMP, "TCP_TIMESTAMP", "for TCP_REPAIR, which is not there"),
            (TCP_QUEUE_SEQ, "TCP_QUEUE_SEQ", "for TCP_REPAIR"),
            (TCP_REPAIR_QUEUE, "TCP_REPAIR_QUEUE", "for TCP_REPAIR"),
            (TCP_REPAIR_OPTIONS, "TCP_REPAIR_OPTIONS", "for TCP_REPAIR"),
            (TCP_REPAIR_WINDOW, "TCP_REPAIR_WINDOW", "for TCP_REPAIR"),
            (TCP_ZEROCOPY_RECEIVE, "TCP_ZEROCOPY_RECEIVE", "no memory to map"),
            (TCP_TX_DELAY, "TCP_TX_DELAY", "no queueing discipline that would delay; use a link's latency"),
            (TCP_ULP, "TCP_ULP", "no kernel TLS; programs fall back to their own"),
        ],
    ),
    *_rows(
        SOL_TCP,
        REFUSED,
        EOPNOTSUPP,
        [
            (TCP_REPAIR, "TCP_REPAIR", ""),
        ],
    ),
    *_rows(
        SOL_RAW,
        ACTS,
        0,
        [
            (ICMP_FILTER, "ICMP_FILTER", "of an AF_INET raw socket of IPPROTO_ICMP"),
            (IPV6_CHECKSUM, "IPV6_CHECKSUM", "of an AF_INET6 raw socket"),
        ],
    ),
    *_rows(SOL_ICMPV6, ACTS, 0, [(ICMPV6_FILTER, "ICMPV6_FILTER", "of a raw socket of IPPROTO_ICMPV6")]),
    *_rows(
        SOL_PACKET,
        ACTS,
        0,
        [
            (PACKET_ADD_MEMBERSHIP, "PACKET_ADD_MEMBERSHIP", "interfaces take all multicasts by themselves"),
            (PACKET_DROP_MEMBERSHIP, "PACKET_DROP_MEMBERSHIP", ""),
            (PACKET_AUXDATA, "PACKET_AUXDATA", "checksums are always filled in"),
            (PACKET_ORIGDEV, "PACKET_ORIGDEV", "there are no stacked devices"),
            (PACKET_QDISC_BYPASS, "PACKET_QDISC_BYPASS", "other packet sockets do not see what is sent"),
            (PACKET_IGNORE_OUTGOING, "PACKET_IGNORE_OUTGOING", ""),
        ],
    ),
    *_rows(
        SOL_PACKET, READ_ONLY, ENOPROTOOPT, [(PACKET_STATISTICS, "PACKET_STATISTICS", "reading clears it")]
    ),
    *_rows(
        SOL_PACKET,
        REFUSED,
        ENOPROTOOPT,
        [
            (PACKET_RX_RING, "PACKET_RX_RING", "no memory to share with programs"),
            (PACKET_TX_RING, "PACKET_TX_RING", "no memory to share with programs"),
            (PACKET_VERSION, "PACKET_VERSION", "of rings"),
            (PACKET_HDRLEN, "PACKET_HDRLEN", "of rings"),
            (PACKET_RESERVE, "PACKET_RESERVE", "of rings"),
            (PACKET_COPY_THRESH, "PACKET_COPY_THRESH", "of rings"),
            (PACKET_LOSS, "PACKET_LOSS", "of rings"),
            (PACKET_TX_HAS_OFF, "PACKET_TX_HAS_OFF", "of rings"),
            (PACKET_TIMESTAMP, "PACKET_TIMESTAMP", "no hardware"),
            (PACKET_VNET_HDR, "PACKET_VNET_HDR", "no offloads"),
            (PACKET_FANOUT, "PACKET_FANOUT", ""),
        ],
    ),
    *_rows(
        SOL_UDP,
        ACTS,
        0,
        [
            (UDP_CORK, "UDP_CORK", ""),
            (UDP_SEGMENT, "UDP_SEGMENT", "as control data of sendmsg() too"),
            (UDP_GRO, "UDP_GRO", "merges datagrams of a flow that arrive at one moment"),
        ],
    ),
    *_rows(
        SOL_UDPLITE,
        ACTS,
        0,
        [
            (UDPLITE_SEND_CSCOV, "UDPLITE_SEND_CSCOV", ""),
            (UDPLITE_RECV_CSCOV, "UDPLITE_RECV_CSCOV", ""),
        ],
    ),
    *_rows(
        SOL_NETLINK,
        ACTS,
        0,
        [
            (NETLINK_ADD_MEMBERSHIP, "NETLINK_ADD_MEMBERSHIP", ""),
            (NETLINK_DROP_MEMBERSHIP, "NETLINK_DROP_MEMBERSHIP", ""),
            (NETLINK_PKTINFO, "NETLINK_PKTINFO", ""),
            (NETLINK_BROADCAST_ERROR, "NETLINK_BROADCAST_ERROR", "the kernel here has nobody to tell"),
            (NETLINK_NO_ENOBUFS, "NETLINK_NO_ENOBUFS", ""),
            (NETLINK_LISTEN_ALL_NSID, "NETLINK_LISTEN_ALL_NSID", "there is one namespace"),
            (NETLINK_CAP_ACK, "NETLINK_CAP_ACK", ""),
            (NETLINK_EXT_ACK, "NETLINK_EXT_ACK", "the words are our own"),
            (NETLINK_GET_STRICT_CHK, "NETLINK_GET_STRICT_CHK", ""),
        ],
    ),
    *_rows(
        SOL_NETLINK,
        READ_ONLY,
        ENOPROTOOPT,
        [(NETLINK_LIST_MEMBERSHIPS, "NETLINK_LIST_MEMBERSHIPS", "")],
    ),
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
