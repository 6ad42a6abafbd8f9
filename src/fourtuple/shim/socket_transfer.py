"""send and recv in all their forms, on simulated sockets.

Arguments, refusals and results are those of CPython's ``_socket`` (Modules/socketmodule.c).
"""

from __future__ import annotations

import signal
from collections.abc import Iterable
from errno import EPIPE
from operator import index
from typing import Any, Final

from ..kernel.error import KernelError
from ..kernel.sockaddr import SOCK_STREAM, SockAddr
from ..kernel.socket import (
    MSG_CMSG_CLOEXEC,
    MSG_CTRUNC,
    MSG_DONTWAIT,
    MSG_FASTOPEN,
    MSG_MORE,
    MSG_NOSIGNAL,
    MSG_PEEK,
    MSG_TRUNC,
    ControlMessage,
    Received,
    Socket,
)
from ..runtime.signals import send_signal
from ..stack.poll_bits import POLLERR
from .signal_module import after_sending
from .sockaddr_convert import buffer_bytes, from_sockaddr, to_sockaddr
from .socket_ancillary import drop_files, gather_control, parse_ancillary, scatter_control
from .socket_blocking import READING, WRITING, SocketState, wait_change, waiting_thread

_INT_MAX: Final = 0x7FFF_FFFF
# A stream takes larger data in parts, so that what is left is not copied again and again.
_PART: Final = 1 << 20


def _flags(value: Any) -> int:
    number = index(value)
    if not -_INT_MAX - 1 <= number <= _INT_MAX:
        beyond = "greater than maximum" if number > 0 else "less than minimum"
        raise OverflowError(f"signed integer is {beyond}")
    return number


def _writable(value: Any, function: str) -> memoryview:
    try:
        view = memoryview(value)
    except TypeError:
        view = None
    if view is None or view.readonly or not view.contiguous:
        raise TypeError(
            f"{function}() argument 1 must be read-write bytes-like object, not {type(value).__name__}"
        )
    return view.cast("B")


def _vector(item: Any) -> memoryview:
    try:
        view = memoryview(item)
    except TypeError:
        view = None
    if view is None or view.readonly or not view.contiguous:
        raise TypeError("recvmsg_into() argument 1 must be an iterable of single-segment read-write buffers")
    return view.cast("B")


def _broken_pipe() -> None:
    """SIGPIPE, which Python ignores unless the program has set it otherwise."""
    thread = waiting_thread()
    send_signal(thread.state, signal.SIGPIPE)
    after_sending(thread)


