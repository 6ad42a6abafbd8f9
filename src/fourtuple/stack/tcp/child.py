"""The connection a handshake at a listener ends in, and what it takes over from the listener."""

from __future__ import annotations

from ...wire.address import is_v4
from ...wire.tcp import TcpSegment
from . import output, rtt
from .options import TIMESTAMPS_LENGTH
from .request import Request
from .state import (
    CA_OPEN,
    MASK32,
    MS,
    OPT_TIMESTAMPS,
    OPT_WSCALE,
    SYN_RECV,
)
from .tcb import Tcb


def make_child(request: Request, segment: TcpSegment) -> Tcb:
    """The connection a request becomes, in SYN-RECEIVED with our SYN still unacknowledged.

    ``segment`` is what made it so.
    """
    listener = request.listener
    layer = listener.layer
    endpoint = request.endpoint
    endpoint.state = SYN_RECV
    child = layer.create(endpoint, None)
    inherit(child, listener)
    layer.tables.insert_established(endpoint)
    agreed = request.options_on
    child.options_on = agreed
    child.ip_header = 20 if is_v4(endpoint.peer) else 40
    child.iss = request.iss
    child.snd_una = request.iss
    child.snd_nxt = request.iss + 1
    child.snd_up = request.iss
    child.snd_sml = request.iss
    child.write_seq = request.iss + 1
    child.pushed_seq = request.iss + 1
    child.irs = request.irs
    child.rcv_nxt = request.irs + 1
    child.rcv_wup = child.rcv_nxt
    child.copied_seq = child.rcv_nxt
    child.snd_wl1 = request.irs
    child.snd_wnd = request.peer_window
    child.max_window = request.peer_window
    child.snd_wscale = request.snd_wscale
    child.rcv_wscale = request.rcv_wscale
    child.rcv_wnd = request.rcv_wnd
    child.rcv_ssthresh = request.rcv_wnd
    child.window_clamp = request.window_clamp
    if not agreed & OPT_WSCALE:
        child.window_clamp = min(child.window_clamp or 65535, 65535)
    child.mss_clamp = request.peer_mss
    child.advmss = request.advmss
    child.initial_cwnd = request.initial_cwnd
    child.path_mtu = request.path_mtu
    child.route_metrics = request.route_metrics
    if agreed & OPT_TIMESTAMPS:
        child.header_extra = TIMESTAMPS_LENGTH
        child.ts_offset = request.ts_offset
        child.ts_recent = request.ts_recent
        child.ts_recent_at = layer.clock.now
    output.sync_mss(child, child.path_mtu)
    child.total_retrans = request.retransmissions
    if request.retransmissions and not _was_needless(request, segment):
        # start_transfer() forgives one timeout of the handshake, not more.
        child.undo_marker = request.iss
    # The SYN (RFC 4898 SegsIn).
    child.segs_in = 1
    child.syn_at = max(request.sent_at, 0)
    child.tos = request.tos
    child.saved_syn = request.saved_syn
    if request.retransmissions == 0 and request.sent_at >= 0:
        sample = max((layer.clock.now - request.sent_at) // 1000, 1)
        rtt.sample(child, sample)
        rtt.note_min(child, sample, False)
    child.ca_state = CA_OPEN
    return child


def _was_needless(request: Request, segment: TcpSegment) -> bool:
    """The segment echoes the first SYN-ACK's timestamp: its repetitions were spurious."""
    options = segment.options
    if not request.options_on & OPT_TIMESTAMPS or options is None or not options.timestamps:
        return False
    return options.ts_ecr == (request.first_sent_at // MS + request.ts_offset) & MASK32


def inherit(child: Tcb, listener: Tcb) -> None:
    """Socket options an accepted connection takes over from its listener."""
    child.congestion_name = listener.congestion_name
    child.nagle = listener.nagle
    child.keepalive_on = listener.keepalive_on
    child.keepidle = listener.keepidle
    child.keepintvl = listener.keepintvl
    child.keepcnt = listener.keepcnt
    child.linger = listener.linger
    child.linger2 = listener.linger2
    child.sndbuf_bytes = listener.sndbuf_bytes
    child.sndbuf_locked = listener.sndbuf_locked
    child.rcvbuf_bytes = listener.rcvbuf_bytes
    child.rcvbuf_locked = listener.rcvbuf_locked
    child.rcvlowat = listener.rcvlowat
    child.notsent_lowat = listener.notsent_lowat
    child.user_mss = listener.user_mss
    child.user_timeout = listener.user_timeout
    child.syncnt = listener.syncnt
    child.ttl = listener.ttl
    child.flow_label = listener.flow_label
    child.txrehash = listener.txrehash
    child.min_ttl = listener.min_ttl
    child.min_hop_limit = listener.min_hop_limit
    child.urg_inline = listener.urg_inline
    child.pmtu_discovery = listener.pmtu_discovery
    child.recverr = listener.recverr
    child.recverr6 = listener.recverr6
    child.timestamping = listener.timestamping
    child.max_pacing_rate = listener.max_pacing_rate
    child.user_rto_min = listener.user_rto_min
    child.user_rto_max = listener.user_rto_max
    child.delack_max = listener.delack_max
    child.thin = listener.thin
    child.keep_arrivals = listener.keep_arrivals
    child.pingpong = listener.pingpong
