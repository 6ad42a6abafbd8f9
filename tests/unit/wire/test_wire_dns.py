"""DNS messages: what is read from a question, what an answer looks like, and bytes that are neither."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fourtuple.wire.dns import (
    FLAG_AA,
    FLAG_TC,
    NOERROR,
    TYPE_A,
    TYPE_CNAME,
    TYPE_TXT,
    DnsError,
    DnsRecord,
    build_query,
    build_response,
    encode_name,
    error_response,
    parse_query,
    parse_reply,
    read_name,
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


@given(st.binary(max_size=120), st.booleans())
def test_any_bytes_are_an_answer_or_refused(data, likely):
    if likely:
        data = b"\x12\x34\x81\x80\0\1\0\2\0\0\0\0\1a\0\0\1\0\1" + data
    try:
        reply = parse_reply(data)
    except ValueError:
        return
    for record in reply.answers:
        assert record.type != TYPE_CNAME or encode_name(read_name(record.data)) == record.data


def test_an_answer_is_read_as_it_was_made():
    alias = DnsRecord("www.test", TYPE_CNAME, 60, encode_name("a.test"))
    address = DnsRecord("a.test", TYPE_A, 61, b"\x0a\0\0\1")
    data = build_response(
        parse_query(build_query(7, "www.test", TYPE_A)), NOERROR, 0, [alias, address], [], [], 512
    )
    reply = parse_reply(data)
    assert (reply.ident, reply.name, reply.qtype, reply.rcode()) == (7, "www.test", TYPE_A, NOERROR)
    read = [(each.name, each.type, each.ttl, each.data) for each in reply.answers]
    assert read == [(each.name, each.type, each.ttl, each.data) for each in (alias, address)]


def test_pointers_in_names_of_records_are_followed():
    head = build_query(7, "www.test", TYPE_A)
    data = head[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + head[12:]
    data += b"\xc0\x0c\0\5\0\1\0\0\0\x3c\0\4\1b\xc0\x10"
    (record,) = parse_reply(data).answers
    assert read_name(record.data) == "b.test"


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
