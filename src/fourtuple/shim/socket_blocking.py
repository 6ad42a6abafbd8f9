"""Blocking calls on simulated sockets: the kernel's calls, which never block, made to wait.

Who waits, and for how long, has two sources, as on a real host. The object's own timeout makes
CPython wait for readiness before each call; O_NONBLOCK, MSG_DONTWAIT and SO_RCVTIMEO/SO_SNDTIMEO
decide inside the call.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from errno import EAGAIN, ENOTSOCK
from typing import Final, TypeVar

from ..kernel.error import KernelError
from ..kernel.file import File
from ..kernel.process import Process
from ..kernel.socket import MSG_DONTWAIT, Socket
from ..runtime.blocking import settle
from ..runtime.errors import os_error
from ..runtime.thread import SimThread, current_thread
from ..stack.poll_bits import (
    POLLERR,
    POLLHUP,
    POLLIN,
    POLLOUT,
    POLLRDBAND,
    POLLRDHUP,
    POLLRDNORM,
    POLLWRBAND,
    POLLWRNORM,
)
from .real_files import is_real
from .socket_timeout import NO_TIMEOUT, whole_milliseconds

READING: Final = POLLIN | POLLERR | POLLHUP
"""What poll() returns for when asked for POLLIN."""
WRITING: Final = POLLOUT | POLLERR | POLLHUP

# What a waiter in the kernel is woken by.
_WAKE_READER: Final = READING | POLLRDNORM | POLLRDBAND | POLLRDHUP
_WAKE_WRITER: Final = WRITING | POLLWRNORM | POLLWRBAND

T = TypeVar("T")


def waiting_thread() -> SimThread:
    """The simulated thread that is about to wait. Raises RuntimeError outside one."""
    thread = current_thread()
    if thread is None:
        raise RuntimeError("a simulated socket can only block inside the simulation")
    return thread


def would_block() -> OSError:
    """BlockingIOError with EAGAIN."""
    return OSError(EAGAIN, os.strerror(EAGAIN))


class SocketState:
    """What one Python socket object holds: a descriptor of a simulated process and a timeout.

    ``timeout`` is in ns, NO_TIMEOUT to block, 0 not to.
    """

    __slots__ = ("family", "fd", "process", "proto", "timeout", "type")

    def __init__(self, process: Process) -> None:
        self.process = process
        self.fd = -1
        self.family = 0
        self.type = 0
        self.proto = 0
        self.timeout = NO_TIMEOUT

    def file(self) -> Socket:
        """The socket behind the descriptor, for a call that begins. Raises OSError: EBADF, ENOTSOCK."""
        self.settle()
        self.process.kernel.caller = self.process
        try:
            file = self.process.fds.get(self.fd)
        except KernelError as error:
            thread = current_thread()
            if thread is not None and thread.dying:
                thread.scheduler.refuse(thread)
            if not is_real(self.fd):
                raise os_error(error) from None
            # A real file is none of the kernel's, nor a socket; fstat() refuses one that is closed.
            os.fstat(self.fd)
            file = None
        if not isinstance(file, Socket):
            raise OSError(ENOTSOCK, os.strerror(ENOTSOCK))
        return file

    def settle(self) -> None:
        """Let what is on the host's loopback arrive first."""
        if self.process.kernel.stack.loopback.busy():
            thread = current_thread()
            if thread is not None and thread.process.kernel is self.process.kernel:
                settle(thread)

    def deadline(self) -> int:
        """When a call that begins now must end, in virtual ns; negative: never."""
        if self.timeout <= 0:
            return -1
        return self.process.kernel.clock.now + whole_milliseconds(self.timeout)

    def call(self, file: Socket, events: int, flags: int, what: str, attempt: Callable[[], T | None]) -> T:
        """Make ``attempt`` until it gives something other than None, waiting as the socket is set.

        ``events`` is READING or WRITING. Raises OSError, TimeoutError, BlockingIOError.
        """
        return self.call_until(file, events, flags, what, attempt, self.deadline())

    def call_until(
        self,
        file: Socket,
        events: int,
        flags: int,
        what: str,
        attempt: Callable[[], T | None],
        deadline: int,
    ) -> T:
        """As :meth:`call`, with a deadline given (virtual ns) where the timeout is positive."""
        timed = self.timeout > 0
        # The common case blocks nowhere and pays for no more.
        if not timed or file.poll() & events:
            try:
                result = attempt()
            except KernelError as error:
                raise os_error(error) from None
            if result is not None:
                return result
        thread = waiting_thread()
        if not timed and (file.nonblocking() or flags & MSG_DONTWAIT):
            thread.scheduler.polled(thread)
            raise would_block()
        return self._wait(thread, file, events, flags, f"{what} on fd {self.fd}", attempt, deadline)

    def _wait(
        self,
        thread: SimThread,
        file: Socket,
        events: int,
        flags: int,
        what: str,
        attempt: Callable[[], T | None],
        deadline: int,
    ) -> T:
        timed = self.timeout > 0
        allowed = file.receive_timeout if events & POLLIN else file.send_timeout
        limit = thread.scheduler.clock.now + allowed if allowed >= 0 else -1
        # A call in progress keeps the file, whoever closes the descriptor meanwhile.
        file.hold()
        try:
            while timed:
                if not wait_ready(thread, file, events, deadline, what):
                    raise TimeoutError("timed out")
                self.process.kernel.caller = self.process
                result = attempt()
                if result is not None:
                    return result
                if not file.nonblocking() and not flags & MSG_DONTWAIT:
                    # The call itself blocks, whatever the object's timeout.
                    break
                # Ready for poll(), not for the call (SO_PEEK_OFF past the end): CPython asks until the
                # timeout is over.
                thread.scheduler.polled(thread)
                if thread.scheduler.clock.now >= deadline:
                    raise TimeoutError("timed out")
            while wait_change(thread, file, events, limit, what):
                self.process.kernel.caller = self.process
                result = attempt()
                if result is not None:
                    return result
            raise would_block()
        except KernelError as error:
            raise os_error(error) from None
        finally:
            file.drop()


def wait_ready(thread: SimThread, file: File, events: int, deadline: int, what: str) -> bool:
    """Block until poll() shows one of ``events``. False if ``deadline`` passed before."""
    while not file.poll() & events:
        if not wait_change(thread, file, events, deadline, what):
            return file.poll() & events != 0
    return True


def wait_change(thread: SimThread, file: File, events: int, deadline: int, what: str) -> bool:
    """Block until the file's readiness may have changed. False if ``deadline`` passed before."""
    mask = _WAKE_READER if events & POLLIN else _WAKE_WRITER
    # With a timeout CPython waits in poll(2), which is never restarted.
    return thread.scheduler.wait([(file.wait_queue, mask)], deadline, what, deadline < 0)
