"""Descriptor numbers that know their process, and whose the real files opened by simulated programs are.

A number means something else in every process, and outside. An object that closes its descriptor in
``__del__`` may be finalized anywhere: in another process's turn, or outside when its process is long
gone. So the numbers that calls return inside are ints that carry their process.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, SupportsIndex

from ..kernel.process import Process

if TYPE_CHECKING:
    from typing import IO

_close: Final[Callable[[int], None]] = os.close
_get_inheritable: Final[Callable[[int], bool]] = os.get_inheritable


class Descriptor(int):
    """A descriptor number of ``process``. Equal to the int, printed as it, and pickled as it."""

    process: Process

    def __reduce_ex__(self, protocol: SupportsIndex) -> Any:
        return int, (int(self),)


def given(process: Process, fd: int) -> Descriptor:
    """``fd`` as a call of ``process`` returns it."""
    number = Descriptor(fd)
    number.process = process
    return number


class RealDescriptors:
    """The real descriptors that simulated processes have open: by whom, and the file object over each.

    File objects close theirs in C, unseen; a number is then entered anew when it is used again.
    """

    def __init__(self) -> None:
        self._holders: dict[int, list[Process]] = {}
        self._files: dict[int, weakref.ref[IO[Any]]] = {}

    def enter(self, fd: int, process: Process) -> None:
        """``process`` has opened ``fd``."""
        self._holders[fd] = [process]
        self._files.pop(fd, None)

    def enter_file(self, file: IO[Any]) -> None:
        """``file``, just opened, owns its descriptor."""
        fd = file.fileno()
        if fd in self._holders:
            self._files[fd] = weakref.ref(file)

    def has(self, process: Process, fd: int) -> bool:
        return process in self._holders.get(fd, ())

    def of(self, process: Process) -> list[int]:
        """Its numbers, in the order they were opened."""
        return [fd for fd, holders in self._holders.items() if process in holders]

    def inherit(self, parent: Process, child: Process) -> None:
        """fork(2): the child has all its parent has."""
        for holders in self._holders.values():
            if parent in holders:
                holders.append(child)

    def close(self, process: Process, fd: int) -> None:
        """close(2). The file goes with its last holder. Raises OSError as that, which also closes a number
        nobody has entered."""
        if not self._leave(process, fd):
            _close(fd)

    def execute(self, process: Process, keep: tuple[int, ...]) -> None:
        """execve(2): what is close-on-exec goes, but for ``keep``."""
        for fd in self.of(process):
            if fd not in keep and not _is_inheritable(fd):
                self._drop(process, fd, False)

    def end(self, process: Process, flush: bool) -> None:
        """The end of ``process``: all it has is closed. With ``flush`` file objects write first what they
        hold, as when an interpreter ends by itself."""
        for fd in self.of(process):
            self._drop(process, fd, flush)

    def _leave(self, process: Process, fd: int) -> bool:
        """Take ``process`` off the holders. Has the file others?"""
        holders = self._holders.get(fd)
        if holders is None:
            return False
        if process in holders:
            holders.remove(process)
        if holders:
            return True
        del self._holders[fd]
        return False

    def _drop(self, process: Process, fd: int, flush: bool) -> None:
        reference = self._files.get(fd)
        file = None if reference is None else reference()
        if self._leave(process, fd):
            return
        self._files.pop(fd, None)
        try:
            if reference is None:
                _close(fd)
            elif file is not None:
                # One that is gone, or has closed, did so itself.
                _close_file(file, flush)
        except (OSError, ValueError):
            pass


def _close_file(file: Any, flush: bool) -> None:
    raw = file
    while not hasattr(raw, "closefd"):
        raw = raw.buffer if hasattr(raw, "buffer") else raw.raw
    try:
        if flush:
            file.close()
    finally:
        raw.close()


def _is_inheritable(fd: int) -> bool:
    try:
        return _get_inheritable(fd)
    except OSError:
        return False


real_descriptors: Final = RealDescriptors()
