"""Files a script's commands make, kept in memory: the real disk is not touched."""

from __future__ import annotations

from ..kernel.file import File
from ..kernel.kernel import Kernel


class DiskFile(File):
    """An open regular file."""

    def __init__(self, kernel: Kernel, content: bytes, flags: int, name: str) -> None:
        super().__init__(kernel.next_ino(), flags, name)
        self.content = content
        self.position = 0

    def pollable(self) -> bool:
        return False

    def piece(self, offset: int, count: int) -> bytes:
        """``count`` bytes from ``offset``; -1 stands for the position."""
        start = self.position if offset < 0 else offset
        return self.content[start : start + count]

    def read(self, count: int) -> bytes | None:
        data = self.piece(-1, count)
        self.position += len(data)
        return data
