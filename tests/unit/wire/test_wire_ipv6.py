import dpkt
import pytest
from builders_wire import A6, B6, ipv6_packets, plain
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import UDP
from scapy.layers.inet6 import (
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
    RouterAlert,
)

from fourtuple.wire.address import V4_LOOPBACK, parse_ip
from fourtuple.wire.ethernet import ETHERTYPE_IPV6, EthernetFrame, parse_frame
from fourtuple.wire.extension import OPTION_ROUTER_ALERT, ExtensionHeader, options_header
from fourtuple.wire.fingerprint import fingerprint
from fourtuple.wire.ip import (
    PROTOCOL_DESTINATION_OPTIONS,
    PROTOCOL_FRAGMENT,
    PROTOCOL_HOP_BY_HOP,
    PROTOCOL_ICMP,
    PROTOCOL_NONE,
    PROTOCOL_ROUTING,
    PROTOCOL_UDP,
)
from fourtuple.wire.ipv6 import Ipv6Packet, parse_ipv6, parse_quoted_ipv6, reassembled_ipv6
from fourtuple.wire.packet import RawPayload, WireError
from fourtuple.wire.udp import UdpDatagram

FINAL = parse_ip("2001:db8::9")


def packet_to_dns(*extensions: ExtensionHeader) -> Ipv6Packet:
    packet = Ipv6Packet(A6, B6, PROTOCOL_UDP, UdpDatagram(40000, 53, b"what?"))
    packet.extensions = list(extensions)
    return packet


def router_alert() -> ExtensionHeader:
    return options_header(PROTOCOL_HOP_BY_HOP, [(OPTION_ROUTER_ALERT, b"\0\0")])


def routing(type: int, left: int, *addresses: int) -> ExtensionHeader:
    body = b"".join(address.to_bytes(16, "big") for address in addresses)
    return ExtensionHeader(PROTOCOL_ROUTING, bytes((type, left, 0, 0, 0, 0)) + body)


def scapys(**fields: object) -> IPv6:
    return IPv6(src="2001:db8::1", dst="2001:db8::2", **fields)


def scapys_query() -> UDP:
    return UDP(sport=40000, dport=53) / b"what?"


def test_packet_equals_scapys_bytes() -> None:
    packet = packet_to_dns()
    packet.tos, packet.flow_label, packet.ttl = 0xB8, 0x12345, 3
    assert packet.serialize() == bytes(scapys(tc=0xB8, fl=0x12345, hlim=3) / scapys_query())


def test_packet_with_options_equals_scapys_bytes() -> None:
    packet = packet_to_dns(router_alert(), options_header(PROTOCOL_DESTINATION_OPTIONS, []))
    theirs = scapys() / IPv6ExtHdrHopByHop(options=[RouterAlert()]) / IPv6ExtHdrDestOpt() / scapys_query()
    assert packet.serialize() == bytes(theirs)


@pytest.mark.parametrize("type", [0, 2])
def test_checksum_behind_a_routing_header_covers_the_final_destination(type: int) -> None:
    packet = packet_to_dns(routing(type, 1, FINAL))
    theirs = scapys() / IPv6ExtHdrRouting(type=type, segleft=1, addresses=["2001:db8::9"]) / scapys_query()
    assert packet.final_destination() == FINAL
    assert packet.serialize() == bytes(theirs)


def test_final_destination_depends_on_the_routing_headers_type() -> None:
    assert packet_to_dns(routing(0, 2, A6, FINAL)).final_destination() == FINAL
    assert packet_to_dns(routing(4, 1, FINAL, A6)).final_destination() == FINAL
    assert packet_to_dns(routing(4, 0, FINAL, A6)).final_destination() == B6
    assert packet_to_dns(routing(200, 1, FINAL)).final_destination() == B6
    assert packet_to_dns(router_alert()).final_destination() == B6


def test_fragment_equals_scapys_bytes() -> None:
    packet = Ipv6Packet(A6, B6, PROTOCOL_UDP, RawPayload(b"12345678"))
    packet.ident, packet.fragment_offset, packet.more_fragments = 0xDEADBEEF, 1448, True
    theirs = scapys() / IPv6ExtHdrFragment(nh=17, id=0xDEADBEEF, offset=181, m=1) / b"12345678"
    assert packet.serialize() == bytes(theirs)


