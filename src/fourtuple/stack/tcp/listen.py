"""Passive open: a SYN to a listener, the handshake's last ACK, the accept queue (RFC 9293 §3.10.7.2).

The queues overflow as Linux's do: ``limit + 1`` connections may wait to be accepted; when they do, SYNs are
dropped and the last ACK of handshakes under way is ignored, so that the peer tries again.
"""

from __future__ import annotations

from ...ports.endpoint import PROTOCOL_TCP, Endpoint
from ...wire.address import is_multicast, is_v4
from ...wire.ip import IpPacket
from ...wire.seqnum import seq_diff
from ...wire.tcp import ACK, CWR, ECE, FIN, RST, SYN, TcpSegment
from ..base import Route
from ..poll_bits import POLLIN, POLLRDNORM
from . import cookies, history, window
from .child import make_child
from .fastopen_server import try_open
from .input import segment_arrives
from .isn import initial_sequence_number, timestamp_offset
from .options import TIMESTAMPS_LENGTH
from .request import Request
from .seqwindow import in_window, may_loop
from .state import (
    CLOSE,
    INITIAL_CWND,
    MASK32,
    MAX_WSCALE,
    MS,
    NEW_SYN_RECV,
    OPT_ECN,
    OPT_SACK,
    OPT_TIMESTAMPS,
    OPT_WSCALE,
)
from .syn_sent import peer_mss
from .tcb import Tcb


def listener_segment(listener: Tcb, packet: IpPacket, segment: TcpSegment, isn: int) -> None:
    """A segment for a socket in LISTEN (RFC 9293 §3.10.7.2).

    ``isn`` is the sequence number to begin with if a TIME-WAIT demands one, else -1.
    """
    flags = segment.flags
    if flags & RST:
        return
    if flags & ACK:
        if flags & SYN or not _cookie_returned(listener, packet, segment):
            listener.layer.send_reset(packet, segment)
        return
    if not flags & SYN or flags & FIN:
        # SYN with FIN is of no honest peer (Linux, tcp_rcv_state_process).
        return
    _syn(listener, packet, segment, isn)


def _syn(listener: Tcb, packet: IpPacket, segment: TcpSegment, isn: int) -> None:
    queues = listener.listening
    layer = listener.layer
    counters = layer.counters
    sysctl = layer.sysctl
    if queues is None or is_multicast(packet.destination):
        return
    cookie = False
    if isn < 0 and (sysctl.tcp_syncookies == 2 or len(queues.requests) >= queues.limit):
        queues.overflow_at = layer.clock.now
        if not sysctl.tcp_syncookies:
            counters.req_q_full_drop += 1
            counters.listen_drops += 1
            return
        counters.req_q_full_do_cookies += 1
        cookie = True
    if len(queues.accept_queue) > queues.limit:
        counters.listen_overflows += 1
        counters.listen_drops += 1
        return
    if not cookie and isn < 0 and not sysctl.tcp_syncookies:
        # Keep the last quarter of the queue for peers known to be real.
        most = sysctl.tcp_max_syn_backlog
        if most - len(queues.requests) < most >> 2 and not history.is_proven(
            layer, packet.destination, packet.source
        ):
            counters.listen_drops += 1
            return
    request = _make_request(listener, packet, segment)
    if request is None:
        counters.listen_drops += 1
        return
    _answer_options(request, packet, segment)
    if cookie:
        if not request.options_on & OPT_TIMESTAMPS:
            # The options are kept in the timestamp: without it none can be agreed on.
            request.options_on = 0
            request.snd_wscale = 0
        _choose_cookie(request)
    elif isn >= 0:
        request.iss = isn
    else:
        endpoint = request.endpoint
        request.iss = initial_sequence_number(
            layer.ip.secret,
            layer.clock.now,
            endpoint.local,
            endpoint.local_port,
            endpoint.peer,
            endpoint.peer_port,
        )
    _choose_window(request)
    if cookie:
        counters.syncookies_sent += 1
    else:
        if listener.save_syn:
            request.saved_syn = _headers(packet, segment, listener.save_syn)
        child = try_open(request, packet, segment)
        if child is not None:
            request.send_syn_ack(False)
            queues.accept_queue.append(child)
            listener.notify(POLLIN | POLLRDNORM)
            return
        request.enqueue()
    request.send_syn_ack(cookie)


def _headers(packet: IpPacket, segment: TcpSegment, how: int) -> bytes:
    """The headers of a SYN (TCP_SAVE_SYN). With ``how`` 2 the link's come first; which is not known any
    more here, so an Ethernet header without addresses stands for it."""
    data = packet.serialize()
    data = data[: len(data) - len(segment.payload)]
    if how == 2:
        return bytes(12) + (b"\x08\x00" if is_v4(packet.source) else b"\x86\xdd") + data
    return data


