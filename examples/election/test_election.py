"""What a user writes: no two ever lead in one term, and a leader that is cut off is replaced."""

import re
from pathlib import Path

import pytest

from fourtuple import Network

PROGRAM = Path(__file__).with_name("election.py")
NAMES = ["a", "b", "c", "d", "e"]


def leaders(network: Network) -> dict[int, list[str]]:
    """Who said it leads, by term."""
    found: dict[int, list[str]] = {}
    for process in network.processes:
        for term in re.findall(r"term (\d+): leader$", process.stdout, re.MULTILINE):
            found.setdefault(int(term), []).append(process.host.name)
    return found


@pytest.mark.parametrize("seed", range(5))
def test_a_leader_that_is_cut_off_is_replaced(seed: int) -> None:
    with Network(seed=seed) as network:
        network.switch("switch")
        links = {}
        for name in NAMES:
            host = network.host(name)
            links[name] = network.link(host, "switch", latency="2ms", jitter="1ms", loss=0.02)
            others = [other for other in NAMES if other != name]
            host.spawn(["python", str(PROGRAM), name, *others], daemon=True)

        network.run(until="2s")
        first = leaders(network)
        old = first[max(first)][0]

        links[old].partition()
        network.run(until="4s")
        second = leaders(network)
        assert max(second) > max(first)
        assert second[max(second)] != [old]

        links[old].repair()
        network.run(until="5s")
        everyone = leaders(network)
        assert all(len(names) == 1 for names in everyone.values()), everyone
        new = everyone[max(everyone)][0]
        returned = network.hosts[old].processes[0].stdout
        assert old == new or returned.endswith(f"follows {new}\n")
