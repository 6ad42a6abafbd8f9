"""Neighbour discovery messages (RFC 4861 §4).

That the hop limit is 255 is for the stack to check: a message does not know its packet.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from .address import format_ip, format_mac, is_multicast
from .icmpv6_base import Icmpv6Payload
from .packet import WireError

ND_ROUTER_SOLICITATION: Final = 133
ND_ROUTER_ADVERTISEMENT: Final = 134
ND_NEIGHBOUR_SOLICITATION: Final = 135
ND_NEIGHBOUR_ADVERTISEMENT: Final = 136
ND_REDIRECT: Final = 137

OPTION_SOURCE_LINK: Final = 1
OPTION_TARGET_LINK: Final = 2
OPTION_PREFIX: Final = 3
OPTION_REDIRECTED: Final = 4
OPTION_MTU: Final = 5

_ROUTER: Final = 0x80
_SOLICITED: Final = 0x40
_OVERRIDE: Final = 0x20
_MANAGED: Final = 0x80
_OTHER: Final = 0x40
_ON_LINK: Final = 0x80
_AUTONOMOUS: Final = 0x40

_WORD: Final = Struct(">I")
_ADVERTISEMENT: Final = Struct(">BBHII")
_PREFIX: Final = Struct(">BBBBIII16s")
_MTU: Final = Struct(">BBHI")


class PrefixInformation:
    """A prefix a router advertises; lifetimes in seconds, 0xFFFFFFFF for ever."""

    __slots__ = ("autonomous", "length", "on_link", "preferred_lifetime", "prefix", "valid_lifetime")

    def __init__(
        self,
        prefix: int,
        length: int,
        on_link: bool,
        autonomous: bool,
        valid_lifetime: int,
        preferred_lifetime: int,
    ) -> None:
        self.prefix = prefix
        self.length = length
        self.on_link = on_link
        self.autonomous = autonomous
        self.valid_lifetime = valid_lifetime
        self.preferred_lifetime = preferred_lifetime

    def serialize(self) -> bytes:
        flags = (_ON_LINK if self.on_link else 0) | (_AUTONOMOUS if self.autonomous else 0)
        data: bytes = _PREFIX.pack(
            OPTION_PREFIX,
            4,
            self.length,
            flags,
            self.valid_lifetime,
            self.preferred_lifetime,
            0,
            self.prefix.to_bytes(16, "big"),
        )
        return data

    def __repr__(self) -> str:
        return f"PrefixInformation({format_ip(self.prefix)}/{self.length})"


class NdOptions:
    """The options of one message.

    ``source_link`` and ``target_link`` are MAC addresses and ``mtu`` is in bytes, -1 when absent.
    ``redirected`` is the start of the redirected packet, a multiple of 8 bytes, None when absent.
    ``unknown`` holds (type, data) of options without a meaning here.
    """

    __slots__ = ("mtu", "prefixes", "redirected", "source_link", "target_link", "unknown")

    def __init__(self) -> None:
        self.source_link: int = -1
        self.target_link: int = -1
        self.prefixes: list[PrefixInformation] = []
        self.redirected: bytes | None = None
        self.mtu: int = -1
        self.unknown: list[tuple[int, bytes]] = []

    def serialize(self) -> bytes:
        """The bytes. Raises WireError if an option's length is no multiple of 8 up to 2040."""
        data = b""
        if self.source_link >= 0:
            data += bytes((OPTION_SOURCE_LINK, 1)) + self.source_link.to_bytes(6, "big")
        if self.target_link >= 0:
            data += bytes((OPTION_TARGET_LINK, 1)) + self.target_link.to_bytes(6, "big")
        for prefix in self.prefixes:
            data += prefix.serialize()
        if self.redirected is not None:
            data += _option(OPTION_REDIRECTED, bytes(6) + self.redirected)
        if self.mtu >= 0:
            data += _MTU.pack(OPTION_MTU, 1, 0, self.mtu)
        for kind, value in self.unknown:
            data += _option(kind, value)
        return data

    def __repr__(self) -> str:
        parts: list[str] = []
        if self.source_link >= 0:
            parts.append(f"source {format_mac(self.source_link)}")
        if self.target_link >= 0:
            parts.append(f"target {format_mac(self.target_link)}")
        for prefix in self.prefixes:
            parts.append(repr(prefix))
        if self.redirected is not None:
            parts.append(f"redirected {len(self.redirected)} bytes")
        if self.mtu >= 0:
            parts.append(f"mtu {self.mtu}")
        for kind, value in self.unknown:
            parts.append(f"option {kind} {value.hex()}")
        return f"NdOptions({', '.join(parts)})"


