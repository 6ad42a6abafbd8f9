"""Options of level IPPROTO_TCP (Linux ``do_tcp_setsockopt``, ``do_tcp_getsockopt``)."""

from __future__ import annotations

from errno import EINVAL, ENOENT, ENOPROTOOPT, EOPNOTSUPP
from typing import Final

from ..clock.clock import MICROSECOND, MILLISECOND, SECOND
from ..ports.endpoint import CLOSE, LISTEN
from ..stack.sysctl import CONGESTION_CONTROLS
from ..stack.tcp.fastopen import CLIENT, KEY_LENGTH, choose_key
from ..stack.tcp.rtt import rto_max, rto_min
from ..stack.tcp.state import TIMEOUT_MIN
from ..stack.tcp.tcb import Tcb
from .error import KernelError
from .layout import pack_int, read_int
from .sockopt import (
    TCP_CC_INFO,
    TCP_CONGESTION,
    TCP_CORK,
    TCP_DEFER_ACCEPT,
    TCP_DELACK_MAX_US,
    TCP_FASTOPEN,
    TCP_FASTOPEN_CONNECT,
    TCP_FASTOPEN_KEY,
    TCP_FASTOPEN_NO_COOKIE,
    TCP_INFO,
    TCP_IS_MPTCP,
    TCP_KEEPCNT,
    TCP_KEEPIDLE,
    TCP_KEEPINTVL,
    TCP_LINGER2,
    TCP_MAXSEG,
    TCP_NODELAY,
    TCP_NOTSENT_LOWAT,
    TCP_QUICKACK,
    TCP_RTO_MAX_MS,
    TCP_RTO_MIN_US,
    TCP_SAVE_SYN,
    TCP_SAVED_SYN,
    TCP_SYNCNT,
    TCP_THIN_DUPACK,
    TCP_THIN_LINEAR_TIMEOUTS,
    TCP_USER_TIMEOUT,
    TCP_WINDOW_CLAMP,
)

TCP_CA_NAME_MAX: Final = 16

# Bounds of the timers a socket may shorten, in ticks of a millisecond (HZ 1000): from TCP_TIMEOUT_MIN to
# TCP_RTO_MIN and TCP_DELACK_MAX.
_LEAST_TICKS: Final = TIMEOUT_MIN // MILLISECOND
_MOST_TICKS: Final = 200

_MIN_MSS: Final = 88
_MAX_WINDOW: Final = 32767
_MAX_KEEP_SECONDS: Final = 32767
_MAX_KEEPCNT: Final = 127
_MAX_SYNCNT: Final = 127
_MAX_FIN_TIMEOUT: Final = 120
_MIN_CLAMP: Final = 1152
_MAX_DEFER_SECONDS: Final = 120


def congestion_name(value: bytes) -> str:
    """The name in a value of TCP_CONGESTION."""
    return value[: TCP_CA_NAME_MAX - 1].partition(b"\0")[0].decode("ascii", "replace")


