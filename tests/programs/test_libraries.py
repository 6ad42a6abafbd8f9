"""Servers and clients of the libraries people use, unmodified, over a link that loses packets."""

import functools
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme
from catalogue import CASES, HERE, NAMED, Case, need

from fourtuple import Network
from fourtuple.capture.trace import DROPPED


@dataclass
class Outcome:
    stdout: str
    stderr: str
    server_stderr: str
    exitcode: int | None
    digest: str
    lost: int


@functools.cache
def certificates() -> tuple[tempfile.TemporaryDirectory[str], dict[str, str]]:
    """Where an authority and the server's certificate and key are, and the variables that say so."""
    folder = tempfile.TemporaryDirectory()
    authority = trustme.CA()
    issued = authority.issue_cert("server")
    place = Path(folder.name)
    authority.cert_pem.write_to_path(place / "ca.pem")
    issued.private_key_and_cert_chain_pem.write_to_path(place / "server.pem")
    trusted, own = str(place / "ca.pem"), str(place / "server.pem")
    return folder, {
        "SSL_CERT_FILE": trusted,
        "REQUESTS_CA_BUNDLE": trusted,
        "TLS_CERT": own,
        "TLS_KEY": own,
    }


def run(case: Case, seed: int) -> Outcome:
    folder = HERE / case.folder
    with Network(seed=seed, keep_trace=True) as net:
        addresses = [["10.0.0.1"], ["10.0.0.2"]]
        if case.ipv6:
            addresses = [["10.0.0.1", "fd00::1"], ["10.0.0.2", "fd00::2"]]
        server = net.host("server", address=addresses[0])
        client = net.host("client", address=addresses[1])
        net.link(server, client, latency="20ms", loss=0.02)
        variables = certificates()[1] if case.tls else None
        serving = server.spawn("python server.py", cwd=folder, daemon=True, env=variables)
        asking = client.spawn("python client.py", cwd=folder, start="1s", env=variables)
        net.run(until="600s")
        lost = sum(event.verb == DROPPED for event in net.events)
        return Outcome(asking.stdout, asking.stderr, serving.stderr, asking.exitcode, net.digest, lost)


def check(case: Case, seed: int) -> Outcome:
    outcome = run(case, seed)
    told = f"seed {seed}\n{outcome.stderr}\nserver:\n{outcome.server_stderr}"
    assert outcome.stdout == (HERE / case.folder / "expected.txt").read_text(), told
    assert outcome.exitcode == 0, told
    return outcome


@pytest.mark.parametrize("case", NAMED, ids=[case.folder for case in NAMED])
def test_it_works_over_a_link_that_loses_packets(case: Case) -> None:
    need(*case.libraries)
    check(case, 1)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("case", CASES, ids=[case.folder for case in CASES])
def test_it_works_with_every_seed_and_repeats_itself(case: Case) -> None:
    need(*case.libraries)
    outcomes = [check(case, seed) for seed in range(1, case.seeds + 1)]
    if case.by_network:
        assert sum(outcome.lost for outcome in outcomes) > 0
        assert len({outcome.digest for outcome in outcomes}) == case.seeds
    assert check(case, 2).digest == outcomes[1].digest
