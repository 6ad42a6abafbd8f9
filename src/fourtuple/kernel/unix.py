"""AF_UNIX sockets: what all types share, and stream sockets (Linux ``net/unix/af_unix.c``)."""

from __future__ import annotations

from errno import (
    EAGAIN,
    ECONNREFUSED,
    ECONNRESET,
    EINVAL,
    EISCONN,
    ENODATA,
    ENOTCONN,
    ENOTTY,
    ESRCH,
)
from typing import TYPE_CHECKING, Final

from mypy_extensions import mypyc_attr

from ..ports.endpoint import CLOSE, ESTABLISHED, LISTEN
from ..stack.poll_bits import (
    POLLERR,
    POLLHUP,
    POLLIN,
    POLLOUT,
    POLLPRI,
    POLLRDBAND,
    POLLRDHUP,
    POLLRDNORM,
    POLLWRBAND,
    POLLWRNORM,
)
from .error import KernelError
from .file import FIONBIO, FIONREAD, TIOCOUTQ, File
from .layout import pack_ucred
from .pidfd import PidFd
from .process import Process
from .sockaddr import AF_UNIX, SockAddr, unix_address
from .socket import (
    MSG_DONTWAIT,
    SOMAXCONN_LIMIT,
    ControlMessage,
    Socket,
)
from .sockopt import SOL_SOCKET
from .unix_message import (
    OVERFLOW_ID,
    SCM_CREDENTIALS,
    SCM_PIDFD,
    SCM_RIGHTS,
    Message,
)

if TYPE_CHECKING:
    from .kernel import Kernel

RCV_SHUTDOWN: Final = 1
SEND_SHUTDOWN: Final = 2
SHUTDOWN_MASK: Final = 3

READABLE: Final = POLLIN | POLLRDNORM
DATA_READY: Final = POLLIN | POLLPRI | POLLRDNORM | POLLRDBAND
WRITABLE: Final = POLLOUT | POLLWRNORM | POLLWRBAND
EVERYTHING: Final = DATA_READY | WRITABLE | POLLERR | POLLHUP | POLLRDHUP


