import pytest
from builders_wire import A, B, icmp_messages, plain
from hypothesis import given
from scapy.layers.inet import ICMP, IP

from fourtuple.wire.icmp import (
    ICMP_ECHO_REPLY,
    ICMP_ECHO_REQUEST,
    ICMP_PARAMETER_PROBLEM,
    ICMP_REDIRECT,
    ICMP_TIME_EXCEEDED,
    ICMP_UNREACHABLE,
    UNREACHABLE_FRAGMENTATION_NEEDED,
    IcmpMessage,
    echo_rest,
    parse_icmp,
)
from fourtuple.wire.packet import WireError

ECHO = IcmpMessage(ICMP_ECHO_REQUEST, 0, echo_rest(0x1234, 7), b"abcdefg")


def test_echo_equals_scapys_bytes() -> None:
    assert ECHO.serialize(A, B) == bytes(ICMP(type=8, id=0x1234, seq=7) / b"abcdefg")


def test_fragmentation_needed_equals_scapys_bytes() -> None:
    quoted = bytes(IP(src="10.0.0.1", dst="10.0.0.2", proto=17, len=1500)) + bytes(8)
    ours = IcmpMessage(ICMP_UNREACHABLE, UNREACHABLE_FRAGMENTATION_NEEDED, 1400, quoted)
    assert ours.serialize(B, A) == bytes(ICMP(type=3, code=4, nexthopmtu=1400) / quoted)


def test_all_zero_message_has_checksum_of_all_ones() -> None:
    data = IcmpMessage(ICMP_ECHO_REPLY, 0, 0, b"").serialize(A, B)
    assert data == b"\0\0\xff\xff\0\0\0\0"
    assert parse_icmp(data).rest == 0


@given(icmp_messages)
def test_serialized_parses_back(message: IcmpMessage) -> None:
    data = message.serialize(A, B)
    assert len(data) == message.wire_length()
    assert plain(parse_icmp(data)) == plain(message)


@pytest.mark.parametrize("length", range(15))
def test_cut_short_is_rejected(length: int) -> None:
    with pytest.raises(WireError) as caught:
        parse_icmp(ECHO.serialize(A, B)[:length])
    assert caught.value.field == ("length" if length < 8 else "checksum")


@pytest.mark.parametrize("at", range(15))
def test_flipped_bit_is_rejected(at: int) -> None:
    data = bytearray(ECHO.serialize(A, B))
    data[at] ^= 0x10
    with pytest.raises(WireError) as caught:
        parse_icmp(bytes(data))
    assert (caught.value.layer, caught.value.field) == ("icmp", "checksum")


def test_is_error_tells_reports_from_queries() -> None:
    errors = [type for type in range(256) if IcmpMessage(type, 0, 0, b"").is_error()]
    assert errors == [ICMP_UNREACHABLE, 4, ICMP_REDIRECT, ICMP_TIME_EXCEEDED, ICMP_PARAMETER_PROBLEM]
    assert repr(ECHO) == "IcmpMessage(type=8, code=0, rest=0x12340007, 7 bytes)"
