"""What our congestion controls achieve, against the models of their papers (docs/tcp-behaviour.md)."""

from __future__ import annotations

import pytest
from bulk_flow import Path, share_a_bottleneck, under_periodic_loss, under_random_loss
from models import (
    CUBIC_PERIODIC,
    CUBIC_RANDOM,
    cubic_constant,
    cubic_periodic,
    cubic_random,
    jain,
    reno_periodic,
    reno_random,
)
from steady_states import cubic_steady_states

from fourtuple.clock.clock import MILLISECOND, SECOND

TOLERANCE = 0.2

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def near(measured: float, model: float) -> None:
    assert abs(measured / model - 1) < TOLERANCE, (
        f"{measured:.1f} segments a round trip, the model {model:.1f}"
    )


@pytest.mark.parametrize("every", [100, 300, 1000])
@pytest.mark.parametrize("quick_acks", [False, True], ids=["delayed-acks", "quick-acks"])
def test_newreno_under_periodic_loss(every: int, quick_acks: bool) -> None:
    found = under_periodic_loss("reno", 100 * MILLISECOND, every, quick_acks=quick_acks)
    near(found.window, reno_periodic(1 / every))


@pytest.mark.parametrize(
    ("rtt", "every"),
    [(500, 500), (400, 1000), (300, 2000), (200, 3000)],
    ids=lambda value: str(value),
)
def test_cubic_under_periodic_loss(rtt: int, every: int) -> None:
    """Where the closed form of RFC 9438 §5.1 is more than Reno's."""
    model = cubic_periodic(1 / every, rtt / 1000)
    assert model > 1.1 * reno_periodic(1 / every)
    # From above and from below: in whole segments there is more than one place to stay.
    windows = [
        under_periodic_loss("cubic", rtt * MILLISECOND, every, int(start * model)).window
        for start in (0.6, 1.6)
    ]
    least, largest = cubic_steady_states(rtt / 1000, every)
    assert least < model < largest
    for window in windows:
        assert 0.95 * least < window < 1.05 * largest, (
            f"{window:.1f} segments a round trip, steady {least:.1f} to {largest:.1f}"
        )


@pytest.mark.parametrize(("rtt", "every"), [(100, 100), (20, 300)], ids=lambda value: str(value))
def test_cubic_is_reno_friendly_under_periodic_loss(rtt: int, every: int) -> None:
    """RFC 9438 §4.3."""
    model = cubic_periodic(1 / every, rtt / 1000)
    assert model == reno_periodic(1 / every)
    near(under_periodic_loss("cubic", rtt * MILLISECOND, every, int(model)).window, model)


@pytest.mark.parametrize(
    ("probability", "segments"),
    [(0.01, 6_000), (0.003, 15_000), (0.001, 20_000)],
    ids=lambda value: str(value),
)
def test_newreno_under_random_loss(probability: float, segments: int) -> None:
    found = under_random_loss("reno", 100 * MILLISECOND, probability, segments, range(3))
    near(found.window, reno_random(probability))


@pytest.mark.parametrize(
    ("rtt", "probability", "segments"),
    [(100, 0.01, 6_000), (20, 0.003, 12_000), (200, 0.001, 25_000), (400, 0.002, 15_000)],
    ids=["reno-friendly 1%", "reno-friendly 0.3%", "cubic region 0.1%", "cubic region 0.2%"],
)
def test_cubic_under_random_loss(rtt: int, probability: float, segments: int) -> None:
    found = under_random_loss("cubic", rtt * MILLISECOND, probability, segments, range(3))
    near(found.window, cubic_random(probability, rtt / 1000))


def test_the_models_agree_with_what_is_published() -> None:
    """RFC 9438's curve, integrated, gives the constants of the RFC and of Poojary and Sharma."""
    assert pytest.approx(1.054, abs=0.001) == CUBIC_PERIODIC
    assert cubic_constant(random_losses=False, fast_convergence=False, losses=2000) == pytest.approx(
        CUBIC_PERIODIC, rel=0.03
    )
    assert cubic_constant(random_losses=True, fast_convergence=False) == pytest.approx(CUBIC_RANDOM, rel=0.02)
    # By the round trip and with fast convergence, far into CUBIC's own region.
    limit = cubic_constant(random_losses=True, fast_convergence=True)
    assert cubic_random(0.0001, 0.2) == pytest.approx(limit * (0.2 / 0.0001) ** 0.75, rel=0.08)


@pytest.mark.parametrize("control", ["reno", "cubic", "bbr"])
def test_two_flows_share_a_bottleneck(control: str) -> None:
    """Equal round trips, the second begins 5 s after the first."""
    shares, capacity = share_a_bottleneck(control, control, 40)
    assert jain(shares) >= 0.95, shares
    assert sum(shares) > 0.9 * capacity, "the bottleneck is not used"


def test_a_flow_alone_fills_its_bottleneck() -> None:
    path = Path(1, 40 * MILLISECOND, 10_000_000, 50)
    flow = path.open("cubic")
    path.run(20 * SECOND)
    flow.reset()
    path.run(20 * SECOND)
    assert flow.received() * 8 > 0.93 * 10_000_000 * 20
