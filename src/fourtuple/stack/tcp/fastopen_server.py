"""Fast Open (RFC 7413), the end that is opened: a SYN with data makes a connection at once (§4.2.2).

The connection is in SYN-RECEIVED, on the accept queue, and keeps the request it came of until the
handshake is complete: that sends the SYN-ACK again.
"""

from __future__ import annotations

from typing import Final

from ...wire.ip import IpPacket
from ...wire.tcp import ACK, RST, SYN, TcpSegment
from . import fastopen, rtt, window
from .child import make_child
from .fastopen_client import take_syn_data
from .lifecycle import finish_opening, give_up, reset_by_peer, start_transfer
from .recovery import enter_loss, undo_if_spurious
from .request import Request
from .seqwindow import in_window, may_loop
from .state import CA_LOSS, MASK32, OPT_TIMESTAMPS, RTO_INITIAL, TIMER_RETRANSMIT
from .tcb import PendingOpen, Tcb

_RESET_PENALTY: Final = 60_000_000_000
"""How long a connection that was reset counts against the queue's length, in ns."""


def try_open(request: Request, packet: IpPacket, segment: TcpSegment) -> Tcb | None:
    """The connection this SYN opens, None if the handshake has to come first (``tcp_try_fastopen``).

    Sets the cookie the SYN-ACK carries.
    """
    listener = request.listener
    layer = listener.layer
    counters = layer.counters
    cookie = fastopen.read_option(segment.options)
    setting = layer.sysctl.tcp_fastopen
    if cookie == b"":
        counters.fastopen_cookie_reqd += 1
    carries_more = segment.seq_length() > 1
    if not setting & fastopen.SERVER or (cookie is None and not carries_more) or not _has_room(listener):
        return None
    request.cookie_exp = segment.options is not None and segment.options.fastopen_exp
    if listener.fastopen_no_cookie or setting & fastopen.SERVER_NO_COOKIE:
        counters.fastopen_passive += 1
        return _create(request, segment)
    if cookie is None:
        return None
    keys = fastopen.keys_of(listener)
    if not keys:
        return None
    current = fastopen.make_cookie(keys[0], packet.source, packet.destination)
    if cookie and cookie == current:
        counters.fastopen_passive += 1
        return _create(request, segment)
    request.cookie = current
    if not cookie:
        return None
    if len(keys) > 1 and cookie == fastopen.make_cookie(keys[1], packet.source, packet.destination):
        # Of the key before: good still, and the SYN-ACK brings one of the present key.
        counters.fastopen_passive_alt_key += 1
        counters.fastopen_passive += 1
        return _create(request, segment)
    counters.fastopen_passive_fail += 1
    return None


def _has_room(listener: Tcb) -> bool:
    """Whether the listener does Fast Open and has not too many such connections unfinished."""
    queues = listener.listening
    limit = listener.fastopen_limit
    if queues is None or limit == 0:
        return False
    if queues.fastopen_pending < limit:
        return True
    resets = queues.fastopen_resets
    if not resets or resets[0] > listener.layer.clock.now:
        listener.layer.counters.fastopen_listen_overflow += 1
        return False
    del resets[0]
    queues.fastopen_pending -= 1
    return True


def _create(request: Request, segment: TcpSegment) -> Tcb:
    listener = request.listener
    queues = listener.listening
    if queues is not None:
        queues.fastopen_pending += 1
    # No round trip was made yet.
    request.sent_at = -1
    child = make_child(request, segment)
    child.opening = request
    child.fastopen_child = True
    child.snd_una = child.snd_nxt
    child.segs_in = 1
    window.guess_segment_size(child)
    start_transfer(child)
    child.set_retransmit(TIMER_RETRANSMIT, RTO_INITIAL)
    if segment.payload:
        child.data_segs_in = 1
    take_syn_data(child, segment)
    request.rcv_nxt = child.rcv_nxt
    child.rcv_wup = child.rcv_nxt
    listener.layer.counters.passive_opens += 1
    return child


# Until the handshake is complete --------------------------------------------------------------


def check_segment(
    tcb: Tcb, request: PendingOpen, packet: IpPacket, segment: TcpSegment, seq: int, end: int
) -> bool:
    """A segment for such a connection, judged by the request first (``tcp_check_req``); False: dealt with."""
    flags = segment.flags
    options = segment.options
    older = False
    if options is not None and options.timestamps and tcb.options_on & OPT_TIMESTAMPS and not flags & RST:
        older = 0 < (request.ts_recent - options.ts_val) & MASK32 < 0x8000_0000
    if seq == tcb.irs and flags & (RST | SYN | ACK) == SYN and not older:
        if not request.is_rate_limited():
            request.retransmit()
        return False
    nxt = request.rcv_nxt
    if older or not in_window(seq, end, nxt, nxt + request.rcv_wnd):
        if not flags & RST and not (may_loop(segment) and request.is_rate_limited()):
            request.send_ack()
        if older:
            tcb.layer.counters.paws_estab_rejected += 1
        return False
    if flags & RST:
        tcb.layer.counters.embryonic_rsts += 1
        _refuse_spoofing(tcb, request)
        reset_by_peer(tcb)
        return False
    if flags & SYN and seq != tcb.irs:
        # It may be spoofed: not worth the connection.
        tcb.layer.counters.embryonic_rsts += 1
        tcb.layer.send_reset(packet, segment)
        return False
    return flags & ACK != 0


def _refuse_spoofing(tcb: Tcb, request: PendingOpen) -> None:
    """An accepted connection was reset: its SYN may have been spoofed, with a stolen cookie.

    It counts against the queue for a minute more, so that an attacker runs into the limit (RFC 7413 §5.1).
    """
    finish_opening(tcb)
    queues = request.listener.listening
    if request.accepted and queues is not None:
        queues.fastopen_resets.append(tcb.clock.now + _RESET_PENALTY)
        queues.fastopen_pending += 1


def syn_ack_timeout(tcb: Tcb, request: PendingOpen) -> None:
    """The SYN-ACK was not acknowledged: send it again, and nothing else (``tcp_fastopen_synack_timer``)."""
    layer = tcb.layer
    most = tcb.syncnt or layer.sysctl.tcp_synack_retries + 1
    if request.timeouts >= most:
        give_up(tcb)
        return
    if tcb.retransmits == 1:
        enter_loss(tcb)
    request.retransmit()
    request.timeouts += 1
    if tcb.retransmits == 0:
        tcb.total_rto_recoveries += 1
        tcb.rto_stamp = tcb.clock.now
    tcb.retransmits += 1
    tcb.total_rto += 1
    if tcb.retrans_stamp < 0:
        tcb.retrans_stamp = tcb.clock.now
    tcb.set_retransmit(TIMER_RETRANSMIT, min(RTO_INITIAL << request.timeouts, rtt.rto_max(tcb)))


def acknowledged(tcb: Tcb) -> None:
    """The handshake is complete (``tcp_rcv_synrecv_state_fastopen``)."""
    if tcb.ca_state == CA_LOSS and tcb.packets_out == 0:
        undo_if_spurious(tcb)
    if tcb.rto_stamp >= 0:
        tcb.total_rto_time += (tcb.clock.now - tcb.rto_stamp) // 1_000_000
        tcb.rto_stamp = -1
    tcb.retransmits = 0
    if not tcb.retrans_out:
        tcb.retrans_stamp = -1
    finish_opening(tcb)
