"""The transmission control block (RFC 9293 §3.3.1): one connection, and what its user may call.

The modules of this folder are functions over a :class:`Tcb`. Two base classes declared here let the lower
ones call up: :class:`TcpLayer` (the protocol, for what concerns more than one connection) and the
user calls of :class:`Tcb` itself, written in :mod:`.connection`.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import mypyc_attr

from ...clock.timers import Timer
from ...ports.endpoint import Endpoint
from ...ports.tables import PortTables
from ...wire.ip import IpPacket
from ...wire.tcp import TcpSegment
from ..base import IpLayer, SocketEvents
from ..sysctl import Sysctl
from .ackstate import AckState
from .counters import TcpCounters
from .info import TcpInfo
from .metrics import MetricsCache
from .records import Zerocopy
from .state import NAGLE_CORK, NAGLE_OFF, NAGLE_PUSH
from .variables import Variables

# What option_changed() is told.
OPTION_NAGLE: Final = 1
OPTION_KEEPALIVE: Final = 2
OPTION_SNDBUF: Final = 3
OPTION_RCVBUF: Final = 4
OPTION_QUICKACK: Final = 5


class ListenQueues:
    """What a listening socket keeps: connections being opened, and opened ones to accept."""

    __slots__ = (
        "accept_queue",
        "fastopen_pending",
        "fastopen_resets",
        "limit",
        "overflow_at",
        "requests",
        "young",
    )

    def __init__(self, limit: int) -> None:
        self.limit = limit
        """Backlog, at most net.core.somaxconn; one more connection than this may wait."""
        self.accept_queue: list[Tcb] = []
        self.requests: dict[int, Endpoint] = {}
        """Endpoints of the SYN queue, oldest first, by their serial number."""
        self.young: int = 0
        """Requests whose SYN-ACK was not yet sent again."""
        self.overflow_at: int = -1
        """Time the SYN queue was last found full, -1 never: since then cookies may return."""
        self.fastopen_pending: int = 0
        """Connections opened by the data of a SYN whose handshake is not complete."""
        self.fastopen_resets: list[int] = []
        """When those of them that were reset cease to count, in ns."""


class FastOpenState:
    """Fast Open at the opening end (RFC 7413 §4.1.3)."""

    __slots__ = (
        "asked",
        "asked_exp",
        "cookie",
        "copied",
        "deferred",
        "exp",
        "mss",
        "on_trial",
        "syn_data",
    )

    def __init__(self) -> None:
        self.cookie: bytes | None = None
        """What the next SYN's option holds, ``b""`` a request, None: it has no such option."""
        self.exp: bool = False
        """In the experimental option."""
        self.mss: int = 0
        """The peer's MSS as the last connection learnt it, 0 unknown."""
        self.deferred: bool = False
        """TCP_FASTOPEN_CONNECT: connect() was called, and the SYN waits for data."""
        self.asked: bool = False
        """A SYN with the option was sent …"""
        self.asked_exp: bool = False
        """… the experimental one."""
        self.syn_data: bool = False
        """A SYN with data was sent."""
        self.copied: int = 0
        """Bytes of data in it."""
        self.on_trial: bool = False
        """The first after Fast Open rested: data that comes through ends the doubts."""


class MtuSearch:
    """The search for the path MTU (RFC 4821 §7.3): packets of ``low`` bytes pass, those of more than
    ``high`` do not."""

    __slots__ = ("began_at", "high", "low", "probe_end", "probe_size", "probe_start")

    def __init__(self, low: int, high: int, now: int) -> None:
        self.low = low
        self.high = high
        self.began_at = now
        self.probe_size: int = 0
        """The packet that is on its way, 0 none …"""
        self.probe_start: int = 0
        """… and its sequence numbers."""
        self.probe_end: int = 0


