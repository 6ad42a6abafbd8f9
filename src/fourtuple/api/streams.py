"""The files behind a process's standard streams: what it reads, and where what it prints goes."""

from __future__ import annotations

import codecs
import os
from collections.abc import Callable
from typing import Final

from ..kernel.file import O_RDONLY, O_WRONLY, S_IFCHR, S_IFIFO, File
from ..kernel.kernel import Kernel

# Taken before any stand-in replaces them: these act on real descriptors.
_real_read: Final = os.read
_real_write: Final = os.write
_real_isatty: Final = os.isatty

POLLIN: Final = 1 | 64
POLLOUT: Final = 4 | 256


class InputFile(File):
    """Reads ``data``, then end of file."""

    def __init__(self, kernel: Kernel, data: bytes) -> None:
        super().__init__(kernel.next_ino(), O_RDONLY, "stdin")
        self._data = data

    def poll(self) -> int:
        return POLLIN

    def read(self, count: int) -> bytes:
        data, self._data = self._data[:count], self._data[count:]
        return data

    def mode(self) -> int:
        return S_IFIFO | 0o600

    def describe(self) -> str:
        return f"pipe:[{self.ino}]"


class OutputFile(File):
    """Keeps all that is written, and hands each whole line to ``on_line``.

    The rest without a newline is handed over when the file is released, the process having ended.
    """

    def __init__(self, kernel: Kernel, on_line: Callable[[str], None] | None) -> None:
        super().__init__(kernel.next_ino(), O_WRONLY, "output")
        self.data = bytearray()
        self._on_line = on_line
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""

    def text(self) -> str:
        """Everything written so far; bytes that are no UTF-8 are replaced."""
        return self.data.decode("utf-8", "replace")

    def poll(self) -> int:
        return POLLOUT

    def write(self, data: bytes) -> int:
        self.data += data
        if self._on_line is not None:
            *lines, self._rest = (self._rest + self._decoder.decode(data)).split("\n")
            for line in lines:
                self._on_line(line)
        return len(data)

    def release(self) -> None:
        rest = self._rest + self._decoder.decode(b"", True)
        self._rest = ""
        if rest and self._on_line is not None:
            self._on_line(rest)

    def mode(self) -> int:
        return S_IFIFO | 0o600

    def describe(self) -> str:
        return f"pipe:[{self.ino}]"


class RealInput(File):
    """Reads a real descriptor. The whole simulation waits for it, so virtual time stands still."""

    def __init__(self, kernel: Kernel, fd: int) -> None:
        super().__init__(kernel.next_ino(), O_RDONLY, "stdin")
        self._fd = fd

    def poll(self) -> int:
        return POLLIN

    def read(self, count: int) -> bytes:
        return _real_read(self._fd, count)

    def mode(self) -> int:
        return S_IFCHR | 0o600

    def isatty(self) -> bool:
        return _real_isatty(self._fd)


class RealOutput(File):
    """Writes to a real descriptor at once."""

    def __init__(self, kernel: Kernel, fd: int) -> None:
        super().__init__(kernel.next_ino(), O_WRONLY, "output")
        self._fd = fd

    def poll(self) -> int:
        return POLLOUT

    def write(self, data: bytes) -> int:
        return _real_write(self._fd, data)

    def mode(self) -> int:
        return S_IFCHR | 0o600

    def isatty(self) -> bool:
        return _real_isatty(self._fd)
