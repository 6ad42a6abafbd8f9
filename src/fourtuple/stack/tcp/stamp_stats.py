"""What a connection says of itself with each timestamp of data it sent (SCM_TIMESTAMPING_OPT_STATS).

Netlink attributes in Linux's order (``tcp_get_timestamping_opt_stats``): times in microseconds, rates in
bytes per second, the window in segments.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from . import chrono, output, rate
from .state import MASK32
from .tcb import Tcb

_HEADER: Final = Struct("<HH")
_TTL: Final = 26


def stats(tcb: Tcb, unsent: int, sent_at: int, ttl: int) -> bytes:
    """The attributes. ``unsent`` are the bytes not sent yet, ``sent_at`` is when the data left, in ns, and
    ``ttl`` that of the packet that acknowledged it, -1 if none has."""
    busy, window_limited, buffer_limited = chrono.times(tcb)
    # Number (TCP_NLA_* of include/uapi/linux/tcp.h), size in bytes and value.
    attributes: list[tuple[int, int, int]] = [
        (1, 8, busy // 1000),
        (2, 8, window_limited // 1000),
        (3, 8, buffer_limited // 1000),
        (4, 8, tcb.data_segs_out),
        (5, 8, tcb.total_retrans),
        (6, 8, output.current_rate(tcb) if tcb.srtt or tcb.pacing_rate else 0),
        (7, 8, rate.delivery_rate(tcb)),
        (8, 4, tcb.cwnd),
        (9, 4, tcb.reordering),
        (10, 4, tcb.min_rtt if tcb.min_rtt >= 0 else MASK32),
        (11, 1, tcb.retransmits & 0xFF),
        (12, 1, int(tcb.rate_app_limited)),
        (15, 4, tcb.ssthresh),
        (16, 4, tcb.delivered),
        (17, 4, tcb.delivered_ce),
        (13, 4, max(tcb.write_seq - tcb.snd_una, 0)),
        (14, 1, tcb.ca_state),
        (18, 8, tcb.bytes_sent),
        (19, 8, tcb.bytes_retrans),
        (20, 4, tcb.dsack_dups),
        (21, 4, tcb.reord_seen),
        (22, 4, tcb.srtt >> 3),
        (23, 2, tcb.timeout_rehash & 0xFFFF),
        (24, 4, unsent),
        (25, 8, sent_at),
        (_TTL, 1, ttl),
        (27, 4, tcb.timeout_rehash),
    ]
    data = b""
    for number, size, value in attributes:
        if number != _TTL or value >= 0:
            padding = bytes(-size & 3)
            data += _HEADER.pack(4 + size, number) + value.to_bytes(size, "little") + padding
    return data
