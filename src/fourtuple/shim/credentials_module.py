"""Stand-in for what ``os`` says and does about users and groups: real, effective and saved ids.

A process has no supplementary groups.
"""

from __future__ import annotations

import os
import posix
from collections.abc import Callable
from errno import EPERM
from typing import Any, Final

from ..kernel.process import CAP_SETGID, CAP_SETUID, Process
from ..runtime.thread import SimThread
from .patching import dispatch
from .refusal import refuse

_KEPT: Final = -1
"""The id that leaves one as it is."""


def _refused() -> OSError:
    return OSError(EPERM, os.strerror(EPERM))


def _check(wanted: int, allowed: tuple[int, ...], privileged: bool) -> None:
    if wanted != _KEPT and wanted not in allowed and not privileged:
        raise _refused()


class _Ids:
    """The three ids of one kind, and how they are changed."""

    def __init__(
        self,
        capability: int,
        read: Callable[[Process], tuple[int, int, int]],
        write: Callable[[Process, int, int, int], None],
    ) -> None:
        self._capability = capability
        self._read = read
        self._write = write

    def real(self, thread: SimThread) -> int:
        return self._read(thread.process)[0]

    def effective(self, thread: SimThread) -> int:
        return self._read(thread.process)[1]

    def all(self, thread: SimThread) -> tuple[int, int, int]:
        return self._read(thread.process)

    def set(self, thread: SimThread, wanted: int, /) -> None:
        """setuid(2): all three for the privileged, the effective one for others."""
        process = thread.process
        real, _, saved = self._read(process)
        if process.capable(self._capability):
            self._write(process, wanted, wanted, wanted)
            return
        _check(wanted, (real, saved), False)
        self._write(process, real, wanted, saved)

    def set_effective(self, thread: SimThread, wanted: int, /) -> None:
        """seteuid(3)."""
        self.set_all(thread, _KEPT, wanted, _KEPT)

    def set_two(self, thread: SimThread, real: int, effective: int, /) -> None:
        """setreuid(2): the saved id follows the effective one, unless the real one stays as it is and the
        effective one becomes it."""
        process = thread.process
        old_real, old_effective, saved = self._read(process)
        privileged = process.capable(self._capability)
        _check(real, (old_real, old_effective), privileged)
        _check(effective, (old_real, old_effective, saved), privileged)
        new_effective = old_effective if effective == _KEPT else effective
        if real != _KEPT or (effective != _KEPT and effective != old_real):
            saved = new_effective
        self._write(process, old_real if real == _KEPT else real, new_effective, saved)

    def set_all(self, thread: SimThread, real: int, effective: int, saved: int, /) -> None:
        """setresuid(2)."""
        process = thread.process
        before = self._read(process)
        privileged = process.capable(self._capability)
        after = list(before)
        for place, wanted in enumerate((real, effective, saved)):
            _check(wanted, before, privileged)
            if wanted != _KEPT:
                after[place] = wanted
        self._write(process, *after)


_users: Final = _Ids(
    CAP_SETUID, lambda process: (process.real_uid, process.uid, process.saved_uid), Process.set_uids
)
_groups: Final = _Ids(
    CAP_SETGID, lambda process: (process.real_gid, process.gid, process.saved_gid), Process.set_gids
)


def _initgroups(thread: SimThread, name: str, gid: int, /) -> None:
    _set_groups(thread, [thread.process.gid])


def _set_groups(thread: SimThread, groups: Any, /) -> None:
    if not thread.process.capable(CAP_SETGID):
        raise _refused()
    if list(groups) not in ([], [thread.process.gid]):
        refuse("more than one group", "use os.setgid")


def install() -> None:
    for kind, ids in (("uid", _users), ("gid", _groups)):
        dispatch(posix, f"get{kind}", ids.real)
        dispatch(posix, f"gete{kind}", ids.effective)
        dispatch(posix, f"getres{kind}", ids.all)
        dispatch(posix, f"set{kind}", ids.set)
        dispatch(posix, f"sete{kind}", ids.set_effective)
        dispatch(posix, f"setre{kind}", ids.set_two)
        dispatch(posix, f"setres{kind}", ids.set_all)
    dispatch(posix, "getgroups", lambda thread: [thread.process.gid])
    dispatch(posix, "setgroups", _set_groups)
    dispatch(posix, "initgroups", _initgroups)
