"""SO_ATTACH_FILTER and its kin (Linux ``sk_attach_filter``, ``reuseport_attach_prog``)."""

from __future__ import annotations

from errno import EBADF, EINVAL, ENOENT, EPERM
from typing import TYPE_CHECKING, Final

from ..stack.bpf import BpfProgram
from ..stack.bpf_check import INSTRUCTION_LENGTH, instructions_of, parse_program
from .error import KernelError
from .layout import read_int
from .sockopt import (
    SO_ATTACH_BPF,
    SO_ATTACH_FILTER,
    SO_ATTACH_REUSEPORT_CBPF,
    SO_ATTACH_REUSEPORT_EBPF,
    SO_DETACH_FILTER,
    SO_DETACH_REUSEPORT_BPF,
    SO_LOCK_FILTER,
)

if TYPE_CHECKING:
    from .socket import Socket

FILTER_OPTIONS: Final = (
    SO_ATTACH_FILTER,
    SO_DETACH_FILTER,
    SO_LOCK_FILTER,
    SO_ATTACH_BPF,
    SO_ATTACH_REUSEPORT_CBPF,
    SO_ATTACH_REUSEPORT_EBPF,
    SO_DETACH_REUSEPORT_BPF,
)

PROGRAM_OPTIONS: Final = (SO_ATTACH_FILTER, SO_ATTACH_REUSEPORT_CBPF)
"""Options whose value is a struct sock_fprog in Linux. Here it is the instructions that points to: the
caller of the kernel, who knows the program's memory, has read them."""


def set_filter_option(socket: Socket, name: int, value: bytes) -> None:
    """Set one of FILTER_OPTIONS. EPERM if the filter is locked, EINVAL, ENOENT, EBADF."""
    if name == SO_LOCK_FILTER:
        on = read_int(value) != 0
        if socket.filter_locked and not on:
            raise KernelError(EPERM, "the filter is locked")
        socket.filter_locked = on
    elif name == SO_DETACH_REUSEPORT_BPF:
        read_int(value)
        socket.set_chooser(None)
    elif name == SO_ATTACH_REUSEPORT_CBPF:
        socket.set_chooser(_program(socket, value))
    elif name == SO_ATTACH_FILTER:
        _set(socket, _program(socket, value))
    elif name == SO_DETACH_FILTER:
        read_int(value)
        _check_unlocked(socket)
        if socket.filter is None:
            raise KernelError(ENOENT)
        _set(socket, None)
    else:
        if len(value) != 4:
            raise KernelError(EINVAL)
        _check_unlocked(socket)
        # bpf(2) is not simulated, so no descriptor is a program's.
        raise KernelError(EINVAL if socket.caller().fds.has(read_int(value)) else EBADF)


def get_filter(socket: Socket, length: int) -> bytes:
    """SO_GET_FILTER: ``length`` and that of the answer count instructions, not bytes, so a caller that
    does not know sees the first few. Raises EINVAL if there are more of them."""
    if socket.filter is None:
        return b""
    instructions = instructions_of(socket.filter)
    count = len(instructions) // INSTRUCTION_LENGTH
    if length < count:
        raise KernelError(EINVAL)
    return instructions[:count]


def _check_unlocked(socket: Socket) -> None:
    if socket.filter_locked:
        raise KernelError(EPERM, "the filter is locked")


def _program(socket: Socket, instructions: bytes) -> BpfProgram:
    _check_unlocked(socket)
    program = parse_program(instructions)
    if program is None:
        raise KernelError(EINVAL)
    return program


def _set(socket: Socket, program: BpfProgram | None) -> None:
    socket.filter = program
    socket.filter_changed(program)
