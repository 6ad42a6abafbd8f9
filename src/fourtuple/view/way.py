"""The way of one packet: link, interface, IP, the tables searched, the candidates and why one won,
then socket, descriptor and process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text
from rich.tree import Tree

from ..api.network import Network
from ..capture.tap import Tap, TapPoint
from ..network.annotate import NO_SOCKET, NOT_FOR_A_SOCKET, describe_holders, find_taker
from ..network.node import Node
from ..network.units import format_duration
from ..ports.endpoint import LISTEN, PROTOCOL_TCP, STATE_NAMES, Endpoint
from ..ports.reason import CONFLICTS, LEADS, LOSES, NO_MATCH, SEARCHED, WINS, Reasons, Step
from ..wire.address import format_ip, format_mac, is_any
from ..wire.ethernet import EthernetFrame
from ..wire.fingerprint import fingerprint
from ..wire.ip import IpPacket
from ..wire.tcp import TcpSegment
from ..wire.udp import UdpDatagram
from .ladder import clock_text

Wanted = Callable[[Node, EthernetFrame], bool]


@dataclass
class StepText:
    """A step of a lookup in words, written down at once: endpoints change."""

    verdict: str
    endpoint: str
    text: str


@dataclass
class Way:
    """What happened to one packet on its way into a host, as it was known when it arrived."""

    node: Node
    link: str
    interface: str
    ifindex: int
    mac: int
    sent: int
    arrived: int
    packet: IpPacket
    steps: list[StepText]
    outcome: int
    endpoint: Endpoint | None
    socket: str
    """The endpoint as it was when the packet arrived."""
    not_asked: list[str] = field(default_factory=list)
    """Sockets on the same port that would have come after the one that won."""
    holders: list[tuple[str, int, int]] = field(default_factory=list)
    """(process name, pid, fd)."""
    held_later: int = -1
    """When the first holder appeared, in ns, if nobody held the socket as the packet arrived."""


class WayFinder(Tap):
    """Follows the first packet arriving at a host for which ``wanted`` says so. ``way`` is its way,
    None until then."""

    def __init__(self, network: Network, wanted: Wanted) -> None:
        self.way: Way | None = None
        self._network = network
        self._wanted = wanted
        self._sent: dict[bytes, tuple[int, str]] = {}

    def sent(self, point: TapPoint, now: int, frame: EthernetFrame) -> None:
        if self.way is None:
            # The last hop's: through a switch a frame is sent more than once.
            self._sent[fingerprint(frame)] = (now, f"{point.node}/{point.interface}")
        else:
            self._find_holders(self.way)

    def delivered(self, point: TapPoint, now: int, frame: EthernetFrame) -> None:
        if self.way is not None:
            self._find_holders(self.way)
            return
        node = self._network.fabric.nodes.get(point.node)
        packet = frame.payload
        if node is None or not isinstance(packet, IpPacket) or not self._wanted(node, frame):
            return
        interface = node.stack.interface_named(point.interface)
        if interface is None or (frame.destination != interface.mac and not interface.loopback):
            return
        reasons = Reasons()
        taker = find_taker(node, packet, interface, reasons)
        endpoint = taker.endpoints[0] if taker.endpoints else None
        sent, _ = self._sent.get(fingerprint(frame), (now, ""))
        self.way = Way(
            node,
            self._link_at(point),
            interface.name,
            interface.ifindex,
            interface.mac,
            sent,
            now,
            packet,
            [_in_words(step) for step in reasons.steps],
            taker.outcome,
            endpoint,
            endpoint_text(endpoint) if endpoint else "",
        )
        if endpoint is not None:
            asked = [step.endpoint for step in reasons.steps]
            self.way.not_asked = [
                f"{endpoint_text(other)}, {describe_holders(node, other)}"
                for other in node.stack.tables.endpoints()
                if other.protocol == endpoint.protocol
                and other.local_port == endpoint.local_port
                and not any(other is one for one in asked)
            ]
        self._find_holders(self.way)
        self._sent.clear()

    def _find_holders(self, way: Way) -> None:
        if way.endpoint is None or way.holders:
            return
        holders = way.node.kernel.holders(way.endpoint)
        way.holders = [(process.name, process.pid, fd) for process, fd in holders]
        if holders and self._network.now > way.arrived:
            way.held_later = self._network.now

    def _link_at(self, point: TapPoint) -> str:
        for link in self._network.fabric.links:
            if point is link.a.point or point is link.b.point:
                return link.name
        return point.interface


class WayView:
    """A way as rich renders it."""

    def __init__(self, title: str, way: Way) -> None:
        self.title = title
        self.way = way

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        way = self.way
        tree = Tree(Text(self.title, style="bold"), guide_style="dim")
        _line(
            tree,
            "link",
            f"{way.link}: sent {clock_text(way.sent)}, "
            f"arrived {clock_text(way.arrived)}, {format_duration(way.arrived - way.sent)} later",
        )
        _line(
            tree,
            "interface",
            f"{way.interface} of {way.node.name}, ifindex {way.ifindex}, to its MAC {format_mac(way.mac)}",
        )
        _line(tree, "IP", self._ip())
        lookup = _line(tree, self._protocol(), self._tuple())
        for step in way.steps:
            _step(lookup, step)
        for other in way.not_asked:
            lookup.add(Text(f"not asked  {other}: {self._precedence()}", style="dim"))
        self._end(tree)
        yield tree

    def _ip(self) -> str:
        packet = self.way.packet
        return (
            f"{format_ip(packet.source)} → {format_ip(packet.destination)}: "
            f"an address of {self.way.node.name}, not to be forwarded"
        )

    def _protocol(self) -> str:
        payload = self.way.packet.payload
        return (
            "TCP" if isinstance(payload, TcpSegment) else "UDP" if isinstance(payload, UdpDatagram) else "IP"
        )

    def _tuple(self) -> str:
        packet = self.way.packet
        payload = packet.payload
        if not isinstance(payload, (TcpSegment, UdpDatagram)):
            return "no ports"
        return (
            f"who has {format_ip(packet.destination)}:{payload.destination_port} with "
            f"{format_ip(packet.source)}:{payload.source_port}?"
        )

    def _precedence(self) -> str:
        endpoint = self.way.endpoint
        if endpoint is not None and endpoint.peer_port:
            return "connections come first"
        return "the exact address comes first"

    def _end(self, tree: Tree) -> None:
        way = self.way
        if way.outcome == NOT_FOR_A_SOCKET:
            _line(tree, "socket", "none: the packet is not for a socket")
            return
        if way.outcome == NO_SOCKET or way.endpoint is None:
            answer = "RST" if self._protocol() == "TCP" else "ICMP port unreachable"
            _line(tree, "socket", f"none: the sender gets {answer}")
            return
        _line(tree, "socket", way.socket)
        if not way.holders:
            _line(tree, "process", "none holds it")
        for name, pid, fd in way.holders:
            later = f" (accepted at {clock_text(way.held_later)})" if way.held_later >= 0 else ""
            _line(tree, "fd", f"{fd}{later}")
            _line(tree, "process", f"{name}, pid {pid} on {way.node.name}")


_MARKS = {
    SEARCHED: ("searched", "bold"),
    WINS: ("✓ wins", "bold green"),
    LEADS: ("leads", "green"),
    LOSES: ("✗ loses", "red"),
    NO_MATCH: ("✗ no match", "red"),
    CONFLICTS: ("✗ conflicts", "red"),
}


def _line(tree: Tree, name: str, text: str) -> Tree:
    return tree.add(Text.assemble((f"{name:<10} ", "cyan"), text))


def _in_words(step: Step) -> StepText:
    text = step.text
    if step.verdict == SEARCHED:
        text = f"{text}: {step.score} {'candidate' if step.score == 1 else 'candidates'}"
    endpoint = ""
    if step.endpoint is not None:
        endpoint = endpoint_text(step.endpoint)
        # Some rules name the state themselves.
        state = STATE_NAMES[step.endpoint.state]
        if state and state in text:
            endpoint = endpoint.removesuffix(f" {state}")
    return StepText(step.verdict, endpoint, text)


def _step(tree: Tree, step: StepText) -> None:
    mark, style = _MARKS.get(step.verdict, (step.verdict, "default"))
    endpoint = f"{step.endpoint}: " if step.endpoint else ""
    tree.add(Text.assemble((f"{mark:<10} ", style), f"{endpoint}{step.text}"))


def endpoint_text(endpoint: Endpoint) -> str:
    """``10.0.0.1:9999 ⇄ 10.0.0.2:40000 ESTABLISHED``; ``*:9999 LISTEN``."""
    local = _socket_text(endpoint.local, endpoint.local_port)
    name = STATE_NAMES[endpoint.state] if endpoint.protocol == PROTOCOL_TCP else "UDP"
    if endpoint.peer_port == 0 or endpoint.state == LISTEN:
        return f"{local} {name}"
    return f"{local} ⇄ {_socket_text(endpoint.peer, endpoint.peer_port)} {name}"


def _socket_text(address: int, port: int) -> str:
    if is_any(address):
        return f"*:{port}"
    text = format_ip(address)
    return f"[{text}]:{port}" if ":" in text else f"{text}:{port}"
