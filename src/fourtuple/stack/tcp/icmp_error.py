"""ICMP errors about segments of ours (RFC 9293 §3.9.2.2, RFC 5927)."""

from __future__ import annotations

from typing import Final

from ..base import IcmpError
from ..poll_bits import POLLERR
from . import output
from .lifecycle import fail
from .recovery import lower_mss_lost
from .request import Request
from .state import (
    CLOSE,
    EACCES,
    ECONNREFUSED,
    EHOSTDOWN,
    EHOSTUNREACH,
    EMSGSIZE,
    ENETUNREACH,
    ENONET,
    ENOPROTOOPT,
    EOPNOTSUPP,
    EPROTO,
    HANDSHAKE,
    LISTEN,
    MASK32,
    TIMEOUT_MIN,
    TIMER_RETRANSMIT,
)
from .tcb import Tcb

_DESTINATION_UNREACHABLE: Final = 3
_DESTINATION_UNREACHABLE_V6: Final = 1
_TIME_EXCEEDED: Final = 11
_PARAMETER_PROBLEM: Final = 12
_NET_UNREACHABLE: Final = 0
_HOST_UNREACHABLE: Final = 1
_FRAGMENTATION_NEEDED: Final = 4

# By code of destination unreachable (RFC 1122 §3.2.2.1, Linux's icmp_err_convert).
_ERRNOS: Final = (
    ENETUNREACH,
    EHOSTUNREACH,
    ENOPROTOOPT,
    ECONNREFUSED,
    EMSGSIZE,
    EOPNOTSUPP,
    ENETUNREACH,
    EHOSTDOWN,
    ENONET,
    ENETUNREACH,
    EHOSTUNREACH,
    ENETUNREACH,
    EHOSTUNREACH,
    EHOSTUNREACH,
    EHOSTUNREACH,
    EHOSTUNREACH,
)


# By code of ICMPv6 destination unreachable (RFC 4443 §3.1, Linux's icmpv6_err_convert).
_ERRNOS_V6: Final = (
    ENETUNREACH,
    EACCES,
    EHOSTUNREACH,
    EHOSTUNREACH,
    ECONNREFUSED,
    EACCES,
    EACCES,
)

_MIN_MTU_V6: Final = 1280


def errno_of(error: IcmpError) -> int:
    """The errno an ICMP error stands for, 0 if it is none of TCP's business."""
    if error.type_v6 == _DESTINATION_UNREACHABLE_V6:
        return _ERRNOS_V6[error.code_v6] if error.code_v6 < len(_ERRNOS_V6) else 0
    if error.type == _PARAMETER_PROBLEM:
        return EPROTO
    if error.type == _TIME_EXCEEDED:
        return EHOSTUNREACH
    if error.type == _DESTINATION_UNREACHABLE and error.code < len(_ERRNOS):
        return _ERRNOS[error.code]
    return 0


def request_error(request: Request, error: IcmpError, seq: int) -> None:
    """A SYN-ACK could not be delivered: give up only if the path is gone (``tcp_req_err``)."""
    if seq != request.iss & MASK32:
        request.listener.layer.counters.out_of_window_icmps += 1
        return
    gone = error.type == _DESTINATION_UNREACHABLE and error.code in (_NET_UNREACHABLE, _HOST_UNREACHABLE)
    if gone or error.type in (_PARAMETER_PROBLEM, _TIME_EXCEEDED):
        request.listener.layer.counters.listen_drops += 1
        request.drop()


def connection_error(tcb: Tcb, error: IcmpError, quoted: int) -> None:
    """An error about a segment of this connection whose sequence number was ``quoted``.

    RFC 5927 §4.1: an error about what is not in flight is not from the path. While connecting every
    error is final; afterwards all are soft, that is, they only tell why if the connection times out.
    """
    state = tcb.endpoint.state
    if state in (LISTEN, CLOSE):
        return
    seq = tcb.snd_una + (((quoted - tcb.snd_una + 0x8000_0000) & MASK32) - 0x8000_0000)
    if not tcb.snd_una <= seq <= tcb.snd_nxt:
        tcb.layer.counters.out_of_window_icmps += 1
        return
    unreachable = error.type == _DESTINATION_UNREACHABLE
    if unreachable and error.code == _FRAGMENTATION_NEEDED:
        _mtu_reduced(tcb, error.mtu)
        return
    number = errno_of(error)
    if number == 0:
        return
    if unreachable and error.code in (_NET_UNREACHABLE, _HOST_UNREACHABLE):
        _revert_backoff(tcb, seq)
    if HANDSHAKE >> state & 1:
        fail(tcb, number)
    elif tcb.recverr and not tcb.orphan:
        tcb.error = number
        tcb.notify(POLLERR)
    else:
        tcb.soft_error = number


def _mtu_reduced(tcb: Tcb, mtu: int) -> None:
    """RFC 1191 §6.4: send smaller segments, beginning with those that were too large."""
    if tcb.pmtu_discovery == 0 or tcb.pmtu_discovery == 3:
        return
    route = tcb.layer.ip.route(tcb.endpoint.peer, tcb.endpoint.local, tcb.endpoint.device)
    known = route.mtu if route is not None else tcb.path_mtu
    least = tcb.layer.sysctl.route_min_pmtu if tcb.ip_header == 20 else _MIN_MTU_V6
    if mtu:
        known = min(known, max(mtu, least))
    if known >= tcb.path_mtu:
        return
    output.sync_mss(tcb, known)
    if tcb.packets_out:
        lower_mss_lost(tcb)


def _revert_backoff(tcb: Tcb, seq: int) -> None:
    """RFC 6069: the segment died of a broken link, not of congestion: take back one doubling."""
    if seq != tcb.snd_una or tcb.retransmits == 0 or tcb.backoff == 0 or tcb.orphan:
        return
    if tcb.pending != TIMER_RETRANSMIT or tcb.rtx_head == len(tcb.rtx):
        return
    tcb.backoff -= 1
    tcb.rto = max(tcb.rto >> 1, TIMEOUT_MIN)
    left = tcb.rtx[tcb.rtx_head].sent_at + tcb.rto - tcb.clock.now
    tcb.set_retransmit(TIMER_RETRANSMIT, max(left, TIMEOUT_MIN))
