"""TCP of one host: which connection a segment belongs to, and what all connections share."""

from __future__ import annotations

from ...ports.endpoint import Endpoint
from ...wire.ipv4 import Ipv4Packet
from ..base import IcmpError, IpLayer, SocketEvents, Transport
from .tcb import Tcb, TcpLayer


class TcpProtocol(Transport):
    """The transport IP hands segments to, and the maker of connections."""

    def __init__(self, ip: IpLayer) -> None:
        self.layer = TcpLayer(ip)

    def create(self, endpoint: Endpoint, events: SocketEvents | None) -> Tcb:
        """A closed connection that owns ``endpoint``."""
        raise NotImplementedError

    def input(self, packet: Ipv4Packet, ifindex: int) -> None:
        """Take a segment addressed to this host."""
        raise NotImplementedError

    def icmp_error(self, error: IcmpError) -> None:
        """Take an ICMP error about a segment this host sent."""
        raise NotImplementedError

    def connections(self) -> list[Endpoint]:
        """Endpoints of all connections, requests and TIME_WAITs included, in a stable order."""
        raise NotImplementedError
