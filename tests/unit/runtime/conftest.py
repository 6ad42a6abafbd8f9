"""Makes the room's builders importable whatever import mode pytest runs in."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from builders_runtime import World

from fourtuple.shim.patch import install


@pytest.fixture
def world():
    install()
    world = World()
    yield world
    world.close()
