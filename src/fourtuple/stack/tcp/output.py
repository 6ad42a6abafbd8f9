"""Sending: what may go out now, and the segment it goes out in (RFC 9293 §3.8, §3.10.2).

``write_out`` is the one place new data leaves from. It asks, for each segment, whether the congestion
window, the peer's window and Nagle's algorithm let it go, in that order.
"""

from __future__ import annotations

from ...wire.ip import PROTOCOL_TCP
from ...wire.tcp import ACK, CWR, ECE, FIN, PSH, RST, SYN, URG, TcpSegment
from ...wire.tcp_options import TcpOptions
from . import options, rtt, window
from .congestion import current_ssthresh, in_reduction, is_window_limited
from .records import SentSegment
from .sentlist import append_sent
from .state import (
    ACK_SCHEDULED,
    ATO_MIN,
    CA_OPEN,
    CLOSE,
    DELACK_MAX,
    DELACK_MIN,
    INITIAL_CWND,
    MASK32,
    MS,
    NAGLE_CORK,
    NAGLE_OFF,
    NAGLE_PUSH,
    OPT_ECN,
    OPT_SACK,
    TIMEOUT_MIN,
    TIMER_LOSS_PROBE,
    TIMER_NONE,
    TIMER_PROBE,
    TIMER_REORDER,
    TIMER_RETRANSMIT,
)
from .tcb import Tcb

_ECT0 = 2


# One segment ----------------------------------------------------------------------------------


def transmit(tcb: Tcb, seq: int, flags: int, data: bytes) -> int:
    """Send one segment; returns 0 or the errno of the layers below."""
    endpoint = tcb.endpoint
    tos = tcb.tos
    now = tcb.clock.now
    if flags & SYN:
        header_options: TcpOptions | None = options.offer(tcb)
        field = min(tcb.rcv_wnd, 65535)
        tcb.rcv_wup = tcb.rcv_nxt
    else:
        header_options = options.established(tcb)
        field = window.select_window(tcb)
        if tcb.options_on & OPT_ECN:
            if data and seq >= tcb.snd_nxt:
                # RFC 3168 §6.1.5: data sent for the first time is ECN-capable, nothing else.
                tos |= _ECT0
                if tcb.ecn_queue_cwr:
                    tcb.ecn_queue_cwr = False
                    flags |= CWR
            if tcb.ecn_demand_cwr:
                flags |= ECE
    segment = TcpSegment(
        endpoint.local_port,
        endpoint.peer_port,
        seq & MASK32,
        tcb.rcv_nxt & MASK32 if flags & ACK else 0,
        flags,
        field,
        data,
        header_options,
    )
    segment.origin = endpoint
    if tcb.snd_up > tcb.snd_una and seq < tcb.snd_up:
        # The pointer is 16 bits; an urgent mark further away is announced when it comes near.
        distance = tcb.snd_up - seq
        if distance <= 0xFFFF:
            segment.urgent = distance
            segment.flags |= URG
        elif seq + 0xFFFF > tcb.snd_nxt:
            segment.urgent = 0xFFFF
            segment.flags |= URG
    layer = tcb.layer
    if flags & ACK:
        if tcb.quick_acks:
            _spend_quick_ack(tcb)
        tcb.ack_pending = 0
        tcb.ack_at = -1
        tcb.compressed_acks = 0
        tcb.sack_at = -1
    if data:
        tcb.data_segs_out += 1
        tcb.bytes_sent += len(data)
        if tcb.packets_out == 0:
            tcb.cc.restarted(tcb)
        tcb.last_data_sent = now
        if now - tcb.last_data_received < tcb.ato:
            # A reply to what just came: the connection is interactive, ACKs can ride on data.
            tcb.pingpong = True
    tcb.segs_out += 1
    layer.counters.out_segs += 1
    return layer.ip.send(
        endpoint.local,
        endpoint.peer,
        PROTOCOL_TCP,
        segment,
        tos,
        tcb.ttl,
        tcb.pmtu_discovery != 0,
        endpoint.device,
    )


