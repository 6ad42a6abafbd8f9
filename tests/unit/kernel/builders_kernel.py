"""A host to run socket calls on: the real kernel, or ours.

Everything is non-blocking. A call gives its value, or the name of its errno through ``outcome``.
"""

from __future__ import annotations

import array
import ctypes
import errno
import fcntl
import os
import select
import socket
import stat
import time
from collections.abc import Callable
from typing import Any

from fourtuple.clock.clock import MILLISECOND, Clock
from fourtuple.clock.streams import Stream
from fourtuple.kernel.error import KernelError
from fourtuple.kernel.file import File
from fourtuple.kernel.kernel import Kernel
from fourtuple.kernel.process import Process
from fourtuple.kernel.sockaddr import (
    AF_INET,
    AF_INET6,
    AF_UNIX,
    SockAddr,
    inet_address,
    unix_address,
    unspecified_address,
)
from fourtuple.kernel.socket import ControlMessage, Socket
from fourtuple.kernel.wait import Waiter
from fourtuple.stack.stack import Stack
from fourtuple.wire.address import format_ip, format_mapped, parse_ip

ASKED = 0x3FFF


def outcome(call: Callable[[], Any]) -> Any:
    """What the call returns, or the name of the errno it fails with."""
    try:
        return call()
    except (OSError, KernelError) as error:
        # 95 has two names in Linux.
        return errno.errorcode[error.errno].replace("ENOTSUP", "EOPNOTSUPP")


# Ours ---------------------------------------------------------------------------------------------


class OurFile:
    def __init__(self, host: OurHost, file: File) -> None:
        self.host = host
        self.file = file
        self.fd = host.process.fds.install(file, True, 0)
        self.ino = file.ino

    def read(self, count: int) -> bytes:
        data = self.file.read(count)
        if data is None:
            raise KernelError(errno.EAGAIN)
        return data

    def write(self, data: bytes) -> int:
        count = self.file.write(data)
        if count < 0:
            raise KernelError(errno.EAGAIN)
        return count

    def poll(self) -> int:
        return self.file.poll() & ASKED

    def close(self) -> None:
        if self.host.process.fds.has(self.fd) and self.host.process.fds.get(self.fd) is self.file:
            self.host.process.fds.close(self.fd)


class OurSocket(OurFile):
    def __init__(self, host: OurHost, file: Socket) -> None:
        super().__init__(host, file)
        self.socket = file
        file.set_nonblocking(True)

    def address(self, where: Any) -> SockAddr:
        if where is None:
            return unspecified_address()
        if isinstance(where, bytes):
            return unix_address(where)
        family = AF_INET6 if len(where) == 4 else AF_INET
        ip = parse_ip(where[0])
        address = inet_address(family, ip, where[1])
        if family == AF_INET6:
            address.scope_id = where[3]
        return address

    def shown(self, address: SockAddr | None) -> Any:
        if address is None:
            return None
        if address.family == AF_UNIX:
            return address.path
        if address.family == AF_INET:
            return format_ip(address.ip), address.port
        return format_mapped(address.ip), address.port, 0, address.scope_id

    def bind(self, where: Any) -> None:
        self.socket.bind(self.address(where))

    def listen(self, backlog: int) -> None:
        self.socket.listen(backlog)

    def connect(self, where: Any) -> None:
        if not self.socket.connect(self.address(where)):
            raise KernelError(errno.EINPROGRESS)

    def accept(self) -> OurSocket:
        child = self.socket.accept()
        if child is None:
            raise KernelError(errno.EAGAIN)
        return OurSocket(self.host, child)

    def getsockname(self) -> Any:
        return self.shown(self.socket.getsockname())

    def getpeername(self) -> Any:
        return self.shown(self.socket.getpeername())

    def send(self, data: bytes, flags: int = 0) -> int:
        count = self.socket.send(data, flags)
        if count < 0:
            raise KernelError(errno.EAGAIN)
        return count

    def sendto(self, data: bytes, where: Any, flags: int = 0) -> int:
        count = self.socket.sendmsg(data, flags, self.address(where), [])
        if count < 0:
            raise KernelError(errno.EAGAIN)
        return count

    def recv(self, count: int, flags: int = 0) -> bytes:
        data = self.socket.recv(count, flags)
        if data is None:
            raise KernelError(errno.EAGAIN)
        return data

    def recvfrom(self, count: int, flags: int = 0) -> tuple[bytes, Any]:
        received = self.socket.recvmsg(count, flags)
        if received is None:
            raise KernelError(errno.EAGAIN)
        return received.data, self.shown(received.address)

    def send_files(self, data: bytes, files: list[OurFile]) -> int:
        control = ControlMessage(1, 1, b"", [file.file for file in files])
        count = self.socket.sendmsg(data, 0, None, [control])
        if count < 0:
            raise KernelError(errno.EAGAIN)
        return count

    def send_control(self, data: bytes, where: Any, control: list[tuple[int, int, bytes]]) -> int:
        messages = [ControlMessage(level, kind, value, None) for level, kind, value in control]
        return self.socket.sendmsg(data, 0, None if where is None else self.address(where), messages)

    def recv_control(self, count: int, flags: int = 0) -> tuple[bytes, list[tuple[int, int, bytes]], int]:
        received = self.socket.recvmsg(count, flags)
        if received is None:
            raise KernelError(errno.EAGAIN)
        return (
            received.data,
            [(message.level, message.type, message.data) for message in received.control],
            received.flags,
        )

    def recv_files(self, count: int, flags: int = 0) -> tuple[bytes, list[OurFile]]:
        received = self.socket.recvmsg(count, flags)
        if received is None:
            raise KernelError(errno.EAGAIN)
        files: list[OurFile] = []
        for message in received.control:
            for file in message.files or []:
                wrapper = OurSocket if isinstance(file, Socket) else OurFile
                files.append(wrapper(self.host, file))
                file.drop()
        return received.data, files

    def shutdown(self, how: int) -> None:
        self.socket.shutdown(how)

    def setsockopt(self, level: int, name: int, value: int | bytes) -> None:
        if isinstance(value, int):
            value = (value & 0xFFFFFFFF).to_bytes(4, "little")
        self.socket.setsockopt(level, name, value)

    def getsockopt(self, level: int, name: int, length: int = 0) -> Any:
        if length:
            return self.socket.getsockopt(level, name, length)
        return int.from_bytes(self.socket.getsockopt(level, name, 4), "little", signed=True)

    def ioctl(self, request: int) -> int:
        return self.socket.ioctl(request, 0)


