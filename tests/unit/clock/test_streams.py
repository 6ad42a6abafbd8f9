import pytest

from fourtuple.clock.streams import Stream, Streams


def test_a_stream_depends_on_seed_and_name_only() -> None:
    first = [Stream(7, "link/a").bits(64) for _ in range(3)]
    assert len(set(first)) == 1
    assert Stream(7, "link/b").bits(64) != first[0]
    assert Stream(8, "link/a").bits(64) != first[0]


def test_the_numbers_are_those_every_python_gives() -> None:
    # Written down once: a change of these changes every recorded run.
    stream = Streams(0).stream("written down")
    assert [stream.bits(32) for _ in range(3)] == [2240522616, 905329046, 2848193649]


def test_below_covers_its_range_and_nothing_else() -> None:
    stream = Stream(1, "below")
    assert {stream.below(5) for _ in range(200)} == {0, 1, 2, 3, 4}
    with pytest.raises(ValueError, match="not 0"):
        stream.below(0)


def test_octets_have_the_length_asked_for() -> None:
    stream = Stream(1, "octets")
    assert [len(stream.octets(n)) for n in (0, 1, 16)] == [0, 1, 16]