@mypyc_attr(allow_interpreted_subclasses=True)
class CongestionControl:
    """How the congestion window grows and shrinks (RFC 5681, Linux's ``tcp_congestion_ops``).

    One that ``paces`` sets the window and the pacing rate itself with every ACK (:meth:`control`); for
    others slow start, congestion avoidance and proportional rate reduction call the rest.
    """

    paces: bool = False

    def name(self) -> str:
        raise NotImplementedError

    def ssthresh(self, tcb: Tcb) -> int:
        """The slow start threshold after a loss, in segments."""
        raise NotImplementedError

    def avoid(self, tcb: Tcb, acked: int) -> None:
        """Grow ``tcb.cwnd`` for ``acked`` segments newly delivered."""
        raise NotImplementedError

    def begin(self, tcb: Tcb) -> None:
        """A connection begins to use it."""

    def control(self, tcb: Tcb, ack: AckState, delivered: int) -> None:
        """An ACK delivered ``delivered`` segments: set cwnd and pacing_rate. Only if it ``paces``."""
        raise NotImplementedError

    def least_burst(self, tcb: Tcb) -> int:
        """Segments of the smallest burst."""
        return tcb.layer.sysctl.tcp_min_tso_segs

    def undo(self, tcb: Tcb) -> int:
        """The window to go back to when the last reduction proves to have been wrong."""
        raise NotImplementedError

    def sampled(self, tcb: Tcb, rtt: int) -> None:
        """A round-trip time was measured, in us."""

    def state_changed(self, tcb: Tcb, state: int) -> None:
        """``tcb.ca_state`` is about to become ``state``."""

    def info(self, tcb: Tcb) -> bytes:
        """TCP_CC_INFO."""
        return b""

    def restarted(self, tcb: Tcb) -> None:
        """Transmission starts again after nothing was in flight."""


@mypyc_attr(allow_interpreted_subclasses=True)
class TcpLayer:
    """The host's TCP, as its connections see it. ``protocol.TcpProtocol`` is the real one."""

    def __init__(self, ip: IpLayer) -> None:
        self.ip = ip
        self.clock = ip.clock
        self.tables: PortTables = ip.tables
        self.sysctl: Sysctl = ip.sysctl
        self.counters = TcpCounters()
        self.challenge_second: int = -1
        """Second for which ``challenge_left`` counts."""
        self.challenge_left: int = 0
        self.metrics = MetricsCache()
        self.paces_all: bool = False
        """Every connection is paced, as behind Linux's fq queueing discipline."""
        self.receive_unit: int = 0
        """Payload bytes of the segments that an interface with receive offload merged into longer ones;
        0: nothing is merged."""
        self.fastopen_disabled_at: int = 0
        self.fastopen_disabled_times: int = 0
        """How often in a row Fast Open was found to be swallowed, see fastopen.py."""
        self.memory_pages: int = 0
        """Pages of 4096 bytes all connections have taken of tcp_mem (tcp_memory_allocated) …"""
        self.memory_users: int = 0
        """… how many connections have taken some …"""
        self.memory_pressure: bool = False
        """… and whether that is too much."""
        self.orphans: int = 0
        self.time_waits: int = 0
        self.serial: int = 0

    def create(self, endpoint: Endpoint, events: SocketEvents | None) -> Tcb:
        """A closed connection that owns ``endpoint``."""
        raise NotImplementedError

    def enter_time_wait(self, tcb: Tcb, substate: int, timeout: int) -> None:
        """Replace ``tcb`` in the tables by a small record for ``timeout`` ns and close it.

        ``substate`` is TIME_WAIT, or FIN_WAIT_2 for an orphan waiting for the peer's FIN.
        """
        raise NotImplementedError

    def too_big(self, tcb: Tcb) -> None:
        """Our own interface takes smaller packets than ``tcb`` sends: see to it that it learns."""
        raise NotImplementedError

    def send_reset(self, packet: IpPacket, segment: TcpSegment) -> None:
        """Answer a segment that belongs to no connection (RFC 9293 §3.10.7.1)."""
        raise NotImplementedError


