"""Replace CPython's leaf modules, once and for good; outside a simulation they behave as before."""

from __future__ import annotations

import importlib
import weakref
from typing import Final

from .early_objects import EarlyObjects
from .patching import rebind_all, replacements

# What others stand on comes first; the last two also reload `socket` and `select`.
_MODULES: Final = (
    "thread_module",
    "trace_module",
    "queue_module",
    "time_module",
    "datetime_module",
    "random_module",
    "import_module",
    "signal_module",
    "os_module",
    "wait_module",
    "spawn_module",
    "semaphore_module",
    "shared_memory_module",
    "file_times",
    "descriptor_module",
    "timerfd_module",
    "mmap_module",
    "open_module",
    "path_module",
    "procfs_module",
    "atexit_module",
    "logging_module",
    "resource_module",
    "libc_module",
    "foreign_libraries",
    "socket_module",
    "select_module",
    "multiprocessing_module",
    "ssl_module",
    "ssl_callbacks",
    "fences",
    "file_io",
    "traceback_module",
    "asyncio_module",
    "faulthandler_module",
    "hash_order",
)

_installed = False


def install() -> None:
    """Install every stand-in. Idempotent."""
    global _installed
    if _installed:
        return
    _installed = True
    # It registers with atexit when the first one is made; that must be the real atexit.
    weakref.finalize(_Token(), int)
    for name in _MODULES:
        importlib.import_module(f".{name}", __package__).install()
    rebind_all()
    EarlyObjects(replacements.table()).replace()


class _Token:
    """Something to finalize."""
