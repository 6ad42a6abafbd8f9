import dpkt
import pytest
from builders_wire import A, B, ipv4_packets, plain
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP, UDP

from fourtuple.wire.checksum import internet_checksum
from fourtuple.wire.ip import PROTOCOL_UDP
from fourtuple.wire.ipv4 import Ipv4Packet, parse_ipv4, parse_quoted_ipv4
from fourtuple.wire.packet import RawPayload, WireError
from fourtuple.wire.udp import UdpDatagram


def packet_to_dns() -> Ipv4Packet:
    return Ipv4Packet(A, B, PROTOCOL_UDP, UdpDatagram(40000, 53, b"what?"))


def with_header(data: bytes, at: int, value: bytes) -> bytes:
    """``data`` with header bytes replaced and the header's checksum made right again."""
    length = max((data[0] & 15) * 4, 20)
    changed = data[:at] + value + data[at + len(value) :]
    changed = changed[:10] + b"\0\0" + changed[12:]
    return changed[:10] + internet_checksum(changed[:length], 0).to_bytes(2, "big") + changed[12:]


def test_packet_equals_scapys_bytes() -> None:
    packet = packet_to_dns()
    packet.ttl, packet.tos, packet.ident, packet.dont_fragment = 3, 0xB8, 0x1234, True
    theirs = IP(src="10.0.0.1", dst="10.0.0.2", ttl=3, tos=0xB8, id=0x1234, flags="DF")
    assert packet.serialize() == bytes(theirs / UDP(sport=40000, dport=53) / b"what?")


def test_fragment_with_options_equals_scapys_bytes() -> None:
    packet = Ipv4Packet(A, B, PROTOCOL_UDP, RawPayload(b"12345678"))
    packet.more_fragments, packet.fragment_offset, packet.options = True, 1480, b"\x01\x01\x01\x00"
    theirs = IP(
        src="10.0.0.1", dst="10.0.0.2", id=0, flags="MF", frag=185, proto=17, options=b"\x01\x01\x01\x00"
    )
    assert packet.serialize() == bytes(theirs / b"12345678")


def test_packet_reads_back_in_dpkt() -> None:
    theirs = dpkt.ip.IP(packet_to_dns().serialize())
    assert (theirs.src, theirs.dst, theirs.ttl, theirs.p, theirs.len) == (
        b"\x0a\0\0\1",
        b"\x0a\0\0\2",
        64,
        17,
        33,
    )
    assert (theirs.data.sport, theirs.data.dport, theirs.data.data) == (40000, 53, b"what?")


@given(ipv4_packets())
def test_serialized_parses_back(packet: Ipv4Packet) -> None:
    data = packet.serialize()
    assert len(data) == packet.wire_length()
    assert plain(parse_ipv4(data)) == plain(packet)


def test_padding_behind_the_total_length_is_ignored() -> None:
    assert plain(parse_ipv4(packet_to_dns().serialize() + bytes(13))) == plain(packet_to_dns())


def test_payload_of_a_fragment_stays_raw() -> None:
    packet = packet_to_dns()
    packet.more_fragments = True
    parsed = parse_ipv4(packet.serialize())
    assert parsed.is_fragment()
    assert isinstance(parsed.payload, RawPayload)
    assert len(parsed.payload.data) == 13


@pytest.mark.parametrize("length", range(33))
def test_cut_short_is_rejected(length: int) -> None:
    with pytest.raises(WireError) as caught:
        parse_ipv4(packet_to_dns().serialize()[:length])
    expected = ("length", length) if length < 20 else ("total length", 33)
    assert (caught.value.layer, caught.value.field, caught.value.value) == ("ipv4", *expected)


@pytest.mark.parametrize(
    ("at", "value", "field", "said"),
    [
        (0, b"\x65", "version", 6),
        (0, b"\x05", "version", 0),
        (0, b"\x44", "header length", 16),
        (0, b"\x40", "header length", 0),
        (0, b"\x4f", "header length", 60),
        (2, b"\x00\x13", "total length", 19),
        (2, b"\x00\x00", "total length", 0),
        (2, b"\x00\x22", "total length", 34),
        (2, b"\xff\xff", "total length", 65535),
    ],
)
def test_impossible_header_is_rejected(at: int, value: bytes, field: str, said: int) -> None:
    with pytest.raises(WireError) as caught:
        parse_ipv4(with_header(packet_to_dns().serialize(), at, value))
    assert (caught.value.layer, caught.value.field, caught.value.value) == ("ipv4", field, said)


