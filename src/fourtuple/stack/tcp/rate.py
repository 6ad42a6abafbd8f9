"""How fast the path delivers: a sample with every ACK (draft-cheng-iccrg-delivery-rate-estimation, Linux's
``tcp_rate.c``).

A sample is what was delivered between two moments, over the longer of the time it took to send it and the
time its ACKs took to come, so that neither a burst of ACKs nor one of sending is mistaken for speed.
"""

from __future__ import annotations

from .ackstate import AckState
from .records import SentSegment
from .tcb import Tcb


def note_sent(tcb: Tcb, sent: SentSegment) -> None:
    """``sent`` is transmitted, and not yet counted in packets_out: from what moment is it measured?"""
    if tcb.packets_out == 0:
        tcb.first_sent_at = sent.sent_at
        tcb.delivered_at = sent.sent_at
    sent.first_sent_at = tcb.first_sent_at
    sent.delivered_at = tcb.delivered_at
    sent.delivered = tcb.delivered
    sent.app_limited = tcb.app_limited != 0


def measure_none(tcb: Tcb, sent: SentSegment) -> None:
    """``sent``, a SYN or its data, makes no sample, nor does it when sent again: Linux counts it in
    packets_out before it stamps it, and so gives it no stamp (``tcp_rate_skb_sent``)."""
    sent.delivered_at = -1
    tcb.delivered_at = -1


def note_delivered(sent: SentSegment, state: AckState) -> None:
    """``sent`` has arrived; the one sent last of those an ACK is about makes the sample.

    Of one moment's that is the one transmitted last, not the one with the highest sequence number: a
    retransmission may have followed new data (``tcp_skb_sent_after`` has times that differ then).
    """
    serial = sent.serial
    if serial > state.newest_serial or (serial == state.newest_serial and sent.end > state.newest_end):
        state.newest = sent
        state.newest_serial = serial
        state.newest_end = sent.end


def begin_next(tcb: Tcb, state: AckState) -> None:
    """The next sample begins where that of this ACK ends. After it nothing is sent before this is called."""
    if state.newest is not None:
        tcb.first_sent_at = state.newest.sent_at


def take_sample(tcb: Tcb, state: AckState, delivered: int, reneging: bool) -> None:
    """Make the sample of this ACK: ``state.delivered`` segments in ``state.interval`` ns, if there is one."""
    now = tcb.clock.now
    if tcb.app_limited and tcb.delivered > tcb.app_limited:
        tcb.app_limited = 0
    if delivered:
        tcb.delivered_at = now
    newest = state.newest
    if newest is None or newest.delivered_at < 0:
        return
    tcb.first_sent_at = newest.sent_at
    if reneging:
        return
    interval = max(newest.sent_at - newest.first_sent_at, now - newest.delivered_at)
    count = tcb.delivered - newest.delivered
    state.delivered = count
    # Faster than the shortest round trip is a spurious retransmission, not speed; so is anything while no
    # round trip is known.
    if tcb.min_rtt < 0 or interval < tcb.min_rtt * 1000:
        return
    state.interval = interval
    if not newest.app_limited or count * tcb.rate_interval >= tcb.rate_delivered * interval:
        tcb.rate_delivered = count
        tcb.rate_interval = interval
        tcb.rate_app_limited = newest.app_limited


def check_app_limited(tcb: Tcb) -> None:
    """The user is about to write: if the network could have taken more, what is in flight measures the
    user."""
    flight = tcb.in_flight()
    if tcb.unsent < tcb.mss and flight < tcb.cwnd and tcb.lost_out <= tcb.retrans_out:
        tcb.app_limited = (tcb.delivered + flight) or 1


def delivery_rate(tcb: Tcb) -> int:
    """tcpi_delivery_rate, bytes per second."""
    if tcb.rate_delivered <= 0 or tcb.rate_interval <= 0:
        return 0
    return tcb.rate_delivered * tcb.mss * 1_000_000_000 // tcb.rate_interval
