import pytest
from builders_wire import A, B, plain, udp_datagrams
from hypothesis import given
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6

from fourtuple.wire.address import parse_ip
from fourtuple.wire.checksum import internet_checksum, pseudo_header_sum
from fourtuple.wire.packet import WireError
from fourtuple.wire.udp import UdpDatagram, parse_udp

A6, B6 = parse_ip("2001:db8::1"), parse_ip("2001:db8::2")
QUERY = UdpDatagram(40000, 53, b"what is it?")


def test_datagram_over_ipv4_equals_scapys_bytes() -> None:
    theirs = IP(bytes(IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=40000, dport=53) / b"what is it?"))
    assert QUERY.serialize(A, B) == bytes(theirs[UDP])


def test_datagram_over_ipv6_equals_scapys_bytes() -> None:
    theirs = IPv6(
        bytes(IPv6(src="2001:db8::1", dst="2001:db8::2") / UDP(sport=40000, dport=53) / b"what is it?")
    )
    assert QUERY.serialize(A6, B6) == bytes(theirs[UDP])


@given(udp_datagrams)
def test_serialized_parses_back(datagram: UdpDatagram) -> None:
    for source, destination in ((A, B), (A6, B6)):
        data = datagram.serialize(source, destination)
        assert len(data) == datagram.wire_length()
        assert plain(parse_udp(data, source, destination)) == plain(datagram)


def test_sum_of_zero_is_sent_as_all_ones() -> None:
    # A payload word chosen so that the one's complement sum, and with it the checksum, is zero.
    rest = internet_checksum(UdpDatagram(1, 2, b"\0\0").serialize(A, B)[:6], pseudo_header_sum(A, B, 17, 10))
    data = UdpDatagram(1, 2, rest.to_bytes(2, "big")).serialize(A, B)
    assert data[6:8] == b"\xff\xff"
    assert parse_udp(data, A, B).payload == rest.to_bytes(2, "big")


def test_no_checksum_is_taken_over_ipv4_and_rejected_over_ipv6() -> None:
    data = QUERY.serialize(A, B)
    data = data[:6] + b"\0\0" + data[8:]
    assert parse_udp(data, A, B).payload == QUERY.payload
    with pytest.raises(WireError, match="udp checksum 0: IPv6 requires one"):
        parse_udp(data, A6, B6)


def test_bytes_behind_the_stated_length_are_dropped() -> None:
    assert parse_udp(QUERY.serialize(A, B) + b"more", A, B).payload == QUERY.payload


@pytest.mark.parametrize("length", range(8 + 11))
def test_cut_short_is_rejected(length: int) -> None:
    with pytest.raises(WireError) as caught:
        parse_udp(QUERY.serialize(A, B)[:length], A, B)
    assert (caught.value.layer, caught.value.field) == ("udp", "length")
    assert caught.value.value == (length if length < 8 else 19)


@pytest.mark.parametrize("length", range(8))
def test_stated_length_below_the_header_is_rejected(length: int) -> None:
    data = QUERY.serialize(A, B)
    with pytest.raises(WireError, match="udp length"):
        parse_udp(data[:4] + length.to_bytes(2, "big") + data[6:], A, B)


@pytest.mark.parametrize("at", [0, 1, 2, 3, 6, 7, 8, 18])
def test_flipped_bit_is_rejected(at: int) -> None:
    data = bytearray(QUERY.serialize(A, B))
    data[at] ^= 1
    with pytest.raises(WireError) as caught:
        parse_udp(bytes(data), A, B)
    assert (caught.value.layer, caught.value.field) == ("udp", "checksum")


def test_datagram_of_another_pair_is_rejected() -> None:
    with pytest.raises(WireError, match="udp checksum"):
        parse_udp(QUERY.serialize(A, B), A, B + 1)


def test_too_long_is_not_written() -> None:
    assert len(UdpDatagram(1, 2, bytes(65527)).serialize(A, B)) == 65535
    with pytest.raises(WireError, match="udp length 65536"):
        UdpDatagram(1, 2, bytes(65528)).serialize(A, B)


def test_repr_shows_ports_and_size() -> None:
    assert repr(QUERY) == "UdpDatagram(40000 > 53, 11 bytes)"
