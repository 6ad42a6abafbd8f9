"""The receive window: how much to offer, and when (RFC 9293 §3.8.6, RFC 7323 §2).

The receive buffer holds payload and what Linux spends beside it. At first half of it counts as payload, so
SO_RCVBUF shows the doubled number and yet the window is what was asked for; when the peer's segment size is
known it is the part that full segments leave (``tcp_measure_rcv_mss``).
"""

from __future__ import annotations

from typing import Final

from ..sysctl import Sysctl
from . import memory
from .state import ACK_NO_MEMORY, INITIAL_CWND, MASK32, MAX_WSCALE, MIN_MSS, MS
from .tcb import Tcb

_SIGNED_MAX: Final = 32767


def full_space(tcb: Tcb) -> int:
    """Payload bytes the buffer is good for."""
    return tcb.rcvbuf_bytes * tcb.rcv_scaling >> 8


def free_space(tcb: Tcb) -> int:
    """Payload bytes there is room for now."""
    return (tcb.rcvbuf_bytes - tcb.rmem - tcb.error_queue_bytes) * tcb.rcv_scaling >> 8


def measure_scaling(tcb: Tcb, length: int, header: int) -> None:
    """The peer's segments hold ``length`` bytes behind ``header``: what is left of a buffer for payload?"""
    before = tcb.rcv_scaling
    tcb.rcv_scaling = min(max((length << 8) // memory.cost_of(tcb, length, header), 1), 255)
    if tcb.rcv_scaling == before:
        return
    clamp = full_space(tcb)
    if clamp < tcb.window_clamp:
        tcb.rcv_ssthresh = min(tcb.rcv_ssthresh, clamp)
    tcb.window_clamp = clamp
    tcb.rcv_ssthresh = max(min(tcb.rcv_wnd, clamp), tcb.rcv_ssthresh)
    tcb.rcv_space = min(tcb.rcv_space, clamp)


def initial_window(sysctl: Sysctl, space: int, mss: int, scaling: bool, clamp: int) -> tuple[int, int]:
    """The window for a SYN or SYN-ACK in bytes, and its scale.

    ``space`` is the payload the buffer holds now, ``clamp`` the user's limit (0 none). The scale allows for
    the largest buffer there may ever be. A window above 65535 cannot be told in the SYN (RFC 7323 §2.2),
    and holds from the first segment after it.
    """
    if clamp == 0:
        clamp = 65535 << MAX_WSCALE
    space = min(space, clamp)
    window = space
    if space > mss:
        window = space - space % mss
    # Some old stacks take the window for a signed number.
    if sysctl.tcp_workaround_signed_windows:
        window = min(window, _SIGNED_MAX)
    scale = 0
    if not scaling:
        window = min(window, 65535)
    else:
        most = min(max(space, sysctl.tcp_rmem[2], sysctl.rmem_max), clamp)
        scale = min(max(most.bit_length() - 16, 0), MAX_WSCALE)
    return window, scale


def prepare(tcb: Tcb) -> None:
    """Set the limits that hold from the end of the handshake (``tcp_init_buffer_space``)."""
    tcb.rcv_space_seq = tcb.copied_seq
    tcb.rcv_space_at = tcb.clock.now
    most = full_space(tcb)
    advmss = tcb.advmss
    app_win = tcb.layer.sysctl.tcp_app_win
    if tcb.window_clamp == 0 or tcb.window_clamp >= most:
        tcb.window_clamp = most
        if app_win and most > 4 * advmss:
            tcb.window_clamp = max(most - (most >> app_win), 4 * advmss)
    if app_win and tcb.window_clamp > 2 * advmss and tcb.window_clamp + advmss > most:
        # Keep room for one segment that arrives while the window is full.
        tcb.window_clamp = max(2 * advmss, most - advmss)
    tcb.rcv_ssthresh = min(tcb.rcv_ssthresh, tcb.window_clamp)
    tcb.rcv_space = min(tcb.rcv_ssthresh, tcb.rcv_wnd, INITIAL_CWND * advmss)


def guess_segment_size(tcb: Tcb) -> None:
    """A first, low guess of the size of the peer's segments (``tcp_initialize_rcv_mss``)."""
    guess = min(tcb.advmss, tcb.mss, tcb.rcv_wnd // 2, 536)
    tcb.rcv_mss = max(guess, MIN_MSS)


def best_window(tcb: Tcb) -> int:
    """The window in bytes that would be offered if none had been before.

    Avoids the silly window at the receiving side (RFC 9293 §3.8.6.2.2): below half the buffer, less
    than a segment or a sixteenth of the buffer is offered as nothing.
    """
    allowed = tcb.rcvbuf_bytes * tcb.rcv_scaling >> 8
    free = (tcb.rcvbuf_bytes - tcb.rmem - tcb.error_queue_bytes) * tcb.rcv_scaling >> 8
    full = min(tcb.window_clamp, allowed)
    mss = tcb.rcv_mss
    if mss > full:
        mss = full
        if mss <= 0:
            return 0
    scale = tcb.rcv_wscale
    shrink = scale > 0 and tcb.layer.sysctl.tcp_shrink_window != 0
    if free < full >> 1:
        tcb.quick_acks = 0
        if tcb.layer.memory_pressure:
            memory.limit_window(tcb)
        if free <= 0:
            return 0
        free = free >> scale << scale
        if free < allowed >> 4 or free < mss:
            return 0
    if free > tcb.rcv_ssthresh:
        free = tcb.rcv_ssthresh
    elif shrink:
        return free >> scale << scale
    if scale:
        unit = (1 << scale) - 1
        return (free + unit) & ~unit
    window = tcb.rcv_wnd
    # Linux rounds to a whole segment though its limit may be less than one, and then never opens again a
    # window that was closed.
    mss = min(mss, max(tcb.rcv_ssthresh, 1))
    if window <= free - mss or window > free:
        return free - free % mss
    if mss == full and free > window + (full >> 1):
        return free
    return window


def select_window(tcb: Tcb) -> int:
    """Offer a window: returns the header's field, and remembers what was offered.

    It is not taken back (RFC 9293 §3.8.6.2: a receiver should not shrink the window), unless
    tcp_shrink_window says that memory is dearer, or there is no memory at all.
    """
    if tcb.ack_pending & ACK_NO_MEMORY:
        tcb.rcv_wnd = 0
        tcb.rcv_wup = tcb.rcv_nxt
        return 0
    window = best_window(tcb)
    left = tcb.rcv_wup + tcb.rcv_wnd - tcb.rcv_nxt
    scale = tcb.rcv_wscale
    before = tcb.rcv_wnd
    if window < left and not (scale and tcb.layer.sysctl.tcp_shrink_window):
        if window == 0:
            tcb.layer.counters.want_zero_window_adv += 1
        unit = (1 << scale) - 1
        window = (left + unit) & ~unit
    if scale == 0 and tcb.layer.sysctl.tcp_workaround_signed_windows:
        window = min(window, _SIGNED_MAX)
    window = min(window, 65535 << scale)
    tcb.rcv_wnd = window
    tcb.rcv_wup = tcb.rcv_nxt
    if window == 0:
        if before:
            tcb.layer.counters.to_zero_window_adv += 1
    elif before == 0:
        tcb.layer.counters.from_zero_window_adv += 1
    return window >> scale


def grow(tcb: Tcb, length: int, cost: int) -> None:
    """Raise the limit of the offered window after a segment of ``length`` bytes that took ``cost`` bytes of
    the buffer (``tcp_grow_window``): not if more of the kind would not fit it."""
    room = min(tcb.window_clamp, free_space(tcb)) - tcb.rcv_ssthresh
    if room <= 0:
        return
    if tcb.layer.memory_pressure:
        memory.limit_window(tcb)
        return
    step = 2 * tcb.advmss
    charged = cost * tcb.rcv_scaling >> 8
    if charged > length:
        # The smaller the window is, the more room per byte there will be.
        step = 0
        charged >>= 1
        window = (tcb.layer.sysctl.tcp_rmem[2] * tcb.rcv_scaling >> 8) >> 1
        while tcb.rcv_ssthresh <= window:
            if charged <= length:
                step = 2 * tcb.rcv_mss
                break
            charged >>= 1
            window >>= 1
    if step:
        tcb.rcv_ssthresh += min(room, max(step, 2 * length))
        tcb.quick_acks |= 1


# Automatic growth -----------------------------------------------------------------------------


def adapt_buffer(tcb: Tcb) -> None:
    """The user read: if it reads a window each round trip, let the window grow.

    Dynamic right-sizing as in ``tcp_rcv_space_adjust``: what came and was read in one round trip is what the
    next ones bring.
    """
    now = tcb.clock.now
    elapsed = now - tcb.rcv_space_at
    if tcb.rcv_rtt == 0 or elapsed < (tcb.rcv_rtt >> 3) * 1000:
        return
    copied = tcb.copied_seq - tcb.rcv_space_seq - (tcb.rcv_nxt - tcb.copied_seq)
    if copied > tcb.rcv_space:
        grow_buffer(tcb, copied)
    tcb.rcv_space_seq = tcb.copied_seq
    tcb.rcv_space_at = now


def grow_buffer(tcb: Tcb, copied: int) -> None:
    """Let the buffer hold twice the ``copied`` bytes of a round trip, more while they still grow, and what
    waits beyond gaps, up to tcp_rmem's maximum (``tcp_rcvbuf_grow`` of 6.18)."""
    before = tcb.rcv_space
    tcb.rcv_space = copied
    sysctl = tcb.layer.sysctl
    if not sysctl.tcp_moderate_rcvbuf or tcb.rcvbuf_locked:
        return
    wanted = copied << 1
    if before:
        wanted += 2 * (wanted * (copied - before) // before)
    if tcb.ooo:
        wanted += tcb.ooo[-1].end - tcb.rcv_nxt
    size = min((wanted << 8) // tcb.rcv_scaling, sysctl.tcp_rmem[2])
    if size > tcb.rcvbuf_bytes:
        tcb.rcvbuf_bytes = size
        tcb.window_clamp = full_space(tcb)


def measure_rtt(tcb: Tcb, length: int) -> None:
    """The receiver's own round-trip estimate: by a window's worth of data, and by timestamps."""
    if tcb.rcv_rtt_at < 0:
        tcb.rcv_rtt_seq = tcb.rcv_nxt + tcb.rcv_wnd
        tcb.rcv_rtt_at = tcb.clock.now
    elif tcb.rcv_nxt >= tcb.rcv_rtt_seq:
        _take_rtt(tcb, max((tcb.clock.now - tcb.rcv_rtt_at) // 1000, 1), True)
        tcb.rcv_rtt_seq = tcb.rcv_nxt + tcb.rcv_wnd
        tcb.rcv_rtt_at = tcb.clock.now
    if tcb.ts_seen and tcb.ts_ecr != tcb.rcv_rtt_ecr:
        tcb.rcv_rtt_ecr = tcb.ts_ecr
        if length < tcb.rcv_mss:
            return
        elapsed = (tcb.clock.now // MS + tcb.ts_offset - tcb.ts_ecr) & MASK32
        if 0 < elapsed < 0x8000_0000:
            _take_rtt(tcb, elapsed * 1000, False)


def _take_rtt(tcb: Tcb, sample: int, by_window: bool) -> None:
    estimate = tcb.rcv_rtt
    if estimate == 0 or sample << 3 < estimate:
        # The least is nearest the truth.
        tcb.rcv_rtt = sample << 3
    elif not by_window and tcb.rcv_nxt == tcb.copied_seq:
        # With data unread the peer may have waited for the window.
        tcb.rcv_rtt = estimate + sample - (estimate >> 3)
