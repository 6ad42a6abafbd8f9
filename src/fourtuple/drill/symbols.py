"""The constants scripts name, with Linux's numbers (``include/uapi``)."""

from __future__ import annotations

import errno
from typing import Final

from ..kernel.sockopt_table import OPTIONS

_SOCKETS: Final = {
    "AF_UNSPEC": 0,
    "AF_UNIX": 1,
    "AF_INET": 2,
    "AF_INET6": 10,
    "PF_UNSPEC": 0,
    "PF_INET": 2,
    "PF_INET6": 10,
    "SOCK_STREAM": 1,
    "SOCK_DGRAM": 2,
    "SOCK_RAW": 3,
    "SOCK_SEQPACKET": 5,
    "SOCK_NONBLOCK": 0o4000,
    "SOCK_CLOEXEC": 0o2000000,
    "IPPROTO_IP": 0,
    "IPPROTO_ICMP": 1,
    "IPPROTO_TCP": 6,
    "IPPROTO_UDP": 17,
    "IPPROTO_IPV6": 41,
    "IPPROTO_ICMPV6": 58,
    "IPPROTO_RAW": 255,
    "IPPROTO_SCTP": 132,
    "IPPROTO_MPTCP": 262,
    "SOL_IP": 0,
    "SOL_SOCKET": 1,
    "SOL_TCP": 6,
    "SOL_UDP": 17,
    "SOL_IPV6": 41,
    "SHUT_RD": 0,
    "SHUT_WR": 1,
    "SHUT_RDWR": 2,
    "SOMAXCONN": 4096,
    "INADDR_ANY": 0,
    "SIOCINQ": 0x541B,
    "FIONREAD": 0x541B,
    "SIOCOUTQ": 0x5411,
    "TIOCOUTQ": 0x5411,
    "SIOCOUTQNSD": 0x894B,
    "SIOCATMARK": 0x8905,
    "FIONBIO": 0x5421,
    "MSG_OOB": 0x1,
    "MSG_PEEK": 0x2,
    "MSG_DONTROUTE": 0x4,
    "MSG_CTRUNC": 0x8,
    "MSG_PROXY": 0x10,
    "MSG_PROBE": 0x10,
    "MSG_TRUNC": 0x20,
    "MSG_DONTWAIT": 0x40,
    "MSG_EOR": 0x80,
    "MSG_WAITALL": 0x100,
    "MSG_FIN": 0x200,
    "MSG_SYN": 0x400,
    "MSG_CONFIRM": 0x800,
    "MSG_RST": 0x1000,
    "MSG_ERRQUEUE": 0x2000,
    "MSG_NOSIGNAL": 0x4000,
    "MSG_MORE": 0x8000,
    "MSG_WAITFORONE": 0x10000,
    "MSG_BATCH": 0x40000,
    "MSG_SOCK_DEVMEM": 0x2000000,
    "MSG_ZEROCOPY": 0x4000000,
    "MSG_FASTOPEN": 0x20000000,
    "MSG_CMSG_CLOEXEC": 0x40000000,
}

_FILES: Final = {
    "O_RDONLY": 0,
    "O_WRONLY": 1,
    "O_RDWR": 2,
    "O_ACCMODE": 3,
    "O_CREAT": 0o100,
    "O_EXCL": 0o200,
    "O_NOCTTY": 0o400,
    "O_TRUNC": 0o1000,
    "O_APPEND": 0o2000,
    "O_NONBLOCK": 0o4000,
    "O_NDELAY": 0o4000,
    "O_ASYNC": 0o20000,
    "O_DIRECT": 0o40000,
    "O_CLOEXEC": 0o2000000,
    "F_DUPFD": 0,
    "F_GETFD": 1,
    "F_SETFD": 2,
    "F_GETFL": 3,
    "F_SETFL": 4,
    "F_GETLK": 5,
    "F_SETLK": 6,
    "F_SETLKW": 7,
    "F_SETOWN": 8,
    "F_GETOWN": 9,
    "F_SETSIG": 10,
    "F_GETSIG": 11,
    "F_SETLEASE": 1024,
    "F_GETLEASE": 1025,
    "F_NOTIFY": 1026,
    "F_DUPFD_CLOEXEC": 1030,
    "F_SETPIPE_SZ": 1031,
    "F_GETPIPE_SZ": 1032,
    "FD_CLOEXEC": 1,
    "LOCK_SH": 1,
    "LOCK_EX": 2,
    "LOCK_NB": 4,
    "LOCK_UN": 8,
    "F_RDLCK": 0,
    "F_WRLCK": 1,
    "F_UNLCK": 2,
    "F_EXLCK": 4,
    "F_SHLCK": 8,
    "SEEK_SET": 0,
    "SEEK_CUR": 1,
    "SEEK_END": 2,
    "SPLICE_F_MOVE": 1,
    "SPLICE_F_NONBLOCK": 2,
    "SPLICE_F_MORE": 4,
    "SPLICE_F_GIFT": 8,
    "NULL": 0,
}

