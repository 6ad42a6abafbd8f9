"""Control messages of sendmsg() and recvmsg(): a program's tuples to the kernel's and back.

Descriptors in SCM_RIGHTS become the sender's files on the way in and new descriptors of the receiver
on the way out, as in Linux (net/core/scm.c).
"""

from __future__ import annotations

import os
import struct
from _socket import CMSG_SPACE, SCM_RIGHTS, SOL_SOCKET
from collections.abc import Iterable, Sequence
from errno import EBADF, EINVAL
from operator import index
from typing import Any, Final

from ..kernel.error import KernelError
from ..kernel.file import O_RDWR, File
from ..kernel.process import Process
from ..kernel.socket import MSG_CMSG_CLOEXEC, ControlMessage
from ..runtime.errors import os_error
from .fcntl_module import duplicate_real
from .real_files import entered, is_real
from .sockaddr_convert import buffer_bytes

_real_close: Final = os.close
_HEADER: Final = 16
_FD: Final = 4
_MAX_FDS: Final = 253
_ITEMS: Final = "[sendmsg() ancillary data items]() argument must be"


class _RealFile(File):
    """A real file on its way from one simulated process to another."""

    def __init__(self, fd: int) -> None:
        super().__init__(0, O_RDWR, "real file")
        try:
            self.fd = duplicate_real(fd)
        except OSError as error:
            raise KernelError(error.errno or EBADF) from None

    def release(self) -> None:
        _real_close(self.fd)


def parse_ancillary(ancdata: Any) -> list[tuple[int, int, bytes]]:
    """(level, type, data) of each item of sendmsg()'s second argument. Raises TypeError."""
    if not isinstance(ancdata, Iterable):
        raise TypeError("sendmsg() argument 2 must be an iterable")
    result = []
    for item in ancdata:
        if not isinstance(item, Sequence):
            raise TypeError(f"{_ITEMS} 3-item sequence, not {type(item).__name__}")
        if len(item) != 3:
            raise TypeError(f"{_ITEMS} sequence of length 3, not {len(item)}")
        level, kind, data = item
        result.append((index(level), index(kind), buffer_bytes(data)))
    return result


def gather_control(process: Process, items: list[tuple[int, int, bytes]]) -> list[ControlMessage]:
    """The kernel's control messages; files of SCM_RIGHTS are held.

    Raises OSError: EBADF for a descriptor that is not open, EINVAL for too many.
    """
    result: list[ControlMessage] = []
    for level, kind, data in items:
        files: list[File] | None = None
        if level == SOL_SOCKET and kind == SCM_RIGHTS:
            files = []
            result.append(ControlMessage(level, kind, b"", files))
            try:
                _hold_files(process, data, files)
            except KernelError as error:
                drop_files(result)
                raise os_error(error) from None
        else:
            result.append(ControlMessage(level, kind, data, None))
    return result


def _hold_files(process: Process, data: bytes, files: list[File]) -> None:
    count = len(data) // _FD
    if count > _MAX_FDS:
        raise KernelError(EINVAL, "too many descriptors in one message")
    for fd in struct.unpack(f"{count}i", data[: count * _FD]):
        file = _RealFile(fd) if is_real(fd) else process.fds.get(fd)
        file.hold()
        files.append(file)


def drop_files(control: list[ControlMessage]) -> None:
    """Let go of the files that nobody takes."""
    for message in control:
        for file in message.files or ():
            file.drop()


def scatter_control(
    process: Process, control: list[ControlMessage], space: int, flags: int
) -> tuple[list[tuple[int, int, bytes]], bool]:
    """What recvmsg() with ``space`` bytes for control messages returns, and whether all fitted."""
    result: list[tuple[int, int, bytes]] = []
    whole = True
    for message in control:
        data = message.data
        room = max(space - _HEADER, 0)
        if message.files is not None:
            data = _install(process, message.files, room, bool(flags & MSG_CMSG_CLOEXEC))
            whole = whole and len(data) == len(message.files) * _FD
            if not data:
                continue
        elif space < _HEADER or len(data) > room:
            whole = False
            if space < _HEADER:
                continue
            data = data[:room]
        result.append((message.level, message.type, data))
        space -= min(CMSG_SPACE(len(data)), space)
    return result, whole


def _install(process: Process, files: list[File], room: int, cloexec: bool) -> bytes:
    """Give the receiver as many of ``files`` as its buffer and its limits allow; drop our hold."""
    numbers: list[int] = []
    try:
        for file in files[: room // _FD]:
            if isinstance(file, _RealFile):
                numbers.append(entered(duplicate_real(file.fd)))
            else:
                numbers.append(process.fds.install(file, cloexec, 0))
    except KernelError:
        pass
    for file in files:
        file.drop()
    return struct.pack(f"{len(numbers)}i", *numbers)
