"""Makes the room's builders importable."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from builders_ports import PortsHost


@pytest.fixture
def host() -> PortsHost:
    """The port tables of one host, with short words for what tests do to them."""
    return PortsHost()
