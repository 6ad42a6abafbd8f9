import dpkt
import pytest
from builders_wire import plain, tcp_options
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import TCP

from fourtuple.wire.packet import WireError
from fourtuple.wire.tcp_options import TcpOptions, parse_tcp_options


def options(**fields: object) -> TcpOptions:
    made = TcpOptions()
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def scapys(*entries: tuple[str, object]) -> bytes:
    return bytes(TCP(options=list(entries)))[20:]


def test_none_set_takes_no_room() -> None:
    assert TcpOptions().serialize() == b""
    assert TcpOptions().wire_length() == 0


def test_syn_of_linux_equals_scapys_bytes() -> None:
    ours = options(mss=1460, sack_permitted=True, timestamps=True, ts_val=7, ts_ecr=0, wscale=7)
    theirs = scapys(("MSS", 1460), ("SAckOK", b""), ("Timestamp", (7, 0)), ("NOP", None), ("WScale", 7))
    assert ours.serialize() == theirs


def test_syn_without_timestamps_aligns_sack_permitted_with_nops() -> None:
    ours = options(mss=536, sack_permitted=True, wscale=0)
    assert ours.serialize().hex(" ") == "02 04 02 18 01 01 04 02 01 03 03 00"


def test_syn_without_sack_aligns_timestamps_with_nops() -> None:
    ours = options(mss=536, timestamps=True, ts_val=1, ts_ecr=2)
    assert ours.serialize().hex(" ") == "02 04 02 18 01 01 08 0a 00 00 00 01 00 00 00 02"


def test_ack_with_sack_equals_scapys_bytes() -> None:
    ours = options(timestamps=True, ts_val=1, ts_ecr=2, sack=[(10, 20), (30, 40)])
    nop = ("NOP", None)
    theirs = scapys(nop, nop, ("Timestamp", (1, 2)), nop, nop, ("SAck", (10, 20, 30, 40)))
    assert ours.serialize() == theirs


def test_fastopen_cookie_is_padded_behind() -> None:
    assert options(fastopen=b"").serialize().hex(" ") == "22 02 01 01"
    assert options(fastopen=b"cookie").serialize().hex(" ") == "22 08 63 6f 6f 6b 69 65"


def test_dpkt_reads_what_is_written() -> None:
    ours = options(mss=1400, wscale=3, unknown=[(254, b"\xf9\x89x")])
    theirs = [entry for entry in dpkt.tcp.parse_opts(ours.serialize()) if entry[0] != dpkt.tcp.TCP_OPT_NOP]
    assert theirs == [(2, b"\x05\x78"), (3, b"\x03"), (254, b"\xf9\x89x")]


@given(tcp_options())
def test_serialized_parses_back(made: TcpOptions | None) -> None:
    if made is None:
        return
    data = made.serialize()
    assert len(data) == made.wire_length()
    assert len(data) % 4 == 0
    assert plain(parse_tcp_options(data)) == plain(made)


def test_options_that_fit_only_packed_are_packed() -> None:
    # Tight, 40 bytes; in Linux's alignment the same would need 44.
    data = bytes.fromhex("020405b4 0402 080a0000000100000002 030307") + bytes((253, 21)) + bytes(19)
    parsed = parse_tcp_options(data)
    assert parsed.wire_length() == 40
    assert plain(parse_tcp_options(parsed.serialize())) == plain(parsed)


def test_more_than_forty_bytes_are_not_written() -> None:
    with pytest.raises(WireError, match="tcp options length 42"):
        options(sack=[(1, 2)] * 5).serialize()


def test_repeated_option_counts_by_its_last() -> None:
    parsed = parse_tcp_options(bytes.fromhex("020405b4 02040218 050a0000000100000002 050a0000000300000004"))
    assert parsed.mss == 536
    assert parsed.sack == [(1, 2), (3, 4)]


def test_bytes_behind_the_end_are_ignored() -> None:
    assert plain(parse_tcp_options(b"\x01\x00\x02\x09")) == plain(TcpOptions())


@pytest.mark.parametrize("data", ["02", "0200", "fd01", "020405", "fd04ff"])
def test_length_that_cannot_be_ends_the_options(data: str) -> None:
    """RFC 9293 MUST-7; what came before it counts."""
    assert plain(parse_tcp_options(bytes.fromhex(data))) == plain(TcpOptions())
    assert plain(parse_tcp_options(bytes.fromhex("030307" + data))) == plain(options(wscale=7))


@pytest.mark.parametrize(
    "data",
    [
        "02050102ff",
        "020301",
        "0302",
        "03040101",
        "040300",
        "080900000000000000",
        "0502",
        "0506000000ff",
        "050b000000000000000000",
    ],
)
def test_length_wrong_for_its_kind_makes_an_option_unknown(data: str) -> None:
    raw = bytes.fromhex(data)
    expected = options(wscale=7)
    expected.unknown.append((raw[0], raw[2:]))
    assert plain(parse_tcp_options(raw + b"\x03\x03\x07")) == plain(expected)


@given(st.binary(max_size=40))
def test_arbitrary_bytes_parse_stably(data: bytes) -> None:
    parsed = parse_tcp_options(data)
    try:
        written = parsed.serialize()
    except WireError:
        # Options given more than once need more room once each is padded.
        return
    assert plain(parse_tcp_options(written)) == plain(parsed)


def test_repr_names_what_is_set() -> None:
    made = options(mss=1460, sack_permitted=True, timestamps=True, ts_val=1, ts_ecr=2, wscale=7, fastopen=b"")
    assert repr(made) == "TcpOptions(mss 1460, sackOK, TS val 1 ecr 2, wscale 7, tfo request)"
    assert (
        repr(options(sack=[(1, 2), (3, 4)], unknown=[(254, b"\x01")]))
        == "TcpOptions(sack 1:2 3:4, option 254 01)"
    )
