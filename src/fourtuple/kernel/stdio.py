"""Standard input and output of processes whose other end is the person who runs the network."""

from __future__ import annotations

from errno import ENOTTY
from typing import TYPE_CHECKING, Final

from mypy_extensions import mypyc_attr

from ..stack.poll_bits import POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM
from .error import KernelError
from .file import FIONBIO, FIONREAD, O_RDWR, S_IFCHR, File

if TYPE_CHECKING:
    from .kernel import Kernel

_READABLE: Final = POLLIN | POLLRDNORM
_WRITABLE: Final = POLLOUT | POLLWRNORM


@mypyc_attr(allow_interpreted_subclasses=True)
class ConsoleSink:
    """Who gets what is written to a console."""

    def written(self, data: bytes) -> None:
        """Bytes were written, in one write."""
        raise NotImplementedError


class Console(File):
    """A character stream to and from outside the network.

    Writes go to ``sink`` and never block (None: they are lost). Reads give what :meth:`feed` put
    in and block until there is some or :meth:`feed_eof` ended it. ``tty`` is what isatty() says.
    """

    __slots__ = ("_input", "ended", "sink", "tty")

    def __init__(self, kernel: Kernel, flags: int, name: str, sink: ConsoleSink | None) -> None:
        super().__init__(kernel.next_ino(), flags, name)
        self.sink: ConsoleSink | None = sink
        self.tty: bool = False
        self.ended: bool = False
        self._input: bytes = b""

    def feed(self, data: bytes) -> None:
        """Give input."""
        self._input += data
        self.wait_queue.wake(_READABLE)

    def feed_eof(self) -> None:
        """No more input follows."""
        self.ended = True
        self.wait_queue.wake(_READABLE)

    def read(self, count: int) -> bytes | None:
        self.check_readable()
        if not self._input and count > 0:
            return b"" if self.ended else None
        data = self._input[:count]
        self._input = self._input[count:]
        return data

    def write(self, data: bytes) -> int:
        self.check_writable()
        if self.sink is not None:
            self.sink.written(data)
        return len(data)

    def poll(self) -> int:
        return _WRITABLE | (_READABLE if self._input or self.ended else 0)

    def ioctl(self, request: int, argument: int) -> int:
        if request == FIONBIO:
            return super().ioctl(request, argument)
        if request == FIONREAD:
            return len(self._input)
        raise KernelError(ENOTTY)

    def mode(self) -> int:
        return S_IFCHR | 0o620

    def isatty(self) -> bool:
        return self.tty

    def describe(self) -> str:
        return f"console:[{self.wait_queue.name}]"


class NullDevice(File):
    """/dev/null: always at its end, takes everything. Not pollable by epoll, as in Linux."""

    __slots__ = ()

    def __init__(self, kernel: Kernel) -> None:
        super().__init__(kernel.next_ino(), O_RDWR, "/dev/null")

    def read(self, count: int) -> bytes | None:
        return b""

    def write(self, data: bytes) -> int:
        return len(data)

    def seek(self, offset: int, whence: int) -> int:
        return 0

    def pollable(self) -> bool:
        return False

    def mode(self) -> int:
        return S_IFCHR | 0o666

    def describe(self) -> str:
        return "/dev/null"