def _spend_quick_ack(tcb: Tcb) -> None:
    if tcb.ack_pending & ACK_SCHEDULED:
        tcb.quick_acks -= 1
        if tcb.quick_acks <= 0:
            tcb.quick_acks = 0
            tcb.ato = ATO_MIN


def acceptable_seq(tcb: Tcb) -> int:
    """SEG.SEQ of a segment without data that the peer will take.

    SND.NXT, unless the peer shrank its window below it (``tcp_acceptable_seq``).
    """
    end = tcb.snd_una + tcb.snd_wnd
    if end >= tcb.snd_nxt or tcb.snd_nxt - end < 1 << tcb.rcv_wscale:
        return tcb.snd_nxt
    return end


def send_ack(tcb: Tcb) -> None:
    """Acknowledge now."""
    if tcb.endpoint.state == CLOSE:
        return
    transmit(tcb, acceptable_seq(tcb), ACK, b"")


def send_reset(tcb: Tcb) -> None:
    """Tell the peer that the connection is gone (RFC 9293 §3.10.5)."""
    tcb.layer.counters.out_rsts += 1
    transmit(tcb, acceptable_seq(tcb), ACK | RST, b"")


def send_syn(tcb: Tcb, flags: int) -> int:
    """Send the SYN or, with ACK among ``flags``, the SYN-ACK of an active open for the first time."""
    tcb.retrans_stamp = -1
    sent = SentSegment(tcb.iss, tcb.iss + 1, b"", flags, tcb.clock.now)
    append_sent(tcb, sent)
    tcb.snd_nxt = sent.end
    tcb.write_seq = sent.end
    tcb.pushed_seq = sent.end
    error = transmit(tcb, sent.seq, flags, b"")
    tcb.set_retransmit(TIMER_RETRANSMIT, tcb.rto)
    return error


# Segment size ---------------------------------------------------------------------------------


def mss_of_mtu(tcb: Tcb, mtu: int) -> int:
    """Payload bytes of a segment that fits ``mtu``, our options of every segment subtracted."""
    mss = min(mtu, 65535) - tcb.ip_header - 20
    if mss > tcb.mss_clamp:
        mss = tcb.mss_clamp
    return max(mss, tcb.layer.sysctl.tcp_min_snd_mss) - tcb.header_extra


def sync_mss(tcb: Tcb, mtu: int) -> None:
    """The path takes packets of ``mtu`` bytes: compute the segment size (RFC 9293 §3.7.1)."""
    mss = mss_of_mtu(tcb, mtu)
    # A segment of more than half the largest window the peer ever had would stop and wait.
    limit = tcb.max_window >> 1 if tcb.max_window > 536 else tcb.max_window
    if limit and mss > limit:
        mss = max(limit, 68 - 20 - tcb.header_extra)
    tcb.path_mtu = mtu
    tcb.mss = mss


def current_mss(tcb: Tcb) -> int:
    """Payload bytes of the next segment, the SACK option it carries subtracted."""
    if tcb.sack_blocks or tcb.dsack_start >= 0:
        return tcb.mss - options.sack_length(tcb)
    return tcb.mss


# New data -------------------------------------------------------------------------------------


def has_unsent(tcb: Tcb) -> bool:
    """Data or a FIN waits to be sent for the first time."""
    return tcb.unsent > 0 or (tcb.fin_queued and not tcb.fin_sent)


def take(tcb: Tcb, count: int) -> bytes:
    """The next ``count`` unsent bytes, off the queue."""
    chunks = tcb.chunks
    index = tcb.chunk_index
    offset = tcb.chunk_offset
    chunk = chunks[index]
    tcb.unsent -= count
    end = offset + count
    if end < len(chunk):
        tcb.chunk_offset = end
        return chunk[offset:end]
    data = chunk if offset == 0 else chunk[offset:]
    count -= len(data)
    index += 1
    offset = 0
    if count:
        parts = [data]
        while count:
            chunk = chunks[index]
            if len(chunk) > count:
                parts.append(chunk[:count])
                offset = count
                break
            parts.append(chunk)
            count -= len(chunk)
            index += 1
        data = b"".join(parts)
    if index == len(chunks):
        chunks.clear()
        index = 0
    elif index >= 32 and index * 2 >= len(chunks):
        del chunks[:index]
        index = 0
    tcb.chunk_index = index
    tcb.chunk_offset = offset
    return data


