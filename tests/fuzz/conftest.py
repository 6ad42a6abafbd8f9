"""Lets the tests of this folder import its helpers, and the invariants of the torture runs."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parent / "torture"))
