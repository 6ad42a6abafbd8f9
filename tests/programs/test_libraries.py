"""Servers and clients of the libraries people use, unmodified, over a link that loses packets."""

from dataclasses import dataclass

import pytest
from catalogue import CASES, HERE, Case, need

from fourtuple import Network
from fourtuple.capture.trace import DROPPED

SEEDS = 20


@dataclass
class Outcome:
    stdout: str
    stderr: str
    server_stderr: str
    exitcode: int | None
    digest: str
    lost: int


def run(case: Case, seed: int) -> Outcome:
    folder = HERE / case.folder
    with Network(seed=seed, keep_trace=True) as net:
        addresses = [["10.0.0.1"], ["10.0.0.2"]]
        if case.ipv6:
            addresses = [["10.0.0.1", "fd00::1"], ["10.0.0.2", "fd00::2"]]
        server = net.host("server", address=addresses[0])
        client = net.host("client", address=addresses[1])
        net.link(server, client, latency="20ms", loss=0.02)
        serving = server.spawn("python server.py", cwd=folder, daemon=True)
        asking = client.spawn("python client.py", cwd=folder, start="1s")
        net.run(until="600s")
        lost = sum(event.verb == DROPPED for event in net.events)
        return Outcome(asking.stdout, asking.stderr, serving.stderr, asking.exitcode, net.digest, lost)


def check(case: Case, seed: int) -> Outcome:
    outcome = run(case, seed)
    told = f"seed {seed}\n{outcome.stderr}\nserver:\n{outcome.server_stderr}"
    assert outcome.stdout == (HERE / case.folder / "expected.txt").read_text(), told
    assert outcome.exitcode == 0, told
    return outcome


cases = pytest.mark.parametrize("case", CASES, ids=[case.folder for case in CASES])


@cases
def test_it_works_over_a_link_that_loses_packets(case: Case) -> None:
    need(*case.libraries)
    check(case, 1)


@pytest.mark.slow
@pytest.mark.timeout(600)
@cases
def test_it_works_with_every_seed_and_repeats_itself(case: Case) -> None:
    need(*case.libraries)
    outcomes = [check(case, seed) for seed in range(1, SEEDS + 1)]
    assert sum(outcome.lost for outcome in outcomes) > 0
    assert len({outcome.digest for outcome in outcomes}) == SEEDS
    if case.digest:
        assert check(case, 2).digest == outcomes[1].digest
