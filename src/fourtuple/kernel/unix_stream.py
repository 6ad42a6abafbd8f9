"""Unix stream sockets, with their byte of out-of-band data (Linux ``unix_stream_sendmsg``)."""

from __future__ import annotations

from errno import EINVAL, EISCONN, ENOTCONN, EOPNOTSUPP, EPIPE
from typing import TYPE_CHECKING, Final

from ..ports.endpoint import ESTABLISHED
from ..stack.poll_bits import POLLPRI
from .error import KernelError
from .file import File
from .process import Process
from .sockaddr import SOCK_STREAM, SockAddr, unix_address
from .socket import MSG_OOB, MSG_PEEK, MSG_WAITALL, ControlMessage, Received
from .unix import RCV_SHUTDOWN, SEND_SHUTDOWN, UnixConnected
from .unix_message import MAX_FRAGMENTS, MAX_HEAD, Attachments, Message, page_align, truesize

if TYPE_CHECKING:
    from .kernel import Kernel

SIOCATMARK: Final = 0x8905

# What a read does at a place of out-of-band data.
_READ: Final = 0
_STOP: Final = 1
_SKIP: Final = 2


class UnixStream(UnixConnected):
    """SOCK_STREAM."""

    __slots__ = ("oob",)

    def __init__(self, kernel: Kernel, creator: Process) -> None:
        super().__init__(kernel, creator, SOCK_STREAM)
        self.oob: Message | None = None
        """The byte of out-of-band data not read yet, which has a place on the queue."""

    def make_child(self, creator: Process) -> UnixConnected:
        return UnixStream(self.kernel, creator)

    def receive_target(self, count: int, flags: int) -> int:
        if flags & MSG_WAITALL:
            return count
        return max(min(self.rcvlowat, count), 1)

    def sendmsg(self, data: bytes, flags: int, addr: SockAddr | None, control: list[ControlMessage]) -> int:
        """ENOTCONN, EPIPE, EISCONN or EOPNOTSUPP (an address given), EINVAL, EPERM (control)."""
        attachments = Attachments(control, self.caller()) if control else None
        if flags & MSG_OOB and not data:
            raise KernelError(EOPNOTSUPP)
        if addr is not None:
            raise KernelError(EISCONN if self.state == ESTABLISHED else EOPNOTSUPP)
        peer = self.peer
        if peer is None:
            raise KernelError(ENOTCONN)
        if self.shut & SEND_SHUTDOWN:
            raise KernelError(EPIPE)
        sent = 0
        length = len(data) - 1 if flags & MSG_OOB else len(data)
        while sent < length:
            # A piece is at most half the buffer, and what a page and 32 KiB of fragments hold.
            size = min(length - sent, (self.sndbuf >> 1) - 64, MAX_HEAD + MAX_FRAGMENTS)
            if self.error != 0:
                error = self.take_error()
                if sent == 0:
                    raise KernelError(error)
                return sent
            if self.wmem >= self.sndbuf:
                return sent or -1
            if peer.dead or peer.shut & RCV_SHUTDOWN:
                if sent == 0:
                    raise KernelError(EPIPE)
                return sent
            paged = min(size, page_align(max(0, size - MAX_HEAD)))
            message = Message(data[sent : sent + size], truesize(size - paged, paged), self)
            if attachments is not None:
                attachments.attach(message, sent == 0)
            self.add_credentials(message, peer)
            peer.enqueue(message)
            sent += size
        if flags & MSG_OOB and isinstance(peer, UnixStream):
            return sent + self._send_urgent(data[length:], peer)
        return sent

    def _send_urgent(self, data: bytes, peer: UnixStream) -> int:
        """The last byte of a send with MSG_OOB. An older one not read becomes data (``queue_oob``)."""
        if peer.dead or peer.shut & RCV_SHUTDOWN:
            raise KernelError(EPIPE)
        message = Message(data, truesize(1, 0), self)
        self.add_credentials(message, peer)
        peer.oob = message
        peer.enqueue(message)
        peer.wait_queue.wake(POLLPRI)
        return 1

    def _receive_urgent(self, flags: int) -> Received:
        message = self.oob
        if message is None or self.oob_inline:
            raise KernelError(EINVAL)
        if not flags & MSG_PEEK:
            # Its place stays, and reads end there.
            message.consumed = 1
            self.oob = None
        received = Received(message.data, None)
        received.flags = MSG_OOB
        return received

    def _at_mark(self, copied: bool) -> int:
        """What the first message is to a read: READ it, STOP before it, or SKIP it (``manage_oob``)."""
        first = self.queue[0]
        if first is self.oob:
            if copied:
                return _STOP
            self.oob = None
            return _READ if self.oob_inline else _SKIP
        if first.consumed and first.consumed == len(first.data):
            return _STOP if copied and self.oob is None else _SKIP
        return _READ

    def poll(self) -> int:
        mask = super().poll()
        return mask | POLLPRI if self.oob is not None else mask

    def ioctl(self, request: int, argument: int) -> int:
        if request == SIOCATMARK:
            return int(len(self.queue) > 0 and self._marks(self.queue[0]))
        return super().ioctl(request, argument)

    def _marks(self, message: Message) -> bool:
        return message is self.oob or (message.consumed == len(message.data) and message.consumed > 0)

    def recvmsg(self, count: int, flags: int) -> Received | None:
        """EINVAL unless connected, ECONNRESET (once) if the peer closed with data unread."""
        if self.state != ESTABLISHED:
            raise KernelError(EINVAL)
        if flags & MSG_OOB:
            return self._receive_urgent(flags)
        if not self.queue:
            self.raise_error()
            if self.shut & RCV_SHUTDOWN:
                return Received(b"", None)
            return None
        first = self.queue[0]
        received = Received(b"", None)
        if first.sender.name is not None:
            received.address = unix_address(first.sender.name)
        if flags & MSG_PEEK:
            if not self._peek(received, count, max(self.peek_off, 0)):
                return None
        else:
            self._take(received, count)
            if not received.data and count and not received.control and not self.queue:
                # There was nothing but a mark.
                return Received(b"", None) if self.shut & RCV_SHUTDOWN else None
        if self.peek_off >= 0:
            moved = received.length if flags & MSG_PEEK else -received.length
            self.peek_off = max(self.peek_off + moved, 0)
        return received

    def _take(self, received: Received, count: int) -> None:
        queue = self.queue
        first = queue[0]
        parts: list[bytes] = []
        files: list[File] = []
        while queue:
            message = queue[0]
            if self.oob is not None or message.consumed:
                what = self._at_mark(len(parts) > 0)
                if what == _STOP:
                    break
                if what == _SKIP:
                    queue.pop(0)
                    self.uncharge(message)
                    continue
            if self.asks_writer() and not message.same_writer(first):
                break
            start = message.consumed
            available = len(message.data) - start
            chunk = min(available, count)
            parts.append(message.data[start : start + chunk] if chunk < len(message.data) else message.data)
            message.consumed = start + chunk
            count -= chunk
            if message.files is not None:
                files = self.detach_files(message)
            if chunk < available:
                break
            queue.pop(0)
            self.uncharge(message)
            # Rights end a receive, so that each reaches its reader with its own data.
            if files or count == 0:
                break
        received.data = b"".join(parts)
        received.length = len(received.data)
        if files or self.asks_writer():
            received.control = self.collect_control(first, files)

    def _peek(self, received: Received, count: int, skip: int) -> bool:
        """Show what is behind the first ``skip`` bytes; False if nothing is."""
        first = self.queue[0]
        parts: list[bytes] = []
        files: list[File] = []
        for message in self.queue:
            if self._marks(message) and not (message is self.oob and self.oob_inline):
                if parts:
                    break
                continue
            if skip and skip >= len(message.data) - message.consumed:
                skip -= len(message.data) - message.consumed
                continue
            if count == 0 and parts:
                break
            if not parts:
                first = message
            if self.asks_writer() and not message.same_writer(first):
                break
            start = message.consumed + skip
            skip = 0
            part = message.data[start : start + count]
            parts.append(part)
            count -= len(part)
            if message.files is not None:
                # Linux duplicates the descriptors for whoever peeks.
                files = message.files[:]
                for file in files:
                    file.hold()
                break
        received.data = b"".join(parts)
        received.length = len(received.data)
        if files or self.asks_writer():
            received.control = self.collect_control(first, files)
        return len(parts) > 0
