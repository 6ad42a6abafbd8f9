"""What travels between unix sockets: data with its cost in memory, rights and credentials."""

from __future__ import annotations

from errno import EINVAL, EPERM, ESRCH
from typing import TYPE_CHECKING, Final

from .error import KernelError
from .file import File
from .layout import read_ucred
from .process import CAP_SETGID, CAP_SETUID, CAP_SYS_ADMIN, Process
from .sockopt import SOL_SOCKET

if TYPE_CHECKING:
    from .socket import ControlMessage
    from .unix import UnixSocket

SCM_RIGHTS: Final = 1
SCM_CREDENTIALS: Final = 2
SCM_PIDFD: Final = 4
SCM_MAX_FD: Final = 253

OVERFLOW_ID: Final = 65534
"""What a receiver sees for a user or group nobody attached."""

_NOBODY: Final = 0xFFFF_FFFF
"""(uid_t)-1, which no user has."""

# x86-64: struct sk_buff and struct skb_shared_info, rounded up to cache lines.
_SK_BUFF: Final = 256
_SHARED_INFO: Final = 320
_PAGE: Final = 4096
MAX_HEAD: Final = _PAGE - _SHARED_INFO
"""SKB_MAX_HEAD(0): bytes that fit in one page with their bookkeeping."""
MAX_ALLOC: Final = 4 * _PAGE - _SHARED_INFO
"""SKB_MAX_ALLOC."""
MAX_FRAGMENTS: Final = 32768
MAX_FRAGMENT_PAGES: Final = 17 * _PAGE


def page_align(length: int) -> int:
    return (length + _PAGE - 1) & -_PAGE


def truesize(linear: int, paged: int) -> int:
    """What a buffer of ``linear`` bytes in one block and ``paged`` bytes in pages is charged.

    The block is the next power of two (``kmalloc``), at least 512.
    """
    block = 512
    while block < linear + _SHARED_INFO:
        block <<= 1
    return _SK_BUFF + block + page_align(paged)


class Message:
    """One buffer on a receive queue: a datagram, or a piece of a stream."""

    __slots__ = ("consumed", "data", "files", "gid", "pid", "sender", "time", "truesize", "uid")

    def __init__(self, data: bytes, truesize: int, sender: UnixSocket) -> None:
        self.data = data
        self.consumed: int = 0
        """Bytes of a stream already read."""
        self.truesize = truesize
        """Charged to the sender until the message is read."""
        self.sender = sender
        self.files: list[File] | None = None
        """SCM_RIGHTS, held by this message."""
        self.pid: int = 0
        self.uid: int = -1
        self.gid: int = -1
        self.time: int = -1
        """When it was stamped (virtual ns): on being sent to a socket with SO_TIMESTAMP, else on being read
        by one. -1: not yet."""

    def same_writer(self, other: Message) -> bool:
        """Whether two pieces may be read in one call by a reader of credentials."""
        return self.pid == other.pid and self.uid == other.uid and self.gid == other.gid


class Attachments:
    """What a sendmsg() attaches: rights and credentials, checked (Linux ``__scm_send``)."""

    __slots__ = ("files", "gid", "pid", "uid")

    def __init__(self, control: list[ControlMessage], caller: Process) -> None:
        self.files: list[File] | None = None
        self.pid: int = 0
        self.uid: int = -1
        self.gid: int = -1
        for message in control:
            if message.level != SOL_SOCKET:
                continue
            if message.type == SCM_RIGHTS:
                files = (self.files or []) + (message.files or [])
                if len(files) > SCM_MAX_FD:
                    raise KernelError(EINVAL, "too many descriptors")
                self.files = files or None
            elif message.type == SCM_CREDENTIALS:
                self._set_credentials(message.data, caller)
            else:
                raise KernelError(EINVAL, "unknown control message")

    def _set_credentials(self, data: bytes, caller: Process) -> None:
        pid, uid, gid = read_ucred(data)
        if (
            (pid != caller.pid and not caller.capable(CAP_SYS_ADMIN))
            or (uid not in (caller.real_uid, caller.uid, caller.saved_uid) and not caller.capable(CAP_SETUID))
            or (gid not in (caller.real_gid, caller.gid, caller.saved_gid) and not caller.capable(CAP_SETGID))
        ):
            raise KernelError(EPERM, "credentials of another")
        if pid != caller.pid and pid not in caller.kernel.processes:
            raise KernelError(ESRCH, "credentials of no process")
        if uid & _NOBODY == _NOBODY or gid & _NOBODY == _NOBODY:
            raise KernelError(EINVAL, "credentials of nobody")
        self.pid = pid
        self.uid = uid
        self.gid = gid

    def attach(self, message: Message, with_files: bool) -> None:
        """Give ``message`` the credentials, and the rights if ``with_files``, which it then holds."""
        message.pid = self.pid
        message.uid = self.uid
        message.gid = self.gid
        if with_files and self.files is not None:
            message.files = self.files
            for file in self.files:
                file.hold()
