"""DNS messages: what is read from a question, what an answer looks like, and bytes that are neither."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fourtuple.wire.dns import (
    FLAG_AA,
    FLAG_TC,
    NOERROR,
    TYPE_A,
    TYPE_TXT,
    DnsError,
    DnsRecord,
    build_response,
    encode_name,
    error_response,
    parse_query,
)


def question(name=b"\x03www\x04test\x00", qtype=1, flags=0x0100, additional=b"", count=1):
    more = (1 if additional else 0).to_bytes(2, "big")
    head = b"\x12\x34" + flags.to_bytes(2, "big") + count.to_bytes(2, "big") + b"\0\0\0\0" + more
    return head + name + qtype.to_bytes(2, "big") + b"\0\1" + additional


EDNS = b"\0\0\x29\x10\0\0\0\0\0\0\0"


def test_question_is_read():
    query = parse_query(question())
    assert (query.ident, query.name, query.qtype, query.qclass) == (0x1234, "www.test", TYPE_A, 1)
    assert (query.edns, query.size) == (False, 512)


def test_edns_tells_the_size_of_an_answer():
    query = parse_query(question(additional=EDNS))
    assert (query.edns, query.edns_version, query.size) == (True, 0, 4096)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        question()[:11],
        question()[:-1],
        question(count=0),
        question(count=2),
        question(flags=0x8000),
        question(name=b"\xc0\x0c"),
        question(name=b"\x40" + bytes(70)),
        question(name=b"\x0flong"),
    ],
    ids=["empty", "header", "cut", "none", "two", "answer", "loop", "label", "beyond"],
)
def test_what_is_no_question_is_refused(data):
    with pytest.raises(DnsError):
        parse_query(data)


@given(st.binary(max_size=80))
def test_any_bytes_are_a_question_or_refused(data):
    try:
        parse_query(data)
    except DnsError:
        pass
    answer = error_response(data, 1)
    assert answer == b"" or (answer[:2] == data[:2] and len(answer) == 12)


def test_answer_points_to_the_name_asked_for():
    record = DnsRecord("WWW.test", TYPE_A, 60, b"\x0a\0\0\1")
    data = build_response(parse_query(question()), NOERROR, FLAG_AA, [record], [], [], 512)
    assert data[:12].hex() == "123485000001000100000000"
    assert data[len(question()) :].hex() == "c00c000100010000003c00040a000001"


def test_what_does_not_fit_is_left_out_and_said():
    records = [DnsRecord("www.test", TYPE_TXT, 1, bytes(200)) for _ in range(5)]
    data = build_response(parse_query(question()), NOERROR, 0, records, [], [], 512)
    assert len(data) <= 512
    assert int.from_bytes(data[2:4], "big") & FLAG_TC
    assert int.from_bytes(data[6:8], "big") == 2


@pytest.mark.parametrize("name", ["a..b", "a" * 64, ".".join(["a" * 60] * 5)])
def test_names_that_fit_no_message_are_refused(name):
    with pytest.raises(DnsError):
        encode_name(name)
