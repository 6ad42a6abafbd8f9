"""read(2) and write(2) of a simulated thread: the kernel's non-blocking calls, made to block."""

from __future__ import annotations

from errno import EAGAIN
from typing import Final

from ..clock.clock import Event
from ..kernel.error import KernelError
from ..kernel.file import File
from ..kernel.socket import Socket
from ..stack.poll_bits import POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDHUP
from .thread import SimThread

# Frames that arrive make others leave (an acknowledgment, a reset). As Linux's MAX_SOFTIRQ_RESTART.
_ROUNDS: Final = 10


class _Quiet(Event):
    """What a thread waited for on the loopback has arrived."""

    __slots__ = ("arrived", "thread")

    def __init__(self, thread: SimThread) -> None:
        self.thread = thread
        self.arrived = False

    def fire(self) -> None:
        self.arrived = True
        self.thread.scheduler.unpark(self.thread)


def settle(thread: SimThread) -> None:
    """Let the frames on the loopback of the thread's host arrive, and the answers to them.

    On Linux they have arrived when the call that sent them returns. Every call that may see or feel the
    difference begins with this. A thread that is being killed goes on at once.
    """
    loopback = thread.process.kernel.stack.loopback
    for _ in range(_ROUNDS):
        if thread.dying or not loopback.busy():
            return
        quiet = _Quiet(thread)
        loopback.after_arrivals(quiet)
        while not quiet.arrived:
            thread.scheduler.park(-1, "the loopback")


def read_file(thread: SimThread, file: File, count: int, what: str) -> bytes:
    """Up to ``count`` bytes of ``file``, b"" at its end. Raises KernelError; EAGAIN if it would
    block and is O_NONBLOCK."""
    if isinstance(file, Socket):
        settle(thread)
    file.check_readable()
    file.hold()
    try:
        while True:
            data = file.read(count)
            if data is not None:
                return data
            if file.nonblocking():
                raise KernelError(EAGAIN)
            thread.scheduler.wait([(file.wait_queue, POLLIN | POLLERR | POLLHUP | POLLRDHUP)], -1, what, True)
    finally:
        file.drop()


def write_file(thread: SimThread, file: File, data: bytes, what: str) -> int:
    """Write all of ``data`` if ``file`` blocks, else what fits now. Returns the number of bytes.

    Raises KernelError; an error after some bytes were taken is left for the next call, as the
    kernel does.
    """
    if isinstance(file, Socket):
        settle(thread)
    file.check_writable()
    file.hold()
    done = 0
    try:
        while True:
            try:
                taken = file.write(data[done:] if done else data)
            except KernelError:
                if done:
                    return done
                raise
            if taken >= 0:
                done += taken
                if done >= len(data):
                    return done
            if file.nonblocking():
                if done:
                    return done
                raise KernelError(EAGAIN)
            if taken < 0:
                thread.scheduler.wait([(file.wait_queue, POLLOUT | POLLERR | POLLHUP)], -1, what, True)
    finally:
        file.drop()
