"""Each test runs a script in a fresh interpreter, which nothing has patched yet."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

# The tables beside the tests can be imported whatever import mode pytest runs in.
sys.path.insert(0, str(Path(__file__).parent))

_HELPERS = """
import sys
sys.path.insert(0, {builders!r})

def world():
    from builders_runtime import World
    from fourtuple.shim.patch import install
    install()
    return World()
"""


@pytest.fixture
def fresh(request):
    """Run ``source`` with ``world()`` at hand; what it prints must be ``expected``."""
    builders = str(request.config.rootpath / "tests" / "unit" / "runtime")

    def run(source, expected):
        script = _HELPERS.format(builders=builders) + textwrap.dedent(source)
        command = [sys.executable, "-W", "error", "-c", script]
        done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
        assert (done.stderr, done.returncode) == ("", 0)
        assert (
            done.stdout.splitlines() == textwrap.dedent(expected).split("\n")[:-1] or done.stdout == expected
        )

    return run
