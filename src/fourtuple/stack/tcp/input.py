"""SEGMENT ARRIVES (RFC 9293 §3.10.7): one function for each check, in the RFC's order.

A check returns False if the segment is dealt with. Where Linux and the RFC differ the difference is said.
"""

from __future__ import annotations

from typing import Final

from ...wire.ip import IpPacket
from ...wire.seqnum import seq_diff
from ...wire.tcp import ACK, CWR, ECE, FIN, RST, SYN, URG, TcpSegment
from ..poll_bits import POLLOUT, POLLPRI, POLLWRNORM
from . import chrono, history, memory, options, output, receive, rtt, window, write
from .ack import ACK_GOOD, ACK_OLD, process
from .challenge import rate_limited, send_challenge
from .fastopen import disable
from .fastopen_server import acknowledged, check_segment
from .fin import fin_arrived, finish_sending
from .lifecycle import (
    STATE_CHANGED,
    done,
    enter,
    expand_sndbuf,
    fin_timeout,
    reset_by_peer,
    rst_error,
    start_transfer,
)
from .seqwindow import may_loop
from .state import (
    ACK_NOW,
    ACK_SCHEDULED,
    CLOSE,
    CLOSE_WAIT,
    CLOSING,
    ESTABLISHED,
    FIN_WAIT_1,
    FIN_WAIT_2,
    LAST_ACK,
    MASK32,
    MAX_QUICKACKS,
    OPT_ECN,
    OPT_ECN_SEEN,
    OPT_TIMESTAMPS,
    RCV_SHUTDOWN,
    SECOND,
    SEND_SHUTDOWN,
    SYN_RECV,
    SYN_SENT,
    TIME_WAIT,
    TIME_WAIT_LENGTH,
    URG_AWAITED,
    URG_NONE,
)
from .syn_sent import syn_sent
from .tcb import PendingOpen, Tcb

_PAWS_DAYS: Final = 24 * 86400 * SECOND
"""After so long an idle time ts_recent is not compared any more (RFC 7323 §5.5)."""


def segment_arrives(tcb: Tcb, packet: IpPacket, segment: TcpSegment) -> None:
    """Take a segment for a connection that is neither LISTEN nor TIME_WAIT."""
    state = tcb.endpoint.state
    tcb.segs_in += 1
    if segment.payload:
        tcb.data_segs_in += 1
    if tcb.write_stamps:
        tcb.ack_ttl = packet.ttl
    if state == SYN_SENT:
        syn_sent(tcb, packet, segment)
        if segment.flags & URG and tcb.endpoint.state == ESTABLISHED:
            # §3.10.7.3 goes on at the sixth check. Text is not taken (Linux): it will be sent again.
            _check_urgent(tcb, segment, segment.seq)
        return
    if state == CLOSE:
        tcb.layer.send_reset(packet, segment)
        return
    seq = tcb.rcv_nxt + seq_diff(segment.seq, tcb.rcv_nxt)
    end = seq + segment.seq_length()
    _read_timestamps(tcb, segment)
    request = tcb.opening
    if request is not None and not check_segment(tcb, request, packet, segment, seq, end):
        return
    if not _check_sequence(tcb, segment, seq, end):
        return
    if not _check_reset(tcb, segment, seq):
        return
    if not _check_syn(tcb, segment, seq, end):
        return
    if not _check_ack(tcb, packet, segment, seq, end):
        return
    if segment.flags & URG:
        _check_urgent(tcb, segment, seq)
    if not _process_text(tcb, packet, segment, seq, end):
        return
    _answer(tcb)


# First check: sequence number -----------------------------------------------------------------


def _read_timestamps(tcb: Tcb, segment: TcpSegment) -> None:
    options = segment.options
    if options is not None and options.timestamps and tcb.options_on & OPT_TIMESTAMPS:
        tcb.ts_seen = True
        tcb.ts_val = options.ts_val
        tcb.ts_ecr = options.ts_ecr
    else:
        tcb.ts_seen = False


def _is_older(tcb: Tcb, slack: int) -> bool:
    """Whether the segment's timestamp is more than ``slack`` ticks before ts_recent."""
    behind = (tcb.ts_recent - tcb.ts_val) & MASK32
    if behind == 0 or behind >= 0x8000_0000 or behind <= slack:
        return False
    if tcb.ts_recent_at < 0 or tcb.ts_recent == 0:
        return False
    return tcb.clock.now - tcb.ts_recent_at < _PAWS_DAYS


