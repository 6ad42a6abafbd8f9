"""What our congestion controls achieve, against the models of their papers (docs/tcp-behaviour.md)."""

from __future__ import annotations

import pytest
from bulk_flow import (
    Path,
    cubic_model,
    cubic_random_model,
    jain,
    mathis,
    share_a_bottleneck,
    under_loss,
)

from fourtuple.clock.clock import MILLISECOND, SECOND

TOLERANCE = 0.2

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def near(measured: float, model: float) -> None:
    assert abs(measured / model - 1) < TOLERANCE, (
        f"{measured:.1f} segments a round trip, the model {model:.1f}"
    )


@pytest.mark.parametrize(
    ("probability", "segments"),
    [(0.01, 6_000), (0.003, 15_000), (0.001, 25_000)],
    ids=lambda value: str(value),
)
def test_newreno_follows_mathis(probability: float, segments: int) -> None:
    found = under_loss("reno", 100 * MILLISECOND, probability, segments, range(3))
    near(found.window, mathis(probability))


@pytest.mark.parametrize(
    ("rtt", "probability", "segments"),
    [(100, 0.01, 6_000), (20, 0.003, 12_000), (200, 0.001, 40_000)],
    ids=["reno-friendly 1%", "reno-friendly 0.3%", "cubic region"],
)
def test_cubic_follows_rfc_9438(rtt: int, probability: float, segments: int) -> None:
    found = under_loss("cubic", rtt * MILLISECOND, probability, segments, range(3))
    near(found.window, cubic_random_model(probability, rtt * MILLISECOND))


@pytest.mark.parametrize("control", ["reno", "cubic"])
def test_two_flows_share_a_bottleneck(control: str) -> None:
    """Equal round trips, the second begins 5 s after the first."""
    shares, capacity = share_a_bottleneck(control, control, 100)
    assert jain(shares) >= 0.95, shares
    assert sum(shares) > 0.9 * capacity, "the bottleneck is not used"


def test_the_models_agree_where_they_overlap() -> None:
    """The iterated equations are near the closed form, and both Reno's where CUBIC is friendly."""
    assert cubic_model(0.01, 20 * MILLISECOND) == pytest.approx((1.5 / 0.01) ** 0.5)
    for rtt, probability in ((20, 0.003), (200, 0.001)):
        ratio = cubic_random_model(probability, rtt * MILLISECOND) / cubic_model(
            probability, rtt * MILLISECOND
        )
        assert 1.0 <= ratio < 1.25


def test_a_flow_alone_fills_its_bottleneck() -> None:
    path = Path(1, 40 * MILLISECOND, 10_000_000, 50)
    flow = path.open("cubic")
    path.run(20 * SECOND)
    flow.reset()
    path.run(20 * SECOND)
    assert flow.received() * 8 > 0.93 * 10_000_000 * 20
