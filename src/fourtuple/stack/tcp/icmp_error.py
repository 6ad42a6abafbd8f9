"""ICMP errors about segments of ours (RFC 9293 §3.9.2.2, RFC 5927)."""

from __future__ import annotations

from typing import Final

from ...wire.icmp import (
    ICMP_PARAMETER_PROBLEM,
    ICMP_TIME_EXCEEDED,
    ICMP_UNREACHABLE,
    UNREACHABLE_FRAGMENTATION_NEEDED,
    UNREACHABLE_HOST,
    UNREACHABLE_NET,
)
from ...wire.icmpv6 import ICMPV6_UNREACHABLE
from ...wire.seqnum import seq_diff
from ..base import IcmpError
from ..icmp_errno import icmp_errno, icmpv6_errno
from ..poll_bits import POLLERR
from . import output
from .error_queue import ORIGIN_ICMP, ORIGIN_ICMP6, queue_error
from .lifecycle import fail
from .records import QueuedError
from .recovery import lower_mss_lost
from .request import Request
from .state import CLOSE, EMSGSIZE, HANDSHAKE, LISTEN, MASK32, SYN_SENT, TIMEOUT_MIN, TIMER_RETRANSMIT
from .tcb import Tcb

# The last codes of destination unreachable that are defined (RFC 1812 §5.2.7.1, RFC 4443 §3.1).
_LAST_CODE: Final = 15
_LAST_CODE_V6: Final = 6

_MIN_MTU_V6: Final = 1280

# Values of IP_MTU_DISCOVER with which nobody is told what the path takes.
_PMTUDISC_DONT: Final = 0
_PMTUDISC_INTERFACE: Final = 4
_PMTUDISC_OMIT: Final = 5


def errno_of(error: IcmpError) -> int:
    """The errno an ICMP error stands for, 0 if it is none of TCP's business."""
    if error.type_v6 == ICMPV6_UNREACHABLE:
        return icmpv6_errno(error.type_v6, error.code_v6)[0] if error.code_v6 <= _LAST_CODE_V6 else 0
    if error.type == ICMP_UNREACHABLE and error.code > _LAST_CODE:
        return 0
    return icmp_errno(error.type, error.code)[0]


def request_error(request: Request, error: IcmpError, seq: int) -> None:
    """A SYN-ACK could not be delivered: give up only if the path is gone (``tcp_req_err``).

    Which errors say so differs as in Linux: IPv4's that name net or host, IPv6's that are final.
    """
    if seq != request.iss & MASK32:
        request.listener.layer.counters.out_of_window_icmps += 1
        return
    if error.type_v6 >= 0:
        gone = icmpv6_errno(error.type_v6, error.code_v6)[1]
    elif error.type == ICMP_UNREACHABLE:
        gone = error.code in (UNREACHABLE_NET, UNREACHABLE_HOST)
    else:
        gone = error.type in (ICMP_PARAMETER_PROBLEM, ICMP_TIME_EXCEEDED)
    if gone:
        request.listener.layer.counters.listen_drops += 1
        request.drop()


def connection_error(tcb: Tcb, error: IcmpError, quoted: int) -> None:
    """An error about a segment of this connection whose sequence number was ``quoted``.

    RFC 5927 §4.1: an error about what is not in flight is not from the path. As in Linux's tcp_v4_err every
    error is final while connecting, though RFC 9293 MUST-56 spares SYNs, too, those that may pass; afterwards
    all are soft, that is, they only tell why if the connection times out (SHLD-26 has some abort it).
    """
    state = tcb.endpoint.state
    if state in (LISTEN, CLOSE):
        return
    seq = tcb.snd_una + seq_diff(quoted, tcb.snd_una)
    # Until the handshake is complete the SYN-ACK counts, which a request sends.
    least = tcb.snd_una - 1 if tcb.opening is not None else tcb.snd_una
    if not least <= seq <= tcb.snd_nxt:
        tcb.layer.counters.out_of_window_icmps += 1
        return
    unreachable = error.type == ICMP_UNREACHABLE
    if unreachable and error.code == UNREACHABLE_FRAGMENTATION_NEEDED:
        _mtu_reduced(tcb, error.mtu)
        return
    number = errno_of(error)
    if number == 0:
        return
    if unreachable and error.code in (UNREACHABLE_NET, UNREACHABLE_HOST):
        _revert_backoff(tcb, seq)
    opening = tcb.opening
    if HANDSHAKE >> state & 1 and (opening is None or not opening.accepted):
        # Also without IP_RECVERR, as Linux has it for traceroute.
        _queue(tcb, error, number)
        fail(tcb, number)
    elif (tcb.recverr6 if error.type_v6 >= 0 else tcb.recverr) and not tcb.orphan:
        tcb.error = number
        tcb.notify(POLLERR)
    else:
        tcb.soft_error = number


def _queue(tcb: Tcb, error: IcmpError, number: int) -> None:
    """Put an ICMP error on the error queue (``ip_icmp_error``)."""
    v6 = error.type_v6 >= 0
    entry = QueuedError(number, ORIGIN_ICMP6 if v6 else ORIGIN_ICMP)
    entry.type = error.type_v6 if v6 else error.type
    entry.code = error.code_v6 if v6 else error.code
    entry.info = error.mtu
    entry.data = error.payload
    entry.reporter = error.reporter
    entry.destination = error.destination
    entry.port = tcb.endpoint.peer_port
    queue_error(tcb, entry)


def _mtu_reduced(tcb: Tcb, mtu: int) -> None:
    """RFC 1191 §6.4: send smaller segments, beginning with those that were too large."""
    v4 = tcb.ip_header == 20
    if not v4 and mtu < _MIN_MTU_V6:
        # RFC 8201 §4: no link of IPv6 is so narrow.
        return
    if tcb.pmtu_discovery in (_PMTUDISC_INTERFACE, _PMTUDISC_OMIT) or (
        v4 and tcb.pmtu_discovery == _PMTUDISC_DONT
    ):
        return
    route = tcb.layer.ip.route(tcb.endpoint.peer, tcb.endpoint.local, tcb.endpoint.device)
    known = route.mtu if route is not None else tcb.path_mtu
    if mtu:
        known = min(known, max(mtu, tcb.layer.sysctl.route_min_pmtu) if v4 else mtu)
        if mtu < tcb.path_mtu:
            # Why, if the connection does not recover.
            tcb.soft_error = EMSGSIZE
    _use_mtu(tcb, known)


def interface_mtu_reduced(tcb: Tcb) -> None:
    """The MTU of the interface ``tcb`` sends through went below its segments' size: what it refused has
    to go again, smaller."""
    if tcb.endpoint.state in (LISTEN, CLOSE):
        return
    route = tcb.layer.ip.route(tcb.endpoint.peer, tcb.endpoint.local, tcb.endpoint.device)
    if route is not None:
        _use_mtu(tcb, route.mtu)


def _use_mtu(tcb: Tcb, mtu: int) -> None:
    if mtu >= tcb.path_mtu:
        return
    tcb.route_mtu = mtu
    output.sync_mss(tcb, mtu)
    if tcb.endpoint.state == SYN_SENT:
        # The SYN sent again offers no more than the path takes (``tcp_advertise_mss``).
        tcb.advmss = min(tcb.advmss, mtu - tcb.ip_header - 20)
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
