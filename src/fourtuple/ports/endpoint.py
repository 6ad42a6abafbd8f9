"""An endpoint: what the tables know of one socket.

The record a simulated socket keeps, a row read from a live kernel and a saved snapshot are all this
class, so the bind and lookup rules run the same on each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..wire.address import V4_ANY, V6_ANY, is_v4

if TYPE_CHECKING:
    from .ephemeral import ConnectUse
    from .multicast import Membership
    from .reuseport import MemberChooser, ReuseportGroup

PROTOCOL_TCP: Final = 6
PROTOCOL_UDP: Final = 17
PROTOCOL_UDPLITE: Final = 136

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
        "address_locked",
        "bind_no_port",
        "chooser",
        "device",
        "family",
        "filter",
        "group",
        "incoming_cpu",
        "key",
        "local",
        "local_port",
        "memberships",
        "multicast_all",
        "owner",
        "peer",
        "peer_port",
        "port_by_connect",
        "port_high",
        "port_locked",
        "port_low",
        "protocol",
        "reuse_addr",
        "reuse_port",
        "state",
        "uid",
        "use",
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
        self.port_locked: bool = False
        """The program asked for this port number; it survives a failed connect or a disconnect."""
        self.address_locked: bool = False
        """The program asked for this local address; a disconnect does not reset it."""
        self.bind_no_port: bool = False
        """IP_BIND_ADDRESS_NO_PORT: bind to port 0 leaves the choice of port to connect()."""
        self.port_low: int = 0
        """IP_LOCAL_PORT_RANGE's lower end, 0 for none."""
        self.port_high: int = 0
        """IP_LOCAL_PORT_RANGE's upper end, 0 for none."""
        self.memberships: list[Membership] | None = None
        """Multicast groups joined; None for none."""
        self.multicast_all: bool = True
        """IP_MULTICAST_ALL / IPV6_MULTICAST_ALL: groups joined by others are received too."""
        self.chooser: MemberChooser | None = None
        """Attached before it is in a group: the one of a group it is the first of."""
        self.filter: object | None = None
        """The socket's filter; the rules never look at it."""
        # Kept by the tables.
        self.group: ReuseportGroup | None = None
        """The SO_REUSEPORT group it is a member of."""
        self.key: int = -1
        """Its key in the table of exact four-tuples, -1 while it is in none."""
        self.use: ConnectUse | None = None
        """Where the port connect() chose for it is counted."""
        self.owner: object | None = None

    def is_v4_pair(self) -> bool:
        """Whether its packets are IPv4 (an AF_INET6 socket on a mapped address included)."""
        return is_v4(self.local) if self.local != V6_ANY else is_v4(self.peer)

    def child(self, local: int, peer: int, peer_port: int) -> Endpoint:
        """The endpoint of a connection this listener accepted: options inherited, owner None."""
        child = self._copy()
        child.local = local
        child.peer = peer
        child.peer_port = peer_port
        child.state = SYN_RECV
        child.filter = self.filter
        return child

    def time_wait(self) -> Endpoint:
        """What is left of this connection in TIME_WAIT: addresses and options, owner None."""
        rest = self._copy()
        rest.port_by_connect = self.port_by_connect
        rest.state = TIME_WAIT
        return rest

    def _copy(self) -> Endpoint:
        copy = Endpoint(self.protocol, self.family, self.uid)
        copy.local = self.local
        copy.local_port = self.local_port
        copy.peer = self.peer
        copy.peer_port = self.peer_port
        copy.reuse_addr = self.reuse_addr
        copy.reuse_port = self.reuse_port
        copy.v6only = self.v6only
        copy.device = self.device
        copy.incoming_cpu = self.incoming_cpu
        copy.address_locked = self.address_locked
        copy.port_low = self.port_low
        copy.port_high = self.port_high
        copy.multicast_all = self.multicast_all
        return copy
