"""Cyclic garbage goes at the same moments in every run of one seed."""

import gc
import time

from builders_runtime import World


class Cycle:
    def __init__(self, log):
        self.me = self
        self.log = log

    def __del__(self):
        self.log.append(time.monotonic())


def moments():
    """When the cycles made in the first second were collected."""
    world = World()
    log = []

    def program():
        for _ in range(100):
            Cycle(log)
            time.sleep(0.01)
        for _ in range(30_000):
            time.sleep(0.001)

    world.spawn(program)
    world.run()
    collected = len(log)
    world.close()
    return collected, world.scheduler.switches


def test_garbage_is_collected_in_the_run_whatever_ran_before(world):
    first = moments()
    kept = [[n] for n in range(50_000)]
    assert moments() == first
    assert first[0] == 100
    del kept


def test_collector_is_as_before_after_a_run(world):
    before = gc.get_threshold(), gc.get_freeze_count(), gc.isenabled()
    world.call(int)
    assert (gc.get_threshold(), gc.get_freeze_count(), gc.isenabled()) == before


def test_disabled_collector_stays_disabled(world):
    gc.disable()
    try:
        world.call(time.sleep, 1)
        assert not gc.isenabled()
    finally:
        gc.enable()
