"""Hypothesis strategies for header objects, and a view of an object that compares field by field."""

from __future__ import annotations

from hypothesis import strategies as st

from fourtuple.wire.address import V4_BASE, is_multicast, is_v4
from fourtuple.wire.arp import ArpPacket
from fourtuple.wire.ethernet import (
    ETHERTYPE_ARP,
    ETHERTYPE_IPV4,
    ETHERTYPE_IPV6,
    EthernetFrame,
    RawFramePayload,
)
from fourtuple.wire.extension import ExtensionHeader, options_header
from fourtuple.wire.icmp import IcmpMessage
from fourtuple.wire.icmpv6 import Icmpv6Message
from fourtuple.wire.icmpv6_base import Icmpv6Payload
from fourtuple.wire.igmp import IgmpMessage, IgmpQuery, IgmpReport
from fourtuple.wire.ipv4 import Ipv4Packet
from fourtuple.wire.ipv6 import Ipv6Packet
from fourtuple.wire.mld import MldMessage, MldQuery, MldReport
from fourtuple.wire.multicast import MulticastRecord
from fourtuple.wire.ndp import (
    NdOptions,
    NeighbourAdvertisement,
    NeighbourSolicitation,
    PrefixInformation,
    Redirect,
    RouterAdvertisement,
    RouterSolicitation,
)
from fourtuple.wire.packet import Payload, RawPayload
from fourtuple.wire.tcp import TcpSegment
from fourtuple.wire.tcp_options import TcpOptions
from fourtuple.wire.udp import UdpDatagram

A = V4_BASE | 0x0A000001
B = V4_BASE | 0x0A000002

A6 = 0x20010DB8 << 96 | 1
B6 = 0x20010DB8 << 96 | 2

u8 = st.integers(0, 0xFF)
u16 = st.integers(0, 0xFFFF)
u32 = st.integers(0, 0xFFFF_FFFF)
macs = st.integers(0, 0xFFFF_FFFF_FFFF)
v6_addresses = st.integers(0, 2**128 - 1).filter(lambda address: not is_v4(address))
v6_unicast = v6_addresses.filter(lambda address: not is_multicast(address))
v4_addresses = u32.map(lambda low: V4_BASE | low)
payloads = st.binary(max_size=60) | st.binary(min_size=500, max_size=1100)

KNOWN_OPTION_KINDS = {0, 1, 2, 3, 4, 5, 8, 34}


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
    if options.wire_length() > 40:
        options.sack = []
        options.unknown = []
    # A segment without options has no options object once parsed.
    return options if options.wire_length() else None


@st.composite
def tcp_segments(draw: st.DrawFn) -> TcpSegment:
    segment = TcpSegment(
        draw(u16),
        draw(u16),
        draw(u32),
        draw(u32),
        draw(st.integers(0, 0x1FF)),
        draw(u16),
        draw(payloads),
        draw(tcp_options()),
    )
    segment.urgent = draw(u16)
    return segment


udp_datagrams = st.builds(UdpDatagram, u16, u16, payloads)
icmp_messages = st.builds(IcmpMessage, u8, u8, u32, payloads)
arp_packets = st.builds(ArpPacket, u16, macs, v4_addresses, macs, v4_addresses)


def igmp_messages() -> st.SearchStrategy[Payload]:
    v3 = st.lists(
        st.builds(MulticastRecord, u8, v4_addresses, st.lists(v4_addresses, max_size=3)), max_size=3
    )
    return st.one_of(
        st.builds(IgmpMessage, st.sampled_from([0x12, 0x16, 0x17]), v4_addresses),
        st.builds(IgmpQuery, st.just(2), st.integers(1, 255), v4_addresses),
        st.builds(IgmpQuery, st.just(1), st.just(0), v4_addresses),
        st.builds(IgmpReport, v3),
        queries(IgmpQuery, 3, u8, v4_addresses),
    )


@st.composite
def queries(draw: st.DrawFn, make: type, version: int, codes: object, addresses: object) -> Payload:
    query = make(version, draw(codes), draw(addresses))
    query.suppress = draw(st.booleans())
    query.robustness = draw(st.integers(0, 7))
    query.interval = draw(u8)
    query.sources = draw(st.lists(addresses, max_size=3))
    return query


@st.composite
def nd_options(draw: st.DrawFn) -> NdOptions:
    options = NdOptions()
    options.source_link = draw(st.just(-1) | macs)
    options.target_link = draw(st.just(-1) | macs)
    flag = st.booleans()
    prefix = st.builds(PrefixInformation, v6_addresses, st.integers(0, 128), flag, flag, u32, u32)
    options.prefixes = draw(st.lists(prefix, max_size=2))
    options.redirected = draw(st.none() | st.sampled_from([b"", b"redirect" * 5]))
    options.mtu = draw(st.just(-1) | u32)
    unknown = st.tuples(st.integers(6, 255), st.sampled_from([b"sixbyt", b"fourteen bytes"]))
    options.unknown = draw(st.lists(unknown, max_size=2))
    return options


