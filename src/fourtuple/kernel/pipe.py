"""Pipes: 16 pages of room, small writes whole or not at all (Linux fs/pipe.c)."""

from __future__ import annotations

from errno import EBUSY, EINVAL, ENOTTY, EPERM, EPIPE
from typing import TYPE_CHECKING, Final

from ..stack.poll_bits import POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM
from .error import KernelError
from .file import FIONBIO, FIONREAD, O_DIRECT, O_NONBLOCK, O_RDONLY, O_WRONLY, S_IFIFO, File

if TYPE_CHECKING:
    from .kernel import Kernel

PAGE: Final = 4096
PIPE_BUF: Final = 4096
DEFAULT_PAGES: Final = 16
MAX_SIZE: Final = 1 << 20
"""fs.pipe-max-size."""

F_SETPIPE_SZ: Final = 1031
F_GETPIPE_SZ: Final = 1032


class _Page:
    """One slot of the ring: bytes appended until the page is full, taken from the front. A ``packet``
    (O_DIRECT) grows no more, and one read takes it whole."""

    __slots__ = ("data", "packet", "taken")

    def __init__(self, data: bytes, packet: bool) -> None:
        self.data = data
        self.packet = packet
        self.taken: int = 0


class Pipe:
    """What the two ends share. Room is counted in pages, as in Linux: sixteen short writes that do
    not fit into each other's page fill it."""

    __slots__ = ("ino", "pages", "reader", "slots", "writer")

    def __init__(self, ino: int) -> None:
        self.ino = ino
        self.pages: list[_Page] = []
        self.slots: int = DEFAULT_PAGES
        self.reader: PipeReader | None = None
        """None once closed."""
        self.writer: PipeWriter | None = None

    def length(self) -> int:
        """Unread bytes."""
        return sum([len(page.data) - page.taken for page in self.pages])

    def put(self, data: bytes, packets: bool) -> int:
        """Bytes taken. At most a page is taken whole or not at all. With ``packets`` each page is one."""
        length = len(data)
        start = 0
        tail = length % PAGE
        # What does not fill pages goes first, behind what the last page holds.
        last = self.pages[-1] if self.pages else None
        if tail and last is not None and not packets and not last.packet and len(last.data) + tail <= PAGE:
            last.data += data[:tail]
            start = tail
        while start < length and len(self.pages) < self.slots:
            self.pages.append(_Page(data[start : start + PAGE], packets))
            start = min(start + PAGE, length)
        return start

    def take(self, count: int) -> bytes:
        """At most ``count`` unread bytes."""
        parts: list[bytes] = []
        while count > 0 and self.pages:
            page = self.pages[0]
            part = page.data[page.taken : page.taken + count]
            parts.append(part)
            count -= len(part)
            page.taken += len(part)
            if page.packet:
                # What was not asked for of it is lost.
                self.pages.pop(0)
                break
            if page.taken == len(page.data):
                self.pages.pop(0)
        return b"".join(parts)


class PipeEnd(File):
    """What both ends do alike."""

    __slots__ = ("pipe",)

    def __init__(self, kernel: Kernel, pipe: Pipe, flags: int, name: str) -> None:
        super().__init__(kernel.next_ino(), flags, name)
        self.pipe = pipe

    def size(self) -> int:
        """F_GETPIPE_SZ: capacity in bytes."""
        return self.pipe.slots * PAGE

    def set_size(self, size: int, privileged: bool) -> int:
        """F_SETPIPE_SZ: a power of two of pages; returns the size in force.

        EBUSY if more is in it, EPERM above fs.pipe-max-size without ``privileged``.
        """
        if not 0 < size <= 1 << 31:
            raise KernelError(EINVAL)
        pages = 1
        while pages * PAGE < size:
            pages *= 2
        if pages > self.pipe.slots and pages * PAGE > MAX_SIZE and not privileged:
            raise KernelError(EPERM)
        if pages < len(self.pipe.pages):
            raise KernelError(EBUSY)
        grown = pages > self.pipe.slots
        self.pipe.slots = pages
        if grown and self.pipe.writer is not None:
            self.pipe.writer.wait_queue.wake(POLLOUT | POLLWRNORM)
        return self.size()

    def ioctl(self, request: int, argument: int) -> int:
        if request == FIONBIO:
            return super().ioctl(request, argument)
        if request == FIONREAD:
            return self.pipe.length()
        raise KernelError(ENOTTY)

    def mode(self) -> int:
        return S_IFIFO | 0o600

    def stat_ino(self) -> int:
        return self.pipe.ino

    def describe(self) -> str:
        return f"pipe:[{self.pipe.ino}]"


class PipeReader(PipeEnd):
    """The end to read from."""

    __slots__ = ()

    def read(self, count: int) -> bytes | None:
        """b"" if nothing is in it and nobody can write any more."""
        self.check_readable()
        if count == 0:
            return b""
        data = self.pipe.take(count)
        writer = self.pipe.writer
        if not data:
            return b"" if writer is None else None
        if writer is not None:
            writer.wait_queue.wake(POLLOUT | POLLWRNORM)
        return data

    def write(self, data: bytes) -> int:
        self.check_writable()
        return -1

    def poll(self) -> int:
        mask = 0
        if self.pipe.pages:
            mask |= POLLIN | POLLRDNORM
        if self.pipe.writer is None:
            mask |= POLLHUP
        return mask

    def release(self) -> None:
        self.pipe.reader = None
        if self.pipe.writer is not None:
            self.pipe.writer.wait_queue.wake(POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM | POLLERR | POLLHUP)


class PipeWriter(PipeEnd):
    """The end to write to."""

    __slots__ = ()

    def read(self, count: int) -> bytes | None:
        self.check_readable()
        return None

    def write(self, data: bytes) -> int:
        """Bytes taken: all of a write up to PIPE_BUF, part of a larger one. EPIPE without a reader."""
        self.check_writable()
        if not data:
            return 0
        reader = self.pipe.reader
        if reader is None:
            raise KernelError(EPIPE)
        taken = self.pipe.put(data, self.flags & O_DIRECT != 0)
        if taken == 0:
            return -1
        reader.wait_queue.wake(POLLIN | POLLRDNORM)
        return taken

    def poll(self) -> int:
        mask = 0
        if len(self.pipe.pages) < self.pipe.slots:
            mask |= POLLOUT | POLLWRNORM
        if self.pipe.reader is None:
            mask |= POLLERR
        return mask

    def release(self) -> None:
        self.pipe.writer = None
        if self.pipe.reader is not None:
            self.pipe.reader.wait_queue.wake(POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM | POLLERR | POLLHUP)


def make_pipe(kernel: Kernel, flags: int) -> tuple[PipeReader, PipeWriter]:
    """pipe2(2); ``flags`` may hold O_NONBLOCK and O_DIRECT (packets). Raises EINVAL for others."""
    if flags & ~(O_NONBLOCK | O_DIRECT):
        raise KernelError(EINVAL)
    pipe = Pipe(kernel.next_ino())
    reader = PipeReader(kernel, pipe, O_RDONLY | flags, "pipe, to read")
    writer = PipeWriter(kernel, pipe, O_WRONLY | flags, "pipe, to write")
    pipe.reader = reader
    pipe.writer = writer
    return reader, writer
