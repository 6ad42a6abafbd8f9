"""The open file description: what descriptors refer to, and what dup, fork and SCM_RIGHTS share."""

from __future__ import annotations

from errno import EBADF, EINVAL, ENOTTY, ESPIPE
from typing import Final

from mypy_extensions import mypyc_attr

from .error import KernelError
from .limits import OpenFiles
from .wait import Waiter, WaitQueue

O_RDONLY: Final = 0
O_WRONLY: Final = 1
O_RDWR: Final = 2
O_ACCMODE: Final = 3
O_APPEND: Final = 0o2000
O_NONBLOCK: Final = 0o4000
O_ASYNC: Final = 0o20000
O_DIRECT: Final = 0o40000
O_CLOEXEC: Final = 0o2000000

SETFL_MASK: Final = O_APPEND | O_NONBLOCK | O_ASYNC | O_DIRECT
"""The flags F_SETFL can change."""

S_IFIFO: Final = 0o010000
S_IFCHR: Final = 0o020000
S_IFREG: Final = 0o100000
S_IFSOCK: Final = 0o140000

FIONREAD: Final = 0x541B
TIOCOUTQ: Final = 0x5411
FIONBIO: Final = 0x5421
FIONCLEX: Final = 0x5450
FIOCLEX: Final = 0x5451

# The bits a file that never blocks is always ready for (Linux's DEFAULT_POLLMASK).
DEFAULT_POLL: Final = 1 | 4 | 64 | 256


@mypyc_attr(allow_interpreted_subclasses=True)
class FileWatch(Waiter):
    """A waiter that must also know when its file is gone: an epoll's item."""

    __slots__ = ()

    def file_released(self) -> None:
        """The file's last reference was dropped."""
        raise NotImplementedError


@mypyc_attr(allow_interpreted_subclasses=True)
class File:
    """An open file description.

    ``refs`` counts its holders: descriptors of any process and messages in flight (SCM_RIGHTS). A
    new file has none; the first ``hold`` (by ``FdTable.install``) makes it live, and the ``drop``
    that leaves none calls :meth:`release`. ``flags`` holds the access mode and O_NONBLOCK …, shared
    by all holders.
    """

    __slots__ = ("flags", "ino", "open_files", "refs", "released", "wait_queue", "watches")

    def __init__(self, ino: int, flags: int, name: str) -> None:
        self.ino: int = ino
        """Inode number, from ``Kernel.next_ino()``."""
        self.flags: int = flags
        self.refs: int = 0
        self.released: bool = False
        self.wait_queue: WaitQueue = WaitQueue(name)
        self.open_files: OpenFiles | None = None
        self.watches: list[FileWatch] = []

    # References

    def hold(self) -> None:
        """Add a holder."""
        self.refs += 1

    def drop(self) -> None:
        """Remove a holder; the last one releases the file."""
        self.refs -= 1
        if self.refs <= 0:
            self.discard()

    def discard(self) -> None:
        """Release now a file nobody holds (also one that was never installed). Harmless twice."""
        if self.released:
            return
        self.released = True
        if self.open_files is not None:
            self.open_files.count -= 1
            self.open_files = None
        # As in __fput(): epoll forgets the file before the file goes.
        watches = self.watches
        self.watches = []
        for watch in watches:
            watch.file_released()
        self.release()

    # Status flags

    def nonblocking(self) -> bool:
        return self.flags & O_NONBLOCK != 0

    def set_nonblocking(self, nonblocking: bool) -> None:
        if nonblocking:
            self.flags |= O_NONBLOCK
        else:
            self.flags &= ~O_NONBLOCK

    def set_status_flags(self, flags: int) -> None:
        """fcntl(F_SETFL): changes only the flags that can change. Raises EINVAL for O_DIRECT, which is of
        pipes here."""
        if flags & O_DIRECT and self.mode() >> 12 != S_IFIFO >> 12:
            raise KernelError(EINVAL, "O_DIRECT")
        self.flags = (self.flags & ~SETFL_MASK) | (flags & SETFL_MASK)

    def check_readable(self) -> None:
        """Raises EBADF if not open for reading."""
        if self.flags & O_ACCMODE == O_WRONLY:
            raise KernelError(EBADF, "not open for reading")

    def check_writable(self) -> None:
        """Raises EBADF if not open for writing."""
        if self.flags & O_ACCMODE == O_RDONLY:
            raise KernelError(EBADF, "not open for writing")

    # What a kind of file overrides

    def poll(self) -> int:
        """The POLL* bits it is ready for."""
        return DEFAULT_POLL

    def pollable(self) -> bool:
        """Whether epoll can watch it (else EPERM); regular files cannot be."""
        return True

    def read(self, count: int) -> bytes | None:
        """Up to ``count`` bytes, b"" at the end; None: would block, wait on ``wait_queue``."""
        raise KernelError(EINVAL, "not readable")

    def write(self, data: bytes) -> int:
        """Number of bytes taken, perhaps fewer than given; -1: would block."""
        raise KernelError(EINVAL, "not writable")

    def seek(self, offset: int, whence: int) -> int:
        """New position. Raises ESPIPE unless the file has one."""
        raise KernelError(ESPIPE)

    def ioctl(self, request: int, argument: int) -> int:
        """An ioctl with an int argument; returns the int it yields. Raises ENOTTY if unknown."""
        if request == FIONBIO:
            self.set_nonblocking(argument != 0)
            return 0
        raise KernelError(ENOTTY)

    def ioctl_buffer(self, request: int, argument: bytes) -> bytes:
        """An ioctl on a buffer; returns the buffer as changed. Raises ENOTTY if unknown."""
        raise KernelError(ENOTTY)

    def release(self) -> None:
        """The last holder closed it."""

    def mode(self) -> int:
        """File type and permissions as in st_mode."""
        return S_IFREG | 0o600

    def stat_ino(self) -> int:
        """st_ino; both ends of a pipe show one."""
        return self.ino

    def isatty(self) -> bool:
        return False

    def describe(self) -> str:
        """As /proc/PID/fd shows it, ``socket:[1001]``."""
        return f"file:[{self.ino}]"
