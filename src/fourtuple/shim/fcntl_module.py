"""The stand-in for ``fcntl``: flags of simulated descriptors, and ioctls on them.

Implemented: fcntl with F_DUPFD, F_GETFD, F_GETFL and their kin, F_SETOWN(_EX), F_SETSIG, F_GETPIPE_SZ,
F_SETPIPE_SZ; ioctl with what the kernel's files know (FIONBIO, FIONREAD, SIOCGIF* …). Refused, with the
kernel's errno: record locks and leases on simulated descriptors. Real files pass through.
"""

from __future__ import annotations

import ctypes
import fcntl
import struct
from collections.abc import Callable
from errno import EBADF, EFAULT, EINVAL
from typing import Any, Final

from ..kernel.error import KernelError
from ..kernel.file import FIOCLEX, FIONBIO, FIONCLEX, FIONREAD, O_ASYNC, TIOCOUTQ, File
from ..kernel.netdevice import IFREQ_LENGTH, SIOCGIFCONF, interface_configuration
from ..kernel.pipe import PipeEnd
from ..kernel.process import CAP_SYS_RESOURCE, Process
from ..kernel.socket import Socket
from ..runtime.blocking import settle
from ..runtime.descriptors import given
from ..runtime.errors import os_error
from ..runtime.thread import SimThread
from .async_io import get_owner, get_owner_ex, get_signal, set_owner, set_owner_ex, set_signal
from .foreign_numbers import dispatch_number
from .real_files import REAL_BASE, entered, is_real
from .select_wait import as_descriptor

_SIOCATMARK: Final = 0x8905
_SIOCOUTQNSD: Final = 0x894B
# Requests whose argument points to an int that is filled in.
_INT_RESULTS: Final = (FIONREAD, TIOCOUTQ, _SIOCATMARK, _SIOCOUTQNSD)
_F_SETSIG: Final = 10
_F_GETSIG: Final = 11
_SIGNAL_COMMANDS: Final = (fcntl.F_SETOWN, fcntl.F_GETOWN, _F_SETSIG, _F_GETSIG)
_F_SETOWN_EX: Final = 15
_F_GETOWN_EX: Final = 16
_OWNER_EX: Final = struct.Struct("ii")
"""struct f_owner_ex: kind and number."""
_FIOASYNC: Final = 0x5452
_SET_OWNER: Final = (0x8901, 0x8902)
"""FIOSETOWN, SIOCSPGRP."""
_GET_OWNER: Final = (0x8903, 0x8904)
"""FIOGETOWN, SIOCGPGRP."""
_INT: Final = struct.Struct("i")
_IFCONF: Final = struct.Struct("iL")

_real_fcntl: Final[Callable[..., Any]] = fcntl.fcntl
_real_ioctl: Final[Callable[..., Any]] = fcntl.ioctl
_real_flock: Final[Callable[..., Any]] = fcntl.flock
_real_lockf: Final[Callable[..., Any]] = fcntl.lockf


def duplicate_real(fd: int) -> int:
    """Another descriptor of a real file, out of the way of simulated ones, and nobody's yet. Raises
    OSError."""
    return int(_real_fcntl(fd, fcntl.F_DUPFD_CLOEXEC, REAL_BASE))


def _fcntl(thread: SimThread, fd: Any, cmd: int, arg: Any = 0, /) -> Any:
    number = as_descriptor(fd)
    if is_real(number):
        if cmd in (fcntl.F_DUPFD, fcntl.F_DUPFD_CLOEXEC) and isinstance(arg, int):
            # A duplicate of a real file must not take a number of the process's own.
            return entered(int(_real_fcntl(number, cmd, max(arg, REAL_BASE))))
        return _real_fcntl(number, cmd, arg)
    try:
        file = thread.process.fds.get(number)
        if cmd in (_F_SETOWN_EX, _F_GETOWN_EX):
            return _owner_ex(thread, file, cmd, arg)
        if not isinstance(arg, int):
            raise KernelError(EINVAL)
        if cmd in _SIGNAL_COMMANDS:
            return _signal_control(thread, file, cmd, arg)
        return _control(thread.process, number, file, cmd, arg)
    except KernelError as error:
        raise os_error(error) from None


def _owner_ex(thread: SimThread, file: File, cmd: int, arg: Any) -> bytes:
    """F_SETOWN_EX and F_GETOWN_EX, which take and give a struct. EFAULT for what is none."""
    if isinstance(arg, int) or len(arg) < _OWNER_EX.size:
        raise KernelError(EFAULT)
    rest = bytes(arg)[_OWNER_EX.size :]
    if cmd == _F_GETOWN_EX:
        return _OWNER_EX.pack(*get_owner_ex(file)) + rest
    kind, number = _OWNER_EX.unpack_from(arg)
    set_owner_ex(thread, file, kind, number)
    return bytes(arg)


def _signal_control(thread: SimThread, file: File, cmd: int, arg: int) -> int:
    if cmd == fcntl.F_SETOWN:
        set_owner(thread, file, arg)
    elif cmd == _F_SETSIG:
        set_signal(thread, file, arg)
    elif cmd == _F_GETSIG:
        return get_signal(file)
    else:
        owner = get_owner(file)
        if owner < 0:
            # CPython takes a process group for an error.
            raise OSError(0, "Error")
        return owner
    return 0


