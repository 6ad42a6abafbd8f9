"""time, datetime and the sources of randomness inside a simulated process."""

import datetime
import math
import os
import random
import secrets
import tempfile
import time
import uuid

import pytest

from fourtuple.shim.durations import deadline_ns, duration_ns

EPOCH = 1767225600


def test_clocks_start_at_the_epoch_and_at_zero(world):
    def program():
        return time.time(), time.monotonic(), time.perf_counter(), time.time_ns(), time.monotonic_ns()

    assert world.call(program) == (EPOCH, 0.0, 0.0, EPOCH * 10**9, 0)


def test_clocks_move_by_what_was_slept(world):
    def program():
        time.sleep(1.25)
        return (
            round(time.time() - EPOCH, 6),
            time.monotonic(),
            time.perf_counter_ns(),
            time.clock_gettime(time.CLOCK_MONOTONIC),
            time.clock_gettime_ns(time.CLOCK_REALTIME) - EPOCH * 10**9,
        )

    assert world.call(program) == (1.25, 1.25, 1_250_000_000, 1.25, 1_250_000_000)


def test_hosts_share_one_clock(world):
    running = [world.spawn(lambda: (time.sleep(1), time.time())[1], host=host) for host in ("a", "b")]
    world.run()
    assert [one.result for one in running] == [EPOCH + 1, EPOCH + 1]


def test_sleep_of_bad_length_fails_as_the_real_one(world):
    def failure(length):
        try:
            time.sleep(length)
        except Exception as error:
            return type(error), str(error)

    for length in (-1, float("nan"), "x", None):
        assert world.call(failure, length) == failure(length)


@pytest.mark.parametrize(
    ("seconds", "nanoseconds"),
    [
        (0, 0),
        (1, 10**9),
        (0.5, 5 * 10**8),
        (1e-9, 1),
        (1e-10, 1),
        (0.1, 10**8),
        (-0.5, -5 * 10**8),
        (True, 10**9),
    ],
)
def test_duration_is_rounded_up_to_nanoseconds(seconds, nanoseconds):
    assert duration_ns(seconds) == nanoseconds


@pytest.mark.parametrize("seconds", [math.inf, 1e19, 1 << 70])
def test_duration_too_long_overflows(seconds):
    with pytest.raises(OverflowError):
        duration_ns(seconds)


def test_deadline_of_none_or_negative_is_never():
    assert deadline_ns(5, None) == deadline_ns(5, -1) == -1
    assert deadline_ns(5, 1e-9) == 6


def test_default_moments_are_virtual(world):
    def program():
        time.sleep(1)
        return (
            time.gmtime()[:6],
            time.localtime()[:6],
            time.strftime("%Y-%m-%d %H:%M:%S"),
            time.ctime(),
            time.asctime(),
            time.gmtime(0)[:3],
            time.strftime("%Y", time.gmtime(0)),
            time.ctime(0),
        )

    assert world.call(program) == (
        (2026, 1, 1, 0, 0, 1),
        (2026, 1, 1, 0, 0, 1),
        "2026-01-01 00:00:01",
        "Thu Jan  1 00:00:01 2026",
        "Thu Jan  1 00:00:01 2026",
        (1970, 1, 1),
        "1970",
        "Thu Jan  1 00:00:00 1970",
    )


def test_clock_cannot_be_set(world):
    def program():
        with pytest.raises(PermissionError):
            time.clock_settime(time.CLOCK_REALTIME, 0)
        with pytest.raises(OSError, match="Invalid argument"):
            time.clock_gettime(4711)
        return True

    assert world.call(program)


def test_processor_time_is_what_spinning_was_charged(world):
    def program():
        before = time.process_time()
        while time.monotonic() < 0.001:
            pass
        return before, time.process_time_ns(), time.thread_time_ns(), os.times().user

    assert world.call(program) == (0.0, 1_000_000, 1_000_000, 0.001)


