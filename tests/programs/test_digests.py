"""Equal seeds, equal digests, also across interpreters, where a library draws from sources of its own."""

import os
import subprocess
import sys

import pytest
from catalogue import CASES, HERE, need

SCRIPT = """
import sys
sys.path.insert(0, {here!r})
from catalogue import CASES
from test_libraries import run
case = next(case for case in CASES if case.folder == {folder!r})
print(*[run(case, seed).digest for seed in {seeds!r}])
"""


def digests(folder, seeds):
    script = SCRIPT.format(here=str(HERE), folder=folder, seeds=seeds)
    # As the command fourtuple pins it: Celery goes through sets of strings.
    pinned = dict(os.environ, PYTHONHASHSEED="0")
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=200, check=False, env=pinned
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "folder",
    [
        *("aiohttp_both", "trio_both", "paramiko_both", "asyncssh_both"),
        # One sends what it has of id(), one a count of its module, one binds a socket as it is imported.
        *("rpyc_both", "ping_hosts", "requests_flask"),
        # Random numbers drawn in C; sets of threads and tasks; an id() in a name.
        *("mongo_small", "celery_redis"),
    ],
)
def test_digest_is_the_seeds_in_and_across_interpreters(folder):
    need(*next(case.libraries for case in CASES if case.folder == folder))
    first = digests(folder, [1, 2, 1])
    second = digests(folder, [2, 1])
    assert first[0] == first[2] == second[1]
    assert first[1] == second[0] != first[0]