def _nagle_holds(tcb: Tcb, nagle: int) -> bool:
    """Whether a segment shorter than the MSS has to wait (RFC 9293 §3.7.4, Minshall's variant).

    It waits while an earlier short one is unacknowledged, or the user holds the cork.
    """
    if nagle & NAGLE_CORK:
        return True
    return nagle == 0 and tcb.packets_out > 0 and tcb.snd_una < tcb.snd_sml <= tcb.snd_nxt


def _send_new(tcb: Tcb, length: int, mss: int) -> None:
    """Send the next ``length`` unsent bytes, with FIN if they are the last."""
    seq = tcb.snd_nxt
    data = take(tcb, length) if length else b""
    end = seq + length
    flags = ACK
    ends = tcb.push_ends
    while ends and ends[0] <= end:
        if ends.pop(0) == end:
            flags |= PSH
    if tcb.fin_queued and tcb.unsent == 0:
        flags |= FIN
        end += 1
        tcb.fin_sent = True
        if length:
            flags |= PSH
    sent = SentSegment(seq, end, data, flags, tcb.clock.now)
    idle = tcb.packets_out == 0
    transmit(tcb, seq, flags, data)
    append_sent(tcb, sent)
    tcb.snd_nxt = end
    if length < mss:
        tcb.snd_sml = end
    if idle or tcb.pending == TIMER_LOSS_PROBE:
        rearm_rto(tcb)


def write_out(tcb: Tcb, nagle: int, probe: bool) -> bool:
    """Send what may be sent. ``nagle`` are NAGLE_* bits, ``probe`` sends one segment whatever the window.

    Returns True if nothing is in flight and yet something waits: only a window probe can help.
    """
    sent = 0
    mss = current_mss(tcb)
    limited = False
    while True:
        unsent = tcb.unsent
        if unsent == 0 and not (tcb.fin_queued and not tcb.fin_sent):
            break
        length = unsent if unsent < mss else mss
        last = length == unsent
        fin = last and tcb.fin_queued
        quota = tcb.cwnd - tcb.in_flight()
        if quota <= 0:
            limited = True
            # A FIN alone is no load, and a loss probe is sent beyond the window on purpose.
            if not probe and not (fin and length == 0):
                break
        usable = tcb.snd_una + tcb.snd_wnd - tcb.snd_nxt
        if length + (1 if fin else 0) > usable:
            # What follows a full segment in the same go may fill the window to its end.
            if last or sent == 0 or usable <= 0 or _nagle_holds(tcb, nagle):
                break
            length = usable
            last = False
        elif (
            length < mss
            and last
            and not fin
            and not nagle & NAGLE_PUSH
            and tcb.snd_up <= tcb.snd_una
            and _nagle_holds(tcb, nagle)
        ):
            break
        _send_new(tcb, length, mss)
        sent += 1
        if probe:
            break
    limited = limited or tcb.in_flight() >= tcb.cwnd
    if sent or limited:
        _validate_window(tcb, limited)
    if sent:
        if in_reduction(tcb):
            tcb.prr_out += sent
        if not probe:
            schedule_loss_probe(tcb)
        return False
    return tcb.packets_out == 0 and has_unsent(tcb)


def push_pending(tcb: Tcb, nagle: int) -> None:
    """Send what waits, and see to it that something will happen if nothing can go."""
    if tcb.unsent == 0 and not (tcb.fin_queued and not tcb.fin_sent):
        return
    if tcb.endpoint.state == CLOSE:
        return
    if write_out(tcb, nagle, False) and tcb.packets_out == 0 and tcb.pending == TIMER_NONE:
        tcb.set_retransmit(TIMER_PROBE, rtt.probe_base(tcb))


