"""Makes builders importable whatever import mode pytest runs in; `world` runs programs on bare hosts."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent / "runtime"))

from builders_runtime import World

from fourtuple.shim.patch import install


@pytest.fixture
def world():
    install()
    world = World()
    yield world
    world.close()
