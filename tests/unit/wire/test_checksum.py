from builders_wire import A, B, payloads
from hypothesis import example, given
from hypothesis import strategies as st

from fourtuple.wire.address import parse_ip
from fourtuple.wire.checksum import internet_checksum, pseudo_header_sum


def one_by_one(data: bytes, initial: int) -> int:
    """RFC 1071 §4.1, word by word."""
    if len(data) % 2:
        data += b"\0"
    total = initial
    for at in range(0, len(data), 2):
        total += data[at] << 8 | data[at + 1]
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def test_example_of_rfc_1071() -> None:
    assert internet_checksum(bytes.fromhex("0001f203f4f5f6f7"), 0) == 0xFFFF - 0xDDF2


@given(payloads, st.integers(0, 2**20))
@example(b"", 0)
@example(b"\xff\xff", 0)
@example(b"\xff" * 1460, 0)
@example(b"\0" * 1460, 0)
@example(b"\0" * 511, 0)
@example(b"\xff" * 513, 0xFFFF)
def test_equals_the_sum_word_by_word(data: bytes, initial: int) -> None:
    assert internet_checksum(data, initial) == one_by_one(data, initial)


@given(st.binary(max_size=1600).filter(lambda data: len(data) % 2 == 0))
def test_is_zero_over_data_that_holds_it(data: bytes) -> None:
    filled = data + internet_checksum(data, 0).to_bytes(2, "big")
    assert internet_checksum(filled, 0) == 0


def test_pseudo_header_of_ipv4_is_its_sixteen_bit_words() -> None:
    header = bytes.fromhex("0a000001 0a000002 0006 0014")
    assert internet_checksum(b"", pseudo_header_sum(A, B, 6, 20)) == internet_checksum(header, 0)


def test_pseudo_header_of_ipv6_is_its_sixteen_bit_words() -> None:
    source, destination = parse_ip("fe80::1:2"), parse_ip("2001:db8:ffff::9")
    header = source.to_bytes(16, "big") + destination.to_bytes(16, "big") + bytes.fromhex("00000014 0000003a")
    assert internet_checksum(b"", pseudo_header_sum(source, destination, 58, 20)) == internet_checksum(
        header, 0
    )
