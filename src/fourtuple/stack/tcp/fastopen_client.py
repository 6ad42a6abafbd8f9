"""Fast Open (RFC 7413), the end that opens: data in the SYN (§4.1.3, §4.2.1)."""

from __future__ import annotations

from ...wire.tcp import ACK, FIN, PSH, TcpSegment
from . import chrono, fastopen, memory, output, rate, receive
from .fin import fin_arrived
from .records import SentSegment
from .recovery import retransmit_without_congestion
from .scoreboard import mark_lost
from .sentlist import append_sent
from .state import TIMER_RETRANSMIT
from .tcb import FastOpenState, Tcb

_OPTION_SPACE = 40
"""Room for options kept in a SYN with data, whatever it has itself: middleboxes add some."""


def is_usable(tcb: Tcb, fast: FastOpenState) -> bool:
    """Whether the SYN may carry data; sets the cookie it carries, None for no option at all."""
    layer = tcb.layer
    endpoint = tcb.endpoint
    fast.cookie = b""
    known = layer.metrics.find(endpoint.local, endpoint.peer)
    if known is not None:
        fast.mss = known.mss
        fast.cookie = known.cookie
        fast.exp = known.cookie_exp or (not known.cookie and known.try_exp == 1)
    if fastopen.is_disabled(tcb, fast):
        fast.cookie = None
        return False
    if tcb.fastopen_no_cookie or layer.sysctl.tcp_fastopen & fastopen.CLIENT_NO_COOKIE:
        fast.cookie = None
        return True
    if fast.cookie:
        return True
    tcb.fastopen_failure = fastopen.COOKIE_UNAVAILABLE
    return False


def send_syn(tcb: Tcb, fast: FastOpenState, data: bytes, flags: int) -> int:
    """Send the SYN with as much of ``data`` as fits, or asking for a cookie; 0 or an errno.

    ``fast.copied`` becomes the bytes taken. The SYN and its data are two records on the
    retransmission queue: what is sent again is the SYN alone.
    """
    usable = is_usable(tcb, fast)
    room = 0
    if usable:
        clamp = fast.mss or tcb.advmss
        if tcb.user_mss and tcb.user_mss < clamp:
            clamp = tcb.user_mss
        tcb.mss_clamp = clamp
        output.sync_mss(tcb, tcb.path_mtu)
        room = max(output.mss_of_mtu(tcb, tcb.path_mtu) - _OPTION_SPACE, 0)
    elif fast.cookie:
        fast.cookie = b""
    payload = data[:room]
    tcb.retrans_stamp = tcb.clock.now
    now = tcb.clock.now
    syn = SentSegment(tcb.iss, tcb.iss + 1, b"", flags, now)
    append_sent(tcb, syn)
    rate.measure_none(tcb, syn)
    end = syn.end + len(payload)
    tcb.snd_nxt = end
    tcb.write_seq = end
    tcb.pushed_seq = end
    error = output.transmit(tcb, tcb.iss, flags, payload)
    # A SYN sent again is an ordinary one (RFC 7413 §4.2.1).
    fast.cookie = None
    if payload:
        chrono.start(tcb, chrono.BUSY)
        first = SentSegment(syn.end, end, payload, ACK | PSH, now)
        append_sent(tcb, first)
        rate.measure_none(tcb, first)
        fast.syn_data = True
    fast.copied = len(payload)
    tcb.set_retransmit(TIMER_RETRANSMIT, tcb.rto)
    return error


def syn_ack_arrived(tcb: Tcb, fast: FastOpenState, segment: TcpSegment) -> bool:
    """The answer to a Fast Open SYN: keep its cookie, take its data, or send ours again.

    True: the peer did not take the data, which is sent again with the ACK (``tcp_rcv_fastopen_synack``).
    """
    if not fast.asked and not fast.syn_data:
        return False
    head = tcb.rtx_head
    unacked = fast.syn_data and head < len(tcb.rtx)
    _remember(tcb, fast, segment)
    counters = tcb.layer.counters
    if unacked:
        tcb.fastopen_failure = fastopen.SYN_RETRANSMITTED if tcb.total_retrans else fastopen.DATA_NOT_ACKED
        for index in range(head, len(tcb.rtx)):
            mark_lost(tcb, tcb.rtx[index])
        retransmit_without_congestion(tcb)
        counters.fastopen_active_fail += 1
        return True
    if fast.syn_data:
        tcb.syn_data_acked = True
        counters.fastopen_active += 1
        # The SYN and its data were one packet.
        if tcb.delivered > 1:
            tcb.delivered -= 1
    take_syn_data(tcb, segment)
    return False


def _remember(tcb: Tcb, fast: FastOpenState, segment: TcpSegment) -> None:
    """Keep the peer's MSS and cookie for the next connection (RFC 7413 §4.1.3)."""
    options = segment.options
    cookie = fastopen.read_option(options)
    malformed = cookie is None
    mss = tcb.mss_clamp
    if mss == tcb.user_mss:
        mss = options.mss if options is not None and options.mss > 0 else 0
    try_exp = 0
    if not fast.asked:
        cookie = None
    elif malformed and not tcb.total_retrans and not fast.syn_data:
        # It was asked for a cookie and gave none: the other form of the option may be the one it knows.
        try_exp = 2 if fast.asked_exp else 1
    endpoint = tcb.endpoint
    entry = tcb.layer.metrics.obtain(endpoint.local, endpoint.peer, tcb.clock.now)
    if mss:
        entry.mss = mss
    if cookie:
        entry.cookie = cookie
        entry.cookie_exp = options is not None and options.fastopen_exp
    elif try_exp > entry.try_exp and not entry.cookie:
        entry.try_exp = try_exp


def take_syn_data(tcb: Tcb, segment: TcpSegment) -> None:
    """Take the text and FIN of a SYN or SYN-ACK (RFC 7413 §4.2)."""
    data = segment.payload
    if data:
        tcb.syn_data_acked = True
        cost = memory.cost_of(tcb, len(data), segment.header_length())
        receive.append(tcb, data, cost, 0)
        memory.force(tcb, 0)
    if segment.flags & FIN:
        fin_arrived(tcb)