@pytest.mark.parametrize("at", range(1, 20))
def test_flipped_bit_of_the_header_is_rejected(at: int) -> None:
    data = bytearray(packet_to_dns().serialize())
    data[at] ^= 0x40
    with pytest.raises(WireError) as caught:
        parse_ipv4(bytes(data))
    assert (caught.value.layer, caught.value.field) == (
        "ipv4",
        "total length" if at in (2, 3) else "checksum",
    )


def test_shorter_total_length_leaves_the_payload_cut_short() -> None:
    with pytest.raises(WireError, match="udp length"):
        parse_ipv4(with_header(packet_to_dns().serialize(), 2, b"\x00\x20"))


@pytest.mark.parametrize(
    ("options", "value"),
    [(b"\x07\x00\x00\x00", 0), (b"\x07\x01\x00\x00", 1), (b"\x07\x05\x04\x00", 5), (b"\x01\x01\x01\x07", 7)],
)
def test_wrong_option_length_is_rejected(options: bytes, value: int) -> None:
    packet = packet_to_dns()
    packet.options = options
    with pytest.raises(WireError) as caught:
        parse_ipv4(packet.serialize())
    assert (caught.value.layer, caught.value.field, caught.value.value) == ("ipv4", "option length", value)


@given(st.binary(min_size=4, max_size=40).filter(lambda options: len(options) % 4 == 0))
def test_arbitrary_options_are_kept_or_raise_wire_error(options: bytes) -> None:
    packet = packet_to_dns()
    packet.options = options
    try:
        parsed = parse_ipv4(packet.serialize())
    except WireError as error:
        field = error.field
    else:
        field = "option length"
        assert plain(parsed) == plain(packet)
    assert field == "option length"


def test_bytes_behind_the_end_of_options_are_kept() -> None:
    packet = packet_to_dns()
    packet.options = b"\x01\x00\x07\x09"
    assert parse_ipv4(packet.serialize()).options == b"\x01\x00\x07\x09"


def test_what_ipv4_cannot_say_is_not_written() -> None:
    packet = Ipv4Packet(A, B, 253, RawPayload(bytes(65515)))
    assert len(packet.serialize()) == 65535
    packet.payload = RawPayload(bytes(65516))
    with pytest.raises(WireError, match="ipv4 total length 65536"):
        packet.serialize()
    packet = packet_to_dns()
    packet.options = b"\x01"
    with pytest.raises(WireError, match="ipv4 options length 1"):
        packet.serialize()
    packet.options = b"\x01" * 44
    with pytest.raises(WireError, match="ipv4 options length 44"):
        packet.serialize()
    packet.options = b""
    packet.fragment_offset = 12
    with pytest.raises(WireError, match="ipv4 fragment offset 12"):
        packet.serialize()


def test_quoted_packet_may_be_cut_off_and_stale() -> None:
    data = packet_to_dns().serialize()
    stale = data[:8] + b"\x01" + data[9:28]
    quoted = parse_quoted_ipv4(stale)
    assert (quoted.source, quoted.destination, quoted.protocol, quoted.ttl) == (A, B, PROTOCOL_UDP, 1)
    assert plain(quoted.payload) == plain(RawPayload(data[20:28]))


@pytest.mark.parametrize("data", [b"", b"\x45" + bytes(18), b"\x46" + bytes(19), b"\x60" + bytes(39)])
def test_quoted_header_cut_or_malformed_is_rejected(data: bytes) -> None:
    with pytest.raises(WireError, match="ipv4"):
        parse_quoted_ipv4(data)


def test_repr_shows_what_differs_from_the_default() -> None:
    packet = Ipv4Packet(A, B, 253, RawPayload(b"x"))
    assert repr(packet) == "Ipv4Packet(10.0.0.1 > 10.0.0.2, ttl=64, protocol=253, RawPayload(1 bytes))"
    packet.tos, packet.ident, packet.dont_fragment, packet.more_fragments = 1, 2, True, True
    packet.fragment_offset, packet.options = 8, b"\x01\x00\x00\x00"
    assert "tos=0x1, ident=2, DF, MF, offset=8, options=01000000" in repr(packet)
