"""Sending one segment: its header, its size, and the deadlines that follow from it (RFC 9293 §3.8)."""

from __future__ import annotations

from typing import Final

from ...wire.ip import PROTOCOL_TCP
from ...wire.tcp import ACK, CWR, ECE, RST, SYN, URG, TcpSegment
from ...wire.tcp_options import TcpOptions
from ..base import IpLayer
from . import options, rate, rtt, window
from .records import SentSegment
from .reduction import enter_reduction
from .sentlist import append_sent
from .state import (
    ACK_PUSHED,
    ACK_SCHEDULED,
    ATO_MIN,
    CA_CWR,
    CA_OPEN,
    CLOSE,
    DELACK_MAX,
    DELACK_MIN,
    EMSGSIZE,
    ENOBUFS,
    MASK32,
    MS,
    OPT_ECN,
    OPT_SACK,
    TIMEOUT_MIN,
    TIMER_LOSS_PROBE,
    TIMER_REORDER,
    TIMER_RETRANSMIT,
)
from .tcb import Tcb

_ECT0: Final = 2

BURST_MAX: Final = 65536 - 321
"""Largest burst in bytes: Linux's GSO limit less the headers."""


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
    tcb.last_sent = now
    layer.counters.out_segs += 1
    ip = layer.ip
    if ip.path_generation != tcb.path_generation:
        # As in Linux a changed route is noticed when a packet leaves: the size of the next follows from it.
        renew_path(tcb, ip)
    if tcb.ip_header == 40:
        ip.flow_label = tcb.flow_label
        ip.flow_salt = tcb.timeout_rehash
    error = ip.send(
        endpoint.local,
        endpoint.peer,
        PROTOCOL_TCP,
        segment,
        tos,
        tcb.ttl,
        tcb.sets_df(),
        endpoint.device,
    )
    if error == EMSGSIZE:
        layer.too_big(tcb)
    elif error == ENOBUFS:
        # The queue of our own interface is full: that is congestion, too.
        enter_reduction(tcb)
    return error


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
    # What the handshake may take counts from here (tcp_connect).
    tcb.retrans_stamp = tcb.clock.now
    sent = SentSegment(tcb.iss, tcb.iss + 1, b"", flags, tcb.clock.now)
    append_sent(tcb, sent)
    rate.measure_none(tcb, sent)
    tcb.snd_nxt = sent.end
    tcb.write_seq = sent.end
    tcb.pushed_seq = sent.end
    error = transmit(tcb, sent.seq, flags, b"")
    tcb.set_retransmit(TIMER_RETRANSMIT, tcb.rto)
    return error


# Segment size ---------------------------------------------------------------------------------


def mss_of_mtu(tcb: Tcb, mtu: int) -> int:
    """Payload bytes of a segment that fits ``mtu``, our options of every segment subtracted."""
    # An IPv4 header counts in the length field, an IPv6 header does not.
    mss = min(mtu, 65535 if tcb.ip_header == 20 else 65575) - tcb.ip_header - 20
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
    search = tcb.mtu_search
    if search is not None:
        search.high = min(search.high, mtu)
        mss = min(mss, mss_of_mtu(tcb, search.low))
    tcb.path_mtu = mtu
    tcb.mss = mss


def renew_path(tcb: Tcb, ip: IpLayer) -> None:
    """Something about the host's routes changed: is the way to the peer still as wide, or wider again?"""
    endpoint = tcb.endpoint
    if tcb.clock.now >= ip.path_expires:
        ip.forget_expired()
    tcb.path_generation = ip.path_generation
    route = tcb.layer.ip.route(endpoint.peer, endpoint.local, endpoint.device)
    if route is not None:
        tcb.route_mtu = route.mtu


def current_mss(tcb: Tcb) -> int:
    """Payload bytes of the next segment, the SACK option it carries subtracted."""
    ip = tcb.layer.ip
    if tcb.clock.now >= ip.path_expires:
        # But that what a router reported has expired shows at once (ipv4_mtu).
        renew_path(tcb, ip)
    if tcb.route_mtu and tcb.route_mtu != tcb.path_mtu:
        sync_mss(tcb, tcb.route_mtu)
    if tcb.sack_blocks or tcb.dsack_start >= 0:
        return tcb.mss - options.sack_length(tcb)
    return tcb.mss


# Bursts --------------------------------------------------------------------------------------


