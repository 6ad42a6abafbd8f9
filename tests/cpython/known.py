"""The table of tests known not to pass on a simulated host (known_failures.toml)."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from typing import Any

VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
TABLE = Path(__file__).with_name("known_failures.toml")


class Known:
    """The table's part for one version of Python."""

    def __init__(self, table: dict[str, Any], version: str) -> None:
        self.reasons: dict[str, str] = {}
        """Why a test does not pass, by test."""
        self.hanging: set[str] = set()
        """Those that would never end, which are not run."""
        self.alone: set[str] = set()
        """Those that run by themselves."""
        for group in table["group"]:
            if version not in group.get("versions", [version]):
                continue
            for test in group["tests"]:
                if test in self.reasons:
                    raise ValueError(f"{TABLE.name}: {test} is listed twice")
                self.reasons[test] = group["reason"]
                if group.get("never_ends"):
                    self.hanging.add(test)
                if group.get("alone"):
                    self.alone.add(test)


def load_known(version: str = VERSION) -> Known:
    """That of ``version``, the one that runs if none is given."""
    return Known(tomllib.loads(TABLE.read_text()), version)
