import pytest
from builders_wire import A, B, frames, plain
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import ARP, Ether

from fourtuple.wire.arp import ARP_REQUEST, ArpPacket
from fourtuple.wire.ethernet import (
    ETHERTYPE_ARP,
    ETHERTYPE_IPV4,
    EthernetFrame,
    RawFramePayload,
    parse_frame,
)
from fourtuple.wire.fingerprint import fingerprint
from fourtuple.wire.ipv4 import Ipv4Packet
from fourtuple.wire.packet import WireError
from fourtuple.wire.tcp import SYN, TcpSegment


def syn_frame() -> EthernetFrame:
    packet = Ipv4Packet(A, B, 6, TcpSegment(1, 2, 3, 0, SYN, 4, b"", None))
    return EthernetFrame(0x02000000000A, 0x02000000000B, ETHERTYPE_IPV4, packet)


def test_segment_in_packet_in_frame_equals_scapys_bytes() -> None:
    theirs = Ether(dst="02:00:00:00:00:0a", src="02:00:00:00:00:0b") / IP(
        src="10.0.0.1", dst="10.0.0.2", id=0
    )
    assert syn_frame().serialize() == bytes(theirs / TCP(sport=1, dport=2, seq=3, window=4))


def test_arp_broadcast_equals_scapys_bytes() -> None:
    ours = EthernetFrame(0xFFFFFFFFFFFF, 1, ETHERTYPE_ARP, ArpPacket(ARP_REQUEST, 1, A, 0, B))
    theirs = Ether(dst="ff:ff:ff:ff:ff:ff", src="00:00:00:00:00:01") / ARP(
        hwsrc="00:00:00:00:00:01", psrc="10.0.0.1", hwdst="00:00:00:00:00:00", pdst="10.0.0.2"
    )
    assert ours.serialize() == bytes(theirs)


@given(frames())
def test_serialized_parses_back(frame: EthernetFrame) -> None:
    data = frame.serialize()
    assert len(data) == frame.wire_length()
    assert plain(parse_frame(data)) == plain(frame)


@given(frames())
def test_fingerprint_survives_bytes(frame: EthernetFrame) -> None:
    made = fingerprint(frame)
    assert frame.fingerprint == made
    assert fingerprint(parse_frame(frame.serialize())) == made


@given(frames(), frames())
def test_fingerprints_of_different_frames_differ(one: EthernetFrame, other: EthernetFrame) -> None:
    assert (fingerprint(one) == fingerprint(other)) == (plain(one) == plain(other))


@pytest.mark.parametrize("length", range(54))
def test_cut_short_is_rejected(length: int) -> None:
    with pytest.raises(WireError) as caught:
        parse_frame(syn_frame().serialize()[:length])
    assert caught.value.layer == ("ethernet" if length < 14 else "ipv4")


@given(st.binary(max_size=100))
def test_arbitrary_bytes_parse_or_raise_wire_error(data: bytes) -> None:
    try:
        frame = parse_frame(data)
    except WireError:
        return
    assert frame.wire_length() <= len(data)


def test_error_names_layer_field_value_and_rule() -> None:
    with pytest.raises(WireError) as caught:
        parse_frame(b"short")
    assert str(caught.value) == "ethernet length 5: the header has 14 bytes"
    assert caught.value.rule == "the header has 14 bytes"


@given(frames(), st.data())
def test_damaged_frame_parses_stably_or_raises_wire_error(frame: EthernetFrame, draw: st.DataObject) -> None:
    data = bytearray(frame.serialize())
    for _ in range(draw.draw(st.integers(1, 4))):
        data[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    damaged = bytes(data[: draw.draw(st.integers(0, len(data)))]) if draw.draw(st.booleans()) else bytes(data)
    try:
        parsed = parse_frame(damaged)
    except WireError:
        return
    again = parse_frame(parsed.serialize())
    assert plain(again) == plain(parsed)
    assert fingerprint(again) == fingerprint(parsed)


def test_unknown_ethertype_stays_raw() -> None:
    frame = parse_frame(EthernetFrame(1, 2, 0x88B5, RawFramePayload(b"lldp")).serialize())
    assert (frame.destination, frame.source, frame.ethertype) == (1, 2, 0x88B5)
    assert isinstance(frame.payload, RawFramePayload)
    assert frame.payload.data == b"lldp"


def test_repr_goes_down_to_the_segment() -> None:
    assert repr(syn_frame()) == (
        "EthernetFrame(02:00:00:00:00:0b > 02:00:00:00:00:0a, 0x0800, "
        "Ipv4Packet(10.0.0.1 > 10.0.0.2, ttl=64, protocol=6, "
        "TcpSegment(1 > 2, SYN, seq=3, ack=0, window=4, 0 bytes)))"
    )
    assert repr(EthernetFrame(1, 2, 0x88B5, RawFramePayload(b"x"))).endswith("RawFramePayload(1 bytes))")