def test_packet_reads_back_in_dpkt() -> None:
    theirs = dpkt.ip6.IP6(packet_to_dns(router_alert()).serialize())
    assert (theirs.src, theirs.dst, theirs.hlim, theirs.p) == (
        A6.to_bytes(16, "big"),
        B6.to_bytes(16, "big"),
        64,
        17,
    )
    assert (theirs.data.sport, theirs.data.dport, theirs.data.data) == (40000, 53, b"what?")


@given(ipv6_packets())
def test_serialized_parses_back(packet: Ipv6Packet) -> None:
    data = packet.serialize()
    assert len(data) == packet.wire_length()
    assert plain(parse_ipv6(data)) == plain(packet)


def test_padding_behind_the_payload_length_is_ignored() -> None:
    assert plain(parse_ipv6(packet_to_dns().serialize() + bytes(6))) == plain(packet_to_dns())


def test_packet_without_payload_parses() -> None:
    packet = Ipv6Packet(A6, B6, PROTOCOL_NONE, RawPayload(b""))
    assert plain(parse_ipv6(packet.serialize())) == plain(packet)


def test_icmp_of_the_other_family_stays_raw() -> None:
    packet = Ipv6Packet(A6, B6, PROTOCOL_ICMP, RawPayload(b"no checksum here"))
    assert plain(parse_ipv6(packet.serialize())) == plain(packet)


def test_atomic_fragment_is_whole_and_its_header_is_kept() -> None:
    data = bytes(scapys() / IPv6ExtHdrFragment(id=7) / IPv6ExtHdrDestOpt() / scapys_query())
    parsed = parse_ipv6(data)
    assert isinstance(parsed.payload, UdpDatagram)
    assert (parsed.is_fragment(), parsed.fragment_header, parsed.ident) == (False, True, 7)
    again = parse_ipv6(parsed.serialize())
    assert plain(again) == plain(parsed)


@pytest.mark.parametrize("length", range(48 + 13))
def test_cut_short_is_rejected(length: int) -> None:
    with pytest.raises(WireError) as caught:
        parse_ipv6(packet_to_dns(router_alert()).serialize()[:length])
    expected = ("length", length) if length < 40 else ("payload length", 21)
    assert (caught.value.layer, caught.value.field, caught.value.value) == ("ipv6", *expected)


def header(payload_length: int, next_header: int) -> bytes:
    addresses = A6.to_bytes(16, "big") + B6.to_bytes(16, "big")
    return b"\x60\0\0\0" + payload_length.to_bytes(2, "big") + bytes((next_header, 64)) + addresses


@pytest.mark.parametrize(
    ("data", "field", "value"),
    [
        (b"\x45" + bytes(39), "version", 4),
        (header(1, PROTOCOL_NONE), "payload length", 1),
        (header(0, PROTOCOL_HOP_BY_HOP), "extension length", 0),
        (header(7, PROTOCOL_ROUTING) + bytes(7), "extension length", 7),
        (header(8, PROTOCOL_DESTINATION_OPTIONS) + b"\x3b\x01" + bytes(6), "extension length", 16),
        (header(16, PROTOCOL_ROUTING) + b"\x3b\x01\x00\x01" + bytes(12), "extension length", 16),
        (header(8, PROTOCOL_HOP_BY_HOP) + b"\x3b\x00\x05\x05\x00\x00\x00\x00", "option length", 5),
        (header(8, PROTOCOL_HOP_BY_HOP) + b"\x3b\x00\x00\x00\x00\x00\x00\x05", "option length", 5),
        (header(8, PROTOCOL_DESTINATION_OPTIONS) + b"\x3b\x00\x01\xff\x00\x00\x00\x00", "option length", 255),
        (header(7, PROTOCOL_FRAGMENT) + bytes(7), "fragment header length", 7),
        (header(16, PROTOCOL_FRAGMENT) + b"\x2c" + bytes(15), "next header", PROTOCOL_FRAGMENT),
        (header(16, PROTOCOL_DESTINATION_OPTIONS) + bytes(16), "next header", PROTOCOL_HOP_BY_HOP),
        (header(16, PROTOCOL_FRAGMENT) + bytes(16), "next header", PROTOCOL_HOP_BY_HOP),
    ],
)
def test_impossible_header_is_rejected(data: bytes, field: str, value: int) -> None:
    with pytest.raises(WireError) as caught:
        parse_ipv6(data)
    assert (caught.value.layer, caught.value.field, caught.value.value) == ("ipv6", field, value)


