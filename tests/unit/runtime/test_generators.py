"""Generators that modules of libraries keep, and what such modules draw while they are imported."""

import random
import struct

import pytest
from builders_runtime import World

from fourtuple.runtime.generators import ImportEntropy, importing_module, shared_generators
from fourtuple.runtime.symbols import local_functions


@pytest.fixture
def shared():
    generator = random.Random()
    shared_generators.add("somelibrary/0", generator)
    return generator


def draws(generator, seed):
    world = World(seed)
    try:
        return world.call(lambda: [generator.random() for _ in range(3)])
    finally:
        world.close()


def test_shared_generator_starts_anew_in_each_network(shared):
    first = draws(shared, 1)
    assert draws(shared, 2) != first
    assert draws(shared, 1) == first


def test_shared_generator_goes_on_in_a_network_and_outside(shared):
    outside = shared.getstate()
    world = World(1)
    first = world.call(shared.random)
    assert shared.getstate() == outside
    shared.random()
    second = world.call(shared.random)
    world.close()
    assert [first, second] == draws(shared, 1)[:2]


def test_two_generators_of_one_seed_differ(shared):
    other = random.Random()
    shared_generators.add("somelibrary/1", other)
    assert draws(shared, 1) != draws(other, 1)


def test_import_draws_the_same_whatever_the_seed_is():
    assert ImportEntropy("a").stream.octets(8) == ImportEntropy("a").stream.octets(8)
    assert ImportEntropy("a").stream.octets(8) != ImportEntropy("b").stream.octets(8)


def test_importing_module_is_that_whose_code_runs(tmp_path, monkeypatch):
    (tmp_path / "asks.py").write_text(
        "from fourtuple.runtime.generators import importing_module as f\nname = f()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import asks

    assert asks.name == "asks"
    assert importing_module() != "asks"


def test_functions_of_what_is_no_library_are_not_found(tmp_path):
    assert local_functions(str(tmp_path / "missing.so"), ["f"]) == {}
    assert local_functions(struct.__file__ or "", ["f"]) == {}
