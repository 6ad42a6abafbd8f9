"""What happens when a deadline passes: retransmission, probes, delayed ACK, keep-alive."""

from __future__ import annotations

from . import mtu_probe, rack, rtt
from .fastopen import watch_timeouts
from .fastopen_server import syn_ack_timeout
from .lifecycle import done, fin_timeout, give_up, keepalive_idle
from .output import (
    rearm_rto,
    send_ack,
    send_reset,
    until_user_timeout,
)
from .recovery import enter_loss, enter_recovery, reduce_window
from .retransmit import resend, retransmit, retransmit_lost
from .sentlist import part
from .state import (
    ACK_SCHEDULED,
    ATO_MIN,
    CA_RECOVERY,
    CLOSE,
    CLOSE_WAIT,
    CLOSING,
    ENOBUFS,
    ESTABLISHED,
    FIN_WAIT_1,
    FIN_WAIT_2,
    HANDSHAKE,
    LAST_ACK,
    LISTEN,
    NAGLE_OFF,
    RESOURCE_PROBE_INTERVAL,
    RTO_INITIAL,
    SYN_SENT,
    TIME_WAIT_LENGTH,
    TIMER_LOSS_PROBE,
    TIMER_NONE,
    TIMER_PROBE,
    TIMER_REORDER,
    TIMER_RETRANSMIT,
)
from .tcb import Tcb
from .write import PROBE, has_unsent, push_pending, send_window_probe, wake_peer, write_out

_SENDING = (ESTABLISHED, CLOSE_WAIT, FIN_WAIT_1, CLOSING, LAST_ACK)


def expired(tcb: Tcb) -> None:
    """One or more of the deadlines passed: see to each, then wait for the next."""
    now = tcb.clock.now
    if 0 <= tcb.sack_at <= now:
        tcb.sack_at = -1
        if tcb.compressed_acks:
            send_ack(tcb)
    if 0 <= tcb.ack_at <= now:
        _delayed_ack(tcb)
    if 0 <= tcb.pacing_at <= now:
        tcb.pacing_at = -1
        _go_on(tcb)
    if 0 <= tcb.retransmit_at <= now:
        kind = tcb.pending
        tcb.retransmit_at = -1
        if kind == TIMER_RETRANSMIT:
            tcb.pending = TIMER_NONE
            retransmission_timeout(tcb)
        elif kind == TIMER_PROBE:
            tcb.pending = TIMER_NONE
            _window_probe(tcb)
        elif kind == TIMER_LOSS_PROBE:
            _loss_probe(tcb)
        elif kind == TIMER_REORDER:
            _reordering_timeout(tcb)
    if 0 <= tcb.keepalive_at <= now:
        tcb.keepalive_at = -1
        _keepalive(tcb)
    following = tcb.earliest_deadline()
    if following >= 0 and (tcb.deadline < 0 or following < tcb.deadline):
        tcb.arm_at(following)


def _go_on(tcb: Tcb) -> None:
    """The next burst is due (``tcp_tsq_write``)."""
    if tcb.endpoint.state not in _SENDING:
        return
    if tcb.lost_out > tcb.retrans_out and tcb.cwnd > tcb.in_flight():
        retransmit_lost(tcb)
    push_pending(tcb, tcb.nagle)


def _delayed_ack(tcb: Tcb) -> None:
    tcb.ack_at = -1
    if not tcb.ack_pending & ACK_SCHEDULED:
        return
    if tcb.pingpong:
        # No data came for the ACK to ride on: not interactive after all.
        tcb.pingpong = False
        tcb.ato = ATO_MIN
    else:
        tcb.ato = min(tcb.ato << 1, tcb.rto)
    tcb.layer.counters.delayed_acks += 1
    send_ack(tcb)


# Retransmission -------------------------------------------------------------------------------


