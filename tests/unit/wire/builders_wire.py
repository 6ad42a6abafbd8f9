"""Hypothesis strategies for header objects, and a view of an object that compares field by field."""

from __future__ import annotations

from hypothesis import strategies as st

from fourtuple.wire.address import V4_BASE
from fourtuple.wire.arp import ArpPacket
from fourtuple.wire.ethernet import (
    ETHERTYPE_ARP,
    ETHERTYPE_IPV4,
    EthernetFrame,
    RawFramePayload,
)
from fourtuple.wire.icmp import IcmpMessage
from fourtuple.wire.ipv4 import Ipv4Packet
from fourtuple.wire.packet import RawPayload
from fourtuple.wire.tcp import TcpSegment
from fourtuple.wire.tcp_options import TcpOptions
from fourtuple.wire.udp import UdpDatagram

A = V4_BASE | 0x0A000001
B = V4_BASE | 0x0A000002

u8 = st.integers(0, 0xFF)
u16 = st.integers(0, 0xFFFF)
u32 = st.integers(0, 0xFFFF_FFFF)
macs = st.integers(0, 0xFFFF_FFFF_FFFF)
v4_addresses = u32.map(lambda low: V4_BASE | low)
payloads = st.binary(max_size=60) | st.binary(min_size=500, max_size=1100)

KNOWN_OPTION_KINDS = {0, 1, 2, 3, 4, 5, 8, 34}
KNOWN_PROTOCOLS = {1, 6, 17}


def plain(value: object) -> object:
    """``value`` as nested tuples of its public fields; what parsing loses is left out."""
    if isinstance(value, list | tuple):
        return tuple(plain(item) for item in value)
    if not type(value).__module__.startswith("fourtuple"):
        return value
    names = [
        name for name in dir(value) if not name.startswith("_") and name not in ("origin", "fingerprint")
    ]
    fields = [(name, getattr(value, name)) for name in names]
    return (type(value).__name__, *((name, plain(field)) for name, field in fields if not callable(field)))


@st.composite
def tcp_options(draw: st.DrawFn) -> TcpOptions | None:
    options = TcpOptions()
    options.mss = draw(st.just(-1) | u16)
    options.wscale = draw(st.just(-1) | u8)
    options.sack_permitted = draw(st.booleans())
    if draw(st.booleans()):
        options.timestamps = True
        options.ts_val = draw(u32)
        options.ts_ecr = draw(u32)
    options.sack = draw(st.lists(st.tuples(u32, u32), max_size=3))
    options.fastopen = draw(st.none() | st.binary(max_size=8))
    unknown = st.tuples(u8.filter(lambda kind: kind not in KNOWN_OPTION_KINDS), st.binary(max_size=6))
    options.unknown = draw(st.lists(unknown, max_size=2))
    # A segment without options has no options object once parsed.
    length = options.wire_length()
    if length == 0:
        return None
    if length > 40:
        options.sack = []
        options.unknown = []
    return options


@st.composite
def tcp_segments(draw: st.DrawFn) -> TcpSegment:
    segment = TcpSegment(
        draw(u16), draw(u16), draw(u32), draw(u32), draw(u8), draw(u16), draw(payloads), draw(tcp_options())
    )
    segment.urgent = draw(u16)
    return segment


udp_datagrams = st.builds(UdpDatagram, u16, u16, payloads)
icmp_messages = st.builds(IcmpMessage, u8, u8, u32, payloads)
arp_packets = st.builds(ArpPacket, u16, macs, v4_addresses, macs, v4_addresses)


@st.composite
def ipv4_packets(draw: st.DrawFn) -> Ipv4Packet:
    fragment = draw(st.sampled_from([(False, 0)] * 6 + [(True, 0), (True, 8), (False, 65528)]))
    if fragment != (False, 0):
        protocol = draw(u8)
        payload: object = RawPayload(draw(st.binary(max_size=7)))
    else:
        protocol = draw(st.sampled_from([6, 6, 17, 1, 253]))
        payload = draw(
            {6: tcp_segments(), 17: udp_datagrams, 1: icmp_messages}.get(protocol, payloads.map(RawPayload))
        )
    packet = Ipv4Packet(draw(v4_addresses), draw(v4_addresses), protocol, payload)
    packet.more_fragments, packet.fragment_offset = fragment
    packet.dont_fragment = draw(st.booleans())
    packet.ttl = draw(u8)
    packet.tos = draw(u8)
    packet.ident = draw(u16)
    packet.options = draw(
        st.sampled_from([b"", b"", b"\x01\x01\x94\x04\x00\x00\x01\x00", b"\x07\x04\x04\x00"])
    )
    return packet


@st.composite
def frames(draw: st.DrawFn) -> EthernetFrame:
    ethertype = draw(st.sampled_from([ETHERTYPE_IPV4, ETHERTYPE_IPV4, ETHERTYPE_ARP, 0x88B5]))
    payload = draw(
        {ETHERTYPE_IPV4: ipv4_packets(), ETHERTYPE_ARP: arp_packets}.get(
            ethertype, payloads.map(RawFramePayload)
        )
    )
    return EthernetFrame(draw(macs), draw(macs), ethertype, payload)
