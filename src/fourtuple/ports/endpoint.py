"""An endpoint: what the tables know of one socket.

The record a simulated socket keeps, a row read from a live kernel and a saved snapshot are all this
class, so the bind and lookup rules run the same on each.
"""

from __future__ import annotations

from typing import Final

from ..wire.address import V4_ANY, V6_ANY, is_v4

PROTOCOL_TCP: Final = 6
PROTOCOL_UDP: Final = 17

AF_INET: Final = 2
AF_INET6: Final = 10

# Linux's numbering of TCP states (include/net/tcp_states.h); UDP uses ESTABLISHED when connected
# and CLOSE otherwise, as Linux does.
ESTABLISHED: Final = 1
SYN_SENT: Final = 2
SYN_RECV: Final = 3
FIN_WAIT_1: Final = 4
FIN_WAIT_2: Final = 5
TIME_WAIT: Final = 6
CLOSE: Final = 7
CLOSE_WAIT: Final = 8
LAST_ACK: Final = 9
LISTEN: Final = 10
CLOSING: Final = 11
NEW_SYN_RECV: Final = 12

STATE_NAMES: Final = (
    "",
    "ESTABLISHED",
    "SYN_SENT",
    "SYN_RECV",
    "FIN_WAIT_1",
    "FIN_WAIT_2",
    "TIME_WAIT",
    "CLOSE",
    "CLOSE_WAIT",
    "LAST_ACK",
    "LISTEN",
    "CLOSING",
    "NEW_SYN_RECV",
)


class Endpoint:
    """One socket as the port tables see it.

    ``local`` and ``peer`` are addresses as ints (see :mod:`fourtuple.wire.address`); an IPv4 packet
    or an AF_INET6 socket on a v4-mapped address both have them in the v4-mapped block. ``local`` of
    an unbound or wildcard socket is ``V4_ANY`` for AF_INET and ``V6_ANY`` for AF_INET6. A port of 0
    is no port. ``device`` is an ifindex, 0 for none. ``owner`` is whatever the endpoint belongs to
    (a TCB, a UDP socket, a row of a snapshot); the rules never look at it.
    """

    __slots__ = (
        "device",
        "family",
        "incoming_cpu",
        "local",
        "local_port",
        "owner",
        "peer",
        "peer_port",
        "port_by_connect",
        "protocol",
        "reuse_addr",
        "reuse_port",
        "state",
        "uid",
        "v6only",
    )

    def __init__(self, protocol: int, family: int, uid: int) -> None:
        self.protocol: int = protocol
        self.family: int = family
        self.local: int = V4_ANY if family == AF_INET else V6_ANY
        self.local_port: int = 0
        self.peer: int = self.local
        self.peer_port: int = 0
        self.state: int = CLOSE
        self.reuse_addr: bool = False
        self.reuse_port: bool = False
        self.v6only: bool = False
        self.device: int = 0
        self.uid: int = uid
        self.incoming_cpu: int = -1
        self.port_by_connect: bool = False
        """The port was chosen by connect(), so another connect() may share it."""
        self.owner: object | None = None

    def is_v4_pair(self) -> bool:
        """Whether its packets are IPv4 (an AF_INET6 socket on a mapped address included)."""
        return is_v4(self.local) if self.local != V6_ANY else is_v4(self.peer)
