"""Whatever arrives, a host goes on, and what it keeps of strangers is bounded."""

from __future__ import annotations

import pytest
from builders_stack import MAC, PEER_MAC, Recorder, add_interface, frame, new_stack, settle, udp_socket_v6

from fourtuple.clock.clock import MILLISECOND, SECOND, Clock
from fourtuple.clock.streams import Stream
from fourtuple.stack.interface import Interface
from fourtuple.stack.stack import Stack
from fourtuple.wire.address import V4_ANY, V6_ANY, parse_ip
from fourtuple.wire.arp import ArpPacket
from fourtuple.wire.ethernet import EthernetFrame, parse_frame
from fourtuple.wire.extension import ExtensionHeader
from fourtuple.wire.icmp import IcmpMessage
from fourtuple.wire.icmpv6 import Icmpv6Message
from fourtuple.wire.igmp import IgmpMessage, IgmpQuery
from fourtuple.wire.ipv4 import Ipv4Packet
from fourtuple.wire.ipv6 import Ipv6Packet
from fourtuple.wire.mld import MldQuery
from fourtuple.wire.ndp import (
    NdOptions,
    NeighbourAdvertisement,
    NeighbourSolicitation,
    PrefixInformation,
    RouterAdvertisement,
    RouterSolicitation,
)
from fourtuple.wire.packet import Payload, RawPayload, WireError
from fourtuple.wire.tcp import TcpSegment
from fourtuple.wire.udp import UdpDatagram

V4 = [
    parse_ip(text)
    for text in [
        "10.0.0.1",
        "10.0.0.2",
        "10.0.0.3",
        "10.0.0.255",
        "10.9.0.1",
        "10.9.0.77",
        "0.0.0.0",
        "0.1.1.1",
        "127.0.0.1",
        "224.0.0.1",
        "239.1.1.1",
        "255.255.255.255",
        "192.0.2.1",
        "169.254.1.1",
    ]
]
V6 = [
    parse_ip(text)
    for text in [
        "2001:db8::1",
        "2001:db8::2",
        "2001:db8::3",
        "2001:db8:9::1",
        "2001:db8:9::77",
        "fe80::ff:fe00:1",
        "fe80::2",
        "::",
        "::1",
        "ff01::1",
        "ff02::1",
        "ff02::2",
        "ff02::1:ff00:1",
        "ff05::77",
        "2001:db8:77::1",
    ]
]
MACS = [MAC | 1, 0xFFFF_FFFF_FFFF, 0x3333_0000_0001, 0x0100_5E00_0001, MAC | 9]


