"""What every socket is: the base class of the families.

Nothing here blocks. A call that cannot proceed returns None, -1 or False, and its caller waits on
``wait_queue``; whether to wait at all (O_NONBLOCK, MSG_DONTWAIT, SO_RCVTIMEO in
``receive_timeout`` …) is the caller's decision, as are the loops of a blocking call that wants
everything (MSG_WAITALL, a blocking send): the kernel moves what it can and says how much.
"""

from __future__ import annotations

from errno import EINVAL, ENODATA, EOPNOTSUPP
from typing import TYPE_CHECKING, Final

from mypy_extensions import mypyc_attr

from ..stack.bpf import BpfProgram
from .error import KernelError
from .file import O_RDWR, S_IFSOCK, File
from .netdevice import device_ioctl
from .process import CAP_NET_ADMIN, Process
from .sockaddr import SockAddr
from .sockopt import SO_BINDTODEVICE, SOL_SOCKET
from .sockopt_socket import get_socket_option, set_socket_option
from .sockopt_table import check_option

if TYPE_CHECKING:
    from .kernel import Kernel

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

SOMAXCONN_LIMIT: Final = 0x7FFF_FFFF
"""A negative backlog counts as this, before net.core.somaxconn bounds it."""


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

    def drop_files(self) -> None:
        """Let go of received rights nobody wants."""
        for message in self.control:
            if message.files is not None:
                files = message.files
                message.files = None
                for file in files:
                    file.drop()


