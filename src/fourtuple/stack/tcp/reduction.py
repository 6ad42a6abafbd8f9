"""Reducing the congestion window: the episode begins here, whatever the reason."""

from __future__ import annotations

from .congestion import set_state
from .state import CA_CWR, OPT_ECN
from .tcb import Tcb


def start_reduction(tcb: Tcb) -> None:
    """Begin to reduce the window to what the congestion control says (RFC 6937 §3)."""
    tcb.high_seq = tcb.snd_nxt
    tcb.tlp_high_seq = -1
    tcb.cwnd_count = 0
    tcb.prior_cwnd = tcb.cwnd
    tcb.prr_delivered = 0
    tcb.prr_out = 0
    tcb.ssthresh = tcb.cc.ssthresh(tcb)
    queue_cwr(tcb)


def queue_cwr(tcb: Tcb) -> None:
    """RFC 3168 §6.1.2: tell the peer that the window was reduced."""
    if tcb.options_on & OPT_ECN:
        tcb.ecn_queue_cwr = True


def enter_reduction(tcb: Tcb) -> None:
    """Reduce the window although nothing was lost: congestion was signalled (RFC 3168 §6.1.2), or the
    interface of this host took no more (``tcp_enter_cwr``)."""
    tcb.prior_ssthresh = 0
    if tcb.ca_state < CA_CWR:
        tcb.undo_marker = -1
        start_reduction(tcb)
        set_state(tcb, CA_CWR)
