"""A TLS client with retries and backoff meets outages: its link, one direction of it, its server."""

from dataclasses import dataclass

import pytest
from catalogue import HERE
from test_libraries import certificates

from fourtuple import Network, Process

FOLDER = HERE / "tls_retry"


@dataclass
class Outcome:
    stdout: str
    stderr: str
    exitcode: int | None
    digest: str
    last: float
    """Virtual seconds at the end."""


def run(seed: int, *outages: str) -> Outcome:
    with Network(seed=seed) as net:
        server, client = net.host("server", address="10.0.0.1"), net.host("client", address="10.0.0.2")
        link = net.link(server, client, latency="20ms", loss=0.02)

        def serve(start: str = "0s") -> Process:
            return server.spawn(
                "python server.py", cwd=FOLDER, daemon=True, env=certificates()[1], start=start
            )

        serving = serve()
        telling = client.spawn("python client.py", cwd=FOLDER, start="1s", env=certificates()[1])
        if "link" in outages:
            net.at("10s", link.partition)
            net.at("25s", link.repair)
        if "one way" in outages:
            net.at("45s", lambda: link.partition(server))
            net.at("60s", lambda: link.repair(server))
        if "server" in outages:
            net.at("30s", serving.kill)
            serve("38s")
        net.run(until="600s")
        return Outcome(telling.stdout, telling.stderr, telling.exitcode, net.digest, net.now / 1e9)


@pytest.mark.parametrize(
    ("outage", "kept", "failures"),
    [
        ("none", 60, "none"),
        ("link", 60, "TimeoutError"),
        ("one way", 60, "TimeoutError"),
    ],
)
def test_a_client_that_tries_again_gets_through(outage: str, kept: int, failures: str) -> None:
    for seed in (1, 2, 3):
        outcome = run(seed, outage)
        assert outcome.stderr == ""
        assert outcome.stdout == f"kept {kept}\nfailures {failures}\n"
        assert outcome.last > (60 if outage == "none" else 64)


def test_a_server_killed_and_started_again_has_lost_what_it_kept() -> None:
    for seed in (1, 2, 3):
        outcome = run(seed, "server")
        assert outcome.stderr == ""
        first, second = outcome.stdout.splitlines()
        assert 0 < int(first.split()[1]) < 60
        assert "ConnectionRefusedError" in second


@pytest.mark.slow
def test_all_outages_at_once_with_every_seed_and_again() -> None:
    outcomes = [run(seed, "link", "one way", "server") for seed in range(1, 21)]
    for outcome in outcomes:
        assert (outcome.exitcode, outcome.stderr) == (0, "")
        assert "ConnectionRefusedError" in outcome.stdout
        assert "TimeoutError" in outcome.stdout
    assert len({outcome.digest for outcome in outcomes}) == 20
    assert run(2, "link", "one way", "server").digest == outcomes[1].digest
