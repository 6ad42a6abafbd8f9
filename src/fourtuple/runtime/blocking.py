"""read(2) and write(2) of a simulated thread: the kernel's non-blocking calls, made to block."""

from __future__ import annotations

from errno import EAGAIN

from ..kernel.error import KernelError
from ..kernel.file import File
from ..stack.poll_bits import POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDHUP
from .thread import SimThread


def read_file(thread: SimThread, file: File, count: int, what: str) -> bytes:
    """Up to ``count`` bytes of ``file``, b"" at its end. Raises KernelError; EAGAIN if it would
    block and is O_NONBLOCK."""
    file.check_readable()
    file.hold()
    try:
        while True:
            data = file.read(count)
            if data is not None:
                return data
            if file.nonblocking():
                raise KernelError(EAGAIN)
            thread.scheduler.wait([(file.wait_queue, POLLIN | POLLERR | POLLHUP | POLLRDHUP)], -1, what)
    finally:
        file.drop()


def write_file(thread: SimThread, file: File, data: bytes, what: str) -> int:
    """Write all of ``data`` if ``file`` blocks, else what fits now. Returns the number of bytes.

    Raises KernelError; an error after some bytes were taken is left for the next call, as the
    kernel does.
    """
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
                thread.scheduler.wait([(file.wait_queue, POLLOUT | POLLERR | POLLHUP)], -1, what)
    finally:
        file.drop()
