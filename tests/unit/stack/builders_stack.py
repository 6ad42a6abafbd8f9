"""Hosts, hubs and recorders for the stack's tests."""

from __future__ import annotations

from fourtuple.clock.clock import MICROSECOND, Clock, Event
from fourtuple.clock.streams import Stream
from fourtuple.ports.endpoint import AF_INET, AF_INET6, PROTOCOL_UDP, Endpoint
from fourtuple.stack.base import Device, IcmpError, SocketEvents, Transport
from fourtuple.stack.interface import Interface
from fourtuple.stack.stack import Stack
from fourtuple.stack.udp_socket import UdpSocket
from fourtuple.wire.address import MAC_BROADCAST, MAC_NONE, V4_ANY, parse_ip
from fourtuple.wire.arp import ARP_REPLY, ARP_REQUEST, ArpPacket
from fourtuple.wire.ethernet import (
    ETHERTYPE_ARP,
    ETHERTYPE_IPV4,
    ETHERTYPE_IPV6,
    EthernetFrame,
    parse_frame,
)
from fourtuple.wire.icmp import IcmpMessage
from fourtuple.wire.icmpv6 import Icmpv6Message
from fourtuple.wire.icmpv6_base import Icmpv6Payload
from fourtuple.wire.ip import PROTOCOL_ICMPV6
from fourtuple.wire.ip import PROTOCOL_UDP as IP_UDP
from fourtuple.wire.ipv4 import Ipv4Packet
from fourtuple.wire.ipv6 import Ipv6Packet
from fourtuple.wire.ndp import NdOptions, NeighbourAdvertisement, NeighbourSolicitation
from fourtuple.wire.packet import Payload, RawPayload
from fourtuple.wire.udp import UdpDatagram

HUB_DELAY = 100 * MICROSECOND
MAC = 0x02_00_00_00_00_00
PEER_MAC = MAC | 0xEE
FOREVER = 10**18


class Recorder(Device):
    """A device whose other side is the test."""

    def __init__(self) -> None:
        self.frames: list[EthernetFrame] = []

    def transmit(self, frame: EthernetFrame) -> None:
        # Whatever a host sends must be fit for the wire.
        parse_frame(frame.serialize())
        self.frames.append(frame)

    def take(self) -> list[EthernetFrame]:
        frames = self.frames
        self.frames = []
        return frames

    def arps(self) -> list[ArpPacket]:
        return [frame.payload for frame in self.frames if isinstance(frame.payload, ArpPacket)]

    def packets(self) -> list[Ipv4Packet]:
        return [frame.payload for frame in self.frames if isinstance(frame.payload, Ipv4Packet)]

    def packets_v6(self) -> list[Ipv6Packet]:
        return [frame.payload for frame in self.frames if isinstance(frame.payload, Ipv6Packet)]

    def messages_v6(self) -> list[Icmpv6Payload]:
        return [p.payload for p in self.packets_v6() if isinstance(p.payload, Icmpv6Payload)]

    def errors_v6(self) -> list[Icmpv6Message]:
        return [m for m in self.messages_v6() if isinstance(m, Icmpv6Message)]

    def messages(self) -> list[IcmpMessage]:
        return [p.payload for p in self.packets() if isinstance(p.payload, IcmpMessage)]


class Hub:
    """Every frame reaches every other port after HUB_DELAY, as objects or reparsed from bytes."""

    def __init__(self, clock: Clock, as_bytes: bool = False) -> None:
        self.clock = clock
        self.as_bytes = as_bytes
        self.ports: list[HubPort] = []
        self.frames: list[EthernetFrame] = []
        self.cut = False

    def attach(self, interface: Interface) -> None:
        port = HubPort(self, interface)
        self.ports.append(port)
        interface.device = port

    def packets(self) -> list[Ipv4Packet]:
        return [frame.payload for frame in self.frames if isinstance(frame.payload, Ipv4Packet)]

    def packets_v6(self) -> list[Ipv6Packet]:
        return [frame.payload for frame in self.frames if isinstance(frame.payload, Ipv6Packet)]

    def arps(self) -> list[ArpPacket]:
        return [frame.payload for frame in self.frames if isinstance(frame.payload, ArpPacket)]


