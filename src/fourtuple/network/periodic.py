"""Loss at equal distances, as models of TCP's throughput assume it."""

from __future__ import annotations

from collections.abc import Callable

from ..wire.ethernet import EthernetFrame
from ..wire.ip import IpPacket
from ..wire.tcp import TcpSegment
from ..wire.udp import UdpDatagram
from .rules import PASS, Rule, Verdict, drop


class DropEvery(Rule):
    """Loses the ``every``-th frame that counts, and each ``every``-th after it: no chance in it.

    Frames with TCP or UDP payload count, or those ``counts`` answers true for. The ``first`` to be lost
    may be another than the ``every``-th, counted from 1. Used for both directions of a link it counts
    both together.

    Raises ValueError unless ``every`` and ``first`` are at least 1.
    """

    def __init__(
        self, every: int, first: int = 0, counts: Callable[[EthernetFrame], bool] | None = None
    ) -> None:
        if every < 1:
            raise ValueError(f"every {every}: must be at least 1")
        if first < 0:
            raise ValueError(f"first {first}: must be at least 1")
        self.every = every
        self.first = first or every
        self.counts = counts
        self.seen: int = 0
        """Frames that counted so far, lost ones among them."""
        self.lost: int = 0

    def judge(self, frame: EthernetFrame, now: int) -> Verdict:
        counts = self.counts
        if not (has_data(frame) if counts is None else counts(frame)):
            return PASS
        self.seen += 1
        after = self.seen - self.first
        if after < 0 or after % self.every:
            return PASS
        self.lost += 1
        return drop("periodic loss")


def has_data(frame: EthernetFrame) -> bool:
    """Whether it carries bytes of a TCP stream or a UDP datagram."""
    packet = frame.payload
    if not isinstance(packet, IpPacket):
        return False
    inner = packet.payload
    if isinstance(inner, TcpSegment):
        return len(inner.payload) > 0
    return isinstance(inner, UdpDatagram) and len(inner.payload) > 0
