"""Durations, rates and sizes as people write them."""

import pytest

from fourtuple.network.units import (
    format_duration,
    format_rate,
    parse_duration,
    parse_probability,
    parse_queue,
    parse_rate,
    parse_size,
)


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("10ms", 10_000_000),
        ("1.5s", 1_500_000_000),
        ("250us", 250_000),
        ("3 µs", 3_000),
        ("7ns", 7),
        ("2min", 120_000_000_000),
        ("1h", 3_600_000_000_000),
        ("0s", 0),
        (".5ms", 500_000),
        (12, 12),
    ],
)
def test_duration_is_read_exactly(text: int | str, nanoseconds: int) -> None:
    assert parse_duration(text) == nanoseconds


@pytest.mark.parametrize(
    "text", ["10", "ms", "", "-1s", "1.5ns", "1..5s", "10 fortnights", "1e3s", -1, True, 1.5]
)
def test_no_duration_is_named(text: object) -> None:
    with pytest.raises(ValueError, match="is not a duration such as") as caught:
        parse_duration(text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("10mbit", 10_000_000),
        ("1.5Gbit", 1_500_000_000),
        ("56 kbit/s", 56_000),
        ("300bit", 300),
        ("9kbps", None),
    ],
)
def test_rate_is_bits_per_second(text: str, rate: int | None) -> None:
    if rate is None:  # tc's "bps" are bytes: not guessed at
        with pytest.raises(ValueError, match="is not a rate such as"):
            parse_rate(text)
    else:
        assert parse_rate(text) == rate


@pytest.mark.parametrize("text", ["0mbit", "10", "fast", "-1mbit", 0])
def test_no_rate_is_named(text: int | str) -> None:
    with pytest.raises(ValueError, match="is not a rate such as"):
        parse_rate(text)


def test_size_is_decimal_or_binary_as_written() -> None:
    assert [parse_size(text) for text in ("1500B", "64kB", "64KiB", "1MB")] == [
        1500,
        64_000,
        65_536,
        1_000_000,
    ]


@pytest.mark.parametrize(
    ("value", "limits"), [(100, (100, -1)), ("100", (100, -1)), ("64kB", (-1, 64_000)), (0, (0, -1))]
)
def test_queue_is_packets_or_bytes(value: int | str, limits: tuple[int, int]) -> None:
    assert parse_queue(value) == limits


@pytest.mark.parametrize("value", [-1, "-1", "long", "²", True, 1.5, None])
def test_no_queue_is_named(value: object) -> None:
    with pytest.raises(ValueError, match="is not a number of packets such as 100, or a size"):
        parse_queue(value)


@pytest.mark.parametrize("value", [-0.1, 1.01, "0.5", True, None])
def test_no_probability_is_named(value: object) -> None:
    with pytest.raises(ValueError, match="is not a probability from 0 to 1"):
        parse_probability(value)


@pytest.mark.parametrize("text", ["0s", "10ms", "1.5s", "250us", "7ns", "1.000000001s", "90s"])
def test_formatted_duration_reads_back(text: str) -> None:
    assert format_duration(parse_duration(text)) == text


@pytest.mark.parametrize("text", ["300bit", "56kbit", "1.5mbit", "10gbit"])
def test_formatted_rate_reads_back(text: str) -> None:
    assert format_rate(parse_rate(text)) == text