class OurEpoll(OurFile):
    def control(self, operation: int, target: Any, events: int) -> None:
        self.file.control(operation, target.fd, target.file, events, target.fd)

    def wait(self, count: int = 16) -> list[tuple[int, int]]:
        return self.file.wait(count)


class Note(Waiter):
    """Writes down the masks it is woken with."""

    def __init__(self, woken: list[int]) -> None:
        self.woken = woken

    def wake(self, mask: int) -> bool:
        self.woken.append(mask)
        return True


class OurHost:
    """Our kernel, on a stack with a loopback."""

    name = "fourtuple"

    def __init__(self) -> None:
        self.clock = Clock()
        self.stack = Stack("host", self.clock, Stream(1, "host"))
        self.kernel = Kernel(self.stack, {})
        self.process = self.spawn("test")

    def spawn(self, name: str) -> Process:
        null = self.kernel.null()
        return self.kernel.spawn(name, [name], None, null, null, null)

    def settle(self) -> None:
        """Let everything that is on its way arrive."""
        self.clock.run(self.clock.now + 5 * MILLISECOND, 100_000)

    def socket(self, family: int, type: int, protocol: int = 0) -> OurSocket:
        return OurSocket(self, self.kernel.socket(self.process, family, type, protocol))

    def socketpair(self, type: int) -> tuple[OurSocket, OurSocket]:
        one, other = self.kernel.socketpair(self.process, AF_UNIX, type, 0)
        return OurSocket(self, one), OurSocket(self, other)

    def pipe(self) -> tuple[OurFile, OurFile]:
        reader, writer = self.kernel.pipe(0o4000)
        return OurFile(self, reader), OurFile(self, writer)

    def eventfd(self, initial: int, flags: int) -> OurFile:
        return OurFile(self, self.kernel.eventfd(initial, flags))

    def epoll(self) -> OurEpoll:
        return OurEpoll(self, self.kernel.epoll())

    def file(self, file: File) -> OurFile:
        return OurFile(self, file)

    def watch(self, file: File, woken: list[int]) -> None:
        """Note every wake-up of ``file``."""
        file.wait_queue.add(Note(woken), 0xFFFF, False)

    def path(self, name: str) -> bytes:
        return b"/run/" + name.encode()

    def unlink(self, path: bytes) -> None:
        if not self.kernel.unix.unlink(path, self.process):
            raise KernelError(errno.ENOENT)

    def close(self) -> None:
        self.kernel.exit(self.process, 0)


# Linux --------------------------------------------------------------------------------------------


class LinuxFile:
    def __init__(self, host: LinuxHost, fd: int) -> None:
        os.set_blocking(fd, False)
        self.host = host
        self.fd = fd
        host.made.append(self)

    def read(self, count: int) -> bytes:
        return os.read(self.fd, count)

    def write(self, data: bytes) -> int:
        return os.write(self.fd, data)

    def poll(self) -> int:
        poller = select.poll()
        poller.register(self.fd, ASKED)
        ready = poller.poll(0)
        return ready[0][1] if ready else 0

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