@mypyc_attr(allow_interpreted_subclasses=True)
class Tcb(Variables):
    """One connection, or one listening or closed socket.

    What the socket above calls is at the end: each returns 0 or an errno unless it says otherwise, and
    none blocks. Readiness is reported through ``events``.
    """

    __slots__ = (
        "cc",
        "endpoint",
        "events",
        "fast",
        "layer",
        "listening",
        "mtu_search",
        "opening",
        "zerocopy",
    )

    def __init__(self, layer: TcpLayer, endpoint: Endpoint, events: SocketEvents | None) -> None:
        super().__init__(layer.clock, layer.sysctl)
        self.layer: TcpLayer = layer
        self.endpoint: Endpoint = endpoint
        self.events: SocketEvents | None = events
        self.cc: CongestionControl = NO_CONGESTION_CONTROL
        self.listening: ListenQueues | None = None
        self.fast: FastOpenState | None = None
        """Of a connection opened with Fast Open from this end."""
        self.mtu_search: MtuSearch | None = None
        """Where the search for the path MTU stands, None: there is none."""
        self.opening: PendingOpen | None = None
        """Of one opened from the other end by Fast Open, until the handshake is complete."""
        self.zerocopy: Zerocopy | None = None
        """Its writes with MSG_ZEROCOPY, None: there was none."""

    def notify(self, mask: int) -> None:
        """Tell the socket that these POLL* bits may have changed."""
        if self.events is not None:
            self.events.on_events(mask)

    # What the socket sets ---------------------------------------------------------------------

    @property
    def nodelay(self) -> bool:
        """TCP_NODELAY. Setting it sends what was held back, by Nagle's algorithm or the cork."""
        return self.nagle & NAGLE_OFF != 0

    @nodelay.setter
    def nodelay(self, on: bool) -> None:
        if on:
            self.nagle |= NAGLE_OFF | NAGLE_PUSH
            self.option_changed(OPTION_NAGLE)
        else:
            self.nagle &= ~NAGLE_OFF

    @property
    def cork(self) -> bool:
        """TCP_CORK. Clearing it sends what was held back."""
        return self.nagle & NAGLE_CORK != 0

    @cork.setter
    def cork(self, on: bool) -> None:
        if on:
            self.nagle |= NAGLE_CORK
        else:
            self.nagle &= ~NAGLE_CORK
            if self.nagle & NAGLE_OFF:
                self.nagle |= NAGLE_PUSH
            self.option_changed(OPTION_NAGLE)

    @property
    def quickack(self) -> bool:
        """TCP_QUICKACK: not in interactive mode, so ACKs are not delayed for data to ride on."""
        return not self.pingpong

    @quickack.setter
    def quickack(self, on: bool) -> None:
        self.pingpong = not on
        self.option_changed(OPTION_QUICKACK)

    @property
    def keepalive(self) -> bool:
        """SO_KEEPALIVE."""
        return self.keepalive_on

    @keepalive.setter
    def keepalive(self, on: bool) -> None:
        self.keepalive_on = on
        self.option_changed(OPTION_KEEPALIVE)

    @property
    def sndbuf(self) -> int:
        """SO_SNDBUF as getsockopt() shows it. Setting it ends its automatic growth."""
        return self.sndbuf_bytes

    @sndbuf.setter
    def sndbuf(self, size: int) -> None:
        self.sndbuf_bytes = size
        self.sndbuf_locked = True
        self.option_changed(OPTION_SNDBUF)

    @property
    def rcvbuf(self) -> int:
        """SO_RCVBUF as getsockopt() shows it. Setting it ends its automatic growth."""
        return self.rcvbuf_bytes

    @rcvbuf.setter
    def rcvbuf(self, size: int) -> None:
        self.rcvbuf_bytes = size
        self.rcvbuf_locked = True
        self.option_changed(OPTION_RCVBUF)

    @property
    def accept_queue_length(self) -> int:
        """Connections waiting for accept()."""
        return len(self.listening.accept_queue) if self.listening is not None else 0

    @property
    def congestion(self) -> str:
        """TCP_CONGESTION: the name of the congestion control."""
        return self.congestion_name or self.layer.sysctl.tcp_congestion_control

    # User calls (RFC 9293 §3.10.1 to §3.10.6), in connection.py -------------------------------

    def option_changed(self, option: int) -> None:
        """One of the OPTION_* attributes above was set."""
        raise NotImplementedError

    def connect(self, destination: int, port: int) -> int:
        """Open actively. 0: the handshake is under way; its end shows in poll() and take_error().

        EADDRNOTAVAIL no port left, ENETUNREACH no route, EISCONN, EALREADY, ECONNABORTED.
        """
        raise NotImplementedError

    def connect_sending(self, destination: int, port: int, data: bytes) -> int:
        """MSG_FASTOPEN: open actively with as much of ``data`` in the SYN as may be (RFC 7413).

        Returns the bytes taken, or a negative errno as :meth:`connect`.
        """
        raise NotImplementedError

    def send_deferred(self, data: bytes) -> int:
        """The first data after a connect() that TCP_FASTOPEN_CONNECT put off; as connect_sending()."""
        raise NotImplementedError

    def listen(self, backlog: int) -> int:
        """Open passively, or change the backlog. EADDRINUSE, EINVAL if connected."""
        raise NotImplementedError

    def accept(self) -> Tcb | None:
        """The oldest connection waiting, None if there is none. Its ``events`` is the caller's to set."""
        raise NotImplementedError

    def send(self, data: bytes, flags: int) -> int:
        """Queue as much of ``data`` as there is room for; returns its length, or a negative errno.

        ``flags`` are MSG_OOB and MSG_MORE. -EAGAIN: no room, or not yet connected; -EPIPE: this
        side is closed; an error pending is returned, and forgotten, first.
        """
        raise NotImplementedError

    def recv_check(self) -> int:
        """0 if recv() has data or the end of the stream to give, else EAGAIN or an errno.

        A pending error is returned once and forgotten.
        """
        raise NotImplementedError

    def recv(self, count: int, peek: bool) -> bytes:
        """At most ``count`` bytes of the stream; ``b""`` if none are queued, and at its end.

        Stops before the urgent mark, and skips the urgent byte unless SO_OOBINLINE, as Linux does.
        """
        raise NotImplementedError

    def recv_urgent(self, peek: bool) -> int:
        """MSG_OOB: the urgent byte, or -EAGAIN (not here yet), -EINVAL (none, or read before)."""
        raise NotImplementedError

    def readable_bytes(self) -> int:
        """SIOCINQ: bytes recv() can give."""
        raise NotImplementedError

    def unacked_bytes(self) -> int:
        """SIOCOUTQ: bytes written and not yet acknowledged."""
        raise NotImplementedError

    def shutdown(self, how: int) -> int:
        """0 SHUT_RD, 1 SHUT_WR, 2 both. ENOTCONN unless connected."""
        raise NotImplementedError

    def close(self) -> None:
        """The socket is gone: close orderly, or reset if data is unread or ``linger`` is 0."""
        raise NotImplementedError

    def abort(self) -> None:
        """Reset the connection and forget it."""
        raise NotImplementedError

    def poll(self) -> int:
        """The POLL* bits of poll(2), by the rules of Linux's ``tcp_poll``."""
        raise NotImplementedError

    def take_error(self) -> int:
        """SO_ERROR: the pending error, forgotten by this call."""
        raise NotImplementedError

    def disconnect(self) -> int:
        """connect() to AF_UNSPEC: reset the connection, or stop listening; the socket can be used again."""
        raise NotImplementedError

    def set_congestion_control(self, name: str) -> None:
        """TCP_CONGESTION. Raises ValueError unless ``name`` is one of sysctl.CONGESTION_CONTROLS."""
        raise NotImplementedError

    def info(self) -> TcpInfo:
        """TCP_INFO."""
        raise NotImplementedError


