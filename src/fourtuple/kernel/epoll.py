"""epoll(7): a ready list kept by the watched files' wake-ups (Linux fs/eventpoll.c)."""

from __future__ import annotations

from errno import EEXIST, EINVAL, ELOOP, ENOENT, EPERM
from typing import TYPE_CHECKING, Final

from ..stack.poll_bits import POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDNORM
from .error import KernelError
from .file import O_RDWR, File, FileWatch
from .poll import POLL_ANY

if TYPE_CHECKING:
    from .kernel import Kernel

EPOLL_CTL_ADD: Final = 1
EPOLL_CTL_DEL: Final = 2
EPOLL_CTL_MOD: Final = 3

EPOLLEXCLUSIVE: Final = 1 << 28
EPOLLWAKEUP: Final = 1 << 29
EPOLLONESHOT: Final = 1 << 30
EPOLLET: Final = 1 << 31

_PRIVATE: Final = EPOLLEXCLUSIVE | EPOLLWAKEUP | EPOLLONESHOT | EPOLLET
_EXCLUSIVE_MAY: Final = POLLIN | POLLOUT | POLLERR | POLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE
_MAX_NESTS: Final = 4


class EpollItem(FileWatch):
    """One watched descriptor of one epoll."""

    __slots__ = ("data", "epoll", "events", "fd", "file", "forgotten", "ready")

    def __init__(self, epoll: Epoll, file: File, fd: int, events: int, data: int) -> None:
        self.epoll = epoll
        self.file = file
        self.fd = fd
        self.events: int = events
        """Wanted POLL* bits and the EPOLL* behaviours; no POLL* bit: disabled by EPOLLONESHOT."""
        self.data: int = data
        self.ready: bool = False
        """On the ready list."""
        self.forgotten: bool = False
        """Watched no longer; it may still lie on the ready list."""

    def wake(self, mask: int) -> bool:
        wanted = self.events & ~_PRIVATE
        if wanted == 0 or mask & wanted == 0:
            return False
        consumed = True
        if self.events & EPOLLEXCLUSIVE:
            # An epoll nobody waits on leaves the wake-up to another.
            consumed = len(self.epoll.wait_queue) > 0
        self.epoll.became_ready(self)
        return consumed

    def file_released(self) -> None:
        self.epoll.forget(self)

    def poll(self) -> int:
        """The wanted bits that are ready now."""
        return self.file.poll() & self.events & ~_PRIVATE


