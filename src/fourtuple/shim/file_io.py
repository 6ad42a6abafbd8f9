"""Stand-in for ``io.FileIO``, which opens files below everything ``open`` does.

Inside, ``FileIO(number)`` is a raw file over a descriptor of the simulated process, and ``FileIO(path)``
the real file, its descriptor out of the way. The real class stays what ``isinstance`` asks for.
"""

from __future__ import annotations

import _io
import io
from typing import Any, Final

from ..runtime.descriptors import real_descriptors
from ..runtime.stdio import DescriptorIO
from ..runtime.thread import current_thread
from .file_times import note_opened
from .foreign_numbers import check_number
from .host_files import open_own
from .patching import replace
from .real_files import bad_descriptor, is_real, lift, open_real

_real: Final = io.FileIO


class _FileType(type(io.FileIO)):  # type: ignore[misc]  # the metaclass of io's classes
    """Makes every real raw file an instance too, and those over simulated descriptors."""

    def __instancecheck__(cls, instance: object) -> bool:
        if cls is FileIO:
            return isinstance(instance, (_real, DescriptorIO))
        return bool(super().__instancecheck__(instance))

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, _real) if cls is FileIO else bool(super().__subclasscheck__(subclass))

    def __call__(cls, file: Any, mode: str = "r", closefd: bool = True, opener: Any = None) -> Any:
        thread = current_thread()
        check_number(thread, file)
        if thread is None or (isinstance(file, int) and is_real(file)):
            made = super().__call__(file, mode, closefd, opener)
            if thread is not None and closefd:
                real_descriptors.enter_file(made)
            return made
        thread.refuse_killed()
        if isinstance(file, int):
            if not thread.process.fds.has(file):
                raise bad_descriptor()
            return DescriptorIO(thread.process, file, mode, closefd)

        def opened(path: Any, flags: int) -> int:
            if opener is not None:
                fd = int(opener(path, flags))
            elif (own := open_own(thread, path, flags)) >= 0:
                return own
            else:
                fd = open_real(path, flags, 0o666)
                note_opened(thread, fd, flags)
            return fd if is_real(fd) else lift(fd)

        made = super().__call__(file, mode, closefd, opened)
        real_descriptors.enter_file(made)
        return made


class FileIO(_io.FileIO, metaclass=_FileType):
    """``io.FileIO``."""


FileIO.__module__ = "_io"
FileIO.__qualname__ = "FileIO"
FileIO.__doc__ = _real.__doc__


def install() -> None:
    replace(_io, "FileIO", FileIO)
    replace(io, "FileIO", FileIO)