class PendingOpen(Timer):
    """A handshake at a listener: what its connection still needs of it. :mod:`.request` has the rest."""

    __slots__ = (
        "accepted",
        "irs",
        "iss",
        "listener",
        "rcv_nxt",
        "rcv_wnd",
        "retransmissions",
        "sent_at",
        "timeouts",
        "ts_recent",
    )

    def __init__(self, listener: Tcb) -> None:
        super().__init__(listener.layer.clock)
        self.listener = listener
        self.irs: int = 0
        self.iss: int = 0
        self.rcv_nxt: int = 0
        """What the SYN-ACK acknowledges: the SYN, and its data if that was taken."""
        self.rcv_wnd: int = 0
        self.ts_recent: int = 0
        self.timeouts: int = 0
        self.retransmissions: int = 0
        self.sent_at: int = 0
        """Time the SYN-ACK was sent."""
        self.accepted: bool = False
        """The connection was taken off the accept queue before the handshake was complete."""

    def retransmit(self) -> None:
        """Send the SYN-ACK again."""
        raise NotImplementedError

    def send_ack(self) -> None:
        """Answer what is out of the window."""
        raise NotImplementedError

    def is_rate_limited(self) -> bool:
        """At most one answer per tcp_invalid_ratelimit to what is out of order here."""
        raise NotImplementedError


NO_CONGESTION_CONTROL: Final = CongestionControl()
"""Of a socket that is not connected."""