def _option(kind: int, value: bytes) -> bytes:
    length = 2 + len(value)
    if length & 7 or length > 2040:
        raise WireError("ndp", "option length", length, "a multiple of 8 up to 2040")
    return bytes((kind, length >> 3)) + value


class RouterSolicitation(Icmpv6Payload):
    __slots__ = ("options",)

    def __init__(self, options: NdOptions) -> None:
        self.origin = None
        self.type = ND_ROUTER_SOLICITATION
        self.code = 0
        self.options = options

    def body(self) -> bytes:
        return bytes(4) + self.options.serialize()

    def __repr__(self) -> str:
        return f"RouterSolicitation({self.options!r})"


class RouterAdvertisement(Icmpv6Payload):
    """``router_lifetime`` is in s, ``reachable_time`` and ``retransmit_time`` are in ms; 0: not said."""

    __slots__ = (
        "hop_limit",
        "managed",
        "options",
        "other",
        "reachable_time",
        "retransmit_time",
        "router_lifetime",
    )

    def __init__(self, router_lifetime: int, options: NdOptions) -> None:
        self.origin = None
        self.type = ND_ROUTER_ADVERTISEMENT
        self.code = 0
        self.router_lifetime = router_lifetime
        self.options = options
        self.hop_limit: int = 0
        self.managed: bool = False
        self.other: bool = False
        self.reachable_time: int = 0
        self.retransmit_time: int = 0

    def body(self) -> bytes:
        flags = (_MANAGED if self.managed else 0) | (_OTHER if self.other else 0)
        head: bytes = _ADVERTISEMENT.pack(
            self.hop_limit, flags, self.router_lifetime, self.reachable_time, self.retransmit_time
        )
        return head + self.options.serialize()

    def __repr__(self) -> str:
        return f"RouterAdvertisement(lifetime={self.router_lifetime}, {self.options!r})"


class NeighbourSolicitation(Icmpv6Payload):
    __slots__ = ("options", "target")

    def __init__(self, target: int, options: NdOptions) -> None:
        self.origin = None
        self.type = ND_NEIGHBOUR_SOLICITATION
        self.code = 0
        self.target = target
        self.options = options

    def body(self) -> bytes:
        return bytes(4) + self.target.to_bytes(16, "big") + self.options.serialize()

    def __repr__(self) -> str:
        return f"NeighbourSolicitation({format_ip(self.target)}, {self.options!r})"


class NeighbourAdvertisement(Icmpv6Payload):
    """``router``: the sender is one; ``override``: replaces a known link address."""

    __slots__ = ("options", "override", "router", "solicited", "target")

    def __init__(
        self, target: int, router: bool, solicited: bool, override: bool, options: NdOptions
    ) -> None:
        self.origin = None
        self.type = ND_NEIGHBOUR_ADVERTISEMENT
        self.code = 0
        self.target = target
        self.router = router
        self.solicited = solicited
        self.override = override
        self.options = options

    def body(self) -> bytes:
        flags = _ROUTER if self.router else 0
        if self.solicited:
            flags |= _SOLICITED
        if self.override:
            flags |= _OVERRIDE
        head: bytes = _WORD.pack(flags << 24)
        return head + self.target.to_bytes(16, "big") + self.options.serialize()

    def __repr__(self) -> str:
        text = f"NeighbourAdvertisement({format_ip(self.target)}"
        if self.router:
            text += ", router"
        if self.solicited:
            text += ", solicited"
        if self.override:
            text += ", override"
        return f"{text}, {self.options!r})"


class Redirect(Icmpv6Payload):
    """Packets to ``destination`` should go by ``target``."""

    __slots__ = ("destination", "options", "target")

    def __init__(self, target: int, destination: int, options: NdOptions) -> None:
        self.origin = None
        self.type = ND_REDIRECT
        self.code = 0
        self.target = target
        self.destination = destination
        self.options = options

    def body(self) -> bytes:
        addresses = self.target.to_bytes(16, "big") + self.destination.to_bytes(16, "big")
        return bytes(4) + addresses + self.options.serialize()

    def __repr__(self) -> str:
        return f"Redirect({format_ip(self.destination)} by {format_ip(self.target)}, {self.options!r})"


