"""What the papers say a congestion control gets: segments per round trip, as a function of loss.

Nothing here uses the simulator: these are the measures the tests hold it to.
"""

from __future__ import annotations

import math
import random

BETA = 0.7
C = 0.4
"""RFC 9438 §4.6 and §5.1, segments and seconds."""

RENO_SHARE = 3 * (1 - BETA) / (1 + BETA)
"""RFC 9438 §4.3: segments W_est grows by in a round trip."""

CUBIC_PERIODIC = (C * (3 + BETA) / (4 * (1 - BETA))) ** 0.25
"""RFC 9438 §5.1, figure 5: 1.054."""

CUBIC_RANDOM = 1.3004
"""Poojary and Sharma 2016 (arXiv:1510.08496): the same under independent losses, without fast convergence."""


def reno_periodic(probability: float) -> float:
    """NewReno, losses at equal distances: sqrt(3/2) / sqrt(p) (Mathis, Semke, Mahdavi and Ott 1997, §2).

    The paper's sqrt(3/4) for delayed ACKs is not ours: the window grows by segments acknowledged, not by
    ACKs (RFC 3465, Linux), so that delayed ACKs do not slow it.
    """
    return math.sqrt(1.5 / probability)


def reno_random(probability: float) -> float:
    """NewReno, independent losses: 1.31 / sqrt(p) (the same paper, table 1)."""
    return 1.31 / math.sqrt(probability)


def cubic_periodic(probability: float, rtt: float) -> float:
    """CUBIC, losses at equal distances: RFC 9438's closed form, or Reno's where that is more (its
    Reno-friendly region, §4.3). ``rtt`` in seconds."""
    return max(CUBIC_PERIODIC * (rtt / probability) ** 0.75, reno_periodic(probability))


def cubic_random(probability: float, rtt: float) -> float:
    """CUBIC, independent losses: RFC 9438's equations, iterated by the round trip.

    W_cubic(t + RTT) (§4.2), the Reno-friendly region (§4.3), decrease (§4.6), fast convergence (§4.7).
    ``rtt`` in seconds.
    """
    draw = random.Random(1)
    window = most = estimate = 10.0
    since = k = 0.0
    total = 0.0
    rounds = 100_000
    for _ in range(rounds):
        total += window
        if draw.random() < 1 - (1 - probability) ** window:
            most = window * (1 + BETA) / 2 if window < most else window
            window = max(window * BETA, 2.0)
            estimate, since = window, 0.0
            k = (max(most - window, 0.0) / C) ** (1 / 3)
            continue
        since += rtt
        target = C * (since + rtt - k) ** 3 + most
        window = max(window, min(target, 1.5 * window))
        estimate += RENO_SHARE
        window = max(window, estimate)
    return total / rounds


def cubic_constant(random_losses: bool, fast_convergence: bool, losses: int = 40_000) -> float:
    """The constant of (RTT/p)^0.75 where windows are large: RFC 9438's curve without rounds or segments.

    Time is in units of one RTT/p to the power of 1/4, so only the shape of the curve counts. Between two
    losses the data sent, the integral of the curve, is 1, or drawn from the exponential distribution.
    """
    draw = random.Random(1)
    most = 1.0
    window = BETA
    time = sent = 0.0
    for number in range(losses):
        k = (max(most - window, 0.0) / C) ** (1 / 3)
        data = draw.expovariate(1.0) if random_losses else 1.0
        low, high = 0.0, 1.0
        while _sent_by(high, k, most) < data:
            high *= 2
        for _ in range(40):
            middle = (low + high) / 2
            if _sent_by(middle, k, most) < data:
                low = middle
            else:
                high = middle
        if number >= losses // 4:
            time += high
            sent += data
        at_loss = C * (high - k) ** 3 + most
        most = at_loss * (1 + BETA) / 2 if fast_convergence and at_loss < most else at_loss
        window = BETA * at_loss
    return sent / time


def _sent_by(time: float, k: float, most: float) -> float:
    return C / 4 * ((time - k) ** 4 - k**4) + most * time


def jain(shares: list[float]) -> float:
    """Jain's fairness index: 1 if all get the same, 1/n if one gets all."""
    return sum(shares) ** 2 / (len(shares) * sum(share * share for share in shares))
