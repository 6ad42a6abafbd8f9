"""Sets of objects that have no hash of their own are gone through in an order that follows from the seed."""

import subprocess
import sys

from fourtuple import Network

PROGRAM = """
import asyncio, concurrent.futures, random, time

class Client:
    def __init__(self, number):
        self.number = number
        self.room = bytearray(random.randrange(9000))

async def ends(number, ended):
    try:
        await asyncio.sleep(100)
    finally:
        ended.append(number)

async def answers(number):
    await asyncio.sleep(1)
    return number

async def main():
    clients = set()
    for number in range(40):
        clients.add(Client(number))
    print([each.number for each in clients])
    done, _ = await asyncio.wait([asyncio.ensure_future(answers(number)) for number in range(12)])
    print([task.result() for task in done])
    print([await each for each in asyncio.as_completed([answers(number) for number in range(8)])])
    for number in range(12):
        asyncio.ensure_future(ends(number, ended))
    await asyncio.sleep(1)

ended = []
asyncio.run(main())
print(ended)
with concurrent.futures.ThreadPoolExecutor(8) as pool:
    futures = [pool.submit(time.sleep, 1) for _ in range(8)]
    print([futures.index(each) for each in concurrent.futures.wait(futures).done])
"""

RUNS = """
import sys
from fourtuple import Network
kept = []
for size in (0, 1000, 77):
    kept.append([bytearray(number) for number in range(size)])
    with Network(seed=1) as net:
        host = net.host("host", address="10.0.0.1")
        process = host.spawn([sys.executable, "-c", sys.argv[1]])
        net.run()
        print(process.stdout, process.stderr, sep="", end="--")
"""


def test_sets_have_one_order_in_every_run_and_interpreter() -> None:
    printed = [
        subprocess.run(
            [sys.executable, "-c", RUNS, PROGRAM], capture_output=True, text=True, timeout=60, check=True
        ).stdout
        for _ in range(2)
    ]
    assert printed[0] == printed[1]
    first, second, third, rest = printed[0].split("--")
    assert first == second == third
    assert len(first.splitlines()) == 5
    assert not rest


def test_what_was_hashed_outside_is_found_inside() -> None:
    class Thing:
        pass

    things = {Thing() for _ in range(50)}
    found = []

    def program() -> None:
        found.extend(thing in things for thing in list(things))
        things.add(Thing())

    with Network(seed=1) as net:
        net.host("host", address="10.0.0.1").spawn(program)
        net.run()
    assert found == [True] * 50
    assert all(thing in things for thing in list(things))
    assert len(things) == 51
