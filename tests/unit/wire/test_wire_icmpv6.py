import pytest
from builders_wire import A6, B6, icmpv6_messages, plain
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet6 import (
    ICMPv6EchoRequest,
    ICMPv6MLDMultAddrRec,
    ICMPv6MLQuery2,
    ICMPv6MLReport,
    ICMPv6MLReport2,
    ICMPv6ND_NA,
    ICMPv6ND_NS,
    ICMPv6ND_RA,
    ICMPv6ND_Redirect,
    ICMPv6ND_RS,
    ICMPv6NDOptDstLLAddr,
    ICMPv6NDOptMTU,
    ICMPv6NDOptPrefixInfo,
    ICMPv6NDOptRedirectedHdr,
    ICMPv6NDOptSrcLLAddr,
    ICMPv6PacketTooBig,
    IPv6,
)
from scapy.packet import Packet

from fourtuple.wire.address import V6_ANY, parse_ip
from fourtuple.wire.checksum import internet_checksum, pseudo_header_sum
from fourtuple.wire.icmpv6 import (
    ICMPV6_ECHO_REPLY,
    ICMPV6_ECHO_REQUEST,
    ICMPV6_PACKET_TOO_BIG,
    Icmpv6Message,
    parse_icmpv6,
)
from fourtuple.wire.icmpv6_base import Icmpv6Payload
from fourtuple.wire.mld import MLD_REPORT, MldMessage, MldQuery, MldReport
from fourtuple.wire.multicast import CHANGE_TO_EXCLUDE, MulticastRecord
from fourtuple.wire.ndp import (
    NdOptions,
    NeighbourAdvertisement,
    NeighbourSolicitation,
    PrefixInformation,
    Redirect,
    RouterAdvertisement,
    RouterSolicitation,
    parse_nd_options,
)
from fourtuple.wire.packet import WireError

MAC = 0x02000000000A
MAC_TEXT = "02:00:00:00:00:0a"
GROUP = parse_ip("ff02::1:3")


def scapys(message: Packet) -> bytes:
    return bytes(IPv6(src="2001:db8::1", dst="2001:db8::2") / message)[40:]


def parsed(data: bytes) -> Icmpv6Payload:
    """``data`` parsed with its checksum made right."""
    empty = data[:2] + b"\0\0" + data[4:]
    checksum = internet_checksum(empty, pseudo_header_sum(A6, B6, 58, len(data)))
    return parse_icmpv6(data[:2] + checksum.to_bytes(2, "big") + data[4:], A6, B6)


def link(source: int = -1, target: int = -1) -> NdOptions:
    options = NdOptions()
    options.source_link, options.target_link = source, target
    return options


def router_advertisement() -> RouterAdvertisement:
    options = link(source=MAC)
    options.mtu = 1400
    options.prefixes = [PrefixInformation(A6 & ~1, 64, True, True, 600, 300)]
    made = RouterAdvertisement(1800, options)
    made.hop_limit, made.managed, made.reachable_time, made.retransmit_time = 64, True, 1, 2
    return made


def mld_query() -> MldQuery:
    query = MldQuery(2, 10000, GROUP)
    query.suppress, query.robustness, query.interval, query.sources = True, 2, 125, [A6]
    return query


def mld_report() -> MldReport:
    return MldReport([MulticastRecord(CHANGE_TO_EXCLUDE, GROUP, [A6])])


def redirect() -> Redirect:
    options = link(target=MAC)
    options.redirected = bytes(48)
    return Redirect(A6, B6, options)


