"""Headers a script puts around a packet.

IP in IP is RFC 2003 and RFC 2473, GRE RFC 2784 and RFC 2890, MPLS in IP and in GRE RFC 4023. The host has no
tunnel devices, so that it sends none, and answers what comes in as Linux without them.
"""

from __future__ import annotations

from struct import pack
from typing import Final

from ..wire.address import is_v4, parse_ip
from ..wire.ip import IpPacket
from ..wire.ipv4 import Ipv4Packet
from ..wire.ipv6 import Ipv6Packet
from ..wire.packet import RawPayload
from .errors import Failure
from .script import Layer

IPV4: Final = "ipv4"
IPV6: Final = "ipv6"
GRE: Final = "gre"
MPLS: Final = "mpls"
PSP: Final = "psp"

GRE_CHECKSUM: Final = 0x8000
GRE_ROUTING: Final = 0x4000
GRE_KEY: Final = 0x2000
GRE_SEQUENCE: Final = 0x1000
GRE_VERSION: Final = 7

_PROTOCOLS: Final = {IPV4: 4, IPV6: 41, GRE: 47, MPLS: 137}
"""What an IP header says of each inside it."""
_ETHERTYPES: Final = {IPV4: 0x0800, IPV6: 0x86DD, MPLS: 0x8847}
"""What a GRE header says of each inside it."""
_LONGEST: Final = 65535
_HIGHEST_TTL: Final = 255


def nesting_error(kinds: list[str]) -> str:
    """What is wrong with headers of these kinds one inside the other, IP inside the last; else nothing."""
    if not kinds:
        return ""
    if kinds[0] not in (IPV4, IPV6):
        return f"a packet cannot begin with {kinds[0]}: the interface takes IP packets"
    for outer, inner in zip(kinds, [*kinds[1:], IPV4], strict=True):
        if outer == GRE and inner not in _ETHERTYPES:
            return f"gre cannot carry {inner}: ipv4, ipv6 or mpls"
        if outer == MPLS and inner not in (IPV4, IPV6):
            return f"mpls cannot carry {inner}: ipv4 or ipv6"
    return ""


def gre_flags_error(flags: int) -> str:
    """What of a GRE header's flags cannot be written; else nothing."""
    if flags & GRE_VERSION:
        return f"GRE version {flags & GRE_VERSION}: only 0 is known"
    if flags & GRE_ROUTING:
        return "GRE routing information (flag 0x4000) is not known"
    return ""


def wrap(layers: list[Layer], inner: IpPacket) -> IpPacket:
    """``inner`` inside ``layers``, the outermost first. Raises Failure if it is too long."""
    packet = inner
    kind = IPV4 if is_v4(inner.source) else IPV6
    data = b""
    for number in range(len(layers) - 1, -1, -1):
        layer = layers[number]
        data = data or packet.serialize()
        if layer.kind == MPLS:
            data = b"".join([_label(*label) for label in layer.labels]) + data
        elif layer.kind == GRE:
            data = _gre(layer, kind) + data
        else:
            packet = _ip(layer, kind, data)
            data = b""
        kind = layer.kind
    return packet


def layers_text(layers: list[Layer]) -> str:
    """The headers as a script writes them, with a space behind each."""
    text = ""
    for layer in layers:
        if layer.kind == MPLS:
            labels = "".join([_label_text(*label) for label in layer.labels])
            text += f"mpls {labels}: "
        elif layer.kind == GRE:
            checksum, offset, key, sequence = layer.words
            fields = f" flags {layer.flags:#x}, sum {checksum}, off {offset}, key {key}, seq {sequence}"
            text += f"gre{fields if layer.flags else ''}: "
        else:
            text += f"{layer.kind} {layer.source} > {layer.destination}: "
    return text


def _ip(layer: Layer, inside: str, data: bytes) -> IpPacket:
    source, destination = parse_ip(layer.source), parse_ip(layer.destination)
    protocol, payload = _PROTOCOLS[inside], RawPayload(data)
    packet: IpPacket
    if layer.kind == IPV4:
        packet = Ipv4Packet(source, destination, protocol, payload)
    else:
        v6 = Ipv6Packet(source, destination, protocol, payload)
        v6.flow_label = layer.info.flow_label
        packet = v6
    packet.tos = layer.info.tos
    packet.ttl = layer.info.ttl or _HIGHEST_TTL
    if packet.wire_length() > _LONGEST:
        size = packet.wire_length()
        raise Failure(f"the packet inside {layer.kind} makes {size} bytes: IP has room for {_LONGEST}")
    return packet


def _gre(layer: Layer, inside: str) -> bytes:
    """The fields behind the first four bytes are there as the flags say; the checksum is the script's."""
    checksum, offset, key, sequence = layer.words
    data = pack(">HH", layer.flags, _ETHERTYPES[inside])
    if layer.flags & GRE_CHECKSUM:
        data += pack(">HH", checksum, offset)
    if layer.flags & GRE_KEY:
        data += pack(">I", key)
    if layer.flags & GRE_SEQUENCE:
        data += pack(">I", sequence)
    return data


def _label(label: int, traffic_class: int, bottom: bool, ttl: int) -> bytes:
    return pack(">I", label << 12 | traffic_class << 9 | bottom << 8 | ttl)


def _label_text(label: int, traffic_class: int, bottom: bool, ttl: int) -> str:
    return f"(label {label}, tc {traffic_class}, {'[S], ' if bottom else ''}ttl {ttl})"
