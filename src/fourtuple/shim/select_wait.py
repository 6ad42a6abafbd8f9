"""What select, poll and epoll share: descriptors given as objects, and the wait for any of many files."""

from __future__ import annotations

import select
from collections.abc import Callable
from typing import Any, Final, TypeVar

from ..kernel.file import File
from ..kernel.poll import POLL_ANY
from ..runtime.thread import SimThread
from ..stack.poll_bits import POLLNVAL
from .real_files import is_real

_INT_MAX: Final = 0x7FFF_FFFF

T = TypeVar("T")

_real_poll: Final = select.poll


def as_descriptor(value: Any) -> int:
    """The descriptor of an int or of an object with ``fileno()``. Raises TypeError, ValueError."""
    if isinstance(value, int):
        fd = value
    else:
        fileno = getattr(value, "fileno", None)
        if fileno is None:
            raise TypeError("argument must be an int, or have a fileno() method.")
        fd = fileno()
        if not isinstance(fd, int):
            raise TypeError("fileno() returned a non-integer")
    if fd > _INT_MAX or fd < -_INT_MAX - 1:
        raise OverflowError("Python int too large to convert to C int")
    if fd < 0:
        raise ValueError(f"file descriptor cannot be a negative integer ({fd})")
    return int(fd)


class Watched:
    """One descriptor that is waited for. ``subject`` is what the program gave for it."""

    __slots__ = ("closed", "fd", "file", "mask", "subject")

    def __init__(self, thread: SimThread, subject: Any, fd: int, mask: int) -> None:
        self.subject = subject
        self.fd = fd
        self.mask = mask
        self.file: File | None = None
        if is_real(fd):
            self.closed = _real_readiness(fd) == POLLNVAL
            return
        fds = thread.process.fds
        self.closed = not fds.has(fd)
        if not self.closed:
            self.file = fds.get(fd)

    def ready(self) -> int:
        """The bits of the mask that are ready; POLLNVAL if the descriptor was not open."""
        if self.closed:
            return POLLNVAL
        return (_real_readiness(self.fd) if self.file is None else self.file.poll()) & self.mask


def _real_readiness(fd: int) -> int:
    poll = _real_poll()
    poll.register(fd, POLL_ANY)
    found = poll.poll(0)
    return found[0][1] if found else 0


def wait_for_any(
    thread: SimThread,
    watched: list[Watched],
    scan: Callable[[], list[T]],
    timeout: int,
    what: str,
) -> list[T]:
    """What ``scan`` finds, now or once a file of ``watched`` was woken for its mask.

    ``timeout`` in ns: 0 not to block, negative for no end; [] when it has passed.
    """
    found = scan()
    if found or timeout == 0:
        # Asking again and again without ever blocking must let time pass, whatever the answer.
        thread.scheduler.polled(thread)
        return found
    deadline = thread.scheduler.clock.now + timeout if timeout > 0 else -1
    files = [(one.file, one.mask) for one in watched if one.file is not None]
    queues = [(file.wait_queue, mask) for file, mask in files]
    for file, _ in files:
        file.hold()
    try:
        while not found:
            woken = thread.scheduler.wait(queues, deadline, what)
            found = scan()
            if not woken:
                break
    finally:
        for file, _ in files:
            file.drop()
    return found
