"""The parser of packets."""

from __future__ import annotations

from typing import Final

from ..wire.address import is_v4, parse_ip
from ..wire.tcp import ACK, AE, CWR, ECE, FIN, PSH, RST, SYN, URG
from .cursor import Cursor
from .encapsulation import (
    GRE,
    GRE_CHECKSUM,
    GRE_KEY,
    GRE_SEQUENCE,
    IPV4,
    IPV6,
    MPLS,
    PSP,
    gre_flags_error,
    nesting_error,
)
from .icmp_names import icmp_numbers
from .lexer import ADDRESS, ELLIPSIS, FLOAT, INTEGER, WORD
from .option_parser import options
from .script import (
    CHECK_ECN,
    CHECK_ECT01,
    CHECK_TOS,
    Datagram,
    Icmp,
    IpInfo,
    Layer,
    Packet,
    Segment,
)

FLAG_LETTERS: Final = {
    "F": FIN,
    "S": SYN,
    "R": RST,
    "P": PSH,
    ".": ACK,
    "U": URG,
    "E": ECE,
    "W": CWR,
    "A": AE,
}
_ECN: Final = {"noecn": 0, "ect1": 1, "ect0": 2, "ce": 3}

_U8: Final = 0xFF
_U16: Final = 0xFFFF
_U32: Final = 0xFFFF_FFFF
_MAX_SEGMENT: Final = 64 * 1024


