from hypothesis import given
from hypothesis import strategies as st

from fourtuple.wire.seqnum import (
    seq_add,
    seq_between,
    seq_diff,
    seq_geq,
    seq_gt,
    seq_leq,
    seq_lt,
    seq_max,
    seq_min,
)

numbers = st.integers(0, 2**32 - 1)
distances = st.integers(1 - 2**31, 2**31 - 1)


@given(numbers, distances)
def test_difference_undoes_addition(a: int, n: int) -> None:
    moved = seq_add(a, n)
    assert 0 <= moved < 2**32
    assert seq_diff(moved, a) == n


@given(numbers, distances)
def test_order_follows_the_shorter_way_round(a: int, n: int) -> None:
    b = seq_add(a, n)
    assert seq_lt(a, b) == (n > 0)
    assert seq_leq(a, b) == (n >= 0)
    assert seq_gt(a, b) == (n < 0)
    assert seq_geq(a, b) == (n <= 0)
    assert seq_max(a, b) == (b if n > 0 else a)
    assert seq_min(a, b) == (a if n > 0 else b)


@given(numbers)
def test_number_half_the_space_away_counts_as_before(a: int) -> None:
    b = seq_add(a, 2**31)
    assert seq_diff(b, a) == -(2**31)
    assert seq_lt(b, a)
    assert seq_lt(a, b)
    assert not seq_leq(b, seq_add(b, -1))


@given(numbers, st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_between_counts_upwards_from_low(low: int, x: int, high: int) -> None:
    inside = (x - low) % 2**32 <= (high - low) % 2**32
    assert seq_between(low, x, high) == inside


def test_comparison_across_the_wrap() -> None:
    assert seq_lt(0xFFFF_FFF0, 0x10)
    assert seq_between(0xFFFF_FFF0, 0, 0x10)
    assert not seq_between(0xFFFF_FFF0, 0x11, 0x10)
