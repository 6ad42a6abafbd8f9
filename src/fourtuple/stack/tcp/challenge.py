"""Challenge ACKs (RFC 5961 §7): the answer to what may be a blind attack, at a limited rate."""

from __future__ import annotations

from typing import Final

from .output import send_ack
from .state import SECOND
from .tcb import Tcb

_UNLIMITED: Final = 0x7FFF_FFFF


def rate_limited(tcb: Tcb) -> bool:
    """One answer per tcp_invalid_ratelimit to segments out of the window, so two ends cannot
    answer each other's answers for ever."""
    now = tcb.clock.now
    if tcb.last_oow_ack >= 0 and now - tcb.last_oow_ack < tcb.layer.sysctl.tcp_invalid_ratelimit:
        tcb.layer.counters.ack_skipped += 1
        return True
    tcb.last_oow_ack = now
    return False


def send_challenge(tcb: Tcb) -> None:
    """Acknowledge where we are; a peer that really means it will answer with the right number."""
    if rate_limited(tcb):
        return
    layer = tcb.layer
    limit = layer.sysctl.tcp_challenge_ack_limit
    if limit != _UNLIMITED:
        second = tcb.clock.now // SECOND
        if second != layer.challenge_second:
            # The exact count is random, or it would tell an attacker about others (CVE-2016-5696).
            half = (limit + 1) >> 1
            layer.challenge_second = second
            layer.challenge_left = half + (layer.ip.stream.below(limit) if limit > 0 else 0)
        if layer.challenge_left <= 0:
            return
        layer.challenge_left -= 1
    layer.counters.challenge_ack += 1
    send_ack(tcb)
