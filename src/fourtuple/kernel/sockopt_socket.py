"""Options of level SOL_SOCKET, alike for all families (Linux ``sk_setsockopt``, ``sk_getsockopt``)."""

from __future__ import annotations

from errno import EACCES, EDOM, EINVAL, ENODEV, ENOPROTOOPT, EOPNOTSUPP, EPERM
from typing import TYPE_CHECKING, Final

from ..stack.tcp.error_queue import ALL_BITS, OPT_ID, OPT_ID_TCP, OPT_STATS, OPT_TSONLY
from ..stack.tcp.state import UNLIMITED_RATE
from .error import KernelError
from .layout import pack_int, pack_linger, pack_timeval, pack_ucred, read_int, read_timeval, read_two_ints
from .process import CAP_NET_ADMIN, CAP_NET_RAW
from .sockaddr import AF_INET, AF_INET6, AF_NETLINK, AF_UNIX
from .sockopt import (
    SO_ACCEPTCONN,
    SO_ATTACH_FILTER,
    SO_BINDTODEVICE,
    SO_BINDTOIFINDEX,
    SO_BPF_EXTENSIONS,
    SO_BROADCAST,
    SO_BSDCOMPAT,
    SO_COOKIE,
    SO_DEBUG,
    SO_DOMAIN,
    SO_DONTROUTE,
    SO_ERROR,
    SO_INCOMING_CPU,
    SO_INCOMING_NAPI_ID,
    SO_KEEPALIVE,
    SO_LINGER,
    SO_LOCK_FILTER,
    SO_MARK,
    SO_MAX_PACING_RATE,
    SO_MEMINFO,
    SO_OOBINLINE,
    SO_PASSCRED,
    SO_PASSPIDFD,
    SO_PEEK_OFF,
    SO_PEERCRED,
    SO_PEERPIDFD,
    SO_PRIORITY,
    SO_PROTOCOL,
    SO_RCVBUF,
    SO_RCVBUFFORCE,
    SO_RCVLOWAT,
    SO_RCVTIMEO,
    SO_RCVTIMEO_NEW,
    SO_REUSEADDR,
    SO_REUSEPORT,
    SO_RXQ_OVFL,
    SO_SNDBUF,
    SO_SNDBUFFORCE,
    SO_SNDLOWAT,
    SO_SNDTIMEO,
    SO_SNDTIMEO_NEW,
    SO_TIMESTAMP,
    SO_TIMESTAMP_NEW,
    SO_TIMESTAMPING,
    SO_TIMESTAMPING_NEW,
    SO_TIMESTAMPNS,
    SO_TIMESTAMPNS_NEW,
    SO_TYPE,
    SO_ZEROCOPY,
)
from .sockopt_filter import FILTER_OPTIONS, get_filter, set_filter_option
from .sockopt_kept import KEPT_OPTIONS, get_kept_option, set_kept_option

if TYPE_CHECKING:
    from .socket import Socket

MIN_SNDBUF: Final = 4608
MIN_RCVBUF: Final = 2304
INT_MAX: Final = 0x7FFF_FFFF
IFNAMSIZ: Final = 16

_SKF_AD_MAX: Final = 64

_JIFFY: Final = 4_000_000
_MAX_TIMEOUT_SECONDS: Final = INT_MAX