def _control(process: Process, fd: int, file: File, cmd: int, arg: int) -> int:
    fds = process.fds
    if cmd in (fcntl.F_DUPFD, fcntl.F_DUPFD_CLOEXEC):
        return given(process, fds.dup(fd, arg, cmd == fcntl.F_DUPFD_CLOEXEC))
    if cmd == fcntl.F_GETFD:
        return fcntl.FD_CLOEXEC if fds.cloexec(fd) else 0
    if cmd == fcntl.F_SETFD:
        fds.set_cloexec(fd, arg & fcntl.FD_CLOEXEC != 0)
        return 0
    if cmd == fcntl.F_GETFL:
        return file.flags
    if cmd == fcntl.F_SETFL:
        file.set_status_flags(arg)
        return 0
    if cmd in (fcntl.F_GETPIPE_SZ, fcntl.F_SETPIPE_SZ):
        if not isinstance(file, PipeEnd):
            raise KernelError(EBADF)
        if cmd == fcntl.F_GETPIPE_SZ:
            return file.size()
        return file.set_size(arg, process.capable(CAP_SYS_RESOURCE))
    raise KernelError(EINVAL)


def _ioctl(thread: SimThread, fd: Any, request: int, arg: Any = 0, mutate_flag: bool = True, /) -> Any:
    number = as_descriptor(fd)
    if is_real(number):
        return _real_ioctl(number, request, arg, mutate_flag)
    settle(thread)
    try:
        file = thread.process.fds.get(number)
        thread.process.kernel.caller = thread.process
        request &= 0xFFFFFFFF
        if request in (FIOCLEX, FIONCLEX):
            thread.process.fds.set_cloexec(number, request == FIOCLEX)
            return 0
        if isinstance(arg, int):
            if request == FIONBIO or request in _INT_RESULTS:
                # Their argument is a pointer.
                raise KernelError(EFAULT)
            return file.ioctl(request, arg)
        if isinstance(arg, str):
            arg = arg.encode()
        if request == SIOCGIFCONF and isinstance(file, Socket):
            return _configuration(file, arg, mutate_flag)
        if request == _FIOASYNC or (request in _SET_OWNER + _GET_OWNER and isinstance(file, Socket)):
            return _signal_ioctl(thread, file, request, arg, mutate_flag)
        return _ioctl_buffer(file, request, arg, mutate_flag)
    except KernelError as error:
        raise os_error(error) from None


def _configuration(file: Socket, arg: Any, mutate: bool) -> Any:
    """SIOCGIFCONF: struct ifconf points to the memory to fill, or to nothing to ask for its length."""
    view = memoryview(arg).cast("B")
    if len(view) < _IFCONF.size:
        raise KernelError(EFAULT)
    length, pointer = _IFCONF.unpack_from(view)
    found = interface_configuration(file.kernel.stack)
    if pointer:
        found = found[: max(length, 0) // IFREQ_LENGTH * IFREQ_LENGTH]
        ctypes.memmove(pointer, found, len(found))
    answer = _IFCONF.pack(len(found), pointer) + bytes(view[_IFCONF.size :])
    if view.readonly or not mutate:
        return answer
    view[:] = answer
    return 0


def _signal_ioctl(thread: SimThread, file: File, request: int, arg: Any, mutate: bool) -> Any:
    view = memoryview(arg).cast("B")
    data = bytes(view).ljust(_INT.size, b"\0")
    number = _INT.unpack_from(data)[0]
    if request == _FIOASYNC:
        file.set_status_flags(file.flags | O_ASYNC if number else file.flags & ~O_ASYNC)
    elif request in _SET_OWNER:
        set_owner(thread, file, number)
    else:
        data = _INT.pack(get_owner(file)) + data[_INT.size :]
    if view.readonly or not mutate:
        return data[: len(view)]
    view[:] = data[: len(view)]
    return 0


def _ioctl_buffer(file: File, request: int, arg: Any, mutate: bool) -> Any:
    view = memoryview(arg).cast("B")
    data = bytes(view)
    if request in _INT_RESULTS or request == FIONBIO:
        if len(data) < _INT.size:
            data = data.ljust(_INT.size, b"\0")
        result = file.ioctl(request, _INT.unpack_from(data)[0])
        if request in _INT_RESULTS:
            data = _INT.pack(result) + data[_INT.size :]
    else:
        data = file.ioctl_buffer(request, data)
    if view.readonly or not mutate:
        return data[: len(view)]
    view[:] = data[: len(view)]
    return 0


def _flock(thread: SimThread, fd: Any, operation: int, /) -> None:
    number = as_descriptor(fd)
    if is_real(number):
        _real_flock(number, operation)
    else:
        _no_locks(thread, number)


def _lockf(thread: SimThread, fd: Any, cmd: int, len: int = 0, start: int = 0, whence: int = 0, /) -> Any:
    number = as_descriptor(fd)
    if is_real(number):
        return _real_lockf(number, cmd, len, start, whence)
    return _no_locks(thread, number)


def _no_locks(thread: SimThread, fd: int) -> None:
    try:
        thread.process.fds.get(fd)
        raise KernelError(EINVAL)
    except KernelError as error:
        raise os_error(error) from None


def install() -> None:
    """Replace what ``fcntl`` has."""
    dispatch_number(fcntl, "fcntl", _fcntl)
    dispatch_number(fcntl, "ioctl", _ioctl)
    dispatch_number(fcntl, "flock", _flock)
    dispatch_number(fcntl, "lockf", _lockf)
