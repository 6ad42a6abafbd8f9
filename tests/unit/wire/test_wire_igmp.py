import pytest
from builders_wire import A, B, igmp_messages, plain
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.igmp import IGMPv2_LG, IGMPv2_MR, IGMPv3_MQ, IGMPv3_MR, IGMPv3_MR_Group

from fourtuple.wire.address import V4_ANY, parse_ip
from fourtuple.wire.checksum import internet_checksum
from fourtuple.wire.igmp import (
    IGMP_LEAVE,
    IGMPV2_REPORT,
    IgmpMessage,
    IgmpQuery,
    IgmpReport,
    parse_igmp,
)
from fourtuple.wire.multicast import (
    CHANGE_TO_EXCLUDE,
    MODE_IS_INCLUDE,
    MulticastRecord,
    igmp_time,
    mld_time,
)
from fourtuple.wire.packet import Payload, RawPayload, WireError

GROUP = parse_ip("239.1.2.3")


def with_checksum(data: bytes) -> bytes:
    return data[:2] + internet_checksum(data[:2] + b"\0\0" + data[4:], 0).to_bytes(2, "big") + data[4:]


def report() -> IgmpReport:
    return IgmpReport(
        [MulticastRecord(CHANGE_TO_EXCLUDE, GROUP, []), MulticastRecord(MODE_IS_INCLUDE, GROUP, [A, B])]
    )


def test_version_2_report_and_leave_equal_scapys_bytes() -> None:
    report, leave = IGMPv2_MR(type=0x16, gaddr="239.1.2.3"), IGMPv2_LG(type=0x17, gaddr="239.1.2.3")
    assert IgmpMessage(IGMPV2_REPORT, GROUP).serialize(A, B) == bytes(report)
    assert IgmpMessage(IGMP_LEAVE, GROUP).serialize(A, B) == bytes(leave)


def test_version_3_report_equals_scapys_bytes() -> None:
    records = [
        IGMPv3_MR_Group(rtype=4, maddr="239.1.2.3"),
        IGMPv3_MR_Group(rtype=1, maddr="239.1.2.3", srcaddrs=["10.0.0.1", "10.0.0.2"]),
    ]
    assert report().serialize(A, B) == bytes(IGMPv3_MR(type=0x22, records=records))


def test_version_3_query_equals_scapys_bytes() -> None:
    query = IgmpQuery(3, 100, GROUP)
    query.suppress, query.robustness, query.interval, query.sources = True, 2, 125, [A]
    theirs = IGMPv3_MQ(type=0x11, mrcode=100, gaddr="239.1.2.3", s=1, qrv=2, qqic=125, srcaddrs=["10.0.0.1"])
    assert query.serialize(B, GROUP) == bytes(theirs)


@given(igmp_messages())
def test_serialized_parses_back(message: Payload) -> None:
    data = message.serialize(A, B)
    assert len(data) == message.wire_length()
    assert plain(parse_igmp(data)) == plain(message)


@pytest.mark.parametrize(("length", "version"), [(8, 2), (12, 3), (13, 3)])
def test_version_of_a_query_is_told_by_its_length(length: int, version: int) -> None:
    parsed = parse_igmp(with_checksum(b"\x11\x64" + bytes(length - 2)))
    assert isinstance(parsed, IgmpQuery)
    assert (parsed.version, parsed.max_response, parsed.group) == (version, 100, V4_ANY)


@given(st.sampled_from([0x11, 0x12, 0x22]), st.binary(min_size=7, max_size=60))
def test_arbitrary_message_parses_stably_or_raises_wire_error(type: int, rest: bytes) -> None:
    try:
        message = parse_igmp(with_checksum(bytes((type,)) + rest))
    except WireError:
        return
    assert plain(parse_igmp(message.serialize(A, B))) == plain(message)


def test_unknown_type_stays_raw() -> None:
    data = with_checksum(b"\x99" + bytes(9))
    assert plain(parse_igmp(data)) == plain(RawPayload(data))


def test_auxiliary_data_is_skipped() -> None:
    data = with_checksum(bytes.fromhex("22000000 00000002 04010000 ef010203 deadbeef 04000000 ef010204"))
    parsed = parse_igmp(data)
    assert isinstance(parsed, IgmpReport)
    assert [record.group for record in parsed.records] == [GROUP, GROUP + 1]


@pytest.mark.parametrize("length", range(32))
def test_report_cut_short_is_rejected(length: int) -> None:
    data = report().serialize(A, B)[:length]
    with pytest.raises(WireError) as caught:
        parse_igmp(with_checksum(data) if length >= 8 else data)
    field = "length" if length < 8 else "number of records" if length < 24 else "number of sources"
    assert (caught.value.layer, caught.value.field) == ("igmp", field)


@pytest.mark.parametrize(
    ("data", "field", "value"),
    [
        ("11640000 00000000 000000", "length", 11),
        ("11640000 00000000 02000001", "number of sources", 1),
        ("11640000 00000000 0200ffff 00000000", "number of sources", 65535),
        ("22000000 00000001 04010000 ef010203", "auxiliary length", 1),
        ("22000000 00000001", "number of records", 1),
    ],
)
def test_impossible_message_is_rejected(data: str, field: str, value: int) -> None:
    with pytest.raises(WireError) as caught:
        parse_igmp(with_checksum(bytes.fromhex(data)))
    assert (caught.value.layer, caught.value.field, caught.value.value) == ("igmp", field, value)


def test_flipped_bit_is_rejected() -> None:
    data = bytearray(report().serialize(A, B))
    data[9] ^= 1
    with pytest.raises(WireError, match="igmp checksum"):
        parse_igmp(bytes(data))


def test_times_are_plain_up_to_half_and_floats_above() -> None:
    assert [igmp_time(code) for code in (0, 127, 128, 0x8F, 0xFF)] == [0, 127, 128, 248, 31744]
    assert [mld_time(code) for code in (0, 32767, 32768, 0xFFFF)] == [0, 32767, 32768, 8387584]


def test_repr_names_groups_and_sources() -> None:
    query = IgmpQuery(3, 100, GROUP)
    query.sources = [A]
    assert repr(query) == "IgmpQuery(version=3, 239.1.2.3, max_response=100, sources 10.0.0.1)"
    assert repr(IgmpMessage(IGMP_LEAVE, GROUP)) == "IgmpMessage(type=0x17, 239.1.2.3)"
    assert "MulticastRecord(type=1, 239.1.2.3, [10.0.0.1, 10.0.0.2])" in repr(report())
