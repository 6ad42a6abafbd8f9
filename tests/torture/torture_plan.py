"""A plan: everything that is random about one torture run, drawn from a seed or by hypothesis."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from fourtuple.stack.sysctl import CONGESTION_CONTROLS

MS = 1_000_000

Below = Callable[[int], int]
"""Draws an int in [0, limit)."""

# How it ends.
CALM = "calm"
"""Both close when they are done: the streams must arrive whole."""
ABORT = "abort"
"""One end resets the connection halfway (SO_LINGER 0)."""
CLOSE_EARLY = "close early"
"""One end closes while the other still sends."""
CUT = "cut"
"""The wire is cut for good."""
CRASH = "crash"
"""One host vanishes with all it knew."""

ENDINGS = (CALM, CALM, CALM, CALM, CALM, CALM, ABORT, CLOSE_EARLY, CUT, CRASH)


@dataclass
class Way:
    """One direction of the path."""

    latency: int = 10 * MS
    jitter: int = 0
    loss: float = 0.0
    duplicate: float = 0.0
    corrupt: float = 0.0
    mark_ce: float = 0.0
    bandwidth: int = 0
    queue_packets: int = 1000


@dataclass
class End:
    """One end's program and settings."""

    total: int = 1000
    sndbuf: int = 0
    rcvbuf: int = 0
    congestion: str = "cubic"
    nodelay: bool = False
    urgent: bool = False
    in_line: bool = True
    eager: int = 100
    """How often in 100 steps it reads."""
    user_mss: int = 0
    sysctls: dict[str, int] = field(default_factory=dict)


@dataclass
class Plan:
    """One run."""

    seed: int = 0
    v6: bool = False
    routed: bool = False
    simultaneous: bool = False
    wraps: str = ""
    """Which end's sequence numbers pass 2**32 early."""
    mtu: int = 1500
    ending: str = CALM
    ends_after: int = 0
    """Step at which the ending begins."""
    chaos: int = 0
    """How often in 1000 steps something about the network changes."""
    fiddle: int = 0
    """How often in 1000 steps a program changes an option."""
    fine: bool = False
    """The invariants are checked after every event, not after every step."""
    steps: int = 300
    """Steps before the network heals."""
    there: Way = field(default_factory=Way)
    back: Way = field(default_factory=Way)
    client: End = field(default_factory=End)
    server: End = field(default_factory=End)

    @property
    def calm(self) -> bool:
        return self.ending == CALM


_SYSCTLS = (
    ("tcp_sack", (1, 1, 1, 0)),
    ("tcp_timestamps", (1, 1, 0, 2)),
    ("tcp_window_scaling", (1, 1, 0)),
    ("tcp_ecn", (2, 2, 1, 0)),
    ("tcp_dsack", (1, 1, 0)),
    ("tcp_recovery", (1, 1, 0)),
    ("tcp_early_retrans", (3, 3, 0)),
    ("tcp_frto", (2, 0)),
    ("tcp_slow_start_after_idle", (1, 0)),
    ("tcp_shrink_window", (0, 0, 0, 1)),
    ("tcp_workaround_signed_windows", (0, 0, 0, 1)),
    ("tcp_thin_linear_timeouts", (0, 0, 1)),
    ("tcp_comp_sack_nr", (44, 44, 0)),
    ("tcp_moderate_rcvbuf", (1, 0)),
    ("tcp_fastopen", (1, 1, 3)),
    ("tcp_syncookies", (1, 1, 1, 2)),
    ("tcp_mtu_probing", (0, 0, 0, 1, 2)),
)


def _way(below: Below) -> Way:
    way = Way(latency=(1 + below(60)) * MS)
    if below(3) == 0:
        way.latency = 1 + below(MS)
    if below(3) == 0:
        way.jitter = below(30) * MS
    way.loss = (0.0, 0.0, 0.005, 0.02, 0.05, 0.1, 0.2)[below(7)]
    way.duplicate = (0.0, 0.0, 0.02, 0.1)[below(4)]
    way.corrupt = (0.0, 0.0, 0.01, 0.05)[below(4)]
    way.mark_ce = (0.0, 0.02, 0.3)[below(3)]
    if below(3) == 0:
        way.bandwidth = (64_000, 1_000_000, 10_000_000, 100_000_000)[below(4)]
        way.queue_packets = (2, 10, 100, 1000)[below(4)]
    return way


def _end(below: Below, v6: bool) -> End:
    end = End(total=below((100, 20_000, 200_000, 600_000)[below(4)]))
    if below(4) == 0:
        end.sndbuf = (4608, 10_000, 100_000, 1_000_000)[below(4)]
    if below(4) == 0:
        end.rcvbuf = (2304, 4608, 10_000, 100_000, 1_000_000)[below(5)]
    end.congestion = CONGESTION_CONTROLS[below(len(CONGESTION_CONTROLS))]
    end.nodelay = below(2) == 1
    end.urgent = below(6) == 5
    end.in_line = below(2) == 0
    end.eager = (100, 70, 20, 5)[below(4)]
    if below(8) == 7:
        end.user_mss = (88, 536, 1000)[below(3)]
    end.sysctls = {name: values[below(len(values))] for name, values in _SYSCTLS}
    return end


def draw(seed: int, below: Below) -> Plan:
    """A plan whose every choice is ``below``'s."""
    plan = Plan(seed)
    plan.v6 = below(3) == 2
    plan.routed = below(4) == 3
    plan.simultaneous = below(10) == 9
    plan.wraps = ("", "client", "server")[below(3)]
    plan.mtu = (1500, 1500, 9000, 1280 if plan.v6 else 576, 1280 + below(1000))[below(5)]
    plan.ending = ENDINGS[below(len(ENDINGS))]
    plan.fine = below(8) == 7
    plan.steps = 20 + below(300)
    plan.ends_after = below(plan.steps)
    plan.chaos = (0, 0, 10, 50)[below(4)]
    plan.fiddle = (0, 20, 100)[below(3)]
    plan.there = _way(below)
    plan.back = _way(below)
    plan.client = _end(below, plan.v6)
    plan.server = _end(below, plan.v6)
    if below(4) == 0:
        # One way only: the other end is a pure receiver.
        plan.server.total = 0
    return plan
