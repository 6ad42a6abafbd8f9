"""AF_UNIX datagram and sequenced-packet sockets (Linux ``unix_dgram_*``, ``unix_seqpacket_*``)."""

from __future__ import annotations

from errno import (
    ECONNREFUSED,
    ECONNRESET,
    EINVAL,
    EMSGSIZE,
    ENOTCONN,
    EOPNOTSUPP,
    EPERM,
    EPIPE,
)
from typing import TYPE_CHECKING

from ..ports.endpoint import CLOSE, ESTABLISHED
from ..stack.filtering import DROP, kept_of_data
from ..stack.poll_bits import POLLERR, POLLHUP, POLLRDHUP
from .error import KernelError
from .file import File
from .process import Process
from .sockaddr import AF_UNIX, AF_UNSPEC, SOCK_DGRAM, SOCK_SEQPACKET, SockAddr, unix_address
from .socket import MSG_OOB, MSG_PEEK, MSG_TRUNC, ControlMessage, Received
from .timestamps import timestamp_controls
from .unix import (
    EVERYTHING,
    RCV_SHUTDOWN,
    READABLE,
    SEND_SHUTDOWN,
    SHUTDOWN_MASK,
    WRITABLE,
    UnixConnected,
    UnixSocket,
)
from .unix_message import MAX_ALLOC, MAX_FRAGMENT_PAGES, Attachments, Message, page_align, truesize

if TYPE_CHECKING:
    from .kernel import Kernel


def make_message(socket: UnixSocket, data: bytes, attachments: Attachments | None) -> Message | None:
    """A datagram charged to ``socket``; None if its buffer has no room.

    Raises EMSGSIZE, the pending error, or EPIPE if sending is shut down.
    """
    size = len(data)
    if size > socket.sndbuf - 32:
        raise KernelError(EMSGSIZE)
    socket.raise_error()
    if socket.shut & SEND_SHUTDOWN:
        raise KernelError(EPIPE)
    if socket.wmem >= socket.sndbuf:
        return None
    paged = page_align(min(size - MAX_ALLOC, MAX_FRAGMENT_PAGES)) if size > MAX_ALLOC else 0
    message = Message(data, truesize(size - paged, paged), socket)
    if attachments is not None:
        attachments.attach(message, False)
    return message


def deliver(socket: UnixSocket, message: Message, attachments: Attachments | None, other: UnixSocket) -> None:
    """Queue ``message`` at ``other``, with its rights."""
    if attachments is not None:
        attachments.attach(message, True)
    socket.add_credentials(message, other)
    program = other.filter
    if program is not None:
        kept = kept_of_data(program, message.data, other.kernel.stack.stream)
        if kept == DROP:
            # The sender is not told.
            for file in message.files or []:
                file.drop()
            return
        message.data = message.data[:kept]
    if other.timestamps:
        message.time = other.kernel.clock.now
    other.enqueue(message)


def receive(socket: UnixSocket, count: int, flags: int) -> Received | None:
    """Take, or peek at, the first datagram; None if there is none."""
    if flags & MSG_OOB:
        raise KernelError(EOPNOTSUPP)
    socket.raise_error()
    if not socket.queue:
        return None
    offset = 0
    message = socket.queue[0]
    if flags & MSG_PEEK and socket.peek_off > 0:
        found, offset = _peek_at(socket, socket.peek_off)
        if found is None:
            return None
        message = found
    socket.wake_waiting()
    data = message.data[offset:] if offset else message.data
    received = Received(data[:count], None)
    if message.sender.name is not None:
        received.address = unix_address(message.sender.name)
    if count < len(data):
        received.flags |= MSG_TRUNC
        if flags & MSG_TRUNC:
            received.length = len(message.data)
    if socket.peek_off >= 0:
        moved = len(received.data) if flags & MSG_PEEK else -len(message.data)
        socket.peek_off = max(socket.peek_off + moved, 0)
    files: list[File] = []
    if flags & MSG_PEEK:
        if message.files is not None:
            files = message.files[:]
            for file in files:
                file.hold()
    else:
        socket.queue.pop(0)
        files = socket.detach_files(message)
        socket.uncharge(message)
    if socket.timestamps:
        if message.time < 0:
            message.time = socket.kernel.clock.now
        received.control += timestamp_controls(socket, message.time)
    received.control.extend(socket.collect_control(message, files))
    return received


def _peek_at(socket: UnixSocket, offset: int) -> tuple[Message | None, int]:
    """The datagram with byte ``offset`` of the queue (SO_PEEK_OFF), and where in it that is."""
    for message in socket.queue:
        if offset == 0 or offset < len(message.data):
            return message, offset
        offset -= len(message.data)
    return None, 0


