"""``select.epoll`` of simulated processes, over the kernel's epoll files."""

from __future__ import annotations

import select
from errno import EINVAL, EPERM
from operator import index
from types import TracebackType
from typing import Any, Final

from ..clock.clock import SECOND
from ..kernel.epoll import EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD, Epoll
from ..kernel.error import KernelError
from ..kernel.process import Process
from ..runtime.blocking import settle
from ..runtime.descriptors import given
from ..runtime.errors import os_error
from ..runtime.thread import current_thread
from ..stack.poll_bits import POLLIN, POLLOUT, POLLPRI, POLLRDNORM
from .real_files import is_real
from .select_poll import poll_timeout
from .select_wait import Watched, as_descriptor, wait_for_any
from .socket_forgotten import close_forgotten
from .trio_idle import waits_for_ever

_real: Final = select.epoll
_DEFAULT: Final = POLLIN | POLLPRI | POLLOUT
_MAX_EVENTS: Final = 1023
_UINT_MASK: Final = 0xFFFF_FFFF


class _EpollType(type):
    """Makes what the real class made an instance of ours too."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, _real) or super().__instancecheck__(instance)


class epoll(metaclass=_EpollType):  # noqa: N801
    """An epoll object; a real one where no simulated process asks."""

    __slots__ = ("__weakref__", "_fd", "_process")

    _fd: int
    _process: Process

    def __new__(cls, sizehint: Any = -1, flags: Any = 0) -> Any:
        thread = current_thread()
        if thread is None:
            return _real(sizehint, flags)
        thread.refuse_killed()
        size, flag = index(sizehint), index(flags)
        if size != -1 and size <= 0:
            raise ValueError("negative sizehint")
        if flag & ~select.EPOLL_CLOEXEC:
            raise OSError("invalid flags")
        process = thread.process
        try:
            # CPython makes every descriptor non-inheritable.
            return cls._on(process, given(process, process.fds.install(process.kernel.epoll(), True, 0)))
        except KernelError as error:
            raise os_error(error) from None

    @classmethod
    def fromfd(cls, fd: Any, /) -> Any:
        """An epoll object on an open descriptor, whatever that is."""
        thread = current_thread()
        return _real.fromfd(fd) if thread is None else cls._on(thread.process, index(fd))

    @classmethod
    def _on(cls, process: Process, fd: int) -> epoll:
        made: epoll = object.__new__(cls)
        made._process = process
        made._fd = fd
        return made

    def close(self) -> None:
        """Close the descriptor. Harmless twice."""
        fd, self._fd = self._fd, -1
        if fd < 0 or not self._process.alive():
            return
        try:
            self._process.fds.close(fd)
        except KernelError as error:
            raise os_error(error) from None

    @property
    def closed(self) -> bool:
        """True if the epoll handler is closed"""
        return self._fd < 0

    def fileno(self) -> int:
        """The descriptor. Raises ValueError if closed."""
        self._check_open()
        return self._fd

    def register(self, fd: Any, eventmask: Any = _DEFAULT) -> None:
        """Watch a descriptor. Raises OSError: EEXIST, EBADF, EPERM, EINVAL, ELOOP."""
        self._control(EPOLL_CTL_ADD, fd, eventmask)

    def modify(self, fd: Any, eventmask: Any) -> None:
        """Change what a descriptor is watched for. Raises OSError: ENOENT, EBADF."""
        self._control(EPOLL_CTL_MOD, fd, eventmask)

    def unregister(self, fd: Any) -> None:
        """Watch it no longer. Raises OSError: ENOENT, EBADF."""
        self._control(EPOLL_CTL_DEL, fd, 0)

    def poll(self, timeout: Any = None, maxevents: Any = -1) -> list[tuple[int, int]]:
        """(descriptor, events) of at most ``maxevents`` ready; waits ``timeout`` seconds at most."""
        self._check_open()
        limit = poll_timeout(timeout, SECOND)
        if waits_for_ever(limit):
            limit = -1
        count = index(maxevents)
        if count == -1:
            count = _MAX_EVENTS
        elif count < 1:
            raise ValueError(f"maxevents must be greater than 0, got {count}")
        thread = current_thread()
        if thread is None:
            raise RuntimeError("a simulated epoll object can only be used inside the simulation")
        settle(thread)
        file = self._file()
        watched = [Watched(thread, self, self._fd, POLLIN | POLLRDNORM)]
        return wait_for_any(thread, watched, lambda: file.wait(count), limit, f"epoll on fd {self._fd}")

    def __enter__(self) -> epoll:
        self._check_open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        close_forgotten(self._process, self._fd)

    def _check_open(self) -> None:
        if self._fd < 0:
            raise ValueError("I/O operation on closed epoll object")

    def _file(self) -> Epoll:
        try:
            file = self._process.fds.get(self._fd)
            if not isinstance(file, Epoll):
                raise KernelError(EINVAL)
        except KernelError as error:
            raise os_error(error) from None
        return file

    def _control(self, operation: int, fd: Any, eventmask: Any) -> None:
        self._check_open()
        number = as_descriptor(fd)
        events = index(eventmask) & _UINT_MASK
        try:
            if is_real(number):
                raise KernelError(EPERM)
            file = self._process.fds.get(number)
            self._file().control(operation, number, file, events, number)
        except KernelError as error:
            raise os_error(error) from None


epoll.__module__ = "select"
epoll.__doc__ = _real.__doc__
