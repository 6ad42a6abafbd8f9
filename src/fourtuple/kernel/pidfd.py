"""A descriptor of a process, readable once that has ended (pidfd_open(2))."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..stack.poll_bits import POLLHUP, POLLIN, POLLRDNORM
from .file import O_NONBLOCK, O_RDWR, File
from .wait import Waiter

if TYPE_CHECKING:
    from .kernel import Kernel
    from .process import Process


class PidFd(File):
    """``process`` by descriptor. ``flags`` may hold O_NONBLOCK."""

    __slots__ = ("_end", "process")

    def __init__(self, kernel: Kernel, process: Process, flags: int) -> None:
        super().__init__(kernel.next_ino(), O_RDWR | (flags & O_NONBLOCK), f"end of pid {process.pid}")
        self.process = process
        self._end = _End(self)
        process.exit_queue.add(self._end, POLLIN, False)

    def poll(self) -> int:
        if self.process.exit_code is None:
            return 0
        waited_for = self.process.pid not in self.process.kernel.processes
        return POLLIN | POLLRDNORM | (POLLHUP if waited_for else 0)

    def release(self) -> None:
        self.process.exit_queue.remove(self._end)

    def mode(self) -> int:
        return 0o600

    def describe(self) -> str:
        return "anon_inode:[pidfd]"


class _End(Waiter):
    """Passes the end of the process on to who waits for the descriptor."""

    __slots__ = ("file",)

    def __init__(self, file: PidFd) -> None:
        self.file = file

    def wake(self, mask: int) -> bool:
        if self.file.process.exit_code is not None:
            self.file.wait_queue.wake(POLLIN | POLLRDNORM)
        return False
