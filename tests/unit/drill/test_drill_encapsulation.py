"""Packets of scripts inside other headers."""

import pytest
from builders_drill import DEFAULTS, SERVER, run, server

from fourtuple.drill.drill import NOT_SUPPORTED, PASSED, WRONG
from fourtuple.drill.encapsulation import GRE, IPV4, IPV6, MPLS, layers_text, wrap
from fourtuple.drill.parser import parse_script
from fourtuple.drill.script import Layer, Packet
from fourtuple.drill.settings import Settings
from fourtuple.wire.address import parse_ip
from fourtuple.wire.ip import PROTOCOL_UDP, IpPacket
from fourtuple.wire.ipv4 import Ipv4Packet
from fourtuple.wire.udp import UdpDatagram

A, B = "192.0.2.1", "192.168.0.1"


def inner() -> IpPacket:
    return Ipv4Packet(parse_ip("10.0.0.1"), parse_ip("10.0.0.2"), PROTOCOL_UDP, UdpDatagram(1, 2, b"data"))


def layers_of(prefix: str) -> list[Layer]:
    text = f"0 < {prefix} . 1:1(0) ack 1 win 5\n"
    packet = parse_script("test.pkt", text, Settings(IPV4, [])).events[0].action
    assert isinstance(packet, Packet)
    return packet.layers


@pytest.mark.parametrize(
    ("prefix", "protocol", "headers"),
    [
        (f"ipv4 {A} > {B}:", 4, ""),
        (f"ipv4 {A} > {B}: gre:", 47, "0000 0800"),
        (f"ipv4 {A} > {B}: gre flags 0x8000, sum 0x1234, off 5, key 0, seq 0:", 47, "8000 0800 1234 0005"),
        (
            f"ipv4 {A} > {B}: gre flags [key present,sequence# present], sum 0, off 0, key=7, seq 9:",
            47,
            "3000 0800 00000007 00000009",
        ),
        (f"ipv4 {A} > {B}: gre: mpls (label 16, tc 5, [S], ttl 64):", 47, "0000 8847 00010b40"),
        (f"ipv4 {A} > {B}: mpls (label 1, tc 0, ttl 2)(label 1048575, tc 7, [S], ttl 255):", 137,
         "00001002 ffffffff"),
    ],
)  # fmt: skip
def test_headers_are_those_of_the_rfcs(prefix: str, protocol: int, headers: str) -> None:
    outer = wrap(layers_of(prefix), inner())
    assert (outer.source, outer.destination) == (parse_ip(A), parse_ip(B))
    assert outer.protocol == protocol
    assert outer.serialize()[20:] == bytes.fromhex(headers) + inner().serialize()


def test_ip_headers_lie_inside_each_other() -> None:
    layers = layers_of(f"ipv4 [tos 0x10, ttl 3] {A} > {B}: ipv6 fd00::1 > fd00::2:")
    outer = wrap(layers, inner())
    assert (outer.protocol, outer.tos, outer.ttl) == (41, 0x10, 3)
    data = outer.serialize()[20:]
    assert (data[0] >> 4, data[6]) == (6, 4)
    assert data[40:] == inner().serialize()
    assert [layer.kind for layer in layers] == [IPV4, IPV6]


def test_the_text_of_headers_reads_as_the_same_headers() -> None:
    text = (
        f"ipv4 {A} > {B}: gre flags 0x2000, sum 0, off 0, key 7, seq 0: "
        f"mpls (label 16, tc 0, ttl 1)(label 17, tc 1, [S], ttl 64): "
    )
    layers = layers_of(text)
    assert [layer.kind for layer in layers] == [IPV4, GRE, MPLS]
    assert layers_text(layers) == text


@pytest.mark.parametrize(
    ("prefix", "words"),
    [
        ("gre:", "cannot begin with gre"),
        ("mpls (label 1, tc 0, [S], ttl 1):", "cannot begin with mpls"),
        (f"ipv4 {A} > {B}: gre: gre:", "gre cannot carry gre"),
        (f"ipv4 {A} > {B}: mpls (label 1, tc 0, [S], ttl 1): gre:", "mpls cannot carry gre"),
        (f"ipv4 {A} > {B}: mpls :", "mpls needs a label"),
        (f"ipv4 {A} > {B}: mpls (label 1048576, tc 0, ttl 1):", "MPLS label 1048576 is not in"),
        (f"ipv4 {A} > {B}: gre flags 0x4000, sum 0, off 0, key 0, seq 0:", "routing"),
        (f"ipv4 {A} > {B}: gre flags 0x2001, sum 0, off 0, key 0, seq 0:", "GRE version 1"),
        (f"ipv4 {A} > {B}: gre flags 0x8000, sum 65536, off 0, key 0, seq 0:", "GRE sum 65536"),
        ("ipv4 300.0.2.1 > 1.1.1.1:", "300.0.2.1 is not an ipv4 address"),
        ("ipv4 fd00::1 > 1.1.1.1:", "fd00::1 is not an ipv4 address"),
    ],
)
def test_what_cannot_be_sent_is_named_with_its_place(prefix: str, words: str) -> None:
    outcome = server(f"+0 < {prefix} . 1:1(0) ack 1 win 5\n")
    assert outcome.status == WRONG
    assert words in outcome.message
    assert outcome.line == (DEFAULTS + SERVER).count("\n") + 1
    assert outcome.column


def test_more_than_ip_holds_is_refused() -> None:
    outcome = server(f"+0 < ipv4 {A} > {B}: . 1:65476(65475) ack 1 win 5\n")
    assert outcome.status == PASSED
    outcome = server(f"+0 < ipv4 {A} > {B}: gre: . 1:65476(65475) ack 1 win 5\n")
    assert outcome.message == "the packet inside ipv4 makes 65539 bytes: IP has room for 65535"


@pytest.mark.parametrize("on_wire", [False, True])
def test_the_report_shows_the_headers(on_wire: bool) -> None:
    outcome = server(
        f"+0 < ipv4 {A} > {B}: gre: P. 1:2(1) ack 1 win 5\n+0 > icmp unreachable protocol_unreachable\n",
        bytes_on_wire=on_wire,
    )
    assert outcome.status == PASSED
    assert outcome.packets[-2].text == f"< ipv4 {A} > {B}: gre: P. 1:2(1) ack 1 win 5"


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (f"> ipv4 {B} > {A}: gre: . 1:1(0) ack 1", "an outbound packet inside ipv4, gre: the host has"),
        ("< encap psp spi 5 . 1:1(0) ack 1 win 5", "PSP encapsulation"),
        ("`ip tunnel add t1 mode gre local 1.1.1.1`", "a tunnel device: ip tunnel add t1"),
        ("`ip link add t1 type ipip local 1.1.1.1`", "a tunnel device: ip link add t1"),
    ],
)  # fmt: skip
def test_what_needs_a_tunnel_is_not_supported_by_name(event: str, words: str) -> None:
    outcome = run(DEFAULTS + SERVER + f"+0 {event}\n")
    assert outcome.status == NOT_SUPPORTED
    assert words in outcome.message