def set_tcp_option(tcb: Tcb, name: int, value: bytes) -> None:
    """Set an option the table says can be set."""
    if name == TCP_CONGESTION:
        if not value:
            raise KernelError(EINVAL)
        wanted = congestion_name(value)
        if wanted not in CONGESTION_CONTROLS:
            raise KernelError(ENOENT, wanted)
        tcb.set_congestion_control(wanted)
        return
    if name == TCP_FASTOPEN_KEY:
        if len(value) not in (KEY_LENGTH, 2 * KEY_LENGTH):
            raise KernelError(EINVAL)
        tcb.fastopen_keys = [value[at : at + KEY_LENGTH] for at in range(0, len(value), KEY_LENGTH)]
        return
    number = read_int(value)
    on = number != 0
    if _set_fastopen(tcb, name, number) or _set_timing(tcb, name, number):
        return
    if name == TCP_NODELAY:
        tcb.nodelay = on
    elif name == TCP_CORK:
        tcb.cork = on
    elif name == TCP_MAXSEG:
        if number != 0 and not _MIN_MSS <= number <= _MAX_WINDOW:
            raise KernelError(EINVAL)
        tcb.user_mss = number
    elif name == TCP_KEEPIDLE:
        if not 1 <= number <= _MAX_KEEP_SECONDS:
            raise KernelError(EINVAL)
        tcb.keepidle = number * SECOND
        if tcb.keepalive:
            # A running timer is set anew.
            tcb.keepalive = True
    elif name == TCP_KEEPINTVL:
        if not 1 <= number <= _MAX_KEEP_SECONDS:
            raise KernelError(EINVAL)
        tcb.keepintvl = number * SECOND
    elif name == TCP_KEEPCNT:
        if not 1 <= number <= _MAX_KEEPCNT:
            raise KernelError(EINVAL)
        tcb.keepcnt = number
    elif name == TCP_SYNCNT:
        if not 1 <= number <= _MAX_SYNCNT:
            raise KernelError(EINVAL)
        tcb.syncnt = number
    elif name == TCP_LINGER2:
        tcb.linger2 = -1 if number < 0 else min(number, _MAX_FIN_TIMEOUT) * SECOND
    elif name == TCP_DEFER_ACCEPT:
        tcb.defer_accept = seconds_to_retransmissions(number)
    elif name == TCP_WINDOW_CLAMP:
        if number == 0 and tcb.endpoint.state != CLOSE:
            raise KernelError(EINVAL)
        tcb.window_clamp = max(number, _MIN_CLAMP) if number else 0
    elif name == TCP_QUICKACK:
        tcb.quickack = on
    elif name == TCP_USER_TIMEOUT:
        if number < 0:
            raise KernelError(EINVAL)
        tcb.user_timeout = number * MILLISECOND
    elif name == TCP_NOTSENT_LOWAT:
        tcb.notsent_lowat = (number & 0xFFFFFFFF) if on else -1
    else:
        raise KernelError(ENOPROTOOPT)


def _set_fastopen(tcb: Tcb, name: int, number: int) -> bool:
    """Set one of the options of Fast Open; False if ``name`` is none."""
    state = tcb.endpoint.state
    if name == TCP_FASTOPEN:
        if number < 0 or state not in (CLOSE, LISTEN):
            raise KernelError(EINVAL)
        choose_key(tcb.layer)
        tcb.fastopen_limit = min(number, tcb.layer.sysctl.somaxconn)
    elif name == TCP_FASTOPEN_CONNECT:
        if not 0 <= number <= 1:
            raise KernelError(EINVAL)
        if not tcb.layer.sysctl.tcp_fastopen & CLIENT:
            raise KernelError(EOPNOTSUPP)
        if state != CLOSE:
            raise KernelError(EINVAL)
        tcb.fastopen_connect = number != 0
    elif name == TCP_FASTOPEN_NO_COOKIE:
        if not 0 <= number <= 1 or state not in (CLOSE, LISTEN):
            raise KernelError(EINVAL)
        tcb.fastopen_no_cookie = number != 0
    else:
        return False
    return True


def _set_timing(tcb: Tcb, name: int, number: int) -> bool:
    """Set one of the options about timers and saved SYNs; False if ``name`` is none."""
    if name == TCP_SAVE_SYN:
        if not 0 <= number <= 2:
            raise KernelError(EINVAL)
        tcb.save_syn = number
    elif name == TCP_THIN_LINEAR_TIMEOUTS:
        if not 0 <= number <= 1:
            raise KernelError(EINVAL)
        tcb.thin = number != 0
    elif name == TCP_THIN_DUPACK:
        if not 0 <= number <= 1:
            raise KernelError(EINVAL)
    elif name == TCP_RTO_MAX_MS:
        if not 1000 <= number <= 120_000:
            raise KernelError(EINVAL)
        tcb.user_rto_max = number * MILLISECOND
    elif name == TCP_RTO_MIN_US:
        tcb.user_rto_min = _ticks(number) * 1000
    elif name == TCP_DELACK_MAX_US:
        tcb.delack_max = _ticks(number) * MILLISECOND
    else:
        return False
    return True


