"""The port tables of one host: the one place the kernel, the stack and explanations ask.

Every method that can fail returns 0 or an errno. Checks that come before the port (is the address
ours, is the port privileged) are the kernel's.
"""

from __future__ import annotations

from ..clock.streams import Stream
from ..wire.address import V4_ANY, is_any
from .conflict import effective_v6only
from .endpoint import AF_INET6, PROTOCOL_TCP, PROTOCOL_UDPLITE, Endpoint
from .reason import Reasons
from .settings import PortSettings
from .tcp_table import TcpTable
from .udp_table import UdpTable


class PortTables(PortSettings):
    """Who may bind a port, and who gets a packet. The settings are its attributes.

    ``secret`` keys the hashes, ``stream`` draws the random starts of port searches.
    """

    def __init__(self, secret: bytes, stream: Stream) -> None:
        super().__init__(secret, stream)
        self.tcp: TcpTable = TcpTable(self)
        self.udp: UdpTable = UdpTable(self)
        self.udplite: UdpTable = UdpTable(self)
        """UDP-Lite has ports of its own, under UDP's rules."""

    # --- binding ------------------------------------------------------------------------------

    def bind(self, endpoint: Endpoint, address: int, port: int) -> int:
        """bind(2): 0 or EADDRINUSE. Port 0 lets the system choose.

        With IP_BIND_ADDRESS_NO_PORT and port 0 only the address is set. The caller has checked
        that the endpoint is not bound yet (EINVAL).
        """
        if port == 0 and endpoint.bind_no_port:
            endpoint.local = address
            endpoint.v6only = effective_v6only(endpoint, address)
        else:
            table_code = (
                self.tcp.bind(endpoint, address, port)
                if endpoint.protocol == PROTOCOL_TCP
                else self.udp_of(endpoint).bind(endpoint, address, port)
            )
            if table_code != 0:
                return table_code
        # An AF_INET6 socket on ::ffff:0.0.0.0 has asked for an address, if a wild one.
        endpoint.address_locked = not is_any(address) or (endpoint.family == AF_INET6 and address == V4_ANY)
        endpoint.port_locked = port != 0
        return 0

    def bind_device(self, endpoint: Endpoint, device: int) -> None:
        """SO_BINDTODEVICE: ``device`` is an ifindex, 0 for none. The port is not checked again."""
        if endpoint.protocol == PROTOCOL_TCP or endpoint.local_port == 0:
            endpoint.device = device
        else:
            self.udp_of(endpoint).bind_device(endpoint, device)

    def remove(self, endpoint: Endpoint) -> None:
        """Remove from every table. The endpoint's fields keep their values."""
        if endpoint.protocol == PROTOCOL_TCP:
            self.tcp.remove(endpoint)
        else:
            self.udp_of(endpoint).remove(endpoint)

    def restore(self, endpoint: Endpoint) -> None:
        """Enter an endpoint of a snapshot as its fields say: no rule is asked, nothing is chosen.

        Lists are ordered by age, so restore the oldest first.
        """
        if endpoint.protocol == PROTOCOL_TCP:
            self.tcp.restore(endpoint)
        else:
            self.udp_of(endpoint).restore(endpoint)

    def endpoints(self) -> list[Endpoint]:
        """All endpoints, TCP first, in an order that depends only on what was done."""
        return self.tcp.endpoints() + self.udp.endpoints() + self.udplite.endpoints()

    # --- TCP ----------------------------------------------------------------------------------

    def listen(self, endpoint: Endpoint) -> int:
        """Check the port again, enter state LISTEN and the listening table; 0 or EADDRINUSE.

        Without a port the system chooses one. Already listening: nothing to do, 0.
        """
        return self.tcp.listen(endpoint)

    def unlisten(self, endpoint: Endpoint) -> None:
        """Stop listening without closing (shutdown(2) of a listener)."""
        self.tcp.unlisten(endpoint)

    def connect_tcp(self, endpoint: Endpoint, local: int, peer: int, peer_port: int) -> int:
        """Take a four-tuple and enter SYN_SENT; 0 or EADDRNOTAVAIL.

        Without a port one is chosen, shared with other connect()s to other peers. A TIME_WAIT in
        the way may be taken over; its owner, a TimeWaitOwner, is told.
        """
        return self.tcp.connect(endpoint, local, peer, peer_port)

    def disconnect_tcp(self, endpoint: Endpoint) -> None:
        """After a failed or undone connect(): state CLOSE, out of the connections, and only what
        the program itself bound is kept."""
        self.tcp.disconnect(endpoint)

    def insert_established(self, endpoint: Endpoint) -> None:
        """Enter a connection whose fields are set: an accepted child, a request (NEW_SYN_RECV, which
        does not own the port) or a TIME_WAIT."""
        self.tcp.insert(endpoint)

    def replace_established(self, old: Endpoint, new: Endpoint) -> None:
        """Put ``new`` in the place of ``old``, which is forgotten; the four-tuple is the same."""
        self.tcp.replace(old, new)

    def lookup_tcp(
        self,
        source: int,
        source_port: int,
        destination: int,
        destination_port: int,
        ifindex: int,
        why: Reasons | None,
    ) -> Endpoint | None:
        """Who gets a segment received on ``ifindex``: a connection, a request, a TIME_WAIT, or a
        listener; None: answer with RST."""
        return self.tcp.lookup(source, source_port, destination, destination_port, ifindex, why)

    def lookup_listener(
        self,
        source: int,
        source_port: int,
        destination: int,
        destination_port: int,
        ifindex: int,
        why: Reasons | None,
    ) -> Endpoint | None:
        """Who gets a new connection: as :meth:`lookup_tcp` without the connections, as needed for
        a SYN that hit a TIME_WAIT."""
        return self.tcp.lookup_listener(source, source_port, destination, destination_port, ifindex, why)

    # --- UDP ----------------------------------------------------------------------------------

    def udp_of(self, endpoint: Endpoint) -> UdpTable:
        """The table of ``endpoint``, which is no TCP one."""
        return self.udplite if endpoint.protocol == PROTOCOL_UDPLITE else self.udp

    def autobind_udp(self, endpoint: Endpoint) -> int:
        """A port for a socket about to send or connect without one; 0 or EAGAIN."""
        return self.udp_of(endpoint).autobind(endpoint)

    def connect_udp(self, endpoint: Endpoint, local: int, peer: int, peer_port: int) -> int:
        """connect(2): fix the peer, and the local address of a wildcard socket; 0 or EAGAIN."""
        return self.udp_of(endpoint).connect(endpoint, local, peer, peer_port)

    def disconnect_udp(self, endpoint: Endpoint) -> None:
        """connect(2) to AF_UNSPEC: what the system chose is given back, what was bound stays."""
        self.udp_of(endpoint).disconnect(endpoint)

    def lookup_udp(
        self,
        source: int,
        source_port: int,
        destination: int,
        destination_port: int,
        ifindex: int,
        why: Reasons | None,
    ) -> Endpoint | None:
        """Who gets a unicast datagram received on ``ifindex``; None: ICMP port unreachable."""
        return self.udp.lookup(source, source_port, destination, destination_port, ifindex, why)

    def lookup_udp_multicast(
        self,
        source: int,
        source_port: int,
        destination: int,
        destination_port: int,
        ifindex: int,
        why: Reasons | None,
    ) -> list[Endpoint]:
        """Everyone who gets a copy of a multicast or broadcast datagram."""
        return self.udp.lookup_multicast(source, source_port, destination, destination_port, ifindex, why)

    def delivered_udp(self, endpoint: Endpoint, source: int) -> None:
        """Tell that a datagram from ``source`` was queued to ``endpoint`` (Linux
        ``sk_incoming_cpu_update``). Only a connected socket remembers it, and only its later
        disconnect can make that visible."""
        self.udp_of(endpoint).delivered(endpoint, source)
