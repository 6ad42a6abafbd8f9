"""The base classes by which the stack's floors call each other, and the floors above and below it.

Down: a transport calls :class:`IpLayer`; IP calls an interface's :class:`Device`. Up: a link calls
a :class:`FrameSink`; IP calls a :class:`Transport`; a transport calls its socket's
:class:`SocketEvents`. Each is declared here, on the lower floor, so no import points up.
"""

from __future__ import annotations

from errno import ENETUNREACH
from typing import Final

from mypy_extensions import mypyc_attr

from ..clock.clock import Clock
from ..clock.streams import Stream
from ..ports.tables import PortTables
from ..wire.ethernet import EthernetFrame
from ..wire.ip import IpPacket
from ..wire.ipv4 import Ipv4Packet
from ..wire.ipv6 import Ipv6Packet
from ..wire.packet import Payload
from .flow_label import LABEL_DEFAULT
from .reuseport_program import PacketUnderWay
from .route_metrics import RouteMetrics
from .sysctl import Sysctl

NEVER: Final = 1 << 61
"""A time in ns that does not come."""


@mypyc_attr(allow_interpreted_subclasses=True)
class Device:
    """The outer side of an interface: takes frames away (a link end, the loopback)."""

    def transmit(self, frame: EthernetFrame) -> None:
        raise NotImplementedError


@mypyc_attr(allow_interpreted_subclasses=True)
class FrameSink:
    """Where a link delivers frames: an interface or a switch port."""

    def receive(self, frame: EthernetFrame) -> None:
        raise NotImplementedError


@mypyc_attr(allow_interpreted_subclasses=True)
class SocketEvents:
    """What a transport tells the socket above it."""

    def on_events(self, mask: int) -> None:
        """Readiness may have changed: ``mask`` holds the POLL* bits worth looking at again."""
        raise NotImplementedError


class Route:
    """The answer of a route lookup."""

    __slots__ = ("gateway", "ifindex", "metrics", "mtu", "source")

    def __init__(
        self, ifindex: int, gateway: int, source: int, mtu: int, metrics: RouteMetrics | None = None
    ) -> None:
        self.metrics = metrics
        self.ifindex = ifindex
        """Output interface."""
        self.gateway = gateway
        """Next hop, -1 if the destination is on the link."""
        self.source = source
        """Preferred source address."""
        self.mtu = mtu
        """MTU of the interface, or the smaller path MTU learnt for the destination, in bytes."""


class IcmpError:
    """An ICMP error about a packet this host sent, as handed to its transport.

    ``type`` and ``code`` are ICMP's in both families: an ICMPv6 error has those of the same meaning,
    and its own in ``type_v6`` and ``code_v6``.
    """

    __slots__ = (
        "code",
        "code_v6",
        "destination",
        "ifindex",
        "mtu",
        "payload",
        "reporter",
        "source",
        "ttl",
        "type",
        "type_v6",
    )

    def __init__(
        self,
        reporter: int,
        type: int,
        code: int,
        mtu: int,
        source: int,
        destination: int,
        payload: bytes,
    ) -> None:
        self.reporter = reporter
        """Address of the host that sent the ICMP message."""
        self.type = type
        self.code = code
        self.mtu = mtu
        """Next-hop MTU of a fragmentation-needed / packet-too-big, else 0."""
        self.source = source
        """Source of the packet that could not go on: this host."""
        self.destination = destination
        self.payload = payload
        """The first bytes of the transport header that was quoted, at least 8."""
        self.ifindex: int = 0
        """The interface the message arrived by."""
        self.ttl: int = 255
        """What TCP compares with IP_MINTTL: of the quoted packet, with IPv6 of the message itself."""
        self.type_v6: int = -1
        """Type of the ICMPv6 message, -1 if it was an ICMP one."""
        self.code_v6: int = -1


@mypyc_attr(allow_interpreted_subclasses=True)
class Transport:
    """A protocol above IP."""

    def input(self, packet: Ipv4Packet, ifindex: int) -> None:
        """Take a whole (reassembled) packet addressed to this host."""
        raise NotImplementedError

    def input_v6(self, packet: Ipv6Packet, ifindex: int) -> None:
        """Take a whole IPv6 packet. A protocol of IPv4 only ignores it."""

    def icmp_error(self, error: IcmpError) -> None:
        """Take an ICMP error about a packet of this protocol."""


@mypyc_attr(allow_interpreted_subclasses=True)
class IpLayer:
    """What a transport needs of the host below and around it. ``stack.Stack`` is the real one."""

    def __init__(
        self, clock: Clock, tables: PortTables, sysctl: Sysctl, secret: bytes, stream: Stream
    ) -> None:
        self.clock = clock
        self.tables = tables
        self.sysctl = sysctl
        self.secret = secret
        """16 random bytes of this host, key of its hashes."""
        self.stream = stream
        """Random numbers of this host's stack."""
        self.under_way = PacketUnderWay()
        self.flow_label: int = LABEL_DEFAULT
        """Of the IPv6 packet that :meth:`send` is called for next: a label, or what is asked for."""
        self.flow_salt: int = 0
        """Changes its automatic label."""
        self.path_generation: int = 0
        """Counts up whenever a route or a path MTU may have changed."""
        self.path_expires: int = NEVER
        """When the next path MTU learnt from a router is to be forgotten, in ns."""

    def forget_expired(self) -> None:
        """``path_expires`` has come: forget what was learnt too long ago."""

    def route(self, destination: int, source: int, device: int) -> Route | None:
        """The route to ``destination``; None if there is none (:meth:`no_route`).

        ``source`` is the bound local address or V4_ANY/V6_ANY; ``device`` an ifindex or 0.
        """
        raise NotImplementedError

    def no_route(self, destination: int, device: int) -> int:
        """The errno of a destination without a route: ENETUNREACH, or ENODEV if no interface has the number
        ``device`` (IPv4; ``ip_route_output_key``)."""
        return ENETUNREACH

    def is_local(self, address: int) -> bool:
        """Whether a packet to ``address`` is delivered on this host (unicast only)."""
        raise NotImplementedError

    def is_broadcast(self, address: int) -> bool:
        """Whether ``address`` is 255.255.255.255 or the broadcast address of a subnet of this host."""
        return False

    def confirm(self, destination: int) -> None:
        """Tell that packets to ``destination`` arrive: its next hop is reachable, and need not be asked
        (``dst_confirm``). A transport calls it when an ACK makes progress."""

    def send(
        self,
        source: int,
        destination: int,
        protocol: int,
        payload: Payload,
        tos: int,
        ttl: int,
        dont_fragment: bool,
        device: int,
    ) -> int:
        """Send one packet; returns 0 or the errno Linux gives (EMSGSIZE, ENETUNREACH …).

        ``ttl`` 0 means the host's default. ``device`` is an ifindex or 0.
        """
        raise NotImplementedError

    def send_unreachable(self, packet: IpPacket, code: int) -> None:
        """Answer ``packet`` with ICMP destination unreachable of ``code`` (1: host, 3: port).

        For an IPv6 packet it becomes the ICMPv6 code of the same meaning.
        """
        raise NotImplementedError