def _ticks(microseconds: int) -> int:
    """Ticks of the kernel's clock, rounded up. Raises EINVAL if a timer cannot be so short or long."""
    ticks = -(-microseconds // 1000)
    if not _LEAST_TICKS <= ticks <= _MOST_TICKS:
        raise KernelError(EINVAL)
    return ticks


def get_tcp_option(tcb: Tcb, name: int, length: int) -> bytes:
    """Read an option the table says can be read, of which at most ``length`` bytes are wanted."""
    sysctl = tcb.layer.sysctl
    if name == TCP_INFO:
        return tcb.info().pack()
    if name == TCP_CONGESTION:
        return tcb.congestion.encode().ljust(TCP_CA_NAME_MAX, b"\0")
    if name == TCP_FASTOPEN_KEY:
        return b"".join(tcb.fastopen_keys)
    if name == TCP_CC_INFO:
        return tcb.cc.info(tcb)
    if name == TCP_SAVED_SYN:
        saved = tcb.saved_syn
        if length < len(saved):
            raise KernelError(EINVAL)
        tcb.saved_syn = b""
        return saved
    number = 0
    if name == TCP_NODELAY:
        number = int(tcb.nodelay)
    elif name == TCP_CORK:
        number = int(tcb.cork)
    elif name == TCP_MAXSEG:
        number = tcb.mss
        if tcb.user_mss and tcb.endpoint.state in (CLOSE, LISTEN):
            number = tcb.user_mss
    elif name == TCP_KEEPIDLE:
        number = (tcb.keepidle or sysctl.tcp_keepalive_time) // SECOND
    elif name == TCP_KEEPINTVL:
        number = (tcb.keepintvl or sysctl.tcp_keepalive_intvl) // SECOND
    elif name == TCP_KEEPCNT:
        number = tcb.keepcnt or sysctl.tcp_keepalive_probes
    elif name == TCP_SYNCNT:
        number = tcb.syncnt or sysctl.tcp_syn_retries
    elif name == TCP_LINGER2:
        number = -1 if tcb.linger2 < 0 else (tcb.linger2 or sysctl.tcp_fin_timeout) // SECOND
    elif name == TCP_DEFER_ACCEPT:
        number = retransmissions_to_seconds(tcb.defer_accept)
    elif name == TCP_WINDOW_CLAMP:
        number = tcb.window_clamp
    elif name == TCP_QUICKACK:
        number = int(tcb.quickack)
    elif name == TCP_USER_TIMEOUT:
        number = tcb.user_timeout // MILLISECOND
    elif name == TCP_NOTSENT_LOWAT:
        number = max(tcb.notsent_lowat, 0)
    elif name == TCP_FASTOPEN:
        number = tcb.fastopen_limit
    elif name == TCP_FASTOPEN_CONNECT:
        number = int(tcb.fastopen_connect)
    elif name == TCP_FASTOPEN_NO_COOKIE:
        number = int(tcb.fastopen_no_cookie)
    elif name == TCP_SAVE_SYN:
        number = tcb.save_syn
    elif name == TCP_THIN_LINEAR_TIMEOUTS:
        number = int(tcb.thin)
    elif name in (TCP_THIN_DUPACK, TCP_IS_MPTCP):
        number = 0
    elif name == TCP_RTO_MAX_MS:
        number = rto_max(tcb) // MILLISECOND
    elif name == TCP_RTO_MIN_US:
        number = rto_min(tcb)
    elif name == TCP_DELACK_MAX_US:
        number = tcb.delack_max // MICROSECOND
    else:
        raise KernelError(ENOPROTOOPT)
    return pack_int(number)


def seconds_to_retransmissions(seconds: int) -> int:
    """How many retransmissions of a SYN-ACK fill ``seconds``, the first after 1 s, then doubling."""
    if seconds <= 0:
        return 0
    count = 1
    total = timeout = 1
    while seconds > total and count < 255:
        timeout = min(timeout * 2, _MAX_DEFER_SECONDS)
        total += timeout
        count += 1
    return count


def retransmissions_to_seconds(count: int) -> int:
    """The time ``count`` retransmissions take."""
    total = 0
    timeout = 1
    for _ in range(count):
        total += timeout
        timeout = min(timeout * 2, _MAX_DEFER_SECONDS)
    return total
