"""What select, poll and epoll share: descriptors given as objects, and the wait for any of many files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

from ..kernel.file import File
from ..runtime.thread import SimThread

_INT_MAX: Final = 0x7FFF_FFFF

T = TypeVar("T")


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


def wait_for_any(
    thread: SimThread,
    watched: list[tuple[File, int]],
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
    queues = [(file.wait_queue, mask) for file, mask in watched]
    for file, _ in watched:
        file.hold()
    try:
        while not found:
            woken = thread.scheduler.wait(queues, deadline, what)
            found = scan()
            if not woken:
                break
    finally:
        for file, _ in watched:
            file.drop()
    return found
