"""Python file objects over a simulated process's descriptors, its standard streams first."""

from __future__ import annotations

import io
from errno import EAGAIN, EBADF
from typing import TYPE_CHECKING, Any, BinaryIO, Final, TextIO, cast

from ..kernel.error import KernelError
from ..kernel.process import Process
from .blocking import read_file, write_file
from .errors import os_error
from .guarded_files import GuardedReader, GuardedWriter
from .thread import current_thread

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

_ENCODING: Final = "utf-8"


class DescriptorIO(io.RawIOBase):
    """What ``io.FileIO`` is to a real descriptor. Belongs to one process."""

    def __init__(self, process: Process, fd: int, mode: str, closefd: bool) -> None:
        super().__init__()
        self.mode = mode
        self.name: Any = fd
        self.closefd = closefd
        self._made_by = process
        self._fd = fd
        self._reads = "r" in mode or "+" in mode
        self._writes = mode[0] in "wax" or "+" in mode
        try:
            process.fds.get(fd)
        except KernelError as error:
            raise os_error(error) from None

    @classmethod
    def of_child(cls, fd: int, mode: str) -> DescriptorIO:
        """The same for a forked child, which calls this."""
        thread = current_thread()
        if thread is None:
            raise RuntimeError("not in a simulated process")
        return cls(thread.process, fd, mode, True)

    @property
    def _process(self) -> Process:
        """Whose descriptor is meant: a forked child has the number, and its parent's objects, too."""
        made_by = self._made_by
        thread = current_thread()
        return made_by if thread is None else thread.process.holder(made_by)

    def fileno(self) -> int:
        self._check_open()
        return self._fd

    def isatty(self) -> bool:
        self._check_open()
        return self._process.fds.has(self._fd) and self._process.fds.get(self._fd).isatty()

    def readable(self) -> bool:
        self._check_open()
        return self._reads

    def writable(self) -> bool:
        self._check_open()
        return self._writes

    def seekable(self) -> bool:
        self._check_open()
        try:
            self._process.fds.get(self._fd).seek(0, 1)
        except KernelError:
            return False
        return True

    def seek(self, offset: int, whence: int = 0, /) -> int:
        self._check_open()
        try:
            return self._process.fds.get(self._fd).seek(offset, whence)
        except KernelError as error:
            raise os_error(error) from None

    def readinto(self, buffer: WriteableBuffer, /) -> int | None:
        self._check_open()
        if not self._reads:
            raise io.UnsupportedOperation("File not open for reading")
        view = memoryview(buffer).cast("B")
        thread = current_thread()
        try:
            if thread is None:
                raise KernelError(EBADF)
            data = read_file(thread, self._process.fds.get(self._fd), len(view), f"read on fd {self._fd}")
        except KernelError as error:
            if error.errno == EAGAIN:
                return None
            raise os_error(error) from None
        view[: len(data)] = data
        return len(data)

    def write(self, data: ReadableBuffer, /) -> int | None:
        self._check_open()
        if not self._writes:
            raise io.UnsupportedOperation("File not open for writing")
        if self._process.exit_code is not None:
            # The interpreter may still flush what a killed process left in its buffers.
            return memoryview(data).nbytes
        thread = current_thread()
        try:
            file = self._process.fds.get(self._fd)
            if thread is None:
                taken = file.write(bytes(data))
                return None if taken < 0 else taken
            return write_file(thread, file, bytes(data), f"write on fd {self._fd}")
        except KernelError as error:
            if error.errno == EAGAIN:
                return None
            raise os_error(error) from None

    def close(self) -> None:
        if self.closed:
            return
        super().close()
        if self.closefd and self._process.exit_code is None:
            try:
                self._process.fds.close(self._fd)
            except KernelError as error:
                raise os_error(error) from None

    def __repr__(self) -> str:
        state = "closed" if self.closed else f"name={self.name!r} mode={self.mode!r}"
        return f"<_io.FileIO {state}>"

    def _check_open(self) -> None:
        if self.closed:
            raise ValueError("I/O operation on closed file")


def standard_streams(process: Process) -> tuple[TextIO | None, TextIO | None, TextIO | None]:
    """``sys.stdin``, ``stdout`` and ``stderr`` of ``process``; None for a closed descriptor.

    Output is flushed at each line, so that a line is written at the virtual time it was printed.
    """
    return (
        _stream(process, 0, "r", "<stdin>"),
        _stream(process, 1, "w", "<stdout>"),
        _stream(process, 2, "w", "<stderr>"),
    )


def unbuffered_streams(process: Process) -> tuple[TextIO | None, TextIO | None]:
    """``sys.stdout`` and ``stderr`` as ``python -u`` has them: without a buffer."""
    return (
        _stream(process, 1, "w", "<stdout>", unbuffered=True),
        _stream(process, 2, "w", "<stderr>", unbuffered=True),
    )


def _stream(process: Process, fd: int, mode: str, name: str, unbuffered: bool = False) -> TextIO | None:
    if not process.fds.has(fd):
        return None
    raw = DescriptorIO(process, fd, mode + "b", closefd=False)
    raw.name = name
    errors = "backslashreplace" if fd == 2 else "strict"
    text: io.TextIOWrapper
    if unbuffered:
        # As CPython does, against what the stubs say.
        text = io.TextIOWrapper(cast("BinaryIO", raw), _ENCODING, errors, write_through=True)
    else:
        buffer: io.BufferedReader | io.BufferedWriter
        buffer = GuardedReader(raw) if mode == "r" else GuardedWriter(raw)
        text = io.TextIOWrapper(buffer, _ENCODING, errors, line_buffering=mode == "w")
    # As the interpreter does for its own; the stubs call it read-only.
    vars(text)["mode"] = mode
    return text
