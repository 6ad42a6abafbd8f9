"""What a frame carries, and what an IP packet carries: the base classes of the header objects.

Packets travel as objects. Bytes are made only at the edges (capture, TUN, the bytes-on-every-hop
mode), and both ways must lead to the same run.
"""

from __future__ import annotations

from mypy_extensions import mypyc_attr


class WireError(ValueError):
    """Bytes that are no valid header. ``layer`` and ``field`` name what is wrong, ``value`` is it."""

    def __init__(self, layer: str, field: str, value: object, rule: str) -> None:
        super().__init__(f"{layer} {field} {value!r}: {rule}")
        self.layer = layer
        self.field = field
        self.value = value
        self.rule = rule


@mypyc_attr(allow_interpreted_subclasses=True)
class Payload:
    """What an IP packet carries: a TCP segment, a UDP datagram, an ICMP message, a fragment.

    ``origin`` is the endpoint that sent it, for captures and explanations; it is no part of the
    packet, is lost when bytes are parsed and never influences a run.
    """

    __slots__ = ("origin",)

    def __init__(self) -> None:
        self.origin: object | None = None

    def wire_length(self) -> int:
        """Length in bytes when serialised, own header included."""
        raise NotImplementedError

    def serialize(self, source: int, destination: int) -> bytes:
        """The bytes, checksum filled in over the pseudo header of these two addresses."""
        raise NotImplementedError


@mypyc_attr(allow_interpreted_subclasses=True)
class FramePayload:
    """What an Ethernet frame carries: an IP packet, an ARP packet, or bytes not understood."""

    __slots__ = ()

    def wire_length(self) -> int:
        """Length in bytes when serialised."""
        raise NotImplementedError

    def serialize(self) -> bytes:
        """The bytes, checksums filled in."""
        raise NotImplementedError


class RawPayload(Payload):
    """Bytes of a protocol without a class of its own, or of a fragment.

    Whole bytes of a protocol that has a class are parsed before they are sent: otherwise a frame and
    what its bytes parse to would not be the same.
    """

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.origin = None
        self.data = data

    def wire_length(self) -> int:
        return len(self.data)

    def serialize(self, source: int, destination: int) -> bytes:
        return self.data

    def __repr__(self) -> str:
        return f"RawPayload({len(self.data)} bytes)"