def set_socket_option(socket: Socket, name: int, value: bytes) -> None:
    """Set an option the table says can be set."""
    if name == SO_BINDTODEVICE:
        _bind_to_device(socket, value)
        return
    if name in FILTER_OPTIONS:
        set_filter_option(socket, name, value)
        return
    if name == SO_MAX_PACING_RATE and len(value) >= 8:
        socket.max_pacing_rate = int.from_bytes(value[:8], "little")
        socket.option_changed(name)
        return
    number = read_int(value)
    on = number != 0
    if name == SO_REUSEADDR:
        socket.reuse_addr = on
    elif name == SO_REUSEPORT:
        if on and socket.family not in (AF_INET, AF_INET6):
            raise KernelError(EOPNOTSUPP)
        socket.reuse_port = on
    elif name == SO_BROADCAST:
        socket.broadcast = on
    elif name == SO_DONTROUTE:
        socket.dontroute = on
    elif name == SO_RXQ_OVFL:
        socket.rxq_ovfl = on
    elif name == SO_ZEROCOPY:
        if not socket.takes_zerocopy():
            raise KernelError(EOPNOTSUPP)
        if not 0 <= number <= 1:
            raise KernelError(EINVAL)
        socket.zerocopy = on
    elif name == SO_PEEK_OFF:
        if not socket.has_peek_offset():
            raise KernelError(EOPNOTSUPP)
        socket.peek_off = number
    elif name == SO_KEEPALIVE:
        socket.keepalive = on
    elif name == SO_OOBINLINE:
        socket.oob_inline = on
    elif name == SO_SNDBUF:
        _set_sndbuf(socket, min(number & 0xFFFFFFFF, socket.kernel.stack.sysctl.wmem_max))
    elif name == SO_RCVBUF:
        _set_rcvbuf(socket, min(number & 0xFFFFFFFF, socket.kernel.stack.sysctl.rmem_max))
    elif name == SO_SNDBUFFORCE:
        _need(socket, CAP_NET_ADMIN, EPERM)
        _set_sndbuf(socket, max(number, 0))
    elif name == SO_RCVBUFFORCE:
        _need(socket, CAP_NET_ADMIN, EPERM)
        _set_rcvbuf(socket, max(number, 0))
    elif name == SO_RCVLOWAT:
        socket.rcvlowat = INT_MAX if number < 0 else number or 1
    elif name == SO_LINGER:
        _, seconds = read_two_ints(value)
        socket.linger_on = on
        if on:
            socket.linger_seconds = seconds & 0xFFFFFFFF
    elif name in (SO_RCVTIMEO, SO_RCVTIMEO_NEW):
        socket.receive_timeout = _read_timeout(value)
    elif name in (SO_SNDTIMEO, SO_SNDTIMEO_NEW):
        socket.send_timeout = _read_timeout(value)
    elif name in (SO_TIMESTAMP, SO_TIMESTAMP_NEW, SO_TIMESTAMPNS, SO_TIMESTAMPNS_NEW):
        # Any of them switches all off.
        socket.timestamps = 0
        if on:
            socket.timestamps = SO_TIMESTAMP if name in (SO_TIMESTAMP, SO_TIMESTAMP_NEW) else SO_TIMESTAMPNS
            socket.stamps_new = name in (SO_TIMESTAMP_NEW, SO_TIMESTAMPNS_NEW)
    elif name == SO_MAX_PACING_RATE:
        socket.max_pacing_rate = UNLIMITED_RATE if number == -1 else number & 0xFFFFFFFF
    elif name in (SO_TIMESTAMPING, SO_TIMESTAMPING_NEW):
        if number & ~ALL_BITS or number & (OPT_STATS | OPT_TSONLY) == OPT_STATS:
            raise KernelError(EINVAL)
        if number & OPT_ID_TCP and not number & OPT_ID:
            raise KernelError(EINVAL)
        socket.set_timestamping(number)
        socket.stamps_new = name == SO_TIMESTAMPING_NEW
    elif name == SO_PASSCRED:
        if socket.family not in (AF_UNIX, AF_NETLINK):
            raise KernelError(EOPNOTSUPP)
        socket.passcred = on
    elif name == SO_PASSPIDFD:
        if socket.family != AF_UNIX:
            raise KernelError(EOPNOTSUPP)
        socket.passpidfd = on
    elif name in KEPT_OPTIONS:
        set_kept_option(socket, name, number)
    elif name == SO_BINDTOIFINDEX:
        if number < 0:
            raise KernelError(EINVAL)
        _bind_ifindex(socket, number)
    elif name == SO_INCOMING_CPU:
        socket.set_incoming_cpu(number)
    elif name == SO_PRIORITY:
        if not 0 <= number <= 6:
            _need(socket, CAP_NET_ADMIN, EPERM)
        socket.priority = number
    elif name == SO_MARK:
        _need(socket, CAP_NET_ADMIN, EPERM)
        socket.mark = number
    elif name == SO_DEBUG:
        if on:
            _need(socket, CAP_NET_ADMIN, EACCES)
        socket.debug = on
    elif name != SO_BSDCOMPAT:
        raise KernelError(ENOPROTOOPT)
    socket.option_changed(name)