class HubPort(Device):
    def __init__(self, hub: Hub, interface: Interface) -> None:
        self.hub = hub
        self.interface = interface

    def transmit(self, frame: EthernetFrame) -> None:
        hub = self.hub
        reparsed = parse_frame(frame.serialize())
        hub.frames.append(frame)
        if hub.cut:
            return
        for port in hub.ports:
            if port is not self:
                hub.clock.after(HUB_DELAY, Arrival(port.interface, reparsed if hub.as_bytes else frame))


class Arrival(Event):
    def __init__(self, interface: Interface, frame: EthernetFrame) -> None:
        self.interface = interface
        self.frame = frame

    def fire(self) -> None:
        self.interface.receive(self.frame)


class Upper(Transport):
    """A transport that keeps what it is given."""

    def __init__(self) -> None:
        self.packets: list[Ipv4Packet] = []
        self.packets_v6: list[Ipv6Packet] = []
        self.ifindexes: list[int] = []
        self.errors: list[IcmpError] = []

    def input(self, packet: Ipv4Packet, ifindex: int) -> None:
        self.packets.append(packet)
        self.ifindexes.append(ifindex)

    def input_v6(self, packet: Ipv6Packet, ifindex: int) -> None:
        self.packets_v6.append(packet)
        self.ifindexes.append(ifindex)

    def icmp_error(self, error: IcmpError) -> None:
        self.errors.append(error)


class Masks(SocketEvents):
    """Keeps the masks a socket was told."""

    def __init__(self) -> None:
        self.masks: list[int] = []

    def on_events(self, mask: int) -> None:
        self.masks.append(mask)


def new_stack(clock: Clock, name: str = "host") -> Stack:
    return Stack(name, clock, Stream(1, name))


def add_interface(
    stack: Stack, number: int, device: Device | None, *addresses: str, mtu: int = 1500
) -> Interface:
    """``eth<n>`` of a stack, its MAC ending in ``number``, with addresses written ``10.0.0.1/24``."""
    index = len(stack.interfaces) - 1
    interface = stack.add_interface(f"eth{index}", MAC | number, mtu, device)
    for text in addresses:
        address, _, length = text.partition("/")
        stack.add_address(interface, parse_ip(address), int(length))
    return interface


def lone_host(*addresses: str, mtu: int = 1500) -> tuple[Stack, Interface, Recorder, Clock]:
    """A host whose one link ends in the test."""
    clock = Clock()
    stack = new_stack(clock)
    device = Recorder()
    interface = add_interface(stack, 1, device, *(addresses or ("10.0.0.1/24",)), mtu=mtu)
    return stack, interface, device, clock


def host_on(hub: Hub, name: str, number: int, address: str, mtu: int = 1500) -> Stack:
    stack = new_stack(hub.clock, name)
    hub.attach(add_interface(stack, number, None, address, mtu=mtu))
    return stack


def default_route(stack: Stack, gateway: str) -> None:
    stack.add_route(V4_ANY, 0, parse_ip(gateway), None, 0, -1)


def packet(
    source: str, destination: str, protocol: int = 253, payload: Payload | None = None, **fields: object
) -> Ipv4Packet:
    made = Ipv4Packet(parse_ip(source), parse_ip(destination), protocol, payload or RawPayload(b"x" * 8))
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def udp_packet(
    source: str, destination: str, source_port: int, destination_port: int, data: bytes, **fields: object
) -> Ipv4Packet:
    return packet(source, destination, IP_UDP, UdpDatagram(source_port, destination_port, data), **fields)


def frame(
    payload: Ipv4Packet | Ipv6Packet | ArpPacket, destination: int = MAC | 1, source: int = PEER_MAC
) -> EthernetFrame:
    kind = ETHERTYPE_ARP
    if isinstance(payload, Ipv4Packet):
        kind = ETHERTYPE_IPV4
    elif isinstance(payload, Ipv6Packet):
        kind = ETHERTYPE_IPV6
    return EthernetFrame(destination, source, kind, payload)