def _is_reordered_ack(tcb: Tcb, segment: TcpSegment, seq: int, end: int) -> bool:
    """A pure ACK overtaken by later ones has an older timestamp and yet does no harm (RFC 7323 §5.2)."""
    if not segment.flags & ACK or end != seq or seq != tcb.rcv_nxt:
        return False
    if segment.ack != tcb.snd_una & MASK32:
        return False
    offered = segment.window << tcb.snd_wscale
    if seq > tcb.snd_wl1 or offered > tcb.snd_wnd or offered == 0:
        # It would update the window.
        return False
    return (tcb.ts_recent - tcb.ts_val) & MASK32 <= tcb.rto * 1200 // SECOND


def _check_sequence(tcb: Tcb, segment: TcpSegment, seq: int, end: int) -> bool:
    """PAWS (RFC 7323 §5.3 R1), then the four cases of RFC 9293 §3.10.7.4.

    What is not acceptable is answered with an ACK, unless it is a RST. As Linux's tcp_sequence: old is what
    ends before the last acknowledgment sent, not before RCV.NXT; and special allowance for ACK and URG in a
    closed window is made for segments without text only.
    """
    flags = segment.flags
    if (
        tcb.ts_seen
        and not flags & RST
        and _is_older(tcb, 1)
        and not _is_reordered_ack(tcb, segment, seq, end)
    ):
        if flags & SYN:
            tcb.layer.counters.syn_challenge += 1
            send_challenge(tcb)
        elif seq == end < tcb.rcv_nxt and flags & ACK:
            # Old ACKs are common; Linux does not answer them (6.14, PAWSOldAck), though RFC 7323 §5.3 does.
            tcb.layer.counters.paws_old_ack += 1
        else:
            tcb.layer.counters.paws_estab_rejected += 1
            _answer_unacceptable(tcb, segment, seq, end)
        return False
    if end >= tcb.rcv_wup:
        edge = tcb.rcv_nxt + tcb.receive_window()
        if end - (flags & FIN) <= edge:
            return True
        # Past the right edge. As Linux we take the whole of it if nothing is waiting to be read:
        # a peer that overshoots by a little must not be stopped (tcp_sequence, 6.17).
        if seq <= edge and tcb.received_bytes == 0:
            return True
        tcb.layer.counters.beyond_window += 1
    if flags & RST:
        # A peer that counts its FIN wrongly resets one below; we have its FIN, so let it.
        if seq == tcb.rcv_nxt - 1 and tcb.fin_received:
            reset_by_peer(tcb)
        return False
    if flags & SYN:
        tcb.layer.counters.syn_challenge += 1
        send_challenge(tcb)
    else:
        _answer_unacceptable(tcb, segment, seq, end)
    return False


def _answer_unacceptable(tcb: Tcb, segment: TcpSegment, seq: int, end: int) -> None:
    """<SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>, not more often than tcp_invalid_ratelimit if it has no text."""
    if may_loop(segment) and rate_limited(tcb):
        return
    if end != seq and seq < tcb.rcv_nxt:
        tcb.layer.counters.delayed_ack_lost += 1
        output.enter_quick_ack(tcb, MAX_QUICKACKS)
        receive.set_dsack(tcb, seq, min(end, tcb.rcv_nxt))
    output.send_ack(tcb)


# Second check: RST ----------------------------------------------------------------------------


def _check_reset(tcb: Tcb, segment: TcpSegment, seq: int) -> bool:
    """RFC 9293 §3.10.7.4 second: only the very next sequence number resets (RFC 5961 §3.2)."""
    if not segment.flags & RST:
        return True
    if seq == tcb.rcv_nxt or (seq == tcb.rcv_nxt - 1 and tcb.fin_received):
        reset_by_peer(tcb)
        return False
    for _, right in tcb.sack_blocks:
        # A peer that lost our state may use the end of what we sacked (Linux, tcp_validate_incoming).
        if seq == right and right >= max([block[1] for block in tcb.sack_blocks]):
            reset_by_peer(tcb)
            return False
    fast = tcb.fast
    if fast is not None and fast.asked and tcb.data_segs_in == 0 and tcb.endpoint.state == ESTABLISHED:
        # The data of the peer was swallowed on the way, and then a RST made up (RFC 7413 §6.3).
        disable(tcb.layer)
    send_challenge(tcb)
    return False


