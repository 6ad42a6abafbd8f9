"""Same seed, same trace digest: twice, as bytes on every hop, compiled and interpreted."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fourtuple._compiled import is_compiled

SCENARIO = Path(__file__).with_name("scenario.py")
SEEDS = [str(seed) for seed in range(20)]


def digests(mode: str, *, pure: bool) -> dict[str, str]:
    environment = dict(os.environ, PYTHONHASHSEED="0", FOURTUPLE_PURE_PYTHON="1" if pure else "0")
    done = subprocess.run(
        [sys.executable, str(SCENARIO), mode, *SEEDS], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["compiled"] == (is_compiled() and not pure)
    return document["digests"]


@pytest.fixture(scope="module")
def objects() -> dict[str, str]:
    return digests("objects", pure=not is_compiled())


def test_each_seed_gives_a_run_of_its_own(objects: dict[str, str]) -> None:
    assert len(set(objects.values())) == len(SEEDS)


def test_the_same_seed_gives_the_same_digest_in_another_process(objects: dict[str, str]) -> None:
    assert digests("objects", pure=not is_compiled()) == objects


def test_bytes_on_every_hop_give_the_same_digest(objects: dict[str, str]) -> None:
    assert digests("bytes", pure=not is_compiled()) == objects


@pytest.mark.skipif(not is_compiled(), reason="nothing is compiled here")
def test_compiled_and_interpreted_give_the_same_digest(objects: dict[str, str]) -> None:
    assert digests("objects", pure=True) == objects