@mypyc_attr(allow_interpreted_subclasses=True)
class UnixSocket(Socket):
    """What stream, datagram and sequenced-packet sockets of AF_UNIX have in common.

    ``name`` is the bound address, None while unnamed. ``wmem`` counts the memory of messages sent
    and not yet read, against SO_SNDBUF. ``waiting`` are sockets that found this one full.
    """

    __slots__ = (
        "backlog",
        "dead",
        "embryos",
        "error",
        "listener",
        "name",
        "peer",
        "peer_gid",
        "peer_pid",
        "peer_uid",
        "queue",
        "shut",
        "state",
        "waiting",
        "wmem",
    )

    def __init__(self, kernel: Kernel, creator: Process, type: int) -> None:
        super().__init__(kernel, creator, AF_UNIX, type, 0, f"unix socket of {creator.name}")
        self.name: bytes | None = None
        self.peer: UnixSocket | None = None
        self.state: int = CLOSE
        self.shut: int = 0
        self.error: int = 0
        self.dead: bool = False
        self.queue: list[Message] = []
        self.wmem: int = 0
        self.backlog: int = kernel.max_dgram_qlen
        """Connections or datagrams that may wait; one more than this does."""
        self.embryos: list[UnixSocket] = []
        """Connections waiting for accept()."""
        self.listener: UnixSocket | None = None
        """Whose accept() it waits for, None once accepted."""
        self.waiting: list[UnixSocket] = []
        self.peer_pid: int = 0
        self.peer_uid: int = -1
        self.peer_gid: int = -1
        kernel.unix.sockets[self.ino] = self

    # Names

    def bind(self, addr: SockAddr) -> None:
        if addr.family != AF_UNIX:
            raise KernelError(EINVAL)
        if not addr.path:
            self.autobind()
            return
        if addr.path.startswith(b"\0"):
            if self.name is not None:
                raise KernelError(EINVAL, "already bound")
            self.kernel.unix.bind(self, addr.path)
        else:
            # The node is made first, so a name in use counts before being bound already.
            names = self.kernel.unix
            names.bind(self, addr.path)
            if self.name is not None:
                names.unlink(addr.path, self.caller())
                raise KernelError(EINVAL, "already bound")
        self.name = addr.path

    def autobind(self) -> None:
        """Take an abstract name of the system's choice, unless bound."""
        if self.name is None:
            name = self.kernel.unix.free_abstract(self.type)
            self.kernel.unix.bind(self, name)
            self.name = name

    def getsockname(self) -> SockAddr:
        return unix_address(self.name or b"")

    def getpeername(self) -> SockAddr:
        if self.peer is None:
            raise KernelError(ENOTCONN)
        return unix_address(self.peer.name or b"")

    def has_peek_offset(self) -> bool:
        return True

    def take_error(self) -> int:
        error = self.error
        self.error = 0
        return error

    def raise_error(self) -> None:
        """Raise the pending error, once."""
        error = self.take_error()
        if error != 0:
            raise KernelError(error)

    def accepting(self) -> bool:
        return self.state == LISTEN

    # Credentials

    def peer_credentials(self) -> tuple[int, int, int]:
        return self.peer_pid, self.peer_uid, self.peer_gid

    def peer_pidfd(self) -> int:
        process = self.kernel.processes.get(self.peer_pid)
        if self.peer_pid == 0 or process is None:
            raise KernelError(ENODATA if self.peer_pid == 0 else ESRCH)
        return self.caller().fds.install(PidFd(self.kernel, process, 0), True, 0)

    def remember_credentials(self, process: Process) -> None:
        """What SO_PEERCRED of the other side, or of those who connect here, will show."""
        self.peer_pid = process.pid
        self.peer_uid = process.uid
        self.peer_gid = process.gid

    def asks_writer(self) -> bool:
        """Whether it wants to know who wrote (SO_PASSCRED, SO_PASSPIDFD)."""
        return self.passcred or self.passpidfd

    def add_credentials(self, message: Message, other: UnixSocket) -> None:
        """Attach the writer's if either side asked for them (SO_PASSCRED) and it gave none."""
        asked = self.asks_writer() or other.asks_writer() or other.listener is not None
        if message.pid == 0 and asked:
            caller = self.caller()
            message.pid = caller.pid
            message.uid = caller.real_uid
            message.gid = caller.real_gid

    # Queues

    def enqueue(self, message: Message) -> None:
        """Take a message from a peer."""
        message.sender.wmem += message.truesize
        if message.files is not None:
            self.kernel.unix.in_flight += len(message.files)
        self.queue.append(message)
        self.wait_queue.wake(DATA_READY)

    def uncharge(self, message: Message) -> None:
        """A message was read or thrown away: its writer has room again."""
        sender = message.sender
        sender.wmem -= message.truesize
        if not sender.dead and sender.writable():
            sender.wait_queue.wake(WRITABLE)

    def detach_files(self, message: Message) -> list[File]:
        """Take the rights out of a message read from this queue; their references pass on."""
        files = message.files or []
        message.files = None
        self.kernel.unix.in_flight -= len(files)
        return files

    def queued_files(self) -> list[File]:
        """Every right on the queue."""
        files: list[File] = []
        for message in self.queue:
            if message.files is not None:
                files.extend(message.files)
        return files

    def purge(self) -> None:
        """Throw away what is queued, and connections not accepted."""
        queue = self.queue
        self.queue = []
        embryos = self.embryos
        self.embryos = []
        for embryo in embryos:
            embryo.discard()
        for message in queue:
            for file in self.detach_files(message):
                file.drop()
            self.uncharge(message)

    def writable(self) -> bool:
        return self.state != LISTEN and self.wmem * 4 <= self.sndbuf

    def full(self) -> bool:
        """Whether its receive queue takes no more (``unix_recvq_full``)."""
        waiting = self.embryos if self.state == LISTEN else self.queue
        return len(waiting) > self.backlog

    def wake_waiting(self) -> None:
        """There is room, or will never be: those who found the queue full try again."""
        waiting = self.waiting
        self.waiting = []
        for socket in waiting:
            socket.wait_queue.wake(WRITABLE)

    def wait_for(self, other: UnixSocket) -> None:
        """Be woken for writing when ``other`` has room."""
        if self not in other.waiting:
            other.waiting.append(self)

    def may_block(self, flags: int) -> bool:
        """Whether the call would sleep rather than fail with EAGAIN."""
        return not self.nonblocking() and flags & MSG_DONTWAIT == 0

    def collect_control(self, message: Message, files: list[File]) -> list[ControlMessage]:
        """The control messages of a receive: credentials if asked for, then rights."""
        control: list[ControlMessage] = []
        if self.passcred:
            uid = message.uid if message.uid >= 0 else OVERFLOW_ID
            gid = message.gid if message.gid >= 0 else OVERFLOW_ID
            data = pack_ucred(message.pid, uid, gid)
            control.append(ControlMessage(SOL_SOCKET, SCM_CREDENTIALS, data, None))
        sender = self.kernel.processes.get(message.pid)
        if self.passpidfd and sender is not None:
            pidfd = PidFd(self.kernel, sender, 0)
            pidfd.hold()
            control.append(ControlMessage(SOL_SOCKET, SCM_PIDFD, b"", [pidfd]))
        if files:
            control.append(ControlMessage(SOL_SOCKET, SCM_RIGHTS, b"", files))
        return control

    # As a file

    def ioctl(self, request: int, argument: int) -> int:
        if request == FIONBIO:
            return super().ioctl(request, argument)
        if request == FIONREAD:
            return self.readable_bytes()
        if request == TIOCOUTQ:
            return self.wmem
        raise KernelError(ENOTTY)

    def readable_bytes(self) -> int:
        """SIOCINQ. Raises EINVAL on a listener."""
        if self.state == LISTEN:
            raise KernelError(EINVAL)
        total = 0
        for message in self.queue:
            total += len(message.data) - message.consumed
        return total

    def shutdown(self, how: int) -> None:
        """Never refuses: an unconnected unix socket may be shut down too."""
        if not 0 <= how <= 2:
            raise KernelError(EINVAL)
        self.shut |= how + 1
        self.wait_queue.wake(EVERYTHING)
        self.shutdown_peer(how + 1)

    def shutdown_peer(self, mask: int) -> None:
        """Of connection-based types, the peer's other half is shut too."""

    def release(self) -> None:
        self.dead = True
        self.shut = SHUTDOWN_MASK
        self.state = CLOSE
        self.kernel.unix.forget(self)
        self.leave_peer()
        self.wake_waiting()
        self.purge()
        self.kernel.unix.collect()

    def leave_peer(self) -> None:
        """Let go of the peer when closed."""
        self.peer = None


