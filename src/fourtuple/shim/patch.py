"""Replace CPython's leaf modules, once and for good; outside a simulation they behave as before."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Final

# In this order: those below first, `socket` and `select` after the modules they stand on.
_MODULES: Final = ("socket_module", "select_module")

_installed = False


def install() -> None:
    """Install every stand-in. Idempotent."""
    global _installed
    if _installed:
        return
    _installed = True
    for name in _MODULES:
        if importlib.util.find_spec(f"{__package__}.{name}"):
            importlib.import_module(f".{name}", __package__).install()
