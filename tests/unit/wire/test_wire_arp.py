import dpkt
import pytest
from builders_wire import A, B, arp_packets, plain
from hypothesis import given
from scapy.layers.l2 import ARP

from fourtuple.wire.arp import ARP_REPLY, ARP_REQUEST, ArpPacket, parse_arp
from fourtuple.wire.packet import WireError

REQUEST = ArpPacket(ARP_REQUEST, 0x020000000001, A, 0, B)


def test_request_equals_scapys_bytes() -> None:
    theirs = ARP(op=1, hwsrc="02:00:00:00:00:01", psrc="10.0.0.1", hwdst="00:00:00:00:00:00", pdst="10.0.0.2")
    assert REQUEST.serialize() == bytes(theirs)


def test_reply_reads_back_in_dpkt() -> None:
    theirs = dpkt.arp.ARP(ArpPacket(ARP_REPLY, 0x020000000002, B, 0x020000000001, A).serialize())
    assert (theirs.op, theirs.sha, theirs.spa) == (2, b"\x02\0\0\0\0\x02", b"\x0a\0\0\x02")
    assert (theirs.tha, theirs.tpa) == (b"\x02\0\0\0\0\x01", b"\x0a\0\0\x01")


@given(arp_packets)
def test_serialized_parses_back(packet: ArpPacket) -> None:
    data = packet.serialize()
    assert len(data) == packet.wire_length()
    assert plain(parse_arp(data)) == plain(packet)


def test_padding_behind_is_ignored() -> None:
    assert plain(parse_arp(REQUEST.serialize() + bytes(18))) == plain(REQUEST)


@pytest.mark.parametrize("length", range(28))
def test_cut_short_is_rejected(length: int) -> None:
    with pytest.raises(WireError) as caught:
        parse_arp(REQUEST.serialize()[:length])
    assert (caught.value.layer, caught.value.field, caught.value.value) == ("arp", "length", length)


@pytest.mark.parametrize(
    ("at", "field", "value"),
    [
        (1, "hardware type", 6),
        (2, "protocol type", 0x0600),
        (4, "hardware length", 6 + 2),
        (5, "protocol length", 16),
    ],
)
def test_foreign_address_kind_is_rejected(at: int, field: str, value: int) -> None:
    data = bytearray(REQUEST.serialize())
    data[at] = value >> 8 if value > 0xFF else value
    with pytest.raises(WireError) as caught:
        parse_arp(bytes(data))
    assert (caught.value.layer, caught.value.field, caught.value.value) == ("arp", field, value)


def test_repr_names_both_ends() -> None:
    assert repr(REQUEST) == (
        "ArpPacket(operation=1, sender 10.0.0.1 02:00:00:00:00:01, target 10.0.0.2 00:00:00:00:00:00)"
    )