class Attacker:
    """Makes frames of valid and senseless fields in all mixtures."""

    def __init__(self, seed: int) -> None:
        self.stream = Stream(seed, "attacker")

    def pick(self, choices: list[int]) -> int:
        return choices[self.stream.below(len(choices))]

    def often(self, percent: int) -> bool:
        return self.stream.below(100) < percent

    def data(self, most: int) -> bytes:
        return self.stream.octets(self.stream.below(most + 1))

    def frame(self) -> EthernetFrame:
        kind = self.stream.below(10)
        if kind == 0:
            body = ArpPacket(
                self.pick([1, 2, 3]),
                self.pick([PEER_MAC, MAC | self.stream.bits(16), 0xFFFF_FFFF_FFFF]),
                self.pick(V4),
                self.pick(MACS),
                self.pick(V4),
            )
            return frame(body, self.pick(MACS))
        return frame(self.packet_v4() if kind < 5 else self.packet_v6(), self.pick(MACS))

    def packet_v4(self) -> Ipv4Packet:
        payload, protocol = self.payload(V4)
        packet = Ipv4Packet(self.pick(V4), self.pick(V4), protocol, payload)
        packet.ttl = self.pick([0, 1, 2, 64, 255])
        packet.tos = self.stream.bits(8)
        packet.ident = self.stream.below(4)
        packet.dont_fragment = self.often(50)
        if self.often(25):
            packet.payload = RawPayload(payload.serialize(packet.source, packet.destination))
            packet.more_fragments = self.often(60)
            packet.fragment_offset = self.pick([0, 0, 8, 16, 800, 65528])
        if self.often(10):
            packet.options = self.stream.octets(4 * self.stream.below(10))
        return packet

    def packet_v6(self) -> Ipv6Packet:
        payload, protocol = self.payload(V6)
        packet = Ipv6Packet(self.pick(V6), self.pick(V6), protocol, payload)
        packet.ttl = self.pick([0, 1, 64, 255, 255])
        packet.ident = self.stream.below(4)
        if self.often(25):
            packet.payload = RawPayload(payload.serialize(packet.source, packet.destination))
            packet.more_fragments = self.often(60)
            packet.fragment_offset = self.pick([0, 0, 8, 16, 800, 65528])
        while self.often(20):
            length = 8 * (1 + self.stream.below(4)) - 2
            packet.extensions.append(ExtensionHeader(self.pick([0, 43, 60]), self.stream.octets(length)))
        return packet

    def payload(self, addresses: list[int]) -> tuple[Payload, int]:
        port = self.pick([0, 9, 80, 5000])
        kind = self.stream.below(14)
        if kind == 0:
            return RawPayload(self.data(60)), self.pick([0, 1, 2, 6, 17, 58, 59, 99, 255])
        if kind <= 2:
            return UdpDatagram(self.pick([0, 53, 5000]), port, self.data(1600)), 17
        if kind <= 4:
            flags = self.stream.bits(8)
            seq, ack = self.stream.bits(32), self.stream.bits(32)
            return TcpSegment(5000, port, seq, ack, flags, self.stream.bits(16), self.data(100), None), 6
        if kind == 5:
            return IcmpMessage(
                self.pick([0, 3, 4, 5, 8, 11, 12, 13, 40]),
                self.pick([0, 1, 3, 4, 16]),
                self.stream.bits(32),
                self.quote(),
            ), 1
        if kind == 6:
            return Icmpv6Message(
                self.pick([1, 2, 3, 4, 100, 128, 129, 200]),
                self.pick([0, 1, 4, 9]),
                self.stream.bits(32),
                self.quote(),
            ), 58
        if kind == 7:
            return self.pick_igmp(), 2
        return self.neighbour_discovery(addresses), 58

    def pick_igmp(self) -> Payload:
        group = self.pick([V4_ANY, parse_ip("239.1.1.1")])
        if self.often(50):
            return IgmpMessage(self.pick([0x12, 0x16, 0x17]), group)
        query = IgmpQuery(self.pick([1, 2, 3]), self.stream.bits(8), group)
        if query.version == 3 and self.often(50):
            query.sources = [self.pick(V4)]
        return query

    def neighbour_discovery(self, addresses: list[int]) -> Payload:
        options = NdOptions()
        if self.often(60):
            options.source_link = self.pick(MACS) | self.stream.bits(8)
        if self.often(60):
            options.target_link = self.pick(MACS) | self.stream.bits(8)
        target = self.pick(V6[:7])
        kind = self.stream.below(5)
        if kind == 0:
            return NeighbourSolicitation(target, options)
        if kind == 1:
            return NeighbourAdvertisement(target, self.often(50), self.often(50), self.often(50), options)
        if kind == 2:
            return RouterSolicitation(options)
        if kind == 3:
            options.mtu = self.pick([0, 1280, 9000])
            prefix = self.pick(V6) & ~0xFFFF_FFFF_FFFF_FFFF
            life = self.pick([0, 5, 100_000, 0xFFFF_FFFF])
            options.prefixes = [
                PrefixInformation(prefix, self.pick([0, 48, 64]), self.often(50), self.often(50), life, life)
            ]
            return RouterAdvertisement(self.pick([0, 9, 9000]), options)
        return MldQuery(self.pick([1, 2]), self.stream.bits(16), self.pick([V6_ANY, parse_ip("ff05::77")]))

    def quote(self) -> bytes:
        if self.often(50):
            return self.data(60)
        about = Ipv4Packet(parse_ip("10.0.0.1"), self.pick(V4), 17, UdpDatagram(80, 9, b"x" * 20))
        about6 = Ipv6Packet(parse_ip("2001:db8::1"), self.pick(V6), 6, RawPayload(self.data(40)))
        data = about.serialize() if self.often(50) else about6.serialize()
        return data[: self.stream.below(len(data) + 1)]


def target(forwards: int) -> tuple[Stack, Interface, Clock]:
    clock = Clock()
    stack = new_stack(clock)
    device = Recorder()
    interface = add_interface(stack, 1, device, "10.0.0.1/24", "2001:db8::1/64")
    add_interface(stack, 2, Recorder(), "10.9.0.1/24", "2001:db8:9::1/64")
    stack.autoconfigure(interface)
    stack.sysctl.set("net.ipv4.ip_forward", forwards)
    stack.sysctl.set("net.ipv6.conf.all.forwarding", forwards)
    stack.sysctl.set("net.ipv4.icmp_echo_ignore_broadcasts", 0)
    socket = udp_socket_v6(stack, port=80)
    socket.recverr = True
    socket.join_group(parse_ip("239.1.1.1"), interface.ifindex)
    socket.join_group(parse_ip("ff05::77"), interface.ifindex)
    return stack, interface, clock


@pytest.mark.parametrize("as_bytes", [False, True])
@pytest.mark.parametrize("forwards", [0, 1])
def test_host_survives_anything(forwards: int, as_bytes: bool) -> None:
    stack, interface, clock = target(forwards)
    attacker = Attacker(forwards)
    for _ in range(3000):
        arriving = attacker.frame()
        if as_bytes:
            try:
                arriving = parse_frame(arriving.serialize())
            except WireError:
                continue
        interface.receive(arriving)
        if attacker.often(10):
            settle(clock, clock.now + attacker.stream.below(300 * MILLISECOND))
    assert stack.reassembly.table.memory <= stack.sysctl.ipfrag_high_thresh
    assert len(stack.neighbours.entries()) + len(stack.neighbours_v6.entries()) < 2000
    settle(clock, clock.now + 200 * SECOND)
    assert len(stack.reassembly.table) == 0
    assert stack.reassembly.table.memory == 0
    assert len(stack.reassembly_v6.table) == 0
    assert stack.reassembly_v6.table.memory == 0
    # It still serves: its own traffic is delivered.
    server = udp_socket_v6(stack, port=4444)
    assert server.send(parse_ip("127.0.0.1"), 4444, b"alive", -1, 0, 0) == 0
    settle(clock, clock.now + SECOND)
    assert server.queued() == 1