def arp_request(sender: str, target: str, mac: int = PEER_MAC) -> EthernetFrame:
    body = ArpPacket(ARP_REQUEST, mac, parse_ip(sender), MAC_NONE, parse_ip(target))
    return frame(body, MAC_BROADCAST, mac)


def arp_reply(sender: str, target: str, mac: int = PEER_MAC, to: int = MAC | 1) -> EthernetFrame:
    body = ArpPacket(ARP_REPLY, mac, parse_ip(sender), to, parse_ip(target))
    return frame(body, to, mac)


def learn(interface: Interface, address: str, mac: int = PEER_MAC) -> None:
    """Let the host have heard of a neighbour, as if that had asked for it."""
    own = interface.addresses[0][0]
    body = ArpPacket(ARP_REQUEST, mac, parse_ip(address), MAC_NONE, own)
    interface.receive(frame(body, MAC_BROADCAST, mac))


def packet_v6(
    source: str, destination: str, protocol: int = 253, payload: Payload | None = None, **fields: object
) -> Ipv6Packet:
    made = Ipv6Packet(parse_ip(source), parse_ip(destination), protocol, payload or RawPayload(b"x" * 8))
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def udp_packet_v6(
    source: str, destination: str, source_port: int, destination_port: int, data: bytes, **fields: object
) -> Ipv6Packet:
    return packet_v6(source, destination, IP_UDP, UdpDatagram(source_port, destination_port, data), **fields)


def icmp_v6(source: str, destination: str, message: Icmpv6Payload, ttl: int = 255) -> Ipv6Packet:
    return packet_v6(source, destination, PROTOCOL_ICMPV6, message, ttl=ttl)


def solicitation(
    source: str, target: str, link: int = PEER_MAC, destination: str = "", ttl: int = 255
) -> Ipv6Packet:
    """A question for ``target``, to its group unless a destination is given; no link option if -1."""
    options = NdOptions()
    options.source_link = link
    message = NeighbourSolicitation(parse_ip(target), options)
    made = icmp_v6(source, destination or "ff02::1:ff00:0", message, ttl)
    if not destination:
        made.destination |= parse_ip(target) & 0xFFFFFF
    return made


def advertisement(
    source: str,
    destination: str,
    target: str = "",
    link: int = PEER_MAC,
    solicited: bool = True,
    override: bool = True,
    ttl: int = 255,
) -> Ipv6Packet:
    """An answer; about its source unless a target is given; no link option if -1."""
    options = NdOptions()
    options.target_link = link
    message = NeighbourAdvertisement(parse_ip(target or source), False, solicited, override, options)
    return icmp_v6(source, destination, message, ttl)


def learn_v6(interface: Interface, address: str, mac: int = PEER_MAC) -> None:
    """Let the host have heard of a neighbour, as if that had asked for it."""
    own = Ipv6Packet(parse_ip(address), interface.link_local(), PROTOCOL_ICMPV6, RawPayload(b""))
    options = NdOptions()
    options.source_link = mac
    own.payload = NeighbourSolicitation(interface.link_local(), options)
    own.ttl = 255
    interface.receive(frame(own))


def udp_socket_v6(
    stack: Stack, address: str = "::", port: int = 0, events: SocketEvents | None = None
) -> UdpSocket:
    """An AF_INET6 socket bound to address and port."""
    endpoint = Endpoint(PROTOCOL_UDP, AF_INET6, 0)
    socket = stack.udp.create(endpoint, events)
    assert stack.tables.bind(endpoint, parse_ip(address), port) == 0
    return socket


def udp_socket(
    stack: Stack, address: str = "0.0.0.0", port: int = 0, events: SocketEvents | None = None
) -> UdpSocket:
    """A socket bound to address and port; an ephemeral port for 0."""
    endpoint = Endpoint(PROTOCOL_UDP, AF_INET, 0)
    socket = stack.udp.create(endpoint, events)
    code = stack.tables.bind(endpoint, parse_ip(address), port)
    assert code == 0
    return socket


def settle(clock: Clock, until: int = FOREVER) -> None:
    """Let everything happen that is going to, up to a time in ns."""
    clock.run(until, 1_000_000)
    if until != FOREVER:
        clock.advance_to(until)
