"""Runs with TLS repeat: keys, nonces, signatures, session tickets and times follow from the seed."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import trustme

SCENARIO = Path(__file__).with_name("tls_scenario.py")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("certificates")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(directory / "ca.pem")
    for kind in (trustme.KeyType.ECDSA, trustme.KeyType.RSA):
        issued = authority.issue_cert("server", key_type=kind)
        issued.private_key_and_cert_chain_pem.write_to_path(directory / f"{kind.name.lower()}.pem")
    return directory


def digests(certificates: Path, mode: str, *seeds: int) -> dict[str, str]:
    done = subprocess.run(
        [sys.executable, str(SCENARIO), str(certificates), mode, *map(str, seeds)],
        env=dict(os.environ, PYTHONHASHSEED="0"),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_runs_with_tls_repeat(certificates: Path) -> None:
    first = digests(certificates, "objects", 1, 2)
    assert first["1"] != first["2"]
    # Tickets hold the second they were made in; let another begin.
    time.sleep(1.05 - time.time() % 1)
    # The second run finds contexts that served the first, so it must not matter what they did.
    assert digests(certificates, "bytes", 2, 1) == first
