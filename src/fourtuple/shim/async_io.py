"""Signals for what happens to a descriptor: F_SETOWN, F_SETSIG, O_ASYNC (Linux ``kill_fasync``)."""

from __future__ import annotations

import signal
from errno import EINVAL, ESRCH
from typing import Final

from ..clock.clock import Event
from ..kernel.error import KernelError
from ..kernel.file import O_ASYNC, File, FileWatch
from ..kernel.kernel import Kernel
from ..runtime.scheduler import Scheduler
from ..runtime.signals import send_signal
from ..runtime.thread import SimThread
from ..stack.poll_bits import POLLOUT, POLLPRI, POLLWRBAND, POLLWRNORM

_EVERYTHING = 0xFFFF
# Room to write is told by poll() alone; urgent data has a signal of its own.
_NO_REASON = POLLOUT | POLLWRNORM | POLLWRBAND | POLLPRI


F_OWNER_TID: Final = 0
F_OWNER_PID: Final = 1
F_OWNER_PGRP: Final = 2


class SignalOwner(FileWatch):
    """Who is sent a signal when something happens to one open file description."""

    __slots__ = ("file", "kernel", "kind", "owner", "scheduler", "signum", "under_way")

    def __init__(self, file: File, kernel: Kernel, scheduler: Scheduler) -> None:
        self.file = file
        self.kernel = kernel
        self.scheduler = scheduler
        self.owner: int = 0
        """F_SETOWN: a process, or the group ``-owner``; 0 for nobody."""
        self.kind: int = F_OWNER_TID
        """What F_GETOWN_EX says the owner is."""
        self.signum: int = 0
        """F_SETSIG, 0 for SIGIO."""
        self.under_way: list[int] = []

    def wake(self, mask: int) -> bool:
        if self.owner:
            if mask & ~_NO_REASON and self.file.flags & O_ASYNC:
                self._send(self.signum or int(signal.SIGIO))
            if mask == POLLPRI:
                # New urgent data, and nothing else; with or without O_ASYNC.
                self._send(int(signal.SIGURG))
        return False

    def file_released(self) -> None:
        self.file.wait_queue.remove(self)

    def _send(self, signum: int) -> None:
        # Not from within the call that is the reason: it may be the owner's own.
        if signum not in self.under_way:
            self.under_way.append(signum)
            self.kernel.stack.clock.after(0, _Sending(self, signum))

    def targets(self) -> list[int]:
        """The pids of the owner, those that live."""
        if self.owner < 0:
            return [member.pid for member in self.kernel.group(-self.owner)]
        return [self.owner] if self.owner in self.kernel.processes else []


class _Sending(Event):
    def __init__(self, owner: SignalOwner, signum: int) -> None:
        self.owner = owner
        self.signum = signum

    def fire(self) -> None:
        owner = self.owner
        owner.under_way.remove(self.signum)
        for pid in owner.targets():
            process = owner.kernel.processes.get(pid)
            if process is not None:
                send_signal(owner.scheduler.state_of(process), self.signum)


def _find(file: File) -> SignalOwner | None:
    for watch in file.watches:
        if isinstance(watch, SignalOwner):
            return watch
    return None


def _made(thread: SimThread, file: File) -> SignalOwner:
    found = _find(file)
    if found is None:
        found = SignalOwner(file, thread.process.kernel, thread.scheduler)
        file.watches.append(found)
        file.wait_queue.add(found, _EVERYTHING, False)
    return found


def set_owner(thread: SimThread, file: File, owner: int) -> None:
    """F_SETOWN. Raises ESRCH if there is no such process or group."""
    kernel = thread.process.kernel
    if (owner > 0 and owner not in kernel.processes) or (owner < 0 and not kernel.group(-owner)):
        raise KernelError(ESRCH)
    found = _made(thread, file)
    found.owner = owner
    found.kind = F_OWNER_PGRP if owner < 0 else F_OWNER_PID


def set_owner_ex(thread: SimThread, file: File, kind: int, number: int) -> None:
    """F_SETOWN_EX. Raises EINVAL for an unknown kind, ESRCH. A thread is known by its process's number."""
    if kind not in (F_OWNER_TID, F_OWNER_PID, F_OWNER_PGRP):
        raise KernelError(EINVAL)
    if number < 0:
        raise KernelError(ESRCH)
    set_owner(thread, file, -number if kind == F_OWNER_PGRP else number)
    _made(thread, file).kind = kind


def get_owner_ex(file: File) -> tuple[int, int]:
    """F_GETOWN_EX: the kind of owner, and its number."""
    found = _find(file)
    return (F_OWNER_TID, 0) if found is None else (found.kind, abs(found.owner))


def get_owner(file: File) -> int:
    """F_GETOWN."""
    found = _find(file)
    return 0 if found is None else found.owner


def set_signal(thread: SimThread, file: File, signum: int) -> None:
    """F_SETSIG. Raises EINVAL for what is no signal."""
    if not 0 <= signum < signal.NSIG:
        raise KernelError(EINVAL)
    _made(thread, file).signum = signum


def get_signal(file: File) -> int:
    """F_GETSIG."""
    found = _find(file)
    return 0 if found is None else found.signum