_POLL: Final = {
    "POLLIN": 0x1,
    "POLLPRI": 0x2,
    "POLLOUT": 0x4,
    "POLLERR": 0x8,
    "POLLHUP": 0x10,
    "POLLNVAL": 0x20,
    "POLLRDNORM": 0x40,
    "POLLRDBAND": 0x80,
    "POLLWRNORM": 0x100,
    "POLLWRBAND": 0x200,
    "POLLMSG": 0x400,
    "POLLREMOVE": 0x1000,
    "POLLRDHUP": 0x2000,
    "EPOLL_CTL_ADD": 1,
    "EPOLL_CTL_DEL": 2,
    "EPOLL_CTL_MOD": 3,
    "EPOLLIN": 0x1,
    "EPOLLPRI": 0x2,
    "EPOLLOUT": 0x4,
    "EPOLLERR": 0x8,
    "EPOLLHUP": 0x10,
    "EPOLLRDNORM": 0x40,
    "EPOLLRDBAND": 0x80,
    "EPOLLWRNORM": 0x100,
    "EPOLLWRBAND": 0x200,
    "EPOLLMSG": 0x400,
    "EPOLLRDHUP": 0x2000,
    "EPOLLEXCLUSIVE": 1 << 28,
    "EPOLLWAKEUP": 1 << 29,
    "EPOLLONESHOT": 1 << 30,
    "EPOLLET": 1 << 31,
    "EPOLL_CLOEXEC": 0o2000000,
}

# Options whose numbers the kernel's table does not have, or has under another name.
_MORE_OPTIONS: Final = {
    "SO_SECURITY_AUTHENTICATION": 22,
    "SO_SECURITY_ENCRYPTION_TRANSPORT": 23,
    "SO_SECURITY_ENCRYPTION_NETWORK": 24,
    "SO_LOCK_FILTER": 44,
    "SO_SELECT_ERR_QUEUE": 45,
    "SO_TXREHASH": 74,
    "SO_RCVMARK": 75,
    "SO_RESERVE_MEM": 73,
    "IP_RECVERR_RFC4884": 26,
    "IP_ROUTER_ALERT": 5,
    "IP_RETOPTS": 7,
    "IP_NODEFRAG": 22,
    "IP_CHECKSUM": 23,
    "IP_LOCAL_PORT_RANGE": 51,
    "IPV6_HOPOPTS": 54,
    "IPV6_RTHDR": 57,
    "IPV6_FLOWINFO": 11,
    "IPV6_FLOWINFO_SEND": 33,
    "IPV6_FLOWLABEL_MGR": 32,
    "IPV6_AUTOFLOWLABEL": 70,
    "IPV6_ADDR_PREFERENCES": 72,
    "IPV6_MINHOPCOUNT": 73,
    "IPV6_FREEBIND": 78,
    "IPV6_TRANSPARENT": 75,
    "IPV6_PMTUDISC_DONT": 0,
    "IPV6_PMTUDISC_WANT": 1,
    "IPV6_PMTUDISC_DO": 2,
    "IPV6_PMTUDISC_PROBE": 3,
    "IP_PMTUDISC_DONT": 0,
    "IP_PMTUDISC_WANT": 1,
    "IP_PMTUDISC_DO": 2,
    "IP_PMTUDISC_PROBE": 3,
    "IP_PMTUDISC_INTERFACE": 4,
    "IP_PMTUDISC_OMIT": 5,
    "TCP_COOKIE_TRANSACTIONS": 15,
    "TCP_THIN_DUPACK": 17,
    "TCP_QUEUE_SEQ": 21,
    "TCP_REPAIR_QUEUE": 20,
    "TCP_REPAIR_OPTIONS": 22,
    "TCP_CC_INFO": 26,
    "TCP_SAVED_SYN": 28,
    "TCP_REPAIR_WINDOW": 29,
    "TCP_FASTOPEN_KEY": 33,
    "TCP_FASTOPEN_NO_COOKIE": 34,
    "TCP_ZEROCOPY_RECEIVE": 35,
    "TCP_INQ": 36,
    "TCP_CM_INQ": 36,
    "TCP_TX_DELAY": 37,
    "TCP_RTO_MAX_MS": 44,
    "TCP_RTO_MIN_US": 45,
    "TCP_DELACK_MAX_US": 46,
}