class LinuxSocket(LinuxFile):
    def __init__(self, host: LinuxHost, real: socket.socket) -> None:
        self.socket = real
        super().__init__(host, real.fileno())

    def close(self) -> None:
        self.socket.close()

    def shown(self, address: Any) -> Any:
        return os.fsencode(address) if isinstance(address, str) else address

    def bind(self, where: Any) -> None:
        self.socket.bind(where)

    def listen(self, backlog: int) -> None:
        self.socket.listen(backlog)

    def connect(self, where: Any) -> None:
        if where is None:
            libc = ctypes.CDLL(None, use_errno=True)
            if libc.connect(self.fd, bytes(16), 16) != 0:
                raise OSError(ctypes.get_errno(), "connect")
            return
        self.socket.connect(where)

    def accept(self) -> LinuxSocket:
        return LinuxSocket(self.host, self.socket.accept()[0])

    def getsockname(self) -> Any:
        return self.shown(self.socket.getsockname())

    def getpeername(self) -> Any:
        return self.shown(self.socket.getpeername())

    def send(self, data: bytes, flags: int = 0) -> int:
        return self.socket.send(data, flags)

    def sendto(self, data: bytes, where: Any, flags: int = 0) -> int:
        return self.socket.sendto(data, flags, where)

    def recv(self, count: int, flags: int = 0) -> bytes:
        return self.socket.recv(count, flags)

    def recvfrom(self, count: int, flags: int = 0) -> tuple[bytes, Any]:
        data, address = self.socket.recvfrom(count, flags)
        return data, self.shown(address)

    def send_files(self, data: bytes, files: list[LinuxFile]) -> int:
        return socket.send_fds(self.socket, [data], [file.fd for file in files])

    def send_control(self, data: bytes, where: Any, control: list[tuple[int, int, bytes]]) -> int:
        if where is None:
            return self.socket.sendmsg([data], control)
        return self.socket.sendmsg([data], control, 0, where)

    def recv_control(self, count: int, flags: int = 0) -> tuple[bytes, list[tuple[int, int, bytes]], int]:
        data, control, flags, _ = self.socket.recvmsg(count, 1024, flags)
        return data, control, flags

    def recv_files(self, count: int, flags: int = 0) -> tuple[bytes, list[LinuxFile]]:
        # socket.recv_fds() forgets its flags.
        data, control, _, _ = self.socket.recvmsg(count, socket.CMSG_LEN(64), flags)
        fds = array.array("i")
        for _, _, value in control:
            fds.frombytes(value)
        files: list[LinuxFile] = []
        for fd in fds:
            if stat.S_ISSOCK(os.fstat(fd).st_mode):
                files.append(LinuxSocket(self.host, socket.socket(fileno=fd)))
            else:
                files.append(LinuxFile(self.host, fd))
        return data, files

    def shutdown(self, how: int) -> None:
        self.socket.shutdown(how)

    def setsockopt(self, level: int, name: int, value: int | bytes) -> None:
        self.socket.setsockopt(level, name, value)

    def getsockopt(self, level: int, name: int, length: int = 0) -> Any:
        if length:
            return self.socket.getsockopt(level, name, length)
        return self.socket.getsockopt(level, name)

    def ioctl(self, request: int) -> int:
        return int.from_bytes(fcntl.ioctl(self.fd, request, bytes(4)), "little")


class LinuxEpoll(LinuxFile):
    def __init__(self, host: LinuxHost) -> None:
        self.epoll = select.epoll()
        self.fd = self.epoll.fileno()
        host.made.append(self)

    def control(self, operation: int, target: Any, events: int) -> None:
        if operation == 1:
            self.epoll.register(target.fd, events)
        elif operation == 2:
            self.epoll.unregister(target.fd)
        else:
            self.epoll.modify(target.fd, events)

    def wait(self, count: int = 16) -> list[tuple[int, int]]:
        return self.epoll.poll(0, count)

    def close(self) -> None:
        self.epoll.close()


class LinuxHost:
    """The kernel the tests run on."""

    name = "linux"

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self.made: list[Any] = []

    def settle(self) -> None:
        time.sleep(0.005)

    def socket(self, family: int, type: int, protocol: int = 0) -> LinuxSocket:
        return LinuxSocket(self, socket.socket(family, type, protocol))

    def socketpair(self, type: int) -> tuple[LinuxSocket, LinuxSocket]:
        one, other = socket.socketpair(socket.AF_UNIX, type)
        return LinuxSocket(self, one), LinuxSocket(self, other)

    def pipe(self) -> tuple[LinuxFile, LinuxFile]:
        reader, writer = os.pipe()
        return LinuxFile(self, reader), LinuxFile(self, writer)

    def eventfd(self, initial: int, flags: int) -> LinuxFile:
        return LinuxFile(self, os.eventfd(initial, flags))

    def epoll(self) -> LinuxEpoll:
        return LinuxEpoll(self)

    def path(self, name: str) -> bytes:
        return os.fsencode(os.path.join(self.directory, name))

    def unlink(self, path: bytes) -> None:
        os.unlink(path)

    def close(self) -> None:
        for made in self.made:
            made.close()
