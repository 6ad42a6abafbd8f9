"""What is done as modules are imported.

While a shared module is executed in a simulated process, it draws no random numbers of that process. A
stand-in for a module that may never be imported is installed when it is.

Put into importlib's loaders, under a file name of theirs, so that tracebacks leave it out as they leave out
importlib itself.
"""

from __future__ import annotations

import importlib.machinery
import sys
from collections.abc import Callable
from types import FunctionType, ModuleType
from typing import Any, Final

from ..runtime.generators import ImportEntropy
from ..runtime.thread import SimThread, current_thread

_FILE: Final = "<frozen importlib._bootstrap_external>"

_after: Final[dict[str, Callable[[ModuleType], None]]] = {}


def after_import(name: str, call: Callable[[ModuleType], None]) -> None:
    """Have ``call(module)`` made once the Python module ``name`` is loaded, or now if it is."""
    _after[name] = call
    if name in sys.modules:
        call(sys.modules[name])


def _entropy(thread: SimThread | None, module: ModuleType) -> ImportEntropy | None:
    if thread is None or not thread.scheduler.interpreter.is_shared(module):
        return None
    return ImportEntropy(module.__name__)


def _install_in(owner: Any) -> None:
    real: Callable[[Any, ModuleType], None] = owner.exec_module

    def exec_module(self: Any, module: ModuleType) -> None:
        thread = current_thread()
        entropy = _entropy(thread, module)
        if thread is None or entropy is None:
            real(self, module)
        else:
            ports = thread.process.kernel.stack.tables
            stream = ports.stream
            thread.importing.append(entropy)
            # urllib3 binds a socket when it is imported, to see whether there is IPv6.
            ports.stream = entropy.ports
            try:
                real(self, module)
            finally:
                ports.stream = stream
                thread.importing.pop()
        if module.__name__ in _after:
            _after[module.__name__](module)

    made = FunctionType(
        exec_module.__code__.replace(co_filename=_FILE),
        globals(),
        "exec_module",
        None,
        exec_module.__closure__,
    )
    made.__doc__ = real.__doc__
    made.__qualname__ = real.__qualname__
    owner.exec_module = made


def install() -> None:
    basics = importlib.machinery.SourceFileLoader.__mro__
    _install_in(next(each for each in basics if "exec_module" in vars(each)))
    _install_in(importlib.machinery.ExtensionFileLoader)
