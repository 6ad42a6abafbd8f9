"""Rules: what happens to one frame on a link.

A rule sees each frame that enters a link in its direction and answers with a verdict. Rules are
asked in order; the first that does not pass the frame decides. What they all pass goes on to the
link's own settings (loss, jitter, bandwidth …).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mypy_extensions import mypyc_attr

from ..wire.ethernet import EthernetFrame

ACTION_PASS: Final = 0
ACTION_DROP: Final = 1
ACTION_DELIVER_AFTER: Final = 2
ACTION_DUPLICATE: Final = 3
ACTION_ALTER: Final = 4


class Verdict:
    """A rule's answer. Made by :func:`drop`, :func:`deliver_after` and the like, or ``PASS``."""

    __slots__ = ("action", "count", "delay", "frame", "reason")

    def __init__(self, action: int, reason: str, delay: int, count: int, frame: EthernetFrame | None) -> None:
        self.action = action
        self.reason = reason
        self.delay = delay
        self.count = count
        self.frame = frame


PASS: Final = Verdict(ACTION_PASS, "", 0, 1, None)


def drop(reason: str = "rule") -> Verdict:
    """The frame is lost; traces give ``reason``."""
    return Verdict(ACTION_DROP, reason, 0, 0, None)


def deliver_after(delay: int) -> Verdict:
    """The frame takes ``delay`` ns longer than the link would take; later ones may overtake it."""
    return Verdict(ACTION_DELIVER_AFTER, "", delay, 1, None)


def duplicate(count: int = 2) -> Verdict:
    """The frame arrives ``count`` times."""
    return Verdict(ACTION_DUPLICATE, "", 0, count, None)


def alter(frame: EthernetFrame) -> Verdict:
    """``frame`` travels in its place."""
    return Verdict(ACTION_ALTER, "", 0, 1, frame)


@mypyc_attr(allow_interpreted_subclasses=True)
class Rule:
    """Decides about each frame of one direction of a link. Subclasses override :meth:`judge`."""

    def judge(self, frame: EthernetFrame, now: int) -> Verdict:
        """The verdict on ``frame``, which enters the link at ``now`` (ns). It must not be changed."""
        raise NotImplementedError


class FunctionRule(Rule):
    """A rule that is a plain function of the frame and the time (ns); None means pass."""

    def __init__(self, function: Callable[[EthernetFrame, int], Verdict | None]) -> None:
        self.function = function

    def judge(self, frame: EthernetFrame, now: int) -> Verdict:
        verdict = self.function(frame, now)
        return PASS if verdict is None else verdict