@mypyc_attr(allow_interpreted_subclasses=True)
class Socket(File):
    """A socket of any family. ``kernel`` is the host it lives on, ``creator`` who made it.

    The attributes named after SO_* options hold them; :meth:`option_changed` passes a change on.
    """

    __slots__ = (
        "broadcast",
        "cpu",
        "creator",
        "debug",
        "device",
        "dontroute",
        "family",
        "filter",
        "filter_locked",
        "keepalive",
        "kept",
        "kernel",
        "linger_on",
        "linger_seconds",
        "mark",
        "max_pacing_rate",
        "oob_inline",
        "passcred",
        "passpidfd",
        "peek_off",
        "priority",
        "protocol",
        "rcvbuf",
        "rcvlowat",
        "receive_timeout",
        "reuse_addr",
        "reuse_port",
        "rxq_ovfl",
        "send_timeout",
        "sndbuf",
        "stamping",
        "stamps_new",
        "timestamps",
        "type",
        "zerocopy",
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
        """SO_RCVTIMEO in ns, -1 for none. How long a blocking caller waits."""
        self.send_timeout: int = -1
        """SO_SNDTIMEO in ns, -1 for none."""
        self.sndbuf: int = kernel.stack.sysctl.wmem_default
        self.rcvbuf: int = kernel.stack.sysctl.rmem_default
        self.rcvlowat: int = 1
        self.debug: bool = False
        """SO_DEBUG: kept only."""
        self.device: int = 0
        """SO_BINDTOIFINDEX of a family that routes nothing."""
        self.cpu: int = -1
        """SO_INCOMING_CPU of a socket that no such choice concerns."""
        self.reuse_addr: bool = False
        self.reuse_port: bool = False
        self.broadcast: bool = False
        self.dontroute: bool = False
        self.keepalive: bool = False
        self.oob_inline: bool = False
        self.passcred: bool = False
        self.passpidfd: bool = False
        self.kept: dict[int, int] = {}
        """Options that are kept and given back only, by number."""
        self.linger_on: bool = False
        self.linger_seconds: int = 0
        self.timestamps: int = 0
        """SO_TIMESTAMP or SO_TIMESTAMPNS, whichever is on; 0 for neither."""
        self.stamping: int = 0
        """SO_TIMESTAMPING's bits; TCP has its own."""
        self.stamps_new: bool = False
        """The *_NEW option of time stamps was set last: messages have its number."""
        self.rxq_ovfl: bool = False
        self.zerocopy: bool = False
        """SO_ZEROCOPY: MSG_ZEROCOPY has an effect."""
        self.peek_off: int = -1
        """SO_PEEK_OFF: where the next MSG_PEEK begins, -1 at the first byte as ever."""
        self.priority: int = 0
        self.mark: int = 0
        self.max_pacing_rate: int = 0xFFFF_FFFF_FFFF_FFFF
        """SO_MAX_PACING_RATE, bytes per second."""
        self.filter: BpfProgram | None = None
        """SO_ATTACH_FILTER."""
        self.filter_locked: bool = False

    def caller(self) -> Process:
        """The process that makes the present call: its credentials and directory count."""
        return self.kernel.caller or self.creator

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
        if received is None:
            return None
        received.drop_files()
        return received.data

    def sendmsg(self, data: bytes, flags: int, addr: SockAddr | None, control: list[ControlMessage]) -> int:
        """Bytes taken; -1: would block. EPIPE stands for SIGPIPE too (MSG_NOSIGNAL or not)."""
        raise KernelError(EOPNOTSUPP)

    def send(self, data: bytes, flags: int) -> int:
        """Bytes taken; -1: would block."""
        return self.sendmsg(data, flags, None, [])

    def shutdown(self, how: int) -> None:
        raise KernelError(EOPNOTSUPP)

    # Options

    def setsockopt(self, level: int, name: int, value: bytes) -> None:
        """setsockopt(2), value in Linux's layout. Raises ENOPROTOOPT, EINVAL, EPERM …"""
        if level == SOL_SOCKET:
            if len(value) < 4 and name != SO_BINDTODEVICE:
                raise KernelError(EINVAL, "option value too short")
            check_option(level, name, True)
            set_socket_option(self, name, value)
        else:
            self.set_protocol_option(level, name, value)

    def getsockopt(self, level: int, name: int, length: int) -> bytes:
        """getsockopt(2): at most ``length`` bytes of the value."""
        if length < 0:
            raise KernelError(EINVAL)
        if level == SOL_SOCKET:
            check_option(level, name, False)
            value = get_socket_option(self, name, length)
        else:
            value = self.get_protocol_option(level, name, length)
        return value[:length]

    def set_protocol_option(self, level: int, name: int, value: bytes) -> None:
        """Set an option of a level other than SOL_SOCKET."""
        raise KernelError(EOPNOTSUPP)

    def get_protocol_option(self, level: int, name: int, length: int) -> bytes:
        """Read an option of a level other than SOL_SOCKET."""
        raise KernelError(EOPNOTSUPP)

    def option_changed(self, name: int) -> None:
        """The attribute of the SOL_SOCKET option ``name`` was set."""

    def takes_zerocopy(self) -> bool:
        """Whether it may have SO_ZEROCOPY: TCP and UDP."""
        return False

    def has_peek_offset(self) -> bool:
        """Whether SO_PEEK_OFF means something to it."""
        return False

    def memory(self) -> list[int]:
        """SO_MEMINFO: bytes received and not read, their limit, bytes being sent, their limit, reserved,
        queued, of options, in the backlog; and how many were dropped."""
        return [0, self.receive_buffer(), 0, self.send_buffer(), 0, 0, 0, 0, 0]

    def filter_changed(self, program: BpfProgram | None) -> None:
        """``filter`` was set."""

    def set_chooser(self, program: BpfProgram | None) -> None:
        """Let ``program`` choose the SO_REUSEPORT member; None takes it away (ENOENT if there is none).

        Raises EINVAL if the socket is in no group and cannot be.
        """
        raise KernelError(EINVAL)

    def send_buffer(self) -> int:
        """SO_SNDBUF."""
        return self.sndbuf

    def receive_buffer(self) -> int:
        """SO_RCVBUF."""
        return self.rcvbuf

    def take_error(self) -> int:
        """SO_ERROR: the pending error, cleared by asking."""
        return 0

    def accepting(self) -> bool:
        """SO_ACCEPTCONN: whether it listens."""
        return False

    def peer_credentials(self) -> tuple[int, int, int]:
        """SO_PEERCRED: pid, uid and gid; 0, -1, -1 if unknown."""
        return 0, -1, -1

    def peer_pidfd(self) -> int:
        """SO_PEERPIDFD: a new descriptor of the caller's, for the process of SO_PEERCRED. ENODATA if there
        is none."""
        raise KernelError(ENODATA)

    def bound_device(self) -> int:
        """SO_BINDTOIFINDEX: ifindex, 0 for none."""
        return self.device

    def bind_device(self, ifindex: int) -> None:
        """Send and receive through this interface only; 0: through any. Families without routes keep it."""
        self.device = ifindex

    def incoming_cpu(self) -> int:
        """SO_INCOMING_CPU."""
        return self.cpu

    def timestamping(self) -> int:
        """SO_TIMESTAMPING."""
        return self.stamping

    def set_timestamping(self, bits: int) -> None:
        """SO_TIMESTAMPING, of valid bits. A TCP socket raises EINVAL for OPT_ID unless connected."""
        self.stamping = bits

    def set_incoming_cpu(self, cpu: int) -> None:
        """SO_INCOMING_CPU."""
        self.cpu = cpu

    def receive_target(self, count: int, flags: int) -> int:
        """How many bytes a blocking receive of ``count`` gathers before it returns.

        1 for most; SO_RCVLOWAT or, with MSG_WAITALL, ``count`` for streams.
        """
        return 1

    # As a file

    def read(self, count: int) -> bytes | None:
        return self.recv(count, 0)

    def write(self, data: bytes) -> int:
        return self.send(data, 0)

    def ioctl_buffer(self, request: int, argument: bytes) -> bytes:
        admin = self.caller().capable(CAP_NET_ADMIN)
        return device_ioctl(self.kernel.stack, request, argument, self.family, admin)

    def mode(self) -> int:
        return S_IFSOCK | 0o777

    def describe(self) -> str:
        return f"socket:[{self.ino}]"
