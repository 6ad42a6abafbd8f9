"""fourtuple: a network of hosts inside one Python process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._compiled import prefer_source_if_asked

__version__ = "0.1.0"

# Before anything of ours that may be compiled is imported.
prefer_source_if_asked()

if TYPE_CHECKING:
    from .api.host import Host
    from .api.link import Link, Switch
    from .api.network import Network
    from .api.process import Process, current_process
    from .network.periodic import DropEvery
    from .network.rules import PASS, Rule, alter, deliver_after, drop, duplicate
    from .runtime.stuck import BusyLoop, Stuck

# Each name and the module it comes from. Imported when first asked for: the package also serves
# tools that need only a part of it.
_EXPORTS = {
    "PASS": "network.rules",
    "BusyLoop": "runtime.stuck",
    "DropEvery": "network.periodic",
    "Host": "api.host",
    "Link": "api.link",
    "Network": "api.network",
    "Process": "api.process",
    "Rule": "network.rules",
    "Stuck": "runtime.stuck",
    "Switch": "api.link",
    "alter": "network.rules",
    "current_process": "api.process",
    "deliver_after": "network.rules",
    "drop": "network.rules",
    "duplicate": "network.rules",
}

__all__ = [
    "PASS",
    "BusyLoop",
    "DropEvery",
    "Host",
    "Link",
    "Network",
    "Process",
    "Rule",
    "Stuck",
    "Switch",
    "alter",
    "current_process",
    "deliver_after",
    "drop",
    "duplicate",
]


def __getattr__(name: str) -> object:
    if name not in _EXPORTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(f".{_EXPORTS[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
