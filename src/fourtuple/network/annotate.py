"""Who sent a packet and who takes it: host, process, descriptor. For captures and explanations.

Nothing here changes a run: the taker is found by the very lookup the stack is about to do, which
changes no table.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import mypyc_attr

from ..capture.recorder import Annotator
from ..capture.tap import TapPoint
from ..ports.endpoint import (
    CLOSE_WAIT,
    ESTABLISHED,
    LISTEN,
    NEW_SYN_RECV,
    PROTOCOL_TCP,
    STATE_NAMES,
    SYN_RECV,
    TIME_WAIT,
    Endpoint,
)
from ..ports.reason import Reasons
from ..stack.interface import GROUP_BIT, Interface
from ..wire.address import is_any, is_multicast
from ..wire.ethernet import EthernetFrame
from ..wire.ip import IpPacket
from ..wire.tcp import TcpSegment
from ..wire.udp import UdpDatagram
from .node import Node

TAKEN: Final = 0
NO_SOCKET: Final = 1
REMEMBERED: Final = 10_000
"""Sockets whose last holders an annotator remembers."""

NOT_FOR_A_SOCKET: Final = 2
"""Not addressed to this host, a fragment, or of a protocol without ports."""


class Taker:
    """What a host does with a packet: ``outcome``, and the ``endpoints`` that get it."""

    __slots__ = ("endpoints", "outcome")

    def __init__(self, outcome: int, endpoints: list[Endpoint]) -> None:
        self.outcome = outcome
        self.endpoints = endpoints


def find_taker(node: Node, packet: IpPacket, interface: Interface, why: Reasons | None) -> Taker:
    """Who on ``node`` gets ``packet``, received on ``interface``, if it were processed now.

    The steps of the lookup are added to ``why`` unless it is None.
    """
    payload = packet.payload
    if packet.is_fragment():
        return Taker(NOT_FOR_A_SOCKET, [])
    stack = node.stack
    tables = stack.tables
    source = packet.source
    destination = packet.destination
    ifindex = receiving_ifindex(node, destination, interface)
    local = stack.is_local(destination)
    found: Endpoint | None
    if isinstance(payload, TcpSegment):
        if not local:
            return Taker(NOT_FOR_A_SOCKET, [])
        found = tables.lookup_tcp(
            source, payload.source_port, destination, payload.destination_port, ifindex, why
        )
    elif isinstance(payload, UdpDatagram):
        if not local:
            if not is_multicast(destination) and not stack.local.is_broadcast(destination):
                return Taker(NOT_FOR_A_SOCKET, [])
            everyone = tables.lookup_udp_multicast(
                source, payload.source_port, destination, payload.destination_port, ifindex, why
            )
            return Taker(TAKEN if everyone else NO_SOCKET, everyone)
        found = tables.lookup_udp(
            source, payload.source_port, destination, payload.destination_port, ifindex, why
        )
    else:
        return Taker(NOT_FOR_A_SOCKET, [])
    if found is None:
        return Taker(NO_SOCKET, [])
    return Taker(TAKEN, [found])


def receiving_ifindex(node: Node, destination: int, interface: Interface) -> int:
    """The device a packet counts as received on.

    Local traffic to an own address runs over lo but counts as received on the device that owns the
    address (linux-rules §1.5).
    """
    if not interface.loopback:
        return interface.ifindex
    owner = node.stack.local.owner(destination)
    return interface.ifindex if owner is None else owner.ifindex


def describe_holders(node: Node, endpoint: Endpoint) -> str:
    """``server.py[1] fd 3`` of each holder, or why nobody holds it."""
    holders = node.kernel.holders(endpoint)
    if holders:
        return ", ".join(f"{process.name}[{process.pid}] fd {fd}" for process, fd in holders)
    if endpoint.protocol == PROTOCOL_TCP:
        if endpoint.state == TIME_WAIT:
            return "TIME_WAIT, no process"
        if endpoint.state in (NEW_SYN_RECV, SYN_RECV, ESTABLISHED, CLOSE_WAIT):
            listener = _listener_of(node, endpoint)
            if listener is not None:
                return f"not accepted yet by {describe_holders(node, listener)}"
    return f"closed by its process ({STATE_NAMES[endpoint.state]})"


def _listener_of(node: Node, endpoint: Endpoint) -> Endpoint | None:
    """The listener a connection nobody holds may be waiting at."""
    for other in node.stack.tables.endpoints():
        if (
            other.state == LISTEN
            and other.protocol == PROTOCOL_TCP
            and other.local_port == endpoint.local_port
            and (other.local == endpoint.local or is_any(other.local))
        ):
            return other
    return None


@mypyc_attr(native_class=False)
class SocketAnnotator(Annotator):
    """Comments that name host, process and descriptor of the socket that sent or takes a packet."""

    def __init__(self, nodes: dict[str, Node]) -> None:
        self.nodes = nodes
        # Who held a socket when it was last seen: its FIN is sent when nobody does any more.
        self._holders: dict[Endpoint, str] = {}

    def comment_sent(self, point: TapPoint, frame: EthernetFrame) -> str:
        node = self.nodes.get(point.node)
        packet = frame.payload
        if node is None or not isinstance(packet, IpPacket):
            return ""
        origin = packet.payload.origin
        if not isinstance(origin, Endpoint) or not node.stack.is_local(packet.source):
            return ""
        return f"sent by {node.name}: {self._describe(node, origin)}"

    def comment_delivered(self, point: TapPoint, frame: EthernetFrame) -> str:
        node = self.nodes.get(point.node)
        packet = frame.payload
        if node is None or not isinstance(packet, IpPacket):
            return ""
        interface = node.stack.interface_named(point.interface)
        if interface is None:
            return ""
        if (
            frame.destination != interface.mac
            and not interface.loopback
            and not frame.destination & GROUP_BIT
        ):
            return ""
        taker = find_taker(node, packet, interface, None)
        if taker.outcome == NOT_FOR_A_SOCKET:
            return ""
        if taker.outcome == NO_SOCKET:
            return f"taken by nobody on {node.name}: no socket"
        holders = "; ".join([self._describe(node, endpoint) for endpoint in taker.endpoints])
        return f"taken by {node.name}: {holders}"

    def _describe(self, node: Node, endpoint: Endpoint) -> str:
        if node.kernel.holders(endpoint):
            text = describe_holders(node, endpoint)
            if endpoint not in self._holders and len(self._holders) >= REMEMBERED:
                del self._holders[next(iter(self._holders))]
            self._holders[endpoint] = text
            return text
        if endpoint in self._holders:
            return f"{self._holders[endpoint]}, closed ({STATE_NAMES[endpoint.state]})"
        return describe_holders(node, endpoint)
