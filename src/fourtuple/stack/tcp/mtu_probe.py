"""Packetization-layer path MTU discovery (RFC 4821, RFC 8899): a larger segment now and then finds what the
path takes, where no router says so.

As in Linux the search halves the interval between what is known to pass and what the ends could take. By
net.ipv4.tcp_mtu_probing it is off (0), begins when a path proves to swallow large packets (1), or is always
on (2), then from tcp_base_mss.
"""

from __future__ import annotations

from typing import Final

from . import output
from .congestion import current_ssthresh
from .state import CA_OPEN
from .tcb import MtuSearch, Tcb

_LEAST_CWND: Final = 11
"""Segments of the congestion window without which a probe would stall the stream (RFC 4821 §7.4)."""

# What wanted() answers beside a size.
NO_PROBE: Final = -1
WAIT: Final = 0
"""A probe is due, and room for it: send nothing else before."""


def mtu_of_mss(tcb: Tcb, mss: int) -> int:
    """The packet a segment of ``mss`` bytes of payload makes."""
    return mss + 20 + tcb.header_extra + tcb.ip_header


def _highest(tcb: Tcb) -> int:
    return tcb.mss_clamp + 20 + tcb.ip_header


def _search(tcb: Tcb) -> MtuSearch:
    low = mtu_of_mss(tcb, tcb.layer.sysctl.tcp_base_mss)
    return MtuSearch(low, _highest(tcb), tcb.clock.now)


def prepare(tcb: Tcb) -> None:
    """The handshake is complete: search from the beginning if the host always does (``tcp_mtup_init``)."""
    tcb.mtu_search = _search(tcb) if tcb.layer.sysctl.tcp_mtu_probing > 1 else None


def suspect_black_hole(tcb: Tcb) -> None:
    """Retransmissions go on and on (tcp_retries1): the path may swallow packets of this size (RFC 4821 §7.7).

    The first time the search begins, at tcp_base_mss; then it begins lower each time.
    """
    sysctl = tcb.layer.sysctl
    if not sysctl.tcp_mtu_probing:
        return
    search = tcb.mtu_search
    if search is None:
        search = _search(tcb)
        search.high = min(search.high, tcb.path_mtu)
        tcb.mtu_search = search
    else:
        mss = min(sysctl.tcp_base_mss, output.mss_of_mtu(tcb, search.low) >> 1)
        mss = max(mss, sysctl.tcp_mtu_probe_floor, sysctl.tcp_min_snd_mss)
        search.low = mtu_of_mss(tcb, mss)
    output.sync_mss(tcb, tcb.path_mtu)


def wanted(tcb: Tcb, search: MtuSearch) -> int:
    """Payload bytes of a probe to be sent now, or one of the answers above (``tcp_mtu_probe``)."""
    if (
        search.probe_size
        or tcb.ca_state != CA_OPEN
        or tcb.cwnd < _LEAST_CWND
        or tcb.sack_blocks
        or tcb.dsack_start >= 0
    ):
        return NO_PROBE
    size = output.mss_of_mtu(tcb, (search.high + search.low) >> 1)
    needed = size + (tcb.reordering + 1) * tcb.mss
    if (
        size > output.mss_of_mtu(tcb, search.high)
        or search.high - search.low < tcb.layer.sysctl.tcp_probe_threshold
    ):
        _search_again(tcb, search)
        return NO_PROBE
    # Enough has to follow for a lost probe to be found by duplicates (RFC 4821 §7.4).
    if tcb.unsent < needed or tcb.snd_wnd < needed:
        return NO_PROBE
    if tcb.snd_nxt + needed > tcb.window_end():
        return WAIT
    flight = tcb.in_flight()
    if flight + 2 > tcb.cwnd:
        return WAIT if flight else NO_PROBE
    return size


def _search_again(tcb: Tcb, search: MtuSearch) -> None:
    """The path may have changed for the better since (RFC 4821 §7.3, tcp_probe_interval)."""
    now = tcb.clock.now
    if now - search.began_at >= tcb.layer.sysctl.tcp_probe_interval:
        search.high = _highest(tcb)
        search.low = mtu_of_mss(tcb, output.current_mss(tcb))
        search.began_at = now


def sent(tcb: Tcb, search: MtuSearch, start: int, end: int) -> None:
    """The probe start..end is on its way. It counts for two segments of the window."""
    tcb.cwnd -= 1
    search.probe_size = mtu_of_mss(tcb, end - start)
    search.probe_start = start
    search.probe_end = end


def succeeded(tcb: Tcb, search: MtuSearch) -> None:
    """The probe was acknowledged: segments are as large from now on (RFC 4821 §7.6.1)."""
    # The window is the same in bytes.
    tcb.cwnd = max(tcb.cwnd * mtu_of_mss(tcb, tcb.mss) // search.probe_size, 1)
    tcb.cwnd_count = 0
    tcb.cwnd_stamp = tcb.clock.now
    tcb.ssthresh = current_ssthresh(tcb)
    search.low = search.probe_size
    search.probe_size = 0
    output.sync_mss(tcb, tcb.path_mtu)
    tcb.layer.counters.mtup_success += 1


def failed(tcb: Tcb, search: MtuSearch) -> bool:
    """A loss was found: True if it is the probe alone, which says nothing of congestion (RFC 4821 §7.6.2)."""
    if not search.probe_size or tcb.snd_una != search.probe_start:
        return False
    search.high = search.probe_size - 1
    search.probe_size = 0
    tcb.cwnd += 1
    tcb.layer.counters.mtup_fail += 1
    return True