def _make_request(listener: Tcb, packet: IpPacket, segment: TcpSegment) -> Request | None:
    """A request for this SYN, not yet queued; None if there is no way back to the peer."""
    parent = listener.endpoint
    layer = listener.layer
    route = layer.ip.route(packet.source, packet.destination, parent.device)
    if route is None:
        return None
    endpoint = Endpoint(PROTOCOL_TCP, parent.family, parent.uid)
    endpoint.local = packet.destination
    endpoint.local_port = segment.destination_port
    endpoint.peer = packet.source
    endpoint.peer_port = segment.source_port
    endpoint.device = parent.device
    endpoint.v6only = parent.v6only
    endpoint.reuse_addr = parent.reuse_addr
    endpoint.reuse_port = parent.reuse_port
    endpoint.state = NEW_SYN_RECV
    request = Request(listener, endpoint)
    request.irs = segment.seq
    request.rcv_nxt = segment.seq + 1
    request.peer_window = segment.window
    request.path_mtu = route.mtu
    request.route_metrics = route.metrics
    request.advmss = advertised_mss(route, is_v4(packet.source), listener.user_mss)
    request.initial_cwnd = INITIAL_CWND
    if route.metrics is not None and route.metrics.initcwnd:
        request.initial_cwnd = route.metrics.initcwnd
    request.tos = listener.tos
    if layer.sysctl.tcp_reflect_tos:
        request.tos = packet.tos & 0xFC
    return request


def _choose_cookie(request: Request) -> None:
    endpoint = request.endpoint
    layer = request.listener.layer
    request.iss, request.peer_mss = cookies.make(
        layer.ip.secret,
        layer.clock.now,
        endpoint.local,
        endpoint.local_port,
        endpoint.peer,
        endpoint.peer_port,
        request.irs,
        request.peer_mss,
    )


def _choose_window(request: Request) -> None:
    """The window to offer in the SYN-ACK (``tcp_openreq_init_rwin``)."""
    listener = request.listener
    mss = request.advmss
    if request.options_on & OPT_TIMESTAMPS:
        mss -= TIMESTAMPS_LENGTH
    space = window.full_space(listener)
    clamp = listener.window_clamp
    if listener.rcvbuf_locked and (clamp == 0 or clamp > space):
        clamp = space
    metrics = request.route_metrics
    if metrics is not None:
        clamp = clamp or metrics.window
        space = max(space, metrics.initrwnd * mss)
    request.window_clamp = clamp
    request.rcv_wnd, request.rcv_wscale = window.initial_window(
        listener.layer.sysctl, space, mss, request.options_on & OPT_WSCALE != 0, clamp
    )
    if metrics is not None and metrics.initrwnd:
        request.rcv_wnd = min(request.rcv_wnd, metrics.initrwnd * mss)


def _cookie_returned(listener: Tcb, packet: IpPacket, segment: TcpSegment) -> bool:
    """An ACK without a request: does it return a SYN cookie? Then it makes a connection."""
    layer = listener.layer
    sysctl = layer.sysctl
    queues = listener.listening
    now = layer.clock.now
    if not sysctl.tcp_syncookies or queues is None or queues.overflow_at < 0:
        return False
    if now - queues.overflow_at > cookies.VALID:
        layer.counters.syncookies_failed += 1
        return False
    irs = (segment.seq - 1) & MASK32
    iss = (segment.ack - 1) & MASK32
    mss = cookies.check(
        layer.ip.secret,
        now,
        packet.destination,
        segment.destination_port,
        packet.source,
        segment.source_port,
        irs,
        iss,
    )
    if mss == 0:
        layer.counters.syncookies_failed += 1
        return False
    layer.counters.syncookies_recv += 1
    request = _make_request(listener, packet, segment)
    if request is None:
        return True
    request.irs = irs
    request.rcv_nxt = irs + 1
    request.iss = iss
    request.peer_mss = mss
    options = segment.options
    if options is not None and options.timestamps and sysctl.tcp_timestamps:
        if sysctl.tcp_timestamps == 1:
            request.ts_offset = timestamp_offset(layer.ip.secret, packet.destination, packet.source)
        agreed, request.snd_wscale = cookies.decode_options((options.ts_ecr - request.ts_offset) & MASK32)
        request.options_on = agreed | OPT_TIMESTAMPS
        request.ts_recent = options.ts_val
    # When the SYN-ACK was sent is not known any more: no round-trip sample.
    request.retransmissions = 0
    request.sent_at = -1
    _choose_window(request)
    _complete(request, packet, segment)
    return True


