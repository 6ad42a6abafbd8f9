"""The one exception of the kernel: an errno."""

from __future__ import annotations

import errno as _errno
import os


class KernelError(Exception):
    """A system call failed. ``errno`` is Linux's number; the shim makes an OSError of it."""

    def __init__(self, errno: int, detail: str = "") -> None:
        name = _errno.errorcode.get(errno, str(errno))
        super().__init__(f"{name}: {detail or os.strerror(errno)}")
        self.errno = errno
        self.detail = detail
