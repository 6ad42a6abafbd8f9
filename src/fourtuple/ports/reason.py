"""Why a lookup or a bind went the way it did: an ordered record of the steps taken.

A rule is given a :class:`Reasons` only by those who want to explain; the run itself passes None and
pays one comparison.
"""

from __future__ import annotations

from typing import Final

from .endpoint import Endpoint

# Verdicts of a step.
SEARCHED: Final = "searched"
"""A table was looked at; ``score`` is the number of candidates in it."""
WINS: Final = "wins"
"""The endpoint gets the packet."""
LEADS: Final = "leads"
"""Best score so far; a later candidate may still beat it."""
LOSES: Final = "loses"
"""The endpoint matches but another one is better."""
NO_MATCH: Final = "no match"
"""The endpoint cannot get this packet."""
PASSES: Final = "passes"
"""The endpoint does not stand in the way of the bind."""
CONFLICTS: Final = "conflicts"
"""The endpoint makes the bind fail."""
DECIDED: Final = "decided"
"""The rule ended the search, without naming an endpoint."""


class Step:
    """One step. ``rule`` is the rule's short name, ``text`` says what happened in words."""

    __slots__ = ("endpoint", "rule", "score", "text", "verdict")

    def __init__(self, rule: str, text: str, endpoint: Endpoint | None, verdict: str, score: int) -> None:
        self.rule = rule
        self.text = text
        self.endpoint = endpoint
        """The candidate this step is about, None if it is about the search as a whole."""
        self.verdict = verdict
        self.score = score
        """The candidate's score, or the number of candidates; -1 where there is none."""


class Reasons:
    """The steps of one decision, in the order they were taken."""

    __slots__ = ("steps",)

    def __init__(self) -> None:
        self.steps: list[Step] = []

    def add(self, rule: str, text: str, endpoint: Endpoint | None, verdict: str, score: int) -> None:
        self.steps.append(Step(rule, text, endpoint, verdict, score))

    def of(self, verdict: str) -> list[Step]:
        """The steps that ended with ``verdict``, in order."""
        return [step for step in self.steps if step.verdict == verdict]

    def lines(self) -> list[str]:
        """One plain line per step, for reports."""
        return [f"{step.rule}: {step.text}" for step in self.steps]