def _answer_options(request: Request, packet: IpPacket, segment: TcpSegment) -> None:
    """Agree to what the SYN offers and our settings allow."""
    listener = request.listener
    sysctl = listener.layer.sysctl
    theirs = segment.options
    agreed = 0
    request.peer_mss = peer_mss(listener.user_mss, -1 if theirs is None else theirs.mss)
    if theirs is not None:
        if theirs.wscale >= 0 and sysctl.tcp_window_scaling:
            agreed |= OPT_WSCALE
            request.snd_wscale = min(theirs.wscale, MAX_WSCALE)
        if theirs.timestamps and sysctl.tcp_timestamps:
            agreed |= OPT_TIMESTAMPS
            request.ts_recent = theirs.ts_val
            if sysctl.tcp_timestamps == 1:
                request.ts_offset = timestamp_offset(
                    listener.layer.ip.secret, packet.destination, packet.source
                )
        if theirs.sack_permitted and sysctl.tcp_sack:
            agreed |= OPT_SACK
    if segment.flags & (ECE | CWR) == ECE | CWR and sysctl.tcp_ecn and packet.tos & 3 == 0:
        agreed |= OPT_ECN
    request.options_on = agreed


def advertised_mss(route: Route, v4: bool, user_mss: int) -> int:
    """The MSS option: what the interface takes or the route says, or less by TCP_MAXSEG (RFC 9293 §3.7.1)."""
    mss = max(min(route.mtu, 65535) - 40 if v4 else min(route.mtu, 65575) - 60, 256)
    if route.metrics is not None and route.metrics.advmss:
        mss = route.metrics.advmss
    if user_mss and user_mss < mss:
        mss = user_mss
    return mss


# The last ACK of the handshake ----------------------------------------------------------------


def request_segment(request: Request, packet: IpPacket, segment: TcpSegment) -> None:
    """A segment for a request (SYN-RECEIVED of RFC 9293 §3.10.7.4, ``tcp_check_req``)."""
    listener = request.listener
    layer = listener.layer
    flags = segment.flags
    options = segment.options
    stamped = options is not None and options.timestamps and request.options_on & OPT_TIMESTAMPS != 0
    nxt = request.irs + 1
    seq = nxt + seq_diff(segment.seq, nxt)
    end = seq + segment.seq_length()
    older = False
    strange = False
    if stamped and options is not None:
        older = not flags & RST and 0 < (request.ts_recent - options.ts_val) & MASK32 < 0x8000_0000
        # RFC 7323 §3.2: an echo of what our SYN-ACKs never said is a guess (Linux since 6.15).
        strange = not request.echo_is_ours(options.ts_ecr)
    if seq == request.irs and flags & (RST | SYN | ACK) == SYN and not older:
        # The SYN again: our SYN-ACK was lost.
        if not request.is_rate_limited():
            request.retransmit()
            request.arm(min(request.remaining(), _timeout(request)))
        return
    if flags & ACK and not flags & RST and segment.ack != (request.iss + 1) & MASK32:
        layer.send_reset(packet, segment)
        return
    if older or strange or not in_window(seq, end, nxt, nxt + request.rcv_wnd):
        if not flags & RST and not (may_loop(segment) and request.is_rate_limited()):
            request.send_ack()
        if older:
            layer.counters.paws_estab_rejected += 1
        elif strange:
            layer.counters.tsecr_rejected += 1
        return
    if flags & RST:
        # RFC 5961 §3.2 in SYN-RECEIVED: only the exact number resets.
        if seq == nxt:
            layer.counters.embryonic_rsts += 1
            request.drop()
        elif not request.is_rate_limited():
            request.send_ack()
        return
    if flags & SYN and seq != request.irs:
        layer.counters.embryonic_rsts += 1
        layer.send_reset(packet, segment)
        request.drop()
        return
    if not flags & ACK:
        return
    if request.timeouts < listener.defer_accept and end == nxt:
        # TCP_DEFER_ACCEPT: the connection is made when data comes.
        request.acked = True
        return
    _complete(request, packet, segment)


def _timeout(request: Request) -> int:
    limit = request.listener.layer.sysctl.tcp_rto_max_ms * MS
    return min(1_000_000_000 << request.timeouts, limit)


def _complete(request: Request, packet: IpPacket, segment: TcpSegment) -> None:
    """Make the connection, if the accept queue has room."""
    listener = request.listener
    layer = listener.layer
    queues = listener.listening
    if queues is None:
        request.drop()
        layer.send_reset(packet, segment)
        return
    if len(queues.accept_queue) > queues.limit:
        layer.counters.listen_overflows += 1
        layer.counters.listen_drops += 1
        if layer.sysctl.tcp_abort_on_overflow:
            layer.counters.embryonic_rsts += 1
            request.drop()
            layer.send_reset(packet, segment)
        else:
            # The peer's next segment, or our SYN-ACK again, gives it another chance.
            request.acked = True
        return
    request.dequeue()
    options = segment.options
    if options is not None and options.timestamps and request.options_on & OPT_TIMESTAMPS:
        request.ts_recent = options.ts_val
    child = make_child(request, segment)
    # The SYN's window, which nothing was sent against, counts no more (tcp_create_openreq_child).
    child.snd_wnd = segment.window << child.snd_wscale
    child.max_window = child.snd_wnd
    queues.accept_queue.append(child)
    layer.counters.passive_opens += 1
    segment_arrives(child, packet, segment)
    if listener.endpoint.state != CLOSE:
        listener.notify(POLLIN | POLLRDNORM)
