"""The stand-in for ``select``: readiness of a simulated process's descriptors, in virtual time.

Implemented: select, poll, epoll with every flag of the kernel's. ``selectors`` stands on these; its
classes are pointed to them. Real files, which are always ready, count as such; epoll refuses them with
EPERM, as Linux refuses regular files. Outside a simulated process all is the real module's.
"""

from __future__ import annotations

import select
from typing import Any, Final

from ..clock.clock import SECOND
from ..kernel.error import KernelError
from ..kernel.file import DEFAULT_POLL, File
from ..kernel.poll import SELECT_EXCEPT, SELECT_READ, SELECT_WRITE
from ..runtime.errors import os_error
from ..runtime.thread import SimThread
from .patching import dispatch, replace
from .real_files import is_real
from .select_epoll import epoll
from .select_poll import make_poll
from .select_wait import as_descriptor, wait_for_any
from .socket_timeout import duration, whole_microseconds

_FD_SETSIZE: Final = 1024


class _Entry:
    """One member of a list given to select()."""

    __slots__ = ("file", "mask", "member")

    def __init__(self, member: Any, file: File | None, mask: int) -> None:
        self.member = member
        self.file = file
        self.mask = mask

    def ready(self) -> bool:
        mask = DEFAULT_POLL if self.file is None else self.file.poll()
        return mask & self.mask != 0


def _entries(thread: SimThread, members: Any, mask: int) -> list[_Entry]:
    try:
        sequence = list(members)
    except TypeError:
        raise TypeError("arguments 1-3 must be sequences") from None
    result = []
    for member in sequence:
        fd = as_descriptor(member)
        if is_real(fd):
            result.append(_Entry(member, None, mask))
            continue
        if fd >= _FD_SETSIZE:
            raise ValueError("filedescriptor out of range in select()")
        try:
            result.append(_Entry(member, thread.process.fds.get(fd), mask))
        except KernelError as error:
            raise os_error(error) from None
    return result


def _select_timeout(value: Any) -> int:
    if value is None:
        return -1
    if not isinstance(value, float) and not hasattr(value, "__index__"):
        raise TypeError("timeout must be a float or None")
    timeout = whole_microseconds(duration(value, SECOND))
    if timeout < 0 or (isinstance(value, float) and value < 0):
        raise ValueError("timeout must be non-negative")
    return timeout


def _select(
    thread: SimThread, rlist: Any, wlist: Any, xlist: Any, timeout: Any = None, /
) -> tuple[list[Any], list[Any], list[Any]]:
    limit = _select_timeout(timeout)
    groups = (
        _entries(thread, rlist, SELECT_READ),
        _entries(thread, wlist, SELECT_WRITE),
        _entries(thread, xlist, SELECT_EXCEPT),
    )
    every = [entry for group in groups for entry in group]
    watched = [(entry.file, entry.mask) for entry in every if entry.file is not None]

    def scan() -> list[_Entry]:
        return [entry for entry in every if entry.ready()]

    found = set(map(id, wait_for_any(thread, watched, scan, limit, "select")))
    readers, writers, exceptional = (
        [entry.member for entry in group if id(entry) in found] for group in groups
    )
    return readers, writers, exceptional


def install() -> None:
    """Replace what ``select`` has; ``patching.rebind_all`` then finds where it was taken to."""
    dispatch(select, "select", _select)
    dispatch(select, "poll", make_poll)
    replace(select, "epoll", epoll)