@pytest.mark.parametrize("field", ["source", "destination"])
def test_v4_mapped_address_is_rejected(field: str) -> None:
    packet = Ipv6Packet(A6, B6, PROTOCOL_NONE, RawPayload(b""))
    setattr(packet, field, V4_LOOPBACK)
    with pytest.raises(WireError) as caught:
        parse_ipv6(packet.serialize())
    assert (caught.value.layer, caught.value.field, caught.value.value) == ("ipv6", field, "127.0.0.1")


@given(st.binary(max_size=60), st.sampled_from([0, 6, 17, 43, 44, 58, 59, 60]))
def test_arbitrary_payload_parses_stably_or_raises_wire_error(payload: bytes, next_header: int) -> None:
    try:
        parsed = parse_ipv6(header(len(payload), next_header) + payload)
    except WireError:
        return
    assert plain(parse_ipv6(parsed.serialize())) == plain(parsed)


def test_what_ipv6_cannot_say_is_not_written() -> None:
    packet = Ipv6Packet(A6, B6, 253, RawPayload(bytes(65535)))
    assert len(packet.serialize()) == 65575
    packet.payload = RawPayload(bytes(65536))
    with pytest.raises(WireError, match="ipv6 payload length 65536"):
        packet.serialize()
    packet = packet_to_dns()
    packet.fragment_offset = 4
    with pytest.raises(WireError, match="ipv6 fragment offset 4"):
        packet.serialize()
    with pytest.raises(WireError, match="ipv6 extension length 7"):
        packet_to_dns(ExtensionHeader(PROTOCOL_ROUTING, bytes(5))).serialize()
    with pytest.raises(WireError, match="ipv6 extension length 2056"):
        packet_to_dns(ExtensionHeader(PROTOCOL_ROUTING, bytes(2054))).serialize()


@pytest.mark.parametrize("size", range(12))
def test_options_header_is_padded_to_a_multiple_of_eight(size: int) -> None:
    made = options_header(PROTOCOL_DESTINATION_OPTIONS, [(0x1E, b"x" * size)])
    assert made.wire_length() % 8 == 0
    assert made.options() == [(0x1E, b"x" * size)]


def test_fragments_make_the_packet_again() -> None:
    whole = packet_to_dns(router_alert(), options_header(PROTOCOL_DESTINATION_OPTIONS, [(0x1E, b"12")]))
    # The destination options travel in the fragments: they are read when those are together.
    data = whole.extensions[1].serialize(PROTOCOL_UDP) + whole.payload.serialize(A6, B6)
    first = Ipv6Packet(A6, B6, PROTOCOL_DESTINATION_OPTIONS, RawPayload(data[:16]))
    first.extensions, first.more_fragments, first.ident = [router_alert()], True, 5
    arrived = parse_ipv6(first.serialize())
    assert arrived.is_fragment()
    assert plain(reassembled_ipv6(arrived, data)) == plain(whole)


@pytest.mark.parametrize("protocol", [PROTOCOL_FRAGMENT, PROTOCOL_HOP_BY_HOP])
def test_fragments_of_headers_that_may_not_be_inside_are_rejected(protocol: int) -> None:
    first = Ipv6Packet(A6, B6, protocol, RawPayload(bytes(8)))
    first.more_fragments = True
    with pytest.raises(WireError, match="ipv6 next header"):
        reassembled_ipv6(first, bytes(16))


def test_quoted_packet_may_be_cut_off() -> None:
    data = packet_to_dns(router_alert()).serialize()
    quoted = parse_quoted_ipv6(data[:56])
    assert (quoted.source, quoted.destination, quoted.protocol) == (A6, B6, PROTOCOL_UDP)
    assert plain(quoted.payload) == plain(RawPayload(data[48:56]))
    for length in range(48):
        with pytest.raises(WireError, match="ipv6"):
            parse_quoted_ipv6(data[:length])


def test_fingerprint_ignores_what_parsing_loses() -> None:
    packet = packet_to_dns()
    packet.ident, packet.dont_fragment = 99, False
    frame = EthernetFrame(1, 2, ETHERTYPE_IPV6, packet)
    assert fingerprint(parse_frame(frame.serialize())) == fingerprint(frame)


def test_repr_shows_headers_in_order() -> None:
    packet = packet_to_dns(router_alert())
    packet.tos, packet.flow_label, packet.ident, packet.more_fragments = 1, 2, 3, True
    assert repr(packet) == (
        "Ipv6Packet(2001:db8::1 > 2001:db8::2, ttl=64, tos=0x1, flow=0x2, ident=3, offset=0, MF, "
        "ExtensionHeader(0, 050200000100), protocol=17, UdpDatagram(40000 > 53, 5 bytes))"
    )