def get_socket_option(socket: Socket, name: int, length: int) -> bytes:
    """Read an option the table says can be read."""
    if name == SO_TYPE:
        return pack_int(socket.type)
    if name == SO_DOMAIN:
        return pack_int(socket.family)
    if name == SO_PROTOCOL:
        return pack_int(socket.protocol)
    if name == SO_ERROR:
        return pack_int(socket.take_error())
    if name == SO_ACCEPTCONN:
        return pack_int(socket.accepting())
    if name == SO_REUSEADDR:
        return pack_int(socket.reuse_addr)
    if name == SO_REUSEPORT:
        return pack_int(socket.reuse_port)
    if name == SO_BROADCAST:
        return pack_int(socket.broadcast)
    if name == SO_DONTROUTE:
        return pack_int(socket.dontroute)
    if name == SO_RXQ_OVFL:
        return pack_int(socket.rxq_ovfl)
    if name == SO_ZEROCOPY:
        return pack_int(socket.zerocopy)
    if name == SO_PEEK_OFF:
        if not socket.has_peek_offset():
            raise KernelError(EOPNOTSUPP)
        return pack_int(socket.peek_off)
    if name == SO_MEMINFO:
        return b"".join([pack_int(number) for number in socket.memory()])
    if name == SO_KEEPALIVE:
        return pack_int(socket.keepalive)
    if name == SO_OOBINLINE:
        return pack_int(socket.oob_inline)
    if name == SO_SNDBUF:
        return pack_int(socket.send_buffer())
    if name == SO_RCVBUF:
        return pack_int(socket.receive_buffer())
    if name == SO_RCVLOWAT:
        return pack_int(socket.rcvlowat)
    if name == SO_SNDLOWAT:
        return pack_int(1)
    if name == SO_LINGER:
        return pack_linger(socket.linger_on, socket.linger_seconds)
    if name in (SO_RCVTIMEO, SO_RCVTIMEO_NEW):
        return _pack_timeout(socket.receive_timeout)
    if name in (SO_SNDTIMEO, SO_SNDTIMEO_NEW):
        return _pack_timeout(socket.send_timeout)
    if name in (SO_TIMESTAMP, SO_TIMESTAMPNS):
        return pack_int(socket.timestamps == name and not socket.stamps_new)
    if name == SO_TIMESTAMP_NEW:
        # Linux says 1 for either resolution here.
        return pack_int(socket.timestamps != 0 and socket.stamps_new)
    if name == SO_TIMESTAMPNS_NEW:
        return pack_int(socket.timestamps == SO_TIMESTAMPNS and socket.stamps_new)
    if name == SO_MAX_PACING_RATE:
        if length >= 8:
            return socket.max_pacing_rate.to_bytes(8, "little")
        return min(socket.max_pacing_rate, 0xFFFFFFFF).to_bytes(4, "little")
    if name == SO_TIMESTAMPING_NEW and not socket.stamps_new:
        return bytes(8)
    if name in (SO_TIMESTAMPING, SO_TIMESTAMPING_NEW):
        # struct so_timestamping: the bits and a clock nobody can choose.
        return pack_int(socket.timestamping()) + bytes(4)
    if name == SO_PASSCRED:
        if socket.family not in (AF_UNIX, AF_NETLINK):
            raise KernelError(EOPNOTSUPP)
        return pack_int(socket.passcred)
    if name == SO_PASSPIDFD:
        if socket.family != AF_UNIX:
            raise KernelError(EOPNOTSUPP)
        return pack_int(socket.passpidfd)
    if name == SO_PEERPIDFD:
        return pack_int(socket.peer_pidfd())
    if name in KEPT_OPTIONS:
        return pack_int(get_kept_option(socket, name))
    if name == SO_INCOMING_NAPI_ID:
        return pack_int(0)
    if name == SO_PEERCRED:
        pid, uid, gid = socket.peer_credentials()
        return pack_ucred(pid, uid, gid)
    if name == SO_BINDTODEVICE:
        return _device_name(socket, length)
    if name == SO_BINDTOIFINDEX:
        return pack_int(socket.bound_device())
    if name == SO_INCOMING_CPU:
        return pack_int(socket.incoming_cpu())
    if name == SO_PRIORITY:
        return pack_int(socket.priority)
    if name == SO_MARK:
        return pack_int(socket.mark)
    if name == SO_COOKIE:
        if length < 8:
            raise KernelError(EINVAL)
        return socket.ino.to_bytes(8, "little")
    if name == SO_ATTACH_FILTER:
        return get_filter(socket, length)
    if name == SO_LOCK_FILTER:
        return pack_int(socket.filter_locked)
    if name == SO_BPF_EXTENSIONS:
        return pack_int(_SKF_AD_MAX)
    if name == SO_DEBUG:
        return pack_int(socket.debug)
    if name == SO_BSDCOMPAT:
        return pack_int(0)
    raise KernelError(ENOPROTOOPT)