_TIMESTAMPING: Final = {
    "SOF_TIMESTAMPING_TX_HARDWARE": 1 << 0,
    "SOF_TIMESTAMPING_TX_SOFTWARE": 1 << 1,
    "SOF_TIMESTAMPING_RX_HARDWARE": 1 << 2,
    "SOF_TIMESTAMPING_RX_SOFTWARE": 1 << 3,
    "SOF_TIMESTAMPING_SOFTWARE": 1 << 4,
    "SOF_TIMESTAMPING_SYS_HARDWARE": 1 << 5,
    "SOF_TIMESTAMPING_RAW_HARDWARE": 1 << 6,
    "SOF_TIMESTAMPING_OPT_ID": 1 << 7,
    "SOF_TIMESTAMPING_TX_SCHED": 1 << 8,
    "SOF_TIMESTAMPING_TX_ACK": 1 << 9,
    "SOF_TIMESTAMPING_OPT_CMSG": 1 << 10,
    "SOF_TIMESTAMPING_OPT_TSONLY": 1 << 11,
    "SOF_TIMESTAMPING_OPT_STATS": 1 << 12,
    "SOF_TIMESTAMPING_OPT_PKTINFO": 1 << 13,
    "SOF_TIMESTAMPING_OPT_TX_SWHW": 1 << 14,
    "SOF_TIMESTAMPING_BIND_PHC": 1 << 15,
    "SOF_TIMESTAMPING_OPT_ID_TCP": 1 << 16,
    "SOF_TIMESTAMPING_OPT_RX_FILTER": 1 << 17,
    "SOF_TIMESTAMPING_TX_COMPLETION": 1 << 18,
    "SCM_RIGHTS": 1,
    "SCM_CREDENTIALS": 2,
    "SCM_TIMESTAMP": 29,
    "SCM_TIMESTAMPNS": 35,
    "SCM_TIMESTAMPING": 37,
    "SCM_TIMESTAMPING_OPT_STATS": 54,
    "SCM_TSTAMP_SND": 0,
    "SCM_TSTAMP_SCHED": 1,
    "SCM_TSTAMP_ACK": 2,
    "SCM_TSTAMP_COMPLETION": 3,
    "SO_EE_ORIGIN_NONE": 0,
    "SO_EE_ORIGIN_LOCAL": 1,
    "SO_EE_ORIGIN_ICMP": 2,
    "SO_EE_ORIGIN_ICMP6": 3,
    "SO_EE_ORIGIN_TXSTATUS": 4,
    "SO_EE_ORIGIN_TIMESTAMPING": 4,
    "SO_EE_ORIGIN_ZEROCOPY": 5,
    "SO_EE_CODE_ZEROCOPY_COPIED": 1,
}

STATISTICS: Final = (
    "TCP_NLA_PAD",
    "TCP_NLA_BUSY",
    "TCP_NLA_RWND_LIMITED",
    "TCP_NLA_SNDBUF_LIMITED",
    "TCP_NLA_DATA_SEGS_OUT",
    "TCP_NLA_TOTAL_RETRANS",
    "TCP_NLA_PACING_RATE",
    "TCP_NLA_DELIVERY_RATE",
    "TCP_NLA_SND_CWND",
    "TCP_NLA_REORDERING",
    "TCP_NLA_MIN_RTT",
    "TCP_NLA_RECUR_RETRANS",
    "TCP_NLA_DELIVERY_RATE_APP_LMT",
    "TCP_NLA_SNDQ_SIZE",
    "TCP_NLA_CA_STATE",
    "TCP_NLA_SND_SSTHRESH",
    "TCP_NLA_DELIVERED",
    "TCP_NLA_DELIVERED_CE",
    "TCP_NLA_BYTES_SENT",
    "TCP_NLA_BYTES_RETRANS",
    "TCP_NLA_DSACK_DUPS",
    "TCP_NLA_REORD_SEEN",
    "TCP_NLA_SRTT",
    "TCP_NLA_TIMEOUT_REHASH",
    "TCP_NLA_BYTES_NOTSENT",
    "TCP_NLA_EDT",
    "TCP_NLA_TTL",
    "TCP_NLA_REHASH",
)
"""Attributes of SCM_TIMESTAMPING_OPT_STATS by number."""

