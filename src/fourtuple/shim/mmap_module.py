"""Stand-in for ``mmap``: memory is the interpreter's own, a descriptor that is mapped is the process's."""

from __future__ import annotations

import mmap
import os
from errno import ENODEV
from typing import Any, Final

from ..runtime.thread import current_thread
from .foreign_numbers import check_number
from .patching import replace
from .real_files import RealFile, bad_descriptor, is_real

_real: Final[Any] = mmap.mmap


class _Kind(type(_real)):  # type: ignore[misc]  # the metaclass of the real one, whatever it is
    """``isinstance(x, mmap.mmap)`` holds for what was made before too."""

    def __instancecheck__(cls, found: object) -> bool:
        return isinstance(found, _real)


class _Mapping(_real, metaclass=_Kind):  # type: ignore[misc]
    """``mmap.mmap``."""

    def __new__(cls, fileno: int, *args: Any, **kwargs: Any) -> Any:
        thread = current_thread()
        check_number(thread, fileno)
        if thread is not None and fileno != -1 and not is_real(fileno):
            if not thread.process.fds.has(fileno):
                raise bad_descriptor()
            file = thread.process.fds.get(fileno)
            if not isinstance(file, RealFile):
                # As pipes and sockets give it.
                raise OSError(ENODEV, os.strerror(ENODEV))
            fileno = file.fd
        return _real.__new__(cls, fileno, *args, **kwargs)


def install() -> None:
    _Mapping.__module__, _Mapping.__name__, _Mapping.__qualname__ = "mmap", "mmap", "mmap"
    _Mapping.__doc__ = _real.__doc__
    replace(mmap, "mmap", _Mapping)
