"""The stand-in for ``select``: readiness of a simulated process's descriptors, in virtual time.

Implemented: select, poll, epoll with every flag of the kernel's. ``selectors`` stands on these; its
classes are pointed to them. Real files, which are always ready, count as such; epoll refuses them with
EPERM, as Linux refuses regular files. Outside a simulated process all is the real module's.
"""

from __future__ import annotations

import os
import select
from collections.abc import Sequence
from errno import EBADF
from typing import Any, Final

from ..clock.clock import SECOND
from ..kernel.poll import SELECT_EXCEPT, SELECT_READ, SELECT_WRITE
from ..runtime.blocking import settle
from ..runtime.thread import SimThread
from .patching import dispatch, replace
from .real_files import is_real
from .select_epoll import epoll
from .select_poll import make_poll
from .select_wait import Watched, as_descriptor, wait_for_any
from .socket_timeout import duration, whole_microseconds

_FD_SETSIZE: Final = 1024


def _watch(thread: SimThread, members: Any, mask: int) -> list[Watched]:
    try:
        sequence = members if isinstance(members, list | tuple) else list(members)
    except TypeError:
        raise TypeError("arguments 1-3 must be sequences") from None
    result: list[Watched] = []
    # A fileno() may change the list it is in; CPython then stops at its new end.
    while len(result) < len(sequence):
        member = sequence[len(result)]
        fd = as_descriptor(member)
        if fd >= _FD_SETSIZE and not is_real(fd):
            raise ValueError("filedescriptor out of range in select()")
        one = Watched(thread, member, fd, mask)
        if one.closed:
            raise OSError(EBADF, os.strerror(EBADF))
        result.append(one)
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
    settle(thread)
    groups = (
        _watch(thread, rlist, SELECT_READ),
        _watch(thread, wlist, SELECT_WRITE),
        _watch(thread, xlist, SELECT_EXCEPT),
    )
    watched = [one for group in groups for one in group]

    def scan() -> list[list[Any]]:
        found = [[one.subject for one in group if one.ready()] for group in groups]
        return found if any(found) else []

    found: Sequence[list[Any]] = wait_for_any(thread, watched, scan, limit, "select") or ([], [], [])
    return found[0], found[1], found[2]


def install() -> None:
    """Replace what ``select`` has; ``patching.rebind_all`` then finds where it was taken to."""
    dispatch(select, "select", _select)
    dispatch(select, "poll", make_poll)
    replace(select, "epoll", epoll)
