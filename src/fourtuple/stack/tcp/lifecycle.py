"""How a connection begins to carry data, and the ways it ends."""

from __future__ import annotations

from typing import Final

from ..poll_bits import POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDHUP, POLLRDNORM, POLLWRNORM
from . import history, mtu_probe, window
from .bbr import Bbr
from .congestion import RENO, set_state
from .cubic import Cubic
from .fastopen import watch_end
from .memory import is_out_of_memory, release_all, settle
from .receive import drop_out_of_order
from .sentlist import purge
from .state import (
    BOTH_SHUTDOWN,
    CA_OPEN,
    CLOSE,
    CLOSE_WAIT,
    ECONNREFUSED,
    ECONNRESET,
    EPIPE,
    ESTABLISHED,
    ETIMEDOUT,
    HANDSHAKE,
    INITIAL_CWND,
    SYN_SENT,
    UNLIMITED_RATE,
)
from .tcb import Tcb

STATE_CHANGED: Final = POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDNORM | POLLWRNORM | POLLRDHUP
"""What is worth looking at again when a connection changed its state."""


def enter(tcb: Tcb, state: int) -> None:
    """Change the state (RFC 9293 §3.3.2), and the gauge that counts open connections."""
    before = tcb.endpoint.state
    counters = tcb.layer.counters
    if state == ESTABLISHED:
        if before != ESTABLISHED:
            counters.curr_estab += 1
    elif (before in (ESTABLISHED, CLOSE_WAIT)) and state != CLOSE_WAIT:
        counters.curr_estab -= 1
        if state == CLOSE:
            counters.estab_resets += 1
    tcb.endpoint.state = state


def choose_congestion_control(tcb: Tcb) -> None:
    """Take the congestion control the user or the host chose."""
    metrics = tcb.route_metrics
    name = tcb.congestion_name or tcb.layer.sysctl.tcp_congestion_control
    if metrics is not None and metrics.congestion_control:
        name = metrics.congestion_control
        tcb.congestion_name = name
    if name == "cubic":
        tcb.cc = Cubic()
    elif name == "bbr":
        tcb.cc = Bbr()
    else:
        tcb.cc = RENO
    tcb.paced = tcb.cc.paces or tcb.layer.paces_all or tcb.max_pacing_rate != UNLIMITED_RATE
    tcb.cc.begin(tcb)


def start_transfer(tcb: Tcb) -> None:
    """The handshake is complete: forget what it did to the windows (``tcp_init_transfer``)."""
    mtu_probe.prepare(tcb)
    history.recall(tcb)
    tcb.cwnd = 1 if tcb.total_retrans > 1 and tcb.undo_marker >= 0 else tcb.initial_cwnd
    tcb.cwnd_stamp = tcb.clock.now
    choose_congestion_control(tcb)
    set_state(tcb, CA_OPEN)
    window.prepare(tcb)
    expand_sndbuf(tcb)
    tcb.last_ack_received = tcb.clock.now
    tcb.last_data_received = tcb.clock.now
    tcb.last_data_sent = tcb.clock.now
    if tcb.keepalive_on:
        tcb.set_keepalive(keepalive_idle(tcb))


def keepalive_idle(tcb: Tcb) -> int:
    """Idle time before the first keep-alive probe, in ns."""
    return tcb.keepidle or tcb.layer.sysctl.tcp_keepalive_time


def expand_sndbuf(tcb: Tcb) -> None:
    """Let the send buffer hold two congestion windows (``tcp_sndbuf_expand``)."""
    if tcb.sndbuf_locked:
        return
    # What Linux spends on a segment: data and headers rounded up to a power of two, and the
    # buffer head.
    per = max(tcb.mss_clamp, tcb.mss) + 320 + 320
    per = (1 << (per - 1).bit_length()) + 256
    segments = max(INITIAL_CWND, tcb.cwnd, tcb.reordering + 1)
    wanted = 2 * segments * per
    if wanted > tcb.sndbuf_bytes:
        tcb.sndbuf_bytes = max(tcb.sndbuf_bytes, min(wanted, tcb.layer.sysctl.tcp_wmem[2]))


def finish_opening(tcb: Tcb) -> None:
    """A connection opened by Fast Open needs its request no more (``reqsk_fastopen_remove``)."""
    request = tcb.opening
    if request is None:
        return
    tcb.opening = None
    queues = request.listener.listening
    if queues is not None:
        queues.fastopen_pending -= 1


