"""What a Python socket object is inside a simulated process: every method of ``_socket.socket``.

Arguments, refusals and results are those of CPython's ``_socket`` (Modules/socketmodule.c), socket
behaviour is the simulated kernel's, waiting is in virtual time.
"""

from __future__ import annotations

import os
import struct
import sys
from _socket import SO_ERROR, SO_PROTOCOL, SO_TYPE, SOL_SOCKET
from errno import (
    EBADF,
    ECONNRESET,
    EFAULT,
    EINPROGRESS,
    EISCONN,
    ENOENT,
    EWOULDBLOCK,
)
from operator import index
from typing import Any, Final

from ..kernel.error import KernelError
from ..kernel.inet import InetSocket
from ..kernel.process import Process
from ..kernel.sockaddr import AF_INET, AF_UNIX, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_STREAM, SockAddr
from ..kernel.socket import Socket
from ..kernel.sockopt_filter import PROGRAM_OPTIONS
from ..runtime.descriptors import given
from ..runtime.errors import os_error
from .lingering_close import close_descriptor
from .program_memory import filter_instructions
from .sockaddr_convert import buffer_bytes, from_sockaddr, to_sockaddr
from .socket_blocking import READING, WRITING, wait_change, wait_ready, waiting_thread
from .socket_timeout import NO_TIMEOUT, socket_timeout, timeout_seconds
from .socket_transfer import SocketTransfer
from .unix_path import check_new_path, missing_path_errno

_INT_MAX: Final = 0x7FFF_FFFF
_BACKLOG: Final = 128
# The object's timeout passed; no errno says so.
_TIMED_OUT: Final = -1
_INT: Final = struct.Struct("i")


def c_int(value: Any) -> int:
    """``value`` as C's int. Raises TypeError, OverflowError."""
    number = index(value)
    if number > _INT_MAX:
        raise OverflowError("signed integer is greater than maximum")
    if number < -_INT_MAX - 1:
        raise OverflowError("signed integer is less than minimum")
    return number


