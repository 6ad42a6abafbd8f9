import dpkt
import pytest
from builders_wire import A, B, plain, tcp_segments
from hypothesis import given
from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6

from fourtuple.wire.address import parse_ip
from fourtuple.wire.packet import WireError
from fourtuple.wire.tcp import ACK, CWR, FIN, PSH, RST, SYN, URG, TcpSegment, format_flags, parse_tcp
from fourtuple.wire.tcp_options import TcpOptions

A6, B6 = parse_ip("2001:db8::1"), parse_ip("2001:db8::2")


def data_segment() -> TcpSegment:
    options = TcpOptions()
    options.timestamps = True
    options.ts_val = 1
    options.ts_ecr = 2
    return TcpSegment(40000, 80, 0xFFFFFFFF, 5, PSH | ACK, 501, b"GET / HTTP/1.0\r\n\r\n", options)


def scapys() -> TCP:
    return TCP(
        sport=40000,
        dport=80,
        seq=0xFFFFFFFF,
        ack=5,
        flags="PA",
        window=501,
        options=[("NOP", None), ("NOP", None), ("Timestamp", (1, 2))],
    ) / (b"GET / HTTP/1.0\r\n\r\n")


def test_data_over_ipv4_equals_scapys_bytes() -> None:
    theirs = IP(bytes(IP(src="10.0.0.1", dst="10.0.0.2") / scapys()))
    assert data_segment().serialize(A, B) == bytes(theirs[TCP])


def test_data_over_ipv6_equals_scapys_bytes() -> None:
    theirs = IPv6(bytes(IPv6(src="2001:db8::1", dst="2001:db8::2") / scapys()))
    assert data_segment().serialize(A6, B6) == bytes(theirs[TCP])


def test_urgent_segment_reads_back_in_dpkt() -> None:
    segment = TcpSegment(1, 2, 3, 4, URG | CWR, 6, b"x", None)
    segment.urgent = 9
    theirs = dpkt.tcp.TCP(segment.serialize(A, B))
    assert (theirs.sport, theirs.dport, theirs.seq, theirs.ack, theirs.flags) == (1, 2, 3, 4, 0xA0)
    assert (theirs.win, theirs.urp, theirs.off, theirs.data) == (6, 9, 5, b"x")


@given(tcp_segments())
def test_serialized_parses_back(segment: TcpSegment) -> None:
    for source, destination in ((A, B), (A6, B6)):
        data = segment.serialize(source, destination)
        assert len(data) == segment.wire_length()
        assert plain(parse_tcp(data, source, destination)) == plain(segment)


def test_lengths_count_what_they_say() -> None:
    segment = data_segment()
    assert (segment.header_length(), segment.wire_length(), segment.seq_length()) == (32, 50, 18)
    assert TcpSegment(1, 2, 3, 4, SYN, 0, b"", None).seq_length() == 1
    assert TcpSegment(1, 2, 3, 4, SYN | FIN | ACK | RST, 0, b"ab", None).seq_length() == 4


def test_reserved_bits_but_ae_are_ignored() -> None:
    data = bytearray(data_segment().serialize(A, B))
    data[12] |= 0x0E
    data[16:18] = (int.from_bytes(data[16:18], "big") - 0x0E00).to_bytes(2, "big")
    assert plain(parse_tcp(bytes(data), A, B)) == plain(data_segment())


@pytest.mark.parametrize("length", range(50))
def test_cut_short_is_rejected(length: int) -> None:
    with pytest.raises(WireError) as caught:
        parse_tcp(data_segment().serialize(A, B)[:length], A, B)
    field = "length" if length < 20 else "data offset" if length < 32 else "checksum"
    assert (caught.value.layer, caught.value.field) == ("tcp", field)


@pytest.mark.parametrize("words", [0, 1, 4, 13, 15])
def test_impossible_data_offset_is_rejected(words: int) -> None:
    data = bytearray(data_segment().serialize(A, B))
    data[12] = words << 4
    with pytest.raises(WireError) as caught:
        parse_tcp(bytes(data), A, B)
    assert (caught.value.field, caught.value.value) == ("data offset", words * 4)


@pytest.mark.parametrize("at", [0, 5, 9, 13, 15, 16, 19, 25, 33, 49])
def test_flipped_bit_is_rejected(at: int) -> None:
    data = bytearray(data_segment().serialize(A, B))
    data[at] ^= 1
    with pytest.raises(WireError) as caught:
        parse_tcp(bytes(data), A, B)
    assert (caught.value.layer, caught.value.field) == ("tcp", "checksum")


def test_segment_of_another_pair_is_rejected() -> None:
    with pytest.raises(WireError, match="tcp checksum"):
        parse_tcp(data_segment().serialize(A, B), A + 1, B)


def test_options_that_do_not_fit_are_not_written() -> None:
    segment = data_segment()
    assert segment.options is not None
    segment.options.sack = [(1, 2)] * 4
    with pytest.raises(WireError, match="tcp options length"):
        segment.serialize(A, B)


def test_flags_are_named() -> None:
    assert format_flags(0) == "none"
    assert format_flags(SYN | ACK) == "SYN ACK"
    assert format_flags(0xFF) == "SYN FIN RST PSH ACK URG ECE CWR"


def test_repr_shows_what_matters() -> None:
    segment = TcpSegment(1, 2, 3, 4, SYN, 5, b"ab", None)
    segment.urgent = 6
    assert repr(segment) == "TcpSegment(1 > 2, SYN, seq=3, ack=4, window=5, 2 bytes, urgent=6)"
    assert repr(data_segment()).endswith("18 bytes, TcpOptions(TS val 1 ecr 2))")
