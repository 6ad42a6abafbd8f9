"""Names of the states and small sets the modules of this folder share.

The connection states are those of RFC 9293 §3.3.2 with Linux's numbers, kept in
``Tcb.endpoint.state`` so that the port tables see them too.
"""

from __future__ import annotations

from typing import Final

from ...ports.endpoint import (
    CLOSE,
    CLOSE_WAIT,
    CLOSING,
    ESTABLISHED,
    FIN_WAIT_1,
    FIN_WAIT_2,
    LAST_ACK,
    LISTEN,
    NEW_SYN_RECV,
    STATE_NAMES,
    SYN_RECV,
    SYN_SENT,
    TIME_WAIT,
)

__all__ = [
    "CLOSE",
    "CLOSE_WAIT",
    "CLOSING",
    "ESTABLISHED",
    "FIN_WAIT_1",
    "FIN_WAIT_2",
    "LAST_ACK",
    "LISTEN",
    "NEW_SYN_RECV",
    "STATE_NAMES",
    "SYN_RECV",
    "SYN_SENT",
    "TIME_WAIT",
]

MASK32: Final = 0xFFFF_FFFF
"""Sequence numbers and timestamps are kept unwrapped; their low 32 bits go on the wire."""

# Sets of states, as bit masks of 1 << state.
SYNCHRONIZED: Final = (
    1 << ESTABLISHED
    | 1 << FIN_WAIT_1
    | 1 << FIN_WAIT_2
    | 1 << CLOSE_WAIT
    | 1 << CLOSING
    | 1 << LAST_ACK
    | 1 << TIME_WAIT
)
CAN_SEND: Final = 1 << ESTABLISHED | 1 << CLOSE_WAIT
CAN_RECEIVE: Final = 1 << ESTABLISHED | 1 << FIN_WAIT_1 | 1 << FIN_WAIT_2
HANDSHAKE: Final = 1 << SYN_SENT | 1 << SYN_RECV

# Congestion states, with the numbers TCP_INFO shows (enum tcp_ca_state).
CA_OPEN: Final = 0
CA_DISORDER: Final = 1
CA_CWR: Final = 2
CA_RECOVERY: Final = 3
CA_LOSS: Final = 4

# What the retransmission deadline is for (icsk_pending). One connection waits for one at a time.
TIMER_NONE: Final = 0
TIMER_RETRANSMIT: Final = 1
TIMER_PROBE: Final = 2
TIMER_LOSS_PROBE: Final = 3
TIMER_REORDER: Final = 4

# Bits of Tcb.shut.
RCV_SHUTDOWN: Final = 1
SEND_SHUTDOWN: Final = 2
BOTH_SHUTDOWN: Final = 3

# Bits of Tcb.nagle.
NAGLE_OFF: Final = 1
NAGLE_CORK: Final = 2
NAGLE_PUSH: Final = 4

# Bits of Tcb.ack_pending.
ACK_SCHEDULED: Final = 1
ACK_PUSHED: Final = 2
ACK_PUSHED2: Final = 4
ACK_NOW: Final = 8
ACK_NO_MEMORY: Final = 16
"""Offer no window: what came could not be kept."""

# Tcb.urg_state: the urgent byte is unknown, announced, here, or was read out of band.
URG_NONE: Final = 0
URG_AWAITED: Final = 1
URG_HERE: Final = 2
URG_READ: Final = 3

# Bits of Tcb.options_on: what both ends agreed on with their SYNs.
OPT_TIMESTAMPS: Final = 1
OPT_SACK: Final = 2
OPT_WSCALE: Final = 4
OPT_ECN: Final = 8
OPT_ECN_SEEN: Final = 16

INFINITE_SSTHRESH: Final = 0x7FFF_FFFF
INITIAL_CWND: Final = 10
DEFAULT_MSS: Final = 536
"""What a peer that names none takes (RFC 9293 §3.7.1), for IPv4 and, as in Linux, IPv6."""

MIN_MSS: Final = 88
MAX_WSCALE: Final = 14
"""RFC 7323 §2.3."""

MS: Final = 1_000_000
SECOND: Final = 1_000_000_000

DELACK_MIN: Final = 40 * MS
DELACK_MAX: Final = 200 * MS
ATO_MIN: Final = 40 * MS
RTO_INITIAL: Final = 1 * SECOND
"""RFC 6298 §2.1."""

TIME_WAIT_LENGTH: Final = 60 * SECOND
RESOURCE_PROBE_INTERVAL: Final = 500 * MS
TIMEOUT_MIN: Final = 2 * MS
MAX_QUICKACKS: Final = 16
DUPACK_THRESHOLD: Final = 3

UNLIMITED_RATE: Final = 0xFFFF_FFFF_FFFF_FFFF

# errno values this floor returns; Linux's numbers.
EPERM: Final = 1
EINTR: Final = 4
EAGAIN: Final = 11
EPIPE: Final = 32
EINVAL: Final = 22
EMSGSIZE: Final = 90
EADDRINUSE: Final = 98
EADDRNOTAVAIL: Final = 99
ENETUNREACH: Final = 101
ECONNABORTED: Final = 103
ECONNRESET: Final = 104
ENOBUFS: Final = 105
EISCONN: Final = 106
ENOTCONN: Final = 107
ETIMEDOUT: Final = 110
ECONNREFUSED: Final = 111
EHOSTUNREACH: Final = 113
EALREADY: Final = 114
EINPROGRESS: Final = 115

# Flags of Tcb.send(), as MSG_* of send(2).
MSG_OOB: Final = 0x01
MSG_MORE: Final = 0x8000
MSG_EOR: Final = 0x80
