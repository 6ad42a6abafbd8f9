"""The variables of one connection (RFC 9293 §3.3.1), and the deadlines it waits for.

Sequence numbers are unwrapped: plain ints that go on growing past 2**32, so they compare with ``<``. What
arrives is unwrapped once, next to the variable it is compared with, and the low 32 bits are what is
sent. Times are nanoseconds, but for the round-trip variables, which are microseconds as in Linux.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import mypyc_attr

from ...clock.clock import Clock
from ..route_metrics import RouteMetrics
from ..sysctl import Sysctl
from .minmax import MinFilter
from .records import HeldBuffers, OutOfOrder, SentSegment, WriteStamp
from .state import (
    CA_OPEN,
    DEFAULT_MSS,
    INFINITE_SSTHRESH,
    INITIAL_CWND,
    MS,
    RTO_INITIAL,
    TIMER_NONE,
)
from .totals import Totals

BUFFER_COST: Final = 832
"""Bytes a socket buffer costs beside its data, as measured on 6.18."""


@mypyc_attr(allow_interpreted_subclasses=True)
class Variables(Totals):
    """What a :class:`~.tcb.Tcb` knows."""

    __slots__ = (
        "ack_at",
        "ack_pending",
        "advmss",
        "app_limited",
        "arrivals",
        "ato",
        "backoff",
        "bursts_out",
        "ca_state",
        "chunk_index",
        "chunk_offset",
        "chunks",
        "compressed_acks",
        "copied_seq",
        "cwnd",
        "cwnd_clamp",
        "cwnd_count",
        "cwnd_limited",
        "cwnd_stamp",
        "cwnd_used",
        "delivered",
        "delivered_at",
        "delivered_ce",
        "done",
        "dsack_dups",
        "dsack_end",
        "dsack_start",
        "dup_acks_at",
        "dup_acks_sent",
        "ecn_demand_cwr",
        "ecn_queue_cwr",
        "error",
        "fastopen_child",
        "fastopen_failure",
        "fin_queued",
        "fin_received",
        "fin_sent",
        "first_sent_at",
        "frto",
        "header_extra",
        "held",
        "high_sacked",
        "high_seq",
        "initial_cwnd",
        "ip_header",
        "irs",
        "iss",
        "keepalive_at",
        "last_ack_received",
        "last_data_received",
        "last_data_sent",
        "last_oow_ack",
        "last_segment_size",
        "last_sent",
        "lost",
        "lost_out",
        "max_packets_out",
        "max_window",
        "mdev",
        "mdev_max",
        "min_rtt",
        "min_rtts",
        "mss",
        "mss_clamp",
        "newest_sent",
        "no_space",
        "offered_options",
        "oldest_sent",
        "ooo",
        "ooo_bytes",
        "ooo_packets",
        "options_on",
        "pace_at",
        "pacing_at",
        "pacing_rate",
        "packets_out",
        "pages",
        "path_generation",
        "path_mtu",
        "pending",
        "pingpong",
        "prior_cwnd",
        "prior_ssthresh",
        "probes_at",
        "probes_out",
        "prr_delivered",
        "prr_out",
        "pushed_seq",
        "quick_acks",
        "rack_advanced",
        "rack_dsack_seen",
        "rack_end",
        "rack_last_delivered",
        "rack_reo_persist",
        "rack_reo_steps",
        "rack_rtt",
        "rack_serial",
        "rate_app_limited",
        "rate_delivered",
        "rate_interval",
        "rcv_mss",
        "rcv_nxt",
        "rcv_rtt",
        "rcv_rtt_at",
        "rcv_rtt_ecr",
        "rcv_rtt_seq",
        "rcv_scaling",
        "rcv_space",
        "rcv_space_at",
        "rcv_space_seq",
        "rcv_ssthresh",
        "rcv_up",
        "rcv_wnd",
        "rcv_wscale",
        "rcv_wup",
        "received",
        "received_bytes",
        "received_index",
        "received_offset",
        "reord_seen",
        "reordering",
        "retrans_out",
        "retrans_stamp",
        "retransmit_at",
        "retransmits",
        "rmem",
        "route_metrics",
        "route_mtu",
        "rto",
        "rtt_seq",
        "rttvar",
        "rtx",
        "rtx_head",
        "runs",
        "sack_at",
        "sack_blocks",
        "sack_reneging",
        "sacked_out",
        "send_serial",
        "shut",
        "snd_nxt",
        "snd_sml",
        "snd_una",
        "snd_up",
        "snd_wl1",
        "snd_wnd",
        "snd_wscale",
        "soft_error",
        "srtt",
        "ssthresh",
        "syn_at",
        "syn_data_acked",
        "tlp_high_seq",
        "tlp_retransmitted",
        "ts_ecr",
        "ts_offset",
        "ts_recent",
        "ts_recent_at",
        "ts_seen",
        "ts_val",
        "undo_marker",
        "undo_retrans",
        "unsent",
        "urg_byte",
        "urg_state",
        "usage_seq",
        "window_clamp",
        "write_pending",
        "write_seq",
        "write_stamps",
    )

    def __init__(self, clock: Clock, sysctl: Sysctl) -> None:
        super().__init__(clock, sysctl)
        self.clear(sysctl)

    def clear(self, sysctl: Sysctl) -> None:
        """Set every variable of a connection as before it was opened; what the user set stays."""
        self.options_on: int = 0
        """OPT_* bits in force on this connection."""
        self.offered_options: int = 0
        """OPT_* bits our SYN offered, whatever the peer's took of them."""

        # Send sequence variables.
        self.iss: int = 0
        self.syn_at: int = 0
        """Time our SYN was first sent."""
        self.snd_una: int = 0
        self.snd_nxt: int = 0
        self.snd_wnd: int = 0
        """Bytes, already scaled."""
        self.snd_wl1: int = 0
        self.snd_up: int = 0
        self.snd_wscale: int = 0
        self.max_window: int = 0
        """Largest window the peer ever offered."""
        self.write_seq: int = 0
        """Sequence number of the next byte the user will write."""
        self.pushed_seq: int = 0
        self.snd_sml: int = 0
        """End of the last segment sent that was shorter than the MSS (Minshall's Nagle)."""

        # Receive sequence variables.
        self.irs: int = 0
        self.rcv_nxt: int = 0
        self.rcv_wnd: int = 0
        """Window last offered, in bytes, counted from rcv_wup."""
        self.rcv_wup: int = 0
        """rcv_nxt when the window was last offered."""
        self.rcv_wscale: int = 0
        self.rcv_up: int = 0
        """Sequence number of the urgent byte."""
        self.urg_state: int = 0
        """What is known of the byte rcv_up points at: an URG_* number."""
        self.urg_byte: int = 0
        self.copied_seq: int = 0
        """Sequence number of the next byte the user will read."""
        self.window_clamp: int = 0
        self.rcv_scaling: int = 128
        """Payload per 256 bytes of the receive buffer."""
        self.rcv_ssthresh: int = 0
        """Most the offered window may be just now; grows as data arrives."""
        self.fin_received: bool = False

        # Segment size.
        self.mss: int = DEFAULT_MSS
        """Most payload bytes to a segment, timestamps already subtracted."""
        self.mss_clamp: int = 65535
        """The peer's MSS option."""
        self.advmss: int = DEFAULT_MSS
        """MSS option sent."""
        self.path_mtu: int = 0
        self.path_generation: int = -1
        """``IpLayer.path_generation`` when the route was looked up last …"""
        self.route_metrics: RouteMetrics | None = None
        self.route_mtu: int = 0
        """… and its MTU, 0: not looked up since the handshake."""
        self.header_extra: int = 0
        """Bytes of options every segment carries (12 with timestamps)."""
        self.ip_header: int = 20

        # Queues.
        self.chunks: list[bytes] = []
        """Data not yet sent, in the pieces the user wrote."""
        self.chunk_index: int = 0
        self.chunk_offset: int = 0
        self.runs: list[int] = []
        """Ends and flags of the runs the unsent data is made of, see write.py."""
        self.unsent: int = 0
        """Bytes in chunks."""
        self.fin_queued: bool = False
        """The user closed its side; FIN follows the last byte."""
        self.fin_sent: bool = False
        self.rtx: list[SentSegment] = []
        self.rtx_head: int = 0
        """Index of the oldest unacknowledged segment in rtx."""
        self.received: list[bytes] = []
        self.received_index: int = 0
        self.received_offset: int = 0
        self.received_bytes: int = 0
        self.held: HeldBuffers = HeldBuffers()
        self.rmem: int = 0
        """Memory of all that was received and not read, in bytes (sk_rmem_alloc)."""
        self.pages: int = 0
        """What this connection has of the host's tcp_mem."""
        self.ooo: list[OutOfOrder] = []
        """Sorted by seq, not overlapping."""
        self.ooo_bytes: int = 0

        # Retransmission queue counts (RFC 6675's pipe is packets_out - sacked - lost + retrans).
        self.packets_out: int = 0
        self.bursts_out: int = 0
        """Bursts they left in, of which part is unacknowledged."""
        self.sacked_out: int = 0
        self.lost_out: int = 0
        self.retrans_out: int = 0

        # Round-trip time (RFC 6298), microseconds.
        self.srtt: int = 0
        """Smoothed round-trip time times 8."""
        self.mdev: int = 0
        self.mdev_max: int = 0
        self.rttvar: int = 0
        """Four times the mean deviation, at least the minimum RTO."""
        self.rtt_seq: int = 0
        self.min_rtt: int = -1
        self.min_rtts: MinFilter | None = None
        self.rto: int = RTO_INITIAL
        """Nanoseconds, back-off included."""
        self.backoff: int = 0
        self.retransmits: int = 0
        """Timeouts in a row without progress."""
        self.retrans_stamp: int = -1
        """Time of the first retransmission of the present episode, -1 none."""

        # Congestion control.
        self.ca_state: int = CA_OPEN
        self.cwnd: int = INITIAL_CWND
        """Segments."""
        self.initial_cwnd: int = INITIAL_CWND
        """What it begins with, also after a pause: the default, or what the route says."""
        self.ssthresh: int = INFINITE_SSTHRESH
        self.cwnd_count: int = 0
        self.cwnd_clamp: int = 0x7FFF_FFFF
        self.cwnd_stamp: int = 0
        self.cwnd_used: int = 0
        self.cwnd_limited: bool = False
        self.max_packets_out: int = 0
        self.usage_seq: int = 0
        self.prior_cwnd: int = 0
        self.prior_ssthresh: int = 0
        self.high_seq: int = 0
        """snd_nxt when the present episode began; RFC 6675's RecoveryPoint."""
        self.undo_marker: int = -1
        self.undo_retrans: int = 0
        self.prr_delivered: int = 0
        self.prr_out: int = 0
        self.frto: bool = False
        self.reordering: int = sysctl.tcp_reordering
        self.reord_seen: int = 0
        self.high_sacked: int = 0
        """Right edge of the highest SACK block seen."""
        self.sack_reneging: bool = False
        self.delivered: int = 0
        self.delivered_ce: int = 0
        self.lost: int = 0
        self.tlp_high_seq: int = -1
        self.tlp_retransmitted: bool = False

        # Delivery rate, see rate.py.
        self.first_sent_at: int = 0
        """When the segment delivered last was sent, ns."""
        self.delivered_at: int = 0
        """When ``delivered`` grew last, ns."""
        self.app_limited: int = -1
        """``delivered`` until which samples measure the user, 0: they measure the network."""
        self.rate_delivered: int = 0
        self.rate_interval: int = 0
        """ns"""
        self.rate_app_limited: bool = True

        # Pacing, see pacing.py.
        self.pace_at: int = 0
        """When the next burst may leave, ns."""
        self.pacing_rate: int = 0
        """Bytes per second the congestion control wants, 0: it does not say."""

        # RACK (RFC 8985).
        self.send_serial: int = 0
        """Transmissions of segments so far: their order, where several share a time."""
        self.rack_serial: int = 0
        """Of those delivered, the transmission that was last."""
        self.rack_end: int = 0
        self.rack_rtt: int = 0
        """ns"""
        self.rack_advanced: bool = False
        self.rack_reo_steps: int = 1
        self.rack_reo_persist: int = 0
        self.rack_last_delivered: int = 0
        self.rack_dsack_seen: bool = False
        self.oldest_sent: SentSegment | None = None
        self.newest_sent: SentSegment | None = None

        # ECN (RFC 3168).
        self.ecn_demand_cwr: bool = False
        self.ecn_queue_cwr: bool = False

        # Timestamps (RFC 7323).
        self.ts_offset: int = 0
        self.ts_recent: int = 0
        self.ts_recent_at: int = -1
        """Time ts_recent was taken, -1 if there is none."""
        self.ts_seen: bool = False
        """The segment in hand carries timestamps …"""
        self.ts_val: int = 0
        self.ts_ecr: int = 0

        # SACK to send (RFC 2018, RFC 2883).
        self.sack_blocks: list[tuple[int, int]] = []
        self.dsack_start: int = -1
        self.dsack_end: int = 0
        self.dsack_dups: int = 0
        self.ooo_packets: int = 0

        # Acknowledgments.
        self.ack_pending: int = 0
        self.quick_acks: int = 0
        self.pingpong: bool = False
        self.ato: int = 0
        self.rcv_mss: int = DEFAULT_MSS
        self.last_segment_size: int = 0
        self.last_data_received: int = 0
        self.last_data_sent: int = 0
        self.last_sent: int = -MS
        """Time any segment was sent last."""
        self.last_ack_received: int = 0
        self.last_oow_ack: int = -1
        self.dup_acks_sent: int = 0
        self.dup_acks_at: int = -1
        """RCV.NXT for which dup_acks_sent counts."""
        self.compressed_acks: int = 0
        self.rcv_rtt: int = 0
        """Receiver's round-trip estimate times 8, us."""
        self.rcv_rtt_seq: int = 0
        self.rcv_rtt_at: int = -1
        self.rcv_rtt_ecr: int = 0
        self.rcv_space: int = 0
        self.rcv_space_seq: int = 0
        self.rcv_space_at: int = 0

        # Deadlines (ns, -1 none). They share the one heap entry this object is.
        self.retransmit_at: int = -1
        self.pending: int = TIMER_NONE
        """What retransmit_at is for."""
        self.ack_at: int = -1
        self.keepalive_at: int = -1
        """Keep-alive, or the end of an orphan's FIN_WAIT_2."""
        self.sack_at: int = -1
        self.pacing_at: int = -1
        self.probes_out: int = 0
        self.probes_at: int = -1

        # Fast Open (RFC 7413).
        self.syn_data_acked: bool = False
        """Data in the SYN was taken, by the peer or by us."""
        self.fastopen_child: bool = False
        self.fastopen_failure: int = 0
        """Why no data went in the SYN, see fastopen.py."""

        # How it stands with the user.
        self.shut: int = 0
        """RCV_SHUTDOWN and SEND_SHUTDOWN bits."""
        self.error: int = 0
        """sk_err: an errno the next call reports."""
        self.soft_error: int = 0
        """An ICMP error that becomes the reason if the connection times out."""
        self.done: bool = False
        """No more data will be read after what is queued (SOCK_DONE)."""
        self.write_pending: bool = False
        """A writer waits for the connection with data in hand: the handshake's last ACK can ride on it."""
        self.no_space: bool = False
        """A writer found the buffer full and wants to know when there is room."""

        self.write_stamps: list[WriteStamp] = []
        """Writes whose way is told of in the error queue."""
        self.arrivals: list[tuple[int, int]] = []
        """When data not yet read arrived: (sequence number after it, ns); kept only if asked for."""

    # Deadlines --------------------------------------------------------------------------------

    def set_retransmit(self, kind: int, delay: int) -> None:
        """Have the retransmission deadline, for a TIMER_* ``kind``, ``delay`` ns from now."""
        when = self.clock.now + delay
        self.pending = kind
        self.retransmit_at = when
        if self.deadline < 0 or when < self.deadline:
            self.arm_at(when)

    def clear_retransmit(self) -> None:
        self.pending = TIMER_NONE
        self.retransmit_at = -1

    def set_ack_deadline(self, when: int) -> None:
        """Send a delayed ACK at ``when`` (ns)."""
        self.ack_at = when
        if self.deadline < 0 or when < self.deadline:
            self.arm_at(when)

    def set_sack_deadline(self, when: int) -> None:
        """Send the ACK that stands for a burst of duplicates at ``when`` (ns)."""
        self.sack_at = when
        if self.deadline < 0 or when < self.deadline:
            self.arm_at(when)

    def set_pacing_deadline(self, when: int) -> None:
        """Go on sending at ``when`` (ns)."""
        self.pacing_at = when
        if self.deadline < 0 or when < self.deadline:
            self.arm_at(when)

    def set_keepalive(self, delay: int) -> None:
        """Look whether the peer is alive ``delay`` ns from now."""
        when = self.clock.now + delay
        self.keepalive_at = when
        if self.deadline < 0 or when < self.deadline:
            self.arm_at(when)

    def earliest_deadline(self) -> int:
        """The next of the deadlines in ns, -1 if none is set."""
        earliest = self.retransmit_at
        if self.ack_at >= 0 and (earliest < 0 or self.ack_at < earliest):
            earliest = self.ack_at
        if self.sack_at >= 0 and (earliest < 0 or self.sack_at < earliest):
            earliest = self.sack_at
        if self.pacing_at >= 0 and (earliest < 0 or self.pacing_at < earliest):
            earliest = self.pacing_at
        if self.keepalive_at >= 0 and (earliest < 0 or self.keepalive_at < earliest):
            earliest = self.keepalive_at
        return earliest

    # Derived values ---------------------------------------------------------------------------

    def in_flight(self) -> int:
        """Segments believed to be in the network (RFC 6675's pipe)."""
        return self.packets_out - self.sacked_out - self.lost_out + self.retrans_out

    def send_memory(self) -> int:
        """What the data not acknowledged is charged to the send buffer with (``sk_wmem_queued``).

        Each run or burst is one socket buffer.
        """
        return self.write_seq - self.snd_una + (len(self.runs) + self.bursts_out) * BUFFER_COST

    def sets_df(self) -> bool:
        """Whether no router may cut its packets (``ip_dont_fragment``); in IPv6 none ever does."""
        return self.ip_header != 20 or 0 < self.pmtu_discovery < 3

    def window_end(self) -> int:
        """First sequence number the peer does not take."""
        return self.snd_una + self.snd_wnd

    def receive_window(self) -> int:
        """What is left of the window last offered, in bytes."""
        window = self.rcv_wup + self.rcv_wnd - self.rcv_nxt
        return window if window > 0 else 0
