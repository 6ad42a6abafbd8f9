"""UDP-Lite datagrams: what the checksum covers."""

import pytest
from builders_wire import A, B, payloads, u16
from hypothesis import given
from hypothesis import strategies as st

from fourtuple.wire.address import parse_ip
from fourtuple.wire.checksum import internet_checksum, pseudo_header_sum
from fourtuple.wire.packet import WireError
from fourtuple.wire.udplite import UdpLiteDatagram, parse_udplite

A6, B6 = parse_ip("2001:db8::1"), parse_ip("2001:db8::2")


@given(u16, u16, payloads, st.integers(8, 2000))
def test_serialized_parses_back(source_port: int, port: int, payload: bytes, coverage: int) -> None:
    for covered in (0, min(coverage, 8 + len(payload))):
        datagram = UdpLiteDatagram(source_port, port, payload, covered)
        for source, destination in ((A, B), (A6, B6)):
            data = datagram.serialize(source, destination)
            parsed = parse_udplite(data, source, destination)
            assert (parsed.source_port, parsed.destination_port) == (source_port, port)
            assert (parsed.payload, parsed.coverage) == (payload, covered)


def test_checksum_is_over_the_pseudo_header_of_the_whole_and_the_covered_bytes() -> None:
    data = UdpLiteDatagram(1, 2, b"covered, not covered", 8 + 7).serialize(A, B)
    assert data[4:6] == b"\0\x0f"
    assert internet_checksum(data[:15], pseudo_header_sum(A, B, 136, len(data))) == 0


def test_damage_counts_only_where_it_is_covered() -> None:
    data = UdpLiteDatagram(1, 2, b"covered, not covered", 8 + 7).serialize(A, B)
    assert parse_udplite(data[:-1] + b"X", A, B).payload.endswith(b"covereX")
    with pytest.raises(WireError, match="udplite checksum"):
        parse_udplite(data[:8] + b"X" + data[9:], A, B)


@pytest.mark.parametrize(("at", "value"), [(4, b"\0\x07"), (4, b"\0\x1d"), (6, b"\0\0")])
def test_wrong_coverage_and_missing_checksum_are_rejected(at: int, value: bytes) -> None:
    data = UdpLiteDatagram(1, 2, b"twenty bytes of data", 0).serialize(A, B)
    with pytest.raises(WireError):
        parse_udplite(data[:at] + value + data[at + 2 :], A, B)


def test_cut_short_is_rejected() -> None:
    with pytest.raises(WireError, match="the header has 8 bytes"):
        parse_udplite(b"1234567", A, B)