# Ending ---------------------------------------------------------------------------------------


def stop_timers(tcb: Tcb) -> None:
    tcb.clear_retransmit()
    tcb.ack_at = -1
    tcb.sack_at = -1
    tcb.pacing_at = -1
    tcb.keepalive_at = -1
    tcb.ack_pending = 0
    tcb.cancel()


def done(tcb: Tcb) -> None:
    """Enter CLOSED (``tcp_done``). An orphan vanishes; a socket keeps the port it was bound to."""
    endpoint = tcb.endpoint
    if endpoint.state == CLOSE and tcb.destroyed:
        return
    if HANDSHAKE >> endpoint.state & 1:
        tcb.layer.counters.attempt_fails += 1
    enter(tcb, CLOSE)
    stop_timers(tcb)
    finish_opening(tcb)
    watch_end(tcb)
    tcb.shut = BOTH_SHUTDOWN
    if tcb.orphan:
        destroy(tcb)
        return
    settle(tcb)
    if endpoint.port_locked:
        tcb.layer.tables.tcp.exact.remove(endpoint)
    else:
        tcb.layer.tables.remove(endpoint)
    tcb.notify(STATE_CHANGED)


def drop_unread(tcb: Tcb) -> None:
    """Forget what was received in order: nobody will read it."""
    tcb.received.clear()
    tcb.received_index = 0
    tcb.received_offset = 0
    tcb.received_bytes = 0
    release_all(tcb)


def forget_received(tcb: Tcb) -> None:
    """The socket is used anew: give back what an earlier connection left."""
    drop_unread(tcb)
    drop_out_of_order(tcb)
    settle(tcb)


def out_of_resources(tcb: Tcb, shift: int) -> bool:
    """Whether this orphan is one too many, or holds memory the host does not have (``tcp_check_oom``).

    Each ``shift`` makes it count twice.
    """
    layer = tcb.layer
    return layer.orphans << shift > layer.sysctl.tcp_max_orphans or is_out_of_memory(tcb)


def destroy(tcb: Tcb) -> None:
    """The last of a connection nobody holds."""
    if tcb.destroyed:
        return
    tcb.destroyed = True
    stop_timers(tcb)
    purge(tcb)
    drop_out_of_order(tcb)
    drop_unread(tcb)
    settle(tcb)
    tcb.layer.tables.remove(tcb.endpoint)
    if tcb.orphan:
        tcb.layer.orphans -= 1


def fail(tcb: Tcb, error: int) -> None:
    """End with ``error`` pending for the user."""
    tcb.error = error
    purge(tcb)
    done(tcb)
    if not tcb.orphan:
        tcb.notify(POLLERR)


def reset_by_peer(tcb: Tcb) -> None:
    """An acceptable RST arrived (RFC 9293 §3.10.7.4 second check).

    The errors are of Linux's tcp_reset: in SYN-RECEIVED after a simultaneous open the RFC has "refused".
    """
    state = tcb.endpoint.state
    if state == SYN_SENT:
        fail(tcb, ECONNREFUSED)
    elif state == CLOSE_WAIT:
        fail(tcb, EPIPE)
    elif state != CLOSE:
        fail(tcb, ECONNRESET)


def give_up(tcb: Tcb) -> None:
    """The peer does not answer: ETIMEDOUT, or what ICMP said was the matter (RFC 9293 §3.8.3)."""
    tcb.layer.counters.abort_on_timeout += 1
    fail(tcb, tcb.soft_error or ETIMEDOUT)


def fin_timeout(tcb: Tcb) -> int:
    """How long an orphan waits for the peer's FIN in FIN_WAIT_2, in ns (``tcp_fin_time``)."""
    timeout = tcb.linger2 or tcb.layer.sysctl.tcp_fin_timeout
    return max(timeout, (tcb.rto << 2) - (tcb.rto >> 1))


def rst_error(tcb: Tcb) -> None:
    """The user has closed and the peer goes on sending: reset (RFC 9293 §3.6.1)."""
    tcb.layer.counters.abort_on_data += 1
    # One that was only shut down finds ECONNRESET, as if the RST it sends had come to itself.
    reset_by_peer(tcb)