_TCP: Final = {
    "TCP_ESTABLISHED": 1,
    "TCP_SYN_SENT": 2,
    "TCP_SYN_RECV": 3,
    "TCP_FIN_WAIT1": 4,
    "TCP_FIN_WAIT2": 5,
    "TCP_TIME_WAIT": 6,
    "TCP_CLOSE": 7,
    "TCP_CLOSE_WAIT": 8,
    "TCP_LAST_ACK": 9,
    "TCP_LISTEN": 10,
    "TCP_CLOSING": 11,
    "TCP_CA_Open": 0,
    "TCP_CA_Disorder": 1,
    "TCP_CA_CWR": 2,
    "TCP_CA_Recovery": 3,
    "TCP_CA_Loss": 4,
    "TCPI_OPT_TIMESTAMPS": 1,
    "TCPI_OPT_SACK": 2,
    "TCPI_OPT_WSCALE": 4,
    "TCPI_OPT_ECN": 8,
    "TCPI_OPT_ECN_SEEN": 16,
    "TCPI_OPT_SYN_DATA": 32,
    "TCPI_OPT_USEC_TS": 64,
    "TCPI_OPT_TFO_CHILD": 128,
    "TCP_INFINITE_SSTHRESH": 0x7FFFFFFF,
    "TFO_STATUS_UNSPEC": 0,
    "TFO_COOKIE_UNAVAILABLE": 1,
    "TFO_DATA_NOT_ACKED": 2,
    "TFO_SYN_RETRANSMITTED": 3,
}
"""What Python blocks find defined, beside tcpi_*."""

_CAPABILITY_NAMES: Final = (
    "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE "
    "NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT "
    "SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE "
    "AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ "
    "PERFMON BPF CHECKPOINT_RESTORE"
)
_CAPABILITIES: Final = {
    "CAP_EFFECTIVE": 0,
    "CAP_PERMITTED": 1,
    "CAP_INHERITABLE": 2,
    "CAP_CLEAR": 0,
    "CAP_SET": 1,
    **{f"CAP_{name}": number for number, name in enumerate(_CAPABILITY_NAMES.split())},
}


def _build() -> dict[str, int]:
    table: dict[str, int] = {}
    for option in OPTIONS:
        table[option.symbol] = option.name
    for part in (_SOCKETS, _FILES, _POLL, _MORE_OPTIONS, _TIMESTAMPING, _TCP, _CAPABILITIES):
        table.update(part)
    for number, name in enumerate(STATISTICS):
        table[name] = number
        table[f"_{name}"] = number
    for name in ("Open", "Disorder", "CWR", "Recovery", "Loss"):
        table[f"_TCP_CA_{name}"] = _TCP[f"TCP_CA_{name}"]
    # errno.errorcode has one name a number, and not always the one that Linux prints.
    for name in dir(errno):
        if name.startswith("E"):
            table[name] = getattr(errno, name)
    return table


SYMBOLS: Final = _build()
"""Every constant a script may name."""

CODE_CONSTANTS: Final = _TCP


def symbol(name: str) -> int:
    """The number of ``name``. Raises ValueError naming it if there is none."""
    value = SYMBOLS.get(name)
    if value is None:
        raise ValueError(f"there is no symbol {name}")
    return value


def errno_name(code: int) -> str:
    """``EAGAIN`` for 11."""
    if code == errno.EOPNOTSUPP:
        return "EOPNOTSUPP"
    return errno.errorcode.get(code, f"errno {code}")


def flag_names(value: int, prefix: str) -> str:
    """The bits of ``value`` by the names that begin with ``prefix``, joined by ``|``; ``0`` for none.

    Names with the prefix and an underscore (EPOLL_CTL_ADD) are no bits.
    """
    names: list[str] = []
    left = value
    for name, bit in SYMBOLS.items():
        if not name.startswith(prefix) or name.startswith(prefix + "_"):
            continue
        if bit and bit & (bit - 1) == 0 and left & bit:
            names.append(name)
            left &= ~bit
    if left:
        names.append(hex(left))
    return "|".join(names) or "0"
