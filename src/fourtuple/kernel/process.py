"""A process: credentials, descriptors, family and end. What it executes is the runtime's affair."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .fdtable import FdTable
from .limits import Limits
from .wait import WaitQueue

if TYPE_CHECKING:
    from .kernel import Kernel

INIT: Final = 1
"""Pid of the process that takes orphans in. It runs nothing, and no signal ends it."""

CAP_KILL: Final = 5
CAP_SETGID: Final = 6
CAP_SETUID: Final = 7
CAP_NET_BIND_SERVICE: Final = 10
CAP_NET_BROADCAST: Final = 11
CAP_NET_ADMIN: Final = 12
CAP_NET_RAW: Final = 13
CAP_SYS_ADMIN: Final = 21
CAP_SYS_RESOURCE: Final = 24
CAP_ALL: Final = (1 << 41) - 1


class Process:
    """One process of a host. Made by ``Kernel.spawn`` and ``Kernel.fork``."""

    __slots__ = (
        "argv",
        "capabilities",
        "children",
        "cwd",
        "environ",
        "exit_code",
        "exit_queue",
        "fds",
        "gid",
        "image",
        "kernel",
        "limits",
        "name",
        "permitted",
        "pgid",
        "pid",
        "ppid",
        "real_gid",
        "real_uid",
        "reaps",
        "saved_gid",
        "saved_uid",
        "sid",
        "started",
        "uid",
        "umask",
    )

    def __init__(
        self, kernel: Kernel, pid: int, ppid: int, name: str, argv: list[str], uid: int, gid: int
    ) -> None:
        self.kernel = kernel
        self.pid: int = pid
        self.ppid: int = ppid
        self.pgid: int = pid
        """Process group."""
        self.sid: int = pid
        """Session."""
        self.image: int = pid
        """The pid of the process whose memory this is a copy of; its own unless forked without exec."""
        self.reaps: bool = False
        """Children vanish when they end, without being waited for (SIGCHLD is ignored)."""
        self.name: str = name
        """Short name, as ``comm`` in /proc."""
        self.argv: list[str] = argv
        self.uid: int = uid
        """Effective user, whose rights it has; its sockets are this user's."""
        self.real_uid: int = uid
        self.saved_uid: int = uid
        """A user it may become again (seteuid(2))."""
        self.gid: int = gid
        self.real_gid: int = gid
        self.saved_gid: int = gid
        self.capabilities: int = CAP_ALL if uid == 0 else 0
        """Effective capabilities, a bit set of 1 << CAP_*."""
        self.permitted: int = self.capabilities
        """Capabilities it gets back with the effective user 0."""
        self.limits: Limits = Limits()
        self.fds: FdTable = FdTable(self.limits, kernel.open_files, uid == 0)
        self.cwd: str = "/"
        self.environ: dict[str, str] = {}
        self.umask: int = 0o022
        self.started: int = kernel.clock.now
        """Time it was made, in ns."""
        self.exit_code: int | None = None
        """None while it lives; then its exit code, or -N if signal N ended it."""
        self.exit_queue: WaitQueue = WaitQueue(f"exit of {name} (pid {pid})")
        self.children: dict[int, Process] = {}
        """Children not yet waited for, by pid."""

    def capable(self, capability: int) -> bool:
        return self.capabilities >> capability & 1 != 0

    def alive(self) -> bool:
        return self.exit_code is None

    def holder(self, maker: Process) -> Process:
        """Whose descriptors are meant when this process uses an object ``maker`` made: its own, if its
        memory is a copy of the maker's."""
        return self if self.image == maker.image and self.kernel is maker.kernel else maker

    def set_credentials(self, uid: int, gid: int) -> None:
        """Change user and group for good; leaving uid 0 drops every capability, as setuid(2) does."""
        self.set_uids(uid, uid, uid)
        self.set_gids(gid, gid, gid)

    def set_uids(self, real: int, effective: int, saved: int) -> None:
        """Change the user ids, and capabilities as ``cap_emulate_setxuid`` does: no longer effective while
        the effective user is not 0, gone when none of the three is."""
        before = self.uid
        if 0 in (before, self.real_uid, self.saved_uid) and 0 not in (real, effective, saved):
            self.permitted = self.capabilities = 0
        elif before == 0 and effective != 0:
            self.capabilities = 0
        elif before != 0 and effective == 0:
            self.capabilities = self.permitted
        self.real_uid = real
        self.uid = effective
        self.saved_uid = saved
        self.fds.exempt = self.capable(CAP_SYS_ADMIN)

    def set_gids(self, real: int, effective: int, saved: int) -> None:
        self.real_gid = real
        self.gid = effective
        self.saved_gid = saved

    def wait_status(self) -> int:
        """The status word of wait(2). Only for a process that has ended."""
        code = self.exit_code
        if code is None:
            raise ValueError(f"process {self.pid} has not ended")
        return -code if code < 0 else (code & 255) << 8
