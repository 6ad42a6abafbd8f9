"""Resource limits of a process, and the host's count of open file descriptions."""

from __future__ import annotations

from errno import EINVAL, EPERM
from typing import Final

from .error import KernelError

RLIM_INFINITY: Final = -1

RLIMIT_CPU: Final = 0
RLIMIT_FSIZE: Final = 1
RLIMIT_DATA: Final = 2
RLIMIT_STACK: Final = 3
RLIMIT_CORE: Final = 4
RLIMIT_RSS: Final = 5
RLIMIT_NPROC: Final = 6
RLIMIT_NOFILE: Final = 7
RLIMIT_MEMLOCK: Final = 8
RLIMIT_AS: Final = 9
RLIMIT_LOCKS: Final = 10
RLIMIT_SIGPENDING: Final = 11
RLIMIT_MSGQUEUE: Final = 12
RLIMIT_NICE: Final = 13
RLIMIT_RTPRIO: Final = 14
RLIMIT_RTTIME: Final = 15
RLIM_NLIMITS: Final = 16

NR_OPEN: Final = 1048576
"""fs.nr_open: RLIMIT_NOFILE cannot be raised above it."""


class Limits:
    """The resource limits of one process (getrlimit(2)).

    Only ``nofile`` (descriptors) acts on the simulation; the others are kept and reported.
    """

    __slots__ = ("_hard", "_soft", "nofile")

    def __init__(self) -> None:
        self._soft: list[int] = [RLIM_INFINITY] * RLIM_NLIMITS
        self._hard: list[int] = [RLIM_INFINITY] * RLIM_NLIMITS
        self._soft[RLIMIT_STACK] = 8 << 20
        self._soft[RLIMIT_CORE] = 0
        for resource, value in ((RLIMIT_NICE, 0), (RLIMIT_RTPRIO, 0), (RLIMIT_MSGQUEUE, 819200)):
            self._soft[resource] = value
            self._hard[resource] = value
        self.nofile: int = 1024
        """Soft limit of RLIMIT_NOFILE: descriptors are below it."""
        self._soft[RLIMIT_NOFILE] = self.nofile
        self._hard[RLIMIT_NOFILE] = 524288

    def get(self, resource: int) -> tuple[int, int]:
        """Soft and hard limit, RLIM_INFINITY for none. Raises EINVAL for an unknown resource."""
        if not 0 <= resource < RLIM_NLIMITS:
            raise KernelError(EINVAL, f"no such resource: {resource}")
        return self._soft[resource], self._hard[resource]

    def set(self, resource: int, soft: int, hard: int, privileged: bool) -> None:
        """Set both limits (setrlimit(2)).

        Raises EINVAL if soft is above hard, EPERM if the hard limit is raised without
        ``privileged`` (CAP_SYS_RESOURCE) or RLIMIT_NOFILE above fs.nr_open.
        """
        old_hard = self.get(resource)[1]
        if _above(soft, hard):
            raise KernelError(EINVAL, "soft limit above hard limit")
        if resource == RLIMIT_NOFILE and _above(hard, NR_OPEN):
            raise KernelError(EPERM, "above fs.nr_open")
        if _above(hard, old_hard) and not privileged:
            raise KernelError(EPERM, "raising a hard limit")
        self._soft[resource] = soft
        self._hard[resource] = hard
        if resource == RLIMIT_NOFILE:
            self.nofile = soft

    def copy(self) -> Limits:
        """The limits a child inherits."""
        child = Limits()
        child._soft = self._soft[:]
        child._hard = self._hard[:]
        child.nofile = self.nofile
        return child


def _above(value: int, limit: int) -> bool:
    if limit == RLIM_INFINITY:
        return False
    return value == RLIM_INFINITY or value > limit


class OpenFiles:
    """The host's open file descriptions: their number against fs.file-max."""

    __slots__ = ("count", "limit")

    def __init__(self, limit: int) -> None:
        self.count: int = 0
        self.limit: int = limit
        """fs.file-max; processes with CAP_SYS_ADMIN may exceed it (``alloc_empty_file``)."""
