"""SYN-SENT (RFC 9293 §3.10.7.3): the answer to our SYN."""

from __future__ import annotations

from ...wire.ip import IpPacket
from ...wire.seqnum import seq_diff
from ...wire.tcp import ACK, CWR, ECE, RST, SYN, TcpSegment
from . import options, output, window, write
from .ack import process
from .fastopen_client import syn_ack_arrived
from .lifecycle import (
    STATE_CHANGED,
    enter,
    reset_by_peer,
    start_transfer,
)
from .state import (
    ACK_SCHEDULED,
    DELACK_MAX,
    ESTABLISHED,
    MASK32,
    MAX_QUICKACKS,
    MAX_WSCALE,
    MS,
    OPT_ECN,
    OPT_SACK,
    OPT_TIMESTAMPS,
    OPT_WSCALE,
    SYN_RECV,
    TIMEOUT_MIN,
    TIMER_RETRANSMIT,
)
from .tcb import Tcb


def syn_sent(tcb: Tcb, packet: IpPacket, segment: TcpSegment) -> None:
    flags = segment.flags
    offered = segment.options
    stamped = offered is not None and offered.timestamps and tcb.options_on & OPT_TIMESTAMPS != 0
    tcb.ts_seen = stamped
    if offered is not None and stamped:
        tcb.ts_val = offered.ts_val
        tcb.ts_ecr = offered.ts_ecr
    # First, ACK.
    ack = tcb.snd_una + seq_diff(segment.ack, tcb.snd_una)
    if flags & ACK:
        if not tcb.snd_una < ack <= tcb.snd_nxt:
            if tcb.retransmits == 0:
                # The answer to an earlier incarnation: once it is reset, try again at once.
                tcb.set_retransmit(TIMER_RETRANSMIT, TIMEOUT_MIN)
            tcb.layer.send_reset(packet, segment)
            return
        if stamped and tcb.ts_ecr and not _echo_is_ours(tcb):
            tcb.layer.counters.paws_active_rejected += 1
            tcb.layer.send_reset(packet, segment)
            return
    # Second, RST: believed only if it acknowledges our SYN.
    if flags & RST:
        if flags & ACK:
            reset_by_peer(tcb)
        return
    # Fourth, SYN.
    if not flags & SYN:
        return
    negotiate(tcb, segment, flags)
    tcb.irs = segment.seq
    tcb.rcv_nxt = segment.seq + 1
    tcb.rcv_wup = tcb.rcv_nxt
    tcb.copied_seq = tcb.rcv_nxt
    tcb.snd_wl1 = segment.seq
    if flags & ACK:
        _syn_acked(tcb, segment, ack)
    else:
        _simultaneous_open(tcb, segment)


def _echo_is_ours(tcb: Tcb) -> bool:
    """The timestamp echoed lies between our first SYN and now (RFC 7323 §3.2)."""
    now = options.timestamp(tcb)
    first = (tcb.syn_at // MS + tcb.ts_offset) & MASK32
    return (tcb.ts_ecr - first) & MASK32 <= (now - first) & MASK32


def negotiate(tcb: Tcb, segment: TcpSegment, flags: int) -> None:
    """Keep of what we offered only what the peer's SYN offers too."""
    theirs = segment.options
    agreed = 0
    tcb.offered_options = tcb.options_on
    if theirs is not None:
        tcb.mss_clamp = peer_mss(tcb.user_mss, theirs.mss)
        if theirs.wscale >= 0 and tcb.options_on & OPT_WSCALE:
            # RFC 7323 §2.3: a shift of more than 14 is taken as 14.
            tcb.snd_wscale = min(theirs.wscale, MAX_WSCALE)
            agreed |= OPT_WSCALE
        if theirs.timestamps and tcb.options_on & OPT_TIMESTAMPS:
            tcb.ts_recent = theirs.ts_val
            tcb.ts_recent_at = tcb.clock.now
            tcb.header_extra = options.TIMESTAMPS_LENGTH
            agreed |= OPT_TIMESTAMPS
        if theirs.sack_permitted and tcb.options_on & OPT_SACK:
            agreed |= OPT_SACK
    else:
        tcb.mss_clamp = peer_mss(tcb.user_mss, -1)
    if not agreed & OPT_WSCALE:
        tcb.rcv_wscale = 0
        tcb.snd_wscale = 0
        tcb.window_clamp = min(tcb.window_clamp or 65535, 65535)
        # Our SYN could not say more, and now nothing will.
        tcb.rcv_wnd = min(tcb.rcv_wnd, 65535)
    if tcb.options_on & OPT_ECN:
        echo = flags & (ECE | CWR)
        if echo == ECE if flags & ACK else echo == ECE | CWR:
            agreed |= OPT_ECN
    tcb.options_on = agreed


def peer_mss(user_mss: int, offered: int) -> int:
    """The largest segment the peer takes, by its SYN (-1: it named none) and TCP_MAXSEG.

    Without the option 536 for IPv6 too, as Linux (TCP_MSS_DEFAULT); RFC 9293 MUST-15 has 1220 there.
    """
    mss = offered if offered > 0 else 536
    if user_mss and user_mss < mss:
        mss = user_mss
    return mss


def _syn_acked(tcb: Tcb, segment: TcpSegment, ack: int) -> None:
    """Our SYN is acknowledged by a SYN: ESTABLISHED."""
    tcb.snd_wnd = segment.window
    tcb.max_window = segment.window
    seq = segment.seq
    process(tcb, seq, seq + 1, ack, segment, False)
    output.sync_mss(tcb, tcb.path_mtu)
    window.guess_segment_size(tcb)
    if tcb.options_on & OPT_TIMESTAMPS:
        tcb.advmss -= options.TIMESTAMPS_LENGTH
    enter(tcb, ESTABLISHED)
    start_transfer(tcb)
    fast = tcb.fast
    resent = fast is not None and syn_ack_arrived(tcb, fast, segment)
    if not tcb.orphan:
        tcb.notify(STATE_CHANGED)
    if resent:
        # What went out again acknowledges the SYN.
        pass
    elif tcb.write_pending or tcb.defer_accept or tcb.pingpong:
        # Save one ACK: data will follow soon.
        tcb.ack_pending |= ACK_SCHEDULED
        output.enter_quick_ack(tcb, MAX_QUICKACKS)
        tcb.set_ack_deadline(tcb.clock.now + DELACK_MAX)
    else:
        output.send_ack(tcb)
    if tcb.unsent or (tcb.fin_queued and not tcb.fin_sent):
        write.push_pending(tcb, tcb.nagle)


def _simultaneous_open(tcb: Tcb, segment: TcpSegment) -> None:
    """A SYN crosses ours: SYN-RECEIVED, and our SYN again, with ACK (RFC 9293 §3.5 figure 7)."""
    enter(tcb, SYN_RECV)
    tcb.snd_wnd = segment.window
    tcb.max_window = segment.window
    output.sync_mss(tcb, tcb.path_mtu)
    window.guess_segment_size(tcb)
    sent = tcb.rtx[tcb.rtx_head]
    sent.flags = SYN | ACK
    if tcb.options_on & OPT_ECN:
        sent.flags |= ECE
    sent.sent_at = tcb.clock.now
    output.transmit(tcb, sent.seq, sent.flags, b"")
