"""What a connection leaves to the next one between the same addresses (Linux's ``tcp_update_metrics`` and
``tcp_init_metrics``, RFC 9040)."""

from __future__ import annotations

from typing import Final

from . import rtt
from .congestion import in_slow_start
from .metrics import Metrics
from .state import CA_OPEN, INFINITE_SSTHRESH, MS, SECOND
from .tcb import Tcb, TcpLayer

_VALID: Final = 3600 * SECOND
"""How long what was measured is believed."""


def _find(layer: TcpLayer, local: int, peer: int) -> Metrics | None:
    found = layer.metrics.find(local, peer)
    if found is not None and layer.clock.now - found.updated_at > _VALID:
        found.updated_at = layer.clock.now
        found.rtt = 0
        found.rttvar = 0
        found.ssthresh = 0
        found.cwnd = 0
        found.reordering = 0
    return found


def is_proven(layer: TcpLayer, local: int, peer: int) -> bool:
    """Whether a round trip to ``peer`` was ever measured, so that it is no invented address."""
    found = _find(layer, local, peer)
    return found is not None and found.rtt > 0


def recall(tcb: Tcb) -> None:
    """The handshake is complete: begin with what is known of the path."""
    tcb.ssthresh = INFINITE_SSTHRESH
    sysctl = tcb.layer.sysctl
    found = _find(tcb.layer, tcb.endpoint.local, tcb.endpoint.peer)
    known = 0
    if found is not None:
        if found.ssthresh and not sysctl.tcp_no_ssthresh_metrics_save:
            tcb.ssthresh = min(found.ssthresh, tcb.cwnd_clamp)
        if found.reordering:
            tcb.reordering = found.reordering
        known = found.rtt
    if known > tcb.srtt:
        # The SYN was small: a longer round trip known of data seeds the first timeout.
        base = (known >> 3) // 1000 * MS
        tcb.rto = base + max(2 * base, rtt.rto_min(tcb) * 1000)
    elif tcb.srtt == 0:
        # RFC 6298 §5.7: no sample from the handshake, which was retransmitted: be careful.
        tcb.rttvar = 3_000_000
        tcb.mdev = 3_000_000
        tcb.mdev_max = 3_000_000
        tcb.rto = 3 * SECOND


def save(tcb: Tcb) -> None:
    """The connection ended in order: keep what it measured, unless tcp_no_metrics_save says not to."""
    layer = tcb.layer
    sysctl = layer.sysctl
    if sysctl.tcp_no_metrics_save:
        return
    endpoint = tcb.endpoint
    found = _find(layer, endpoint.local, endpoint.peer)
    if tcb.backoff or tcb.srtt == 0:
        # It could not measure the round trip: what is known may be wrong now.
        if found is not None:
            found.rtt = 0
        return
    if found is None:
        found = layer.metrics.obtain(endpoint.local, endpoint.peer, layer.clock.now)
    shorter = found.rtt - tcb.srtt
    # Too long an estimate does less harm than too short a one: it falls slowly.
    found.rtt = tcb.srtt if shorter <= 0 else found.rtt - (shorter >> 3)
    deviation = max(abs(shorter) >> 1, tcb.mdev)
    found.rttvar = (
        deviation if deviation >= found.rttvar else found.rttvar - ((found.rttvar - deviation) >> 2)
    )
    keep_ssthresh = not sysctl.tcp_no_ssthresh_metrics_save
    cwnd = tcb.cwnd
    if tcb.ssthresh >= INFINITE_SSTHRESH:
        if keep_ssthresh and found.ssthresh and cwnd >> 1 > found.ssthresh:
            found.ssthresh = cwnd >> 1
        found.cwnd = max(found.cwnd, cwnd)
    elif not in_slow_start(tcb) and tcb.ca_state == CA_OPEN:
        if keep_ssthresh:
            found.ssthresh = max(cwnd >> 1, tcb.ssthresh)
        found.cwnd = (found.cwnd + cwnd) >> 1
    else:
        found.cwnd = (found.cwnd + tcb.ssthresh) >> 1
        if keep_ssthresh and found.ssthresh and tcb.ssthresh > found.ssthresh:
            found.ssthresh = tcb.ssthresh
        if found.reordering < tcb.reordering != sysctl.tcp_reordering:
            found.reordering = tcb.reordering
    found.updated_at = layer.clock.now
