"""Closing a descriptor as close(2) does: with SO_LINGER it waits until the peer has taken what was sent.

O_NONBLOCK makes no difference to that, in Linux neither (``inet_release``, ``sk_stream_wait_close``). A
process that ends does not wait.
"""

from __future__ import annotations

from typing import Final

from ..kernel.inet_stream import InetStream
from ..kernel.process import Process
from ..runtime.thread import current_thread
from .socket_blocking import WRITING, wait_change

_SECOND: Final = 1_000_000_000


def close_descriptor(process: Process, fd: int) -> None:
    """Close ``fd``. Raises KernelError: EBADF."""
    fds = process.fds
    fds.get(fd)
    file = replaced(process, fd)
    # The number is free from the start, the socket goes at the end.
    fds.close(fd)
    if file is not None:
        linger(file, f"close of fd {fd}, which lingers")


def close_range(process: Process, first: int, last: int) -> None:
    """Close every open descriptor from ``first`` to ``last``."""
    for fd, _ in process.fds.items():
        if first <= fd <= last and process.fds.has(fd):
            close_descriptor(process, fd)


def replaced(process: Process, fd: int) -> InetStream | None:
    """The socket, now held, whose last descriptor ``fd`` is about to be put to another use, if it
    lingers."""
    if not process.fds.has(fd):
        return None
    file = process.fds.get(fd)
    if not isinstance(file, InetStream) or file.refs != 1 or not file.lingers():
        return None
    file.hold()
    return file


def linger(file: InetStream, what: str) -> None:
    """Wait as a lingering socket's last close does, and let go of the caller's hold on it."""
    thread = current_thread()
    try:
        if thread is not None:
            deadline = thread.scheduler.clock.now + file.linger_seconds * _SECOND
            file.end_sending()
            while file.closing() and wait_change(thread, file, WRITING, deadline, what):
                pass
    finally:
        file.drop()