# Fourth check: SYN (the third, security, is not implemented by anyone) --------------------------


def _check_syn(tcb: Tcb, segment: TcpSegment, seq: int, end: int) -> bool:
    """RFC 9293 §3.10.7.4 fourth: a SYN in a synchronized state is challenged (RFC 5961 §4.2).

    The SYN-ACK of a simultaneous open repeats a SYN already received and is welcome for its ACK.
    """
    if not segment.flags & SYN:
        return True
    if (
        tcb.endpoint.state == SYN_RECV
        and segment.flags & ACK
        and seq + 1 == end
        and seq + 1 == tcb.rcv_nxt
        and segment.ack == tcb.snd_nxt & MASK32
    ):
        return True
    tcb.layer.counters.syn_challenge += 1
    send_challenge(tcb)
    return False


# Fifth check: ACK -----------------------------------------------------------------------------


def _check_ack(tcb: Tcb, packet: IpPacket, segment: TcpSegment, seq: int, end: int) -> bool:
    """RFC 9293 §3.10.7.4 fifth."""
    flags = segment.flags
    if not flags & ACK:
        return False
    ack = tcb.snd_una + seq_diff(segment.ack, tcb.snd_una)
    ece = flags & ECE != 0 and tcb.options_on & OPT_ECN != 0 and not flags & SYN
    if tcb.endpoint.state == SYN_RECV:
        return _establish(tcb, packet, segment, seq, end, ack)
    if ack >= tcb.snd_una and ack <= tcb.snd_nxt:
        _update_ts_recent(tcb, seq)
    found = process(tcb, seq, end, ack, segment, ece)
    if found not in (ACK_GOOD, ACK_OLD):
        # RFC 5961 §5.2: an ACK that cannot be is discarded and answered.
        send_challenge(tcb)
        return False
    state = tcb.endpoint.state
    if state in (ESTABLISHED, CLOSE_WAIT, FIN_WAIT_2):
        return True
    return _closing_acked(tcb, packet, segment, seq, end)


def _update_ts_recent(tcb: Tcb, seq: int) -> None:
    """RFC 7323 §4.3: of segments that span the last ACK sent, remember the timestamp."""
    if tcb.ts_seen and seq <= tcb.rcv_wup:
        behind = (tcb.ts_recent - tcb.ts_val) & MASK32
        if behind == 0 or behind >= 0x8000_0000 or not _is_older(tcb, 0):
            tcb.ts_recent = tcb.ts_val
            tcb.ts_recent_at = tcb.clock.now


def _establish(tcb: Tcb, packet: IpPacket, segment: TcpSegment, seq: int, end: int, ack: int) -> bool:
    """SYN-RECEIVED: an ACK of our SYN makes the connection; any other is answered with RST."""
    request = tcb.opening
    if request is not None:
        return _establish_opened(tcb, request, packet, segment, seq, end, ack)
    if not tcb.snd_una < ack <= tcb.snd_nxt:
        tcb.layer.send_reset(packet, segment)
        return False
    _update_ts_recent(tcb, seq)
    process(tcb, seq, end, ack, segment, False)
    # The SYN-ACK was a request's, and on no retransmission queue.
    tcb.delivered += 1
    become_established(tcb, segment, seq)
    tcb.notify(STATE_CHANGED)
    if tcb.shut & SEND_SHUTDOWN:
        finish_sending(tcb)
    return True