def connect_back(one: UnixSocket, other: UnixSocket) -> None:
    """Join two sockets (``unix_socketpair``)."""
    for socket, peer in ((one, other), (other, one)):
        socket.peer = peer
        socket.state = ESTABLISHED
        socket.remember_credentials(socket.caller())


@mypyc_attr(allow_interpreted_subclasses=True)
class UnixConnected(UnixSocket):
    """Connection-based sockets: stream and sequenced packets."""

    __slots__ = ("connecting",)

    def __init__(self, kernel: Kernel, creator: Process, type: int) -> None:
        super().__init__(kernel, creator, type)
        self.connecting: SockAddr | None = None

    def make_child(self, creator: Process) -> UnixConnected:
        """A new socket of the same class."""
        raise NotImplementedError

    def listen(self, backlog: int) -> None:
        if self.name is None or self.state not in (CLOSE, LISTEN):
            raise KernelError(EINVAL)
        if not 0 <= backlog <= SOMAXCONN_LIMIT:
            backlog = SOMAXCONN_LIMIT
        backlog = min(backlog, self.kernel.stack.sysctl.somaxconn)
        if backlog > self.backlog:
            self.wake_waiting()
        self.backlog = backlog
        self.state = LISTEN
        self.remember_credentials(self.caller())

    def connect(self, addr: SockAddr) -> bool:
        """False: the listener's queue is full and this blocking socket must wait for POLLOUT.

        A non-blocking one is refused with EAGAIN, as in Linux. ECONNREFUSED, ENOENT, EACCES,
        EPROTOTYPE, EISCONN, EINVAL (listening).
        """
        if addr.family != AF_UNIX or not addr.path:
            raise KernelError(EINVAL)
        self.connecting = None
        if self.asks_writer():
            self.autobind()
        caller = self.caller()
        other = self.kernel.unix.find(addr.path, self.type, caller)
        if other.state != LISTEN or other.shut & RCV_SHUTDOWN:
            raise KernelError(ECONNREFUSED)
        if other.full():
            if self.nonblocking():
                raise KernelError(EAGAIN)
            self.connecting = addr
            self.wait_for(other)
            return False
        if self.state != CLOSE:
            raise KernelError(EISCONN if self.state == ESTABLISHED else EINVAL)
        child = self.make_child(other.creator)
        child.listener = other
        child.name = other.name
        child.peer = self
        child.state = ESTABLISHED
        child.remember_credentials(caller)
        self.peer_pid, self.peer_uid, self.peer_gid = other.peer_credentials()
        self.peer = child
        self.state = ESTABLISHED
        other.embryos.append(child)
        other.wait_queue.wake(DATA_READY)
        return True

    def connect_result(self) -> bool:
        return True if self.connecting is None else self.connect(self.connecting)

    def accept(self) -> Socket | None:
        if self.state != LISTEN:
            raise KernelError(EINVAL)
        if not self.embryos:
            # Only a call that sleeps finds out that nobody can come any more.
            if self.shut & RCV_SHUTDOWN and self.may_block(0):
                raise KernelError(EINVAL)
            return None
        child = self.embryos.pop(0)
        child.listener = None
        child.creator = self.caller()
        child.passcred = self.passcred
        child.passpidfd = self.passpidfd
        self.wake_waiting()
        return child

    def shutdown_peer(self, mask: int) -> None:
        peer = self.peer
        if peer is not None:
            if mask & RCV_SHUTDOWN:
                peer.shut |= SEND_SHUTDOWN
            if mask & SEND_SHUTDOWN:
                peer.shut |= RCV_SHUTDOWN
            peer.wait_queue.wake(EVERYTHING)

    def leave_peer(self) -> None:
        peer = self.peer
        self.peer = None
        if peer is not None and not peer.dead:
            peer.shut = SHUTDOWN_MASK
            if self._unread() or self.listener is not None:
                peer.error = ECONNRESET
            peer.wait_queue.wake(EVERYTHING)

    def _unread(self) -> bool:
        # As Linux, which passes over one empty message in front (unix_release_sock).
        queue = self.queue
        return len(queue) > 1 or (len(queue) == 1 and len(queue[0].data) > queue[0].consumed)

    def poll(self) -> int:
        mask = 0
        if self.error != 0:
            mask |= POLLERR
        if self.shut == SHUTDOWN_MASK:
            mask |= POLLHUP
        if self.shut & RCV_SHUTDOWN:
            mask |= POLLRDHUP | READABLE
        if self.queue or self.embryos:
            mask |= READABLE
        if self.state == CLOSE:
            mask |= POLLHUP
        if self.writable():
            mask |= WRITABLE
        return mask