class SimSocket(SocketTransfer):
    """A simulated socket object. The Python object it stands behind forwards every method here."""

    __slots__ = ()

    # Beginning and end

    @classmethod
    def create(
        cls, process: Process, default_timeout: int, family: Any, type: Any, proto: Any, fileno: Any
    ) -> SimSocket:
        """What ``_socket.socket(family, type, proto, fileno)`` makes in ``process``."""
        state = cls(process)
        family, type, proto = c_int(family), c_int(type), c_int(proto)
        if fileno is None:
            state._open(
                AF_INET if family == -1 else family,
                SOCK_STREAM if type == -1 else type,
                0 if proto == -1 else proto,
            )
        else:
            state._adopt(c_int(fileno), family, type, proto)
        state._set_initial_timeout(type, default_timeout)
        return state

    def _open(self, family: int, type: int, proto: int) -> None:
        kind = type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)
        try:
            file = self.process.kernel.socket(self.process, family, kind, proto)
            file.set_nonblocking(bool(type & SOCK_NONBLOCK))
            self.fd = given(self.process, self.process.fds.install(file, True, 0))
        except KernelError as error:
            raise os_error(error) from None
        self.family, self.type, self.proto = family, kind, proto

    def _adopt(self, fd: int, family: int, type: int, proto: int) -> None:
        """Take over an open descriptor; what is not given is asked of it."""
        if fd < 0:
            raise ValueError("negative file descriptor")
        self.fd = given(self.process, fd)
        try:
            file = self.file()
            self.family = file.family if family == -1 else family
            if type == -1:
                type = _INT.unpack(file.getsockopt(SOL_SOCKET, SO_TYPE, _INT.size))[0]
            if proto == -1:
                proto = _INT.unpack(file.getsockopt(SOL_SOCKET, SO_PROTOCOL, _INT.size))[0]
        except KernelError as error:
            raise os_error(error) from None
        self.type = type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)
        self.proto = proto

    def _set_initial_timeout(self, type: int, default_timeout: int) -> None:
        if type != -1 and type & SOCK_NONBLOCK:
            self.timeout = 0
            return
        self.timeout = default_timeout
        if default_timeout >= 0:
            self.file().set_nonblocking(True)

    def close(self) -> None:
        if self.fd == -1:
            return
        self.settle()
        fd = self.detach()
        # The descriptors of a process that has ended are closed; an object of it may be finalised later.
        if fd == -1 or not self.process.alive():
            return
        try:
            close_descriptor(self.process, fd)
        except KernelError as error:
            # The peer may have closed already; CPython does not tell.
            if error.errno != ECONNRESET:
                raise os_error(error) from None

    def detach(self) -> int:
        fd, self.fd = self.fd, -1
        return fd

    def fileno(self) -> int:
        return self.fd

    # Timeouts

    def settimeout(self, value: Any, /) -> None:
        self._set_timeout(socket_timeout(value))

    def gettimeout(self) -> float | None:
        return timeout_seconds(self.timeout)

    def setblocking(self, flag: Any, /) -> None:
        self._set_timeout(NO_TIMEOUT if index(flag) else 0)

    def getblocking(self) -> bool:
        return self.timeout != 0

    def _set_timeout(self, timeout: int) -> None:
        self.timeout = timeout
        self.file().set_nonblocking(timeout >= 0)

    # Names

    def bind(self, address: Any, /) -> None:
        target = to_sockaddr(self.process.kernel, self.family, address, "bind")
        if self.family == AF_UNIX:
            check_new_path(target.path)
        try:
            self.file().bind(target)
        except KernelError as error:
            raise os_error(error) from None

    def getsockname(self) -> Any:
        try:
            return from_sockaddr(self.file().getsockname())
        except KernelError as error:
            raise os_error(error) from None

    def getpeername(self) -> Any:
        try:
            return from_sockaddr(self.file().getpeername())
        except KernelError as error:
            raise os_error(error) from None

    # Connections

    def connect(self, address: Any, /) -> None:
        number = self._connect(address, "connect")
        if number == _TIMED_OUT:
            raise TimeoutError("timed out")
        if number:
            raise OSError(number, os.strerror(number))

    def connect_ex(self, address: Any, /) -> int:
        number = self._connect(address, "connect_ex")
        return EWOULDBLOCK if number == _TIMED_OUT else number

    def _connect(self, address: Any, caller: str) -> int:
        """0, an errno, or _TIMED_OUT."""
        target = to_sockaddr(self.process.kernel, self.family, address, caller)
        try:
            file = self.file()
        except OSError as error:
            return error.errno or EBADF
        try:
            if file.connect(target):
                return 0
        except KernelError as error:
            if error.errno == ENOENT and self.family == AF_UNIX:
                return missing_path_errno(target.path)
            return error.errno
        if not file.nonblocking():
            return self._connect_in_kernel(file, target)
        return self._connect_until(file) if self.timeout > 0 else EINPROGRESS

    def _connect_in_kernel(self, file: Socket, target: SockAddr) -> int:
        """The wait inside a blocking connect(2), which SO_SNDTIMEO ends with EINPROGRESS."""
        thread = waiting_thread()
        allowed = file.send_timeout
        limit = thread.scheduler.clock.now + allowed if allowed >= 0 else -1
        what = f"connect on fd {self.fd} to {target}"
        file.hold()
        try:
            while wait_change(thread, file, WRITING, limit, what):
                self.process.kernel.caller = self.process
                if file.connect_result():
                    return 0
            return EINPROGRESS
        except KernelError as error:
            return error.errno
        finally:
            file.drop()

    def _connect_until(self, file: Socket) -> int:
        """CPython's wait for a connect() under way, with the object's timeout."""
        thread = waiting_thread()
        file.hold()
        try:
            if not wait_ready(thread, file, WRITING, self.deadline(), f"connect on fd {self.fd}"):
                return _TIMED_OUT
            number: int = _INT.unpack(file.getsockopt(SOL_SOCKET, SO_ERROR, _INT.size))[0]
        except KernelError as error:
            return error.errno
        finally:
            file.drop()
        return 0 if number == EISCONN else number

    def listen(self, backlog: Any = _BACKLOG, /) -> None:
        number = max(c_int(backlog), 0)
        try:
            self.file().listen(number)
        except KernelError as error:
            raise os_error(error) from None

    def _accept(self) -> tuple[int, Any]:
        file = self.file()
        fds = self.process.fds

        def attempt() -> Socket | None:
            fds.check_room()
            return file.accept()

        accepted = self.call(file, READING, 0, "accept", attempt)
        try:
            if isinstance(accepted, InetSocket):
                # Shown also if the peer has reset the connection, which getpeername() would refuse.
                endpoint = accepted.endpoint
                address = accepted.show(endpoint.peer, endpoint.peer_port)
            else:
                address = accepted.getpeername()
            return given(self.process, fds.install(accepted, True, 0)), from_sockaddr(address)
        except KernelError as error:
            accepted.discard()
            raise os_error(error) from None

    def shutdown(self, how: Any, /) -> None:
        direction = c_int(how)
        try:
            self.file().shutdown(direction)
        except KernelError as error:
            raise os_error(error) from None

    # Options

    def setsockopt(self, *arguments: Any) -> None:
        if len(arguments) == 4 and arguments[2] is None:
            c_int(arguments[0])
            c_int(arguments[1])
            index(arguments[3])
            self.file()
            # The kernel is handed a null pointer.
            raise OSError(EFAULT, os.strerror(EFAULT))
        if len(arguments) != 3:
            raise TypeError(f"setsockopt() takes exactly 3 arguments ({len(arguments)} given)")
        level, name = c_int(arguments[0]), c_int(arguments[1])
        value = _option_bytes(arguments[2])
        try:
            file = self.file()
            if level == SOL_SOCKET and name in PROGRAM_OPTIONS:
                value = filter_instructions(value)
            file.setsockopt(level, name, value)
        except KernelError as error:
            raise os_error(error) from None

    def getsockopt(self, level: Any, name: Any, length: Any = 0, /) -> int | bytes:
        level, name, length = c_int(level), c_int(name), c_int(length)
        if not 0 <= length <= 1024:
            raise OSError("getsockopt buflen out of range")
        try:
            value = self.file().getsockopt(level, name, length or _INT.size)
        except KernelError as error:
            raise os_error(error) from None
        return value if length else int.from_bytes(value[:4], sys.byteorder, signed=len(value) >= 4)

    def __repr__(self) -> str:
        return f"<socket object, fd={self.fd}, family={self.family}, type={self.type}, proto={self.proto}>"


def _option_bytes(value: Any) -> bytes:
    try:
        return _INT.pack(index(value))
    except (TypeError, struct.error):
        pass
    return buffer_bytes(value)
