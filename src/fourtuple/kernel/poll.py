"""poll(2) and select(2): readiness of many files at once. Waiting is the caller's affair."""

from __future__ import annotations

from typing import Final

from ..stack.poll_bits import (
    POLLERR,
    POLLHUP,
    POLLIN,
    POLLNVAL,
    POLLOUT,
    POLLPRI,
    POLLRDBAND,
    POLLRDHUP,
    POLLRDNORM,
    POLLWRBAND,
    POLLWRNORM,
)
from .error import KernelError
from .fdtable import FdTable
from .file import File

POLL_ALWAYS: Final = POLLERR | POLLHUP
"""Reported whether asked for or not."""
POLL_ANY: Final = (
    POLLIN
    | POLLPRI
    | POLLOUT
    | POLLERR
    | POLLHUP
    | POLLRDNORM
    | POLLRDBAND
    | POLLWRNORM
    | POLLWRBAND
    | POLLRDHUP
)

# What select() means by readable, writable and exceptional (Linux fs/select.c).
SELECT_READ: Final = POLLRDNORM | POLLRDBAND | POLLIN | POLLHUP | POLLERR
SELECT_WRITE: Final = POLLWRBAND | POLLWRNORM | POLLOUT | POLLERR
SELECT_EXCEPT: Final = POLLPRI


def poll_files(files: list[tuple[File, int]]) -> list[int]:
    """The ready bits of each file within its mask, POLLERR and POLLHUP always; 0 not ready."""
    return [file.poll() & (mask | POLL_ALWAYS) for file, mask in files]


def poll_descriptors(fds: FdTable, wanted: list[tuple[int, int]]) -> list[int]:
    """As :func:`poll_files` by descriptor: a negative one is passed over, a closed one POLLNVAL."""
    result: list[int] = []
    for fd, mask in wanted:
        if fd < 0:
            result.append(0)
            continue
        try:
            file = fds.get(fd)
        except KernelError:
            result.append(POLLNVAL)
            continue
        result.append(file.poll() & (mask | POLL_ALWAYS))
    return result


def select_files(
    readers: list[File], writers: list[File], excepts: list[File]
) -> tuple[list[bool], list[bool], list[bool]]:
    """Which of each list are ready in select(2)'s sense."""
    return (
        [file.poll() & SELECT_READ != 0 for file in readers],
        [file.poll() & SELECT_WRITE != 0 for file in writers],
        [file.poll() & SELECT_EXCEPT != 0 for file in excepts],
    )