def parse_ndp(type: int, code: int, body: bytes) -> Icmpv6Payload:
    """The message of a neighbour discovery ``type``; ``body`` is what follows its checksum.

    Raises WireError on what RFC 4861 §6.1, §7.1 and §8.1 tell a receiver to discard.
    """
    if code != 0:
        raise WireError("ndp", "code", code, "must be 0")
    if type == ND_ROUTER_SOLICITATION:
        _require(body, 4)
        return RouterSolicitation(parse_nd_options(body[4:]))
    if type == ND_ROUTER_ADVERTISEMENT:
        _require(body, 12)
        return _parse_router_advertisement(body)
    if type == ND_REDIRECT:
        _require(body, 36)
        destination = int.from_bytes(body[20:36], "big")
        _refuse_multicast("destination", destination)
        return Redirect(int.from_bytes(body[4:20], "big"), destination, parse_nd_options(body[36:]))
    _require(body, 20)
    target = int.from_bytes(body[4:20], "big")
    _refuse_multicast("target", target)
    options = parse_nd_options(body[20:])
    if type == ND_NEIGHBOUR_SOLICITATION:
        return NeighbourSolicitation(target, options)
    flags = body[0]
    return NeighbourAdvertisement(
        target, flags & _ROUTER != 0, flags & _SOLICITED != 0, flags & _OVERRIDE != 0, options
    )


def _parse_router_advertisement(body: bytes) -> RouterAdvertisement:
    fields = _ADVERTISEMENT.unpack_from(body)
    flags: int = fields[1]
    advertisement = RouterAdvertisement(fields[2], parse_nd_options(body[12:]))
    advertisement.hop_limit = fields[0]
    advertisement.managed = flags & _MANAGED != 0
    advertisement.other = flags & _OTHER != 0
    advertisement.reachable_time = fields[3]
    advertisement.retransmit_time = fields[4]
    return advertisement


def _require(body: bytes, length: int) -> None:
    if len(body) < length:
        raise WireError("ndp", "length", 4 + len(body), f"the message has at least {4 + length} bytes")


def _refuse_multicast(field: str, address: int) -> None:
    if is_multicast(address):
        raise WireError("ndp", field, format_ip(address), "must not be a multicast address")


def parse_nd_options(data: bytes) -> NdOptions:
    """The options in ``data``. Of an option given twice the last counts; prefixes add up.

    Raises WireError if a length is 0, wrong for its type, or runs past the end.
    """
    options = NdOptions()
    end = len(data)
    at = 0
    while at < end:
        kind = data[at]
        if at + 1 >= end:
            raise WireError("ndp", "option length", kind, "the option ends before its length")
        length = data[at + 1] << 3
        if length == 0:
            raise WireError("ndp", "option length", 0, f"option {kind} has at least 8 bytes")
        if at + length > end:
            raise WireError("ndp", "option length", length, f"option {kind} runs past the message")
        if kind == OPTION_SOURCE_LINK:
            _expect(kind, length, 8)
            options.source_link = int.from_bytes(data[at + 2 : at + 8], "big")
        elif kind == OPTION_TARGET_LINK:
            _expect(kind, length, 8)
            options.target_link = int.from_bytes(data[at + 2 : at + 8], "big")
        elif kind == OPTION_PREFIX:
            _expect(kind, length, 32)
            options.prefixes.append(_parse_prefix(data, at))
        elif kind == OPTION_REDIRECTED:
            options.redirected = data[at + 8 : at + length]
        elif kind == OPTION_MTU:
            _expect(kind, length, 8)
            options.mtu = _WORD.unpack_from(data, at + 4)[0]
        else:
            options.unknown.append((kind, data[at + 2 : at + length]))
        at += length
    return options


def _expect(kind: int, length: int, right: int) -> None:
    if length != right:
        raise WireError("ndp", "option length", length, f"option {kind} has {right} bytes")


def _parse_prefix(data: bytes, at: int) -> PrefixInformation:
    fields = _PREFIX.unpack_from(data, at)
    length: int = fields[2]
    flags: int = fields[3]
    if length > 128:
        raise WireError("ndp", "prefix length", length, "an address has 128 bits")
    return PrefixInformation(
        int.from_bytes(fields[7], "big"),
        length,
        flags & _ON_LINK != 0,
        flags & _AUTONOMOUS != 0,
        fields[4],
        fields[5],
    )
