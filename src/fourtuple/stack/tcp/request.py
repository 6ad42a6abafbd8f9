"""A connection being opened passively: the SYN came, our SYN-ACK is on its way.

It is a small record on the listener's SYN queue; the connection proper is made when the
handshake's last ACK arrives (Linux's NEW_SYN_RECV).
"""

from __future__ import annotations

from ...ports.endpoint import Endpoint
from ...wire.address import is_v4
from ...wire.ip import PROTOCOL_TCP
from ...wire.tcp import ACK, ECE, SYN, TcpSegment
from ...wire.tcp_options import TcpOptions
from ..route_metrics import RouteMetrics
from . import cookies
from .state import MASK32, MS, OPT_ECN, OPT_SACK, OPT_TIMESTAMPS, OPT_WSCALE, RTO_INITIAL
from .tcb import PendingOpen, Tcb


class Request(PendingOpen):
    """What has to be known until the handshake is complete; its own SYN-ACK timer."""

    __slots__ = (
        "acked",
        "advmss",
        "cookie",
        "cookie_exp",
        "endpoint",
        "first_sent_at",
        "initial_cwnd",
        "last_oow_ack",
        "options_on",
        "path_mtu",
        "peer_mss",
        "peer_window",
        "rcv_wscale",
        "route_metrics",
        "saved_syn",
        "serial",
        "snd_wscale",
        "tos",
        "ts_first",
        "ts_last",
        "ts_offset",
        "window_clamp",
    )

    def __init__(self, listener: Tcb, endpoint: Endpoint) -> None:
        super().__init__(listener)
        self.endpoint = endpoint
        self.serial: int = 0
        self.options_on: int = 0
        self.initial_cwnd: int = 0
        self.peer_mss: int = 536
        self.peer_window: int = 0
        self.advmss: int = 536
        self.path_mtu: int = 0
        self.route_metrics: RouteMetrics | None = None
        self.snd_wscale: int = 0
        self.rcv_wscale: int = 0
        self.window_clamp: int = 0
        self.ts_offset: int = 0
        self.ts_first: int = -1
        """Timestamp of the first SYN-ACK, -1: it had none."""
        self.ts_last: int = 0
        self.saved_syn: bytes = b""
        self.cookie: bytes | None = None
        """Fast Open cookie of the first SYN-ACK, None: it carries none."""
        self.cookie_exp: bool = False
        self.tos: int = 0
        self.acked: bool = False
        """The handshake is complete but for TCP_DEFER_ACCEPT or a full accept queue."""
        self.last_oow_ack: int = -1
        self.first_sent_at: int = -1
        """When the first SYN-ACK was sent, ns; -1: none was."""

    def enqueue(self) -> None:
        """Onto the listener's SYN queue and into the tables."""
        layer = self.listener.layer
        queues = self.listener.listening
        layer.serial += 1
        self.serial = layer.serial
        self.endpoint.owner = self
        if queues is not None:
            queues.requests[self.serial] = self.endpoint
            queues.young += 1
        layer.tables.insert_established(self.endpoint)
        self.arm(RTO_INITIAL)

    def dequeue(self) -> None:
        """Off the SYN queue and out of the tables."""
        self.cancel()
        queues = self.listener.listening
        if queues is not None and self.serial in queues.requests:
            del queues.requests[self.serial]
            if self.timeouts == 0:
                queues.young -= 1
        self.listener.layer.tables.remove(self.endpoint)

    def drop(self) -> None:
        """Forget it."""
        self.dequeue()

    def send_syn_ack(self, cookie: bool) -> None:
        """<SEQ=ISS><ACK=RCV.NXT><CTL=SYN,ACK>; as a ``cookie`` its timestamp holds the options."""
        options = TcpOptions()
        options.mss = self.advmss
        agreed = self.options_on
        if agreed & OPT_TIMESTAMPS:
            stamp = self.clock.now // MS
            if cookie:
                stamp = cookies.encode_options(stamp, agreed, self.snd_wscale)
            options.timestamps = True
            options.ts_val = (stamp + self.ts_offset) & MASK32
            options.ts_ecr = self.ts_recent
            if self.ts_first < 0:
                self.ts_first = options.ts_val
            self.ts_last = options.ts_val
        if agreed & OPT_SACK:
            options.sack_permitted = True
        if agreed & OPT_WSCALE:
            options.wscale = self.rcv_wscale
        if self.cookie is not None:
            options.fastopen = self.cookie
            options.fastopen_exp = self.cookie_exp
            self.cookie = None
        flags = SYN | ACK
        if agreed & OPT_ECN:
            flags |= ECE
        self._send(flags, self.iss, self.rcv_wnd, options)
        self.sent_at = self.clock.now
        if self.first_sent_at < 0:
            self.first_sent_at = self.sent_at

    def send_ack(self) -> None:
        """Answer what is out of the window."""
        options: TcpOptions | None = None
        if self.options_on & OPT_TIMESTAMPS:
            options = TcpOptions()
            options.timestamps = True
            options.ts_val = (self.clock.now // MS + self.ts_offset) & MASK32
            options.ts_ecr = self.ts_recent
        self._send(ACK, self.iss + 1, self.rcv_wnd >> self.rcv_wscale, options)

    def _send(self, flags: int, seq: int, window: int, options: TcpOptions | None) -> None:
        endpoint = self.endpoint
        listener = self.listener
        segment = TcpSegment(
            endpoint.local_port,
            endpoint.peer_port,
            seq & MASK32,
            self.rcv_nxt & MASK32,
            flags,
            min(window, 65535),
            b"",
            options,
        )
        segment.origin = endpoint
        layer = listener.layer
        layer.counters.out_segs += 1
        layer.ip.send(
            endpoint.local,
            endpoint.peer,
            PROTOCOL_TCP,
            segment,
            self.tos,
            listener.ttl,
            not is_v4(endpoint.peer) or 0 < listener.pmtu_discovery < 3,
            endpoint.device,
        )

    def echo_is_ours(self, echo: int) -> bool:
        """Whether ``echo``, TSecr, is of one of our SYN-ACKs; 0 is what those send who do not echo."""
        if echo == 0 or self.ts_first < 0:
            return True
        return (echo - self.ts_first) & MASK32 <= (self.ts_last - self.ts_first) & MASK32

    def retransmit(self) -> None:
        self.retransmissions += 1
        self.listener.layer.counters.retrans_segs += 1
        self.send_syn_ack(False)

    def is_rate_limited(self) -> bool:
        """At most one answer per tcp_invalid_ratelimit to what is out of order here."""
        now = self.clock.now
        if (
            self.last_oow_ack >= 0
            and now - self.last_oow_ack < self.listener.layer.sysctl.tcp_invalid_ratelimit
        ):
            self.listener.layer.counters.ack_skipped += 1
            return True
        self.last_oow_ack = now
        return False

    def expired(self) -> None:
        """The SYN-ACK was not answered: send it again, or give up (``reqsk_timer_handler``)."""
        listener = self.listener
        queues = listener.listening
        if queues is None:
            self.drop()
            return
        most = self._most_retries(len(queues.requests), queues.limit, queues.young)
        deferred = listener.defer_accept
        if deferred == 0:
            over = self.timeouts >= most
            again = True
        else:
            over = self.timeouts >= most and (not self.acked or self.timeouts >= deferred)
            # Once the ACK came only the last SYN-ACK reminds the peer to send data.
            again = not self.acked or self.timeouts >= deferred - 1
        if over:
            self.drop()
            return
        if again:
            self.retransmit()
        if self.timeouts == 0:
            queues.young -= 1
        self.timeouts += 1
        self.arm(min(RTO_INITIAL << self.timeouts, listener.layer.sysctl.tcp_rto_max_ms * MS))

    def _most_retries(self, queued: int, limit: int, young: int) -> int:
        """When the queue is more than half full of old requests, they get fewer retries."""
        most = self.listener.syncnt or self.listener.layer.sysctl.tcp_synack_retries
        if queued << 1 > max(8, limit):
            fresh = young << 1
            while most > 2 and queued >= fresh:
                most -= 1
                fresh <<= 1
        return most