class Epoll(File):
    """An epoll instance. Its file is readable while any watched one is ready."""

    __slots__ = ("_forgotten", "_items", "_ready")

    def __init__(self, kernel: Kernel) -> None:
        super().__init__(kernel.next_ino(), O_RDWR, "epoll")
        self._items: dict[int, list[EpollItem]] = {}
        self._ready: list[EpollItem] = []
        self._forgotten: int = 0
        """How many on the ready list are watched no longer; taking each out at once would cost too much."""

    def control(self, operation: int, fd: int, file: File, events: int, data: int) -> None:
        """epoll_ctl(2). ``file`` is what ``fd`` is open to now; ``data`` comes back with its events.

        Raises EPERM (not pollable), EINVAL, EEXIST, ENOENT, ELOOP.
        """
        if not file.pollable():
            raise KernelError(EPERM)
        if file is self:
            raise KernelError(EINVAL)
        if (
            operation != EPOLL_CTL_DEL
            and events & EPOLLEXCLUSIVE
            and (operation == EPOLL_CTL_MOD or isinstance(file, Epoll) or events & ~_EXCLUSIVE_MAY)
        ):
            raise KernelError(EINVAL)
        if operation == EPOLL_CTL_ADD and isinstance(file, Epoll):
            self._check_loop(file)
        item = self._find(fd, file)
        if operation == EPOLL_CTL_ADD:
            if item is not None:
                raise KernelError(EEXIST)
            self._add(fd, file, events | POLLERR | POLLHUP, data)
        elif operation == EPOLL_CTL_DEL:
            if item is None:
                raise KernelError(ENOENT)
            self.forget(item)
        elif operation == EPOLL_CTL_MOD:
            if item is None:
                raise KernelError(ENOENT)
            if item.events & EPOLLEXCLUSIVE:
                raise KernelError(EINVAL)
            item.events = events | POLLERR | POLLHUP
            item.data = data
            if item.poll() != 0:
                self.became_ready(item)
        else:
            raise KernelError(EINVAL)

    def wait(self, count: int) -> list[tuple[int, int]]:
        """At most ``count`` of (data, events); empty: would block, wait on ``wait_queue``.

        Raises EINVAL unless ``count`` is positive.
        """
        if count <= 0:
            raise KernelError(EINVAL)
        result: list[tuple[int, int]] = []
        candidates = self._ready
        self._ready = []
        for index, item in enumerate(candidates):
            if len(result) >= count:
                # As Linux: those not looked at stay in front of those that became ready again.
                self._ready[0:0] = candidates[index:]
                break
            item.ready = False
            if item.forgotten:
                self._forgotten -= 1
                continue
            events = item.poll()
            if events == 0:
                continue
            result.append((item.data, events))
            if item.events & EPOLLONESHOT:
                item.events &= _PRIVATE
            elif not item.events & EPOLLET:
                item.ready = True
                self._ready.append(item)
        if self._ready:
            self.wait_queue.wake(POLLIN | POLLRDNORM)
        return result

    def items(self) -> list[EpollItem]:
        """What is watched, by descriptor in the order added."""
        result: list[EpollItem] = []
        for items in self._items.values():
            result.extend(items)
        return result

    def became_ready(self, item: EpollItem) -> None:
        """Put ``item`` on the ready list and tell who waits."""
        if not item.ready:
            item.ready = True
            self._ready.append(item)
        self.wait_queue.wake(POLLIN | POLLRDNORM)

    def forget(self, item: EpollItem) -> None:
        """Watch it no longer."""
        item.file.wait_queue.remove(item)
        if item in item.file.watches:
            item.file.watches.remove(item)
        items = self._items[item.fd]
        items.remove(item)
        if not items:
            del self._items[item.fd]
        item.forgotten = True
        if item.ready:
            self._forgotten += 1
            if self._forgotten * 2 > len(self._ready):
                self._ready = [one for one in self._ready if not one.forgotten]
                self._forgotten = 0

    def poll(self) -> int:
        """Readable if an item on the ready list is ready indeed; those that are not, leave it."""
        while self._ready:
            item = self._ready[0]
            if item.forgotten:
                self._forgotten -= 1
            elif item.poll() != 0:
                return POLLIN | POLLRDNORM
            item.ready = False
            self._ready.pop(0)
        return 0

    def release(self) -> None:
        for item in self.items():
            self.forget(item)

    def mode(self) -> int:
        return 0o600

    def describe(self) -> str:
        return "anon_inode:[eventpoll]"

    def _add(self, fd: int, file: File, events: int, data: int) -> None:
        item = EpollItem(self, file, fd, events, data)
        self._items.setdefault(fd, []).append(item)
        file.watches.append(item)
        file.wait_queue.add(item, POLL_ANY, events & EPOLLEXCLUSIVE != 0)
        if item.poll() != 0:
            self.became_ready(item)

    def _find(self, fd: int, file: File) -> EpollItem | None:
        for item in self._items.get(fd, ()):
            if item.file is file:
                return item
        return None

    def _check_loop(self, target: Epoll) -> None:
        if target._reaches(self):
            raise KernelError(ELOOP)
        if self._height_above() + 1 + target._depth_below() > _MAX_NESTS:
            raise KernelError(ELOOP)

    def _reaches(self, target: Epoll) -> bool:
        for item in self.items():
            file = item.file
            if isinstance(file, Epoll) and (file is target or file._reaches(target)):
                return True
        return False

    def _depth_below(self) -> int:
        deepest = 0
        for item in self.items():
            file = item.file
            if isinstance(file, Epoll):
                deepest = max(deepest, 1 + file._depth_below())
        return deepest

    def _height_above(self) -> int:
        highest = 0
        for watch in self.watches:
            if isinstance(watch, EpollItem):
                highest = max(highest, 1 + watch.epoll._height_above())
        return highest
