"""Which form of the compiled rooms runs, and the switch that makes it the interpreted one."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType


class _SourceOnly:
    """Finds our modules as source even where a compiled one lies beside it."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not name.startswith("fourtuple.") or path is None:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is None or spec.origin is None or spec.origin.endswith(".py"):
            return spec
        source = Path(spec.origin).parent / (name.rpartition(".")[2] + ".py")
        return spec_from_file_location(name, source)


def prefer_source_if_asked() -> None:
    """Ignore compiled modules if ``FOURTUPLE_PURE_PYTHON`` is set to anything but 0 or nothing."""
    if os.environ.get("FOURTUPLE_PURE_PYTHON", "0") not in ("", "0"):
        sys.meta_path.insert(0, _SourceOnly)


def is_compiled() -> bool:
    """Whether the hot rooms run compiled."""
    from .clock import clock

    return not str(clock.__file__).endswith(".py")