EXAMPLES = [
    (
        Icmpv6Message(ICMPV6_ECHO_REQUEST, 0, 0x12340007, b"ping"),
        ICMPv6EchoRequest(id=0x1234, seq=7, data=b"ping"),
    ),
    (Icmpv6Message(ICMPV6_PACKET_TOO_BIG, 0, 1280, bytes(48)), ICMPv6PacketTooBig(mtu=1280) / bytes(48)),
    (RouterSolicitation(link(source=MAC)), ICMPv6ND_RS() / ICMPv6NDOptSrcLLAddr(lladdr=MAC_TEXT)),
    (
        router_advertisement(),
        ICMPv6ND_RA(chlim=64, M=1, O=0, prf=0, routerlifetime=1800, reachabletime=1, retranstimer=2)
        / ICMPv6NDOptSrcLLAddr(lladdr=MAC_TEXT)
        / ICMPv6NDOptPrefixInfo(
            prefix="2001:db8::", prefixlen=64, L=1, A=1, R=0, validlifetime=600, preferredlifetime=300
        )
        / ICMPv6NDOptMTU(mtu=1400),
    ),
    (
        NeighbourSolicitation(B6, link(source=MAC)),
        ICMPv6ND_NS(tgt="2001:db8::2") / ICMPv6NDOptSrcLLAddr(lladdr=MAC_TEXT),
    ),
    (
        NeighbourAdvertisement(B6, True, True, False, link(target=MAC)),
        ICMPv6ND_NA(tgt="2001:db8::2", R=1, S=1, O=0) / ICMPv6NDOptDstLLAddr(lladdr=MAC_TEXT),
    ),
    (
        redirect(),
        ICMPv6ND_Redirect(tgt="2001:db8::1", dst="2001:db8::2")
        / ICMPv6NDOptDstLLAddr(lladdr=MAC_TEXT)
        / ICMPv6NDOptRedirectedHdr(len=7, pkt=bytes(48)),
    ),
    (mld_query(), ICMPv6MLQuery2(mladdr="ff02::1:3", S=1, QRV=2, QQIC=125, sources=["2001:db8::1"])),
    (MldMessage(MLD_REPORT, GROUP), ICMPv6MLReport(mladdr="ff02::1:3")),
    (
        mld_report(),
        ICMPv6MLReport2(records=[ICMPv6MLDMultAddrRec(rtype=4, dst="ff02::1:3", sources=["2001:db8::1"])]),
    ),
]


@pytest.mark.parametrize(("ours", "theirs"), EXAMPLES, ids=lambda value: type(value).__name__)
def test_message_equals_scapys_bytes(ours: Icmpv6Payload, theirs: Packet) -> None:
    assert ours.serialize(A6, B6).hex(" ") == scapys(theirs).hex(" ")


@given(icmpv6_messages())
def test_serialized_parses_back(message: Icmpv6Payload) -> None:
    data = message.serialize(A6, B6)
    assert len(data) == message.wire_length()
    assert plain(parse_icmpv6(data, A6, B6)) == plain(message)


@pytest.mark.parametrize("message", [ours for ours, _ in EXAMPLES], ids=lambda value: type(value).__name__)
def test_cut_short_is_rejected_or_another_message(message: Icmpv6Payload) -> None:
    data = message.serialize(A6, B6)
    for length in range(len(data)):
        with pytest.raises(WireError):
            parse_icmpv6(data[:length], A6, B6)
        if length < 8:
            continue
        try:
            shorter = parsed(data[:length])
        except WireError as error:
            layer = error.layer
        else:
            # Only where a message or an option may end.
            layer = ""
            assert shorter.wire_length() == length
        assert layer in ("", "ndp", "mld")


@given(st.integers(0, 255), st.binary(min_size=7, max_size=120))
def test_arbitrary_body_parses_stably_or_raises_wire_error(type: int, rest: bytes) -> None:
    try:
        message = parsed(bytes((type,)) + rest)
    except WireError:
        return
    assert plain(parse_icmpv6(message.serialize(A6, B6), A6, B6)) == plain(message)


def test_wrong_checksum_is_rejected() -> None:
    data = Icmpv6Message(ICMPV6_ECHO_REPLY, 0, 1, b"x").serialize(A6, B6)
    with pytest.raises(WireError, match="icmpv6 checksum"):
        parse_icmpv6(data, A6, B6 + 1)


@pytest.mark.parametrize(
    ("data", "layer", "field", "value"),
    [
        ("87 01" + "00" * 22, "ndp", "code", 1),
        ("87 00" + "00" * 21, "ndp", "length", 23),
        ("86 00" + "00" * 13, "ndp", "length", 15),
        ("89 00" + "00" * 37, "ndp", "length", 39),
        ("87 00" + "00" * 6 + "ff02" + "00" * 14, "ndp", "target", "ff02::"),
        ("88 00" + "00" * 6 + "ff02" + "00" * 14, "ndp", "target", "ff02::"),
        ("89 00" + "00" * 22 + "ff02" + "00" * 14, "ndp", "destination", "ff02::"),
        ("82 00" + "00" * 21, "mld", "length", 23),
        ("82 00" + "00" * 23, "mld", "length", 25),
        ("83 00" + "00" * 18, "mld", "length", 20),
        ("82 00" + "00" * 22 + "02000001", "mld", "number of sources", 1),
        ("8f 00" + "00" * 4 + "0001", "mld", "number of records", 1),
        ("8f 00" + "00" * 4 + "0001 04000001" + "00" * 16, "mld", "number of sources", 1),
        ("8f 00" + "00" * 4 + "0001 04020000" + "00" * 16, "mld", "auxiliary length", 2),
    ],
)
def test_impossible_message_is_rejected(data: str, layer: str, field: str, value: object) -> None:
    with pytest.raises(WireError) as caught:
        parsed(bytes.fromhex(data))
    assert (caught.value.layer, caught.value.field, caught.value.value) == (layer, field, value)


