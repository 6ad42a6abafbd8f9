"""What a connection tells of itself: poll(2)'s readiness and TCP_INFO."""

from __future__ import annotations

from typing import Final

from ..poll_bits import (
    POLLERR,
    POLLHUP,
    POLLIN,
    POLLOUT,
    POLLPRI,
    POLLRDHUP,
    POLLRDNORM,
    POLLWRNORM,
)
from . import chrono, output, rate, receive
from .info import TcpInfo
from .state import (
    BOTH_SHUTDOWN,
    CLOSE,
    HANDSHAKE,
    LISTEN,
    MASK32,
    MS,
    RCV_SHUTDOWN,
    SEND_SHUTDOWN,
    URG_HERE,
    URG_NONE,
)
from .tcb import (
    Tcb,
)

_SYN_DATA: Final = 32
_FASTOPEN_CHILD: Final = 128
"""Bits of tcpi_options beside those agreed on."""


def poll(tcb: Tcb) -> int:
    """The POLL* bits, by the rules of ``tcp_poll``."""
    state = tcb.endpoint.state
    if state == LISTEN:
        queues = tcb.listening
        return POLLIN | POLLRDNORM if queues is not None and queues.accept_queue else 0
    mask = 0
    shut = tcb.shut
    if shut == BOTH_SHUTDOWN or state == CLOSE:
        mask = POLLHUP
    if shut & RCV_SHUTDOWN:
        mask |= POLLIN | POLLRDNORM | POLLRDHUP
    fast = tcb.fast
    if not HANDSHAKE >> state & 1 or tcb.opening is not None:
        target = min(tcb.rcvlowat, tcb.rcvbuf_bytes >> 1)
        if tcb.urg_state != URG_NONE and not tcb.urg_inline and tcb.rcv_up == tcb.copied_seq:
            target += 1
        if receive.has_enough(tcb, target):
            mask |= POLLIN | POLLRDNORM
        if shut & SEND_SHUTDOWN or is_writable(tcb):
            mask |= POLLOUT | POLLWRNORM
        else:
            tcb.no_space = True
        if tcb.urg_state == URG_HERE:
            mask |= POLLPRI
    elif fast is not None and fast.deferred:
        # The first write opens the connection.
        mask |= POLLOUT | POLLWRNORM
    if tcb.error or tcb.error_queue:
        mask |= POLLERR
    return mask


def is_writable(tcb: Tcb) -> bool:
    """A third of the send buffer is free (``sk_stream_is_writeable``), and little is unsent."""
    queued = tcb.send_memory()
    if queued * 3 > tcb.sndbuf_bytes * 2:
        return False
    return tcb.unsent << 1 < notsent_limit(tcb)


def notsent_limit(tcb: Tcb) -> int:
    """TCP_NOTSENT_LOWAT in force, in bytes."""
    low = tcb.notsent_lowat
    return low if low >= 0 else tcb.layer.sysctl.tcp_notsent_lowat


def info(tcb: Tcb) -> TcpInfo:
    """TCP_INFO (``tcp_get_info``)."""
    info = TcpInfo()
    now = tcb.clock.now
    endpoint = tcb.endpoint
    info.state = endpoint.state
    info.pacing_rate = output.current_rate(tcb) if tcb.srtt or tcb.pacing_rate else 0
    info.max_pacing_rate = tcb.max_pacing_rate
    info.reordering = tcb.reordering
    info.snd_cwnd = tcb.cwnd
    queues = tcb.listening
    if queues is not None:
        # Of a listener Linux tells no more.
        info.unacked = len(queues.accept_queue)
        info.sacked = queues.limit
        return info
    info.unacked = tcb.packets_out
    info.sacked = tcb.sacked_out
    info.ca_state = tcb.ca_state
    info.retransmits = tcb.retransmits
    info.probes = tcb.probes_out
    info.backoff = tcb.backoff
    info.options = tcb.options_on
    if tcb.syn_data_acked:
        info.options |= _SYN_DATA
    if tcb.fastopen_child:
        info.options |= _FASTOPEN_CHILD
    info.fastopen_client_fail = tcb.fastopen_failure
    info.snd_wscale = tcb.snd_wscale
    info.rcv_wscale = tcb.rcv_wscale
    info.rto = tcb.rto // 1000
    info.ato = tcb.ato // 1000
    info.snd_mss = tcb.mss
    info.lost = tcb.lost_out
    info.retrans = tcb.retrans_out
    info.last_data_sent = (now - tcb.last_data_sent) // MS
    info.last_data_recv = (now - tcb.last_data_received) // MS
    info.last_ack_recv = (now - tcb.last_ack_received) // MS
    # No IPv4 packet is longer, though the loopback would take it.
    info.pmtu = tcb.path_mtu if tcb.ip_header != 20 else min(tcb.path_mtu, 65535)
    info.rcv_ssthresh = tcb.rcv_ssthresh
    info.rtt = tcb.srtt >> 3
    info.rttvar = tcb.mdev >> 2
    info.snd_ssthresh = tcb.ssthresh
    if endpoint.state != CLOSE or tcb.segs_out or tcb.segs_in:
        info.rcv_mss = tcb.rcv_mss
        info.advmss = tcb.advmss
    info.rcv_rtt = tcb.rcv_rtt >> 3
    info.rcv_space = tcb.rcv_space
    info.total_retrans = tcb.total_retrans
    info.delivery_rate = rate.delivery_rate(tcb)
    info.delivery_rate_app_limited = int(tcb.rate_app_limited)
    info.bytes_acked = tcb.bytes_acked
    info.bytes_received = tcb.bytes_received
    info.segs_out = tcb.segs_out
    info.segs_in = tcb.segs_in
    info.notsent_bytes = max(tcb.write_seq - tcb.snd_nxt, 0)
    info.min_rtt = tcb.min_rtt if tcb.min_rtt >= 0 else MASK32
    info.data_segs_in = tcb.data_segs_in
    info.data_segs_out = tcb.data_segs_out
    info.delivered = tcb.delivered
    info.delivered_ce = tcb.delivered_ce
    info.bytes_sent = tcb.bytes_sent
    info.bytes_retrans = tcb.bytes_retrans
    info.dsack_dups = tcb.dsack_dups
    info.reord_seen = tcb.reord_seen
    info.rcv_ooopack = tcb.ooo_packets
    info.snd_wnd = tcb.snd_wnd
    info.rcv_wnd = tcb.rcv_wnd
    busy, window_limited, buffer_limited = chrono.times(tcb)
    info.busy_time = busy // 1000
    info.rwnd_limited = window_limited // 1000
    info.sndbuf_limited = buffer_limited // 1000
    info.rehash = tcb.timeout_rehash
    info.total_rto = tcb.total_rto
    info.total_rto_recoveries = tcb.total_rto_recoveries
    info.total_rto_time = tcb.total_rto_time
    if tcb.rto_stamp >= 0:
        info.total_rto_time += (now - tcb.rto_stamp) // MS
    info.received_ce = tcb.received_ce
    info.received_e1_bytes = tcb.received_e1_bytes
    info.received_e0_bytes = tcb.received_e0_bytes
    info.received_ce_bytes = tcb.received_ce_bytes
    return info
