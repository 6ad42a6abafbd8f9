import asyncio
import dataclasses
import gc
import weakref

import pytest

from fourtuple import Network
from fourtuple.shim import hash_order


class Thing:
    pass


class Slots:
    __slots__ = ("number",)


def run(target, seed=1):
    with Network(seed=seed) as net:
        process = net.host("host").spawn(target)
        net.run()
        assert process.exitcode == 0, process.stderr
        return process.result


def orders():
    things = [Thing() for _ in range(50)]
    numbers = {id(thing): number for number, thing in enumerate(things)}
    return [[numbers[id(thing)] for thing in kind(things)] for kind in (set, frozenset, weakref.WeakSet)] + [
        [hash(thing) for thing in things]
    ]


def test_sets_have_one_order_whatever_the_addresses():
    first = run(orders)
    # What holds memory now moves what comes next.
    junk = [Thing() for _ in range(1000)][::3]
    assert run(orders) == first
    assert run(orders, seed=2)[-1] != first[-1]
    del junk


def test_tasks_that_are_done_come_in_one_order():
    async def number(value):
        await asyncio.sleep(0.1)
        return value

    async def main():
        done, _ = await asyncio.wait([asyncio.ensure_future(number(each)) for each in range(20)])
        return [task.result() for task in done]

    first = run(lambda: asyncio.run(main()))
    junk = [Thing() for _ in range(1000)][::3]
    assert run(lambda: asyncio.run(main())) == first
    del junk


def test_outside_it_is_the_address():
    Network().close()
    thing = Thing()
    assert hash(thing) == object.__hash__(thing) == id(thing) >> 4
    with pytest.raises(TypeError):
        hash([])


def test_what_was_hashed_outside_is_found_inside_and_back():
    Network().close()
    outer = {Thing(): number for number in range(20)}
    inner = {}

    def inside():
        inner.update((Thing(), number) for number in range(20))
        return [outer[thing] for thing in outer]

    assert run(inside) == list(range(20))
    assert [inner[thing] for thing in inner] == list(range(20))


def test_it_forgets_what_is_gone():
    gc.collect()
    before = len(hash_order._known)
    run(lambda: len({Thing() for _ in range(100)}))
    gc.collect()
    assert len(hash_order._known) < before + 50


def test_classes_say_of_their_hash_what_they_ever_did():
    def inside():
        @dataclasses.dataclass
        class Point:
            x: int

        class Named:
            def __eq__(self, other):
                return True

        slots = Slots()
        assert hash(slots) == id(slots) >> 4
        assert hash(Thing) == hash(Thing)
        assert "__hash__" not in vars(Thing)
        return [Point.__hash__, Named.__hash__, Thing.__hash__ is object.__hash__]

    assert run(inside) == [None, None, True]


def test_a_hash_at_the_end_of_the_stack_raises_and_is_no_other():
    def inside():
        table = {Thing() for _ in range(5)}
        answers = []

        def deeper():
            try:
                answers.append(all(thing in table for thing in table))
                deeper()
            except RecursionError:
                # Here there is room for less and less.
                answers.extend(thing in table for thing in table)
                raise

        with pytest.raises(RecursionError):
            deeper()
        return answers

    assert set(run(inside)) == {True}


def test_objects_of_two_classes_have_two_hashes():
    class Other:
        pass

    def inside():
        return [hash(Thing()), hash(Other())]

    assert len(set(run(inside))) == 2
