"""What every socket is: the base class of the families.

Nothing here blocks. A call that cannot proceed returns None, -1 or False, and its caller waits on
``wait_queue``; whether to wait at all (O_NONBLOCK, MSG_DONTWAIT, SO_RCVTIMEO in
``receive_timeout`` …) is the caller's decision, as are the loops of a blocking call that wants
everything (MSG_WAITALL, a blocking send): the kernel moves what it can and says how much.
"""

from __future__ import annotations

from errno import EOPNOTSUPP
from typing import TYPE_CHECKING, Final

from mypy_extensions import mypyc_attr

from .error import KernelError
from .file import O_RDWR, S_IFSOCK, File
from .sockaddr import SockAddr

if TYPE_CHECKING:
    from .kernel import Kernel
    from .process import Process

MSG_OOB: Final = 0x1
MSG_PEEK: Final = 0x2
MSG_DONTROUTE: Final = 0x4
MSG_CTRUNC: Final = 0x8
MSG_TRUNC: Final = 0x20
MSG_DONTWAIT: Final = 0x40
MSG_EOR: Final = 0x80
MSG_WAITALL: Final = 0x100
MSG_CONFIRM: Final = 0x800
MSG_ERRQUEUE: Final = 0x2000
MSG_NOSIGNAL: Final = 0x4000
MSG_MORE: Final = 0x8000
MSG_ZEROCOPY: Final = 0x4000000
MSG_FASTOPEN: Final = 0x20000000
MSG_CMSG_CLOEXEC: Final = 0x40000000

SHUT_RD: Final = 0
SHUT_WR: Final = 1
SHUT_RDWR: Final = 2

SOMAXCONN: Final = 4096


class ControlMessage:
    """One control message (cmsg(3)): ``level``, ``type`` and its data.

    SCM_RIGHTS travels as ``files`` (references held), never as descriptor numbers: the caller
    resolves the sender's numbers and installs the received files.
    """

    __slots__ = ("data", "files", "level", "type")

    def __init__(self, level: int, type: int, data: bytes, files: list[File] | None) -> None:
        self.level: int = level
        self.type: int = type
        self.data: bytes = data
        self.files: list[File] | None = files


class Received:
    """What recvmsg() gives."""

    __slots__ = ("address", "control", "data", "flags", "length")

    def __init__(self, data: bytes, address: SockAddr | None) -> None:
        self.data: bytes = data
        self.address: SockAddr | None = address
        self.flags: int = 0
        """MSG_TRUNC, MSG_CTRUNC, MSG_EOR as they apply."""
        self.length: int = len(data)
        """What the call returns: the message's real length if MSG_TRUNC was asked for."""
        self.control: list[ControlMessage] = []
        """Received SCM_RIGHTS files are held by this list; whoever takes it drops or installs them."""


@mypyc_attr(allow_interpreted_subclasses=True)
class Socket(File):
    """A socket of any family. ``kernel`` is the host it lives on, ``creator`` who made it."""

    __slots__ = (
        "creator",
        "family",
        "kernel",
        "protocol",
        "receive_timeout",
        "send_timeout",
        "type",
    )

    def __init__(
        self, kernel: Kernel, creator: Process, family: int, type: int, protocol: int, name: str
    ) -> None:
        super().__init__(kernel.next_ino(), O_RDWR, name)
        self.kernel = kernel
        self.creator = creator
        self.family: int = family
        self.type: int = type
        self.protocol: int = protocol
        self.receive_timeout: int = -1
        """SO_RCVTIMEO in ns, -1 for none."""
        self.send_timeout: int = -1
        """SO_SNDTIMEO in ns, -1 for none."""

    def bind(self, addr: SockAddr) -> None:
        raise KernelError(EOPNOTSUPP)

    def connect(self, addr: SockAddr) -> bool:
        """True: connected; False: under way, ask :meth:`connect_result` after POLLOUT.

        A second call while it is under way raises EALREADY. A blocking caller of a unix socket
        whose listener is full is told False too and calls connect again.
        """
        raise KernelError(EOPNOTSUPP)

    def connect_result(self) -> bool:
        """Outcome of a connect under way: True connected, False not yet; raises its error."""
        return True

    def listen(self, backlog: int) -> None:
        raise KernelError(EOPNOTSUPP)

    def accept(self) -> Socket | None:
        """The next connection; None: would block."""
        raise KernelError(EOPNOTSUPP)

    def getsockname(self) -> SockAddr:
        raise KernelError(EOPNOTSUPP)

    def getpeername(self) -> SockAddr:
        """Raises ENOTCONN if there is no peer."""
        raise KernelError(EOPNOTSUPP)

    def recvmsg(self, count: int, flags: int) -> Received | None:
        """One receive of at most ``count`` bytes; None: would block."""
        raise KernelError(EOPNOTSUPP)

    def recv(self, count: int, flags: int) -> bytes | None:
        """Data only. None: would block; b"": end of stream or an empty datagram."""
        received = self.recvmsg(count, flags)
        return None if received is None else received.data

    def sendmsg(self, data: bytes, flags: int, addr: SockAddr | None, control: list[ControlMessage]) -> int:
        """Bytes taken; -1: would block. EPIPE stands for SIGPIPE too (MSG_NOSIGNAL or not)."""
        raise KernelError(EOPNOTSUPP)

    def send(self, data: bytes, flags: int) -> int:
        """Bytes taken; -1: would block."""
        return self.sendmsg(data, flags, None, [])

    def shutdown(self, how: int) -> None:
        raise KernelError(EOPNOTSUPP)

    def setsockopt(self, level: int, name: int, value: bytes) -> None:
        raise KernelError(EOPNOTSUPP)

    def getsockopt(self, level: int, name: int, length: int) -> bytes:
        raise KernelError(EOPNOTSUPP)

    # As a file

    def read(self, count: int) -> bytes | None:
        return self.recv(count, 0)

    def write(self, data: bytes) -> int:
        return self.send(data, 0)

    def mode(self) -> int:
        return S_IFSOCK | 0o777

    def describe(self) -> str:
        return f"socket:[{self.ino}]"