def model_timeout(tcb: Tcb, boundary: int, base: int) -> int:
    """Nanoseconds ``boundary`` retransmissions take, the first after ``base``, each twice as long."""
    longest = rtt.rto_max(tcb)
    doublings = max((longest // base).bit_length() - 1, 0)
    if boundary <= doublings:
        return ((2 << boundary) - 1) * base
    return ((2 << doublings) - 1) * base + (boundary - doublings) * longest


def timed_out(tcb: Tcb, boundary: int, limit: int) -> bool:
    """Whether retransmitting has gone on for ``limit`` ns, or if 0 as long as ``boundary`` retries take.

    Time, not a count, decides (RFC 9293 §3.8.3 R2), so a connection with a short RTO does not give up early.
    """
    if tcb.retransmits == 0 or tcb.retrans_stamp < 0:
        return False
    if limit == 0:
        base = rtt.rto_min(tcb) * 1000
        if HANDSHAKE >> tcb.endpoint.state & 1:
            base = RTO_INITIAL
        limit = model_timeout(tcb, boundary, base)
    return tcb.clock.now - tcb.retrans_stamp >= limit


def orphan_retries(tcb: Tcb, alive: bool) -> int:
    """Retries for a connection nobody waits for (``tcp_orphan_retries``)."""
    retries = tcb.layer.sysctl.tcp_orphan_retries
    if tcb.soft_error and not alive:
        retries = 0
    if retries == 0 and alive:
        retries = 8
    return retries


def _write_timed_out(tcb: Tcb) -> bool:
    """Give up if it is time to (RFC 9293 §3.8.3); True if the connection is gone."""
    sysctl = tcb.layer.sysctl
    if HANDSHAKE >> tcb.endpoint.state & 1:
        retries = tcb.syncnt or sysctl.tcp_syn_retries
        most = retries
        if tcb.endpoint.state == SYN_SENT:
            most += sysctl.tcp_syn_linear_timeouts
        # SYNs a second apart may be more than the setting says, but do not take longer than they
        # would have with backing off. With Linux's tcp_syn_retries of 6 that is less than the three
        # minutes of RFC 9293 MUST-23.
        expired_now = tcb.retransmits >= most or timed_out(tcb, retries, tcb.user_timeout)
    else:
        if timed_out(tcb, sysctl.tcp_retries1, 0):
            mtu_probe.suspect_black_hole(tcb)
        retries = sysctl.tcp_retries2
        if tcb.orphan:
            alive = tcb.rto < rtt.rto_max(tcb)
            retries = orphan_retries(tcb, alive)
            if not alive and timed_out(tcb, retries, 0):
                give_up(tcb)
                return True
        expired_now = timed_out(tcb, retries, tcb.user_timeout)
    watch_timeouts(tcb, expired_now)
    if expired_now:
        give_up(tcb)
    elif tcb.txrehash:
        # Perhaps another path through the network carries it (``sk_rethink_txhash``).
        tcb.timeout_rehash += 1
    return expired_now


def retransmission_timeout(tcb: Tcb) -> None:
    """RFC 6298 §5.4 to §5.7, RFC 5681 §3.1."""
    request = tcb.opening
    if request is not None:
        syn_ack_timeout(tcb, request)
        return
    if tcb.packets_out == 0:
        return
    state = tcb.endpoint.state
    now = tcb.clock.now
    head = tcb.rtx[tcb.rtx_head]
    if tcb.snd_wnd == 0 and not tcb.orphan and not HANDSHAKE >> state & 1:
        # The peer took its window back: retransmissions are window probes, and do not time out
        # as long as it answers.
        since = tcb.retrans_stamp if tcb.retrans_stamp >= 0 else head.sent_at
        limit = tcb.user_timeout or 2 * rtt.rto_max(tcb)
        if now - since > limit and now - tcb.last_ack_received > limit:
            give_up(tcb)
            return
        enter_loss(tcb)
        _retransmit_head(tcb)
    else:
        tcb.layer.counters.timeouts += 1
        if _write_timed_out(tcb):
            return
        if tcb.retransmits == 0:
            _count_failure(tcb)
        enter_loss(tcb)
        if tcb.retransmits == 0:
            tcb.total_rto_recoveries += 1
            tcb.rto_stamp = now
        tcb.retransmits += 1
        tcb.total_rto += 1
        if _retransmit_head(tcb) == ENOBUFS and tcb.packets_out:
            # Our own interface is congested: try again soon, without backing off.
            tcb.set_retransmit(TIMER_RETRANSMIT, RESOURCE_PROBE_INTERVAL)
            return
    if _backs_off(tcb):
        tcb.backoff += 1
        tcb.rto = min(tcb.rto << 1, rtt.rto_max(tcb))
    tcb.set_retransmit(TIMER_RETRANSMIT, _until_user_timeout(tcb))


def _retransmit_head(tcb: Tcb) -> int:
    """Send the oldest segment again, alone; 0 or an errno."""
    head = tcb.rtx_head
    error = retransmit(tcb, head, 0)
    if head + 1 < len(tcb.rtx):
        part(tcb, tcb.rtx[head + 1])
    return error


def _resend_last(tcb: Tcb) -> int:
    """Send the newest segment again, alone; 0 or an errno."""
    part(tcb, tcb.rtx[-1])
    return resend(tcb, len(tcb.rtx) - 1, 0)


def _backs_off(tcb: Tcb) -> bool:
    """RFC 6298 §5.5, but for the first SYNs (tcp_syn_linear_timeouts), which are sent a second apart,
    and the first six timeouts of a stream with few segments in flight (tcp_thin_linear_timeouts)."""
    sysctl = tcb.layer.sysctl
    state = tcb.endpoint.state
    if state == SYN_SENT:
        return tcb.total_rto > sysctl.tcp_syn_linear_timeouts
    thin = (
        (tcb.thin or sysctl.tcp_thin_linear_timeouts != 0)
        and tcb.packets_out < 4
        and tcb.cwnd >= tcb.ssthresh
    )
    return not (thin and state == ESTABLISHED and tcb.retransmits <= 6)


def _until_user_timeout(tcb: Tcb) -> int:
    return until_user_timeout(tcb, tcb.rto, tcb.retrans_stamp)


def _count_failure(tcb: Tcb) -> None:
    counters = tcb.layer.counters
    if tcb.ca_state == CA_RECOVERY:
        if tcb.options_on & 2:
            counters.sack_failures += 1
        else:
            counters.reno_failures += 1
    elif tcb.ca_state > CA_RECOVERY:
        counters.loss_failures += 1


# Probes ---------------------------------------------------------------------------------------


def _window_probe(tcb: Tcb) -> None:
    """The persist timer (RFC 9293 §3.8.6.1). As long as the peer answers, there is no end to it."""
    if tcb.packets_out or not has_unsent(tcb):
        tcb.probes_out = 0
        tcb.probes_at = -1
        return
    now = tcb.clock.now
    sysctl = tcb.layer.sysctl
    if tcb.probes_at < 0:
        tcb.probes_at = now
    elif tcb.user_timeout and now - tcb.probes_at >= tcb.user_timeout:
        give_up(tcb)
        return
    most = sysctl.tcp_retries2
    if tcb.orphan:
        alive = rtt.backed_off(tcb, rtt.probe_base(tcb)) < rtt.rto_max(tcb)
        most = orphan_retries(tcb, alive)
        if not alive and tcb.backoff >= most:
            give_up(tcb)
            return
    if tcb.probes_out >= most:
        give_up(tcb)
        return
    send_window_probe(tcb)


def _loss_probe(tcb: Tcb) -> None:
    """Tail loss probe: new data if there is some, else the last segment again (RFC 8985 §7.3)."""
    tcb.pending = TIMER_NONE
    if tcb.packets_out == 0:
        return
    if tcb.tlp_high_seq < 0:
        sent = False
        tcb.tlp_retransmitted = False
        usable = tcb.window_end() - tcb.snd_nxt
        if has_unsent(tcb) and usable >= min(tcb.unsent, tcb.mss):
            before = tcb.packets_out
            write_out(tcb, NAGLE_OFF, PROBE)
            sent = tcb.packets_out > before
        elif _resend_last(tcb) == 0:
            tcb.tlp_retransmitted = True
            sent = True
        if sent:
            tcb.tlp_high_seq = tcb.snd_nxt
            tcb.layer.counters.loss_probes += 1
            tcb.pending = TIMER_NONE
            rearm_rto(tcb)
            return
    tcb.pending = TIMER_LOSS_PROBE
    rearm_rto(tcb)


def _reordering_timeout(tcb: Tcb) -> None:
    """What was overdue at the last ACK is now lost (RFC 8985 §6.2 step 5)."""
    lost = tcb.lost
    flight = tcb.in_flight()
    wait = rack.detect_loss(tcb)
    if flight != tcb.in_flight():
        if tcb.ca_state != CA_RECOVERY:
            enter_recovery(tcb, False)
            reduce_window(tcb, 1, tcb.lost - lost, 0)
        retransmit_lost(tcb)
    if tcb.retransmit_at < 0 or tcb.pending != TIMER_RETRANSMIT:
        rearm_rto(tcb)
    _ = wait


# Keep-alive -----------------------------------------------------------------------------------


def _keepalive(tcb: Tcb) -> None:
    """RFC 9293 §3.8.4, and the end of an orphan's FIN_WAIT_2."""
    state = tcb.endpoint.state
    if state == FIN_WAIT_2 and tcb.orphan:
        if tcb.linger2 >= 0:
            left = fin_timeout(tcb) - TIME_WAIT_LENGTH
            if left > 0:
                tcb.layer.enter_time_wait(tcb, FIN_WAIT_2, left)
                return
        send_reset(tcb)
        done(tcb)
        return
    if not tcb.keepalive_on or state in (CLOSE, LISTEN, SYN_SENT):
        return
    sysctl = tcb.layer.sysctl
    idle = keepalive_idle(tcb)
    if tcb.packets_out or has_unsent(tcb):
        tcb.set_keepalive(idle)
        return
    now = tcb.clock.now
    elapsed = now - max(tcb.last_data_received, tcb.last_ack_received)
    if elapsed < idle:
        tcb.set_keepalive(idle - elapsed)
        return
    most = tcb.keepcnt or sysctl.tcp_keepalive_probes
    if tcb.user_timeout:
        over = elapsed >= tcb.user_timeout and tcb.probes_out > 0
    else:
        over = tcb.probes_out >= most
    if over:
        send_reset(tcb)
        give_up(tcb)
        return
    tcb.layer.counters.keepalive += 1
    wake_peer(tcb)
    tcb.probes_out += 1
    tcb.set_keepalive(tcb.keepintvl or sysctl.tcp_keepalive_intvl)