def test_datetime_reads_the_virtual_clock(world):
    class Mine(datetime.datetime):
        pass

    def program():
        time.sleep(0.5)
        utc = datetime.UTC
        return (
            datetime.datetime.now(),
            datetime.datetime.now(utc),
            datetime.datetime.now(tz=datetime.timezone(datetime.timedelta(hours=2))).hour,
            datetime.datetime.today(),
            datetime.date.today(),
            type(Mine.now()) is Mine,
        )

    moment = datetime.datetime(2026, 1, 1, 0, 0, 0, 500_000)
    utc = datetime.UTC
    assert world.call(program) == (
        moment,
        moment.replace(tzinfo=utc),
        2,
        moment,
        datetime.date(2026, 1, 1),
        True,
    )


@pytest.mark.filterwarnings("ignore:.*utcnow:DeprecationWarning")
def test_utcnow_reads_the_virtual_clock(world):
    assert world.call(lambda: datetime.datetime.utcnow()) == datetime.datetime(2026, 1, 1)


def test_datetime_now_of_bad_zone_fails_as_the_real_one(world):
    def failure():
        try:
            datetime.datetime.now("UTC")
        except TypeError as error:
            return str(error)

    assert "tzinfo" in world.call(failure)


def draw():
    return (
        random.random(),
        random.randint(0, 10**9),
        random.Random().random(),
        random.SystemRandom().random(),
        os.urandom(8),
        secrets.token_hex(4),
        str(uuid.uuid4()),
        str(uuid.uuid1()),
        next(tempfile._get_candidate_names()),
    )


def test_random_numbers_follow_from_seed_host_and_pid(world):
    from builders_runtime import World

    def run(seed, hosts):
        other = World(seed)
        running = [other.spawn(draw, host=host) for host in hosts]
        other.run()
        return [one.result for one in running]

    first = run(1, ["a", "b"])
    assert run(1, ["a", "b"]) == first
    assert run(1, ["b"]) == [first[1]]
    both = [*first, *run(2, ["a"])]
    for column in zip(*both, strict=True):
        assert len(set(column)) == len(column)


def test_seeded_generators_are_unchanged(world):
    expected = random.Random(5).random()

    def program():
        random.seed(5)
        return random.random(), random.Random(5).random()

    assert world.call(program) == (expected, expected)


def test_generator_outside_is_untouched_by_a_program(world):
    random.seed(9)
    expected = [random.random() for _ in range(3)]
    random.seed(9)
    seen = [random.random()]
    world.call(lambda: (random.seed(1), random.random()))
    seen += [random.random(), random.random()]
    assert seen == expected


def test_uuid1_holds_the_host_clock_and_never_repeats(world):
    def program():
        return [uuid.uuid1() for _ in range(3)], uuid.uuid1(node=7, clock_seq=3)

    made, given = world.call(program)
    assert len(set(made)) == 3
    assert (made[0].time - 0x01B21DD213814000) // 10**7 == EPOCH
    assert (given.node, given.clock_seq, given.version) == (7, 3, 1)


def test_urandom_of_negative_size_is_refused(world):
    def program():
        with pytest.raises(ValueError, match="negative"):
            os.urandom(-1)
        return os.urandom(0), len(os.getrandom(5))

    assert world.call(program) == (b"", 5)


def test_each_process_has_the_time_zone_of_its_environment(world):
    """Set with tzset() as it runs, or given when it starts."""
    outside = time.tzname

    def program():
        before = time.localtime(0).tm_hour
        os.environ["TZ"] = "STD+3DST"
        unchanged = time.localtime(0).tm_hour
        time.tzset()
        time.sleep(0.002)
        return before, unchanged, time.localtime(0).tm_hour, time.tzname, time.timezone

    def neighbour():
        time.sleep(0.001)
        return time.localtime(0).tm_hour, time.tzname

    def given():
        return time.localtime(0).tm_hour, datetime.datetime.fromtimestamp(0).hour

    running = [world.spawn(program), world.spawn(neighbour)]
    running.append(world.spawn(given, env={"TZ": "EST-5"}))
    world.run()
    assert [one.result for one in running] == [
        (0, 0, 21, ("STD", "DST"), 10800),
        (0, ("UTC", "UTC")),
        (5, 5),
    ]
    assert time.tzname == outside