def _establish_opened(
    tcb: Tcb, request: PendingOpen, packet: IpPacket, segment: TcpSegment, seq: int, end: int, ack: int
) -> bool:
    """The same for a connection that Fast Open opened: it may have carried data already."""
    _update_ts_recent(tcb, seq)
    if process(tcb, seq, end, ack, segment, False) != ACK_GOOD:
        tcb.layer.send_reset(packet, segment)
        return False
    tcb.delivered += 1
    if tcb.srtt == 0 and request.retransmissions == 0 and request.sent_at >= 0:
        round_trip = max((tcb.clock.now - request.sent_at) // 1000, 1)
        rtt.sample(tcb, round_trip)
        rtt.note_min(tcb, round_trip, False)
    acknowledged(tcb)
    enter(tcb, ESTABLISHED)
    _take_first_window(tcb, segment, seq)
    tcb.last_data_sent = tcb.clock.now
    window.guess_segment_size(tcb)
    output.rearm_rto(tcb)
    tcb.notify(STATE_CHANGED)
    if tcb.shut & SEND_SHUTDOWN:
        finish_sending(tcb)
    return True


def _take_first_window(tcb: Tcb, segment: TcpSegment, seq: int) -> None:
    tcb.snd_wnd = segment.window << (0 if segment.flags & SYN else tcb.snd_wscale)
    tcb.snd_wl1 = seq
    tcb.max_window = max(tcb.max_window, tcb.snd_wnd)
    if tcb.options_on & OPT_TIMESTAMPS:
        tcb.advmss -= options.TIMESTAMPS_LENGTH
    output.sync_mss(tcb, tcb.path_mtu)


def become_established(tcb: Tcb, segment: TcpSegment, seq: int) -> None:
    """SYN-RECEIVED is over: take the window, and prepare to carry data."""
    tcb.copied_seq = tcb.rcv_nxt
    enter(tcb, ESTABLISHED)
    _take_first_window(tcb, segment, seq)
    start_transfer(tcb)
    window.guess_segment_size(tcb)


def _closing_acked(tcb: Tcb, packet: IpPacket, segment: TcpSegment, seq: int, end: int) -> bool:
    """The states after our close: is our FIN acknowledged?"""
    if tcb.opening is not None:
        acknowledged(tcb)
        output.rearm_rto(tcb)
    if not tcb.fin_sent or tcb.snd_una != tcb.write_seq:
        return True
    state = tcb.endpoint.state
    if state == FIN_WAIT_1:
        enter(tcb, FIN_WAIT_2)
        tcb.shut |= SEND_SHUTDOWN
        if not tcb.orphan:
            tcb.notify(STATE_CHANGED)
            return True
        fin = segment.flags & FIN != 0
        if tcb.linger2 < 0 or (end != seq and end - (1 if fin else 0) > tcb.rcv_nxt):
            # Nobody is left to read this data.
            rst_error(tcb)
            tcb.layer.send_reset(packet, segment)
            return False
        wait = fin_timeout(tcb)
        if wait > TIME_WAIT_LENGTH:
            tcb.set_keepalive(wait - TIME_WAIT_LENGTH)
        elif fin:
            tcb.set_keepalive(wait)
        else:
            tcb.layer.enter_time_wait(tcb, FIN_WAIT_2, wait)
            return False
        return True
    if state == CLOSING:
        tcb.layer.enter_time_wait(tcb, TIME_WAIT, TIME_WAIT_LENGTH)
        return False
    if state == LAST_ACK:
        history.save(tcb)
        done(tcb)
        return False
    return True


# Sixth check: URG -----------------------------------------------------------------------------


def _check_urgent(tcb: Tcb, segment: TcpSegment, seq: int) -> None:
    """RFC 9293 §3.10.7.4 sixth. The pointer is to the byte after the urgent one, as everyone has it
    (RFC 6093 §3.1), unless tcp_stdurg says otherwise."""
    if RCV_SHUTDOWN & tcb.shut and tcb.fin_received:
        return
    pointer = segment.urgent
    if pointer and not tcb.layer.sysctl.tcp_stdurg:
        pointer -= 1
    at = seq + pointer
    if at < tcb.copied_seq or at < tcb.rcv_nxt:
        return
    if tcb.urg_state != URG_NONE:
        if at <= tcb.rcv_up:
            return
        if tcb.rcv_up == tcb.copied_seq and not tcb.urg_inline and tcb.copied_seq != tcb.rcv_nxt:
            # The next byte to read is the urgent one before: it does not become part of the stream.
            receive.skip_urgent(tcb)
    tcb.urg_state = URG_AWAITED
    tcb.rcv_up = at
    tcb.notify(POLLPRI)


# Seventh and eighth check: text and FIN ---------------------------------------------------------


def _process_text(tcb: Tcb, packet: IpPacket, segment: TcpSegment, seq: int, end: int) -> bool:
    """RFC 9293 §3.10.7.4 seventh, then FIN."""
    data = segment.payload
    if tcb.urg_state == URG_AWAITED and data:
        receive.urgent_in(tcb, seq, data)
    if packet.tos & 3:
        _count_ecn(tcb, packet.tos & 3, len(data))
    if end == seq:
        return True
    flags = segment.flags
    if flags & SYN:
        # Only the SYN-ACK of a simultaneous open comes here; its SYN is known, and reported as that.
        tcb.layer.counters.delayed_ack_lost += 1
        receive.set_dsack(tcb, seq, end)
        receive.out_of_window(tcb)
        return True
    if tcb.endpoint.state != ESTABLISHED and tcb.shut & RCV_SHUTDOWN:
        fin = 1 if flags & FIN else 0
        if seq >= tcb.rcv_nxt and tcb.endpoint.state not in (FIN_WAIT_1, FIN_WAIT_2):
            # CLOSE-WAIT, CLOSING, LAST-ACK: text after FIN should not occur, ignore it.
            return True
        if end - fin > tcb.rcv_nxt:
            # Nobody will read it; or it overlaps a FIN it goes on behind (tcp_rcv_state_process).
            rst_error(tcb)
            tcb.layer.send_reset(packet, segment)
            return False
    if tcb.options_on & OPT_ECN:
        _note_ecn(tcb, packet, segment)
    if receive.queue_data(tcb, seq, data, flags & FIN != 0, flags, segment.header_length()):
        return fin_arrived(tcb)
    return True


def _count_ecn(tcb: Tcb, codepoint: int, length: int) -> None:
    """What arrived marked, whether ECN was agreed on or not (``tcp_ecn_received_counters``)."""
    if codepoint == 1:
        tcb.received_e1_bytes += length
    elif codepoint == 2:
        tcb.received_e0_bytes += length
    else:
        tcb.received_ce += 1
        tcb.received_ce_bytes += length


def _note_ecn(tcb: Tcb, packet: IpPacket, segment: TcpSegment) -> None:
    """RFC 3168 §6.1.3: echo congestion until the sender says it has heard."""
    if segment.flags & CWR:
        tcb.ecn_demand_cwr = False
        if segment.payload:
            tcb.ack_pending |= ACK_NOW
    if not segment.payload:
        return
    codepoint = packet.tos & 3
    if codepoint == 3:
        tcb.layer.counters.ecn_ce_received += 1
        if not tcb.ecn_demand_cwr:
            output.enter_quick_ack(tcb, 2)
            tcb.ecn_demand_cwr = True
        tcb.options_on |= OPT_ECN_SEEN
    elif codepoint:
        tcb.options_on |= OPT_ECN_SEEN
    elif tcb.options_on & OPT_ECN_SEEN:
        # Not ECN-capable after others were: a retransmission.
        output.enter_quick_ack(tcb, 2)


def _answer(tcb: Tcb) -> None:
    """After a segment: send what its ACK allows, then acknowledge (``tcp_data_snd_check``)."""
    if tcb.unsent or (tcb.fin_queued and not tcb.fin_sent):
        write.push_pending(tcb, tcb.nagle)
    if tcb.pages:
        memory.settle(tcb)
    check_space(tcb)
    if tcb.ack_pending:
        check_ack(tcb)


def check_space(tcb: Tcb) -> None:
    """Room was made in the send buffer: tell a writer who waits for it."""
    if not tcb.no_space or tcb.orphan:
        return
    queued = tcb.send_memory()
    layer = tcb.layer
    if tcb.in_flight() < tcb.cwnd and layer.memory_pages < layer.sysctl.tcp_mem[0]:
        # The window is not full for want of data: a larger buffer would hold more.
        expand_sndbuf(tcb)
    if queued * 3 <= tcb.sndbuf_bytes * 2:
        tcb.no_space = False
        chrono.stop(tcb, chrono.BUFFER_LIMITED)
        tcb.notify(POLLOUT | POLLWRNORM)


def check_ack(tcb: Tcb) -> None:
    """Acknowledge now or later (RFC 9293 §3.8.6.3, RFC 5681 §4.2).

    Every second full segment is, if the user reads or the window need not shrink. Asking for the window
    ends the quick ACKs when the buffer is half full, so it comes first.
    """
    if (
        (
            tcb.rcv_nxt - tcb.rcv_wup > tcb.rcv_mss
            and (tcb.rcv_nxt - tcb.copied_seq < tcb.rcvlowat or window.best_window(tcb) >= tcb.rcv_wnd)
        )
        or (tcb.quick_acks and not tcb.pingpong)
        or tcb.ack_pending & ACK_NOW
        or (tcb.route_metrics is not None and tcb.route_metrics.quickack)
    ):
        output.send_ack(tcb)
    elif tcb.ooo:
        receive.ack_out_of_order(tcb)
    elif tcb.ack_pending & ACK_SCHEDULED:
        output.delay_ack(tcb)
