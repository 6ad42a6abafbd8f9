"""TCP_INFO: what a connection knows of itself, under the names of Linux's ``struct tcp_info``."""

from __future__ import annotations

from struct import Struct
from typing import Final

# struct tcp_info of Linux 6.18: 8 bytes, 24 u32, then as named below.
_LAYOUT: Final = Struct("<8B24I4Q6I4Q2I2Q6I2H8I2H")

LENGTH: Final = _LAYOUT.size
"""Bytes of the whole structure; getsockopt() copies no more than the caller has room for."""


class TcpInfo:
    """The fields of ``struct tcp_info`` without their ``tcpi_`` prefix.

    Units are Linux's: rto, ato, rtt, rttvar, rcv_rtt, min_rtt, busy_time, rwnd_limited and sndbuf_limited
    in microseconds, last_* in milliseconds, mss and window values in bytes, the counts of the
    retransmission queue and snd_cwnd in segments. What accurate ECN (RFC 9768) would report of the peer stays
    0, as with a peer that has it not: delivered_*_bytes, accecn_fail_mode, accecn_opt_seen.
    """

    def __init__(self) -> None:
        self.state: int = 0
        self.ca_state: int = 0
        self.retransmits: int = 0
        self.probes: int = 0
        self.backoff: int = 0
        self.options: int = 0
        self.snd_wscale: int = 0
        self.rcv_wscale: int = 0
        self.delivery_rate_app_limited: int = 0
        self.fastopen_client_fail: int = 0
        self.rto: int = 0
        self.ato: int = 0
        self.snd_mss: int = 0
        self.rcv_mss: int = 0
        self.unacked: int = 0
        self.sacked: int = 0
        self.lost: int = 0
        self.retrans: int = 0
        self.fackets: int = 0
        self.last_data_sent: int = 0
        self.last_ack_sent: int = 0
        self.last_data_recv: int = 0
        self.last_ack_recv: int = 0
        self.pmtu: int = 0
        self.rcv_ssthresh: int = 0
        self.rtt: int = 0
        self.rttvar: int = 0
        self.snd_ssthresh: int = 0
        self.snd_cwnd: int = 0
        self.advmss: int = 0
        self.reordering: int = 0
        self.rcv_rtt: int = 0
        self.rcv_space: int = 0
        self.total_retrans: int = 0
        self.pacing_rate: int = 0
        self.max_pacing_rate: int = 0xFFFF_FFFF_FFFF_FFFF
        self.bytes_acked: int = 0
        self.bytes_received: int = 0
        self.segs_out: int = 0
        self.segs_in: int = 0
        self.notsent_bytes: int = 0
        self.min_rtt: int = 0
        self.data_segs_in: int = 0
        self.data_segs_out: int = 0
        self.delivery_rate: int = 0
        self.busy_time: int = 0
        self.rwnd_limited: int = 0
        self.sndbuf_limited: int = 0
        self.delivered: int = 0
        self.delivered_ce: int = 0
        self.bytes_sent: int = 0
        self.bytes_retrans: int = 0
        self.dsack_dups: int = 0
        self.reord_seen: int = 0
        self.rcv_ooopack: int = 0
        self.snd_wnd: int = 0
        self.rcv_wnd: int = 0
        self.rehash: int = 0
        self.total_rto: int = 0
        self.total_rto_recoveries: int = 0
        self.total_rto_time: int = 0
        self.received_ce: int = 0
        self.delivered_e1_bytes: int = 0
        self.delivered_e0_bytes: int = 0
        self.delivered_ce_bytes: int = 0
        self.received_e1_bytes: int = 0
        self.received_e0_bytes: int = 0
        self.received_ce_bytes: int = 0
        self.accecn_fail_mode: int = 0
        self.accecn_opt_seen: int = 0

    def pack(self) -> bytes:
        """The bytes getsockopt(IPPROTO_TCP, TCP_INFO) gives on a little-endian Linux."""
        flags = (self.delivery_rate_app_limited & 1) | (self.fastopen_client_fail & 3) << 1
        return _LAYOUT.pack(
            self.state,
            self.ca_state,
            self.retransmits & 255,
            self.probes & 255,
            self.backoff & 255,
            self.options,
            self.snd_wscale | self.rcv_wscale << 4,
            flags,
            self.rto,
            self.ato,
            self.snd_mss,
            self.rcv_mss,
            self.unacked,
            self.sacked,
            self.lost,
            self.retrans,
            self.fackets,
            self.last_data_sent,
            self.last_ack_sent,
            self.last_data_recv,
            self.last_ack_recv,
            self.pmtu,
            self.rcv_ssthresh,
            self.rtt,
            self.rttvar,
            self.snd_ssthresh,
            self.snd_cwnd,
            self.advmss,
            self.reordering,
            self.rcv_rtt,
            self.rcv_space,
            self.total_retrans,
            self.pacing_rate,
            self.max_pacing_rate,
            self.bytes_acked,
            self.bytes_received,
            self.segs_out,
            self.segs_in,
            self.notsent_bytes,
            self.min_rtt,
            self.data_segs_in,
            self.data_segs_out,
            self.delivery_rate,
            self.busy_time,
            self.rwnd_limited,
            self.sndbuf_limited,
            self.delivered,
            self.delivered_ce,
            self.bytes_sent,
            self.bytes_retrans,
            self.dsack_dups,
            self.reord_seen,
            self.rcv_ooopack,
            self.snd_wnd,
            self.rcv_wnd,
            self.rehash,
            self.total_rto,
            self.total_rto_recoveries,
            self.total_rto_time,
            self.received_ce,
            self.delivered_e1_bytes,
            self.delivered_e0_bytes,
            self.delivered_ce_bytes,
            self.received_e1_bytes,
            self.received_e0_bytes,
            self.received_ce_bytes,
            self.accecn_fail_mode,
            self.accecn_opt_seen,
        )