class PacketParser:
    """Parses packets of one script, whose packets are IPv6 if ``v6``."""

    def __init__(self, cursor: Cursor, v6: bool) -> None:
        self.cursor = cursor
        self.v6 = v6

    def packet(self) -> Packet:
        cursor = self.cursor
        inbound = cursor.take().text == "<"
        start = cursor.peek()
        layers = self._layers()
        wrong = nesting_error([layer.kind for layer in layers])
        if wrong:
            cursor.fail(wrong, start)
        first = cursor.peek()
        info = self._ip_info()
        if info.check == CHECK_ECT01 and inbound:
            cursor.fail("[ect01] can only be used with outbound packets", first)
        if cursor.at_word("encap"):
            cursor.take()
            if not cursor.accept_word("psp"):
                cursor.unexpected("expected psp behind encap")
            if not cursor.accept_word("spi"):
                cursor.unexpected("expected spi behind encap psp")
            layers.append(Layer(PSP, words=(cursor.integer("spi", 0, _U32), 0, 0, 0)))
        if cursor.accept_word("udp"):
            if info.check == CHECK_ECN:
                cursor.fail("ECN can only be used with TCP packets", first)
            return Packet(inbound, info, layers, self._datagram())
        if cursor.accept_word("icmp"):
            return Packet(inbound, info, layers, self._icmp())
        return Packet(inbound, info, layers, self._segment(inbound))

    # Headers around

    def _layers(self) -> list[Layer]:
        cursor = self.cursor
        layers: list[Layer] = []
        while True:
            if cursor.at_word(IPV4, IPV6):
                kind = cursor.take().text
                layer = Layer(kind, self._ip_info())
                layer.source = self._address(kind)
                cursor.expect(">", "between two addresses")
                layer.destination = self._address(kind)
                cursor.expect(":", "behind the addresses")
            elif cursor.at_word("gre", "GREv0"):
                cursor.take()
                layer = self._gre()
            elif cursor.accept_word("mpls"):
                layer = self._mpls()
            else:
                return layers
            layers.append(layer)

    def _address(self, kind: str) -> str:
        cursor = self.cursor
        if cursor.peek().kind != ADDRESS:
            cursor.unexpected(f"expected an {kind} address")
        token = cursor.take()
        try:
            right = is_v4(parse_ip(token.text)) == (kind == IPV4)
        except ValueError:
            right = False
        if not right:
            cursor.fail(f"{token.text} is not an {kind} address", token)
        return token.text

    def _gre(self) -> Layer:
        cursor = self.cursor
        layer = Layer(GRE)
        if cursor.accept(":"):
            return layer
        cursor.accept(",")
        if cursor.at_word("flags", "Flags"):
            cursor.take()
            first = cursor.peek()
            layer.flags = self._gre_flags()
            wrong = gre_flags_error(layer.flags)
            if wrong:
                cursor.fail(wrong, first)
        words: list[int] = []
        for name in ("sum", "off", "key", "seq"):
            cursor.accept(",")
            if not cursor.accept_word(name):
                cursor.unexpected(f"expected {name} in a GRE header")
            if name == "key":
                cursor.accept("=")
            words.append(cursor.integer(f"GRE {name}", 0, _U16 if name in ("sum", "off") else _U32))
        layer.words = (words[0], words[1], words[2], words[3])
        cursor.expect(":", "behind a GRE header")
        return layer

    def _gre_flags(self) -> int:
        cursor = self.cursor
        if not cursor.accept("["):
            return cursor.integer("GRE flags", 0, _U16)
        bits = 0
        while True:
            name = cursor.expect_word("a GRE flag").text
            values = {"none": 0, "checksum": GRE_CHECKSUM, "key": GRE_KEY, "sequence#": GRE_SEQUENCE}
            if name not in values:
                cursor.unexpected(f"expected none, checksum, key or sequence#; {name!r} was given before")
            bits |= values[name]
            if name != "none" and not cursor.accept_word("present"):
                cursor.unexpected(f"expected present behind {name}")
            if not cursor.accept(","):
                break
        cursor.expect("]", "behind the GRE flags")
        return bits

    def _mpls(self) -> Layer:
        cursor = self.cursor
        layer = Layer(MPLS)
        first = cursor.peek()
        while cursor.accept("("):
            label = self._mpls_field("label", 0xFFFFF)
            cursor.expect(",", "behind the label")
            traffic_class = self._mpls_field("tc", 7)
            cursor.expect(",", "behind the traffic class")
            bottom = False
            if cursor.accept("["):
                if not cursor.accept_word("S"):
                    cursor.unexpected("expected [S] for the bottom of the MPLS label stack")
                cursor.expect("]", "behind [S")
                cursor.expect(",", "behind [S]")
                bottom = True
            layer.labels.append((label, traffic_class, bottom, self._mpls_field("ttl", _U8)))
            cursor.expect(")", "behind an MPLS label")
        if not layer.labels:
            cursor.fail("mpls needs a label such as (label 16, tc 0, [S], ttl 64)", first)
        cursor.expect(":", "behind the MPLS labels")
        return layer

    def _mpls_field(self, name: str, high: int) -> int:
        if not self.cursor.accept_word(name):
            self.cursor.unexpected(f"expected {name} in an MPLS label")
        return self.cursor.integer(f"MPLS {name}", 0, high)

    def _ip_info(self) -> IpInfo:
        cursor = self.cursor
        info = IpInfo()
        if cursor.at("["):
            closing = "]"
        elif cursor.at("("):
            closing = ")"
        else:
            return info
        cursor.take()
        while True:
            if cursor.at_word(*_ECN):
                info.check, info.tos = CHECK_ECN, _ECN[cursor.take().text]
            elif cursor.accept_word("ect01"):
                info.check = CHECK_ECT01
            elif cursor.accept_word("tos"):
                info.check, info.tos = CHECK_TOS, cursor.integer("tos", 0, _U8)
            elif cursor.accept_word("flowlabel"):
                info.flow_label = cursor.integer("flowlabel", 0, 0xFFFFF)
            elif cursor.accept_word("ttl"):
                info.ttl = cursor.integer("ttl", 0, _U8)
            else:
                cursor.unexpected("expected ect0, ect1, ect01, ce, noecn, tos, flowlabel or ttl")
            if not cursor.accept(","):
                break
        cursor.expect(closing, "behind what is said of the IP header")
        return info

    def _ports(self) -> tuple[int, int]:
        cursor = self.cursor
        if cursor.peek().kind != INTEGER:
            return 0, 0
        source = cursor.integer("source port", 0, _U16)
        cursor.expect(">", "between two ports")
        return source, cursor.integer("destination port", 0, _U16)

    # Bodies

    def _datagram(self) -> Datagram:
        cursor = self.cursor
        ports = self._ports()
        cursor.expect("(", "before the length of a UDP datagram")
        length = cursor.integer("UDP length", 0, _U16)
        cursor.expect(")", "behind the length of a UDP datagram")
        return Datagram(ports, length)

    def _icmp(self) -> Icmp:
        cursor = self.cursor
        first = cursor.peek()
        message = Icmp(cursor.expect_word("an ICMP type").text, "", -1, 0, "tcp", 0, 0)
        if cursor.at_word() and not cursor.at_word("mtu", "id"):
            message.code = cursor.take().text
        if cursor.accept_word("mtu"):
            message.mtu = cursor.integer("mtu", 0, _U32 if self.v6 else _U16)
        if cursor.accept_word("id"):
            message.ident = cursor.integer("id", 0, _U16)
        if cursor.accept("["):
            if cursor.at_word("udp", "raw"):
                message.echoed = cursor.take().text
                cursor.expect("(", "before the length")
                message.length = cursor.integer("length", 0, _U16)
                cursor.expect(")", "behind the length")
            else:
                message.seq, message.length = self._range()
            cursor.expect("]", "behind the packet the message quotes")
        try:
            icmp_numbers(message, self.v6)
        except ValueError as error:
            cursor.fail(str(error), first)
        return message

    def _range(self) -> tuple[int, int]:
        """``seq:end(length)``."""
        cursor = self.cursor
        first = cursor.peek()
        start = cursor.integer("sequence number", 0, _U32)
        cursor.expect(":", "behind the first sequence number")
        end = cursor.integer("last sequence number", 0, _U32)
        cursor.expect("(", "before the length")
        length = cursor.integer("length", 0, _U16)
        cursor.expect(")", "behind the length")
        if start + length != end and (start + length) & _U32 != end:
            cursor.fail(f"{start}:{end}({length}): {start} + {length} is not {end}", first)
        return start, length

    def _flags(self) -> tuple[int, int]:
        """The flag bits and the ACE field, -1 if it is not given."""
        cursor = self.cursor
        first = cursor.peek()
        if cursor.accept("-"):
            return 0, -1
        text = ""
        if cursor.at(".") or first.kind == FLOAT:
            text = cursor.take().text
        elif first.kind == WORD:
            text = cursor.take().text
            after = cursor.peek()
            if after.start == first.end and (cursor.at(".") or after.kind == FLOAT):
                text += cursor.take().text
        else:
            cursor.unexpected("expected TCP flags, udp or icmp")
        flags = 0
        ace = -1
        for letter in text:
            if letter in "01234567":
                if ace >= 0 or flags & (ECE | CWR | AE):
                    cursor.fail(f"flags {text!r}: ACE {letter} conflicts with another ECN flag", first)
                ace = int(letter)
            elif letter in FLAG_LETTERS:
                flags |= FLAG_LETTERS[letter]
                if ace >= 0 and flags & (ECE | CWR | AE):
                    cursor.fail(f"flags {text!r}: {letter} conflicts with the ACE field", first)
            else:
                cursor.fail(f"flags {text!r}: {letter!r} is no TCP flag (FSRPUEWA., or 0 to 7)", first)
        return flags, ace

    def _segment(self, inbound: bool) -> Segment:
        cursor = self.cursor
        first = cursor.peek()
        ports = self._ports()
        flags, ace = self._flags()
        seq, length = self._range()
        segment = Segment(ports, flags, ace, seq, length, 0, -1, 0, [])
        if cursor.accept_word("ack"):
            segment.ack = cursor.integer("ack", 0, _U32)
        if cursor.accept_word("win"):
            segment.window = cursor.integer("win", 0, _U16)
        if cursor.accept_word("urg"):
            segment.urgent = cursor.integer("urg", 0, _U16)
        opening = cursor.peek()
        if cursor.accept("<"):
            if cursor.peek().kind == ELLIPSIS:
                cursor.take()
                segment.options = None
                if inbound:
                    cursor.fail("<...> for TCP options can only be used with outbound packets", opening)
            else:
                segment.options = options(cursor)
                size = sum([1 if one.data is None else 2 + len(one.data) for one in segment.options])
                if size % 4:
                    cursor.fail(f"TCP options of {size} bytes are not padded to a multiple of 4", opening)
                if size > 40:
                    cursor.fail(f"TCP options of {size} bytes: a header has room for 40", opening)
            cursor.expect(">", "behind the TCP options")
        if inbound and segment.window < 0:
            cursor.fail("win must be given for an inbound packet", first)
        if length > _MAX_SEGMENT:
            cursor.fail(f"a TCP segment of {length} bytes is too large", first)
        return segment
