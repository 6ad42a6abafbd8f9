"""IPv6 extension headers a socket puts into what it sends (RFC 3542 §8, §9; Linux ``ipv6_txoptions``)."""

from __future__ import annotations

from typing import Final

from ..wire.extension import ExtensionHeader
from ..wire.ip import PROTOCOL_DESTINATION_OPTIONS, PROTOCOL_HOP_BY_HOP, PROTOCOL_ROUTING

_NO_HEADERS: Final[list[ExtensionHeader]] = []


class SentHeaders:
    """One of each kind, as the bytes of the option; ``b""`` for none."""

    __slots__ = ("before_routing", "destination", "hop_by_hop", "routing")

    def __init__(self) -> None:
        self.hop_by_hop: bytes = b""
        """IPV6_HOPOPTS."""
        self.before_routing: bytes = b""
        """IPV6_RTHDRDSTOPTS, which goes out with a routing header only."""
        self.routing: bytes = b""
        """IPV6_RTHDR."""
        self.destination: bytes = b""
        """IPV6_DSTOPTS."""

    def extensions(self) -> list[ExtensionHeader]:
        """The headers in the order they are sent."""
        found: list[ExtensionHeader] = []
        if self.hop_by_hop:
            found.append(ExtensionHeader(PROTOCOL_HOP_BY_HOP, self.hop_by_hop[2:]))
        if self.routing:
            if self.before_routing:
                found.append(ExtensionHeader(PROTOCOL_DESTINATION_OPTIONS, self.before_routing[2:]))
            found.append(ExtensionHeader(PROTOCOL_ROUTING, self.routing[2:]))
        if self.destination:
            found.append(ExtensionHeader(PROTOCOL_DESTINATION_OPTIONS, self.destination[2:]))
        return found


def extensions_of(once: SentHeaders | None, always: SentHeaders | None) -> list[ExtensionHeader]:
    """Those of one send call if it named any, else the socket's own; the list may be shared."""
    if once is not None:
        return once.extensions()
    return always.extensions() if always is not None else _NO_HEADERS


def read_header(data: bytes) -> bytes:
    """The header at the start of ``data``; ``b""`` if it is cut off or its length is none."""
    if len(data) < 2:
        return b""
    length = (data[1] + 1) << 3
    return data[:length] if length <= len(data) else b""


def counted_twice(extensions: list[ExtensionHeader]) -> int:
    """Bytes that Linux subtracts twice from what there is room for: those of the options behind all other
    headers (``__ip6_append_data``)."""
    if extensions and extensions[-1].kind == PROTOCOL_DESTINATION_OPTIONS:
        return extensions[-1].wire_length()
    return 0
