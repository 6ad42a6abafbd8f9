"""A bad network, restless programs: streams arrive whole, in order, once, or both ends learn why not."""

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from torture_plan import draw
from torture_run import run_seed, torture

from fourtuple.clock.streams import Stream

SEEDS = 4000
CHUNK = 100


# Without Phase.explain, which traces every line and takes minutes.
_PHASES = (Phase.explicit, Phase.generate, Phase.shrink)


@settings(max_examples=15, deadline=None, derandomize=True, phases=_PHASES)
@given(st.data())
def test_torture(data: st.DataObject) -> None:
    """Hypothesis draws the plan, so a failure is shrunk to a plan that is as plain as possible."""
    plan = draw(1, lambda limit: data.draw(st.integers(0, limit - 1)))
    torture(plan)


@pytest.mark.parametrize("seed", range(10))
def test_torture_by_seed(seed: int) -> None:
    run_seed(seed)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_torture_thousands(first: int) -> None:
    for seed in range(first, first + CHUNK):
        run_seed(seed)


@pytest.mark.parametrize("seed", range(2))
def test_bytes_on_the_wire_change_nothing(seed: int) -> None:
    _same_as_bytes(seed)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("first", range(0, 200, 50))
def test_bytes_on_the_wire_change_nothing_for_many(first: int) -> None:
    for seed in range(first, first + 50):
        _same_as_bytes(seed)


def _same_as_bytes(seed: int) -> None:
    objects, octets = run_seed(seed), run_seed(seed, True)
    assert objects.fabric.trace.digest() == octets.fabric.trace.digest()
    assert objects.clock.now == octets.clock.now
    assert objects.clock.fired == octets.clock.fired


def test_plans_cover_what_they_should() -> None:
    """Were a plan's draws to go lopsided, the rest here would prove less than it says."""
    plans = [draw(seed, Stream(seed, "plan").below) for seed in range(400)]
    assert {plan.ending for plan in plans} == {"calm", "abort", "close early", "cut", "crash"}
    for feature in ("v6", "routed", "simultaneous", "fine"):
        assert 10 < sum(getattr(plan, feature) for plan in plans) < 390
    assert sum(plan.there.loss > 0.01 and plan.calm for plan in plans) > 50
    assert sum(plan.client.total > 100_000 for plan in plans) > 50