@pytest.mark.parametrize(
    ("data", "field", "value"),
    [
        ("01", "option length", 1),
        ("0100" + "00" * 6, "option length", 0),
        ("0101" + "00" * 5, "option length", 8),
        ("0102" + "00" * 14, "option length", 16),
        ("0202" + "00" * 14, "option length", 16),
        ("0303" + "00" * 22, "option length", 24),
        ("0502" + "00" * 14, "option length", 16),
        ("fe02" + "00" * 6, "option length", 16),
        ("0304 81" + "00" * 29, "prefix length", 129),
    ],
)
def test_wrong_option_is_rejected(data: str, field: str, value: int) -> None:
    with pytest.raises(WireError) as caught:
        parse_nd_options(bytes.fromhex(data))
    assert (caught.value.layer, caught.value.field, caught.value.value) == ("ndp", field, value)


def test_option_that_is_no_multiple_of_eight_is_not_written() -> None:
    options = NdOptions()
    options.redirected = b"12345"
    with pytest.raises(WireError, match="ndp option length 13"):
        options.serialize()
    options.redirected = None
    options.unknown = [(200, bytes(2046))]
    with pytest.raises(WireError, match="ndp option length 2048"):
        options.serialize()


def test_auxiliary_data_of_a_record_is_skipped() -> None:
    record = bytes((4, 1, 0, 0)) + GROUP.to_bytes(16, "big") + b"auxi"
    message = parsed(bytes.fromhex("8f000000 00000002") + record + record)
    assert isinstance(message, MldReport)
    assert [entry.group for entry in message.records] == [GROUP, GROUP]


def test_version_of_a_query_is_told_by_its_length() -> None:
    one = parsed(bytes.fromhex("82000000 03e80000") + bytes(16))
    two = parsed(bytes.fromhex("82000000 03e80000") + bytes(20))
    assert isinstance(one, MldQuery)
    assert isinstance(two, MldQuery)
    assert [(query.version, query.max_response, query.group) for query in (one, two)] == [
        (1, 1000, V6_ANY),
        (2, 1000, V6_ANY),
    ]


def test_is_error_tells_reports_from_queries() -> None:
    assert Icmpv6Message(ICMPV6_PACKET_TOO_BIG, 0, 0, b"").is_error()
    assert not Icmpv6Message(ICMPV6_ECHO_REQUEST, 0, 0, b"").is_error()


def test_repr_says_what_each_message_says() -> None:
    assert repr(EXAMPLES[0][0]) == "Icmpv6Message(type=128, code=0, rest=0x12340007, 4 bytes)"
    assert repr(RouterSolicitation(link(source=MAC))) == f"RouterSolicitation(NdOptions(source {MAC_TEXT}))"
    assert repr(router_advertisement()) == (
        f"RouterAdvertisement(lifetime=1800, NdOptions(source {MAC_TEXT}, "
        "PrefixInformation(2001:db8::/64), mtu 1400))"
    )
    assert repr(NeighbourSolicitation(B6, NdOptions())) == "NeighbourSolicitation(2001:db8::2, NdOptions())"
    assert repr(NeighbourAdvertisement(B6, True, True, True, NdOptions())) == (
        "NeighbourAdvertisement(2001:db8::2, router, solicited, override, NdOptions())"
    )
    assert repr(redirect()) == (
        f"Redirect(2001:db8::2 by 2001:db8::1, NdOptions(target {MAC_TEXT}, redirected 48 bytes))"
    )
    options = NdOptions()
    options.unknown = [(14, b"sixbyt")]
    assert repr(options) == "NdOptions(option 14 736978627974)"
    assert repr(mld_query()) == "MldQuery(version=2, ff02::1:3, max_response=10000, sources 2001:db8::1)"
    assert repr(MldMessage(MLD_REPORT, GROUP)) == "MldMessage(type=131, ff02::1:3)"
    assert repr(mld_report()) == "MldReport([MulticastRecord(type=4, ff02::1:3, [2001:db8::1])])"