def queue_fin(tcb: Tcb) -> None:
    """The user is done sending: FIN follows the last byte."""
    tcb.fin_queued = True
    tcb.write_seq += 1
    push_pending(tcb, NAGLE_OFF)


# Congestion window use ------------------------------------------------------------------------


def _validate_window(tcb: Tcb, limited: bool) -> None:
    """Remember how much of the congestion window is used (RFC 7661, ``tcp_cwnd_validate``)."""
    if (
        tcb.snd_una >= tcb.usage_seq
        or limited
        or (not tcb.cwnd_limited and tcb.packets_out > tcb.max_packets_out)
    ):
        tcb.cwnd_limited = limited
        tcb.max_packets_out = tcb.packets_out
        tcb.usage_seq = tcb.snd_nxt
    now = tcb.clock.now
    if is_window_limited(tcb):
        tcb.cwnd_used = 0
        tcb.cwnd_stamp = now
        return
    if tcb.packets_out > tcb.cwnd_used:
        tcb.cwnd_used = tcb.packets_out
    if tcb.layer.sysctl.tcp_slow_start_after_idle and now - tcb.cwnd_stamp >= tcb.rto:
        _shrink_unused_window(tcb)


def _shrink_unused_window(tcb: Tcb) -> None:
    if tcb.ca_state == CA_OPEN and not tcb.no_space:
        used = max(tcb.cwnd_used, INITIAL_CWND)
        if used < tcb.cwnd:
            tcb.ssthresh = current_ssthresh(tcb)
            tcb.cwnd = (tcb.cwnd + used) >> 1
        tcb.cwnd_used = 0
    tcb.cwnd_stamp = tcb.clock.now


def check_idle(tcb: Tcb) -> None:
    """Before new data: after a pause longer than the RTO start slowly again (RFC 5681 §4.1)."""
    if tcb.packets_out or not tcb.layer.sysctl.tcp_slow_start_after_idle:
        return
    idle = tcb.clock.now - tcb.last_data_sent
    if idle <= tcb.rto:
        return
    tcb.ssthresh = current_ssthresh(tcb)
    restart = min(INITIAL_CWND, tcb.cwnd)
    cwnd = tcb.cwnd
    idle -= tcb.rto
    while idle > 0 and cwnd > restart:
        cwnd >>= 1
        idle -= tcb.rto
    tcb.cwnd = max(cwnd, restart)
    tcb.cwnd_stamp = tcb.clock.now
    tcb.cwnd_used = 0


# Retransmission deadline ----------------------------------------------------------------------


def rto_left(tcb: Tcb) -> int:
    """Nanoseconds until the oldest segment's retransmission timeout, which may be past."""
    return tcb.rtx[tcb.rtx_head].sent_at + tcb.rto - tcb.clock.now


def rearm_rto(tcb: Tcb) -> None:
    """Set the retransmission timeout anew (RFC 6298 §5.1, §5.2, §5.3)."""
    if tcb.packets_out == 0:
        tcb.clear_retransmit()
        return
    delay = tcb.rto
    if tcb.pending == TIMER_REORDER or tcb.pending == TIMER_LOSS_PROBE:
        # The timeout runs from the transmission, not from the shorter timer that stood in for it.
        delay = max(rto_left(tcb), 1000)
    tcb.set_retransmit(TIMER_RETRANSMIT, delay)


def schedule_loss_probe(tcb: Tcb) -> bool:
    """Arm the tail loss probe instead of the timeout if it applies (RFC 8985 §7.2)."""
    if (
        tcb.packets_out == 0
        or not tcb.options_on & OPT_SACK
        or tcb.layer.sysctl.tcp_early_retrans < 3
        or (tcb.ca_state != CA_OPEN and tcb.ca_state != 2)
    ):
        return False
    if tcb.srtt:
        delay = (tcb.srtt >> 2) * 1000
        if tcb.packets_out == 1:
            # Leave time for the peer's delayed ACK.
            delay += rtt.rto_min(tcb) * 1000
        else:
            delay += TIMEOUT_MIN
    else:
        delay = 1000 * MS
    left = rto_left(tcb)
    if 0 < left < delay:
        delay = left
    tcb.set_retransmit(TIMER_LOSS_PROBE, delay)
    return True