def pacing_rate(tcb: Tcb) -> int:
    """Bytes per second Linux would pace at (``tcp_update_pacing_rate``): twice the present rate in slow
    start, else 1.2 times, by tcp_pacing_ss_ratio and tcp_pacing_ca_ratio."""
    if tcb.srtt == 0:
        return 1 << 62
    sysctl = tcb.layer.sysctl
    percent = sysctl.tcp_pacing_ss_ratio if tcb.cwnd < tcb.ssthresh >> 1 else sysctl.tcp_pacing_ca_ratio
    return tcb.mss * percent * 80_000 * max(tcb.cwnd, tcb.packets_out) // tcb.srtt


def current_rate(tcb: Tcb) -> int:
    """sk_pacing_rate in bytes per second: what the congestion control says, else :func:`pacing_rate`."""
    return min(tcb.pacing_rate or pacing_rate(tcb), tcb.max_pacing_rate)


def burst_limit(tcb: Tcb, mss: int) -> int:
    """Segments that leave as one burst, a millisecond's worth but tcp_min_tso_segs at least
    (``tcp_tso_autosize``).

    It shows on the wire: the last of a burst carries PSH, as in Linux, where a burst is one large
    packet the network card cuts up.
    """
    size = min(current_rate(tcb) >> 10, BURST_MAX)
    sysctl = tcb.layer.sysctl
    if tcb.min_rtt >= 0:
        shift = tcb.min_rtt >> sysctl.tcp_tso_rtt_log
        if shift < 17:
            # A near peer's ACKs come soon enough for larger ones.
            size = min(size + (BURST_MAX >> shift), BURST_MAX)
    return max(size // mss, tcb.cc.least_burst(tcb))


# Retransmission deadline ----------------------------------------------------------------------


def rto_left(tcb: Tcb) -> int:
    """Nanoseconds until the oldest segment's retransmission timeout, which may be past."""
    return tcb.rtx[tcb.rtx_head].sent_at + tcb.rto - tcb.clock.now


def rearm_rto(tcb: Tcb) -> None:
    """Set the retransmission timeout anew (RFC 6298 §5.1, §5.2, §5.3)."""
    if tcb.opening is not None:
        # The timer is the SYN-ACK's.
        return
    if tcb.packets_out == 0:
        tcb.clear_retransmit()
        return
    delay = tcb.rto
    if tcb.pending == TIMER_REORDER or tcb.pending == TIMER_LOSS_PROBE:
        # The timeout runs from the transmission, not from the shorter timer that stood in for it.
        delay = max(rto_left(tcb), 1000)
    tcb.set_retransmit(TIMER_RETRANSMIT, delay)


def schedule_loss_probe(tcb: Tcb) -> bool:
    """Arm the tail loss probe instead of the timeout if it applies (RFC 8985 §7.2).

    As tcp_schedule_loss_probe of Linux, which asks for no measurement since the last probe (§7.3), and adds
    two milliseconds to a flight of several segments.
    """
    if (
        tcb.packets_out == 0
        or not tcb.options_on & OPT_SACK
        or tcb.layer.sysctl.tcp_early_retrans < 3
        or (tcb.ca_state != CA_OPEN and tcb.ca_state != CA_CWR)
        or tcb.opening is not None
    ):
        return False
    if tcb.srtt:
        delay = (tcb.srtt >> 2) * 1000
        if tcb.packets_out == 1:
            # Leave time for the peer's delayed ACK; TLP.max_ack_delay is the least RTO, as in Linux.
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
        if tcb.pingpong or tcb.ack_pending & ACK_PUSHED:
            most = DELACK_MAX
        if tcb.srtt:
            # A peer that never waits longer than this for us gains nothing by our waiting.
            most = min(most, max((tcb.srtt >> 3) * 1000, DELACK_MIN))
        ato = min(ato, most)
    ato = min(ato, tcb.delack_max)
    when = now + ato
    if tcb.ack_at >= 0:
        if tcb.ack_at <= now + (ato >> 2):
            send_ack(tcb)
            return
        when = min(when, tcb.ack_at)
    tcb.ack_pending |= ACK_SCHEDULED
    tcb.set_ack_deadline(when)


def until_user_timeout(tcb: Tcb, delay: int, since: int) -> int:
    """``delay`` ns, or less if TCP_USER_TIMEOUT counted from ``since`` (ns) ends before."""
    if tcb.user_timeout == 0 or since < 0:
        return delay
    left = since + tcb.user_timeout - tcb.clock.now
    return max(min(delay, left), TIMEOUT_MIN)