def _need(socket: Socket, capability: int, errno: int) -> None:
    if not socket.caller().capable(capability):
        raise KernelError(errno, "needs a capability")


def _set_sndbuf(socket: Socket, size: int) -> None:
    socket.sndbuf = max(min(size, INT_MAX // 2) * 2, MIN_SNDBUF)
    socket.option_changed(SO_SNDBUF)


def _set_rcvbuf(socket: Socket, size: int) -> None:
    socket.rcvbuf = max(min(size, INT_MAX // 2) * 2, MIN_RCVBUF)
    socket.option_changed(SO_RCVBUF)


def _read_timeout(value: bytes) -> int:
    """A struct timeval in ns as Linux counts it: 0 is forever, a negative time is none at all."""
    seconds, microseconds = read_timeval(value)
    if not 0 <= microseconds < 1_000_000:
        raise KernelError(EDOM)
    if seconds < 0:
        return 0
    if (seconds == 0 and microseconds == 0) or seconds > _MAX_TIMEOUT_SECONDS:
        return -1
    nanoseconds = seconds * 1_000_000_000 + microseconds * 1000
    return (nanoseconds + _JIFFY - 1) // _JIFFY * _JIFFY


def _pack_timeout(timeout: int) -> bytes:
    if timeout < 0:
        return pack_timeval(0, 0)
    return pack_timeval(timeout // 1_000_000_000, timeout % 1_000_000_000 // 1000)


def _bind_to_device(socket: Socket, value: bytes) -> None:
    name = value[: IFNAMSIZ - 1].partition(b"\0")[0].decode("utf-8", "replace")
    ifindex = 0
    if name:
        for interface in socket.kernel.stack.interfaces:
            if interface.name == name:
                ifindex = interface.ifindex
                break
        else:
            raise KernelError(ENODEV, name)
    _bind_ifindex(socket, ifindex)


def _bind_ifindex(socket: Socket, ifindex: int) -> None:
    # Anybody may bind a socket to a device; changing that takes a privilege.
    if socket.bound_device() != 0:
        _need(socket, CAP_NET_RAW, EPERM)
    socket.bind_device(ifindex)


def _device_name(socket: Socket, length: int) -> bytes:
    ifindex = socket.bound_device()
    if ifindex == 0:
        return b""
    if length < IFNAMSIZ:
        raise KernelError(EINVAL)
    for interface in socket.kernel.stack.interfaces:
        if interface.ifindex == ifindex:
            return interface.name.encode() + b"\0"
    raise KernelError(ENODEV)