class SocketTransfer(SocketState):
    """The data calls of a simulated socket."""

    __slots__ = ()

    # Receiving

    def recv(self, bufsize: Any, flags: Any = 0, /) -> bytes:
        count = index(bufsize)
        flags = _flags(flags)
        if count < 0:
            raise ValueError("negative buffersize in recv")
        return self._receive(count, flags, "recv")

    def recv_into(self, buffer: Any, nbytes: Any = 0, flags: Any = 0) -> int:
        view, count = self._buffer(buffer, nbytes, "recv_into")
        if count > len(view):
            raise ValueError("buffer too small for requested bytes")
        flags = _flags(flags)
        if flags & MSG_TRUNC:
            received = self._receive_message(count, flags, "recv_into")
            received.drop_files()
            view[: len(received.data)] = received.data
            return received.length
        data = self._receive(count, flags, "recv_into")
        view[: len(data)] = data
        return len(data)

    def recvfrom(self, bufsize: Any, flags: Any = 0, /) -> tuple[bytes, Any]:
        count = index(bufsize)
        flags = _flags(flags)
        if count < 0:
            raise ValueError("negative buffersize in recvfrom")
        received = self._receive_message(count, flags, "recvfrom")
        received.drop_files()
        return received.data, from_sockaddr(received.address)

    def recvfrom_into(self, buffer: Any, nbytes: Any = 0, flags: Any = 0) -> tuple[int, Any]:
        view, count = self._buffer(buffer, nbytes, "recvfrom_into")
        if count > len(view):
            raise ValueError("nbytes is greater than the length of the buffer")
        received = self._receive_message(count, _flags(flags), "recvfrom_into")
        received.drop_files()
        view[: len(received.data)] = received.data
        return received.length, from_sockaddr(received.address)

    def recvmsg(
        self, bufsize: Any, ancbufsize: Any = 0, flags: Any = 0, /
    ) -> tuple[bytes, list[tuple[int, int, bytes]], int, Any]:
        count = index(bufsize)
        if count < 0:
            raise ValueError("negative buffer size in recvmsg()")
        return self._recvmsg(count, index(ancbufsize), _flags(flags), "recvmsg")

    def recvmsg_into(
        self, buffers: Any, ancbufsize: Any = 0, flags: Any = 0, /
    ) -> tuple[int, list[tuple[int, int, bytes]], int, Any]:
        try:
            items = iter(buffers)
        except TypeError:
            raise TypeError("recvmsg_into() argument 1 must be an iterable") from None
        views = [_vector(item) for item in items]
        size = sum(len(view) for view in views)
        data, control, msg_flags, address = self._recvmsg(
            size, index(ancbufsize), _flags(flags), "recvmsg_into"
        )
        offset = 0
        for view in views:
            part = data[offset : offset + len(view)]
            view[: len(part)] = part
            offset += len(part)
        return len(data), control, msg_flags, address

    def _buffer(self, buffer: Any, nbytes: Any, function: str) -> tuple[memoryview, int]:
        view = _writable(buffer, function)
        count = index(nbytes)
        if count < 0:
            raise ValueError(f"negative buffersize in {function}")
        return view, count or len(view)

    def _receive(self, count: int, flags: int, what: str) -> bytes:
        if not count:
            return b""
        file = self.file()
        data = self.call(file, READING, flags, what, lambda: file.recv(count, flags))
        if 0 < len(data) < count and file.type == SOCK_STREAM:
            return self._gather(file, count, flags, what, Received(data, None)).data
        return data

    def _receive_message(self, count: int, flags: int, what: str) -> Received:
        file = self.file()
        received = self.call(file, READING, flags, what, lambda: file.recvmsg(count, flags))
        if 0 < len(received.data) < count and file.type == SOCK_STREAM:
            return self._gather(file, count, flags, what, received)
        return received

    def _gather(self, file: Socket, count: int, flags: int, what: str, received: Received) -> Received:
        """Go on receiving from a stream until a blocking call has what it asked for: all of ``count``
        with MSG_WAITALL, else SO_RCVLOWAT.

        The end, an error, SO_RCVTIMEO and a control message end it before; an error is left for the
        next call.
        """
        target = file.receive_target(count, flags)
        if len(received.data) >= target or file.nonblocking() or flags & MSG_DONTWAIT:
            return received
        thread = waiting_thread()
        allowed = file.receive_timeout
        limit = thread.scheduler.clock.now + allowed if allowed >= 0 else -1
        file.hold()
        try:
            while len(received.data) < target and not received.control and not file.poll() & POLLERR:
                if flags & MSG_PEEK:
                    more = None
                else:
                    more = file.recvmsg(count - len(received.data), flags)
                if more is None:
                    if not wait_change(thread, file, READING, limit, f"{what} on fd {self.fd}"):
                        break
                    if flags & MSG_PEEK:
                        received = file.recvmsg(count, flags) or received
                    continue
                if not more.data:
                    break
                received.data += more.data
                received.length += more.length
                received.control = more.control
        except KernelError:
            pass
        finally:
            file.drop()
        return received

    def _recvmsg(
        self, count: int, space: int, flags: int, what: str
    ) -> tuple[bytes, list[tuple[int, int, bytes]], int, Any]:
        if not 0 <= space <= _INT_MAX:
            raise ValueError("invalid ancillary data buffer length")
        received = self._receive_message(count, flags, what)
        control, whole = scatter_control(self.process, received.control, space, flags)
        msg_flags = received.flags | flags & MSG_CMSG_CLOEXEC
        if not whole:
            msg_flags |= MSG_CTRUNC
        return received.data, control, msg_flags, from_sockaddr(received.address)

    # Sending

    def send(self, data: Any, flags: Any = 0, /) -> int:
        content = buffer_bytes(data)
        return self._send(self.file(), content, _flags(flags), "send", self.deadline())

    def sendall(self, data: Any, flags: Any = 0, /) -> None:
        content = buffer_bytes(data)
        flags = _flags(flags)
        deadline = self.deadline()
        file = self.file()
        done = self._send(file, content, flags, "sendall", deadline)
        while done < len(content):
            # One deadline holds for the whole, also between sends that did not wait.
            if 0 <= deadline <= self.process.kernel.clock.now:
                raise TimeoutError("timed out")
            done += self._send(file, content[done : done + _PART], flags, "sendall", deadline)

    def sendto(self, data: Any, *arguments: Any) -> int:
        if not 1 <= len(arguments) <= 2:
            raise TypeError(f"sendto() takes 2 or 3 arguments ({len(arguments) + 1} given)")
        content = buffer_bytes(data)
        flags = _flags(arguments[0]) if len(arguments) == 2 else 0
        address = to_sockaddr(self.process.kernel, self.family, arguments[-1], "sendto")
        return self._send(self.file(), content, flags, "sendto", self.deadline(), address)

    def sendmsg(self, buffers: Any, ancdata: Any = None, flags: Any = 0, address: Any = None, /) -> int:
        if isinstance(buffers, str):
            raise TypeError("a bytes-like object is required, not 'str'")
        if not isinstance(buffers, Iterable):
            raise TypeError("sendmsg() argument 1 must be an iterable")
        content = b"".join([buffer_bytes(buffer) for buffer in buffers])
        items = parse_ancillary(() if ancdata is None else ancdata)
        flags = _flags(flags)
        target: SockAddr | None = None
        if address is not None:
            target = to_sockaddr(self.process.kernel, self.family, address, "sendmsg")
        file = self.file()
        control = gather_control(self.process, items)
        try:
            return self._send(file, content, flags, "sendmsg", self.deadline(), target, list(control))
        finally:
            drop_files(control)

    def sendmsg_afalg(self, *arguments: Any, **keywords: Any) -> int:
        raise OSError("algset is only supported for AF_ALG")

    def _send(
        self,
        file: Socket,
        content: bytes,
        flags: int,
        what: str,
        deadline: int,
        address: SockAddr | None = None,
        control: list[ControlMessage] | None = None,
    ) -> int:
        """Bytes sent: all of them if the file blocks, as in the kernel, else what fits.

        ``control`` is emptied once it went with the first byte.
        """
        done = 0
        total = len(content)
        stream = file.type == SOCK_STREAM

        def attempt() -> int | None:
            nonlocal done
            while True:
                part, more = content, 0
                if stream and total - done > _PART:
                    part, more = content[done : done + _PART], MSG_MORE
                elif done:
                    part = content[done:]
                if done:
                    # The connection is being opened already.
                    more |= flags & ~MSG_FASTOPEN
                else:
                    more |= flags
                try:
                    if control or address is not None:
                        sent = file.sendmsg(part, more, address, control or [])
                    else:
                        sent = file.send(part, more)
                except KernelError as error:
                    if done:
                        return done
                    if error.errno == EPIPE and stream and not flags & MSG_NOSIGNAL:
                        _broken_pipe()
                    raise
                if sent < 0:
                    nonblocking = file.nonblocking() or flags & MSG_DONTWAIT
                    return done if done and nonblocking else None
                if control:
                    control.clear()
                done += sent
                if done >= total or not stream:
                    return done

        try:
            return self.call_until(file, WRITING, flags, what, attempt, deadline)
        except BlockingIOError:
            # SO_SNDTIMEO ended the wait: what went until then is the result.
            if done:
                return done
            raise
