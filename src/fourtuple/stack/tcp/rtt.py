"""The round-trip time and the retransmission timeout (RFC 6298).

Linux's estimator: RFC 6298 with two refinements. The minimum applies to the variance, not to
their sum, so the timeout is the smoothed time plus at least 200 ms; and the deviation shrinks no faster than
once a round trip, so that a window of ACKs does not wipe out one late one.
"""

from __future__ import annotations

from .minmax import MinFilter
from .state import MS
from .tcb import Tcb


def rto_min(tcb: Tcb) -> int:
    """Lower bound of the variance in us."""
    if tcb.route_metrics is not None and tcb.route_metrics.rto_min_us:
        return tcb.route_metrics.rto_min_us
    # In ticks of the kernel's clock, as TCP_RTO_MIN_US is.
    return tcb.user_rto_min or (tcb.layer.sysctl.tcp_rto_min_us + 999) // 1000 * 1000


def rto_max(tcb: Tcb) -> int:
    """Longest timeout in ns."""
    return tcb.user_rto_max or tcb.layer.sysctl.tcp_rto_max_ms * MS


def estimate(tcb: Tcb, rtt: int) -> None:
    """Take a sample of ``rtt`` us (RFC 6298 §2.2, §2.3)."""
    if tcb.srtt == 0:
        tcb.srtt = max(rtt << 3, 1)
        tcb.mdev = rtt << 1
        tcb.rttvar = max(tcb.mdev, rto_min(tcb))
        tcb.mdev_max = tcb.rttvar
        tcb.rtt_seq = tcb.snd_nxt
        return
    error = rtt - (tcb.srtt >> 3)
    tcb.srtt = max(tcb.srtt + error, 1)
    if error < 0:
        # A sample below the mean moves the deviation an eighth as fast, or a falling
        # round-trip time would raise the timeout.
        error = -error - (tcb.mdev >> 2)
        if error > 0:
            error >>= 3
    else:
        error -= tcb.mdev >> 2
    tcb.mdev += error
    if tcb.mdev > tcb.mdev_max:
        tcb.mdev_max = tcb.mdev
        tcb.rttvar = max(tcb.rttvar, tcb.mdev_max)
    if tcb.snd_una > tcb.rtt_seq:
        if tcb.mdev_max < tcb.rttvar:
            tcb.rttvar -= (tcb.rttvar - tcb.mdev_max) >> 2
        tcb.rtt_seq = tcb.snd_nxt
        tcb.mdev_max = rto_min(tcb)


def set_rto(tcb: Tcb) -> None:
    """Compute the timeout from the estimates, without back-off (RFC 6298 §2.2)."""
    tcb.rto = min(((tcb.srtt >> 3) + tcb.rttvar) * 1000, rto_max(tcb))


def sample(tcb: Tcb, rtt: int) -> None:
    """A round trip of ``rtt`` us was measured on data not retransmitted, or by timestamp.

    It also ends the back-off (RFC 6298 §5, Karn's algorithm).
    """
    estimate(tcb, rtt)
    set_rto(tcb)
    tcb.backoff = 0


def note_min(tcb: Tcb, rtt: int, delayed: bool) -> None:
    """Keep the least round-trip time of the last tcp_min_rtt_wlen, in us.

    ``delayed``: the ACK may have waited for the peer's timer. Such samples say nothing of the path, or the
    least would become theirs in time.
    """
    filtered = tcb.min_rtts
    now = tcb.clock.now
    if filtered is None:
        tcb.min_rtts = MinFilter(now, max(rtt, 1))
        tcb.min_rtt = max(rtt, 1)
    elif not delayed or rtt <= tcb.min_rtt:
        filtered.take(tcb.layer.sysctl.tcp_min_rtt_wlen, now, max(rtt, 1))
        tcb.min_rtt = filtered.best()


def backed_off(tcb: Tcb, base: int) -> int:
    """``base`` ns doubled once for every back-off so far, at most the longest timeout."""
    limit = rto_max(tcb)
    return min(base << min(tcb.backoff, 40), limit)


def probe_base(tcb: Tcb) -> int:
    """First interval of zero-window probes in ns (RFC 9293 §3.8.6.1: the RTO)."""
    return max(tcb.rto, rto_min(tcb) * 1000)
