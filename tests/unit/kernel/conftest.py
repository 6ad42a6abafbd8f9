"""Makes the room's builders importable, and gives tests a host: ours, or ours and the real one."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from builders_kernel import LinuxHost, OurHost


@pytest.fixture
def host() -> OurHost:
    """Our kernel."""
    return OurHost()


@pytest.fixture(params=["fourtuple", "linux"])
def either(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Our kernel, then the real one: what a test says must hold on both."""
    if request.param == "fourtuple":
        made: Any = OurHost()
    elif sys.platform == "linux":
        made = LinuxHost(str(tmp_path_factory.mktemp("s")))
    else:
        pytest.skip("parity needs Linux")
    yield made
    made.close()
