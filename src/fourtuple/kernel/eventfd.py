"""eventfd(2): a counter as a file."""

from __future__ import annotations

from errno import EINVAL
from typing import TYPE_CHECKING, Final

from ..stack.poll_bits import POLLERR, POLLIN, POLLOUT
from .error import KernelError
from .file import O_NONBLOCK, O_RDWR, File

if TYPE_CHECKING:
    from .kernel import Kernel

EFD_SEMAPHORE: Final = 1

_MAX: Final = (1 << 64) - 1


class EventFd(File):
    """A 64-bit counter: writes add, a read takes all of it (of a semaphore: one)."""

    __slots__ = ("count", "semaphore")

    def __init__(self, kernel: Kernel, initial: int, flags: int) -> None:
        if flags & ~(EFD_SEMAPHORE | O_NONBLOCK):
            raise KernelError(EINVAL)
        super().__init__(kernel.next_ino(), O_RDWR | (flags & O_NONBLOCK), "eventfd")
        self.count: int = initial & 0xFFFFFFFF
        self.semaphore: bool = flags & EFD_SEMAPHORE != 0

    def read(self, count: int) -> bytes | None:
        """Eight bytes. EINVAL if fewer are asked for."""
        if count < 8:
            raise KernelError(EINVAL)
        if self.count == 0:
            return None
        value = 1 if self.semaphore else self.count
        self.count -= value
        self.wait_queue.wake(POLLOUT)
        return value.to_bytes(8, "little")

    def write(self, data: bytes) -> int:
        """Adds the eight bytes' value. EINVAL for another number of bytes, or for 2**64 - 1."""
        if len(data) != 8:
            raise KernelError(EINVAL)
        value = int.from_bytes(data, "little")
        if value == _MAX:
            raise KernelError(EINVAL)
        if _MAX - self.count <= value:
            return -1
        self.count += value
        self.wait_queue.wake(POLLIN)
        return 8

    def seek(self, position: int, whence: int) -> int:
        """Stays where it is (``noop_llseek``)."""
        return 0

    def poll(self) -> int:
        mask = 0
        if self.count > 0:
            mask |= POLLIN
        if self.count == _MAX:
            mask |= POLLERR
        if self.count < _MAX - 1:
            mask |= POLLOUT
        return mask

    def mode(self) -> int:
        return 0o600

    def describe(self) -> str:
        return "anon_inode:[eventfd]"