@st.composite
def router_advertisements(draw: st.DrawFn) -> RouterAdvertisement:
    made = RouterAdvertisement(draw(u16), draw(nd_options()))
    made.hop_limit = draw(u8)
    made.managed = draw(st.booleans())
    made.other = draw(st.booleans())
    made.reachable_time = draw(u32)
    made.retransmit_time = draw(u32)
    return made


def icmpv6_messages() -> st.SearchStrategy[Icmpv6Payload]:
    plain_types = u8.filter(lambda kind: not 130 <= kind <= 137 and kind != 143)
    records = st.lists(
        st.builds(MulticastRecord, u8, v6_addresses, st.lists(v6_addresses, max_size=3)), max_size=3
    )
    flag = st.booleans()
    return st.one_of(
        st.builds(Icmpv6Message, plain_types, u8, u32, payloads),
        st.builds(RouterSolicitation, nd_options()),
        router_advertisements(),
        st.builds(NeighbourSolicitation, v6_unicast, nd_options()),
        st.builds(NeighbourAdvertisement, v6_unicast, flag, flag, flag, nd_options()),
        st.builds(Redirect, v6_addresses, v6_unicast, nd_options()),
        st.builds(MldMessage, st.sampled_from([131, 132]), v6_addresses),
        st.builds(MldQuery, st.just(1), u16, v6_addresses),
        queries(MldQuery, 2, u16, v6_addresses),
        st.builds(MldReport, records),
    )


@st.composite
def ipv4_packets(draw: st.DrawFn) -> Ipv4Packet:
    fragment = draw(st.sampled_from([(False, 0)] * 6 + [(True, 0), (True, 8), (False, 65528)]))
    if fragment != (False, 0):
        protocol = draw(u8)
        payload: object = RawPayload(draw(st.binary(max_size=7)))
    else:
        protocol = draw(st.sampled_from([6, 6, 17, 1, 2, 58, 253]))
        classes = {6: tcp_segments(), 17: udp_datagrams, 1: icmp_messages, 2: igmp_messages()}
        payload = draw(classes.get(protocol, payloads.map(RawPayload)))
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
def extensions(draw: st.DrawFn) -> list[ExtensionHeader]:
    option = st.tuples(st.integers(2, 255), st.binary(max_size=9))
    made = []
    if draw(st.booleans()):
        made.append(options_header(0, draw(st.lists(option, max_size=3))))
    for kind in draw(st.lists(st.sampled_from([43, 60]), max_size=2)):
        if kind == 60:
            made.append(options_header(60, draw(st.lists(option, max_size=3))))
            continue
        type, left = draw(st.sampled_from([(0, 1), (2, 1), (4, 1), (4, 0), (200, 3)]))
        addresses = draw(st.lists(v6_addresses, min_size=1, max_size=2))
        body = b"".join(address.to_bytes(16, "big") for address in addresses)
        made.append(ExtensionHeader(43, bytes((type, left, 0, 0, 0, 0)) + body))
    return made


@st.composite
def ipv6_packets(draw: st.DrawFn) -> Ipv6Packet:
    more, offset = draw(st.sampled_from([(False, 0)] * 6 + [(True, 0), (True, 8), (False, 65528)]))
    if more or offset:
        protocol = draw(u8)
        payload: Payload = RawPayload(draw(st.binary(max_size=16)))
    else:
        protocol = draw(st.sampled_from([6, 17, 58, 58, 1, 59, 253]))
        classes = {6: tcp_segments(), 17: udp_datagrams, 58: icmpv6_messages()}
        payload = draw(classes.get(protocol, payloads.map(RawPayload)))
    packet = Ipv6Packet(draw(v6_addresses), draw(v6_addresses), protocol, payload)
    packet.more_fragments = more
    packet.fragment_offset = offset
    packet.fragment_header = more or offset != 0 or draw(st.booleans())
    if packet.fragment_header:
        packet.ident = draw(u32)
    packet.ttl = draw(u8)
    packet.tos = draw(u8)
    packet.flow_label = draw(st.integers(0, 0xFFFFF))
    packet.extensions = draw(st.just([]) | extensions())
    return packet


@st.composite
def frames(draw: st.DrawFn) -> EthernetFrame:
    ethertype = draw(st.sampled_from([ETHERTYPE_IPV4, ETHERTYPE_IPV4, ETHERTYPE_IPV6, ETHERTYPE_ARP, 0x88B5]))
    classes = {ETHERTYPE_IPV4: ipv4_packets(), ETHERTYPE_IPV6: ipv6_packets(), ETHERTYPE_ARP: arp_packets}
    payload = draw(classes.get(ethertype, payloads.map(RawFramePayload)))
    return EthernetFrame(draw(macs), draw(macs), ethertype, payload)
