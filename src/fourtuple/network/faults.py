"""What a link direction does to frames beyond delaying them: rules, loss, jitter, partition …

A direction that has none of this has no :class:`Faults` and takes the short way.
"""

from __future__ import annotations

from typing import Final

from ..clock.streams import Stream
from ..wire.ethernet import EthernetFrame, parse_frame
from ..wire.packet import WireError
from .rules import ACTION_PASS, PASS, Rule, Verdict

ETHERNET_HEADER: Final = 14


class Faults:
    """The faults of one direction. Every attribute may be changed while the network runs.

    Probabilities apply to each frame on its own; each is drawn only while it is above 0.
    """

    __slots__ = (
        "corrupt",
        "duplicate",
        "held",
        "in_order",
        "jitter",
        "loss",
        "mtu",
        "partitioned",
        "rules",
        "stream",
    )

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.rules: list[Rule] = []
        self.loss: float = 0.0
        self.duplicate: float = 0.0
        self.corrupt: float = 0.0
        self.jitter: int = 0
        """The latency varies by up to this many ns either way, evenly distributed."""
        self.in_order: bool = False
        """Jitter never lets a frame overtake another."""
        self.mtu: int = 0
        """Frames with a larger payload (bytes) are lost without notice; 0: no limit of its own."""
        self.partitioned: bool = False
        self.held: list[EthernetFrame] | None = None
        """The frames kept back while the direction is on hold, else None."""

    def judge(self, frame: EthernetFrame, now: int) -> Verdict:
        """The verdict of the first rule that does not pass ``frame``; PASS if all do."""
        for rule in self.rules:
            verdict = rule.judge(frame, now)
            if verdict.action != ACTION_PASS:
                return verdict
        return PASS

    def loses(self) -> bool:
        """Whether the next frame is lost."""
        return self.loss > 0.0 and self.stream.uniform() < self.loss

    def duplicates(self) -> bool:
        """Whether the next frame arrives twice."""
        return self.duplicate > 0.0 and self.stream.uniform() < self.duplicate

    def corrupts(self) -> bool:
        """Whether a bit of the next frame flips."""
        return self.corrupt > 0.0 and self.stream.uniform() < self.corrupt

    def draw_jitter(self) -> int:
        """Nanoseconds to add to the latency of the next frame, perhaps negative."""
        return self.stream.below(2 * self.jitter + 1) - self.jitter if self.jitter > 0 else 0


def flip_bit(frame: EthernetFrame, stream: Stream) -> EthernetFrame | None:
    """``frame`` with one random bit behind its Ethernet header flipped, as its receiver reads it.

    None if a checksum or a length shows the damage, so that a receiver drops it. (An ARP packet has
    no checksum: what arrives may be wrong.)
    """
    data = frame.serialize()
    body = len(data) - ETHERNET_HEADER
    if body <= 0:
        return None
    bit = stream.below(body * 8)
    at = ETHERNET_HEADER + (bit >> 3)
    damaged = data[:at] + bytes([data[at] ^ (1 << (bit & 7))]) + data[at + 1 :]
    try:
        return parse_frame(damaged)
    except WireError:
        return None