class UnixSeqpacket(UnixConnected):
    """SOCK_SEQPACKET: connected as a stream, with messages kept apart."""

    __slots__ = ()

    def __init__(self, kernel: Kernel, creator: Process) -> None:
        super().__init__(kernel, creator, SOCK_SEQPACKET)

    def make_child(self, creator: Process) -> UnixConnected:
        return UnixSeqpacket(self.kernel, creator)

    def sendmsg(self, data: bytes, flags: int, addr: SockAddr | None, control: list[ControlMessage]) -> int:
        """ENOTCONN, EPIPE, EMSGSIZE; an address is ignored."""
        self.raise_error()
        if self.state != ESTABLISHED:
            raise KernelError(ENOTCONN)
        attachments = Attachments(control, self.caller()) if control else None
        if flags & MSG_OOB:
            raise KernelError(EOPNOTSUPP)
        peer = self.peer
        if peer is None:
            raise KernelError(ENOTCONN)
        message = make_message(self, data, attachments)
        if message is None:
            return -1
        if peer.dead or peer.shut & RCV_SHUTDOWN:
            raise KernelError(EPIPE)
        deliver(self, message, attachments, peer)
        return len(data)

    def recvmsg(self, count: int, flags: int) -> Received | None:
        """ENOTCONN; an empty message is not told from the end, as in Linux."""
        if self.state != ESTABLISHED:
            raise KernelError(ENOTCONN)
        received = receive(self, count, flags)
        if received is None and self.shut & RCV_SHUTDOWN:
            return Received(b"", None)
        return received


class UnixDatagram(UnixSocket):
    """SOCK_DGRAM: reliable and ordered; the sender waits while the receiver is full."""

    __slots__ = ()

    def __init__(self, kernel: Kernel, creator: Process) -> None:
        super().__init__(kernel, creator, SOCK_DGRAM)

    def connect(self, addr: SockAddr) -> bool:
        """Set the peer of send(), and the only one to receive from; AF_UNSPEC dissolves it.

        ECONNREFUSED, ENOENT, EACCES, EPROTOTYPE; EPERM if the other is connected to a third.
        """
        other: UnixSocket | None = None
        if addr.family != AF_UNSPEC:
            if addr.family != AF_UNIX or not addr.path:
                raise KernelError(EINVAL)
            if self.asks_writer():
                self.autobind()
            other = self.kernel.unix.find(addr.path, self.type, self.caller())
            if other.peer is not None and other.peer is not self:
                raise KernelError(EPERM)
            self.state = ESTABLISHED
            other.state = ESTABLISHED
        old = self.peer
        self.peer = other
        if old is not None:
            if other is None:
                self.state = CLOSE
            if old is not other:
                self._disconnected(old)
                if old.peer is None:
                    old.state = CLOSE
        return True

    def _disconnected(self, old: UnixSocket) -> None:
        # What the old peer sent is lost, and if there was any it is told.
        if not self.queue:
            return
        self.purge()
        self.wake_waiting()
        if not old.dead and old.peer is self:
            old.error = ECONNRESET
            old.wait_queue.wake(EVERYTHING)

    def sendmsg(self, data: bytes, flags: int, addr: SockAddr | None, control: list[ControlMessage]) -> int:
        """ENOTCONN, ECONNREFUSED, EMSGSIZE, EPIPE, EPERM, and what finding an address raises."""
        attachments = Attachments(control, self.caller()) if control else None
        if flags & MSG_OOB:
            raise KernelError(EOPNOTSUPP)
        if addr is not None and (addr.family != AF_UNIX or not addr.path):
            raise KernelError(EINVAL)
        if self.asks_writer():
            self.autobind()
        message = make_message(self, data, attachments)
        if message is None:
            return -1
        if addr is not None:
            other = self.kernel.unix.find(addr.path, self.type, self.caller())
        elif self.peer is not None:
            other = self.peer
        else:
            raise KernelError(ENOTCONN)
        if other.peer is not None and other.peer is not self:
            raise KernelError(EPERM)
        if other.dead:
            self.peer = None
            self.state = CLOSE
            self._disconnected(other)
            raise KernelError(ECONNREFUSED)
        if other.shut & RCV_SHUTDOWN:
            raise KernelError(EPIPE)
        if other is not self and other.peer is not self and other.full():
            self.wait_for(other)
            return -1
        deliver(self, message, attachments, other)
        return len(data)

    def recvmsg(self, count: int, flags: int) -> Received | None:
        """A blocking socket shut down for reading gives b"", a non-blocking one never ends."""
        received = receive(self, count, flags)
        if received is None and self.shut & RCV_SHUTDOWN and self.may_block(flags):
            return Received(b"", None)
        return received

    def readable_bytes(self) -> int:
        return len(self.queue[0].data) if self.queue else 0

    def poll(self) -> int:
        mask = 0
        if self.error != 0:
            mask |= POLLERR
        if self.shut & RCV_SHUTDOWN:
            mask |= POLLRDHUP | READABLE
        if self.shut == SHUTDOWN_MASK:
            mask |= POLLHUP
        if self.queue:
            mask |= READABLE
        if self.writable():
            peer = self.peer
            if peer is not None and peer.peer is not self and not peer.dead and peer.full():
                self.wait_for(peer)
            else:
                mask |= WRITABLE
        return mask