# Acknowledgments ------------------------------------------------------------------------------


def enter_quick_ack(tcb: Tcb, most: int) -> None:
    """Acknowledge the next segments, at most ``most``, at once."""
    add_quick_acks(tcb, most)
    tcb.pingpong = False
    tcb.ato = ATO_MIN


def add_quick_acks(tcb: Tcb, most: int) -> None:
    count = tcb.rcv_wnd // (2 * tcb.rcv_mss)
    if count == 0:
        count = 2
    tcb.quick_acks = max(tcb.quick_acks, min(count, most))


def delay_ack(tcb: Tcb) -> None:
    """Acknowledge later, hoping that data or more to acknowledge comes (RFC 9293 §3.8.6.3)."""
    ato = tcb.ato
    now = tcb.clock.now
    if ato > DELACK_MIN:
        most = 500 * MS
        if tcb.pingpong or tcb.ack_pending & 2:
            most = DELACK_MAX
        if tcb.srtt:
            # A peer that never waits longer than this for us gains nothing by our waiting.
            most = min(most, max((tcb.srtt >> 3) * 1000, DELACK_MIN))
        ato = min(ato, most)
    ato = min(ato, DELACK_MAX)
    when = now + ato
    if tcb.ack_at >= 0:
        if tcb.ack_at <= now + (ato >> 2):
            send_ack(tcb)
            return
        when = min(when, tcb.ack_at)
    tcb.ack_pending |= ACK_SCHEDULED
    tcb.set_ack_deadline(when)


# Window probes --------------------------------------------------------------------------------


def wake_peer(tcb: Tcb) -> None:
    """Probe a closed window, or an idle peer (``tcp_write_wakeup``).

    What fits the window is sent. If nothing does, a segment below the window makes the peer
    acknowledge and so tell its window.
    """
    if tcb.endpoint.state == CLOSE:
        return
    usable = tcb.snd_una + tcb.snd_wnd - tcb.snd_nxt
    if has_unsent(tcb) and usable > 0:
        mss = current_mss(tcb)
        length = min(tcb.unsent, usable, mss)
        if tcb.unsent > length:
            # A probe is pushed, so that the peer hands it on.
            tcb.push_ends.insert(0, tcb.snd_nxt + length)
        if length or tcb.unsent == 0:
            _send_new(tcb, length, mss)
        return
    if tcb.snd_una < tcb.snd_up <= tcb.snd_una + 0xFFFF:
        transmit(tcb, tcb.snd_una, ACK, b"")
    transmit(tcb, tcb.snd_una - 1, ACK, b"")


def send_window_probe(tcb: Tcb) -> None:
    """The persist timer fired (RFC 9293 §3.8.6.1): probe, and wait twice as long next time."""
    wake_peer(tcb)
    tcb.layer.counters.win_probe += 1
    if tcb.packets_out or not has_unsent(tcb):
        tcb.probes_out = 0
        tcb.backoff = 0
        return
    tcb.probes_out += 1
    if tcb.backoff < tcb.layer.sysctl.tcp_retries2:
        tcb.backoff += 1
    delay = rtt.backed_off(tcb, rtt.probe_base(tcb))
    tcb.set_retransmit(TIMER_PROBE, until_user_timeout(tcb, delay, tcb.probes_at))


def until_user_timeout(tcb: Tcb, delay: int, since: int) -> int:
    """``delay`` ns, or less if TCP_USER_TIMEOUT counted from ``since`` (ns) ends before."""
    if tcb.user_timeout == 0 or since < 0:
        return delay
    left = since + tcb.user_timeout - tcb.clock.now
    return max(min(delay, left), TIMEOUT_MIN)
